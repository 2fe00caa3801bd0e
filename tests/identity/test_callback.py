"""What the browser carries back from the provider, bent: errors, mix-up, replay, and answers of another browser."""

from __future__ import annotations

import pytest

from tests.identity.hostile import query_of
from tests.identity.signing_in import Browser, Door

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_a_refusal_at_the_provider_is_said_plainly(door: Door, leaving: Browser) -> None:
    """`access_denied`: the page says that the sign-in was cancelled or refused, and how to try again."""
    door.provider.callback = {"code": None, "error": "access_denied", "error_description": "<b>because</b>"}
    response = leaving.come_back()
    door.assert_counted(leaving.visitor, response, 403, "access_denied", says="cancelled or refused")
    assert "because" not in response.text, "what a provider describes is not shown"


def test_any_other_error_of_the_provider_is_a_page_too(door: Door) -> None:
    """An error code, known or made up, ends in a readable page; nothing of it is recorded."""
    for error in ("server_error", "login_required", "<script>alert(1)</script>", "", "x" * 5000):
        browser = door.browser()
        door.provider.callback = {"code": None, "error": error}
        response = browser.come_back()
        door.assert_counted(browser.visitor, response, 400, "provider_error", says="answered with an error")
        assert "alert(" not in response.text


@pytest.mark.holds("ASVS-10.2.2", "RFC9700-4.4")
def test_an_answer_of_another_issuer_is_refused_before_its_code_is_used(door: Door) -> None:
    """A wrong `iss`, or none although it was promised: nothing is sent to any token endpoint (RFC 9207)."""
    for iss in ("https://evil.example", "", None, door.provider.issuer.upper(), f"{door.provider.issuer}/"):
        browser = door.browser()
        door.provider.callback = {"iss": iss}
        response = browser.come_back()
        door.assert_counted(browser.visitor, response, 400, "wrong_issuer", says="another identity provider")
        assert "/token" not in door.provider.asked


@pytest.mark.holds("ASVS-10.2.2", "RFC9700-4.4")
def test_a_wrong_issuer_is_refused_also_when_none_was_promised(door: Door) -> None:
    """A provider without RFC 9207 may leave `iss` out; a wrong one is refused all the same."""
    door.provider.metadata = {"authorization_response_iss_parameter_supported": None}
    door.provider.callback = {"iss": None}
    assert door.browser().come_back().status_code == 303
    door.provider.callback = {"iss": "https://evil.example"}
    browser = door.browser()
    response = browser.come_back()
    door.assert_counted(browser.visitor, response, 400, "wrong_issuer", says="another identity provider", sessions=1)


@pytest.mark.holds("ASVS-10.2.1", "RFC9700-4.7")
def test_a_callback_works_once(door: Door, leaving: Browser) -> None:
    """Opening a callback again is refused, also by a browser that kept its cookie, and asks the provider nothing."""
    callback = leaving.callback()
    kept = leaving.visitor.client.get_cookie("context-and-co-5999-sign-in", domain="127.0.0.1", path="/sign-in")
    assert kept and leaving.visitor.get(callback).status_code == 303
    asked = len(door.provider.asked)
    again = door.shop.visitor()
    again.client.set_cookie(kept.key, kept.value, domain="127.0.0.1", path="/sign-in")
    response = again.get(callback)
    door.assert_counted(again, response, 400, "state_refused", says="used already", chain="system", sessions=1)
    assert len(door.provider.asked) == asked


@pytest.mark.holds("ASVS-10.2.1", "RFC9700-4.7")
def test_a_callback_of_another_browser_signs_nobody_in(door: Door, leaving: Browser) -> None:
    """A victim who opens an attacker's callback (login CSRF) is not signed in as the attacker."""
    victim = door.browser().visitor
    response = victim.get(leaving.callback())
    door.assert_counted(victim, response, 400, "state_refused", says="another browser", chain="system")


@pytest.mark.holds("RFC9700-4.7")
def test_a_callback_that_nobody_began_is_refused(door: Door) -> None:
    """Without a state that this browser began with, a callback does nothing at all."""
    for query in ("", "?code=abc", "?state=&code=abc", "?state=guess&code=abc", "?error=access_denied"):
        visitor = door.shop.visitor()
        response = visitor.get(f"/sign-in/callback{query}")
        door.assert_counted(visitor, response, 400, "state_refused", says="Please start again", chain="system")
        assert door.provider.asked == []


def test_an_attempt_ends_after_ten_minutes(door: Door, leaving: Browser) -> None:
    """Who took longer than ten minutes at the provider starts again."""
    callback = leaving.callback()
    door.shop.clock.pass_by(minutes=10, seconds=1)
    response = leaving.visitor.get(callback)
    door.assert_counted(leaving.visitor, response, 400, "state_refused", says="took too long", chain="system")


def test_a_callback_without_a_good_code_is_refused(door: Door) -> None:
    """No code, an empty one or a made-up one: the sign-in could not be completed, and the attempt is used up."""
    for code in (None, "", "guessed"):
        browser = door.browser()
        door.provider.callback = {"code": code}
        callback = browser.callback()
        response = browser.visitor.get(callback)
        door.assert_counted(browser.visitor, response, 400, "code_refused", says="did not accept the answer")
        assert ("/token" in door.provider.asked) == (code == "guessed")


@pytest.mark.holds("ASVS-10.2.1", "RFC9700-2.1.1")
def test_the_code_is_redeemed_with_the_verifier_of_its_own_challenge(door: Door, leaving: Browser) -> None:
    """The token request carries this attempt's verifier (the provider checks it against the challenge) and redirect URI."""
    assert leaving.come_back().status_code == 303
    sent = door.provider.token_request
    assert len(sent["code_verifier"]) >= 43 and sent["redirect_uri"] == query_of(leaving.url)["redirect_uri"]
