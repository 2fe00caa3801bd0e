"""From the claims of a verified token to a profile: nothing of a provider is kept that it has no say in, or that has no end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shop.identity.members import Profile
from shop.identity.oidc import bad_token
from shop.identity.providers import Provider, SignInError, printable

_EMAIL_LIMIT, _SUBJECT_LIMIT = 254, 255


def profile_of(provider: Provider, claims: Mapping[str, Any]) -> Profile:
    """What the claims say of the person. Raises `SignInError` on what cannot be kept or is not this provider's to say."""
    subject, email = claims["sub"], claims.get("email", "")
    if not (
        isinstance(subject, str) and subject.isascii() and subject.isprintable() and len(subject) <= _SUBJECT_LIMIT
    ):
        raise bad_token("sub is not a string of up to 255 ASCII characters")  # OpenID Connect Core §2
    if not (isinstance(email, str) and email.isprintable() and len(email) <= _EMAIL_LIMIT):
        raise bad_token("email is not an address")
    if email.rpartition("@")[2].lower() not in provider.domains:
        raise SignInError(
            "foreign_email",
            "That address belongs to another company",
            f"{provider.organization_name}'s identity provider can only speak for its own addresses.",
        )
    name = _text(claims.get("name")) or email
    groups = claims.get("groups")
    return Profile(
        subject=subject,
        email=email,
        name=name[:120],
        given_name=(_text(claims.get("given_name")) or name.split()[0])[:80],
        groups=tuple(str(group) for group in groups) if isinstance(groups, list) else (),
    )


def _text(claim: object) -> str:
    return printable(claim) if isinstance(claim, str) else ""
