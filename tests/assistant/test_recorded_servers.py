"""Real servers as recorded, over a real socket: OpenAI, Ollama, vLLM and llama.cpp, in pieces, slow, broken and busy."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from shop.assistant.model.client import Model, Wait
from shop.assistant.model.failures import LONGEST_PAUSE, ModelError
from shop.assistant.model.response_events import Event, ProposedCall, TextDelta, Thinking
from shop.conversations.models import ItemKind, TurnState
from shop.settings import Settings
from tests.assistant import upstream as wire
from tests.assistant.scripted import OpenStream
from tests.assistant.upstream import KEY, Answer, Upstream
from tests.support.people import SOFIA, ShopUnderTest
from tests.support.state import ONE_ENGINE

SERVERS = ("openai", "ollama", "vllm", "llama_cpp", "pieces")
SEARCH = {"query": "hoodie", "colour": "black", "size": "L"}
TEXT = "Here are black hoodies in L — all under €60. Größe passt."
SAID = [{"role": "user", "content": "hoodies, and my cart"}]
THOUGHTS = {
    "openai": ("Looking for hoodies", "gAAAAABpF8zKcT5vQ1rVnY0xk2mM7fJ3uB9sDqW4hE6aZoLpRtXyCiN8gKjUbHwSeOdPlMvA=="),
    "ollama": ("The user wants hoodies.",),
    "vllm": ("Hoodies first",),
    "llama_cpp": ("Look for hoodies",),
}
"""What each server's reasoning item holds; the last one reasons silently."""


def asked(upstream: Upstream, *, wait: Wait = threading.Event.wait, **changed: object) -> Model:
    """A model that is asked at this server."""
    settings = Settings(openai_base_url=upstream.url, openai_api_key=KEY, model="fake-1", **changed)  # type: ignore[arg-type]
    return Model(settings, wait=wait)


def heard(model: Model) -> list[Event]:
    """All of one answer but the signs of life."""
    return [event for event in model.stream(SAID) if not isinstance(event, Thinking)]


def failure(model: Model) -> ModelError:
    """How an answer failed."""
    with pytest.raises(ModelError) as failed:
        list(model.stream(SAID))
    return failed.value


@pytest.mark.parametrize("ends", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("server", SERVERS)
def test_each_server_is_understood_wherever_its_stream_is_cut(upstream: Upstream, server: str, ends: bytes) -> None:
    """Two calls at once with their arguments, and text with its umlauts, are the same from every server, in any pieces."""
    model = asked(upstream)
    for seed in range(4):
        upstream.will(wire.recorded(f"{server}_calls", seed=seed, ends=ends))
        search, cart = [event for event in heard(model) if isinstance(event, ProposedCall)]
        assert (search.name, json.loads(search.arguments)) == ("search_products", SEARCH)
        assert (cart.name, cart.arguments) == ("view_cart", "{}") and cart.reasoning == ()
        upstream.will(wire.recorded(f"{server}_text", seed=seed, ends=ends))
        said = heard(model)
        assert "".join(event.text for event in said if isinstance(event, TextDelta)) == TEXT
        assert len(said) == (1 if server == "pieces" else 15), "each delta is handed on as it comes"


def test_an_answer_that_comes_in_one_piece_is_taken(upstream: Upstream) -> None:
    """A server that streams in name only: its calls are in the final response, and nowhere else."""
    upstream.will(wire.recorded("whole_calls"))
    assert [event.name for event in heard(asked(upstream)) if isinstance(event, ProposedCall)] == [
        "search_products",
        "view_cart",
    ]


def test_a_refusal_is_the_models_words(upstream: Upstream) -> None:
    """What a model declines, it says: its refusal is text, once."""
    upstream.will(wire.recorded("openai_refusal"))
    said = heard(asked(upstream))
    assert (
        "".join(event.text for event in said if isinstance(event, TextDelta))
        == "I'm sorry, but I can't help with that."
    )


@pytest.mark.holds("I1", "I12")
@ONE_ENGINE
@pytest.mark.parametrize("server", SERVERS)
def test_parallel_calls_pass_the_gateway_in_order_and_reasoning_goes_back_within_the_turn(
    talking: ShopUnderTest, upstream: Upstream, server: str
) -> None:
    """Both calls are decided one after the other, both outputs go back together, behind what the model reasoned; and that is
    kept nowhere.
    """
    upstream.will(wire.recorded(f"{server}_calls", seed=1), wire.recorded(f"{server}_text", seed=2))
    sofia = talking.sign_in(SOFIA)
    page = sofia.say("hoodies, and my cart").html
    assert "all under €60" in page
    calls = [item for item in sofia.turns()[0].items if item.kind is ItemKind.CALL]
    assert [item.tool for item in calls] == ["search_products", "view_cart"]
    called = [event for event in talking.chain(str(sofia.conversation)) if event.name == "tool_call.succeeded"]
    assert [event.content["tool_call"] for event in called] == [item.id for item in calls]
    told = upstream.inputs[1][1:]
    kinds = [item["type"] for item in told]
    assert kinds[-4:] == ["function_call", "function_call_output"] * 2
    assert [output["outcome"] for output in upstream.outputs(1)] == ["succeeded", "succeeded"]

    thoughts = THOUGHTS.get(server, ())
    assert kinds[:-4] == ["reasoning"] * bool(thoughts)
    assert all(thought in json.dumps(told[0], ensure_ascii=False) for thought in thoughts)
    assert all(value is not None for value in told[0].values()), "servers refuse a null where they gave one"
    upstream.will(wire.says("You are welcome."))
    sofia.say("thanks")
    kept = [
        page,
        sofia.get(f"/assistant/{sofia.conversation}").text,
        json.dumps(upstream.inputs[-1], ensure_ascii=False),
        *(str(vars(item)) for turn in sofia.turns() for item in turn.items),
        *(f"{event.content} {event.personal}" for event in talking.chain(str(sofia.conversation))),
    ]
    assert [thought for thought in thoughts if any(thought in text for text in kept)] == []


def test_reasoning_that_nobody_keeps_is_not_sent_back(upstream: Upstream) -> None:
    """An item without its content is only a name: with `store=False` the server would not find it."""
    name_only = {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]}
    call = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "view_cart", "arguments": "{}"}
    done = [
        {"type": "response.output_item.done", "output_index": n, "item": i} for n, i in enumerate([name_only, call])
    ]
    upstream.will(wire.sends("\n\ndata: ".join(json.dumps(event) for event in done)))
    assert heard(asked(upstream)) == [ProposedCall("c1", "view_cart", "{}")]


