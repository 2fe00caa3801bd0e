"""What a client keeps for us and brings back: sealed for one purpose and one party, until a moment.

Every process of the shop has the same key, so it does not matter which one opens what another sealed, and nothing is stored.
A sealed value is a handle and never authentication (MCP security: M4): whoever brings it has authenticated before, and it
opens only for them.
"""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import Any

from shop.database import Clock
from shop.principal import Principal
from shop.sealing import NotSealed, seal, unseal


class NotForThem(Exception):
    """We did not seal this, not for this purpose, not for this party, or its time is over."""


class Sealer:
    """Seals and opens for one party."""

    def __init__(self, secret: str, clock: Clock) -> None:
        self._secret, self._clock = secret, clock

    def seal(self, purpose: str, holder: Principal, values: dict[str, Any], lifetime: timedelta) -> str:
        """Seal some values for one party."""
        expires = int((self._clock() + lifetime).timestamp())
        content = json.dumps({**values, "holder": _holder(holder), "exp": expires}, separators=(",", ":"))
        return seal(self._secret, purpose, content)

    def open(self, purpose: str, holder: Principal, sealed: str) -> dict[str, Any]:
        """What was sealed for this party. Raises `NotForThem`."""
        try:
            values: dict[str, Any] = json.loads(unseal(self._secret, purpose, sealed))
        except (NotSealed, ValueError):
            raise NotForThem from None
        if values["holder"] != _holder(holder) or values["exp"] <= self._clock().timestamp():
            raise NotForThem
        return values


def _holder(principal: Principal) -> str:
    """Who may bring it back: this client for this person in this organization, whichever token they come with."""
    client = principal.actor.client_id if principal.actor else ""
    return hashlib.sha256("\n".join((principal.subject, principal.organization, client)).encode()).hexdigest()[:32]
