"""The people page: administrators only, one's own organization only, and a suspension that acts at once."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from shop.credentials.ledger import Authority
from shop.identity.models import Membership, Person
from tests.support.people import ADA, GIL, INES, MARA, NOAH, SOFIA, TARIQ, ShopUnderTest
from tests.support.state import ONE_ENGINE


def membership_of(shop: ShopUnderTest, email: str) -> str:
    """The id of somebody's membership."""
    with shop.database.read() as db:
        person = db.scalars(select(Person).where(Person.email == email)).one()
        return db.scalars(select(Membership.id).where(Membership.person_id == person.id)).one()


def is_suspended(shop: ShopUnderTest, membership: str) -> bool:
    """Whether a membership is suspended."""
    with shop.database.read() as db:
        return db.get_one(Authority, membership).suspended_at is not None


@pytest.mark.holds("ASVS-8.2.1", "I5")
def test_the_people_page_is_for_administrators(shop: ShopUnderTest) -> None:
    """An administrator sees every member with roles and sessions; anybody else is refused in words, on record."""
    sofia = shop.sign_in(SOFIA)
    for email in (SOFIA, NOAH, MARA, TARIQ, ADA):
        somebody = shop.sign_in(email)
        page = somebody.get("/admin/people/")
        assert page.status_code == 403 and "This page is for administrators" in page.text
        assert 'href="/admin/people/"' not in somebody.get("/").text
        event = shop.chain(shop.organization("acme"))[-1]
        assert event.name == "access.denied" and event.content["subject"] == somebody.principal().subject
    page = shop.sign_in(INES).get("/admin/people/")
    assert page.status_code == 200
    row = re.search(rf'id="person-{membership_of(shop, SOFIA)}".*?</li>', page.text, re.S)
    assert row and SOFIA in row.group() and "buyer" in row.group() and "2 sessions" in row.group()
    assert "globex.example" not in page.text
    assert sofia.get("/sessions").status_code == 200


@pytest.mark.holds("ASVS-8.2.1", "ASVS-8.3.1")
def test_nobody_else_suspends_anybody(shop: ShopUnderTest) -> None:
    """A buyer or an auditor who sends the form by hand changes nothing, and is on record."""
    shop.sign_in(NOAH)
    target = membership_of(shop, NOAH)
    for email in (SOFIA, ADA):
        response = shop.sign_in(email).post(f"/admin/people/{target}/suspend")
        assert response.status_code == 403
        event = shop.chain(shop.organization("acme"))[-1]
        assert event.name == "access.denied" and event.content["decision"]["effect"] == "deny"
    assert not is_suspended(shop, target)


@pytest.mark.holds("ASVS-7.4.2", "ASVS-7.4.5")
def test_a_suspension_acts_at_once(shop: ShopUnderTest) -> None:
    """Every browser of the person is out at its next click and told why; nothing new starts until they are restored."""
    sofia = shop.sign_in(SOFIA)
    sessions = {sofia.principal().session}
    phone, ines, target = shop.sign_in(SOFIA), shop.sign_in(INES), membership_of(shop, SOFIA)
    sessions.add(phone.principal().session)
    response = ines.post(f"/admin/people/{target}/suspend")
    assert (response.status_code, response.headers["Location"]) == (303, "/admin/people/")
    assert is_suspended(shop, target)
    for browser in (sofia, phone):
        assert browser.get("/orders").headers["Location"].startswith("/sign-in")
        assert "Your account was suspended." in browser.get("/sign-in").text
    recorded = [event for event in shop.chain(shop.organization("acme")) if event.name != "access.denied"]
    suspended, revoked = recorded[-2:]  # after them, only that the browser came back with its dead session
    assert (suspended.name, revoked.name) == ("membership.suspended", "session.revoked")
    assert suspended.content["subject"] == ines.principal().subject
    assert set(revoked.content["facts"]["sessions"]) == sessions
    again = shop.visitor()
    refused = again.get(again.pick_at_provider(again.begin_sign_in(SOFIA), SOFIA))
    assert refused.status_code == 403 and "has suspended it" in refused.text
    assert "suspended" in ines.get("/admin/people/").text
    assert ines.post(f"/admin/people/{target}/restore").status_code == 303
    assert sofia.get("/orders").status_code == 302, "what ended stays ended"
    assert shop.sign_in(SOFIA).get("/orders").status_code == 200
    assert [str(e.name) for e in shop.chain(shop.organization("acme"))].count("membership.restored") == 1


@pytest.mark.holds("ASVS-8.4.1", "I10")
def test_a_member_of_another_organization_is_not_there(shop: ShopUnderTest) -> None:
    """Suspending or restoring somebody elsewhere is the 404 of a member that never was, recorded in one's own trail."""
    gil, ines = shop.sign_in(GIL), shop.sign_in(INES)
    target, elsewhere = membership_of(shop, GIL), len(shop.chain(shop.organization("globex")))
    for action in ("suspend", "restore"):
        pages = [
            ines.post(f"/admin/people/{member}/{action}")
            for member in (target, "mem_none", gil.principal().session, shop.organization("globex"))
        ]
        assert {page.status_code for page in pages} == {404}
        assert len({re.sub(r'csrf_token" value="[^"]+"', "", page.text) for page in pages}) == 1
    denied = [e for e in shop.chain(shop.organization("acme")) if e.name == "access.denied"]
    assert len(denied) == 8 and denied[0].content["decision"]["rule"] == "deny.other_organization"
    assert len(shop.chain(shop.organization("globex"))) == elsewhere
    assert not is_suspended(shop, target) and gil.get("/orders").status_code == 200


@ONE_ENGINE
def test_pressing_twice_is_once(shop: ShopUnderTest) -> None:
    """Suspending a suspended member, or restoring an active one, changes and records nothing more."""
    shop.sign_in(NOAH)
    ines, target = shop.sign_in(INES), membership_of(shop, NOAH)
    for action in ("restore", "suspend", "suspend", "restore", "restore"):
        assert ines.post(f"/admin/people/{target}/{action}").status_code == 303
    names = [str(e.name) for e in shop.chain(shop.organization("acme"))]
    assert (names.count("membership.suspended"), names.count("membership.restored")) == (1, 1)
