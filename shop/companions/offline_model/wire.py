"""The OpenAI Responses API as the offline model speaks it: `POST /v1/responses`, streamed or not, `GET /v1/models`.

A plain WSGI application. It refuses what a real endpoint would refuse too, so that a caller's mistake shows offline:
a tool call without its output, an output without its call. API keys are not looked at. Nothing is stored, and the ids
are hashes of the request: the same request always gets the same answer.

Reference: OpenAI API, "Responses" and "Streaming events"; the shapes are those of `openai.types.responses`.
"""

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from shop.companions.offline_model.conversation import Call, Json, text_of
from shop.companions.offline_model.plan import decide

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MODEL_ID: Final = "offline-1"
MAX_BODY_BYTES: Final = 4 * 1024 * 1024

_STATUS: Final = {200: "200 OK", 400: "400 Bad Request", 404: "404 Not Found", 405: "405 Method Not Allowed"}
_ECHOED: Final[Json] = {
    "instructions": None, "max_output_tokens": None, "metadata": {}, "parallel_tool_calls": True, "store": False,
    "temperature": 1.0, "tool_choice": "auto", "tools": [], "top_p": 1.0, "truncation": "disabled", "user": None,
}  # fmt: skip
"""Request fields that a response repeats, with the API's defaults."""


