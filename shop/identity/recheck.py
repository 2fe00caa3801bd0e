"""Asking a person's identity provider about them while they are not there: are they still one of yours, and in which groups?

Asked before an assistant of theirs gets new tokens, where the connection allows it (`offline_access`); elsewhere only what this
shop knows of the membership counts.

    1 find    the provider's refresh token, unless the provider stood by the person within the last minute
    2 claim   one asks, in whatever process; who comes meanwhile waits for what it hears
    3 ask     over HTTP, outside any transaction
    4 keep    today's groups; or, when the provider says no, end what was given away on its word
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, or_, select, update
from sqlalchemy.orm import Session

from shop.audit.events import EventName
from shop.audit.writer import record
from shop.credentials.ledger import hold, lock
from shop.database import Database, moment
from shop.identity import oidc
from shop.identity.claims import profile_of
from shop.identity.credentials import Credentials
from shop.identity.members import Profile, connection_of, provision
from shop.identity.models import Connection, ExternalIdentity, Organization
from shop.identity.offline_access import OfflineAccess, opened, sealed
from shop.identity.oidc import Withdrawn
from shop.identity.providers import Metadata, Provider, SignInError, provider_down, provider_of
from shop.principal import Principal
from shop.sealing import NotSealed

_BELIEVED_FOR = timedelta(minutes=1)
_LONGEST_ANSWER = timedelta(seconds=30)
"""Longer than all that is asked of a provider may take; after it, whoever asked has died."""
_PAUSE, _PAUSES = 0.1, 100


@dataclass(frozen=True, kw_only=True)
class _Held:
    """What is kept about one person, and the token in it."""

    provider: Provider
    subject: str
    sealed: str
    vouched_at: datetime
    token: str

    @property
    def row(self) -> ColumnElement[bool]:
        """The row, as long as nobody has signed in since: that would say more than any answer."""
        return and_(
            OfflineAccess.connection_id == self.provider.connection_id,
            OfflineAccess.subject == self.subject,
            OfflineAccess.sealed == self.sealed,
        )


class Recheck:
    """Asks the identity providers of one shop. What ends when one says no is handed in: it stands above."""

    def __init__(
        self,
        database: Database,
        providers: Metadata,
        *,
        read_secret: Callable[[str], str],
        secret_key: str,
        withdraw: Callable[[Session, Principal], None],
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._database, self._providers, self._withdraw, self._wait = database, providers, withdraw, wait
        self._credentials, self._secret_key = Credentials(database, read_secret, secret_key), secret_key

    def person(self, principal: Principal) -> None:
        """Ask about the person on whose behalf somebody wants to go on, unless that is not allowed or was done just now.

        Raises `Withdrawn` when their provider does not stand by them, and `SignInError` when it does not answer.
        """
        pauses = 0
        while (held := self._find(principal)) and not self._was_vouched_for(held):
            if self._claim(held):
                return self._ask(held, principal)
            if pauses == _PAUSES:
                raise provider_down(held.provider, "others ask it, and hear nothing")
            pauses += 1
            self._wait(_PAUSE)

    def _find(self, principal: Principal) -> _Held | None:
        """Step 1. Raises `Withdrawn` when what is kept cannot be opened any more: until they sign in again, nobody can ask."""
        query = (
            select(OfflineAccess, Connection, Organization)
            .select_from(OfflineAccess)
            .join(Connection, Connection.id == OfflineAccess.connection_id)
            .join(Organization, Organization.id == Connection.organization_id)
            .join(
                ExternalIdentity,
                and_(
                    ExternalIdentity.organization_id == Connection.organization_id,
                    ExternalIdentity.issuer == Connection.issuer,
                    ExternalIdentity.subject == OfflineAccess.subject,
                ),
            )
            .where(
                ExternalIdentity.person_id == principal.subject,
                Connection.organization_id == principal.organization,
            )
        )
        with self._database.read() as db:
            found = db.execute(query.order_by(OfflineAccess.vouched_at.desc()).limit(1)).one_or_none()
            if found is None:
                return None
            kept, connection, organization = found
            try:
                return _Held(
                    provider=self._credentials.of(provider_of(connection, organization)),
                    subject=kept.subject,
                    sealed=kept.sealed,
                    vouched_at=kept.vouched_at,
                    token=opened(self._secret_key, kept.sealed),
                )
            except NotSealed:
                raise Withdrawn("what would let us ask cannot be opened any more") from None

    def _was_vouched_for(self, held: _Held) -> bool:
        return timedelta(0) <= self._database.clock() - held.vouched_at < _BELIEVED_FOR

    def _claim(self, held: _Held) -> bool:
        """Step 2: one statement, so that of several who come at once one asks."""
        with self._database.write() as db:
            now = moment(db)
            is_free = or_(OfflineAccess.asking_until.is_(None), OfflineAccess.asking_until <= now)
            claimed = (
                update(OfflineAccess)
                .where(held.row, OfflineAccess.vouched_at == held.vouched_at, is_free)
                .values(asking_until=now + _LONGEST_ANSWER)
            )
            return db.execute(claimed.returning(OfflineAccess.subject)).one_or_none() is not None

    def _ask(self, held: _Held, principal: Principal) -> None:
        """Steps 3 and 4. The provider may have another token for the next time, which is kept whatever else it says."""
        self._database.forbid_in_transaction("a question to an identity provider")
        next_time = held.sealed
        try:
            metadata = self._providers.document(held.provider, self._database.clock())
            token = oidc.refresh(metadata, held.provider, held.token, now=self._database.clock())
            if brought := oidc.refresh_token_in(token):
                next_time = sealed(self._secret_key, brought)
            claims = oidc.refreshed_claims(
                self._providers, metadata, held.provider, token, held.subject, now=self._database.clock()
            )
            self._go_on(held, principal, profile_of(held.provider, claims) if claims else None, next_time)
        except Withdrawn as refused:
            if self._end(held, principal, refused):
                raise
            return  # they signed in there a moment ago, which is another word for yes
        except SignInError:
            with self._database.write() as db:
                db.execute(update(OfflineAccess).where(held.row).values(sealed=next_time, asking_until=None))
            raise

    def _go_on(self, held: _Held, principal: Principal, profile: Profile | None, next_time: str) -> None:
        """The provider stands by the person: their roles are those that it says today."""
        with self._database.write() as db:
            connection = connection_of(db, held.provider, held.subject)
            if profile:
                provision(db, connection, profile, because="groups when an assistant came back")
            kept = {"sealed": next_time, "vouched_at": moment(db), "asking_until": None}
            db.execute(update(OfflineAccess).where(held.row).values(**kept))
            _note(db, EventName.SIGN_IN_CONFIRMED, "succeeded", held, principal)

    def _end(self, held: _Held, principal: Principal, refused: Withdrawn) -> bool:
        """The provider does not: what it was asked with is worth nothing, and neither is what hangs on its word."""
        with self._database.write() as db:
            hold(db, principal.organization)
            lock(db, principal.membership)
            gone = db.execute(delete(OfflineAccess).where(held.row).returning(OfflineAccess.subject)).one_or_none()
            if gone is None:
                return False
            _note(db, EventName.SIGN_IN_WITHDRAWN, "denied", held, principal, error=str(refused))
            self._withdraw(db, principal)
            return True


def _note(db: Session, name: EventName, outcome: str, held: _Held, principal: Principal, **facts: str) -> None:
    connection = held.provider.connection_id
    record(db, name, principal=principal, outcome=outcome, resource=("connection", connection), facts=facts)
