"""The offline model's wire: the Responses API as the real `openai` client reads it."""

import json
from typing import Any

import httpx2
import openai
import pytest
from openai import OpenAI

from shop.companions.offline_model import create_wsgi_app
from tests.companions.offline_model.chat import sdk_client
from tests.companions.offline_model.fake_shop import tool_schemas

NOW = 1_700_000_000
HELLO = [{"type": "message", "role": "user", "content": "hello"}]
SEARCH = [{"type": "message", "role": "user", "content": "show me black mugs"}]
CALL = {"type": "function_call", "call_id": "call_1", "name": "view_cart", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "call_1", "output": '{"outcome": "denied", "code": "paused"}'}


def create(items: object = HELLO, **more: Any) -> Any:
    """One request through the SDK, with all tools unless told otherwise."""
    responses: Any = sdk_client().responses
    return responses.create(**{"model": "offline-1", "input": items, "tools": tool_schemas(), "store": False} | more)


def raw(method: str, path: str, body: bytes = b"") -> httpx2.Response:
    transport = httpx2.WSGITransport(app=create_wsgi_app())
    with httpx2.Client(transport=transport, base_url="http://model.invalid") as client:
        return client.request(method, path, content=body)


def test_a_message_comes_back_complete() -> None:
    """Without streaming the answer is one completed response with one message and honest counts."""
    response = create(instructions="Be kind.", tools=[])
    assert (response.object, response.status, response.model) == ("response", "completed", "offline-1")
    assert response.created_at == NOW and response.instructions == "Be kind."
    assert response.output_text.startswith("Hello, and welcome")
    # "Be kind." and "hello" are four tokens, where a word or a mark is one; the empty list of tools is two.
    counts = response.usage
    assert (counts.input_tokens, counts.total_tokens) == (6, 6 + counts.output_tokens)


def test_a_string_is_an_input_too() -> None:
    """`input` may be a plain string, and a message's content a list of parts."""
    parts = [{"role": "user", "content": [{"type": "input_text", "text": "hello"}]}]
    assert create("hello").output_text == create(parts).output_text


def test_a_tool_call_comes_back_complete() -> None:
    """A proposed call names a tool of the request and carries its arguments as JSON text."""
    call = create(SEARCH).output[0]
    assert (call.type, call.name, call.status) == ("function_call", "search_products", "completed")
    assert json.loads(call.arguments) == {"category": "mugs", "colour": "black"}


def test_the_same_request_gets_the_same_ids() -> None:
    """Ids are a hash of the request: repeatable for the same, different for another."""
    first, again, other = create(SEARCH), create(SEARCH), create()
    assert (first.id, first.output[0].call_id) == (again.id, again.output[0].call_id)
    assert first.id != other.id


def test_a_strict_schema_gets_every_required_argument() -> None:
    """Where a schema requires what the sentence did not say, its default or null is sent, and nothing unknown is."""
    properties = {"query": {"type": "string", "default": ""}, "category": {}, "colour": {}, "size": {}}
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    tool = {"type": "function", "name": "search_products", "strict": True, "parameters": parameters}
    asked = [{"role": "user", "content": "mugs under 20"}]
    call = create(asked, tools=[tool]).output[0]
    assert json.loads(call.arguments) == {"query": "", "category": "mugs", "colour": None, "size": None}


def test_a_schema_says_how_many_there_can_be() -> None:
    """More than a tool's schema allows is not asked for; it is said instead."""
    quantity = {"type": "integer", "maximum": 99}
    parameters = {"type": "object", "properties": {"sku": {"type": "string"}, "quantity": quantity}}
    tool = {"type": "function", "name": "add_to_cart", "strict": False, "parameters": parameters}
    asked = [{"role": "user", "content": "add 500 bearer-tote-navy"}]
    assert "at most 99 of one thing" in create(asked, tools=[tool]).output_text


@pytest.mark.parametrize("tools", [{"tools": []}, {"tool_choice": "none"}])
def test_without_tools_it_only_speaks(tools: dict[str, Any]) -> None:
    """No tools, or `tool_choice: none`, means words."""
    assert create(SEARCH, **tools).output[0].type == "message"


def test_a_message_streams_in_the_order_that_clients_rely_on() -> None:
    """Created, in progress, item and part added, deltas, text, part and item done, completed: one response."""
    events = list(create(stream=True))
    kinds = [event.type for event in events]
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert kinds == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        *["response.output_text.delta"] * len(deltas),
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[0].response.id == events[-1].response.id and events[0].response.output == []
    assert deltas[:3] == ["Hello,", " and", " welcome"]
    assert "".join(deltas) == events[-1].response.output_text == create().output_text


