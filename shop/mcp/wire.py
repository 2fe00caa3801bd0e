"""JSON-RPC 2.0 as MCP speaks it: one message in a body, one answer. A batch is refused (removed in 2025-06-18)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mcp_types.jsonrpc import (
    INVALID_REQUEST,
    PARSE_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCNotification,
    JSONRPCRequest,
    RequestId,
)
from pydantic import ValidationError

from shop.untrusted import TooDeep, parse_json

AUTHENTICATION_REQUIRED = -32010
INSUFFICIENT_SCOPE = -32011
ACCESS_REFUSED = -32012
TOO_MANY_REQUESTS = -32013
"""Our own codes, from the band that the specification leaves to implementations. What counts is the HTTP answer beside them."""


@dataclass(eq=False)  # not frozen: whatever an exception passes through must be able to set its traceback
class RpcError(Exception):
    """A request ends with an error. `status` is the HTTP status where the transport prescribes one; else its era decides."""

    code: int
    message: str
    data: object = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self, identifier: RequestId | None) -> dict[str, Any]:
        """The error object. `id` is null when the request's id could not be determined."""
        error = ErrorData(code=self.code, message=self.message, data=self.data)
        body = JSONRPCError(jsonrpc="2.0", id=identifier, error=error).model_dump(mode="json", exclude_none=True)
        return {**body, "id": identifier}


@dataclass(frozen=True, kw_only=True)
class Message:
    """A request, or a notification: that one has no id, and gets no answer."""

    id: RequestId | None
    method: str
    params: dict[str, Any] | None

    @property
    def meta(self) -> Mapping[str, Any]:
        """What stands beside the parameters: `_meta`, or nothing."""
        meta = (self.params or {}).get("_meta")
        return meta if isinstance(meta, dict) else {}


def read(body: bytes) -> Message:
    """The one message of a body. Raises `RpcError` for anything else."""
    try:
        # Not `read_json`: an id comes back as it came, half a character and all (JSON-RPC 2.0 §5). What stands in arguments is
        # judged by the tools' types, which name the argument.
        decoded = parse_json(body)
    except TooDeep:
        raise RpcError(INVALID_REQUEST, "The body must be one JSON-RPC request or notification.", status=400) from None
    except ValueError:  # also: not UTF-8, an integer of thousands of digits, NaN, a key that stands twice
        raise RpcError(PARSE_ERROR, "The body is not JSON.", status=400) from None
    if isinstance(decoded, list):
        raise RpcError(
            INVALID_REQUEST, "Batches are not supported: send each request in a POST of its own.", status=400
        )
    if not isinstance(decoded, dict):
        raise RpcError(INVALID_REQUEST, "The body must be one JSON-RPC request or notification.", status=400)
    try:
        if "id" in decoded:  # the key decides, not which model happens to fit (JSON-RPC 2.0 §4.1)
            request = JSONRPCRequest.model_validate(decoded)
            return Message(id=request.id, method=request.method, params=request.params)
        notification = JSONRPCNotification.model_validate(decoded)
    except ValidationError:
        raise RpcError(INVALID_REQUEST, "The body must be one JSON-RPC request or notification.", status=400) from None
    return Message(id=None, method=notification.method, params=notification.params)
