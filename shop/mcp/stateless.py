"""The era of 2026-07-28: no handshake and no session. Each request says everything itself, and its headers say it again.

Proxies route by the headers and we act by the body, so a request in which the two disagree is refused (-32020). No capability
is required of a client, so none is ever missed (-32021): `elicitation.py` has another way for who cannot open a page, and
`choices.py` for who shows no form.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from mcp_types import (
    CLIENT_CAPABILITIES_META_KEY,
    PROTOCOL_VERSION_META_KEY,
    SERVER_INFO_META_KEY,
    Result,
)
from mcp_types.jsonrpc import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    UNSUPPORTED_PROTOCOL_VERSION,
)
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS
from werkzeug.datastructures import Headers

from shop.mcp.about import SERVER_INFO
from shop.mcp.exchange import Exchange
from shop.mcp.wire import Message, RpcError
from shop.principal import Principal

VERSION_HEADER, METHOD_HEADER, NAME_HEADER = "MCP-Protocol-Version", "Mcp-Method", "Mcp-Name"
_NAMED_BY = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
"""Which parameter the header `Mcp-Name` repeats."""
_STATUS = {
    PARSE_ERROR: 400,
    INVALID_REQUEST: 400,
    INVALID_PARAMS: 400,
    HEADER_MISMATCH: 400,
    UNSUPPORTED_PROTOCOL_VERSION: 400,
    METHOD_NOT_FOUND: 404,
}
_ENCODED = re.compile(r"=\?base64\?(.*)\?=")


def speaks(version: str | None, message: Message) -> bool:
    """Whether a message is of this era: its header names no revision of the handshake's, or its body says so itself."""
    if version is None:
        return PROTOCOL_VERSION_META_KEY in message.meta
    return version not in HANDSHAKE_PROTOCOL_VERSIONS


def acknowledge(headers: Headers, served: tuple[str, ...]) -> None:
    """A notification: there is none for us to act on, but one of a revision that we do not serve is told so."""
    version = headers.get(VERSION_HEADER, "")
    if version not in MODERN_PROTOCOL_VERSIONS:
        raise _unsupported(version, served)


def exchange(principal: Principal, message: Message, headers: Headers, served: tuple[str, ...]) -> Exchange:
    """The request, checked from its envelope to its revision; the first thing that is wrong is what the client is told.

    A header that is there twice arrives here as one with a comma (PEP 3333), and agrees with nothing.
    """
    missing = [key for key in (PROTOCOL_VERSION_META_KEY, CLIENT_CAPABILITIES_META_KEY) if key not in message.meta]
    if missing:
        raise RpcError(INVALID_PARAMS, f"params._meta must have {' and '.join(missing)}.")
    version = message.meta[PROTOCOL_VERSION_META_KEY]
    _require_agreement(headers, VERSION_HEADER, version)
    _require_agreement(headers, METHOD_HEADER, message.method)
    parameter = _NAMED_BY.get(message.method)
    named = (message.params or {}).get(parameter) if parameter else None
    if named is not None:
        _require_agreement(headers, NAME_HEADER, named)
    if version not in MODERN_PROTOCOL_VERSIONS:
        raise _unsupported(version, served)
    capabilities = message.meta[CLIENT_CAPABILITIES_META_KEY]
    return Exchange(
        principal=principal,
        version=version,
        meta=message.meta,
        opens_urls=declares_urls(capabilities),
        fills_forms=_declares_forms(capabilities),
    )


def declares_urls(capabilities: object) -> bool:
    """Whether a client's capabilities say that it can take its person to a page."""
    elicitation = _elicitation(capabilities)
    return elicitation is not None and isinstance(elicitation.get("url"), dict)


def _declares_forms(capabilities: object) -> bool:
    """Whether they say that it shows forms: by name, or by an empty `elicitation` (MCP elicitation, Capabilities)."""
    elicitation = _elicitation(capabilities)
    return elicitation is not None and (not elicitation or isinstance(elicitation.get("form"), dict))


def _elicitation(capabilities: object) -> dict[str, Any] | None:
    declared = capabilities.get("elicitation") if isinstance(capabilities, dict) else None
    return declared if isinstance(declared, dict) else None


_STAMP = {SERVER_INFO_META_KEY: SERVER_INFO.model_dump(mode="json", by_alias=True, exclude_none=True)}


def rendered(result: Result) -> dict[str, Any]:
    """A result as this era writes it, with who we are beside it."""
    body = result.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {"resultType": "complete", **body, "_meta": {**body.get("_meta", {}), **_STAMP}}


def status_of(error: RpcError) -> int:
    """The HTTP status of an error: in this era the code prescribes it."""
    return error.status or _STATUS.get(error.code, 200)


def _require_agreement(headers: Headers, name: str, value: object) -> None:
    if name not in headers or _decoded(headers[name]) != value:
        raise RpcError(HEADER_MISMATCH, f"The header {name} does not say what the body says.")


def _decoded(text: str) -> str | None:
    """A header's value; what does not fit into a header is written as `=?base64?…?=`."""
    encoded = _ENCODED.fullmatch(text)
    if encoded is None:
        return text
    try:
        return base64.b64decode(encoded[1], validate=True).decode()
    except (binascii.Error, ValueError):
        return None


def _unsupported(version: str, served: tuple[str, ...]) -> RpcError:
    supported = {"supported": list(served), "requested": version}
    return RpcError(UNSUPPORTED_PROTOCOL_VERSION, "Unsupported protocol version", data=supported)
