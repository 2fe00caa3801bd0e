"""While a turn runs: Stop, a lost connection, a reload, a second message, another tab, a process that dies."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from shop.assistant.turn.in_app_assistant import InAppAssistant
from shop.conversations import turns
from shop.conversations.models import ItemKind, TurnState
from shop.conversations.threads import of_person
from tests.assistant import upstream as wire
from tests.assistant.scripted import Gate, OpenStream, ScriptedModel, Step, call, end_of_turn, text
from tests.assistant.upstream import Upstream
from tests.support.clock import TestClock
from tests.support.people import SOFIA, ShopUnderTest, Visitor
from tests.support.state import ONE_ENGINE

SEARCH = call("search_products", '{"query": "hoodie"}')
MUG = call("add_to_cart", '{"sku": "refresh-token-mug-ink"}')


@pytest.fixture
def gate() -> Iterator[Gate]:
    """Where the model waits; opened at the end, so that no thread outlives its test."""
    gate = Gate()
    yield gate
    gate.open()


Building = Callable[..., ShopUnderTest]


def gated(build_shop: Building, *answers: list[Step]) -> tuple[Visitor, ScriptedModel]:
    """Sofia, in a shop whose model gives these answers."""
    model = ScriptedModel(*answers)
    return build_shop(model=model).sign_in(SOFIA), model


def stop(visitor: Visitor, turn: str) -> int:
    return visitor.post(f"/assistant/{visitor.conversation}/turns/{turn}/stop").status_code


def test_stop_ends_the_turn_and_keeps_what_was_said(
    build_shop: Building, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stop is heeded at the model's next word: its text stays, its proposal is not made, and Retry can go on."""
    monkeypatch.setattr("shop.assistant.turn.loop.STORE_EVERY", 0)
    sofia, model = gated(build_shop, [*text("I will ", "look. "), gate, *text("Now."), SEARCH], text("Here."))
    stream = OpenStream(sofia, "hoodies")
    stream.read_until("I will look.")
    gate.wait_until_reached()
    assert stop(sofia, stream.turn) == 204
    gate.open()
    assert "You stopped it." in stream.read_to_the_end()
    (turn,) = sofia.turns()
    assert (turn.state, turn.error_code, len(model.received)) == (TurnState.STOPPED, "person", 1)
    assert [(item.kind, item.text) for item in turn.items] == [(ItemKind.TEXT, "I will look. Now.")]
    stopped = sofia.shop.chain(str(sofia.conversation))[-1]
    assert (stopped.name, stopped.content["facts"]["because"]) == ("turn.stopped", "person")
    assert stopped.personal == {"reply": "I will look. Now."}
    sofia.post(f"/assistant/{sofia.conversation}/turns/{turn.id}/retry").get_data()
    assert [turn.state for turn in sofia.turns()] == [TurnState.STOPPED, TurnState.COMPLETED]


@ONE_ENGINE
@pytest.mark.holds("ASI10")
def test_stop_is_heeded_before_each_proposed_call(build_shop: Building, gate: Gate) -> None:
    """A call that was already on its way from the model when Stop was pressed is not made."""
    sofia, _ = gated(build_shop, [SEARCH, gate, MUG])
    stream = OpenStream(sofia, "hoodies")
    gate.wait_until_reached()
    assert stop(sofia, stream.turn) == 204
    gate.open()
    stream.read_to_the_end()
    assert sofia.turns()[0].state is TurnState.STOPPED and sofia.turns()[0].items == []
    assert sofia.events()[-2:] == ["message.received", "turn.stopped"]


