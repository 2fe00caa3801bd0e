"""The era of 2025-06-18 and 2025-11-25: `initialize`, and a session id that we mint.

The session is sealed, not stored: it holds what the handshake agreed on, for the client, person and organization that shook
hands. It groups the calls of a conversation and authorizes none of them: every request brings its own token (invariant I11).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from mcp_types import InitializeRequestParams, InitializeResult, Result
from mcp_types.jsonrpc import INVALID_REQUEST
from werkzeug.datastructures import Headers

from shop.audit.denials import Handle, record_refused_handle
from shop.database import new_id
from shop.mcp.about import CAPABILITIES, INSTRUCTIONS, SERVER_INFO
from shop.mcp.exchange import Exchange, Server
from shop.mcp.sealing import NotForThem
from shop.mcp.stateless import VERSION_HEADER, declares_urls
from shop.mcp.wire import Message, RpcError
from shop.principal import Principal

VERSIONS = ("2025-11-25", "2025-06-18")
SESSION_HEADER = "Mcp-Session-Id"
_SESSION, _LIFETIME = "mcp-session", timedelta(hours=24)
_LATER_FIELDS = ("resultType", "ttlMs", "cacheScope")


def initialize(server: Server, principal: Principal, params: InitializeRequestParams) -> tuple[InitializeResult, str]:
    """Agree on a revision: the client's if we serve it, else our newest one. Returns the answer and the new session's id."""
    version = params.protocol_version if params.protocol_version in VERSIONS else VERSIONS[0]
    capabilities = params.capabilities.model_dump(mode="json", by_alias=True, exclude_none=True)
    agreed = {
        "id": new_id("mcs"),
        "version": version,
        "urls": version != "2025-06-18" and declares_urls(capabilities),  # pages came with 2025-11-25
    }
    session = server.sealer.seal(_SESSION, principal, agreed, _LIFETIME)
    result = InitializeResult(
        protocol_version=version, capabilities=CAPABILITIES, server_info=SERVER_INFO, instructions=INSTRUCTIONS
    )
    return result, session


def exchange(server: Server, principal: Principal, message: Message, headers: Headers) -> Exchange:
    """A request after the handshake. Raises `RpcError`: 400 for a revision that is not served, 404 for a session that is
    none, or somebody else's: the client starts anew.

    Hosts lose their session now and then; a request without one is answered too, its conversation is then inferred.
    """
    version = headers.get(VERSION_HEADER)
    if version is not None and version not in VERSIONS:
        raise RpcError(INVALID_REQUEST, f"Protocol version {version[:20]!r} is not served here.", status=400)
    sealed, agreed = headers.get(SESSION_HEADER), dict[str, Any]()
    if sealed is not None:
        try:
            agreed = server.sealer.open(_SESSION, principal, sealed)
        except NotForThem:
            where = f"/mcp {SESSION_HEADER}"
            record_refused_handle(server.database, Handle.MCP_SESSION, where=where, principal=principal)
            raise RpcError(INVALID_REQUEST, "Session not found", status=404) from None
    return Exchange(
        principal=principal,
        version=version or agreed.get("version", VERSIONS[-1]),
        meta=message.meta,
        opens_urls=agreed.get("urls", False),
        session=agreed.get("id"),
    )


def rendered(result: Result) -> dict[str, Any]:
    """A result as this era writes it: without the fields of a later one."""
    body = result.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {name: value for name, value in body.items() if name not in _LATER_FIELDS}


def status_of(error: RpcError) -> int:
    """The HTTP status of an error: 200 unless it is the transport's, since the answer is a proper JSON-RPC one."""
    return error.status or 200
