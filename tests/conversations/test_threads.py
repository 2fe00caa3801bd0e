"""Conversations: each is one person's in one organization; its id opens it to nobody else."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from shop.authorization.decisions import AccessDenied
from shop.conversations import threads
from shop.conversations.models import Conversation
from shop.conversations.threads import TITLE_CHARACTERS, BadTitle, title_of
from shop.credentials.ledger import NotAlive
from shop.revocation import cascade
from tests.support.people import FINN, GIL, MARA, SOFIA, ShopUnderTest, Visitor
from tests.support.state import ONE_ENGINE


def start(visitor: Visitor, message: str) -> str:
    person = visitor.principal()
    with visitor.shop.database.write() as db:
        return threads.start(db, visitor.shop.services.policy, person, message).id


def titles(visitor: Visitor) -> list[str]:
    person = visitor.principal()
    with visitor.shop.database.read() as db:
        return [conversation.title for conversation in threads.of_person(db, person)]


def test_a_conversation_is_started_with_its_event(shop: ShopUnderTest) -> None:
    """Starting one stores whose it is, and records it as the first event of its own chain, the title beside the facts."""
    sofia = shop.sign_in(SOFIA)
    person, identifier = sofia.principal(), start(sofia, "mugs, please")
    with shop.database.read() as db:
        found = threads.opened(db, shop.services.policy, person, identifier)
    assert (found.subject, found.organization) == (person.subject, person.organization)
    assert (found.title, found.source) == ("Mugs, please", "server_minted")
    (started,) = shop.chain(identifier)
    assert (started.name, started.content["subject"]) == ("conversation.started", person.subject)
    assert started.content["facts"] == {"source": "server_minted"} and started.personal == {"title": "Mugs, please"}


@pytest.mark.holds("I10", "I11", "M4", "ASVS-8.2.2")
def test_only_its_own_person_opens_a_conversation(shop: ShopUnderTest) -> None:
    """A colleague, somebody of another organization, and anybody with an id that is none are refused with one code."""
    sofia = shop.sign_in(SOFIA)
    identifier = start(sofia, "mugs")
    refusals = []
    for visitor, wanted in ((shop.sign_in(MARA), identifier), (shop.sign_in(GIL), identifier), (sofia, "cnv_none")):
        person = visitor.principal()
        with shop.database.read() as db, pytest.raises(AccessDenied) as refused:
            threads.opened(db, shop.services.policy, person, wanted)
        refusals.append(refused.value.decision)
    assert {str(refusal.for_model()) for refusal in refusals} == {str(refusals[0].for_model())}
    assert [refusal.rule for refusal in refusals] == [
        "default.not_yours",
        "deny.other_organization",
        "default.not_there",
    ]


@ONE_ENGINE
@pytest.mark.holds("I10")
def test_a_list_holds_ones_own_latest_first(shop: ShopUnderTest) -> None:
    """The list on the left has the person's own conversations, the one that was active last on top, grouped by day."""
    sofia, mara = shop.sign_in(SOFIA), shop.sign_in(MARA)
    start(mara, "of mara")
    for message in ("first", "second"):
        start(sofia, message)
    assert titles(sofia) == ["Second", "First"] and titles(mara) == ["Of mara"]
    page = sofia.get("/assistant/").text
    assert page.index("Second") < page.index("First") and "Of mara" not in page and "Today" in page


@ONE_ENGINE
def test_talking_moves_a_conversation_to_the_top(shop: ShopUnderTest) -> None:
    """A message makes its conversation the latest."""
    sofia = shop.sign_in(SOFIA)
    sofia.say("hello")
    first, sofia.conversation = sofia.conversation, None
    sofia.say("thanks")
    assert titles(sofia) == ["Thanks", "Hello"]
    sofia.conversation = first
    sofia.say("bye")
    assert titles(sofia) == ["Hello", "Thanks"]


