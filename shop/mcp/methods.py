"""From a method's name to its handler. Parameters are checked against the revision that the request speaks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mcp_types import DiscoverResult, EmptyResult, RequestParams, Result
from mcp_types.jsonrpc import INVALID_PARAMS, METHOD_NOT_FOUND
from mcp_types.methods import parse_client_request
from pydantic import ValidationError

from shop.mcp import completion, prompts, refusals, resources, tools
from shop.mcp.about import CAPABILITIES, INSTRUCTIONS
from shop.mcp.exchange import Exchange, Server
from shop.mcp.wire import Message, RpcError

Handler = Callable[[Server, Exchange, Any], Result]


def _discover(server: Server, _exchange: Exchange, _params: RequestParams | None) -> DiscoverResult:
    return DiscoverResult(
        supported_versions=list(server.versions),
        capabilities=CAPABILITIES,
        instructions=INSTRUCTIONS,
        ttl_ms=3_600_000,
        cache_scope="private",
    )


def _ping(_server: Server, _exchange: Exchange, _params: RequestParams | None) -> EmptyResult:
    return EmptyResult()


_HANDLERS: Mapping[str, Handler] = {
    "completion/complete": completion.complete,
    "ping": _ping,
    "prompts/get": prompts.get_prompt,
    "prompts/list": prompts.list_prompts,
    "resources/list": resources.list_resources,
    "resources/read": resources.read_resource,
    "resources/templates/list": resources.list_templates,
    "server/discover": _discover,
    "tools/call": tools.call_tool,
    "tools/list": tools.list_tools,
}
_ASKED_BY_THE_GATEWAY = {"tools/call", "resources/read"}
"""Here the gateway finds out whether the principal is alive, and records it when not."""


def handle(server: Server, exchange: Exchange, message: Message) -> Result:
    """Answer one request. Raises `RpcError`."""
    try:
        params = parse_client_request(message.method, exchange.version, message.params).params
    except KeyError:
        raise _unknown(message.method) from None
    except ValidationError as error:
        raise RpcError(INVALID_PARAMS, _first_problem(error)) from None
    handler = _HANDLERS.get(message.method)
    if handler is None:
        raise _unknown(message.method)
    if message.method not in _ASKED_BY_THE_GATEWAY:
        exchange = refusals.require_alive(server, exchange, message.method)
    return handler(server, exchange, params)


def _unknown(method: str) -> RpcError:
    return RpcError(METHOD_NOT_FOUND, "There is no such method here.", data=method[:100])


def _first_problem(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return f"{'.'.join(str(part)[:40] for part in problem['loc'])}: {problem['msg']}"
