"""Signing keys: kept in the database, so that every process of every machine signs and verifies with the same ones.

The private part is stored as an encrypted JWK (RFC 7517 §7) under SHOP_SECRET_KEY (`shop.sealing`): a stolen database signs
nothing. Two generations are published, the current and the previous one, so that a rotation breaks no
token in flight; a second rotation withdraws the first key, within a minute in every process.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey
from sqlalchemy import String, Text, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from shop.audit.events import EventName
from shop.audit.writer import record
from shop.database import Base, Database, moment, new_id
from shop.sealing import NotSealed, seal, unseal, unseal_as_before

ALGORITHM = "RS256"
"""RFC 9068 §2.1: the one that every conforming resource server supports; it is also the quickest to verify."""
_BITS = 2048
_PUBLISHED = 2
_SEEN_FOR = timedelta(seconds=60)
"""How long a process believes what it read: within it, a withdrawn key is out everywhere."""
_PURPOSE = "the key that this shop signs access tokens with"


class SigningKey(Base):
    """One generation of the signing key. The highest is the current one."""

    __tablename__ = "signing_keys"

    generation: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """Two processes that make the same generation at once make one key: the primary key lets only one in."""
    kid: Mapped[str] = mapped_column(String(40), unique=True)
    public_jwk: Mapped[dict[str, Any]]
    sealed: Mapped[str] = mapped_column(Text)
    """The private JWK, encrypted."""
    made_at: Mapped[datetime]


@dataclass(frozen=True)
class Signer:
    """A private key that was opened. Got before a transaction begins, since opening one takes its time."""

    kid: str
    _key: RSAKey

    def sign(self, claims: Mapping[str, Any], *, typ: str) -> str:
        """A signed JWT of this type."""
        return jwt.encode({"alg": ALGORITHM, "kid": self.kid, "typ": typ}, dict(claims), self._key, [ALGORITHM])


@dataclass(frozen=True)
class _Seen:
    """The published keys as they were read, and the tokens that they were seen to have signed."""

    read_at: datetime
    keys: Mapping[str, RSAKey]
    verified: dict[str, jwt.Token] = field(default_factory=dict, repr=False)

    def is_believed(self, now: datetime) -> bool:
        return timedelta(0) <= now - self.read_at < _SEEN_FOR


class Keys:
    """The keys of one shop, as this process sees them."""

    def __init__(self, database: Database, passphrase: str) -> None:
        self._database, self._passphrase = database, passphrase
        self._seen = _Seen(datetime.min.replace(tzinfo=UTC), {})

    def signer(self) -> Signer:
        """The newest published key that this process can open; made when there is none.

        With another SHOP_SECRET_KEY the older keys cannot be opened any more: they still verify, and a new one signs.
        """
        published = self._published()
        for key in published:
            opened = _opened(key.sealed, self._passphrase)
            if opened is not None:
                return Signer(key.kid, opened)
        self._add_generation(published, because="first_use")
        return self.signer()

    def rotate(self) -> str:
        """Sign with a new key from now on. Returns its `kid`; the key before the present one is withdrawn."""
        self._add_generation(self._published(), because="rotated")
        return self.signer().kid

    def public(self, kid: object) -> RSAKey:
        """The published key of this `kid`. Raises `LookupError` when none is.

        What is published is read again after a minute, or at once for a `kid` that is not among it.
        """
        seen, now = self._seen, self._database.clock()
        if kid not in seen.keys or not seen.is_believed(now):
            keys = {key.kid: RSAKey.import_key(dict(key.public_jwk)) for key in self._published()}
            seen = self._seen = _Seen(now, keys)
        found = seen.keys.get(kid) if isinstance(kid, str) else None
        if found is None:
            raise LookupError("no published key has this kid")
        return found

    def verified(self, encoded: str) -> jwt.Token:
        """A JWT that one of the published keys signed, by the one algorithm. Raises `JoseError`, `LookupError`, `ValueError`.

        What was signed stays signed, so a string is verified once for as long as what was read of the keys is believed. What
        it says is judged by the caller, each time.
        """
        seen = self._seen
        if encoded in seen.verified and seen.is_believed(self._database.clock()):
            return seen.verified[encoded]
        token = jwt.decode(encoded, lambda signed: self.public(signed.headers().get("kid")), [ALGORITHM])
        seen = self._seen  # perhaps read anew meanwhile, and without the key
        if token.header.get("kid") in seen.keys:
            seen.verified[encoded] = token
        return token

    def jwks(self) -> dict[str, list[dict[str, Any]]]:
        """The key set to publish (RFC 7517 §5): public parts only, current and previous."""
        self.signer()
        return {"keys": [key.public_jwk for key in self._published()]}

    def _published(self) -> Sequence[SigningKey]:
        query = select(SigningKey).order_by(SigningKey.generation.desc()).limit(_PUBLISHED)
        with self._database.read() as db:
            return db.scalars(query).all()

    def _add_generation(self, published: Sequence[SigningKey], *, because: str) -> None:
        """Add the generation that follows what was read; or leave it at the one that another process added meanwhile."""
        key = RSAKey.generate_key(_BITS)
        previous = published[0] if published else None
        generation, kid = previous.generation + 1 if previous else 1, new_id("key")
        row = {
            "generation": generation,
            "kid": kid,
            "public_jwk": {**key.as_dict(private=False), "kid": kid, "use": "sig", "alg": ALGORITHM},
            "sealed": _seal(key, self._passphrase),
        }
        with suppress(IntegrityError), self._database.write() as db:
            db.add(SigningKey(**row, made_at=moment(db)))
            db.flush()
            db.execute(delete(SigningKey).where(SigningKey.generation <= generation - _PUBLISHED))
            facts = {"kid": kid, "previous": previous.kid if previous else None, "because": because}
            record(db, EventName.SIGNING_KEY_ROTATED, facts=facts)


def _seal(key: RSAKey, passphrase: str) -> str:
    return seal(passphrase, _PURPOSE, json.dumps(key.as_dict(private=True)))


@lru_cache(maxsize=8)
def _opened(sealed: str, passphrase: str) -> RSAKey | None:
    """The private key, or None when it was sealed with another passphrase. Remembered, since importing it takes its time."""
    try:
        content = unseal(passphrase, _PURPOSE, sealed)
    except NotSealed:
        try:
            content = unseal_as_before(passphrase, sealed)
        except NotSealed:
            return None
    return RSAKey.import_key(json.loads(content))
