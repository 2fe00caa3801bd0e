"""Authority that ends or pauses while a turn runs: the next proposed call is refused, and nothing more leaves for the model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import timedelta

import pytest

from shop.assistant.model.response_events import Thinking
from shop.assistant.turn import loop as turn_module
from shop.assistant.turn.in_app_assistant import InAppAssistant
from shop.assistant.turn.loop import LAST_CALL, CallChanged, Flag, Stopped, TurnEnded, TurnLoop
from shop.conversations.models import TurnState
from shop.credentials.end_reasons import EndReason
from shop.credentials.ledger import Authority, NotAlive, live, lock
from tests.assistant.scripted import Gate, OpenStream, ScriptedModel, call, text
from tests.support.clock import TestClock
from tests.support.people import INES, SOFIA, ShopUnderTest, Visitor
from tests.support.providers import BASE_URL
from tests.support.state import ONE_ENGINE

SEARCH = call("search_products", '{"query": "hoodie"}')
Building = Callable[..., ShopUnderTest]


@pytest.fixture
def gate() -> Iterator[Gate]:
    """Where the model waits; opened at the end, so that no thread outlives its test."""
    gate = Gate()
    yield gate
    gate.open()


@pytest.fixture
def model(gate: Gate) -> ScriptedModel:
    """Proposes two calls once the gate is open, and would go on to talk."""
    return ScriptedModel([*text("I will look. "), gate, SEARCH, SEARCH], text("Two fit."))


@pytest.fixture
def sofia(build_shop: Building, model: ScriptedModel) -> Visitor:
    """Sofia, whose assistant's model waits at the gate."""
    return build_shop(model=model).sign_in(SOFIA)


def sign_out_everywhere(sofia: Visitor) -> None:
    sofia.shop.sign_in(SOFIA).post("/sessions/end-all")


def sign_out_here(sofia: Visitor) -> None:
    sofia.post("/sign-out")


def suspend(sofia: Visitor) -> None:
    ines = sofia.shop.sign_in(INES)
    assert ines.post(f"/admin/people/{sofia.principal().membership}/suspend").status_code in {200, 303}


def pause(sofia: Visitor) -> None:
    assert sofia.post("/assistant/pause").status_code == 303


@pytest.mark.holds("I9", "I12", "ASI08", "ASI10")
@pytest.mark.parametrize(
    ("revoke", "because", "rule", "said"),
    [
        (
            sign_out_everywhere,
            "signed_out_everywhere",
            "credential.session.ended",
            "You signed out everywhere.",
        ),
        (sign_out_here, "signed_out", "credential.session.ended", "The sign-in that this ran under has ended."),
        (suspend, "suspended", "credential.membership.suspended", "Your account was suspended."),
        (pause, "paused", "credential.membership.paused", "Your assistant is paused."),
    ],
    ids=["signed out everywhere", "signed out here", "suspended", "paused"],
)
def test_the_next_proposed_call_is_refused_recorded_and_the_last_thing_that_happens(
    sofia: Visitor,
    model: ScriptedModel,
    gate: Gate,
    revoke: Callable[[Visitor], None],
    because: str,
    rule: str,
    said: str,
) -> None:
    """The call is denied and recorded, the turn ends and says why, and the model is sent nothing after the revocation."""
    stream = OpenStream(sofia, "hoodies")
    gate.wait_until_reached()
    revoke(sofia)
    gate.open()
    assert said in stream.read_to_the_end()
    assert len(model.received) == 1
    (turn,) = sofia.turns()
    assert (turn.state, turn.error_code, turn.error_text) == (TurnState.STOPPED, because, said)
    (refused,) = [item for item in turn.items if item.tool]
    assert (refused.tool, (refused.outcome or {})["kind"]) == ("search_products", "denied")
    denied, stopped = sofia.shop.chain(str(sofia.conversation))[-2:]
    assert (denied.name, stopped.name) == ("tool_call.denied", "turn.stopped")
    assert (denied.content["decision"]["rule"], denied.content["tool_call"]) == (rule, refused.id)
    assert stopped.content["facts"]["because"] == because


