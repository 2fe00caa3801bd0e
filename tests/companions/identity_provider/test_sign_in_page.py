"""The picker: what it shows, to whom it belongs, and the presenter code in front of it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from shop.companions.identity_provider import Directory
from tests.companions.identity_provider.relying import CALLBACK, NOAH, SEED, SOFIA, Clock, Relying, answer, text_of

CODE = "stage-light"


def test_it_says_that_it_is_a_demo_and_shows_everybody_with_what_they_cannot_do(relying: Relying) -> None:
    """One card, a submit button, for each person of the directory."""
    page = relying.browser.get(relying.picker())
    words = text_of(page)
    assert "Demo identity provider: no passwords, pick who you are." in words
    people = Directory.load(SEED / "acme.toml").people
    assert len(people) == page.text.count('<button class="card') == 7
    for person in people:
        assert f'value="{person.sub}"' in page.text
        assert person.name in words
        assert person.role in words


def test_the_login_hint_marks_its_card_whatever_its_capitals(relying: Relying) -> None:
    """That card has the focus, so that Enter is enough."""
    page = relying.browser.get(relying.picker(login_hint="Sofia.Hart@ACME.example ")).text
    [card] = re.findall(r'<button class="card hinted"[^>]*>', page)
    assert f'value="{SOFIA}"' in card
    assert "autofocus" in card


def test_an_unknown_login_hint_is_said_and_escaped(relying: Relying) -> None:
    """The hint comes from outside; it is text and nothing else."""
    page = relying.browser.get(relying.picker(login_hint="<script>x</script>")).text
    assert "Nobody here has the address" in page
    assert "<script>x" not in page


def test_a_request_belongs_to_the_browser_that_began_it(relying: Relying) -> None:
    """Somebody else's link to the picker neither shows, signs in nor cancels (RFC 9700 §4.7)."""
    picker = relying.picker()
    stranger = relying.app.test_client()
    assert stranger.get(picker).status_code == 400
    assert stranger.post(picker, data={"person": SOFIA}).status_code == 400
    assert stranger.get(f"{picker}/cancel").status_code == 400
    stranger.get("/authorize", query_string=relying.authorize().request.args)
    assert stranger.post(picker, data={"person": SOFIA}).status_code == 400, "a browser cookie of its own is no help"
    assert "code" in answer(relying.browser.post(picker, data={"person": SOFIA}))


def test_a_request_is_answered_once_and_not_after_ten_minutes(relying: Relying, clock: Clock) -> None:
    """Then a page says what happened and what to do."""
    answered, late = relying.picker(), relying.picker()
    assert relying.browser.post(answered, data={"person": SOFIA}).status_code == 303
    again = relying.browser.post(answered, data={"person": NOAH})
    assert again.status_code == 400
    assert "sign in again" in text_of(again)
    clock.move(minutes=10)
    assert relying.browser.get(late).status_code == 400


def test_an_unknown_card_is_refused_and_leaves_the_request_open(relying: Relying) -> None:
    """Nobody signs in as somebody who does not work here."""
    picker = relying.picker()
    assert relying.browser.post(picker, data={"person": "globex-0207"}).status_code == 400
    assert relying.browser.post(picker, data={}).status_code == 400
    assert relying.browser.get(picker).status_code == 200


def test_pages_forbid_inline_code_and_framing_and_lead_only_to_the_client(relying: Relying) -> None:
    """The strict policy, with the redirect's origin in `form-action`, and no inline style or script to need more."""
    page = relying.browser.get(relying.picker())
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self' http://127.0.0.1:5000;" in policy
    assert "unsafe" not in policy
    assert not re.search(r"\sstyle=|<style|\son\w+=|<script>", page.text)
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["X-Frame-Options"] == "DENY"


def test_cookies_are_this_providers_own_and_hidden_from_scripts(relying: Relying) -> None:
    """Cookies ignore ports: the name carries organization and port."""
    started = relying.authorize()
    picked = relying.browser.post(started.location, data={"person": SOFIA})
    browser, session = started.headers["Set-Cookie"], picked.headers["Set-Cookie"]
    assert browser.startswith("idp_acme_5001_browser=")
    assert session.startswith("idp_acme_5001_session=")
    for cookie in (browser, session):
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert "Secure" not in cookie