def test_a_model_that_does_not_reason_is_asked_without(upstream: Upstream) -> None:
    """Some models refuse to be asked for reasoning: then they are asked again without, and from then on."""
    refused = wire.fails_with(400, "Encrypted content is not supported with this model.", param="include")
    upstream.will(refused, wire.says("Hello."))
    model = asked(upstream)
    assert heard(model) == heard(model) == [TextDelta("Hello.")]
    assert ["include" in request for request in upstream.requests] == [True, False, False]


CHAT_ONLY = (
    ("llama.cpp of before", 404, '{"error":{"code":404,"message":"File Not Found","type":"not_found_error"}}'),
    ("FastAPI", 404, '{"detail":"Not Found"}'),
    ("Go", 404, "404 page not found"),
    ("FastAPI, another method", 405, '{"detail":"Method Not Allowed"}'),
    ("not implemented", 501, ""),
)
FAILURES: list[tuple[str, Answer, str, str]] = [
    *(
        (name, wire.answers_with(status, body), "no_responses_api", "vLLM or llama.cpp")
        for name, status, body in CHAT_ONLY
    ),
    (
        "a model that OpenAI does not have",
        wire.fails_with(
            404, "The model `fake-1` does not exist or you do not have access to it.", code="model_not_found"
        ),
        "no_such_model",
        "has no model 'fake-1'. Set SHOP_MODEL",
    ),
    (
        "a model that Ollama has not pulled",
        wire.answers_with(404, '{"error":{"message":"model \'fake-1\' not found","type":"not_found_error"}}'),
        "no_such_model",
        "Set SHOP_MODEL",
    ),
    ("a limit, in the stream", wire.recorded("openai_rate_limited"), "rate_limited", "asks us to wait a little"),
    ("a limit, for long", wire.fails_with(429, retry_after="3600"), "rate_limited", "wait about 60 minutes"),
    ("a limit, in seconds", wire.fails_with(429, retry_after="7"), "rate_limited", "wait 7 seconds"),
    ("cut off", wire.recorded("openai_incomplete"), "incomplete", "stopped before"),
    ("failed", wire.recorded("openai_failed"), "upstream_failed", "gave up"),
    ("an error in the stream", wire.recorded("openai_error"), "upstream_failed", "gave up"),
    ("still loading", wire.fails_with(503, "Loading model"), "upstream_503", "answered with an error"),
    ("bytes that are no text", Answer((b"data: \xff\xfe\xfa\n\n",)), "garbled", "could not be read"),
    ("a page", wire.answers_with(200, "<!doctype html><p>Hello"), "connection_lost", "was lost"),
]


@pytest.mark.parametrize(("answer", "code", "said"), [pytest.param(*rest, id=name) for name, *rest in FAILURES])
def test_each_failure_says_what_it_is_and_what_to_do(upstream: Upstream, answer: Answer, code: str, said: str) -> None:
    """A server that cannot answer is told apart from one that is not set up, and the sentence names the setting."""
    upstream.will(answer)
    failed = failure(asked(upstream, model_retries=0))
    assert failed.code == code and said in failed.text
    assert len(f"{failed.title}. {failed.text}") <= 400 and KEY not in failed.text


