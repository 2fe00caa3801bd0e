"""Whatever goes wrong at the model's server: the page says it, the turn and the audit keep it, and Retry goes on from there."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from shop.conversations.models import Item, Turn, TurnState
from tests.assistant import upstream as wire
from tests.assistant.upstream import KEY, Answer, Upstream
from tests.support.people import SOFIA, Reply, ShopUnderTest, Visitor
from tests.support.state import ONE_ENGINE

SEARCH = ("search_products", {"query": "hoodie"})

FAILURES: list[tuple[str, Answer, str, str]] = [
    ("a refused key", wire.fails_with(401, f"Incorrect API key provided: {KEY}"), "unauthorized", "refused this shop"),
    ("too many requests", wire.fails_with(429), "rate_limited", "asks us to wait"),
    ("a server error", wire.fails_with(500), "upstream_500", "answered with an error"),
    ("a request that it does not take", wire.fails_with(400), "upstream_400", "answered with an error"),
    ("a stream that breaks", wire.breaks_off_after("I found "), "connection_lost", "connection to the model was lost"),
    ("a stream without an end", wire.ends_early_after("I found "), "connection_lost", "connection to the model was"),
    ("text that is not JSON", wire.sends("{oh no", after=["I found "]), "garbled", "could not be read"),
    ("JSON that is no event", wire.sends("42", after=["I found "]), "garbled", "could not be read"),
    (
        "an event without its content",
        wire.sends('{"type": "response.output_text.delta"}', after=["I found "]),
        "garbled",
        "could not be read",
    ),
    (
        "a call without a name",
        wire.sends('{"type": "response.output_item.done", "item": {"type": "function_call"}}'),
        "garbled",
        "could not be read",
    ),
    (
        "an error as an event",
        wire.sends('{"type": "error", "code": "server_error", "message": "no"}'),
        "upstream_failed",
        "gave up",
    ),
    (
        "an error as an event, newer shape",
        wire.sends('{"type": "error", "error": {"message": "no"}}'),
        "upstream_failed",
        "gave up",
    ),
    ("response.failed", wire.gives_up("I found "), "upstream_failed", "gave up on this answer"),
    ("response.incomplete", wire.stays_incomplete("I found "), "incomplete", "stopped before its answer was complete"),
]


def last_turn(visitor: Visitor) -> Turn:
    return visitor.turns()[-1]


def retry(visitor: Visitor) -> Reply:
    """Press Retry below the latest answer."""
    response = visitor.post(f"/assistant/{visitor.conversation}/turns/{last_turn(visitor).id}/retry")
    return Reply(response.status_code, response.mimetype or "", response.get_data(as_text=True))


def calls_of(visitor: Visitor) -> list[Item]:
    return [item for turn in visitor.turns() for item in turn.items if item.tool]


def fails_and_goes_on(shop: ShopUnderTest, upstream: Upstream, answer: Answer, code: str, said: str) -> None:
    """A call is done, the failure comes, and the person presses Retry."""
    upstream.will(wire.calls(SEARCH), answer)
    sofia = shop.sign_in(SOFIA)
    reply = sofia.say("hoodies, please")
    assert reply.status == 200 and said in reply.html and "/retry" in reply.html
    turn = last_turn(sofia)
    assert (turn.state, turn.error_code) == (TurnState.FAILED, code) and turn.ended_at
    failed = shop.chain(str(sofia.conversation))[-1]
    assert (failed.name, failed.content["outcome"]) == ("turn.failed", "failed")
    assert failed.content["facts"]["because"] == code
    assert said in sofia.get(f"/assistant/{sofia.conversation}").text

    upstream.will(wire.says("Two ", "fit."))
    assert "Two fit." in retry(sofia).html
    assert [item.tool for item in calls_of(sofia)] == ["search_products"]
    (told,) = upstream.outputs()
    assert told["outcome"] == "succeeded" and told["result"]["count"] > 0
    asked = [item for item in upstream.inputs[-1] if item.get("role")]
    assert asked == [{"role": "user", "content": "hoodies, please"}], "asked once; half a sentence is nobody's words"
    assert [turn.state for turn in sofia.turns()] == [TurnState.FAILED, TurnState.COMPLETED]
    assert sofia.events()[-4:] == ["message.received", "tool_call.succeeded", "turn.failed", "turn.completed"]


@ONE_ENGINE
@pytest.mark.parametrize(("answer", "code", "said"), [pytest.param(*rest, id=name) for name, *rest in FAILURES])
def test_each_failure_is_said_stored_and_recorded_and_retry_goes_on(
    talking: ShopUnderTest, upstream: Upstream, answer: Answer, code: str, said: str
) -> None:
    """A failure of the model ends the turn with a clear message, a stored state and an event; Retry repeats no call."""
    fails_and_goes_on(talking, upstream, answer, code, said)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_failure_is_the_same_on_the_other_engine(talking: ShopUnderTest, upstream: Upstream) -> None:
    """What holds on SQLite holds on PostgreSQL."""
    _, answer, code, said = FAILURES[4]
    fails_and_goes_on(talking, upstream, answer, code, said)


@pytest.mark.parametrize("answer", [wire.fails_with(401, f"Incorrect API key provided: {KEY}"), wire.says("Hi.")])
@pytest.mark.holds("I14", "NHI2")
@ONE_ENGINE
def test_the_key_reaches_the_models_server_and_nothing_else(
    talking: ShopUnderTest, upstream: Upstream, answer: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    """The API key is in no page, no log line, no stored turn and no audit event, also when the server's error names it."""
    upstream.will(answer)
    sofia = talking.sign_in(SOFIA)
    with caplog.at_level(logging.DEBUG):
        shown = sofia.say("hello").html + sofia.get(f"/assistant/{sofia.conversation}").text
        shown += sofia.get(f"/audit/conversations/{sofia.conversation}").text
    assert upstream.keys == [f"Bearer {KEY}"]
    stored = [str(vars(turn)) for turn in sofia.turns()]
    events = [f"{event.content} {event.personal}" for event in talking.chain(str(sofia.conversation))]
    assert KEY not in "".join([shown, caplog.text, *stored, *events, repr(talking.services.settings)])


