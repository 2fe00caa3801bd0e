"""`tools/list` and `tools/call`: the registry as it is, and the gateway's outcome as a tool's result.

What a model is told of a refusal is never more than the gateway's rendering for models; the person reads the rest on the
shop's own page.
"""

from __future__ import annotations

from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    InputRequiredResult,
    ListToolsResult,
    PaginatedRequestParams,
)
from mcp_types.jsonrpc import INVALID_PARAMS

from shop.mcp import choices, elicitation, refusals, request_state
from shop.mcp.definitions import of_tools
from shop.mcp.exchange import Exchange, Server
from shop.mcp.guest import is_guest
from shop.mcp.wire import RpcError
from shop.tools.outcomes import AwaitingApproval, Code, Denied, Failed, FailureCode, Succeeded
from shop.tools.results import for_hosts

_HELD_BACK = "The person or their organization has not allowed this to this assistant."


def list_tools(server: Server, _exchange: Exchange, _params: PaginatedRequestParams | None) -> ListToolsResult:
    """Every tool that an assistant can be allowed, whoever asks: what may be used is decided at each call."""
    return of_tools(anonymous=server.settings.anonymous_browse)


def call_tool(
    server: Server, exchange: Exchange, params: CallToolRequestParams
) -> CallToolResult | InputRequiredResult:
    """One call through the gateway; a retry with the receipt it waited for, or with what its person chose."""
    state = request_state.opened(server, exchange, params)
    if choices.is_declined(state, params):
        refusals.require_alive(server, exchange, "tools/call")
        return for_hosts.error(choices.DECLINED)
    arguments = choices.completed(state, params)
    outcome = server.call(exchange, params.name, arguments, retry_of=state.get("receipt"))
    match outcome:
        case Succeeded():
            return for_hosts.succeeded(outcome.for_model()["result"], server.settings.base_url)
        case AwaitingApproval():
            return elicitation.ask(server, exchange, params, outcome)
        case Denied():
            return _denied(server, exchange, params.name, outcome)
        case Failed():
            if outcome.code == FailureCode.UNKNOWN_TOOL:
                raise RpcError(INVALID_PARAMS, outcome.message)
            if outcome.options and exchange.fills_forms:
                return choices.ask(server, exchange, params, arguments, outcome)
            return for_hosts.error(outcome.for_model())


def _denied(server: Server, exchange: Exchange, name: str, outcome: Denied) -> CallToolResult:
    told = outcome.for_model()
    if outcome.code is Code.SIGNED_OUT:
        raise refusals.signed_out()
    if workflow := refusals.missing_workflow(exchange, name, outcome):
        if exchange.links_by_result:
            return refusals.insufficient_as_result(exchange, workflow)
        raise refusals.insufficient(exchange, workflow)
    if outcome.code is Code.CONSENT_NEEDED:
        told = {**told, "message": _HELD_BACK}
    if outcome.code is not Code.NOT_FOUND and not is_guest(exchange.principal):
        told = {**told, "person_reads_why_at": f"{server.settings.base_url}/audit/"}
    return for_hosts.error(told)
