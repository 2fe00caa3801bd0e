"""What a client keeps for us and brings back: encrypted and authenticated, for one purpose, until a moment (RFC 7516).

Every process of the shop has the same key, so it does not matter which one opens what another sealed, and nothing is stored.
A sealed value is a handle and never authentication (MCP security: M4): whoever brings it has authenticated before, and it
opens only for them.
"""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import Any

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from shop.database import Clock
from shop.principal import Principal

_HEADER = {"alg": "dir", "enc": "A256GCM"}


class NotSealed(Exception):
    """We did not seal this, not for this purpose, not for this party, or its time is over."""


class Sealer:
    """Seals and opens, with one key for each purpose."""

    def __init__(self, secret: str, clock: Clock) -> None:
        self._secret, self._clock = secret, clock

    def seal(self, purpose: str, holder: Principal, values: dict[str, Any], lifetime: timedelta) -> str:
        """Seal some values for one party."""
        expires = int((self._clock() + lifetime).timestamp())
        content = json.dumps({**values, "holder": _holder(holder), "exp": expires}, separators=(",", ":"))
        return jwe.encrypt_compact(_HEADER, content, self._key(purpose))

    def open(self, purpose: str, holder: Principal, sealed: str) -> dict[str, Any]:
        """What was sealed for this party. Raises `NotSealed`."""
        try:
            opened = jwe.decrypt_compact(sealed, self._key(purpose), algorithms=list(_HEADER.values())).plaintext
            values: dict[str, Any] = json.loads(opened or b"")
        except (JoseError, ValueError):
            raise NotSealed from None
        if values["holder"] != _holder(holder) or values["exp"] <= self._clock().timestamp():
            raise NotSealed
        return values

    def _key(self, purpose: str) -> OctKey:
        return OctKey.import_key(hashlib.sha256(f"{purpose}\n{self._secret}".encode()).digest())


def _holder(principal: Principal) -> str:
    """Who may bring it back: this client for this person in this organization, whichever token they come with."""
    client = principal.actor.client_id if principal.actor else ""
    return hashlib.sha256("\n".join((principal.subject, principal.organization, client)).encode()).hexdigest()[:32]
