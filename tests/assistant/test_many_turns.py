"""Many turns at once: how many a person and an organization may have, whose threads they take, and clients that went away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import func, select

from shop.assistant.turn.in_app_assistant import InAppAssistant, TurnPool
from shop.audit.denial_windows import FIRST
from shop.conversations.models import Conversation, Turn, TurnState
from shop.conversations.turns import TooManyTurns
from tests.assistant.scripted import Gate, OpenStream, ScriptedModel, call, end_of_all_turns, end_of_turn, text
from tests.support.at_once import at_once
from tests.support.clock import TestClock
from tests.support.people import GIL, MARA, NOAH, SOFIA, ShopUnderTest, Visitor
from tests.support.providers import BASE_URL
from tests.support.state import ONE_ENGINE

Building = Callable[..., ShopUnderTest]


@pytest.fixture
def gate() -> Iterator[Gate]:
    """Where the model waits; opened at the end, so that no thread outlives its test."""
    gate = Gate()
    yield gate
    gate.open()
    end_of_all_turns()


@pytest.fixture
def model(gate: Gate) -> ScriptedModel:
    """Says a word, waits, and says another one."""
    return ScriptedModel([*text("One. "), gate, *text("Two.")])


def another_tab(visitor: Visitor) -> Visitor:
    """The same browser, in no conversation yet."""
    return Visitor(visitor.shop, visitor.client, email=visitor.email, tokens=visitor.tokens)


def refusals(visitor: Visitor) -> list[dict[str, Any]]:
    """The facts of each refused message in the organization's trail."""
    events = visitor.shop.chain(visitor.principal().organization)
    return [event.content["facts"] for event in events if event.name == "message.refused"]


def stored(shop: ShopUnderTest) -> tuple[int, int]:
    """How many conversations and turns there are."""
    with shop.database.read() as db:
        conversations = db.scalar(select(func.count()).select_from(Conversation)) or 0
        return conversations, db.scalar(select(func.count()).select_from(Turn)) or 0


@pytest.mark.holds("LLM10")
def test_a_person_has_so_many_answers_under_way_and_no_more(
    build_shop: Building, model: ScriptedModel, gate: Gate
) -> None:
    """One more is refused with a sentence, on record, and nothing is stored; also when the browsers of the others are gone."""
    shop = build_shop(model=model, turns_per_person=2)
    sofia = shop.sign_in(SOFIA)
    streams = [OpenStream(another_tab(sofia), "hello") for _ in range(2)]
    streams[0].hang_up()
    before = stored(shop)
    refused = another_tab(sofia).say("and this?")
    assert refused.status == 429 and "busy with 2 answers in other conversations" in refused.html
    assert stored(shop) == before
    assert refusals(sofia) == [{"because": "too_many_turns", "of": "person", "limit": 2}]
    assert {another_tab(sofia).say("and this?").status for _ in range(FIRST)} == {429}
    assert len(refusals(sofia)) == FIRST, "further ones of a minute are counted"
    assert "One." in OpenStream(shop.sign_in(NOAH), "hello").read_until("One."), "a colleague goes on"
    gate.open()
    for stream in streams:
        end_of_turn(stream.turn)
    assert "Two." in another_tab(sofia).say("and this?").html


@pytest.mark.holds("LLM10")
def test_an_organization_has_so_many_answers_under_way_and_no_more(
    build_shop: Building, model: ScriptedModel, gate: Gate
) -> None:
    """Its cap is counted over its people and over all processes; another organization is not concerned."""
    shop, elsewhere = (build_shop(model=model, turns_per_organization=2) for _ in range(2))
    streams = [OpenStream(shop.sign_in(SOFIA), "hello"), OpenStream(elsewhere.sign_in(NOAH), "hello")]
    mara = shop.sign_in(MARA)
    refused = mara.say("hello")
    assert refused.status == 429 and "assistants of your organization are busy with 2 answers" in refused.html
    assert refusals(mara) == [{"because": "too_many_turns", "of": "organization", "limit": 2}]
    OpenStream(shop.sign_in(GIL), "hello").read_until("One.")
    gate.open()
    for stream in streams:
        stream.read_to_the_end()
    assert "Two." in mara.say("hello").html


