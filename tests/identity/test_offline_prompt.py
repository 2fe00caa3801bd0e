"""`offline_access`: `prompt=consent` where the provider needs it to give a refresh token, and what is said when none comes (Core §11)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.wrappers import Request

from shop.identity.offline_access import OfflineAccess
from tests.identity.hostile import CLIENT_ID, SUBJECT, HostileProvider, query_of
from tests.identity.panva import install, panva
from tests.identity.signing_in import Browser, Door
from tests.oauth.looks import rows
from tests.support.assistants import connect
from tests.support.at_once import at_once
from tests.support.people import SOFIA, ShopUnderTest
from tests.support.state import ONE_ENGINE

Open = Callable[..., ShopUnderTest]
OFFLINE = "openid email profile offline_access"


class Reluctant(HostileProvider):
    """A provider that gives refresh tokens only to whoever was asked for consent."""

    def _authorize(self, request: Request) -> Any:
        self.token_answer = {} if request.args.get("prompt") == "consent" else {"refresh_token": None}
        return super()._authorize(request)


@pytest.fixture
def provider(clock: Any) -> Any:
    """Such a provider."""
    provider = Reluctant(clock)
    yield provider
    provider.stop()


@pytest.fixture
def shop(open_shop: Open, provider: HostileProvider) -> ShopUnderTest:
    """A shop that asks it for offline access."""
    return open_shop(provider.issuer, scope=OFFLINE)


def test_the_first_sign_in_goes_back_for_consent_once(door: Door) -> None:
    """Nobody is in before the token came; then the next person is asked for consent from the beginning."""
    browser = door.browser(next_path="/orders")
    assert "prompt" not in query_of(browser.url)
    again = browser.come_back()
    assert again.status_code == 303 and query_of(again.headers["Location"])["prompt"] == "consent"
    assert browser.visitor.get("/sessions").status_code == 302 and rows(door.shop, OfflineAccess) == []
    response = Browser(browser.visitor, door.provider, again.headers["Location"]).come_back()
    assert (response.status_code, response.headers["Location"]) == (303, "/orders")
    assert [kept.subject for kept in rows(door.shop, OfflineAccess)] == [SUBJECT]
    assert query_of(door.browser().url)["prompt"] == "consent"
    assert "offline_access" not in door.shop.chain(door.shop.organization("acme"))[-1].content["facts"]


@ONE_ENGINE
def test_a_provider_that_gives_one_anyway_asks_nobody(open_shop: Open, clock: Any) -> None:
    """No consent page where none is needed; and none where offline access is not wanted at all."""
    generous = HostileProvider(clock)
    try:
        for scope in (OFFLINE, "openid email profile"):
            door = Door(open_shop(generous.issuer, scope=scope), generous)
            door.sign_in()
            assert "prompt" not in query_of(door.browser().url)
    finally:
        generous.stop()


@ONE_ENGINE
def test_the_operator_is_told_when_none_comes_even_then(
    open_shop: Open, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The person comes in; log and record say that they are not asked about again; the next ones are not sent back in vain."""
    miser = HostileProvider(clock, token_answer={"refresh_token": None})
    try:
        door = Door(open_shop(miser.issuer, scope=OFFLINE), miser)
        browser = door.browser()
        again = Browser(browser.visitor, miser, browser.come_back().headers["Location"])
        with caplog.at_level(logging.WARNING):
            assert again.come_back().headers["Location"] == "/"
        assert "gives no refresh token for offline_access that can be used: people of Acme" in caplog.text
        event = door.shop.chain(door.shop.organization("acme"))[-1]
        assert event.name == "sign_in.succeeded" and "not asked about" in event.content["facts"]["offline_access"]
        next_one = door.browser()
        assert "prompt" not in query_of(next_one.url) and next_one.come_back().headers["Location"] == "/"
        reopened = Door(open_shop(miser.issuer, scope=OFFLINE), miser)
        assert "prompt=consent" in reopened.browser().come_back().headers["Location"], "after a start it is tried again"
    finally:
        miser.stop()


def test_first_sign_ins_at_once_do_not_wait_for_each_other_for_ever(open_shop: Open, clock: Any) -> None:
    """Each notes the same of the provider, in its own transaction: all come in, on both engines."""
    miser = HostileProvider(clock, token_answer={"refresh_token": None})
    try:
        door = Door(open_shop(miser.issuer, scope=OFFLINE), miser)
        browsers = [door.browser() for _ in range(3)]
        again = [answer.headers["Location"] for answer in at_once([browser.come_back for browser in browsers])]
        assert again and any(url != "/" for url in again), "whoever is first is sent back once, for consent"
        back = [Browser(one.visitor, miser, url) for one, url in zip(browsers, again, strict=True) if url != "/"]
        landed = [answer.headers["Location"] for answer in at_once([browser.come_back for browser in back])]
        assert landed == ["/"] * len(back)
    finally:
        miser.stop()


@ONE_ENGINE
def test_panvas_provider_gives_one_after_consent(
    open_shop: Open, pytestconfig: pytest.Config, monkeypatch: Any
) -> None:
    """An outside provider that ignores `offline_access` without `prompt=consent`: its people can be asked about."""
    client = {
        "client_id": CLIENT_ID,
        "client_secret": "secret",
        "redirect_uris": ["http://127.0.0.1:5999/sign-in/callback"],
        "grant_types": ["authorization_code", "refresh_token"],
    }
    people = {SUBJECT: {"email": SOFIA, "name": "Sofia Hart", "groups": ["shop-buyers"]}}
    with panva(install(pytestconfig), client, people) as provider:
        shop = open_shop(provider.issuer, scope=f"{OFFLINE} groups")
        monkeypatch.setenv("ACME_CLIENT_SECRET", "secret")
        visitor = shop.visitor()
        again = visitor.get(provider.sign_in(visitor.begin_sign_in(SOFIA), SUBJECT))
        response = visitor.get(provider.sign_in(again.headers["Location"], SUBJECT))
        assert (response.status_code, response.headers["Location"]) == (303, "/"), response.text
        visitor.email = SOFIA
        assistant = connect(visitor, "browse")
        shop.clock.pass_by(minutes=2)
        assert assistant.refresh().status_code == 200
        assert "sign_in.confirmed" in [event.name for event in shop.chain(shop.organization("acme"))]