@pytest.fixture
def released() -> Iterator[threading.Event]:
    """Lets a server that is silent go on at the end of the test."""
    event = threading.Event()
    yield event
    event.set()


@ONE_ENGINE
def test_a_silent_server_is_a_timeout(
    build_shop: Callable[..., ShopUnderTest], upstream: Upstream, released: threading.Event
) -> None:
    """A server that takes the request and says nothing is given up on after the configured time; Retry then works."""
    shop = build_shop(openai_base_url=upstream.url, openai_api_key=KEY, model_timeout=timedelta(seconds=0.05))
    upstream.will(wire.is_silent_until(released))
    sofia = shop.sign_in(SOFIA)
    assert "did not answer in time" in sofia.say("hello").html
    assert (last_turn(sofia).state, last_turn(sofia).error_code) == (TurnState.FAILED, "timeout")
    assert sofia.events()[-1] == "turn.failed"
    upstream.will(wire.fails_with(500))
    assert "answered with an error" in retry(sofia).html
    upstream.will(wire.says("Hello."))
    assert "Hello." in retry(sofia).html


@ONE_ENGINE
def test_a_server_that_is_not_there_is_said(build_shop: Callable[..., ShopUnderTest], upstream: Upstream) -> None:
    """When nothing listens at the configured address, the person is told that the connection failed."""
    upstream.server.shutdown()
    upstream.server.server_close()
    shop = build_shop(openai_base_url=upstream.url, openai_api_key=KEY)
    sofia = shop.sign_in(SOFIA)
    assert "connection to the model was lost" in sofia.say("hello").html
    assert last_turn(sofia).error_code == "connection_lost"


@ONE_ENGINE
def test_what_a_server_sends_before_it_breaks_off_is_kept_but_not_acted_on(
    talking: ShopUnderTest, upstream: Upstream
) -> None:
    """Text that came before the failure stays on the page; a call in a response that never completed is not made."""
    upstream.will(wire.breaks_off_after("I found "))
    sofia = talking.sign_in(SOFIA)
    sofia.say("hello")
    assert [item.text for item in last_turn(sofia).items] == ["I found "]
    upstream.will(wire.proposes_and_breaks_off(*SEARCH))
    retry(sofia)
    assert calls_of(sofia) == []


@ONE_ENGINE
def test_only_the_latest_unfinished_answer_can_be_tried_again(talking: ShopUnderTest, upstream: Upstream) -> None:
    """Retry of an answer that came to its end, or that is not the latest, is refused, and begins nothing."""
    upstream.will(wire.fails_with(500))
    sofia = talking.sign_in(SOFIA)
    sofia.say("hello")
    failed = last_turn(sofia)
    upstream.will(wire.says("Hello."))
    sofia.say("again?")
    for turn in (failed, last_turn(sofia)):
        response = sofia.post(f"/assistant/{sofia.conversation}/turns/{turn.id}/retry")
        assert response.status_code == 409 and "Only the latest answer" in response.text
    assert len(sofia.turns()) == 2
