"""Long audits: read by pages, recomputed by pages, verified as a whole by a button; never inside of a write."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from shop.audit.chain import AuditEvent
from shop.audit.events import EventName
from shop.audit.verification import verify_in_parts
from tests.support.long import add_events, add_turns
from tests.support.people import ADA, GRETA, NOAH, SOFIA, ShopUnderTest, Visitor
from tests.support.state import ONE_ENGINE, watching


def sequences(page: str) -> list[int]:
    """The sequence numbers that a page shows."""
    return [int(number) for number in re.findall(r"<dt>Entry</dt><dd>(\d+) ", page)]


@pytest.fixture
def sofia(shop: ShopUnderTest) -> Visitor:
    """Sofia, with a conversation of 260 events, the 50th of which is a refusal."""
    sofia, acme = shop.sign_in(SOFIA), shop.organization("acme")
    conversation = sofia.assistant().conversation.id
    with shop.database.write() as db:
        add_turns(db, conversation, 1)
        add_events(db, conversation, acme, 48 - 1)
        add_events(db, conversation, acme, 1, EventName.TOOL_CALL_DENIED)
        add_events(db, conversation, acme, 260 - 50)
    sofia.conversation = conversation
    return sofia


def test_a_long_audit_has_parts_and_each_says_what_it_verified(shop: ShopUnderTest, sofia: Visitor) -> None:
    """The latest hundred entries first; a link leads to those before, down to the first, none twice, none left out."""
    length = len(shop.chain(str(sofia.conversation)))
    page = sofia.get(f"/audit/conversations/{sofia.conversation}").text
    assert sequences(page)[-1] == length and len(sequences(page)) == 100
    assert "100 entries shown, verified" in page and "chain verified" not in page
    seen = sequences(page)
    while found := re.search(r'id="earlier"><a href="([^"]+)"', page):
        part = sofia.get(found.group(1), headers={"HX-Request": "true"}).text
        page = sofia.get(found.group(1)).text
        assert sequences(part) == sequences(page) and "<html" not in part and "Latest entries" in page
        seen = sequences(page) + seen
    assert seen == list(range(1, length + 1))


def test_verify_recomputes_the_whole_chain_now(shop: ShopUnderTest, sofia: Visitor) -> None:
    """A press of the button; a change that no shown entry tells of is found. Nothing is stored: a page loaded anew claims nothing."""
    path = f"/audit/conversations/{sofia.conversation}"
    length = len(shop.chain(str(sofia.conversation)))
    assert f"whole chain verified now, {length} events" in sofia.post(f"{path}/verify").text
    with watching(shop) as seen:
        part = sofia.post(f"{path}/verify", headers={"HX-Request": "true"}).text
    assert f"whole chain verified now, {length} events" in part and "<html" not in part
    assert seen.changed == set() and seen.events == [], "one's own conversation: nothing is recorded or kept"
    assert "whole chain verified" not in sofia.get(path).text
    with shop.database.write() as db:
        event = shop_event(db, str(sofia.conversation), 10)
        event.body = event.body.replace("search_products", "place_order")
    assert "100 entries shown, verified" in sofia.get(path).text
    assert "chain broken: event 10 was changed" in sofia.post(f"{path}/verify").text
    assert "chain broken: event 10 was changed" in sofia.get(f"{path}?before=100").text


def shop_event(db: Session, chain: str, sequence: int) -> AuditEvent:
    """A stored event."""
    return db.scalars(select(AuditEvent).where(AuditEvent.chain == chain, AuditEvent.sequence == sequence)).one()


@pytest.mark.holds("I5", "I10", "ASVS-8.4.1")
def test_verifying_is_for_who_may_read_and_an_auditors_is_recorded(shop: ShopUnderTest, sofia: Visitor) -> None:
    """Anybody else is answered as for a conversation that is not there, and that is on record too."""
    acme, ada = shop.organization("acme"), shop.sign_in(ADA)
    path = f"/audit/conversations/{sofia.conversation}/verify"
    assert ada.post(path).status_code == 200
    viewed = shop.chain(acme)[-1]
    assert (viewed.name, viewed.content["resource"]["id"]) == ("audit.viewed", sofia.conversation)
    assert "whole chain verified now" in ada.post("/audit/organization/verify").text
    noah, greta = shop.sign_in(NOAH), shop.sign_in(GRETA)
    for stranger in (noah, greta):
        answers = [stranger.post(one) for one in (path, "/audit/conversations/cnv_none/verify")]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert "verified" not in answers[0].text
    assert noah.post("/audit/organization/verify").status_code == 404
    assert shop.chain(acme)[-1].name == "access.denied"


def test_nothing_long_happens_inside_of_a_write(
    shop: ShopUnderTest, sofia: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While an auditor's page is read, recomputed and verified, somebody else writes: no write transaction is open."""
    from shop.admin import audit, trails, verifying

    ada, wrote = shop.sign_in(ADA), []

    def probed(run: object) -> object:
        def call(*arguments: object) -> object:
            assert callable(run)
            if shop.engine == "sqlite":  # its writers wait for each other, so a second one would wait for ever
                assert shop.database._writers._held is False
            wrote.append(1)
            return run(*arguments)

        return call

    for module, name in ((audit, "verify_shown"), (trails, "verify_shown"), (verifying, "verify_in_parts")):
        monkeypatch.setattr(module, name, probed(getattr(module, name)))
    path = f"/audit/conversations/{sofia.conversation}"
    assert [ada.get(one).status_code for one in (path, "/audit/organization")] == [200, 200]
    assert [ada.post(f"{one}/verify").status_code for one in (path, "/audit/organization")] == [200, 200]
    assert len(wrote) == 6


