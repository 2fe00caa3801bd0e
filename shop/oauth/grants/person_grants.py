"""What the grant types share whose tokens hang below a person's grant: is it alive, and the tokens of its family."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from authlib.oauth2.rfc6749 import InvalidGrantError
from sqlalchemy.orm import Session

from shop.audit.events import EventName
from shop.credentials.grants import Grant
from shop.credentials.ledger import Authority, NotAlive, live
from shop.credentials.tokens import TokenFamily, new_access_token, new_refresh_token
from shop.database import moment
from shop.oauth.grants.token_grant import IssuedToken, TokenRequest
from shop.oauth.issuer import Issuer
from shop.principal import Principal


def living_principal(db: Session, grant: Grant) -> Principal:
    """The client as a principal, if organization, person, client and grant are alive (invariant I9). Raises `InvalidGrantError`."""
    try:
        return live(db, grant.principal())
    except NotAlive as lapsed:
        raise InvalidGrantError(description=f"What the person allowed is not in force any more: {lapsed}.") from lapsed


def token_of_family(
    db: Session,
    request: TokenRequest,
    grant: Grant,
    family: TokenFamily,
    granted: frozenset[str],
    event: EventName,
    *,
    refresh_token: str | None = None,
    facts: Mapping[str, object] | None = None,
) -> IssuedToken:
    """A new access token of a family, with the refresh token beside it, if there is one."""
    row = new_access_token(db, family, granted, lifetime=request.issuer.settings.access_token_lifetime)
    grant.last_used_at = moment(db)
    return IssuedToken(
        row=row,
        holder=grant.principal(row.id),
        event=event,
        facts={"family": family.id, "audience": family.resource, **(facts or {})},
        claims=session_claim(grant),
        members={"refresh_token": refresh_token} if refresh_token else {},
    )


def add_refresh_token(db: Session, issuer: Issuer, family: TokenFamily, token: str | None = None) -> str:
    """Store a refresh token of a family: the derived one that is given, else a random one. It does not outlive the grant."""
    until: datetime | None = db.get_one(Authority, family.grant_id).expires_at
    return new_refresh_token(db, family, lifetime=issuer.settings.refresh_token_lifetime, until=until, token=token)


def session_claim(grant: Grant) -> dict[str, str]:
    """The session in which the person consented (`sid`); none where the organization decided."""
    return {} if grant.by_organization else {"sid": grant.authenticated_by}
