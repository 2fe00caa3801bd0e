"""Step 4 of a sign-in: who the provider vouches for becomes a person, a membership and a session, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from shop.audit.events import EventName
from shop.audit.writer import record
from shop.credentials.ledger import NotAlive, live
from shop.credentials.sessions import start_session
from shop.database import Database
from shop.identity import offline_access, oidc
from shop.identity.attempts import ClaimedAttempt
from shop.identity.members import Profile, connection_of, provision, remark, suspended
from shop.identity.models import Membership
from shop.identity.providers import Provider
from shop.principal import Principal
from shop.untrusted import printable_line


@dataclass(frozen=True)
class Admitted:
    """A person who signed in: the session's token for the browser, and where they wanted to go."""

    token: str
    next_path: str
    given_name: str


class Admission:
    """Admits people whom their provider vouches for."""

    def __init__(self, database: Database, *, secret_key: str, idle: timedelta, absolute: timedelta) -> None:
        self._database, self._secret_key = database, secret_key
        self._idle, self._absolute = idle, absolute

    def admit(
        self,
        claimed: ClaimedAttempt,
        token: Mapping[str, Any],
        claims: Mapping[str, Any],
        profile: Profile,
        user_agent: str,
    ) -> Admitted:
        """The person, their membership and a fresh session; a suspended member gets none."""
        with self._database.write() as db:
            connection = connection_of(db, claimed.provider, profile.subject)
            person, membership = provision(db, connection, profile)
            brought = oidc.refresh_token_in(token)
            offline_access.keep(db, self._secret_key, claimed.provider, profile.subject, brought)
            missing = offline_access.missing(db, claimed.provider, profile.subject)
            principal, cookie = self._begin_session(db, claimed.provider, membership, claims, user_agent)
            record(
                db,
                EventName.SIGN_IN_SUCCEEDED,
                principal=principal,
                outcome="succeeded",
                facts={
                    "connection": connection.id,
                    "method": "oidc",
                    "roles": sorted(principal.roles),
                    **remark(connection, profile),
                    **missing,
                },
                personal={"name": person.name, "email": person.email},
            )
        if missing and claimed.provider.offline_prompt != offline_access.NONE_COMES:
            with self._database.write() as db:  # after the other one, which holds the connection
                offline_access.learn(db, claimed.provider, offline_access.NONE_COMES)
        return Admitted(cookie, claimed.next_path, person.given_name)

    def _begin_session(
        self, db: Session, provider: Provider, member: Membership, claims: Mapping[str, Any], user_agent: str
    ) -> tuple[Principal, str]:
        """A session below a membership, and its token for the browser. Raises `SignInError` when the member is suspended."""
        session, cookie = start_session(
            db,
            person_id=member.person_id,
            membership_id=member.id,
            organization_id=member.organization_id,
            connection_id=provider.connection_id,
            method="oidc",
            provider_session=printable_line(str(claims["sid"]))[:200] if "sid" in claims else None,
            user_agent=user_agent,
            idle=self._idle,
            absolute=self._absolute,
        )
        try:
            return live(db, session.principal()), cookie
        except NotAlive as lapsed:
            raise suspended(provider.organization_name) from lapsed