@ONE_ENGINE
def test_a_list_is_grouped_by_day(shop: ShopUnderTest) -> None:
    """Today, yesterday, the week before, and all that is older stand under headings of their own."""
    sofia = shop.sign_in(SOFIA)
    for days in (0, 1, 2, 7, 8):
        identifier = start(sofia, f"{days} days ago")
        with shop.database.write() as db:
            db.get_one(Conversation, identifier).active_at -= timedelta(days=days)
    page = sofia.get("/assistant/").text
    shown = re.findall(r'"group">([^<]+)<|>(\d days ago)<', page)
    assert [group or title for group, title in shown] == [
        *("Today", "0 days ago", "Yesterday", "1 days ago", "Last week", "2 days ago", "7 days ago"),
        *("Earlier", "8 days ago"),
    ]


@pytest.mark.holds("I10")
def test_a_search_finds_what_was_said_and_answered_in_ones_own_conversations(shop: ShopUnderTest) -> None:
    """Every word must stand somewhere, in title, message or answer, in any case; wildcards are plain characters."""
    sofia, mara = shop.sign_in(SOFIA), shop.sign_in(MARA)
    sofia.say("black hoodies under 60, in L")
    start(sofia, "100% wool_socks")
    start(mara, "hoodies of mara")
    person = sofia.principal()
    found = {}
    for words in ("HOODIES", "black three", "three fit", "hoodies nowhere", "100% wool", "%", "_", "100_", "mara"):
        with shop.database.read() as db:
            found[words] = [conversation.title for conversation in threads.search(db, person, words)]
    hoodies, socks = ["Black hoodies under 60, in L"], ["100% wool_socks"]
    assert found == {
        **{"HOODIES": hoodies, "black three": hoodies, "three fit": hoodies, "hoodies nowhere": []},
        **{"100% wool": socks, "%": socks, "_": socks, "100_": [], "mara": []},
    }


def test_a_conversation_is_renamed_with_its_event(shop: ShopUnderTest) -> None:
    """The new title is stored and recorded beside the facts; the same title again is no event, an unusable one an error."""
    sofia = shop.sign_in(SOFIA)
    identifier = start(sofia, "mugs")
    person, policy = sofia.principal(), shop.services.policy
    for title in ("  For the\n team ", "For the team"):
        with shop.database.write() as db:
            threads.rename(db, policy, person, identifier, title)
    for title in ("", " \n ", "x" * (TITLE_CHARACTERS + 1)):
        with pytest.raises(BadTitle), shop.database.write() as db:
            threads.rename(db, policy, person, identifier, title)
    assert titles(sofia) == ["For the team"]
    _, renamed = shop.chain(identifier)
    assert (renamed.name, renamed.personal) == ("conversation.renamed", {"title": "For the team"})
    mara = shop.sign_in(MARA).principal()
    with pytest.raises(AccessDenied), shop.database.write() as db:
        threads.rename(db, policy, mara, identifier, "Mine now")


@ONE_ENGINE
def test_a_guest_may_talk_too(shop: ShopUnderTest) -> None:
    """Whoever may look may have a conversation: what is done in it is another question."""
    finn = shop.sign_in(FINN)
    start(finn, "hello")
    assert titles(finn) == ["Hello"]


@pytest.mark.holds("I9")
def test_somebody_who_is_signed_out_starts_nothing(shop: ShopUnderTest) -> None:
    """Liveness is asked in the very transaction: a principal from before a sign-out is nobody."""
    sofia = shop.sign_in(SOFIA)
    person = sofia.principal()
    with shop.database.write() as db:
        cascade.sign_out(db, person)
    with pytest.raises(NotAlive), shop.database.write() as db:
        threads.start(db, shop.services.policy, person, "hello")


@pytest.mark.parametrize(
    ("message", "title"),
    [
        ("black hoodies", "Black hoodies"),
        ("  black\n\n hoodies\t", "Black hoodies"),
        ("x" * 60, "X" + "x" * 59),
        ("x" * 61, "X" + "x" * 58 + "…"),
        ("word " * 20, "Word " + "word " * 10 + "word…"),
        ("ß", "SS"),
        ("𝒽ello 👋", "𝒽ello 👋"),
    ],
)
def test_a_title_is_the_beginning_of_the_first_message(message: str, title: str) -> None:
    """One line of at most sixty characters, its first letter a capital."""
    assert title_of(message) == title
    assert len(title) <= 60
