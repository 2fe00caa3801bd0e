"""Conversations: each is one person's in one organization; its id opens it to nobody else."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shop.authorization.decisions import Denied
from shop.conversations import threads
from shop.conversations.models import Conversation
from shop.conversations.threads import title_of
from shop.credentials.ledger import NotAlive
from shop.revocation import cascade
from tests.support.people import FINN, GIL, MARA, SOFIA, ShopUnderTest, Visitor

ONE_ENGINE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


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
        with shop.database.read() as db, pytest.raises(Denied) as refused:
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
def test_conversations_of_other_days_stand_under_earlier(shop: ShopUnderTest) -> None:
    """The list tells today's from earlier ones."""
    sofia = shop.sign_in(SOFIA)
    earlier = start(sofia, "yesterday")
    start(sofia, "today")
    with shop.database.write() as db:
        db.get_one(Conversation, earlier).active_at -= timedelta(days=1)
    page = sofia.get("/assistant/").text
    places = [page.index(text) for text in ('"group">Today<', f"/{earlier}")]
    assert page.count('class="group"') == 2
    assert places[0] < page.index('"group">Earlier<') < places[1]


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
