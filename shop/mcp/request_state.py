"""`requestState`: what a client keeps between our question and its retry (MCP 2026-07-28, multi round-trip requests).

It is sealed for its party, for this very call, and for an hour. It can come twice, so nothing in it may be good for one use
only: what it leads to is decided by what stands in the database.
"""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import Any

from mcp_types import CallToolRequestParams
from mcp_types.jsonrpc import INVALID_PARAMS

from shop.audit.denials import Handle, record_refused_handle
from shop.mcp.exchange import Exchange, Server
from shop.mcp.sealing import NotForThem
from shop.mcp.wire import RpcError

_STATE, _LIFETIME = "mcp-request-state", timedelta(hours=1)
"""Longer than a receipt is open: a late retry still learns what became of it."""


def sealed(server: Server, exchange: Exchange, params: CallToolRequestParams, values: dict[str, Any]) -> str:
    """Some values for the retry of a call."""
    return server.sealer.seal(_STATE, exchange.principal, {**values, "call": _digest(params)}, _LIFETIME)


def opened(server: Server, exchange: Exchange, params: CallToolRequestParams) -> dict[str, Any]:
    """What a retried call brings back; nothing for a call that is no retry.

    Raises `RpcError` when we did not seal it, for this party and this very call, or when its time is over.
    """
    if params.request_state is None:
        return {}
    try:
        state = server.sealer.open(_STATE, exchange.principal, params.request_state)
    except NotForThem:
        state = {}
    if state.get("call") != _digest(params):
        record_refused_handle(
            server.database, Handle.REQUEST_STATE, where="/mcp tools/call", principal=exchange.principal
        )
        raise RpcError(INVALID_PARAMS, "Invalid or expired requestState", data={"reason": "invalid_request_state"})
    return state


def _digest(params: CallToolRequestParams) -> str:
    call: list[Any] = [params.name, params.arguments or {}]
    return hashlib.sha256(json.dumps(call, sort_keys=True).encode()).hexdigest()[:32]
