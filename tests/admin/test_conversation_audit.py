"""The audit view of a conversation: who may open it, what it shows to whom, and that nothing in it is code."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from sqlalchemy import update

from shop.audit.chain import AuditEvent
from shop.authorization.policy import Policy
from shop.conversations.models import Conversation
from shop.identity.models import Person
from tests.support.people import ADA, GIL, GRETA, INES, NOAH, SOFIA, TARIQ, Assistant, ShopUnderTest, Visitor
from tests.support.state import COLLEAGUES_ORDER, FOREIGN_ORDER, HOODIE, NO_ORDER, ONE_ENGINE

SCRIPT = "<script>alert('x')</script><img src=x onerror=alert(1)>"


def plain(page: str) -> str:
    """A page without what differs at each rendering."""
    return re.sub(r'csrf_token" value="[^"]+"', "", page)


def entry(page: str, call_id: str) -> str:
    """One entry of a timeline, by the id that links to it."""
    found = re.search(rf'<li class="entry[^"]*" id="{call_id}".*?</li>', page, re.S)
    assert found, call_id
    return found.group()


@pytest.fixture
def talk(shop: ShopUnderTest) -> Assistant:
    """Sofia's assistant, which added a hoodie, was refused two orders, and waits for a confirmation."""
    assistant = shop.sign_in(SOFIA).assistant("transact")
    assistant.call("add_to_cart", sku=HOODIE, quantity=1)
    assistant.call("get_order", number=COLLEAGUES_ORDER)
    assistant.call("place_order", address="Office")
    return assistant


@pytest.mark.holds("ASVS-8.2.2", "ASVS-8.4.1", "I10")
def test_an_audit_view_is_for_its_person_and_their_auditor(shop: ShopUnderTest, talk: Assistant) -> None:
    """The person and an auditor of the organization read it; for anybody else it is the page of one that never was."""
    path = f"/audit/conversations/{talk.conversation.id}"
    assert talk.visitor.get(path).status_code == 200
    assert shop.sign_in(ADA).get(path).status_code == 200
    for email in (NOAH, TARIQ, INES, GIL, GRETA):
        somebody = shop.sign_in(email)
        theirs, none = somebody.get(path), somebody.get("/audit/conversations/cnv_none")
        assert (theirs.status_code, none.status_code) == (404, 404), email
        assert plain(theirs.text) == plain(none.text)
        assert talk.conversation.title not in somebody.get("/audit/").text


@pytest.mark.holds("I5", "I10")
def test_a_refused_view_is_recorded_in_the_trail_of_who_tried(shop: ShopUnderTest, talk: Assistant) -> None:
    """Another organization's auditor leaves a denial in their own trail, and nothing at all in the other's."""
    acme, globex = shop.organization("acme"), shop.organization("globex")
    greta = shop.sign_in(GRETA)
    before = (len(shop.chain(acme)), len(talk.events()))
    greta.get(f"/audit/conversations/{talk.conversation.id}")
    event = shop.chain(globex)[-1]
    assert event.name == "access.denied" and event.content["outcome"] == "denied"
    assert event.content["subject"] == greta.principal().subject
    assert event.content["decision"]["rule"] == "deny.other_organization"
    assert event.content["facts"]["page"] == f"/audit/conversations/{talk.conversation.id}"
    assert (len(shop.chain(acme)), len(talk.events())) == before


@pytest.mark.holds("I5")
def test_an_auditor_who_reads_is_on_record_and_the_person_themselves_is_not(
    shop: ShopUnderTest, talk: Assistant
) -> None:
    """Each view by an auditor is `audit.viewed` in the organization's trail, with the rule that allowed it."""
    acme, path = shop.organization("acme"), f"/audit/conversations/{talk.conversation.id}"
    before = len(shop.chain(acme))
    talk.visitor.get(path)
    assert len(shop.chain(acme)) == before
    ada = shop.sign_in(ADA)
    ada.get(path)
    event = shop.chain(acme)[-1]
    assert event.name == "audit.viewed" and event.content["subject"] == ada.principal().subject
    assert event.content["resource"] == {"kind": "conversation", "id": talk.conversation.id}
    assert event.content["decision"]["rule"] == "auditor.audit.read" and event.content["conversation"] is None


