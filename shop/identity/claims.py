"""From the claims of a verified token to a profile: nothing of a provider is kept that it has no say in, or that has no end.

Where a provider says groups and e-mail is the connection's `claims`: a name, or names from the outside in. Groups decide what
somebody may do, so what cannot be read as groups is refused, and that none were said is noted; nobody is a guest unnoticed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shop.identity.members import Profile
from shop.identity.oidc import bad_token
from shop.identity.providers import Provider, SignInError, set_up_wrong
from shop.identity.sign_in_codes import SignInCode
from shop.untrusted import is_identifier, printable_line

_EMAIL_LIMIT, _SUBJECT_LIMIT = 254, 255
_STANDARD_EMAIL = ("email",)


def profile_of(provider: Provider, claims: Mapping[str, Any]) -> Profile:
    """What the claims say of the person. Raises `SignInError` on what cannot be kept or is not this provider's to say."""
    subject = claims["sub"]
    if not is_identifier(subject, _SUBJECT_LIMIT):
        raise bad_token("sub is not a string of up to 255 ASCII characters")  # OpenID Connect Core §2
    email = _email(provider, claims)
    name = _text(claims.get("name")) or email
    return Profile(
        subject=subject,
        email=email,
        name=name[:120],
        given_name=(_text(claims.get("given_name")) or name.split()[0])[:80],
        groups=_groups(provider, claims),
        has_groups=provider.said(claims, provider.groups_claim) is not None,
        email_is_unverified=provider.email_claim == _STANDARD_EMAIL and _is_false(claims.get("email_verified")),
    )


def _email(provider: Provider, claims: Mapping[str, Any]) -> str:
    email = provider.said(claims, provider.email_claim)
    if email is None or email == "":
        raise SignInError(
            SignInCode.NO_EMAIL,
            "Your company's sign-in did not say your e-mail address",
            f"{provider.organization_name}'s identity provider let you in but did not say your e-mail address, which the shop "
            "needs. Your administrator can add it to what this shop is told.",
            detail=f"no claim {_shown(provider.email_claim)} in the ID token or at userinfo",
            can_retry=False,
        )
    if not (isinstance(email, str) and email.isprintable() and len(email) <= _EMAIL_LIMIT):
        raise bad_token("email is not an address")
    if email.rpartition("@")[2].lower() not in provider.domains:
        raise SignInError(
            SignInCode.FOREIGN_EMAIL,
            "That address belongs to another company",
            f"{provider.organization_name}'s identity provider can only speak for its own addresses.",
            detail=f"the domain is none of {', '.join(provider.domains)}",
            can_retry=False,
        )
    return email


def _groups(provider: Provider, claims: Mapping[str, Any]) -> tuple[str, ...]:
    """The groups: a list of names or numbers, or one name. Raises `SignInError` on any other shape."""
    where, said = _shown(provider.groups_claim), provider.said(claims, provider.groups_claim)
    if said is None:
        if _is_elsewhere(claims, provider.groups_claim[0]):
            raise set_up_wrong(
                provider,
                f"the groups in {where} are too many for a token (distributed claims): let the provider say only "
                "those that are assigned to this shop, or application roles",
                code=SignInCode.GROUPS_UNREADABLE,
            )
        return ()
    found = [said] if isinstance(said, str) else said
    if not isinstance(found, list) or not all(isinstance(group, str | int) and group is not True for group in found):
        kind = "a list of other things than names" if isinstance(found, list) else f"of the type {type(said).__name__}"
        raise set_up_wrong(provider, f"the groups in {where} are {kind}", code=SignInCode.GROUPS_UNREADABLE)
    return tuple(str(group) for group in found if group != "")


def _is_elsewhere(claims: Mapping[str, Any], name: str) -> bool:
    """Whether a provider says that the groups are at another address (OpenID Connect Core §5.6.2; Entra's `hasgroups`)."""
    names = claims.get("_claim_names")
    return (isinstance(names, Mapping) and name in names) or (name == "groups" and claims.get("hasgroups") is True)


def _is_false(claim: object) -> bool:
    return claim is False or (isinstance(claim, str) and claim.lower() == "false")  # some providers write a string


def _shown(path: tuple[str, ...]) -> str:
    return " → ".join(path)


def _text(claim: object) -> str:
    return printable_line(claim) if isinstance(claim, str) else ""
