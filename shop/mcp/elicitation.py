"""What waits for the person is decided on a page of the shop, never in a form of the client (invariant I6).

Three ways to bring the person there, the first that the client knows: it is asked to open the page and to call again (a result
`input_required` in 2026-07-28; the error -32042 in 2025-11-25), or the answer carries the link. The link carries no authority:
the page has a sign-in of its own. What the client says of the outcome changes nothing; only the receipt does, so one that
accepts everything gets no further than one that opens the page and closes it.
"""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import Any

from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    ElicitationRequiredErrorData,
    ElicitRequest,
    ElicitRequestURLParams,
    InputRequiredResult,
)
from mcp_types.jsonrpc import INVALID_PARAMS, URL_ELICITATION_REQUIRED

from shop.mcp.exchange import Exchange, Server
from shop.mcp.sealing import NotSealed
from shop.mcp.wire import RpcError
from shop.tools import hosted
from shop.tools.outcomes import AwaitingApproval

_STATE, _LIFETIME = "mcp-request-state", timedelta(hours=1)
"""Longer than a receipt is open: a late retry still learns what became of it."""
_ASKS = "Open the shop's page to look at this and decide. It shows what will happen, and you sign in there yourself."


def receipt_of(server: Server, exchange: Exchange, params: CallToolRequestParams) -> str | None:
    """The receipt that a retried call brings back in its `requestState`.

    Raises `RpcError` when we did not seal it, for this party and this very call, or when its time is over.
    """
    if params.request_state is None:
        return None
    try:
        state = server.sealer.open(_STATE, exchange.principal, params.request_state)
    except NotSealed:
        state = {}
    if state.get("call") != _digest(params):
        raise RpcError(INVALID_PARAMS, "Invalid or expired requestState", data={"reason": "invalid_request_state"})
    return str(state["receipt"])


def ask(
    server: Server, exchange: Exchange, params: CallToolRequestParams, outcome: AwaitingApproval
) -> CallToolResult | InputRequiredResult:
    """Bring the person to the page of a receipt. A retry while it is still open gets the link: asking again would loop."""
    page = hosted.approval_page(outcome.receipt_id, server.settings.base_url)
    if exchange.opens_urls and exchange.is_stateless and params.request_state is None:
        state = {"receipt": outcome.receipt_id, "call": _digest(params)}
        return InputRequiredResult(
            input_requests={"approval": ElicitRequest(params=ElicitRequestURLParams(message=_ASKS, url=page))},
            request_state=server.sealer.seal(_STATE, exchange.principal, state, _LIFETIME),
        )
    if exchange.opens_urls and not exchange.is_stateless:
        asked = ElicitRequestURLParams(message=_ASKS, url=page, elicitation_id=outcome.receipt_id)
        data = ElicitationRequiredErrorData(elicitations=[asked]).model_dump(
            mode="json", by_alias=True, exclude_none=True
        )
        raise RpcError(URL_ELICITATION_REQUIRED, "The person has to decide this on the shop's page.", data=data)
    return hosted.waiting(outcome.receipt_id, server.settings.base_url)


def _digest(params: CallToolRequestParams) -> str:
    call: list[Any] = [params.name, params.arguments or {}]
    return hashlib.sha256(json.dumps(call, sort_keys=True).encode()).hexdigest()[:32]
