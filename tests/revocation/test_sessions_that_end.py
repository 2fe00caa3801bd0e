"""Sessions that end: what dies at once, what stays, what is stored and what is recorded (design §9)."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from sqlalchemy import func, select

from shop.conversations.models import Conversation
from shop.store.models import Order
from tests.revocation.scene import AtWork, assert_alive, assert_dead, at_work, membership_of
from tests.support.people import ADA, INES, MARA, SOFIA, ShopUnderTest, Visitor
from tests.support.stored import turns_of


@dataclass(frozen=True)
class Office:
    """Sofia at her desk and on her phone, and Mara, a colleague; each with an assistant at work."""

    desk: AtWork
    phone: AtWork
    mara: AtWork


@pytest.fixture
def office(shop: ShopUnderTest) -> Office:
    """Everybody is signed in and at work."""
    return Office(*(at_work(shop.sign_in(email)) for email in (SOFIA, SOFIA, MARA)))


def trail(shop: ShopUnderTest, name: str) -> list[dict[str, object]]:
    """The facts of the events of one name in Acme's own trail."""
    return [event.content["facts"] for event in shop.chain(shop.organization("acme")) if event.name == name]


@pytest.mark.holds("ASVS-7.4.1", "NHI1", "ASI08")
def test_signing_out_here_ends_this_session_and_all_below(shop: ShopUnderTest, office: Office) -> None:
    """Sign-out ends this browser's session, its assistant, turn and receipt; the other browser and colleagues go on."""
    session = office.desk.person.session
    page = office.desk.visitor.post("/sign-out")
    assert page.status_code == 200
    assert "signed out here" in page.text
    assert_dead(office.desk, code="signed_out", rule="credential.session.ended", because="signed_out")
    assert_alive(office.phone)
    assert_alive(office.mara)
    (facts,) = trail(shop, "session.signed_out")
    assert facts == {
        "because": "signed_out",
        "sessions": [session],
        "delegations": [office.desk.assistant.principal.delegation],
        "turns": [office.desk.turn],
        "receipts": [office.desk.receipt],
    }


@pytest.mark.holds("ASVS-7.4.1", "NHI1", "ASI08")
def test_signing_out_everywhere_ends_every_session_of_the_person(shop: ShopUnderTest, office: Office) -> None:
    """Each browser, assistant, turn and receipt of this person is over at once; a colleague's are not."""
    sessions = {office.desk.assistant.principal.session, office.phone.assistant.principal.session}
    page = office.desk.visitor.post("/sessions/end-all")
    assert "signed out everywhere" in page.text
    for one in (office.desk, office.phone):
        assert_dead(one, code="signed_out", rule="credential.session.ended", because="signed_out_everywhere")
    assert_alive(office.mara)
    (facts,) = trail(shop, "session.revoked")
    assert set(facts["sessions"]) == sessions  # type: ignore[call-overload]
    assert facts["because"] == "signed_out_everywhere"


@pytest.mark.holds("ASVS-7.4.1")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_one_session_can_be_ended_from_another(shop: ShopUnderTest, office: Office) -> None:
    """Somebody who lost their phone ends its session from the desk, which stays signed in."""
    session = office.phone.assistant.principal.session
    assert office.desk.visitor.post(f"/sessions/{session}/end").status_code == 303
    assert_dead(office.phone, code="signed_out", rule="credential.session.ended", because="ended_by_person")
    assert_alive(office.desk)
    assert_alive(office.mara)
    (facts,) = trail(shop, "session.revoked")
    assert (facts["because"], facts["sessions"]) == ("ended_by_person", [session])


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_nobody_ends_somebody_elses_session(shop: ShopUnderTest, office: Office) -> None:
    """A colleague's session, and one that is not there, get the same answer, and nothing ends."""
    theirs = office.mara.assistant.principal.own_session
    answers = [office.desk.visitor.post(f"/sessions/{one}/end") for one in (theirs, "ses_none", theirs[:-1])]
    assert {answer.status_code for answer in answers} == {404}
    assert "There is no such session" in answers[0].text
    assert_alive(office.mara)
    assert_alive(office.desk)
    assert trail(shop, "session.revoked") == []