def test_behind_tls_cookies_are_secure(start: Callable[..., Relying]) -> None:
    """The issuer says how browsers come here."""
    relying = start(issuer="https://idp.acme.example", presenter_code=CODE)
    assert "Secure" in relying.authorize().headers["Set-Cookie"]


def test_each_company_has_its_colours_and_its_mark(relying: Relying) -> None:
    """From the directory, as a stylesheet and a picture, because the policy forbids inline styles."""
    theme, icon = relying.browser.get("/theme.css"), relying.browser.get("/icon.svg")
    assert theme.mimetype == "text/css"
    assert "--accent:#0b5563" in theme.text
    assert icon.mimetype == "image/svg+xml"
    assert 'fill="#0b5563"' in icon.text


@pytest.mark.parametrize("path", ["/", "/nowhere", "/token"])
def test_every_page_is_a_page_of_the_company(relying: Relying, path: str) -> None:
    """Somebody who comes by hand, or by a wrong link, sees where they are."""
    assert "· Acme</title>" in relying.browser.get(path).text


def test_health_says_whose_provider_it_is(relying: Relying) -> None:
    """So that the starter can tell two providers apart."""
    assert relying.browser.get("/healthz").get_json() == {"status": "ok", "provider": "acme"}


class TestPresenterCode:
    """Where others can reach the provider, its picker asks for the presenter code."""

    @pytest.fixture
    def guarded(self, start: Callable[..., Relying]) -> Relying:
        return start(presenter_code=CODE, host="0.0.0.0")

    def test_without_it_nobody_sees_or_picks_a_card(self, guarded: Relying) -> None:
        """A post that skips the question leads back to the question."""
        picker = guarded.picker()
        page = guarded.browser.get(picker)
        assert "Presenter code" in page.text
        assert "Sofia" not in page.text
        response = guarded.browser.post(picker, data={"person": SOFIA, "presenter_code": CODE})
        assert (response.status_code, response.location) == (303, picker)

    def test_with_it_the_sign_in_goes_on(self, guarded: Relying) -> None:
        """It opens this request, in this browser."""
        picker, other = guarded.picker(), guarded.picker()
        wrong = guarded.browser.post(f"{picker}/presenter-code", data={"presenter_code": "stage-dark"})
        assert wrong.status_code == 403
        assert "not the presenter code" in text_of(wrong)
        guarded.browser.post(f"{picker}/presenter-code", data={"presenter_code": CODE})
        assert "Sofia" not in guarded.browser.get(other).text
        response = guarded.browser.post(picker, data={"person": SOFIA})
        assert response.location.startswith(f"{CALLBACK}?code=")

    def test_tries_are_limited_by_address_and_come_back(self, guarded: Relying, clock: Clock) -> None:
        """After five wrong ones even the right one is refused, until ten minutes later; others are not locked out."""
        picker = guarded.picker()

        def attempt(code: str, address: str = "192.0.2.1") -> int:
            return guarded.browser.post(
                f"{picker}/presenter-code",
                data={"presenter_code": code},
                environ_overrides={"REMOTE_ADDR": address},
            ).status_code

        assert [attempt("wrong") for _ in range(5)] == [403] * 5
        assert attempt(CODE) == 429
        assert attempt("wrong", "192.0.2.2") == 403
        clock.move(minutes=10)
        picker = guarded.picker()
        assert attempt(CODE) == 303

    def test_changing_addresses_does_not_help_a_guesser(self, start: Callable[..., Relying]) -> None:
        """All addresses together have a limit too."""
        guarded = start(presenter_code=CODE, presenter_tries_in_all=7)
        picker = guarded.picker()
        statuses = [
            guarded.browser.post(
                f"{picker}/presenter-code",
                data={"presenter_code": "wrong"},
                environ_overrides={"REMOTE_ADDR": f"192.0.2.{number}"},
            ).status_code
            for number in range(8)
        ]
        assert statuses == [403] * 7 + [429]