@ONE_ENGINE
def test_stop_is_heeded_while_the_model_only_thinks(
    talking: ShopUnderTest, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that reasons and says nothing gives a sign of life, at which Stop is seen: nobody waits for its words."""
    monkeypatch.setattr("shop.assistant.turn.loop.STORE_EVERY", 0)
    begin, end = threading.Event(), threading.Event()
    upstream.will(wire.thinks(begin, end))
    sofia = talking.sign_in(SOFIA)
    stream = OpenStream(sofia, "hoodies")
    assert stop(sofia, stream.turn) == 204
    begin.set()
    assert "You stopped it." in stream.read_to_the_end()
    assert not end.is_set() and sofia.turns()[0].items == []
    end.set()


@ONE_ENGINE
def test_stop_from_another_process_is_heeded_too(build_shop: Building, gate: Gate) -> None:
    """Stop is a stored flag: it reaches a turn that another process runs."""
    sofia, _ = gated(build_shop, [gate, SEARCH])
    stream = OpenStream(sofia, "hoodies")
    gate.wait_until_reached()
    other = build_shop()
    elsewhere = Visitor(other, other.app.test_client(), email=SOFIA, conversation=sofia.conversation)
    elsewhere.client._cookies = sofia.client._cookies
    assert stop(elsewhere, stream.turn) == 204
    gate.open()
    stream.read_to_the_end()
    assert sofia.turns()[0].state is TurnState.STOPPED


@ONE_ENGINE
def test_stopping_what_has_ended_changes_nothing(build_shop: Building) -> None:
    """Stop after the end is answered like Stop, and the turn stays as it was."""
    sofia, _ = gated(build_shop, text("Hello."))
    sofia.say("hello")
    assert stop(sofia, sofia.turns()[0].id) == 204
    assert sofia.turns()[0].state is TurnState.COMPLETED and sofia.turns()[0].stop_requested is None


@pytest.mark.parametrize("at_once", [True, False], ids=["before the first word", "after it"])
def test_a_lost_connection_is_not_stop(build_shop: Building, gate: Gate, at_once: bool) -> None:
    """When the browser goes away the turn goes on, and a reload shows the whole answer."""
    sofia, _ = gated(build_shop, [*text("I will look. "), gate, SEARCH], text("Two fit."))
    if at_once:
        sofia.post("/assistant/", message="hoodies").close()
        person = sofia.principal()
        with sofia.shop.database.read() as db:
            sofia.conversation = of_person(db, person)[0].id
    else:
        stream = OpenStream(sofia, "hoodies")
        stream.read_until("I will look.")
        stream.hang_up()
    gate.wait_until_reached()
    gate.open()
    end_of_turn(sofia.turns()[0].id)
    (turn,) = sofia.turns()
    assert turn.state is TurnState.COMPLETED
    assert [item.text or item.tool for item in turn.items] == ["I will look. ", "search_products", "Two fit."]
    assert sofia.events()[-3:] == ["message.received", "tool_call.succeeded", "turn.completed"]
    page = sofia.get(f"/assistant/{sofia.conversation}").text
    assert "Two fit." in page and "hx-trigger" not in page.partition('id="log"')[2].partition('class="composer"')[0]


@ONE_ENGINE
def test_a_reload_shows_the_text_so_far_and_asks_again_until_the_end(
    build_shop: Building, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page loaded while a turn runs shows what there is, offers Stop, and polls the turn until it has ended."""
    monkeypatch.setattr("shop.assistant.turn.loop.STORE_EVERY", 0)
    sofia, _ = gated(build_shop, [*text("So far ", "so good. "), gate, *text("Done.")])
    stream = OpenStream(sofia, "hoodies")
    gate.wait_until_reached()
    page = sofia.get(f"/assistant/{sofia.conversation}").text
    path = f"/assistant/{sofia.conversation}/turns/{stream.turn}"
    assert "So far so good." in page and f'hx-get="{path}" hx-trigger="load delay:1s"' in page
    assert f'action="{path}/stop"' in page
    polled = sofia.get(path).text
    assert "So far so good." in polled and "hx-trigger" in polled
    gate.open()
    stream.read_to_the_end()
    polled = sofia.get(path).text
    assert "So far so good. Done." in polled and f'hx-get="{path}"' not in polled


def test_a_second_message_while_one_runs_is_refused(build_shop: Building, gate: Gate) -> None:
    """One turn at a time, in whichever tab: the second message is refused, stored nowhere, and the first goes on."""
    sofia, model = gated(build_shop, [gate, *text("First.")])
    stream = OpenStream(sofia, "one")
    gate.wait_until_reached()
    second_tab = sofia.say("two")
    assert second_tab.status == 409 and "still answering" in second_tab.html
    retried = sofia.post(f"/assistant/{sofia.conversation}/turns/{stream.turn}/retry")
    assert retried.status_code == 409
    gate.open()
    stream.read_to_the_end()
    assert [turn.message for turn in sofia.turns()] == ["one"] and len(model.received) == 1
    assert sofia.events().count("message.received") == 1
    assert "First." in sofia.say("two").html


@ONE_ENGINE
def test_two_conversations_run_side_by_side(build_shop: Building, gate: Gate) -> None:
    """A running turn in one tab does not hold up another conversation in another tab."""
    sofia, _ = gated(build_shop, [gate, *text("First.")], text("Second."))
    stream = OpenStream(sofia, "one")
    gate.wait_until_reached()
    other_tab = Visitor(sofia.shop, sofia.client, email=SOFIA)
    assert "Second." in other_tab.say("two").html
    gate.open()
    assert "First." in stream.read_to_the_end()
    assert sofia.conversation != other_tab.conversation


def test_a_turn_whose_process_died_shows_as_interrupted_and_can_be_tried_again(
    build_shop: Building, gate: Gate, clock: TestClock
) -> None:
    """A turn without a sign of life is shown as interrupted; Retry goes on from what it had done."""
    sofia, model = gated(build_shop, [SEARCH], [gate], text("Two fit."))
    stream = OpenStream(sofia, "hoodies")
    gate.wait_until_reached()
    stream.hang_up()
    clock.pass_by(minutes=2)
    page = sofia.get(f"/assistant/{sofia.conversation}").text
    assert "interrupted" in page and "hx-trigger" not in page.partition('id="log"')[2].partition('class="composer"')[0]
    retried = sofia.post(f"/assistant/{sofia.conversation}/turns/{stream.turn}/retry")
    assert retried.status_code == 200 and "Two fit." in retried.get_data(as_text=True)
    assert [turn.state for turn in sofia.turns()] == [TurnState.INTERRUPTED, TurnState.COMPLETED]
    assert [item["type"] for item in model.received[-1][1:]] == ["function_call", "function_call_output"]
    gate.open()
    end_of_turn(stream.turn)


@pytest.mark.holds("I13")
def test_a_process_that_wakes_up_after_it_was_given_up_does_nothing_more(
    build_shop: Building, gate: Gate, clock: TestClock
) -> None:
    """What an interrupted turn still wanted to do is not done beside the turn that took its place."""
    sofia, _ = gated(build_shop, [gate, SEARCH], text("Again."))
    stream = OpenStream(sofia, "hoodies")
    gate.wait_until_reached()
    clock.pass_by(minutes=2)
    sofia.post(f"/assistant/{sofia.conversation}/turns/{stream.turn}/retry").get_data()
    gate.open()
    stream.read_to_the_end()
    assert "tool_call.succeeded" not in sofia.events()
    assert [turn.state for turn in sofia.turns()] == [TurnState.INTERRUPTED, TurnState.COMPLETED]
    assert sofia.events()[-2:] == ["message.received", "turn.completed"]


@ONE_ENGINE
@pytest.mark.holds("I13")
def test_a_call_that_was_done_just_before_the_process_died_is_known_when_it_is_tried_again(
    build_shop: Building, clock: TestClock
) -> None:
    """Effect and memory of it belong together: after a crash between them, Retry must not do the call again."""
    sofia, model = gated(build_shop, text("It is in your cart."))
    sofia.say("hello")
    sofia.post(f"/assistant/{sofia.conversation}/consent", workflow="transact", allow="1")
    shop = sofia.shop
    in_app = InAppAssistant(shop.database, shop.gateway, model, shop.services.settings)
    begun = in_app.messages.send(sofia.principal(), sofia.conversation, "a mug")
    with shop.database.write() as db:
        item = turns.add_item(db, begun.turn.id, ItemKind.CALL, tool=MUG.name, arguments=MUG.arguments)
    done = shop.gateway.call_tool(
        begun.assistant,
        sofia.conversation,
        MUG.name,
        {"sku": "refresh-token-mug-ink"},
        turn=begun.turn.id,
        call_id=item.id,
    )
    assert done.kind == "succeeded"
    clock.pass_by(minutes=2)  # and here the process is gone
    sofia.post(f"/assistant/{sofia.conversation}/turns/{begun.turn.id}/retry").get_data()
    assert "function_call_output" in [item.get("type") for item in model.received[-1]]
