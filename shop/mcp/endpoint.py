"""`/mcp`, and `/mcp/` where somebody typed that: from an HTTP request to an answer.

    1 where from     Host and Origin, so that no page in a browser reaches a shop on this machine (DNS rebinding)
    2 who            the bearer token, on every request; cookies are not looked at
    3 what           one JSON-RPC message of bearable size
    4 which era      by its header or its envelope; then `methods.handle`

There are no streams: GET and DELETE are answered as the specification asks of a server without, and so is every other method.
"""

from __future__ import annotations

import logging

from flask import Blueprint, Request, Response, jsonify, request
from mcp_types import InitializeRequestParams
from mcp_types.jsonrpc import INTERNAL_ERROR, INVALID_PARAMS, INVALID_REQUEST, RequestId
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError
from werkzeug.exceptions import RequestEntityTooLarge, TooManyRequests

from shop.access import csrf
from shop.database import Database
from shop.guards.rate_limits import Limit, check_address, rate_limits
from shop.mcp import handshake, methods, refusals, stateless
from shop.mcp.exchange import Server
from shop.mcp.guest import GUEST, is_guest
from shop.mcp.sealing import Sealer
from shop.mcp.wire import ACCESS_REFUSED, Message, RpcError, read
from shop.oauth.resource_server.bearer import BearerRefused, authenticate
from shop.oauth.resource_server.external_issuer import IssuerUnavailable
from shop.own_address import is_own_host
from shop.principal import Principal
from shop.settings import Settings
from shop.tools.gateway import Gateway

_log = logging.getLogger(__name__)
_JSON = "application/json"


def blueprint(settings: Settings, database: Database, gateway: Gateway) -> Blueprint:
    """The endpoint of one shop."""
    server = Server(
        settings=settings,
        database=database,
        gateway=gateway,
        sealer=Sealer(settings.secret_key, database.clock),
        versions=(*MODERN_PROTOCOL_VERSIONS, *handshake.VERSIONS),
    )
    pages = Blueprint("mcp", __name__)

    @pages.route("/mcp/", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    @pages.route("/mcp", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    def endpoint() -> Response:
        _require_own_address(server, request)
        principal = _principal(server, request)
        if request.method != "POST":
            raise RpcError(INVALID_REQUEST, "Only POST is answered here.", status=405, headers={"Allow": "POST"})
        _require_media_types(request)
        return _answer(server, principal, read(request.get_data()))

    @pages.errorhandler(RpcError)
    def refused(error: RpcError) -> Response:
        return _failed(error, None, error.status or 400)

    @pages.errorhandler(RequestEntityTooLarge)
    def too_large(_error: RequestEntityTooLarge) -> Response:
        return _failed(RpcError(INVALID_REQUEST, "The body is larger than this server takes."), None, 413)

    @pages.errorhandler(Exception)
    def broken(error: Exception) -> Response:
        _log.exception("the MCP endpoint failed", exc_info=error)
        return _failed(RpcError(INTERNAL_ERROR, "That did not work, and nothing was done. Try again."), None, 503)

    csrf.exempt(pages)  # no cookie is looked at here, so none can be abused
    return pages


def _answer(server: Server, principal: Principal, message: Message) -> Response:
    is_stateless = stateless.speaks(request.headers.get(stateless.VERSION_HEADER), message)
    try:
        _check_rate(principal)
        if message.id is None or (message.method == "initialize" and not is_stateless):
            refusals.alive(server, principal, message.method)  # all others are asked by `methods.handle`
        if message.id is None:
            if is_stateless:
                stateless.acknowledge(request.headers, server.versions)
            return Response(status=202)
        if is_stateless:
            exchange = stateless.exchange(principal, message, request.headers, server.versions)
            return _succeeded(message, stateless.rendered(methods.handle(server, exchange, message)))
        if message.method == "initialize":
            return _initialized(server, principal, message)
        exchange = handshake.exchange(server, principal, message, request.headers)
        return _succeeded(message, handshake.rendered(methods.handle(server, exchange, message)))
    except RpcError as error:
        status = stateless.status_of(error) if is_stateless else handshake.status_of(error)
        return _failed(error, message.id, status)


def _initialized(server: Server, principal: Principal, message: Message) -> Response:
    try:
        params = InitializeRequestParams.model_validate(message.params or {}, by_name=False)
    except ValidationError:
        raise RpcError(INVALID_PARAMS, "initialize needs protocolVersion, capabilities and clientInfo.") from None
    result, session = handshake.initialize(server, principal, params)
    answer = _succeeded(message, handshake.rendered(result))
    answer.headers[handshake.SESSION_HEADER] = session
    return answer


def _principal(server: Server, arrived: Request) -> Principal:
    """Who asks: the party of the token; without one the guest, where a deployment allows that (invariant I2)."""
    authorization = arrived.headers.get("Authorization")
    if authorization is None and server.settings.anonymous_browse:
        return GUEST
    try:
        return authenticate(authorization)
    except IssuerUnavailable:
        unavailable = "The authorization server that this shop's tokens come from does not answer. Try again soon."
        raise RpcError(INTERNAL_ERROR, unavailable, status=503) from None
    except BearerRefused as refused:
        _check_stranger()
        if refused.is_lasting:
            raise RpcError(ACCESS_REFUSED, refused.description or "", status=403) from None
        raise refusals.unauthenticated(refused.error, refused.description) from None


def _check_rate(principal: Principal) -> None:
    """Raises `RpcError` (429) for a party that asks too often. The guest is everybody without a token: each counts by address."""
    try:
        if is_guest(principal):
            check_address(Limit.MCP_STRANGERS_PER_ADDRESS)
        else:
            rate_limits().check_principal(
                principal,
                Limit.MCP_CALLS_PER_ASSISTANT,
                Limit.MCP_CALLS_PER_PERSON,
                Limit.MCP_CALLS_PER_ORGANIZATION,
            )
    except TooManyRequests as refused:
        raise refusals.too_often(refused) from None


def _check_stranger() -> None:
    try:
        check_address(Limit.MCP_STRANGERS_PER_ADDRESS)
    except TooManyRequests as refused:
        raise refusals.too_often(refused) from None


def _require_own_address(server: Server, arrived: Request) -> None:
    """Only requests for this very shop, and from no page but its own."""
    if not is_own_host(server.settings, arrived):
        raise RpcError(
            INVALID_REQUEST,
            f"This server is {server.settings.base_url}, and was asked as {arrived.host[:200]}: a proxy has to pass Host on.",
            status=421,
        )
    origin = arrived.headers.get("Origin")
    if origin is not None and origin not in server.settings.base_urls:
        raise RpcError(INVALID_REQUEST, "Pages of other origins are not answered.", status=403)


def _require_media_types(arrived: Request) -> None:
    if arrived.mimetype != _JSON:
        raise RpcError(INVALID_REQUEST, f"Send {_JSON}.", status=415)
    # A request without `Accept` takes anything (RFC 9110 §12.5.1).
    if arrived.accept_mimetypes and not arrived.accept_mimetypes[_JSON]:
        raise RpcError(INVALID_REQUEST, f"Accept {_JSON}: there are no streams here.", status=406)


def _succeeded(message: Message, result: dict[str, object]) -> Response:
    return jsonify({"jsonrpc": "2.0", "id": message.id, "result": result})


def _failed(error: RpcError, identifier: RequestId | None, status: int) -> Response:
    answer = jsonify(error.body(identifier))
    answer.status_code = status
    answer.headers.update(error.headers)
    return answer
