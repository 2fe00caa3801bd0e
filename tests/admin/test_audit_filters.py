"""The filters and pages of the audit's lists: what an auditor looks for is found, however much an assistant piles on it."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from sqlalchemy import update

from shop.audit.events import EventName
from shop.audit.writer import record
from shop.conversations.models import Conversation
from shop.principal import IN_APP_ASSISTANT
from tests.support.assistants import connect
from tests.support.long import add_conversations, add_events
from tests.support.people import ADA, GIL, GRETA, MARA, NOAH, SOFIA, Assistant, ShopUnderTest, Visitor
from tests.support.state import COLLEAGUES_ORDER, FOREIGN_ORDER, HOODIE, NO_ORDER, ONE_ENGINE


def listed(page: str) -> list[str]:
    """The titles in a list of conversations."""
    return [html.unescape(title) for title in re.findall(r'href="/audit/conversations/\w+">([^<]*)</a>', page)]


def told(page: str) -> list[str]:
    """The names of the events that a page of the trail shows."""
    return re.findall(r"<dt>Event</dt><dd>([\w.]+):", page)


def older(page: str) -> str | None:
    """Where the page before leads."""
    found = re.search(r'href="([^"]+)" rel="next"', page)
    return html.unescape(found.group(1)) if found else None


def asking(who: Visitor, path: str = "/audit/", /, **query: str) -> str:
    """What somebody is shown who asks for something in particular."""
    answer = who.get(f"{path}?{urlencode(query)}")
    assert answer.status_code == 200, answer.text
    return answer.text


def refused(who: Visitor, path: str = "/audit/", /, **query: str) -> str:
    """What somebody is told whose question cannot be understood: nothing is listed."""
    answer = who.get(f"{path}?{urlencode(query)}")
    assert answer.status_code == 400 and not listed(answer.text) and not told(answer.text)
    return answer.text


def titled(visitor: Visitor, title: str, *workflows: str) -> Assistant:
    """An assistant in a conversation that is called so."""
    assistant = visitor.assistant(*workflows)
    with visitor.shop.database.write() as db:
        db.execute(update(Conversation).where(Conversation.id == assistant.conversation.id).values(title=title))
    return assistant


def test_no_conversation_is_pushed_out_of_the_list(shop: ShopUnderTest) -> None:
    """A colleague's conversation is found behind 130 newer ones: on an older page, and at once by whose it is. None shows twice."""
    titled(shop.sign_in(MARA), "Mara's")
    shop.clock.pass_by(minutes=200)
    person = shop.sign_in(NOAH).principal()
    with shop.database.write() as db:
        add_conversations(db, person, 130)
    ada = shop.sign_in(ADA)
    page = asking(ada)
    seen = listed(page)
    assert len(seen) == 50 and "Mara's" not in seen and "Newer" not in page
    while href := older(page):
        page = ada.get(href).text
        assert 'href="/audit/" rel="prev"' in page
        seen += listed(page)
    assert sorted(seen) == sorted([*(f"Conversation {number}" for number in range(1, 131)), "Mara's"])
    assert listed(asking(ada, person="mara")) == ["Mara's"]


def test_conversations_by_person_assistant_outcome_and_day(shop: ShopUnderTest) -> None:
    """Each filter alone and together, in an address that can be kept; the form shows what was asked for."""
    sofia, noah, ada = shop.sign_in(SOFIA), shop.sign_in(NOAH), shop.sign_in(ADA)
    buys, looks, asks = titled(sofia, "Buys", "transact"), titled(noah, "Looks"), titled(sofia, "Asks")
    buys.call("add_to_cart", sku=HOODIE, quantity=1)
    buys.call("place_order", address="Office")
    looks.call("get_order", number=COLLEAGUES_ORDER)
    asks.call("get_order", number="nonsense " * 20)
    found = {
        "whose, by e-mail": {"person": SOFIA.upper()},
        "whose, by id": {"person": noah.principal().subject},
        "refused": {"outcome": "denied"},
        "needed approval": {"outcome": "needs_approval"},
        "done": {"outcome": "succeeded"},
        "failed": {"outcome": "failed"},
        "in the chat": {"assistant": IN_APP_ASSISTANT},
        "whose and how": {"person": "sofia", "outcome": "denied"},
    }
    assert {what: set(listed(asking(ada, **query))) for what, query in found.items()} == {
        "whose, by e-mail": {"Buys", "Asks"},
        "whose, by id": {"Looks"},
        "refused": {"Looks"},
        "needed approval": {"Buys"},
        "done": {"Buys"},
        "failed": {"Asks"},
        "in the chat": {"Buys", "Looks", "Asks"},
        "whose and how": set(),
    }
    page = asking(ada, person="sofia", outcome="needs_approval")
    assert 'value="sofia"' in page and '<option value="needs_approval" selected>' in page and "open>" in page
    assert "No conversation is what you ask for." in asking(ada, person="sofia", outcome="denied")