@pytest.mark.parametrize("breaks_off", [True, False], ids=["lost", "ended"])
def test_a_stream_that_ends_anywhere_but_at_its_end_is_no_answer(upstream: Upstream, breaks_off: bool) -> None:
    """Cut between any two bytes before its last event, a stream is a failure: never half a call, never a quiet end."""
    size = (wire.RECORDED / "openai_calls.sse").stat().st_size
    model = asked(upstream, model_retries=0)
    for seed, upto in enumerate(range(2, size - 3000, 611)):
        upstream.will(wire.recorded("openai_calls", seed=seed, upto=upto, breaks_off=breaks_off))
        assert failure(model).code in {"connection_lost", "garbled"}


class Waiting:
    """Waits in no time, and keeps how long it was told to."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, _left: threading.Event, seconds: float) -> None:
        self.seconds.append(seconds)


DATE = "Wed, 25 Nov 2026 08:00:00 GMT"
AGAIN: list[tuple[str, Answer, list[float]]] = [
    ("a limit", wire.fails_with(429), [0.5]),
    ("a limit with seconds", wire.fails_with(429, retry_after="7"), [7]),
    ("a limit with milliseconds", wire.fails_with(429, retry_after_ms="1228", retry_after="2"), [1.228]),
    ("a limit with a date", wire.fails_with(429, date=DATE, retry_after="Wed, 25 Nov 2026 08:00:09 GMT"), [9]),
    ("a limit with nonsense", wire.fails_with(429, retry_after="soon"), [0.5]),
    ("as long as is bearable", wire.fails_with(429, retry_after=str(LONGEST_PAUSE)), [LONGEST_PAUSE]),
    ("a server error", wire.fails_with(500), [0.5]),
    ("a busy server", wire.fails_with(503, retry_after="3"), [3]),
    ("too long", wire.fails_with(429, retry_after=str(LONGEST_PAUSE + 1)), []),
    ("no money left", wire.fails_with(429, code="insufficient_quota"), []),
    ("a refused key", wire.fails_with(401), []),
    ("a bad request", wire.fails_with(400), []),
]


@pytest.mark.holds("LLM10")
@pytest.mark.parametrize(("answer", "pauses"), [pytest.param(*rest, id=name) for name, *rest in AGAIN])
def test_a_request_is_tried_again_once_where_that_helps(
    upstream: Upstream, answer: Answer, pauses: list[float]
) -> None:
    """As long as the server asks, within bounds, and no more often than configured; what no waiting helps is said at once."""
    waiting = Waiting()
    model = asked(upstream, wait=waiting, model_retries=1)
    upstream.will(answer, wire.says("Hello."))
    if pauses:
        assert heard(model) == [TextDelta("Hello.")]
    else:
        failure(model)
    assert (waiting.seconds, len(upstream.requests)) == (pauses, 1 + len(pauses))
    upstream.will(answer)
    failure(model)
    assert len(upstream.requests) == 2 * (1 + len(pauses)), "the last try's answer counts"


@pytest.fixture
def released() -> Iterator[threading.Event]:
    """Lets a server that is silent go on at the end of the test."""
    event = threading.Event()
    yield event
    event.set()


@pytest.mark.holds("ASI10")
@ONE_ENGINE
@pytest.mark.parametrize("before_headers", [False, True], ids=["in its answer", "before its answer"])
def test_a_turn_is_alive_and_can_be_stopped_while_the_server_says_nothing(
    build_shop: Callable[..., ShopUnderTest],
    upstream: Upstream,
    released: threading.Event,
    before_headers: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A silent server holds up neither the turn's lease nor Stop: the turn ends long before the server's time is up."""
    monkeypatch.setattr("shop.assistant.turn.loop.STORE_EVERY", 0)
    shop = build_shop(openai_base_url=upstream.url, openai_api_key=KEY, model_beat=timedelta(milliseconds=5))
    upstream.will(Answer((), held_back=released) if before_headers else wire.is_silent_until(released))
    sofia = shop.sign_in(SOFIA)
    stream = OpenStream(sofia, "hoodies")
    begun = sofia.turns()[0].beat_at
    while sofia.turns()[0].beat_at == begun:
        assert sofia.turns()[0].state is TurnState.RUNNING
    assert sofia.post(f"/assistant/{sofia.conversation}/turns/{stream.turn}/stop").status_code == 204
    assert "You stopped it." in stream.read_to_the_end()
    assert not released.is_set() and sofia.events()[-1] == "turn.stopped"