@ONE_ENGINE
def test_the_timeline_tells_the_story_in_order(shop: ShopUnderTest, talk: Assistant) -> None:
    """Proposed, decided by which rule, refused, waiting: each entry can be linked, and the chain is verified."""
    page = shop.sign_in(ADA).get(f"/audit/conversations/{talk.conversation.id}").text
    added, refused, waits = (e for e in talk.events() if e.name.startswith("tool_call."))
    assert "allowed add_to_cart" in entry(page, added.content["tool_call"])
    assert "shopper.cart.write" in entry(page, added.content["tool_call"])
    assert "default.not_yours" in entry(page, refused.content["tool_call"])
    assert "place_order waits for its person" in entry(page, waits.content["tool_call"])
    assert f"sku: {HOODIE}" in entry(page, f"{added.content['tool_call']}-proposed")
    places = [page.index(f'id="{event.content["tool_call"]}"') for event in (added, refused, waits)]
    assert places == sorted(places)
    assert f"chain verified, {len(talk.events())} events" in page


@ONE_ENGINE
def test_filters_show_a_part(shop: ShopUnderTest, talk: Assistant) -> None:
    """Only refusals, only what is about approvals, or everything; an unknown filter is everything."""
    ada, path = shop.sign_in(ADA), f"/audit/conversations/{talk.conversation.id}"
    everything, refused, approvals, odd = (
        len(re.findall('<li class="entry', ada.get(f"{path}{query}").text))
        for query in ("", "?show=refused", "?show=approvals", "?show=<script>")
    )
    assert (refused, approvals) == (1, 2), "a proposal and its stop are both about the approval"
    assert odd == everything > 5
    assert "1 refused" in ada.get(path).text


@pytest.mark.holds("I10", "ASVS-8.2.3")
def test_ones_own_view_does_not_tell_not_yours_from_not_there(shop: ShopUnderTest) -> None:
    """A colleague's order, another organization's and none look the same to the person; the auditor sees the rules."""
    assistant = shop.sign_in(SOFIA).assistant()
    numbers = (COLLEAGUES_ORDER, FOREIGN_ORDER, NO_ORDER)
    for number in numbers:
        assistant.call("get_order", number=number)
    calls = [e.content["tool_call"] for e in assistant.events() if e.content["tool_call"]]
    path = f"/audit/conversations/{assistant.conversation.id}"
    mine, auditors = assistant.visitor.get(path).text, shop.sign_in(ADA).get(path).text

    def masked(page: str, call: str, number: str) -> str:
        return re.sub(
            r"\d\d:\d\d:\d\d|entry \d+|<dd>\d+ ·", "", entry(page, call).replace(call, "").replace(number, "")
        )

    assert len({masked(mine, call, number) for call, number in zip(calls, numbers, strict=True)}) == 1
    assert not re.search(r"default\.not_|deny\.other|not_yours|refused", "".join(entry(mine, call) for call in calls))
    assert "0 refused" in mine and "2 refused" in auditors, "to ask for what nobody has is a mistake, not a refusal"
    for call, rule in zip(calls, ("default.not_yours", "deny.other_organization", "default.not_there"), strict=True):
        assert rule in entry(auditors, call)


@ONE_ENGINE
@pytest.mark.holds("I10")
def test_the_list_does_not_tell_them_apart_either(shop: ShopUnderTest) -> None:
    """Two conversations, one about another organization's order and one about none, have the same numbers in the list."""
    sofia = shop.sign_in(SOFIA)
    sofia.assistant().call("get_order", number=FOREIGN_ORDER)
    sofia.assistant().call("get_order", number=NO_ORDER)
    page = sofia.get("/audit/").text
    assert len(set(re.findall(r'<span class="numbers">(.*?)</span>', page, re.S))) == 1