@pytest.mark.holds("LLM10")
def test_of_many_that_begin_at_the_same_moment_as_many_begin_as_may(build_shop: Building, model: ScriptedModel) -> None:
    """Two that both see the last place do not both take it."""
    shop = build_shop(model=model, turns_per_person=3)
    sofia = shop.sign_in(SOFIA).principal()
    in_app: InAppAssistant = shop.app.extensions["in_app_assistant"]

    def begin() -> bool:
        try:
            in_app.messages.send(sofia, None, "hello")
        except TooManyTurns:
            return False
        return True

    assert sum(at_once([begin] * 6)) == 3 and stored(shop) == (3, 3)


def test_a_decision_waits_when_too_many_answers_are_under_way(build_shop: Building, gate: Gate) -> None:
    """Consent and receipt begin a turn too: refused, they stay open, and go on later from where they were."""
    mug = call("add_to_cart", '{"sku": "refresh-token-mug-ink"}')
    model = ScriptedModel([mug], [*text("Allow it.")], [gate, *text("One.")], [*text("It is in.")])
    shop = build_shop(model=model, turns_per_person=1)
    sofia = shop.sign_in(SOFIA)
    sofia.say("a mug")
    asked = sofia.latest_call("add_to_cart").id
    other = OpenStream(another_tab(sofia), "hello")
    gate.wait_until_reached()
    assert sofia.allow(asked).status == 429 and not sofia.latest_call("add_to_cart").settled
    assert "consent.granted" not in sofia.events()
    gate.open()
    other.read_to_the_end()
    assert "It is in." in sofia.allow(asked).html
    assert (sofia.latest_call("add_to_cart").outcome or {})["kind"] == "succeeded"


@ONE_ENGINE
def test_a_turn_whose_process_died_holds_no_place_for_ever(
    build_shop: Building, model: ScriptedModel, gate: Gate, clock: TestClock
) -> None:
    """A turn without a sign of life does not count any more."""
    shop = build_shop(model=model, turns_per_person=1)
    sofia = shop.sign_in(SOFIA)
    OpenStream(another_tab(sofia), "hello").hang_up()
    gate.wait_until_reached()
    assert another_tab(sofia).say("hello").status == 429
    clock.pass_by(minutes=2)
    OpenStream(another_tab(sofia), "hello").read_until("One.")


@ONE_ENGINE
@pytest.mark.holds("LLM10")
def test_turns_take_no_more_threads_than_their_pool_has(build_shop: Building, model: ScriptedModel, gate: Gate) -> None:
    """When all of them are taken, the next message is refused before anything is stored, and the rest of the shop goes on."""
    shop = build_shop(model=model, turn_threads=1)
    sofia, noah = shop.sign_in(SOFIA), shop.sign_in(NOAH)
    stream = OpenStream(sofia, "hello")
    before = stored(shop)
    refused = noah.say("hello")
    assert refused.status == 503 and "All assistants of the shop are busy." in refused.html
    assert stored(shop) == before and refusals(noah) == [{"because": "too_many_turns", "of": "process", "limit": None}]
    assert noah.get("/cart").status_code == 200
    gate.open()
    stream.read_to_the_end()
    assert "Two." in noah.say("hello").html


@ONE_ENGINE
def test_a_turn_that_finds_the_last_thread_taken_ends_and_says_so(build_shop: Building, gate: Gate) -> None:
    """Two that began at the same moment, one thread: the other one is not left running for nobody."""
    model = ScriptedModel([gate, *text("One.")])
    shop = build_shop(model=model, turn_threads=1)
    sofia = shop.sign_in(SOFIA)
    in_app: InAppAssistant = shop.app.extensions["in_app_assistant"]
    first, second = (in_app.messages.send(sofia.principal(), None, "hello") for _ in range(2))
    in_app.run(first)
    assert list(in_app.run(second)) == []
    sofia.conversation = second.conversation.id
    (turn,) = sofia.turns()
    assert (turn.state, turn.error_code) == (TurnState.FAILED, "busy") and sofia.events()[-1] == "turn.failed"
    gate.open()
    end_of_turn(first.turn.id)


