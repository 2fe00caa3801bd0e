"""What the provider says about a person, by scope (OpenID Core §5.4), and in an ID token (§2)."""

from __future__ import annotations

from typing import Any

from shop.companions.identity_provider.config import Client
from shop.companions.identity_provider.directory import Person
from shop.companions.identity_provider.provider import Provider
from shop.companions.identity_provider.storage import Code

OFFLINE_ACCESS = "offline_access"
_CLAIMS_OF_SCOPE: dict[str, tuple[str, ...]] = {
    "openid": ("sub",),
    "email": ("email", "email_verified"),
    # `groups` is nobody's standard. Some directories release it for a scope of that name, others with the
    # profile; this one does both, so that a client need not know which kind it met.
    "profile": ("name", "given_name", "family_name", "groups"),
    "groups": ("groups",),
    OFFLINE_ACCESS: (),
}
SCOPES = tuple(_CLAIMS_OF_SCOPE)
CLAIMS = tuple(dict.fromkeys(claim for claims in _CLAIMS_OF_SCOPE.values() for claim in claims))
_AMR = ["user"]
"""RFC 8176 §2: somebody was present and clicked. No password, so nothing stronger may be claimed."""
_ACR = "0"
"""OpenID Core §2: not even level 1 of ISO/IEC 29115. True of a provider that lets anyone in as anyone."""


def granted_scope(client: Client, asked: str) -> str:
    """The scopes that are known here, and may be this client's; others are ignored (OpenID Core §3.1.2.1, §11)."""
    known = [scope for scope in dict.fromkeys(asked.split()) if scope in _CLAIMS_OF_SCOPE]
    return " ".join(scope for scope in known if scope != OFFLINE_ACCESS or client.offline_access)


def claims_of(person: Person, scope: str) -> dict[str, Any]:
    """The claims about a person that these scopes open."""
    everything: dict[str, Any] = {
        "sub": person.sub,
        "email": person.email,
        "email_verified": True,
        "name": person.name,
        "given_name": person.given_name,
        "family_name": person.family_name,
        "groups": list(person.groups),
    }
    names = {name for granted in scope.split() for name in _CLAIMS_OF_SCOPE[granted]}
    return {name: value for name, value in everything.items() if name in names}


def id_token_claims(provider: Provider, client: Client, code: Code, person: Person) -> dict[str, Any]:
    """The claims of an ID token (OpenID Core §2), also of a later one for the same sign-in (§12.2)."""
    protocol = {
        "iss": provider.config.issuer,
        "aud": client.client_id,
        "iat": provider.now(),
        "exp": provider.after(provider.config.id_token_lifetime),
        "auth_time": code.auth_time,
        "sid": code.sid,
        "amr": _AMR,
        "acr": _ACR,
    }
    nonce = {"nonce": code.nonce} if code.nonce is not None else {}
    return {**claims_of(person, code.scope), **protocol, **nonce}