@ONE_ENGINE
def test_conversations_by_client(shop: ShopUnderTest) -> None:
    """Those in one external assistant, chosen by the name that it gives itself."""
    from tests.mcp.host import host_of

    sofia, ada = shop.sign_in(SOFIA), shop.sign_in(ADA)
    titled(sofia, "In the chat")
    host_of(sofia, name="Desk helper").call("get_product", {"product": "context-tee"})
    found = re.search(r'<option value="([^"]+)">Desk helper</option>', asking(ada))
    assert found
    for reader in (ada, sofia):
        assert listed(asking(reader, assistant=html.unescape(found.group(1)))) == ["In Desk helper"]
        assert listed(asking(reader, assistant=IN_APP_ASSISTANT)) == ["In the chat"]


@ONE_ENGINE
def test_conversations_by_day(shop: ShopUnderTest) -> None:
    """From a day on, up to and with a day, or both: those that were active then."""
    sofia, ada = shop.sign_in(SOFIA), shop.sign_in(ADA)
    person = sofia.principal()
    with shop.database.write() as db:
        for days in (0, 3, 6):
            at = shop.clock.now - timedelta(days=days)
            add_conversations(db, person, 1, title=f"{days} days", started_at=at, active_at=at)
    day = {days: f"{shop.clock.now - timedelta(days=days):%Y-%m-%d}" for days in (2, 3, 6)}
    assert listed(asking(ada, since=day[2])) == ["0 days"]
    assert listed(asking(ada, until=day[3])) == ["3 days", "6 days"]
    assert listed(asking(ada, since=day[3], until=day[3])) == ["3 days"]


@ONE_ENGINE
@pytest.mark.parametrize("path", ["/audit/", "/audit/organization"])
def test_what_cannot_be_understood_is_said_beside_its_field(shop: ShopUnderTest, path: str) -> None:
    """An unknown person, assistant or outcome, no day, days in the wrong order, no page: told in words, and nothing is listed."""
    sofia, ada = shop.sign_in(SOFIA), shop.sign_in(ADA)
    titled(sofia, "Hers")
    wrong = {
        "Nobody here is called that.": {"person": "<script>"},
        "No assistant of that name is known here.": {"assistant": "https://nobody.example/"},
        "Choose one of: refused, needed approval, allowed and done, failed.": {"outcome": "x"},
        "A day is written like 2026-11-30.": {"since": "30.11.2026"},
        "The last day is before the first one.": {"since": "2026-11-30", "until": "2026-11-29"},
        "This address leads to no page. Begin with the latest one.": {"before": "x"},
    }
    for words, query in wrong.items():
        page = refused(ada, path, **query)
        assert words in page and "<script>" not in page
    for query in ({"until": "9999-12-31"}, {"since": "0000-01-01"}, {"before": "9" * 30}, {"person": "x\x01" * 500}):
        assert refused(ada, path, **query)