@ONE_ENGINE
def test_refusals_are_found_wherever_they_are(shop: ShopUnderTest, sofia: Visitor) -> None:
    """The filter looks through the whole conversation and not through what is shown; the numbers count it all."""
    page = sofia.get(f"/audit/conversations/{sofia.conversation}?show=refused").text
    assert sequences(page) == [50] and "1 refused" in page and "258 calls in all" in page
    assert "1 entry shown, verified" in page


@ONE_ENGINE
def test_a_link_from_the_chat_leads_to_the_entries_of_that_turn(shop: ShopUnderTest) -> None:
    """Two hundred events later, the audit's link of an early turn opens the part in which its message stands."""
    sofia, acme = shop.sign_in(SOFIA), shop.organization("acme")
    for number in range(3):
        sofia.say(f"hello {number}")
        shop.clock.pass_by(minutes=5)
    first = sofia.turns()[0]
    with shop.database.write() as db:
        add_events(db, str(sofia.conversation), acme, 200)
    href = re.search(
        rf'href="(/audit/conversations/[^"]+#{first.id})"', sofia.get(f"/assistant/{sofia.conversation}").text
    )
    assert href
    assert f'id="{first.id}"' in sofia.get(href.group(1).replace("&amp;", "&")).text
    assert f'id="{first.id}"' not in sofia.get(f"/audit/conversations/{sofia.conversation}").text


@ONE_ENGINE
def test_one_process_recomputes_only_so_many_chains_at_once(
    shop: ShopUnderTest, sofia: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever comes while it is busy is asked to come back, and the next one is served again."""
    from shop.admin import verifying

    path = f"/audit/conversations/{sofia.conversation}/verify"
    answers: list[int] = []
    at_it = verify_in_parts

    def meanwhile(database: object, chain: str) -> object:
        answers.append(sofia.post(path).status_code)
        return at_it(shop.database, chain)

    monkeypatch.setattr(verifying, "verify_in_parts", meanwhile)
    assert sofia.post(path).status_code == 200
    assert 503 in answers
    monkeypatch.undo()
    assert sofia.post(path).status_code == 200
