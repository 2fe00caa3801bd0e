"""What the provider says about a person, by scope (OpenID Core §5.4)."""

from __future__ import annotations

from typing import Any

from shop.companions.identity_provider.directory import Person

_CLAIMS_OF_SCOPE: dict[str, tuple[str, ...]] = {
    "openid": ("sub",),
    "email": ("email", "email_verified"),
    # `groups` is nobody's standard. Some directories release it for a scope of that name, others with the
    # profile; this one does both, so that a client need not know which kind it met.
    "profile": ("name", "given_name", "family_name", "groups"),
    "groups": ("groups",),
}
SCOPES = tuple(_CLAIMS_OF_SCOPE)
CLAIMS = tuple(dict.fromkeys(claim for claims in _CLAIMS_OF_SCOPE.values() for claim in claims))


def granted_scope(asked: str) -> str:
    """The scopes that are known here; others are ignored (OpenID Core §3.1.2.1)."""
    return " ".join(scope for scope in dict.fromkeys(asked.split()) if scope in _CLAIMS_OF_SCOPE)


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