@pytest.mark.holds("I9", "I12")
@ONE_ENGINE
def test_a_call_that_was_begun_before_the_revocation_is_refused_on_record(
    build_shop: Building, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model is heard out when it has begun a call, even if the turn sees the revocation before all of the call has come."""
    monkeypatch.setattr(turn_module, "STORE_EVERY", 0.0)
    sofia = build_shop(model=ScriptedModel([gate, Thinking(calls=True), Thinking(), SEARCH])).sign_in(SOFIA)
    stream = OpenStream(sofia, "hoodies")
    gate.wait_until_reached()
    sign_out_everywhere(sofia)
    gate.open()
    assert "You signed out everywhere." in stream.read_to_the_end()
    (turn,) = sofia.turns()
    assert (turn.state, turn.error_code) == (TurnState.STOPPED, "signed_out_everywhere")
    assert [(item.outcome or {})["kind"] for item in turn.items if item.tool] == ["denied"]
    events = [str(event.name) for event in sofia.shop.chain(str(sofia.conversation))]
    assert events[-2:] == ["tool_call.denied", "turn.stopped"]


@ONE_ENGINE
def test_words_end_with_the_authority(build_shop: Building, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that talks on after a call that it began is not heard out: the turn ends at its next word."""
    monkeypatch.setattr(turn_module, "STORE_EVERY", 0.0)
    answer = [gate, Thinking(calls=True), *text("And "), *text("another thing. "), SEARCH]
    sofia = build_shop(model=ScriptedModel(answer)).sign_in(SOFIA)
    stream = OpenStream(sofia, "hoodies")
    gate.wait_until_reached()
    sign_out_everywhere(sofia)
    gate.open()
    stream.read_to_the_end()
    (turn,) = sofia.turns()
    assert turn.state is TurnState.STOPPED and not [item for item in turn.items if item.tool]
    assert "another" not in "".join(item.text or "" for item in turn.items)


@pytest.mark.parametrize(
    ("because", "is_calling", "seconds", "goes_on"),
    [
        (EndReason.SIGNED_OUT_EVERYWHERE, True, LAST_CALL - 0.1, True),
        (EndReason.SIGNED_OUT_EVERYWHERE, True, LAST_CALL, False),
        (EndReason.SIGNED_OUT_EVERYWHERE, False, 0.0, False),
        (EndReason.STOPPED_BY_PERSON, True, 0.0, False),
    ],
)
def test_how_long_a_begun_call_is_waited_for(
    because: EndReason, is_calling: bool, seconds: float, goes_on: bool
) -> None:
    """A moment, when authority ended and a call was begun; not at all when the person pressed Stop."""
    flag = Flag()
    if is_calling and because is not EndReason.STOPPED_BY_PERSON:
        flag.heed(because, 100.0, is_calling=True)
    with nullcontext() if goes_on else pytest.raises(Stopped, match=because):
        flag.heed(because, 100.0 + seconds, is_calling=is_calling)


@pytest.mark.holds("I12")
@pytest.mark.parametrize("revoke", [sign_out_everywhere, suspend, pause])
def test_a_result_does_not_leave_when_authority_ends_just_after_its_call(
    build_shop: Building, revoke: Callable[[Visitor], None]
) -> None:
    """A call that was done just before the revocation keeps its result, and the model never gets it."""
    model = ScriptedModel([SEARCH], text("Two fit."))
    sofia = build_shop(model=model).sign_in(SOFIA)
    shop = sofia.shop
    begun = InAppAssistant(shop.database, shop.gateway, model, shop.services.settings).messages.send(
        sofia.principal(), None, "hoodies"
    )
    steps = TurnLoop(shop.database, shop.gateway, model, tool_call_limit=12).run(begun.assistant, begun.turn)
    assert [type(next(steps)) for _ in range(2)] == [CallChanged, CallChanged]
    revoke(sofia)
    assert [type(step) for step in steps] == [TurnEnded]
    assert len(model.received) == 1
    assert [str(event.name) for event in shop.chain(begun.conversation.id)][-1] == "turn.stopped"


@pytest.mark.holds("I12", "ASI08")
@ONE_ENGINE
def test_a_message_to_a_paused_assistant_does_not_reach_the_model(build_shop: Building) -> None:
    """While paused, a message is kept, the model is not asked, and the page says so; after Resume, Retry answers it."""
    model = ScriptedModel(text("Good morning."))
    sofia = build_shop(model=model).sign_in(SOFIA)
    pause(sofia)
    assert "Your assistant is paused." in sofia.say("hello").html
    assert model.received == [] and sofia.turns()[0].error_code == "paused"
    sofia.post("/assistant/resume")
    retried = sofia.post(f"/assistant/{sofia.conversation}/turns/{sofia.turns()[0].id}/retry")
    assert "Good morning." in retried.get_data(as_text=True)


@ONE_ENGINE
def test_a_delegation_that_expires_while_a_turn_runs_ends_it(
    sofia: Visitor, model: ScriptedModel, gate: Gate, clock: TestClock
) -> None:
    """The assistant's authority lives for a while only: when it has expired, the next call is refused."""
    stream = OpenStream(sofia, "hoodies")
    gate.wait_until_reached()
    delegation = sofia.turns()[0].delegation
    with sofia.shop.database.write() as db:
        lock(db, delegation).expires_at = clock() + timedelta(seconds=1)
    clock.pass_by(seconds=2)
    gate.open()
    stream.read_to_the_end()
    denied = sofia.shop.chain(str(sofia.conversation))[-2]
    assert denied.content["decision"]["rule"] == "credential.delegation.expired"
    assert sofia.turns()[0].state is TurnState.STOPPED and len(model.received) == 1


@pytest.mark.parametrize("same_browser", [False, True], ids=["another browser", "another tab"])
def test_the_next_message_after_signing_out_elsewhere_asks_to_sign_in(build_shop: Building, same_browser: bool) -> None:
    """A message from a page whose session has ended is answered with why, and a link that comes back; nothing is kept."""
    model = ScriptedModel(text("Good morning."))
    sofia = build_shop(model=model).sign_in(SOFIA)
    sofia.say("hello")
    token = sofia.csrf_token()
    person, path = sofia.principal(), f"/assistant/{sofia.conversation}/messages"
    (sofia if same_browser else sofia.shop.sign_in(SOFIA)).post("/sessions/end-all")
    refused = sofia.client.post(
        path, base_url=BASE_URL, data={"message": "more", "csrf_token": token}, headers={"Referer": BASE_URL}
    )
    assert refused.status_code == 401 and "You are signed out." in refused.text
    assert f"/sign-in?next=/assistant/{sofia.conversation}" in refused.text
    assert same_browser or "You signed out everywhere." in refused.text
    assert len(sofia.turns()) == 1 and len(model.received) == 1
    with sofia.shop.database.read() as db, pytest.raises(NotAlive):
        live(db, person)


@ONE_ENGINE
def test_a_session_that_ends_between_two_readings_of_one_request_asks_to_sign_in_too(
    build_shop: Building, clock: TestClock
) -> None:
    """The transaction that begins a turn looks again: a session that has just expired there is answered like any other."""
    model = ScriptedModel(text("Good morning."))
    sofia = build_shop(model=model).sign_in(SOFIA)
    token = sofia.csrf_token()
    session = sofia.principal().session
    with sofia.shop.database.read() as db:
        expires_at = db.get_one(Authority, session).expires_at
    assert expires_at
    clock.now = expires_at - timedelta(
        milliseconds=2
    )  # each reading is a millisecond later: alive at the first one only
    refused = sofia.client.post(
        "/assistant/", base_url=BASE_URL, data={"message": "hi", "csrf_token": token}, headers={"Referer": BASE_URL}
    )
    assert refused.status_code == 401 and "You are signed out." in refused.text
    assert model.received == []