@ONE_ENGINE
@pytest.mark.holds("ASVS-8.4.1")
def test_the_list_is_ones_own_and_an_auditors_the_organizations(shop: ShopUnderTest) -> None:
    """A person sees their conversations, an auditor all of the organization with whose they are, none of another's."""
    for email in (SOFIA, NOAH, GIL):
        shop.sign_in(email).assistant()
    mine, auditors, other = (shop.sign_in(email).get("/audit/").text for email in (SOFIA, ADA, GRETA))
    links = [page.count('href="/audit/conversations/') for page in (mine, auditors, other)]
    assert links == [1, 2, 1]
    assert "Noah Lind" in auditors and "Sofia Hart" in auditors and "Gil Mercer" not in auditors
    assert "Noah Lind" not in mine and "/audit/organization" not in mine


@ONE_ENGINE
@pytest.mark.holds("LLM05")
def test_nothing_that_anybody_wrote_is_code_in_the_view(shop: ShopUnderTest) -> None:
    """Messages, arguments, titles and names with HTML in them are shown as text, in every audit page."""
    sofia = shop.sign_in(SOFIA)
    sofia.say(SCRIPT)
    assistant = sofia.assistant()
    assistant.call("search_products", query=SCRIPT)
    assistant.call(SCRIPT)
    assistant.propose("get_order", SCRIPT)
    with shop.database.write() as db:
        db.execute(update(Person).where(Person.email == SOFIA).values(name=SCRIPT))
        db.execute(update(Conversation).values(title=SCRIPT))
    ada, ines = shop.sign_in(ADA), shop.sign_in(INES)
    pages = [who.get(path) for who, path in _pages_about(sofia, ada, ines, assistant)]
    for page in pages:
        assert page.status_code == 200
        assert "<script>alert" not in page.text and "<img src=x" not in page.text
    assert sum("&lt;script&gt;alert" in page.text for page in pages) == len(pages)


def _pages_about(sofia: Visitor, ada: Visitor, ines: Visitor, assistant: Assistant) -> list[tuple[Visitor, str]]:
    talked = f"/audit/conversations/{sofia.conversation}"
    called = f"/audit/conversations/{assistant.conversation.id}"
    return [
        *((sofia, path) for path in ("/audit/", talked, called)),
        *((ada, path) for path in ("/audit/", talked, called, "/audit/organization")),
        (ines, "/admin/people/"),
    ]


@ONE_ENGINE
def test_a_changed_event_shows_as_a_broken_chain(shop: ShopUnderTest, talk: Assistant) -> None:
    """An event whose outcome somebody rewrote in the database is named in the view."""
    refused = next(event for event in talk.events() if event.name == "tool_call.denied")
    with shop.database.write() as db:
        row = db.get_one(AuditEvent, refused.id)
        row.body = row.body.replace('"denied"', '"succeeded"')
    page = shop.sign_in(ADA).get(f"/audit/conversations/{talk.conversation.id}").text
    assert f"chain broken: event {refused.content['sequence']} was changed" in page


@ONE_ENGINE
@pytest.mark.holds("I10")
def test_who_reads_everything_is_asked_of_the_policy_and_of_no_name(shop: ShopUnderTest, talk: Assistant) -> None:
    """Under rules and a role of other names, who may read the whole organization's audit still reads it unmasked, and has the
    links of who may look after clients and people; a person who reads their own is still told nothing of the rule.
    """
    text = shop.services.policy.text.replace("auditor.audit.read", "oversight.reads").replace(
        "administrator.members.read,       administrator,", "oversight.members,                auditor,      "
    )
    shop.app.extensions["shop"] = replace(shop.services, policy=Policy(text))
    path = f"/audit/conversations/{talk.conversation.id}"
    ada, ines = shop.sign_in(ADA), shop.sign_in(INES)
    assert "default.not_yours" in ada.get(path).text
    assert "default.not_yours" not in talk.visitor.get(path).text
    assert 'href="/admin/people/"' in ada.get("/").text
    assert 'href="/admin/people/"' not in ines.get("/").text and 'href="/admin/agents/"' in ines.get("/").text
