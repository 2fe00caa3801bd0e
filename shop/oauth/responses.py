"""How the authorization server answers: its errors, in the protocol's JSON form or at the client's redirect URI with `iss`."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NoReturn

from authlib.oauth2 import OAuth2Error
from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, TooManyRequests

from shop.oauth.clients.redirect_uris import with_answer
from shop.oauth.issuer import Issuer

KEPT_BY_NOBODY = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
"""Headers of what leads to a client: its address holds a code."""
_SECTION_SIGNS = str.maketrans({"§": "section ", '"': "'", "\\": "/"})
_log = logging.getLogger(__name__)


def refuse(error: str, description: str, status: int = HTTPStatus.BAD_REQUEST) -> NoReturn:
    """Raise the protocol's error (RFC 6749 §5.2) with a description that says what to do."""
    raise OAuth2Error(error=error, description=described(description), status_code=int(status))


def described(text: str) -> str:
    """Text as a description may be written: ASCII without quotes and backslashes (RFC 6749 §5.2)."""
    plain = text.translate(_SECTION_SIGNS)
    return "".join(c if " " <= c <= "~" else "?" for c in plain)


def json_answer(body: Mapping[str, Any], status: int = HTTPStatus.OK) -> Response:
    """An answer that nobody keeps (RFC 6749 §5.1)."""
    response = jsonify(dict(body))
    response.status_code = int(status)
    response.headers["Cache-Control"], response.headers["Pragma"] = "no-store", "no-cache"
    return response


def json_error(error: OAuth2Error) -> Response:
    """An error in the protocol's JSON form; to a client that failed to authenticate itself, with how it may (RFC 6749 §5.2)."""
    is_client = error.error == "invalid_client"
    status = HTTPStatus.UNAUTHORIZED if is_client else HTTPStatus(error.status_code or HTTPStatus.BAD_REQUEST)
    body = {"error": str(error.error), "error_description": described(error.get_error_description() or "")}
    response = json_answer({name: value for name, value in body.items() if value}, status)
    if is_client:
        response.headers["WWW-Authenticate"] = 'Basic realm="oauth", charset="UTF-8"'
    return response


def json_http_error(error: HTTPException) -> Response:
    """What went wrong before the protocol was spoken (a wrong method, too large a body), in the protocol's form."""
    text = described(error.description or error.name)
    # No registered code says "too often"; this one is what clients of MCP know (its SDK answers and reads it).
    code = "too_many_requests" if isinstance(error, TooManyRequests) else "invalid_request"
    response = json_answer({"error": code, "error_description": text}, error.code or HTTPStatus.BAD_REQUEST)
    if isinstance(error, TooManyRequests):
        response.headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, MethodNotAllowed):
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
    return response


def is_for_machines(path: str) -> bool:
    """Whether a client, and no person, is at this address."""
    return path.startswith(("/.well-known/", "/oauth/", "/mcp")) and path not in {"/oauth/authorize", "/oauth/consent"}


def answer_address(issuer: Issuer, redirect_uri: str, state: str | None, **answer: str) -> str:
    """Where the browser goes with an answer for its client: with `iss` (RFC 9207 §2) and the client's own `state`.

    The redirect URI was compared with those that are registered; whoever calls this has done so.
    """
    parameters = {**answer, "iss": issuer.url} | ({"state": state} if state is not None else {})
    return with_answer(redirect_uri, parameters)


def redirect_answer(address: str) -> Response:
    """Send the browser there, by 303 (RFC 9700 §4.12). Never in answer to a form: `GoOnPage` says why."""
    return Response("", HTTPStatus.SEE_OTHER, {"Location": address, **KEPT_BY_NOBODY})


def speak_json(endpoint: Blueprint) -> None:
    """Make a blueprint one for machines: every error in JSON, and open to scripts of any origin.

    No cookie counts here, so a page elsewhere can do nothing in a person's name; clients that run in a browser need it.
    """

    @endpoint.errorhandler(OAuth2Error)
    def refused(error: OAuth2Error) -> Response:
        return json_error(error)

    @endpoint.errorhandler(HTTPException)
    def known(error: HTTPException) -> Response:
        return json_http_error(error)

    @endpoint.errorhandler(Exception)
    def unknown(error: Exception) -> Response:
        _log.exception("unhandled error", exc_info=error)
        text = "Something that this server needs does not answer. Nothing was changed; try again soon."
        return json_answer({"error": "temporarily_unavailable", "error_description": text}, 503)

    @endpoint.after_request
    def open_to_scripts(response: Response) -> Response:
        response.headers["Access-Control-Allow-Origin"] = "*"
        if request.method == "OPTIONS":
            response.headers["Access-Control-Allow-Headers"] = "authorization, content-type, mcp-protocol-version"
            response.headers["Access-Control-Max-Age"] = "600"
        return response
