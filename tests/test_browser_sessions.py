"""Browser sessions and protection against forged requests: tokens, cookies, ends."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import func, select

from shop.audit.chain import AuditEvent
from shop.credentials.ledger import Authority
from shop.credentials.sessions import SignedInSession
from tests.support.people import GIL, NOAH, SOFIA, ShopUnderTest, Visitor
from tests.support.providers import BASE_URL

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

COOKIE = "context-and-co-5999"


def events(shop: ShopUnderTest) -> int:
    """How many audit events there are."""
    with shop.database.read() as db:
        return db.scalar(select(func.count()).select_from(AuditEvent)) or 0


def cookie(visitor: Visitor) -> str:
    """The value of the browser's session cookie."""
    found = visitor.client.get_cookie(COOKIE, domain="127.0.0.1")
    assert found
    return found.value


def with_cookie(shop: ShopUnderTest, value: str) -> Visitor:
    """Another browser that holds the same cookie."""
    visitor = shop.visitor()
    visitor.client.set_cookie(COOKIE, value, domain="127.0.0.1")
    return visitor


def is_signed_in(visitor: Visitor) -> bool:
    """Whether the server takes this browser for somebody's."""
    return visitor.get("/sessions").status_code == 200


@pytest.mark.holds("ASVS-7.2.2", "ASVS-7.2.4")
def test_a_sign_in_makes_a_new_token(shop: ShopUnderTest) -> None:
    """A cookie that somebody planted before the sign-in is worth nothing after it, nor does anything in it survive."""
    visitor = shop.visitor()
    visitor.get("/sign-in")
    planted = cookie(visitor)
    with visitor.client.session_transaction(base_url=BASE_URL) as session:
        session["planted"] = "yes"
    visitor.sign_in(SOFIA)
    assert not is_signed_in(with_cookie(shop, planted))
    with visitor.client.session_transaction(base_url=BASE_URL) as session:
        assert "planted" not in session and len(session["_user_id"]) >= 43


@pytest.mark.holds("ASVS-7.2.4")
@pytest.mark.parametrize("again_as", [SOFIA, NOAH])
def test_signing_in_again_ends_the_session_before(shop: ShopUnderTest, again_as: str) -> None:
    """Who signs in anew in the same browser, as themselves or as somebody else, leaves no living session behind."""
    visitor = shop.sign_in(SOFIA)
    old, session = cookie(visitor), visitor.principal().session
    visitor.email = ""
    visitor.client.set_cookie(COOKIE, old, domain="127.0.0.1")
    callback = visitor.pick_at_provider(begin_again(visitor, again_as), again_as)
    assert visitor.get(callback).status_code == 303
    assert is_signed_in(visitor) and cookie(visitor) != old
    assert not is_signed_in(with_cookie(shop, old))
    with shop.database.read() as db:
        assert db.get_one(Authority, session).ended_because == "signed_in_again"
    ended = [event for event in shop.chain(shop.organization("acme")) if event.name == "session.revoked"]
    assert [event.content["facts"]["sessions"] for event in ended] == [[session]]


def begin_again(visitor: Visitor, email: str) -> str:
    """Give the e-mail although already signed in, as a second tab with the sign-in page can."""
    page = visitor.get("/sessions")
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert token
    form = {"email": email, "next": "/", "csrf_token": token.group(1)}
    response = visitor.client.post("/sign-in", base_url=BASE_URL, data=form, headers={"Referer": BASE_URL})
    found = re.search(r'content="0;\s*url=([^"]+)"', response.text, re.I)
    assert found, response.text
    return found.group(1).replace("&amp;", "&")


@pytest.mark.parametrize(("base_url", "secure"), [("http://127.0.0.1:5999", False), ("https://shop.example", True)])
def test_the_cookie_is_for_the_server_only(
    build_shop: Callable[..., ShopUnderTest], base_url: str, secure: bool
) -> None:
    """HttpOnly, SameSite=Lax, and Secure wherever the shop is on https; never for another host or path."""
    shop = build_shop(base_url=base_url)
    response = shop.visitor().client.get("/sign-in", base_url=base_url)
    (header,) = response.headers.getlist("Set-Cookie")
    attributes = {part.strip() for part in header.split(";")[1:]}
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= attributes
    assert ("Secure" in attributes) is secure
    assert not any(attribute.startswith("Domain") for attribute in attributes)
    assert ("Strict-Transport-Security" in response.headers) is secure


@pytest.mark.holds("ASVS-7.2.1")
def test_a_cookie_that_the_shop_did_not_sign_is_nobody(shop: ShopUnderTest) -> None:
    """A cookie that was changed, or signed with another key, is a visitor's; so is a signed one with a made-up token."""
    sofia = shop.sign_in(SOFIA)
    body, _, signature = cookie(sofia).rpartition(".")
    other = Flask("other")
    other.secret_key = "another key"
    serializer = other.session_interface.get_signing_serializer(other)  # type: ignore[attr-defined]
    ours = shop.app.session_interface.get_signing_serializer(shop.app)
    with sofia.client.session_transaction(base_url=BASE_URL) as session:
        kept = dict(session)
    for value in (
        f"{body}.{signature[::-1]}",
        f"x{body}.{signature}",
        body,
        "",
        serializer.dumps(kept),
        ours.dumps(kept | {"_user_id": "made up"}),
        ours.dumps(kept | {"_user_id": sofia.principal().session}),
        ours.dumps(kept | {"_user_id": sofia.principal().subject}),
    ):
        assert not is_signed_in(with_cookie(shop, value)), value
    assert is_signed_in(with_cookie(shop, ours.dumps(kept)))


