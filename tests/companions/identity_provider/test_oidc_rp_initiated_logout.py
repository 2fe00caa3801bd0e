"""OpenID Connect RP-Initiated Logout 1.0: who can end a session, and where the browser goes then."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.companions.identity_provider.relying import HOME, NOAH, SOFIA, Clock, Relying, answer, stays_here, text_of


def is_signed_in(relying: Relying) -> bool:
    return "code" in answer(relying.authorize(prompt="none"))


def test_with_the_sessions_id_token_sign_out_happens_at_once(relying: Relying, clock: Clock) -> None:
    """§2: an old token is a good hint. The browser returns with `state`; access tokens end with the session."""
    tokens = relying.tokens()
    clock.move(minutes=6)
    assert relying.userinfo(tokens["access_token"]).status_code == 200
    response = relying.browser.get(
        "/end-session",
        query_string={"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": HOME, "state": "s-2"},
    )
    assert (response.status_code, response.location) == (303, f"{HOME}?state=s-2")
    assert not is_signed_in(relying)
    assert relying.userinfo(tokens["access_token"]).status_code == 401


def test_without_a_hint_the_person_is_asked_on_a_page_of_the_provider(relying: Relying) -> None:
    """§2: otherwise any site could sign people out with a link."""
    relying.sign_in()
    query = {"client_id": "context-and-co", "post_logout_redirect_uri": HOME, "state": "s-2"}
    page = relying.browser.get("/end-session", query_string=query)
    assert "Sign out of Acme?" in text_of(page)
    assert is_signed_in(relying)
    form = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.text))
    response = relying.browser.post("/end-session/confirm", data=form)
    assert (response.status_code, response.location) == (303, f"{HOME}?state=s-2")
    assert not is_signed_in(relying)


def test_a_confirmation_that_did_not_come_from_that_page_is_refused(relying: Relying) -> None:
    """Another port on the same host is the same site, so its posts carry the cookie."""
    relying.sign_in()
    assert relying.browser.post("/end-session/confirm", data={"proof": "guess"}).status_code == 400
    assert is_signed_in(relying)


def test_a_confirmation_leads_to_registered_addresses_only(relying: Relying) -> None:
    """The form's hidden field is input like any other (RFC 9700 §4.11)."""
    response = relying.browser.post("/end-session/confirm", data={"post_logout_redirect_uri": "https://evil.example/"})
    assert stays_here(response, 200)


def test_an_unregistered_return_address_is_a_page_and_signs_nobody_out(relying: Relying) -> None:
    """§3: never an open redirect."""
    token = relying.tokens()["id_token"]
    response = relying.browser.get(
        "/end-session", query_string={"id_token_hint": token, "post_logout_redirect_uri": "https://evil.example/"}
    )
    assert stays_here(response, 400)
    assert is_signed_in(relying)


def test_a_return_address_without_a_client_is_refused(relying: Relying) -> None:
    """§3: nobody knows whose it is."""
    assert relying.browser.get("/end-session", query_string={"post_logout_redirect_uri": HOME}).status_code == 400


def test_a_hint_of_an_earlier_session_does_not_end_the_present_one(relying: Relying) -> None:
    """Somebody else signed in since: they are asked."""
    sofia = relying.tokens(SOFIA)["id_token"]
    relying.sign_in(NOAH)
    page = relying.browser.get("/end-session", query_string={"id_token_hint": sofia})
    assert "signed in here as Noah Lind" in text_of(page)
    assert is_signed_in(relying)


def test_a_forged_hint_counts_as_none(relying: Relying) -> None:
    """Only what this provider's key signed is a hint."""
    token = relying.tokens()["id_token"]
    forged = token[:-8] + ("A" * 8 if not token.endswith("A" * 8) else "B" * 8)
    page = relying.browser.get("/end-session", query_string={"id_token_hint": forged})
    assert "Sign out of Acme?" in text_of(page)
    assert is_signed_in(relying)


def test_a_hint_issued_to_another_client_than_the_one_that_asks_is_refused(relying: Relying) -> None:
    """§2: `client_id` and the token's audience must agree."""
    token = relying.tokens()["id_token"]
    query = {"id_token_hint": token, "client_id": "other"}
    assert relying.browser.get("/end-session", query_string=query).status_code == 400
    assert is_signed_in(relying)


def test_signing_out_twice_is_as_good_as_once(relying: Relying) -> None:
    """Nobody is signed in: say so, or return."""
    assert "You are signed out" in text_of(relying.browser.get("/end-session"))


def test_a_hint_that_names_another_issuer_counts_as_none(start: Callable[..., Relying]) -> None:
    """The same key under an earlier address is not this provider."""
    before, now = start(issuer="http://127.0.0.1:4999"), start()
    earlier = before.tokens()["id_token"]
    now.sign_in()
    page = now.browser.get("/end-session", query_string={"id_token_hint": earlier})
    assert "Sign out of Acme?" in text_of(page)
    answered = before.authorize(prompt="none")
    assert "code" in answer(answered), "the session that the hint names was left alone"