@pytest.mark.holds("I10", "ASVS-8.4.1")
def test_filters_show_nobody_else(shop: ShopUnderTest) -> None:
    """Another organization's people, assistants and conversations are as unknown as none; a person's filters look among their own."""
    sofia, noah, gil = shop.sign_in(SOFIA), shop.sign_in(NOAH), shop.sign_in(GIL)
    titled(sofia, "Sofia's")
    titled(noah, "Noah's")
    titled(gil, "Gil's")
    theirs = connect(gil, name="Globex helper").client_id
    ada, greta = shop.sign_in(ADA), shop.sign_in(GRETA)
    for path in ("/audit/", "/audit/organization"):
        answers = [refused(ada, path, person=who) for who in (GIL, gil.principal().subject, "nobody")]
        assert len({re.sub(r'value="[^"]*"', "", page) for page in answers}) == 1
        assert "Globex helper" not in asking(ada, path) and refused(ada, path, assistant=theirs)
        assert "Sofia" not in "".join(told(asking(greta, path)))
    assert listed(asking(greta)) == ["Gil's"] and listed(asking(greta, outcome="succeeded")) == []
    assert listed(asking(sofia)) == ["Sofia's"] and 'name="person"' not in asking(sofia)
    assert refused(sofia, person=NOAH) and listed(asking(sofia, person=SOFIA)) == ["Sofia's"]
    assert sofia.get("/audit/organization?person=noah").status_code == 404


@pytest.mark.holds("I10")
def test_ones_own_filter_does_not_tell_not_yours_from_not_there(shop: ShopUnderTest) -> None:
    """To their person, all three ways to find nothing have failed; to the auditor, two of them were refused."""
    sofia, ada = shop.sign_in(SOFIA), shop.sign_in(ADA)
    for number in (COLLEAGUES_ORDER, FOREIGN_ORDER, NO_ORDER):
        titled(sofia, number).call("get_order", number=number)
    everything = {COLLEAGUES_ORDER, FOREIGN_ORDER, NO_ORDER}
    assert listed(asking(sofia, outcome="denied")) == [] and set(listed(asking(sofia, outcome="failed"))) == everything
    assert set(listed(asking(ada, outcome="denied"))) == {COLLEAGUES_ORDER, FOREIGN_ORDER}


def test_the_trail_by_person_assistant_outcome_and_day(shop: ShopUnderTest) -> None:
    """What somebody did, what a client did or was allowed, what was refused, and when, among hundreds of others."""
    acme = shop.organization("acme")
    sofia, noah = shop.sign_in(SOFIA), shop.sign_in(NOAH)
    noah.get("/audit/organization")
    client = connect(sofia, name="Desk helper").client_id
    shop.clock.pass_by(minutes=5)
    with shop.database.write() as db:
        for number in range(150):
            record(db, EventName.TOKEN_REFUSED, organization=acme, facts={"error": f"e{number}", "client": "another"})
    ada = shop.sign_in(ADA)

    def shown(**query: str) -> list[str]:
        return told(asking(ada, "/audit/organization", **query))

    assert shown(person="noah") == ["sign_in.succeeded", "access.denied"]
    assert set(shown(assistant=client)) >= {"grant.consented", "token.issued"}
    assert "token.refused" not in shown(assistant=client)
    denied = asking(ada, "/audit/organization", outcome="denied")
    seen = told(denied)
    assert len(seen) == 100
    href = older(denied)
    assert href and "outcome=denied" in href
    page = ada.get(href).text
    assert sorted(told(page) + seen) == sorted(["access.denied", *["token.refused"] * 150]) and older(page) is None
    assert 'href="/audit/organization?outcome=denied" rel="prev"' in page
    today = f"{shop.clock.now:%Y-%m-%d}"
    assert len(shown(since=today, until=today)) == 100
    assert shown(since="2000-01-01", until="2000-01-02") == []
    assert "is what you ask for" in asking(ada, "/audit/organization", until="2000-01-02")


@ONE_ENGINE
def test_numbers_of_a_long_conversation_are_counted_so_far(shop: ShopUnderTest) -> None:
    """Beyond a thousand a list says that there are more, and does not count them."""
    sofia, acme = shop.sign_in(SOFIA), shop.organization("acme")
    conversation = sofia.assistant().conversation.id
    with shop.database.write() as db:
        add_events(db, conversation, acme, 1001)
    assert "1000+ calls" in asking(sofia)
