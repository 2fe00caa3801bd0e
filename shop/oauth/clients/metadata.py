"""What a client says of itself, in the terms of RFC 7591 §2: sent at registration, or found in its metadata document.

What is not supported is left out of what is registered, as §3.2.1 allows, and the answer says what was; what would be
unsafe is refused. Logos and policies of strangers are not shown, so they are not kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from shop.identity.key_sets import read_key_set
from shop.oauth.clients.redirect_uris import problem_with
from shop.principal import CONSENTABLE
from shop.untrusted import printable_line

AuthMethod = Literal["none", "client_secret_basic", "client_secret_post", "private_key_jwt"]
_OF_EVERY_CLIENT = ("authorization_code", "refresh_token")
_WITHOUT_BROWSER = (
    "client_credentials",
    "urn:ietf:params:oauth:grant-type:jwt-bearer",
    "urn:ietf:params:oauth:grant-type:token-exchange",
)
"""Nobody is asked in these: only for clients that prove who they are (RFC 6749 §4.4, RFC 7523, RFC 8693)."""
GRANT_TYPES = (*_OF_EVERY_CLIENT, *_WITHOUT_BROWSER)
SCOPES = sorted(str(scope) for scope in CONSENTABLE)
"""Every scope that can be asked for, by its name on the wire."""
ASSERTION_ALGORITHMS = ("RS256", "PS256", "ES256")
"""How a client may sign to authenticate itself: pinned here, never taken from its token (ASVS 9.1.2)."""
_MOST = 10


class BadMetadata(Exception):
    """Metadata that cannot be registered. `error` is RFC 7591 §3.2.2's code; the message is for the client's developer."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error


def _redirect_uri(uri: str) -> str:
    if problem := problem_with(uri):
        raise ValueError(problem)
    return uri


def _https(url: str) -> str:
    if not url.startswith("https://") or problem_with(url):
        raise ValueError(
            "This address must be https, in printable ASCII, its host in lower case and without a user name."
        )
    return url


def _public_keys(jwks: dict[str, Any]) -> dict[str, Any]:
    keys = jwks.get("keys")
    if not isinstance(keys, list) or not 0 < len(keys) <= _MOST:
        raise ValueError("A key set is an object with a list of keys (RFC 7517 section 5).")
    if any(not isinstance(key, dict) or {"d", "k"} & set(key) for key in keys):
        raise ValueError("A key set of a client holds public keys only.")
    usable = read_key_set(jwks, whose="a client that registers").entries
    if not usable:
        raise ValueError("None of the keys can verify a signature here.")
    return {"keys": list(usable)}  # what is not supported is left out, and the answer says what was registered


def _name(text: object) -> object:
    return printable_line(text)[:80] if isinstance(text, str) else text


class ClientMetadata(BaseModel):
    """One client's metadata, as registered."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    client_name: Annotated[str | None, BeforeValidator(_name)] = None
    redirect_uris: list[Annotated[str, AfterValidator(_redirect_uri)]] = Field(default=[], max_length=_MOST)
    token_endpoint_auth_method: AuthMethod = "client_secret_basic"  # noqa: S105 - the name of a method
    grant_types: list[str] = ["authorization_code"]
    response_types: list[str] = ["code"]
    client_uri: Annotated[str, AfterValidator(_https)] | None = None
    jwks: Annotated[dict[str, Any], AfterValidator(_public_keys)] | None = None
    jwks_uri: Annotated[str, AfterValidator(_https)] | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> ClientMetadata:
        if self.asks_people and not self.redirect_uris:
            raise ValueError("redirect_uris is required.")
        if self.asks_people and "code" not in self.response_types:
            raise ValueError("response_types: a client that asks people uses the response type code.")
        if not self.asks_people and (self.redirect_uris or not set(_WITHOUT_BROWSER) & set(self.supported_grant_types)):
            raise ValueError(
                "grant_types: a client that asks people uses authorization_code; one that does not proves who it is."
            )
        if self.jwks and self.jwks_uri:
            raise ValueError("jwks and jwks_uri exclude each other (RFC 7591 section 2).")
        if (self.token_endpoint_auth_method == "private_key_jwt") != bool(self.jwks or self.jwks_uri):  # noqa: S105
            raise ValueError("private_key_jwt needs jwks or jwks_uri, and nothing else does.")
        return self

    @property
    def asks_people(self) -> bool:
        """Whether it sends people here, to be let in by them."""
        return "authorization_code" in self.grant_types

    @property
    def supported_grant_types(self) -> list[str]:
        """Those of its grant types that there are, for a client of its kind."""
        is_public = self.token_endpoint_auth_method == "none"  # noqa: S105 - the name of a method
        there_are = _OF_EVERY_CLIENT if is_public else GRANT_TYPES
        return [name for name in there_are if name in self.grant_types]

    @property
    def name(self) -> str:
        """What the client calls itself; nothing is not a name."""
        return self.client_name or "An assistant without a name"

    def registered(self) -> dict[str, Any]:
        """What was registered, for the client to see (RFC 7591 §3.2.1): every scope may be asked for, the person decides."""
        said = self.model_dump(mode="json", exclude_none=True)
        supported = {
            "grant_types": self.supported_grant_types,
            "response_types": ["code"] if self.asks_people else [],
            "scope": " ".join(SCOPES),
        }
        return said | supported


def read_metadata(document: Mapping[str, Any], **defaults: Any) -> ClientMetadata:
    """A client's metadata from what it sent, where a member that is null or empty means one that is absent (RFC 7591 §2: all are
    optional, and generated clients send every one they know). Raises `BadMetadata`.
    """
    said = {name: value for name, value in document.items() if value not in (None, "", [], {})}
    try:
        return ClientMetadata.model_validate({**defaults, **said})
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = str(problem["loc"][0]) if problem["loc"] else ""
        about_uri = where == "redirect_uris" or "redirect_uris" in problem["msg"]
        text = problem["msg"].removeprefix("Value error, ")
        raise BadMetadata(
            "invalid_redirect_uri" if about_uri else "invalid_client_metadata",
            f"{where}: {text}" if where and where not in text else text,
        ) from error