def test_when_the_program_ends_its_turns_end_too(build_shop: Building, model: ScriptedModel, gate: Gate) -> None:
    """A turn ends at the next word of its model, stored and recorded as stopped; it can be tried again, elsewhere."""
    shop = build_shop(model=model)
    sofia = shop.sign_in(SOFIA)
    stream = OpenStream(sofia, "hello")
    stream.read_until("One.")
    pool: TurnPool = shop.app.extensions["in_app_assistant"].pool
    pool.close(patience=0)
    gate.open()
    assert "The shop was restarted." in stream.read_to_the_end()
    pool.close()
    (turn,) = sofia.turns()
    assert (turn.state, turn.error_code, [item.text for item in turn.items]) == (
        TurnState.STOPPED,
        "shop_closed",
        ["One. "],
    )
    assert sofia.events()[-1] == "turn.stopped"
    assert sofia.say("more").status == 503, "a shop that is closing begins nothing"
    restarted = build_shop(model=model)
    after = Visitor(restarted, restarted.app.test_client(), email=SOFIA, conversation=sofia.conversation)
    after.client._cookies = sofia.client._cookies
    assert "Two." in after.post(f"/assistant/{sofia.conversation}/turns/{turn.id}/retry").text


@ONE_ENGINE
@pytest.mark.holds("LLM10")
def test_streams_leave_threads_to_everybody_else(build_shop: Building, model: ScriptedModel, gate: Gate) -> None:
    """Where no more streams may be open, the answer runs all the same, and its page is told to look for it."""
    shop = build_shop(model=model, threads=2)
    stream = OpenStream(shop.sign_in(SOFIA), "hello")
    noah = shop.sign_in(NOAH)
    short = noah.say("hello")
    assert short.status == 200 and short.mimetype == "text/event-stream" and "One." not in short.html
    assert 'data-state="running"' in short.html and noah.turns()[0].state is TurnState.RUNNING
    gate.open()
    stream.read_to_the_end()
    end_of_turn(noah.turns()[0].id)
    assert "One. Two." in noah.get(f"/assistant/{noah.conversation}/turns/{noah.turns()[0].id}").text
    assert "Two." in noah.say("more").html, "there is room again"


@ONE_ENGINE
def test_a_lost_client_frees_its_thread_and_its_place_while_the_turn_goes_on(
    build_shop: Building, model: ScriptedModel, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stream ends as soon as the server says that its client is gone; the turn completes, is stored, and counts till then."""
    monkeypatch.setattr("shop.assistant.web.event_stream.LOOK_SECONDS", 0.01)
    shop = build_shop(model=model, threads=2, turns_per_person=2)
    sofia = shop.sign_in(SOFIA)
    data, headers = {"message": "hello", "csrf_token": sofia.csrf_token()}, {"Referer": BASE_URL}
    gone = {"waitress.client_disconnected": lambda: True}
    with sofia.client.post(
        "/assistant/", base_url=BASE_URL, data=data, headers=headers, environ_overrides=gone
    ) as response:
        sent = response.get_data(as_text=True)  # returns, although the model waits at its gate
    assert 'data-state="running"' in sent and "Two." not in sent
    other = OpenStream(another_tab(sofia), "hello")
    other.read_until("One.")
    assert another_tab(sofia).say("hello").status == 429
    gate.open()
    other.read_to_the_end()
    with shop.database.read() as db:
        first = db.scalars(select(Turn).order_by(Turn.started_at)).first()
    assert first
    end_of_turn(first.id)
    with shop.database.read() as db:
        turn = db.get_one(Turn, first.id)
    assert (turn.state, [item.text for item in turn.items]) == (TurnState.COMPLETED, ["One. Two."])


@ONE_ENGINE
def test_a_stream_with_nothing_to_say_writes_a_comment(
    build_shop: Building, model: ScriptedModel, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a server which learns of a lost client only by writing does learn of it; a page skips it."""
    monkeypatch.setattr("shop.assistant.web.event_stream.LOOK_SECONDS", 0.01)
    stream = OpenStream(build_shop(model=model).sign_in(SOFIA), "hello")
    stream.read_until("One.")
    assert stream.read_until(":\n\n:\n\n")
    gate.open()
    assert "Two." in stream.read_to_the_end()
