"""The edge to Authlib: its server and its request, with what they leave open closed.

* A parameter is read from where the protocol says it stands (a secret in a query string counts for nothing) and at most once.
* An error is an `OAuth2Error`, answered in the protocol's JSON form or at the client's redirect URI, always with `iss`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, NoReturn

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import AuthorizationServer, OAuth2Request
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from flask import Blueprint, Response, jsonify, request
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException, MethodNotAllowed, TooManyRequests

from shop.credentials.agents import ClientKind
from shop.oauth.clients.client import Client, find_client
from shop.oauth.clients.redirect_uris import with_answer
from shop.oauth.issuer import Issuer
from shop.oauth.signing_keys import Signer
from shop.principal import Principal

_LONGEST = 2048
"""Characters in one parameter."""
_TOKENS = frozenset({"client_assertion", "assertion", "subject_token"})
"""Parameters that hold a whole token, and may be as long as the body."""
KEPT_BY_NOBODY = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
"""Headers of what leads to a client: its address holds a code."""
_SECTION_SIGNS = str.maketrans({"§": "section ", '"': "'", "\\": "/"})
_log = logging.getLogger(__name__)
logging.getLogger("authlib").setLevel(logging.INFO)  # its debug messages show whole tokens (invariant I14)


class ShopRequest(OAuth2Request):
    """One request to an endpoint, and what was found out about it so far."""

    def __init__(self, issuer: Issuer, parameters: MultiDict[str, str]) -> None:
        # The address that the shop is known by, not the one that happened to reach this process behind a proxy.
        super().__init__(request.method, issuer.url + request.path, headers=dict(request.headers))
        self.issuer = issuer
        self.payload = BasicOAuth2Payload(_once(parameters))
        self.refused: OAuth2Error | None = None
        self.on_behalf_of: Principal | None = None
        """Whose grant the request is about, as soon as that is known: where a refusal is recorded."""
        self.concerns: str | None = None
        """The organization that the request is about, where there is no grant yet."""
        self.about: dict[str, str] = {}
        """What else is known of it, for the record of a refusal."""
        self.presented: object | None = None
        """What the client came with, as it was read and verified before the transaction began."""
        self._form = dict(parameters) if request.method == "POST" else {}
        self._inside: tuple[Session, Signer] | None = None
        self._client: Client | None = None

    @property
    def form(self) -> dict[str, str]:
        return self._form

    def parameter(self, name: str) -> str | None:
        """A parameter, or None when it is missing or empty (RFC 6749 §3.1: those are the same)."""
        return self.payload.data.get(name) or None if self.payload else None

    def require(self, name: str) -> str:
        """A parameter that has to be there. Raises `OAuth2Error`."""
        return self.parameter(name) or refuse("invalid_request", f"The parameter {name} is missing.")

    def begin(self, db: Session, signer: Signer) -> None:
        """From here on, everything happens in one transaction."""
        self._inside = (db, signer)

    @property
    def db(self) -> Session:
        if self._inside is None:
            raise LookupError("no transaction was begun")
        return self._inside[0]

    @property
    def signer(self) -> Signer:
        if self._inside is None:
            raise LookupError("no transaction was begun")
        return self._inside[1]

    @property
    def known_party(self) -> str:
        """Who is known to ask, for the record of a refusal: what an organization's identity provider vouched for, or a client that
        the operator registered and that proved who it is. Empty for anybody else: whoever likes can register a client.
        """
        if self.concerns:
            return f"{self.concerns} {self.about.get('connection', '')} {self.about.get('person', '')}"
        client = self.client if isinstance(self.client, Client) else None
        is_known = (
            client
            and client.kind is ClientKind.PREREGISTERED
            and not client.check_endpoint_auth_method("none", "token")
        )
        return f"client {client.client_id}" if client and is_known else ""

    @property
    def authenticated(self) -> Client:
        """The client behind this request, after it was authenticated or found."""
        if not isinstance(self.client, Client):
            raise LookupError("the client was not looked for")
        return self.client


class OfOurRequest:
    """What a grant type of Authlib's has besides: its request as ours."""

    request: Any

    @property
    def asked(self) -> ShopRequest:
        """The request, which is always one of ours."""
        if not isinstance(self.request, ShopRequest):
            raise LookupError("requests here are our own")
        return self.request


class Server(AuthorizationServer):
    """Authlib's authorization server, bound to ours."""

    def __init__(self, issuer: Issuer) -> None:
        super().__init__(scopes_supported=None)
        self._issuer = issuer

    def query_client(self, client_id: str) -> Client | None:  # type: ignore[override] # None is what Authlib expects
        with self._issuer.database.read() as db:
            return find_client(db, client_id)

    def create_oauth2_request(self, request: OAuth2Request) -> OAuth2Request:
        return request

    def save_token(self, token: dict[str, str | int], request: OAuth2Request) -> None:
        """Nothing to do: what is issued was stored before it was signed (`grants/issuing.py`)."""

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Nobody listens: what happens here is recorded by those who do it."""

    def handle_response(
        self,
        status: int,
        body: Mapping[str, object],
        headers: Sequence[tuple[str, str]],  # type: ignore[override]
    ) -> Response:
        return json_answer(dict(body), status)

    def handle_error_response(self, request: OAuth2Request, error: OAuth2Error) -> Response:
        if isinstance(request, ShopRequest):
            request.refused = error
        return json_error(error)


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
    """Send the browser there, by 303 (RFC 9700 §4.12). Never in answer to a form: `pages.GoOnPage` says why."""
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


def _once(parameters: MultiDict[str, str]) -> dict[str, str]:
    """Each parameter, which must not be sent twice (RFC 6749 §3.1, §3.2). Raises `OAuth2Error`."""
    for name, values in parameters.lists():
        if len(values) > 1:
            refuse("invalid_request", f"The parameter {name[:40]} was sent more than once.")
        if "\x00" in values[0]:
            refuse("invalid_request", f"The parameter {name[:40]} is no text.")
        if len(values[0]) > _LONGEST and name not in _TOKENS:
            refuse("invalid_request", f"The parameter {name[:40]} is longer than {_LONGEST} characters.")
    return {name: values[0] for name, values in parameters.lists()}
