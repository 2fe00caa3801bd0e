"""An OpenID provider on a real socket whose every answer a test may bend: the external provider of a customer, or an attacker.

It is honest until told otherwise. Nothing here is shared with the shop, so that both cannot be wrong in the same way.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode

import requests
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey
from werkzeug.serving import BaseWSGIServer, make_server
from werkzeug.wrappers import Request, Response

from tests.support.clock import TestClock

CLIENT_ID = "0oa1b2c3"
CLIENT_SECRET = "a client secret that only the provider and the shop know"
SUBJECT = "00u-sofia"

Claims = dict[str, Any]


@cache
def rsa_key(kid: str) -> RSAKey:
    """An RSA key, made once for the whole run."""
    return RSAKey.generate_key(2048, {"kid": kid})


@cache
def ec_key(kid: str) -> ECKey:
    """A P-256 key, made once for the whole run."""
    return ECKey.generate_key("P-256", {"kid": kid})


def signed(claims: Claims, key: Any, algorithm: str, **header: Any) -> str:
    """A signed token, with whatever else a test wants in its header."""
    header = {"alg": algorithm, "kid": key.kid, **header}
    return jws.serialize_compact(header, json.dumps(claims).encode(), key, algorithms=[algorithm])


def unsigned(claims: Claims, **header: Any) -> str:
    """A token with `alg: none` and an empty signature, put together by hand as an attacker does."""
    return ".".join([_segment({"alg": "none", **header}), _segment(claims), ""])


def hs256(claims: Claims, secret: bytes) -> str:
    """A token with a symmetric signature, put together by hand since libraries refuse to take a public key for a secret."""
    signed_part = f"{_segment({'alg': 'HS256', 'kid': 'first'})}.{_segment(claims)}"
    signature = hmac.new(secret, signed_part.encode(), hashlib.sha256).digest()
    return f"{signed_part}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def public_pem(kid: str) -> bytes:
    """A published RSA key, as anybody can have it."""
    return bytes(rsa_key(kid).as_pem(private=False))


def _segment(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@dataclass
class HostileProvider:
    """The provider. Tests bend its attributes; `None` in a dictionary of changes removes what would be there."""

    clock: TestClock
    metadata: dict[str, Any] = field(default_factory=dict)
    """Changes to the discovery document."""
    callback: dict[str, str | None] = field(default_factory=dict)
    """Changes to what the browser carries back."""
    claims: Claims = field(default_factory=dict)
    """Changes to the ID token's claims."""
    token_answer: dict[str, Any] = field(default_factory=dict)
    """Changes to the answer of the token endpoint."""
    encode: Callable[[Claims], str] | None = None
    """How the ID token is made: RS256 with the published key, if nothing else is said."""
    keys: list[Any] = field(default_factory=lambda: [rsa_key("first")])
    """What the key set publishes."""
    answers: dict[str, Response] = field(default_factory=dict)
    """Path → a whole answer instead of the honest one."""
    asked: list[str] = field(default_factory=list)
    """The paths of all requests, in order."""
    token_request: dict[str, str] = field(default_factory=dict)
    """The last honest token request, with the client's credentials."""
    client_id: str = CLIENT_ID
    client_secret: str = CLIENT_SECRET
    takes: str = "client_secret_basic"
    """The one way in which the client may authenticate itself."""
    authenticated_by: list[str] = field(default_factory=list)
    """The ways in which the client did, at the last token request."""
    assertions: list[str] = field(default_factory=list)
    """The client's signed assertions, in order; a test verifies them."""
    at_token: Callable[[], object] = lambda: None
    """What happens while a code is redeemed."""
    meanwhile: Callable[[], object] = lambda: None
    """What happens while it is asked for new tokens."""
    refreshed: list[str] = field(default_factory=list)
    """The refresh tokens that it was asked with, in order. Each serves once: one that comes twice ends all of them."""
    secrets: set[str] = field(default_factory=set)
    """Everything of this run that no record may hold."""

    def __post_init__(self) -> None:
        self._codes: dict[str, dict[str, str]] = {}
        self._refresh_token = ""
        self._server: BaseWSGIServer = make_server("127.0.0.1", 0, self, threaded=True)
        self.issuer = f"http://127.0.0.1:{self._server.port}"
        self.secrets.add(CLIENT_SECRET)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def stop(self) -> None:
        """Be gone: nothing listens on the port any more."""
        self._server.shutdown()
        self._server.server_close()

    def consent(self, url: str) -> str:
        """The person says yes at the address they were taken to. Returns the callback that the browser then opens."""
        answer = requests.get(url, allow_redirects=False, timeout=5)
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"].partition("127.0.0.1:5999")[2]

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        self.asked.append(request.path)
        routes = {
            "/.well-known/openid-configuration": self._discovery,
            "/authorize": self._authorize,
            "/token": self._token,
            "/jwks": self._jwks,
        }
        answer = self.answers.get(request.path) or routes[request.path](request)
        return answer(environ, start_response)

    def _discovery(self, _request: Request) -> Response:
        document = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "response_types_supported": ["code"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "authorization_response_iss_parameter_supported": True,
        }
        return _json(_changed(document, self.metadata))

    def _authorize(self, request: Request) -> Response:
        code = secrets.token_urlsafe(24)
        self._codes[code] = request.args.to_dict()
        self.secrets |= {code, request.args["state"], request.args["nonce"]}
        parameters = _changed({"code": code, "state": request.args["state"], "iss": self.issuer}, self.callback)
        return Response(status=302, headers={"Location": f"{request.args['redirect_uri']}?{urlencode(parameters)}"})

    def _token(self, request: Request) -> Response:
        form = request.form.to_dict()
        if form.get("grant_type") == "refresh_token":
            return self._refresh(request, form["refresh_token"])
        asked = self._codes.pop(form.get("code", ""), None)
        if asked is None:
            return _json({"error": "invalid_grant"}, 400)
        self._authenticate(request)
        self.at_token()
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=")
        assert challenge.decode() == asked["code_challenge"], "PKCE"
        self.token_request = form
        self.secrets.add(form["code_verifier"])
        return self._tokens(nonce=asked["nonce"])

    def _authenticate(self, request: Request) -> None:
        """RFC 6749 §2.3.1: by one way, the one that this provider takes; Basic carries both parts form-encoded."""
        form, basic = request.form, request.authorization
        self.authenticated_by = [
            way
            for way, present in (
                ("client_secret_basic", basic),
                ("client_secret_post", "client_secret" in form),
                ("private_key_jwt", "client_assertion" in form),
            )
            if present
        ]
        if basic:
            sent = tuple(unquote_plus(str(part)) for part in (basic.username, basic.password))
            assert sent == (self.client_id, self.client_secret)
        elif "client_secret" in form:
            assert (form["client_id"], form["client_secret"]) == (self.client_id, self.client_secret)
        else:
            self.assertions.append(form["client_assertion"])
        assert len(self.authenticated_by) == 1 and self.authenticated_by[0] == self.takes

    def _refresh(self, request: Request, token: str) -> Response:
        self._authenticate(request)
        self.refreshed.append(token)
        self.meanwhile()
        if token != self._refresh_token:
            if self.refreshed.count(token) > 1:
                self._refresh_token = ""
            return _json({"error": "invalid_grant"}, 400)
        return self._tokens()

    def _tokens(self, **nonce: str) -> Response:
        now = int(self.clock.now.timestamp())
        honest: Claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "sub": SUBJECT,
            "iat": now,
            "exp": now + 300,
            "email": "sofia.hart@acme.example",
            "name": "Sofia Hart",
            "given_name": "Sofia",
            "groups": ["shop-buyers"],
            **nonce,
        }
        claims = _changed(honest, self.claims)
        id_token = self.encode(claims) if self.encode else signed(claims, rsa_key("first"), "RS256")
        access_token, self._refresh_token = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        self.secrets |= {id_token, access_token, self._refresh_token}
        answer = {"access_token": access_token, "token_type": "Bearer", "expires_in": 300, "id_token": id_token}
        return _json(_changed({**answer, "refresh_token": self._refresh_token}, self.token_answer))

    def _jwks(self, _request: Request) -> Response:
        return _json({"keys": [key.as_dict(private=False) for key in self.keys]})


def _changed(honest: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in (honest | changes).items() if value is not None}


def _json(document: Any, status: int = 200) -> Response:
    return Response(json.dumps(document), status, mimetype="application/json")


def query_of(url: str) -> dict[str, str]:
    """The parameters of an address, each once."""
    found = parse_qs(url.partition("?")[2], keep_blank_values=True)
    assert all(len(values) == 1 for values in found.values()), url
    return {name: values[0] for name, values in found.items()}