def test_a_tool_call_streams_its_arguments() -> None:
    """The call is added before its arguments grow, and the pieces add up to what is done."""
    events = list(create(SEARCH, stream=True))
    deltas = [event for event in events if event.type == "response.function_call_arguments.delta"]
    done = next(event for event in events if event.type == "response.function_call_arguments.done")
    added = next(event for event in events if event.type == "response.output_item.added")
    assert "".join(event.delta for event in deltas) == done.arguments == events[-1].response.output[0].arguments
    assert added.item.name == done.name == "search_products" and added.item.arguments == ""
    assert {event.item_id for event in [*deltas, done]} == {added.item.id}


def test_the_sdks_own_accumulator_follows_the_stream() -> None:
    """`responses.stream()` checks each event against its own snapshot, and ends with the whole response."""
    responses: Any = sdk_client().responses
    for items in (HELLO, SEARCH):
        with responses.stream(model="offline-1", input=items, tools=tool_schemas(), store=False) as stream:
            list(stream)
            final = stream.get_final_response()
        assert final.output == [item for item in final.output if item.status == "completed"]
    assert json.loads(final.output[0].arguments) == {"category": "mugs", "colour": "black"}


def test_words_arrive_one_by_one() -> None:
    """When the client holds the first word, the model has not written the third: nothing on the way buffers."""
    paced: list[int] = []
    app = create_wsgi_app(pace=lambda: paced.append(len(paced)))
    http_client = httpx2.Client(transport=httpx2.WSGITransport(app=app))
    client: Any = OpenAI(api_key="unused", base_url="http://model.invalid/v1", http_client=http_client)
    stream = client.responses.create(model="offline-1", input="hello", stream=True)
    assert next(stream).type == "response.created"
    assert paced == [], "the first event does not wait for the first word"
    words_seen = 0
    for event in stream:
        if event.type == "response.output_text.delta":
            words_seen += 1
            assert len(paced) <= words_seen + 1
    assert words_seen == len(paced)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"{", None),
        (b"", None),
        (b"[]", None),
        (b'{"input": "hi"}', "model"),
        (b'{"model": 7, "input": "hi"}', "model"),
        (b'{"model": "m"}', "input"),
        (b'{"model": "m", "input": 7}', "input"),
        (b'{"model": "m", "input": ["hi"]}', "input"),
        (b'{"model": "m", "input": [{"role": "user"}]}', "input[0]"),
        (b'{"model": "m", "input": "hi", "stream": "yes"}', "stream"),
        (b'{"model": "m", "input": "hi", "tools": {"type": "function"}}', "tools"),
        (b'{"model": "m", "input": "hi", "tools": [{"type": "function"}]}', "tools[0].name"),
        (b'{"model": "m", "input": [{"type": "function_call", "call_id": "c"}]}', "input[0].name"),
    ],
)
def test_a_bad_request_is_answered_in_the_apis_words(body: bytes, param: str | None) -> None:
    """What cannot be read gets 400 with OpenAI's error object, which names the field at fault."""
    response = raw("POST", "/v1/responses", body)
    error = response.json()["error"]
    assert (response.status_code, error["type"], error["param"]) == (400, "invalid_request_error", param)
    assert error["message"]


@pytest.mark.parametrize("items", [[*HELLO, CALL], [*HELLO, OUTPUT]])
def test_calls_and_outputs_come_in_pairs(items: list[dict[str, Any]]) -> None:
    """As with the real endpoint, a call without its output is an error, and an output without its call."""
    with pytest.raises(openai.BadRequestError, match="call_1"):
        create(items)


def test_an_output_that_is_no_json_is_a_failure() -> None:
    """A tool result that cannot be read counts as a shop that did not answer; nothing is claimed."""
    asked = [{"role": "user", "content": "what's in my cart"}]
    said = create([*asked, CALL, OUTPUT | {"output": "Internal Server Error"}]).output_text
    assert said.startswith("The shop did not answer")


def test_models_are_listed() -> None:
    """`GET /v1/models` names the one model, and no other path or method is served."""
    assert [model.id for model in sdk_client().models.list()] == ["offline-1"]
    statuses = [raw("GET", path).status_code for path in ("/v1/models", "/v1/chat/completions", "/v1/responses")]
    assert statuses == [200, 404, 405]