@pytest.mark.holds("ASVS-7.4.2", "ASVS-7.4.5", "NHI1", "ASI08")
def test_a_suspension_ends_everything_below_a_membership(shop: ShopUnderTest, office: Office) -> None:
    """An administrator suspends somebody: every session and assistant of theirs is over, and they cannot sign in."""
    ines = shop.sign_in(INES)
    membership = office.desk.person.membership
    assert ines.post(f"/admin/people/{membership}/suspend").status_code == 303
    for one in (office.desk, office.phone):
        _assert_suspended(one)
    assert_alive(office.mara)
    authority = membership_of(shop, office.desk.visitor)
    assert (authority.suspended_at is not None, authority.ended_at) == (True, None)
    events = shop.chain(shop.organization("acme"))
    (suspended,) = [event for event in events if event.name == "membership.suspended"]
    assert suspended.content["subject"] == ines.principal().subject
    assert suspended.content["resource"] == {"kind": "membership", "id": membership}
    (facts,) = trail(shop, "session.revoked")
    assert (facts["because"], len(facts["sessions"])) == ("suspended", 2)  # type: ignore[arg-type]
    _assert_cannot_sign_in(shop)


def _assert_suspended(one: AtWork) -> None:
    assert one.visitor.get("/sessions").status_code == 302
    outcome = one.assistant.call("view_cart")
    assert outcome.for_model()["code"] == "suspended"
    recorded = one.assistant.events()[-1]
    assert (recorded.name, recorded.content["decision"]["rule"]) == (
        "tool_call.denied",
        "credential.membership.suspended",
    )


def _assert_cannot_sign_in(shop: ShopUnderTest) -> None:
    sofia = shop.visitor()
    refused = sofia.get(sofia.pick_at_provider(sofia.begin_sign_in(SOFIA), SOFIA))
    assert refused.status_code == 403
    assert "suspended" in refused.text
    failed = shop.chain(shop.organization("acme"))[-1]
    assert (failed.name, failed.content["facts"]["code"]) == ("sign_in.failed", "suspended")


@pytest.mark.holds("ASVS-7.4.2")
def test_a_restored_member_signs_in_anew_and_nothing_comes_back(shop: ShopUnderTest, office: Office) -> None:
    """Lifting a suspension opens the door again; what ended stays ended."""
    ines, membership = shop.sign_in(INES), office.desk.person.membership
    ines.post(f"/admin/people/{membership}/suspend")
    assert ines.post(f"/admin/people/{membership}/restore").status_code == 303
    for one in (office.desk, office.phone):
        assert_dead(one, code="signed_out", rule="credential.session.ended", because="suspended")
    again = shop.sign_in(SOFIA)
    assert again.assistant().call("view_cart").kind == "succeeded"
    names = [str(event.name) for event in shop.chain(shop.organization("acme"))]
    assert names.index("membership.suspended") < names.index("membership.restored")
    assert membership_of(shop, again).suspended_at is None


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_doing_it_twice_records_it_once(shop: ShopUnderTest, office: Office) -> None:
    """A second suspension or restoration of the same membership changes and records nothing."""
    ines, membership = shop.sign_in(INES), office.mara.person.membership
    for action, name in (("suspend", "membership.suspended"), ("restore", "membership.restored")):
        for _ in range(2):
            assert ines.post(f"/admin/people/{membership}/{action}").status_code == 303
        assert len(trail(shop, name)) == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_conversations_orders_and_audit_stay(shop: ShopUnderTest, office: Office) -> None:
    """A revocation ends authority; what was said, ordered and recorded is still there for those who may read it."""
    ordered = shop.gateway.approve(office.phone.person, office.phone.receipt)
    assert ordered.kind == "succeeded"
    conversation = office.desk.assistant.conversation.id
    before = len(office.desk.assistant.events())
    office.desk.visitor.post("/sessions/end-all")
    with shop.database.read() as db:
        assert db.get(Conversation, conversation) is not None
        mine = select(func.count()).select_from(Order).where(Order.owner == office.desk.assistant.principal.subject)
        assert db.scalar(mine) == 2
        assert turns_of(db, conversation)
    assert len(office.desk.assistant.events()) > before
    again: Visitor = shop.sign_in(SOFIA)
    assert again.get(f"/audit/conversations/{conversation}").status_code == 200
    assert shop.sign_in(ADA).get(f"/audit/conversations/{conversation}").status_code == 200
