"""How this shop proves to an identity provider that it is itself: a secret that the provider gave it, or a key of its own.

The secret is read where the connection says, each time. The key (for `private_key_jwt`, RFC 7523 §2.2) is made when it is first
needed and kept like a signing key: sealed under SHOP_SECRET_KEY, the same in every process. Its public part is published at
`/sign-in/keys`, which is the JWKS address to register at the provider.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from joserfc.jwk import RSAKey
from sqlalchemy import String, Text, select
from sqlalchemy.orm import Mapped, mapped_column

from shop.database import Base, Database, moment, new_id
from shop.identity.providers import Provider, set_up_wrong
from shop.sealing import NotSealed, seal, unseal

_BITS = 2048
_PURPOSE = "the key that this shop signs with at identity providers"


class ClientKey(Base):
    """A key of the shop as a client of identity providers. The newest that can be opened signs; all are published."""

    __tablename__ = "client_keys"

    kid: Mapped[str] = mapped_column(String(40), primary_key=True)
    public_jwk: Mapped[dict[str, Any]]
    sealed: Mapped[str] = mapped_column(Text)
    """The private JWK, encrypted."""
    made_at: Mapped[datetime]


@dataclass(frozen=True)
class Credentials:
    """The shop's credentials at the identity providers of its organizations."""

    database: Database
    read_secret: Callable[[str], str]
    secret_key: str

    def of(self, provider: Provider) -> Provider:
        """The provider with what the shop authenticates itself with there. Raises `SignInError` when its secret is not there."""
        try:
            secret = self.read_secret(provider.client_secret_ref) if provider.client_secret_ref else ""
        except ValueError as missing:
            raise set_up_wrong(provider, str(missing)) from missing
        return replace(provider, client_secret=secret, client_key=self.key)

    def key(self) -> RSAKey:
        """The key that signs. Not inside a transaction: it is made when there is none that this process can open."""
        for _ in range(2):
            for row in self._rows():
                try:
                    return RSAKey.import_key(json.loads(unseal(self.secret_key, _PURPOSE, row.sealed)))
                except NotSealed:
                    continue  # made under another SHOP_SECRET_KEY
            self._make()
        raise LookupError("a key that was just made cannot be opened")

    def jwks(self) -> dict[str, list[dict[str, Any]]]:
        """The key set to register at a provider (RFC 7517 §5): public parts only."""
        self.key()
        return {"keys": [row.public_jwk for row in self._rows()]}

    def _rows(self) -> Sequence[ClientKey]:
        with self.database.read() as db:
            return db.scalars(select(ClientKey).order_by(ClientKey.made_at.desc(), ClientKey.kid.desc())).all()

    def _make(self) -> None:
        """Make a key. Two processes that do so at once make two: both are published, and the newest signs."""
        kid = new_id("key")
        key = RSAKey.generate_key(_BITS, {"kid": kid, "use": "sig"})
        sealed = seal(self.secret_key, _PURPOSE, json.dumps(key.as_dict(private=True)))
        with self.database.write() as db:
            db.add(ClientKey(kid=kid, public_jwk=key.as_dict(private=False), sealed=sealed, made_at=moment(db)))
