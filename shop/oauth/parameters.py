"""What a client sent to an endpoint: each parameter once, from where the protocol says it stands."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from authlib.oauth2.rfc6749 import OAuth2Request
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from flask import request
from werkzeug.datastructures import MultiDict

from shop.oauth.issuer import Issuer
from shop.oauth.responses import refuse

_LONGEST = 2048
"""Characters in one parameter."""
_TOKENS = frozenset({"client_assertion", "assertion", "subject_token"})
"""Parameters that hold a whole token, and may be as long as the body."""
logging.getLogger("authlib").setLevel(logging.INFO)  # its debug messages show whole tokens (invariant I14)


@dataclass(frozen=True)
class Parameters:
    """The parameters of one request. One that is empty counts as missing (RFC 6749 §3.1)."""

    values: Mapping[str, str]

    def get(self, name: str) -> str | None:
        """A parameter; None when it is missing."""
        return self.values.get(name) or None

    def require(self, name: str) -> str:
        """A parameter that has to be there. Raises `OAuth2Error`."""
        return self.get(name) or refuse("invalid_request", f"The parameter {name} is missing.")

    def scopes(self, otherwise: frozenset[str] = frozenset()) -> frozenset[str]:
        """The scopes that are asked for, and `otherwise` when the request has no parameter `scope`."""
        scope = self.get("scope")
        return frozenset(scope.split()) if scope else otherwise

    def check_resource(self, issuer: Issuer, name: str = "resource") -> None:
        """The one protected resource is named by one of its addresses, or not at all (RFC 8707 §2). Raises `OAuth2Error`."""
        named = self.get(name)
        if named is not None and not issuer.is_resource(named):
            refuse("invalid_target", f"The parameter {name} must be {issuer.resource}")


class EndpointRequest(OAuth2Request):
    """The present request, in the form in which Authlib reads it."""

    def __init__(self, issuer: Issuer, sent: MultiDict[str, str]) -> None:
        # The address that the shop is known by, not the one that happened to reach this process behind a proxy.
        super().__init__(request.method, issuer.url + request.path, headers=dict(request.headers))
        self.issuer = issuer
        self.parameters = Parameters(_once(sent))
        self.payload = BasicOAuth2Payload(dict(self.parameters.values))

    @property
    def form(self) -> dict[str, str]:
        """What was sent in the body: a secret in a query string counts for nothing."""
        return dict(self.parameters.values) if self.method == "POST" else {}


def _once(sent: MultiDict[str, str]) -> dict[str, str]:
    """Each parameter, which must not be sent twice (RFC 6749 §3.1, §3.2). Raises `OAuth2Error`."""
    for name, values in sent.lists():
        if len(values) > 1:
            refuse("invalid_request", f"The parameter {name[:40]} was sent more than once.")
        if "\x00" in values[0]:
            refuse("invalid_request", f"The parameter {name[:40]} is no text.")
        if len(values[0]) > _LONGEST and name not in _TOKENS:
            refuse("invalid_request", f"The parameter {name[:40]} is longer than {_LONGEST} characters.")
    return {name: values[0] for name, values in sent.lists()}