class BadRequest(Exception):
    """The request cannot be answered. `param` names the field at fault, as in OpenAI's error objects."""

    def __init__(self, message: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.body: Json = {"message": message, "type": "invalid_request_error", "param": param, "code": code}


def create_wsgi_app(
    *, pace: Callable[[], None] | None = None, clock: Callable[[], float] = time.time
) -> "WSGIApplication":
    """The offline model as a WSGI application.

    `pace` is called before each streamed word: a demonstration may let it wait, so that one can watch the text grow.
    `clock` gives the seconds since the epoch (UTC) that responses are stamped with.
    """

    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        path, method = environ.get("PATH_INFO", ""), environ["REQUEST_METHOD"]
        expected = {"/v1/responses": "POST", "/v1/models": "GET"}.get(path)
        if expected is None:
            return _error(start_response, 404, BadRequest(f"Unknown path: {path}", code="not_found"))
        if method != expected:
            return _error(start_response, 405, BadRequest(f"Use {expected} for {path}.", code="method_not_allowed"))
        if path == "/v1/models":
            return _json(start_response, 200, _models())
        try:
            request = _validated(_body(environ))
        except BadRequest as error:
            return _error(start_response, 400, error)
        response = _response(request, created_at=int(clock()))
        if not request.get("stream"):
            return _json(start_response, 200, response)
        # Start before the first event exists: what the server returns is a generator, and words leave one by one.
        start_response(
            _STATUS[200], [("Content-Type", "text/event-stream; charset=utf-8"), ("Cache-Control", "no-store")]
        )
        return _sse(_events(response, pace or (lambda: None)))

    return app


def _json(start_response: "StartResponse", status: int, value: Json) -> list[bytes]:
    body = json.dumps(value).encode()
    start_response(_STATUS[status], [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def _error(start_response: "StartResponse", status: int, error: BadRequest) -> list[bytes]:
    return _json(start_response, status, {"error": error.body})


def _models() -> Json:
    model = {"id": MODEL_ID, "object": "model", "created": 0, "owned_by": "context-and-co"}
    return {"object": "list", "data": [model]}


# --- request ---------------------------------------------------------------------------------------------------------


def _body(environ: "WSGIEnvironment") -> Any:
    length = environ.get("CONTENT_LENGTH") or "0"
    if not length.isdigit() or int(length) > MAX_BODY_BYTES:
        raise BadRequest(f"The request body may hold up to {MAX_BODY_BYTES} bytes.")
    try:
        return json.loads(environ["wsgi.input"].read(int(length)))
    except (ValueError, RecursionError) as error:
        raise BadRequest("We could not parse the JSON body of your request.") from error


def _validated(request: Any) -> Json:
    """The request with its `input` as a list of items, or `BadRequest`."""
    if not isinstance(request, dict):
        raise BadRequest("The request body must be a JSON object.")
    if not isinstance(request.get("model"), str):
        raise BadRequest("Missing required parameter: 'model'.", "model", "missing_required_parameter")
    if "input" not in request:
        raise BadRequest("Missing required parameter: 'input'.", "input", "missing_required_parameter")
    if not isinstance(request.get("stream") or False, bool):
        raise BadRequest("'stream' must be a boolean.", "stream", "invalid_type")
    items = request["input"]
    if isinstance(items, str):
        items = [{"type": "message", "role": "user", "content": items}]
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise BadRequest("'input' must be a string or a list of input items.", "input", "invalid_type")
    _check_tools(request.get("tools") or [])
    _check_calls(items)
    return request | {"input": items}


def _check_tools(tools: Any) -> None:
    if not isinstance(tools, list) or not all(isinstance(tool, dict) and "type" in tool for tool in tools):
        raise BadRequest("'tools' must be a list of tools, each with a 'type'.", "tools", "invalid_type")
    for place, tool in enumerate(tools):
        if tool["type"] == "function" and not isinstance(tool.get("name"), str):
            raise BadRequest(f"Missing required parameter: 'tools[{place}].name'.", f"tools[{place}].name")


def _check_calls(items: list[Json]) -> None:
    """Each call has an output behind it, and each output a call before it."""
    open_calls: set[str] = set()
    closed_calls: set[str] = set()
    for place, item in enumerate(items):
        kind, call_id = item.get("type", "message"), item.get("call_id")
        if kind == "message" and not ("role" in item and "content" in item):
            raise BadRequest("A message needs 'role' and 'content'.", f"input[{place}]", "missing_required_parameter")
        if kind not in {"function_call", "function_call_output"}:
            continue
        wanted = ("call_id", "name", "arguments") if kind == "function_call" else ("call_id", "output")
        if missing := [name for name in wanted if name not in item]:
            raise BadRequest(
                f"Missing required parameter: 'input[{place}].{missing[0]}'.", f"input[{place}].{missing[0]}"
            )
        if kind == "function_call":
            open_calls.add(str(call_id))
        elif call_id in open_calls:
            open_calls.remove(str(call_id))
            closed_calls.add(str(call_id))
        elif call_id not in closed_calls:
            raise BadRequest(f"No tool call found for function call output with call_id {call_id}.", "input")
    if open_calls:
        raise BadRequest(f"No tool output found for function call {sorted(open_calls)[0]}.", "input")


# --- response --------------------------------------------------------------------------------------------------------


def _response(request: Json, created_at: int) -> Json:
    """The complete answer; a stream tells the same one step by step."""
    tools = request.get("tools") or []
    callable_tools = {tool["name"]: tool.get("parameters") or {} for tool in tools if tool["type"] == "function"}
    step = decide(request["input"], {} if request.get("tool_choice") == "none" else callable_tools)
    digest = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:32]
    item = _call_item(step, digest) if isinstance(step, Call) else _message_item(step, digest)
    return {
        "id": f"resp_{digest}",
        "object": "response",
        "created_at": created_at,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "model": request["model"],
        "output": [item],
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "text": {"format": {"type": "text"}},
        "usage": _usage(request, item),
        **{name: request.get(name, default) for name, default in _ECHOED.items()},
    }


def _call_item(call: Call, digest: str) -> Json:
    return {
        "id": f"fc_{digest}",
        "type": "function_call",
        "status": "completed",
        "call_id": f"call_{digest[:24]}",
        "name": call.name,
        "arguments": json.dumps(call.arguments, ensure_ascii=False),
    }


def _message_item(text: str, digest: str) -> Json:
    return {
        "id": f"msg_{digest}",
        "type": "message",
        "status": "completed",
        "role": "assistant",
        "content": [_text_part(text)],
    }


def _text_part(text: str) -> Json:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _usage(request: Json, item: Json) -> Json:
    """Honest counts in the only tokens that this model has: words, and single marks."""
    read = [request.get("instructions"), json.dumps(request.get("tools") or [])]
    read += [
        text_of(part.get("content") or part.get("output")) + str(part.get("arguments", "")) for part in request["input"]
    ]
    written = text_of(item.get("content")) + item.get("name", "") + item.get("arguments", "")
    input_tokens, output_tokens = sum(_count(text) for text in read), _count(written)
    return {
        "input_tokens": input_tokens,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": input_tokens + output_tokens,
    }


def _count(text: object) -> int:
    return len(re.findall(r"\w+|[^\w\s]", text)) if isinstance(text, str) else 0


# --- stream ----------------------------------------------------------------------------------------------------------


def _events(response: Json, pace: Callable[[], None]) -> Iterator[Json]:
    """The stream's events in the order that clients rely on: an item is added before any of its deltas."""
    begun = response | {"status": "in_progress", "output": [], "usage": None}
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for place, item in enumerate(response["output"]):
        where = {"output_index": place, "item_id": item["id"]}
        body = _message_events(item, where, pace) if item["type"] == "message" else _call_events(item, where, pace)
        yield from body
        yield {"type": "response.output_item.done", "output_index": place, "item": item}
    yield {"type": "response.completed", "response": response}


def _message_events(item: Json, where: Json, pace: Callable[[], None]) -> Iterator[Json]:
    part = item["content"][0]
    here = where | {"content_index": 0}
    begun = item | {"status": "in_progress", "content": []}
    yield {"type": "response.output_item.added", "output_index": where["output_index"], "item": begun}
    yield {"type": "response.content_part.added", **here, "part": _text_part("")}
    for word in re.findall(r"\s*\S+", part["text"]):
        pace()
        yield {"type": "response.output_text.delta", **here, "delta": word, "logprobs": []}
    yield {"type": "response.output_text.done", **here, "text": part["text"], "logprobs": []}
    yield {"type": "response.content_part.done", **here, "part": part}


def _call_events(item: Json, where: Json, pace: Callable[[], None]) -> Iterator[Json]:
    begun = item | {"status": "in_progress", "arguments": ""}
    yield {"type": "response.output_item.added", "output_index": where["output_index"], "item": begun}
    for piece in re.findall(r"\s*\S+", item["arguments"]):
        pace()
        yield {"type": "response.function_call_arguments.delta", **where, "delta": piece}
    done = {"name": item["name"], "arguments": item["arguments"]}
    yield {"type": "response.function_call_arguments.done", **where, **done}


def _sse(events: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    for number, event in enumerate(events):
        data = json.dumps({**event, "sequence_number": number}, ensure_ascii=False)
        yield f"event: {event['type']}\ndata: {data}\n\n".encode()
