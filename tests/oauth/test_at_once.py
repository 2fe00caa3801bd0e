"""Two things at the same moment: whoever ends a token and whoever makes another of it wait for each other, on either engine."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from shop.oauth.grants import pipeline, refresh_token
from tests.oauth.looks import grants, is_alive
from tests.oauth.test_rfc8693_token_exchange import confidential, exchange
from tests.revocation.waiting import PATIENCE, Running, wait_until_blocked
from tests.support.assistants import connect, decide, error_of, registered
from tests.support.at_once import at_once
from tests.support.people import SOFIA, ShopUnderTest
from tests.support.state import chains_hold


class Held:
    """A step of the program that waits, once it is reached, until the test lets it go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, where: object, name: str) -> None:
        self.reached, self.go_on, self._step = threading.Event(), threading.Event(), getattr(where, name)
        monkeypatch.setattr(where, name, self)

    def __call__(self, *arguments: Any) -> Any:
        self.reached.set()
        assert self.go_on.wait(PATIENCE)
        return self._step(*arguments)


def meanwhile(
    shop: ShopUnderTest, held: Held, first: Callable[[], TestResponse], second: Callable[[], TestResponse]
) -> tuple[TestResponse, TestResponse]:
    """Both answers, where the second begins while the first is at its held step, and has to wait for it."""
    running = Running(first)
    assert held.reached.wait(PATIENCE)
    other = Running(second)
    try:
        wait_until_blocked(shop, other)
    finally:
        held.go_on.set()
    return running.result(), other.result()


@pytest.mark.holds("I9", "ASVS-10.4.9")
def test_a_family_does_not_end_while_it_grows(shop: ShopUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 7009 §2.1: a client gives its refresh token back while that is being renewed; nothing that came of it lives on."""
    assistant = connect(shop.sign_in(SOFIA))
    given_back, held = assistant.refresh_token, Held(monkeypatch, refresh_token, "living_principal")
    refreshed, revoked = meanwhile(
        shop, held, assistant.refresh, lambda: assistant.send("/oauth/revoke", token=given_back)
    )
    assert (refreshed.status_code, revoked.status_code) == (200, 200)
    assert not is_alive(shop, assistant.access_token)
    assert error_of(assistant.refresh()) == (400, "invalid_grant")
    assert chains_hold(shop)


@pytest.mark.parametrize("ends", ["access_token", "refresh_token"])
@pytest.mark.holds("I9", "ASVS-10.4.9", "RFC9700-2.2.2")
def test_a_token_does_not_end_while_it_is_exchanged(
    shop: ShopUnderTest, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    """RFC 7009 §2.1, RFC 8693: what it was exchanged for ends with it, or with its family, however late it was added."""
    assistant = confidential(shop).connect(shop.sign_in(SOFIA))
    given_back, presented = getattr(assistant, ends), assistant.access_token
    held = Held(monkeypatch, pipeline, "narrowed")
    exchanged, revoked = meanwhile(
        shop, held, lambda: exchange(assistant), lambda: assistant.send("/oauth/revoke", token=given_back)
    )
    assert (exchanged.status_code, revoked.status_code) == (200, 200)
    assert not is_alive(shop, exchanged.get_json()["access_token"]) and not is_alive(shop, presented)


def test_refreshing_exchanging_and_giving_back_at_once_never_hang(shop: ShopUnderTest) -> None:
    """Each locks from the organization downwards, and the family before its tokens: nobody waits for somebody who waits."""
    assistant = confidential(shop).connect(shop.sign_in(SOFIA), "browse", "read")
    access_token, renewing = assistant.access_token, assistant.refresh_token
    answers = at_once(
        [
            *[lambda: exchange(assistant, subject_token=access_token)] * 3,
            lambda: assistant.token(grant_type="refresh_token", refresh_token=renewing),
            lambda: assistant.send("/oauth/revoke", token=access_token),
            lambda: assistant.send("/oauth/revoke", token=renewing),
        ]
    )
    assert {answer.status_code for answer in answers} <= {200, 400}, [answer.text for answer in answers]
    given = [answer.get_json().get("access_token") for answer in answers]
    assert not any(is_alive(shop, token) for token in [access_token, *filter(None, given)])
    assert chains_hold(shop)


@pytest.mark.holds("M1")
def test_a_question_is_answered_once_however_often_it_is_sent(shop: ShopUnderTest) -> None:
    """A double click, or a form that comes four times at once: one code, one grant; the rest are told that it is closed."""
    sofia, assistant = shop.sign_in(SOFIA), registered(shop)
    page = assistant.open(sofia, "browse")
    browsers = [shop.visitor() for _ in range(4)]
    for browser in browsers:
        browser.email = SOFIA
        for cookie in (sofia.client._cookies or {}).values():
            browser.client.set_cookie(cookie.key, cookie.value, domain=cookie.domain)
    answers = at_once([lambda browser=browser: decide(browser, page) for browser in browsers])  # type: ignore[misc]
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]
    assert len(grants(shop, assistant.client_id)) == 1 and chains_hold(shop)