def test_a_forged_request_does_nothing(shop: ShopUnderTest) -> None:
    """Without the page's token, or with a wrong one or somebody else's, a POST is a 400 page and nothing is done."""
    sofia, noah = shop.sign_in(SOFIA), shop.sign_in(NOAH)
    theirs, before = noah.csrf_token(), events(shop)
    form = {"sku": "long-context-hoodie-black-l", "quantity": "1"}
    for forged in ({}, {"csrf_token": ""}, {"csrf_token": "wrong"}, {"csrf_token": theirs}):
        for path in ("/cart/add", "/sign-out", "/sessions/end-all"):
            response = sofia.client.post(path, base_url=BASE_URL, data=form | forged, headers={"Referer": BASE_URL})
            assert response.status_code == 400 and "Reload it and try again" in response.text
        stale = sofia.client.post("/sign-in", base_url=BASE_URL, data=form | forged, headers={"Referer": BASE_URL})
        assert (stale.status_code, stale.headers["Location"]) == (303, "/"), "who is signed in already begins nothing"
    notice = sofia.client.post("/assistant/", base_url=BASE_URL, data={"message": "hello"})
    assert notice.status_code == 400 and "<html" not in notice.text
    refused = [event for event in shop.chain(shop.organization("acme")) if event.name == "access.denied"]
    assert refused and events(shop) == before + len(refused), "recorded, and nothing done"
    assert is_signed_in(sofia)
    assert shop.gateway.enquiries.items_in_cart(sofia.principal()) == 0
    assert sofia.post("/cart/add", **form).status_code == 303


@pytest.mark.holds("ASVS-7.5.2", "ASVS-7.4.3")
def test_people_see_and_end_their_sessions(shop: ShopUnderTest) -> None:
    """The list names each browser and marks this one; ending another one ends it on the server, and only that one."""
    here, phone = shop.sign_in(SOFIA), shop.visitor()
    phone.client.environ_base["HTTP_USER_AGENT"] = "Mozilla/5.0 (iPhone) Version/18.0 Safari/604.1"
    phone.sign_in(SOFIA)
    there = phone.principal().session
    page = here.get("/sessions").text
    assert "Safari on iOS" in page and page.count("this one") == 1 and page.count('/end"') == 2
    response = here.post(f"/sessions/{there}/end")
    assert (response.status_code, response.headers["Location"]) == (303, "/sessions")
    assert is_signed_in(here) and not is_signed_in(phone)
    assert "You ended this session from another one." in phone.get("/sign-in").text
    assert "Safari on iOS" not in here.get("/sessions").text
    event = [one for one in shop.chain(shop.organization("acme")) if one.name != "access.denied"][-1]
    assert event.name == "session.revoked" and event.content["facts"]["sessions"] == [there]


@pytest.mark.holds("ASVS-7.4.3")
def test_signing_out_everywhere_leaves_no_session(shop: ShopUnderTest) -> None:
    """One press ends every session of the person, and nobody else's."""
    browsers, noah = [shop.sign_in(SOFIA) for _ in range(3)], shop.sign_in(NOAH)
    response = browsers[1].post("/sessions/end-all")
    assert response.status_code == 200 and "signed out everywhere" in response.text
    assert [is_signed_in(browser) for browser in browsers] == [False, False, False]
    assert is_signed_in(noah)


@pytest.mark.holds("ASVS-7.5.2")
def test_nobody_ends_a_session_of_somebody_else(shop: ShopUnderTest) -> None:
    """A colleague's session, another organization's, and one that never was are the same 404."""
    sofia, noah, gil = shop.sign_in(SOFIA), shop.sign_in(NOAH), shop.sign_in(GIL)
    targets = (noah.principal().session, gil.principal().session, "ses_none", noah.principal().membership)
    pages = {sofia.post(f"/sessions/{target}/end").text for target in targets}
    assert len({re.sub(r'csrf_token" value="[^"]+"', "", page) for page in pages}) == 1
    assert sofia.post("/sessions/ses_none/end").status_code == 404
    assert is_signed_in(noah) and is_signed_in(gil)


@pytest.mark.holds("ASVS-7.4.1")
def test_the_old_cookie_is_dead_after_a_sign_out(shop: ShopUnderTest) -> None:
    """Signing out ends the session on the server: a kept copy of the cookie opens nothing, and is told why."""
    visitor = shop.sign_in(SOFIA)
    kept = cookie(visitor)
    assert "You are signed out here." in visitor.post("/sign-out").text
    thief = with_cookie(shop, kept)
    assert not is_signed_in(thief)
    assert "You signed out in this browser." in thief.get("/sign-in").text
    with shop.database.read() as db:
        session = db.scalars(select(SignedInSession)).one()
        assert db.get_one(Authority, session.id).ended_because == "signed_out"
    recorded = [str(event.name) for event in shop.chain(shop.organization("acme"))]
    assert recorded[recorded.index("session.signed_out") + 1 :] == ["access.denied"], "the thief's try is on record"
