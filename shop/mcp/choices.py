"""A call that fits several things: the client's form lets the person choose colour and size. Nothing else is asked by a form.

What a form brings back is arguments and never authority (invariant I6): the call was authorized before anything was asked, and
passes the gateway again with the answer. Only a stateless client that declares forms is asked; every other one is told in
words what there is, and its model asks.
"""

from __future__ import annotations

from typing import Any

from mcp_types import (
    CallToolRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequiredResult,
)
from mcp_types.jsonrpc import INVALID_PARAMS

from shop.mcp import request_state
from shop.mcp.exchange import Exchange, Server
from shop.mcp.wire import RpcError
from shop.tools.outcomes import Failed

_FORM = "choice"
_TITLES = {"colour": "Colour", "size": "Size"}
DECLINED = {
    "outcome": "failed",
    "code": "declined",
    "message": "The person was asked which one, and did not choose. Nothing was done.",
}


def ask(
    server: Server, exchange: Exchange, params: CallToolRequestParams, arguments: dict[str, Any], several: Failed
) -> InputRequiredResult:
    """A form with the choices that a call left open; its message says which of them come together."""
    options = {name: list(values) for name, values in several.options.items()}
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {
            name: {"type": "string", "title": _TITLES[name], "enum": values} for name, values in options.items()
        },
        "required": list(options),
    }
    form = ElicitRequestFormParams(message=several.message, requested_schema=schema)
    return InputRequiredResult(
        input_requests={_FORM: ElicitRequest(params=form)},
        request_state=request_state.sealed(server, exchange, params, {"arguments": arguments, "offered": options}),
    )


def is_declined(state: dict[str, Any], params: CallToolRequestParams) -> bool:
    """Whether the person answered the form by not choosing."""
    answer = _answer(state, params)
    return answer is not None and answer.action != "accept"


def completed(state: dict[str, Any], params: CallToolRequestParams) -> dict[str, Any]:
    """The arguments of a call, with what its person chose. What they left out is asked again, as the specification wants.

    Raises `RpcError` for an answer that was not offered.
    """
    arguments: dict[str, Any] = dict(state.get("arguments", params.arguments or {}))
    answer = _answer(state, params)
    content = (answer.content if answer else None) or {}
    for name, values in state.get("offered", {}).items():
        if name not in content:
            continue
        if content[name] not in values:
            raise RpcError(INVALID_PARAMS, f"This {name} was not offered.", data={"reason": "invalid_input_response"})
        arguments[name] = content[name]
    return arguments


def _answer(state: dict[str, Any], params: CallToolRequestParams) -> ElicitResult | None:
    """The answer to our form. An answer to what we did not ask is none: the specification says to ignore it."""
    response = (params.input_responses or {}).get(_FORM) if "offered" in state else None
    return response if isinstance(response, ElicitResult) else None
