"""A conversation that outgrew its model: bounded before it leaves, shortened when a server says so, and then said to its person."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from shop.assistant.model.client import Model
from shop.assistant.model.context_size import EARLIER, fitted, shortened, size_of
from shop.assistant.model.failures import ModelError
from shop.assistant.model.response_events import TextDelta
from shop.conversations.models import TurnState
from shop.settings import Settings
from tests.assistant import upstream as wire
from tests.assistant.misbehaving import says, sent
from tests.assistant.upstream import KEY, Answer, Upstream
from tests.support.people import SOFIA, ShopUnderTest
from tests.support.state import ONE_ENGINE


def failed(code: str, message: str, *before: dict[str, Any]) -> Answer:
    """`response.failed`, with what the server says of it."""
    error = {"code": code, "message": message}
    return sent(*before, {"type": "response.failed", "response": {"status": "failed", "error": error}})


TOO_LONG: dict[str, Answer] = {
    "OpenAI": wire.fails_with(
        400, "Your input exceeds the context window of this model.", code="context_length_exceeded", param="input"
    ),
    "OpenAI, in the stream": failed("context_length_exceeded", "Your input exceeds the context window of this model."),
    "OpenAI, as an error in the stream": sent({"type": "error", "code": "context_length_exceeded", "message": "no"}),
    "vLLM": wire.answers_with(
        400,
        '{"error":{"message":"This model\'s maximum context length is 4096 tokens. However, your request has 9001 input '
        'tokens. Please reduce the length of the input messages.","type":"BadRequestError","param":null,"code":400}}',
    ),
    "vLLM, of before": wire.answers_with(
        400,
        '{"object":"error","message":"max_tokens must be at least 1, got -186.","type":"BadRequestError","code":400}',
    ),
    "vLLM, its engine": wire.fails_with(
        400, "The decoder prompt (length 9001) is longer than the maximum model length of 4096."
    ),
    "vLLM, in the stream": failed("server_error", "This model's maximum context length is 4096 tokens."),
    "llama.cpp": wire.answers_with(
        400,
        '{"error":{"code":400,"message":"request (14429 tokens) exceeds the available context size (8192 tokens), try '
        'increasing it","type":"exceed_context_size_error","n_prompt_tokens":14429,"n_ctx":8192}}',
    ),
    "llama.cpp, of before": wire.answers_with(
        500,
        '{"error":{"code":500,"message":"the request exceeds the available context size. try increasing the context size or '
        'enable context shift","type":"exceed_context_size_error"}}',
    ),
    "Ollama": wire.answers_with(
        400, '{"error":{"message":"prompt too long; exceeded max context length by 12 tokens"}}'
    ),
    "Ollama, another": wire.answers_with(500, '{"error":{"message":"the input length exceeds the context length"}}'),
    "llama-cpp-python": wire.fails_with(400, "Requested tokens (2285) exceed context window of 2048"),
    "a gateway": wire.fails_with(400, "prompt is too long: 210000 tokens > 200000 maximum"),
    "a proxy": wire.answers_with(413, "Request Entity Too Large", "text/plain"),
}
NOT_TOO_LONG: dict[str, tuple[Answer, str]] = {
    "a request that it does not take": (wire.fails_with(400, "Unknown parameter: 'include'."), "upstream_400"),
    "a limit": (wire.fails_with(429, "Request too large for fake-1: tokens per minute."), "rate_limited"),
    "a fault": (wire.fails_with(500, "CUDA error in context manager"), "upstream_500"),
    "a failure in the stream": (failed("server_error", "The model produced an error."), "upstream_failed"),
}


def exchange(number: int, size: int = 50) -> list[dict[str, Any]]:
    """A message, a call with its output, and the reply."""
    return [
        {"role": "user", "content": f"message {number}"},
        {"type": "function_call", "call_id": f"c{number}", "name": "view_cart", "arguments": "{}"},
        {"type": "function_call_output", "call_id": f"c{number}", "output": "x" * size},
        {"role": "assistant", "content": f"reply {number}"},
    ]


PAST = [item for number in range(8) for item in exchange(number)] + [{"role": "user", "content": "and now?"}]


def asked(upstream: Upstream, **changed: Any) -> Model:
    """A model at this server."""
    return Model(Settings(openai_base_url=upstream.url, openai_api_key=KEY, model="fake-1", model_retries=0, **changed))


@pytest.mark.parametrize("answer", TOO_LONG.values(), ids=TOO_LONG)
def test_a_server_that_says_it_was_too_long_is_asked_once_more_with_less(upstream: Upstream, answer: Answer) -> None:
    """The latest half is sent again, without the person noticing; a second refusal is said."""
    upstream.will(answer, wire.says("Hello."))
    assert [event for event in asked(upstream).stream(PAST) if isinstance(event, TextDelta)] == [TextDelta("Hello.")]
    whole, half = upstream.inputs
    assert whole == PAST and half[0] == EARLIER and half[1:] == PAST[-len(half) + 1 :]
    assert half[1]["role"] == "user" and size_of(half) < size_of(whole) * 0.65
    upstream.will(answer)
    with pytest.raises(ModelError) as said:
        list(asked(upstream).stream(PAST))
    assert said.value.code == "context_exceeded" and "Begin a new conversation" in said.value.text
    assert len(upstream.requests) == 4, "once more, and not for ever"


@pytest.mark.parametrize(("answer", "code"), NOT_TOO_LONG.values(), ids=NOT_TOO_LONG)
def test_other_errors_are_not_taken_for_it(upstream: Upstream, answer: Answer, code: str) -> None:
    """Nothing is left out and asked again for them."""
    upstream.will(answer)
    with pytest.raises(ModelError) as said:
        list(asked(upstream).stream(PAST))
    assert said.value.code == code and len(upstream.requests) == 1


def test_an_answer_that_has_begun_is_not_begun_again(upstream: Upstream) -> None:
    """What was said stands: a server that says so in the middle is not asked once more."""
    upstream.will(failed("context_length_exceeded", "no", says("I found ")), wire.says("Hello."))
    with pytest.raises(ModelError) as said:
        list(asked(upstream).stream(PAST))
    assert said.value.code == "context_exceeded" and len(upstream.requests) == 1


def test_a_message_that_alone_is_too_long_is_said_at_once(upstream: Upstream) -> None:
    """There is nothing to leave out."""
    upstream.will(TOO_LONG["OpenAI"])
    with pytest.raises(ModelError):
        list(asked(upstream).stream(PAST[-1:]))
    assert len(upstream.requests) == 1 and shortened(PAST[-1:]) is None


def test_what_goes_to_a_model_is_bounded_by_size(upstream: Upstream) -> None:
    """The latest exchanges that fit, each whole; what fits is sent as it is."""
    upstream.will(wire.says("Hello."))
    list(asked(upstream, model_input_limit=1500).stream(PAST))
    (items,) = upstream.inputs
    assert items[0] == EARLIER and size_of(items[1:]) <= 1500 and items[-1] == PAST[-1]
    calls = [item["call_id"] for item in items if item.get("type") == "function_call"]
    assert calls and calls == [item["call_id"] for item in items if item.get("type") == "function_call_output"]
    assert fitted(PAST, size_of(PAST)) == PAST and fitted([], 0) == []


def test_a_long_last_exchange_loses_its_oldest_results_first() -> None:
    """The message, the calls and the newest result stay; no call is without its output."""
    items = [
        *exchange(0),
        {"role": "developer", "content": "The page is the cart."},
        {"role": "user", "content": "go on"},
    ]
    items += [item for number in range(1, 5) for item in exchange(number, 4000)[1:3]]
    shorter = fitted(items, 6000)
    assert shorter[0] == EARLIER and shorter[1:3] == items[4:6]
    outputs = [item["output"] for item in shorter if item.get("type") == "function_call_output"]
    assert [output[:1] for output in outputs] == ["{", "{", "{", "x"] and size_of(shorter) <= 6000
    assert all(json.loads(output)["outcome"] == "left_out" for output in outputs[:3])
    assert items[7]["output"] == "x" * 4000, "what the turn holds stays as it is"


@ONE_ENGINE
def test_a_person_is_told_to_begin_anew(build_shop: Callable[..., ShopUnderTest], upstream: Upstream) -> None:
    """In the turn, on the record, and with a new conversation that works."""
    shop = build_shop(openai_base_url=upstream.url, openai_api_key=KEY)
    sofia = shop.sign_in(SOFIA)
    upstream.will(wire.says("Hello."))
    sofia.say("hello")
    upstream.will(TOO_LONG["llama.cpp"])
    assert "Begin a new conversation" in sofia.say("and?").html
    turn = sofia.turns()[-1]
    assert (turn.state, turn.error_code) == (TurnState.FAILED, "context_exceeded")
    assert shop.chain(str(sofia.conversation))[-1].content["facts"]["because"] == "context_exceeded"
    upstream.will(wire.says("Hello again."))
    sofia.conversation = None
    assert "Hello again." in sofia.say("hello").html
