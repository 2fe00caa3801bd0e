"""Secrets stay where they belong: no table, page or log shows one after a whole story (invariant I14)."""

from __future__ import annotations

import logging
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.sessions import SecureCookieSessionInterface
from sqlalchemy import select

from shop.database import Base
from shop.identity.models import SignInAttempt
from tests.support.people import ADA, SOFIA, ShopUnderTest, Visitor

Secrets = dict[str, str]

OF_OTHER_PROGRAMS = frozenset({"urllib3.connectionpool", "werkzeug"})
"""Loggers of the test's own requests to the provider, and of the provider's server: here in the same process."""


def cookie_of(visitor: Visitor) -> dict[str, str]:
    """What the browser's signed cookie holds, read with the shop's own key; and the cookie itself."""
    cookie = visitor.client.get_cookie(visitor.shop.app.config["SESSION_COOKIE_NAME"], domain="127.0.0.1")
    assert cookie is not None
    serializer = SecureCookieSessionInterface().get_signing_serializer(visitor.shop.app)
    assert serializer is not None
    content = serializer.loads(cookie.decoded_value)
    return {name: str(value) for name, value in content.items()} | {"cookie": cookie.decoded_value}


def sign_in_and_keep_secrets(visitor: Visitor, email: str) -> Secrets:
    """Sign in step by step, keeping every secret that passes by."""
    away = visitor.begin_sign_in(email)
    with visitor.shop.database.read() as db:
        verifier = db.scalars(select(SignInAttempt.code_verifier)).one()
    name = f"{visitor.shop.app.config['SESSION_COOKIE_NAME']}-sign-in"
    bound = visitor.client.get_cookie(name, domain="127.0.0.1", path="/sign-in")
    assert bound is not None
    browser = bound.decoded_value
    callback = visitor.pick_at_provider(away, email)
    assert visitor.get(callback).status_code == 303
    visitor.email = email
    asked, answered = (parse_qs(urlsplit(url).query) for url in (away, callback))
    assert visitor.shop.visitor().get(callback).status_code == 400, "a replayed callback is refused, and recorded"
    if "_user_id" not in cookie_of(visitor):
        raise AssertionError("a refused replay signs nobody out")
    of_a_form = visitor.csrf_token()  # first: the page with the form is what brings the cookie's
    return {
        "session token": cookie_of(visitor)["_user_id"],
        "cookie": cookie_of(visitor)["cookie"],
        "browser binding": browser,
        "state": asked["state"][0],
        "nonce": asked["nonce"][0],
        "code": answered["code"][0],
        "code verifier": verifier,
        "csrf token": cookie_of(visitor)["csrf_token"],
        "csrf token of a form": of_a_form,
    }


def tell_the_story(sofia: Visitor) -> None:
    """Look, allow, fill the cart, order with a confirmation, be refused something, sign out everywhere."""
    sofia.say("black hoodies under 60, in L")
    sofia.say("add the second one")
    sofia.allow(sofia.latest_call("add_to_cart").id)
    sofia.say("check out")
    stopped = sofia.latest_call("place_order").outcome or {}
    assert "CC-" in sofia.confirm(stopped["receipt"]).html
    sofia.say("show me order CC-GB4X21")
    sofia.post("/sessions/end-all")


def dump(shop: ShopUnderTest) -> dict[str, str]:
    """Every column of every table, as text."""
    with shop.database.read() as db:
        return {
            str(column): "\n".join(str(value) for value in db.scalars(select(column)))
            for table in Base.metadata.sorted_tables
            for column in table.columns
        }


@pytest.mark.holds("I14", "NHI2")
def test_no_secret_of_a_story_is_in_a_table_a_page_or_a_log(
    shop: ShopUnderTest, caplog: pytest.LogCaptureFixture
) -> None:
    """After a whole story, a replay and a refusal, what was secret is nowhere but in the browser and at the provider."""
    caplog.set_level(logging.DEBUG)
    sofia = shop.visitor()
    secrets = sign_in_and_keep_secrets(sofia, SOFIA)
    tell_the_story(sofia)
    for slug in ("acme", "globex"):
        secrets[f"client secret of {slug}"] = shop.services.settings.read_secret(f"file:{slug}.client_secret")
    secrets["secret key"] = shop.services.settings.secret_key
    tables = dump(shop)
    assert "sofia.hart@acme.example" in tables["people.email"]
    found = {(name, column) for name, secret in secrets.items() for column, text in tables.items() if secret in text}
    assert found == set()
    logged = "\n".join(entry.getMessage() for entry in caplog.records if entry.name not in OF_OTHER_PROGRAMS)
    assert [name for name, secret in secrets.items() if secret in logged] == []

    ada = shop.sign_in(ADA)
    pages = [ada.get(f"/audit/conversations/{sofia.conversation}"), ada.get("/audit/organization")]
    assert [page.status_code for page in pages] == [200, 200]
    assert [name for name, secret in secrets.items() for page in pages if secret in page.text] == []


@pytest.mark.holds("I14", "NHI2")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_events_of_a_story_name_credentials_by_their_handles_only(shop: ShopUnderTest) -> None:
    """Events say which session and delegation it was; no value in them is long and random enough to be a token."""
    sofia = shop.sign_in(SOFIA)
    tell_the_story(sofia)
    token = cookie_of(shop.sign_in(SOFIA))["_user_id"]
    for chain in (str(sofia.conversation), shop.organization("acme"), "system"):
        for event in shop.chain(chain):
            for text in _texts({"content": event.content, "personal": event.personal}):
                assert len(text) != len(token) or " " in text or text.isalpha(), text
                assert not any(word in text for word in ("Bearer ", "eyJ", "csrf"))


def _texts(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for part in value.values() for text in _texts(part)]
    if isinstance(value, list):
        return [text for part in value for text in _texts(part)]
    return [value] if isinstance(value, str) else []
