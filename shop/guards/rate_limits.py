"""The limits that there are, and the check that each endpoint makes before it does anything.

Each limit counts by one kind of party and has a setting of its own; 0 is no limit. The narrower party is always counted
first and alone refused: whoever is over the limit of their address takes nothing from all others together, and a person who is
over theirs takes nothing from their organization. Nothing counts by an e-mail address or by what a client says of itself
before it has proved it, so that nobody can use up what belongs to somebody else.

A refusal is `TooManyRequests` (429 with `Retry-After`, RFC 6585 §4), which each endpoint answers in its protocol's own form. The
first one in a window is recorded, in the organization's trail if the party is known; else it is counted (`shop.audit.denials`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil
from typing import Any

from flask import Blueprint, current_app, request
from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.strategies import FixedWindowRateLimiter
from sqlalchemy.orm import Session
from werkzeug.exceptions import TooManyRequests

from shop.audit.denials import note_denial
from shop.audit.events import EventName
from shop.database import Database
from shop.guards.addresses import address_key
from shop.guards.counters import BufferedCounters, ExactCounters, claim_refusal
from shop.principal import Principal

_MINUTE, _HOUR = RateLimitItemPerMinute, RateLimitItemPerHour
_MOST_REFUSED = 10_000
"""Keys whose window is known to be used up, held in memory."""
TEXT = "That was too often in a short time, so nothing was done."


def _organization(principal: Principal) -> str:
    return principal.organization


def _person(principal: Principal) -> str:
    return principal.membership


def _assistant(principal: Principal) -> str:
    """One client for one person; an agent that acts for nobody is one by itself."""
    return principal.grant or principal.subject


class Limit(StrEnum):
    """Every limit, by the name of its setting in `Settings`."""

    def __new__(
        cls, value: str, period: type[RateLimitItem], counts: str, party: Callable[[Principal], str] | None = None
    ) -> Limit:
        member = str.__new__(cls, value)
        member._value_ = value
        member.period, member.counts, member.party = period, counts, party
        return member

    period: type[RateLimitItem]
    counts: str
    """What is counted, for the record."""
    party: Callable[[Principal], str] | None
    """Of somebody who proved who they are: whose requests are counted together. None where whoever checks says it."""

    AUTHORIZATIONS_PER_ORGANIZATION = (
        "authorizations_per_organization",
        _MINUTE,
        "authorization requests",
        _organization,
    )
    AUTHORIZATIONS_PER_PERSON = "authorizations_per_person", _MINUTE, "authorization requests", _person
    MCP_CALLS_PER_ASSISTANT = "mcp_calls_per_assistant", _MINUTE, "MCP requests", _assistant
    MCP_CALLS_PER_ORGANIZATION = "mcp_calls_per_organization", _MINUTE, "MCP requests", _organization
    MCP_CALLS_PER_PERSON = "mcp_calls_per_person", _MINUTE, "MCP requests", _person
    MCP_STRANGERS_PER_ADDRESS = "mcp_strangers_per_address", _MINUTE, "MCP requests without a token"
    MESSAGES_PER_ORGANIZATION = "messages_per_organization", _MINUTE, "messages to the assistant", _organization
    MESSAGES_PER_PERSON = "messages_per_person", _MINUTE, "messages to the assistant", _person
    REGISTRATIONS_PER_ADDRESS = "registrations_per_address", _HOUR, "client registrations"
    REGISTRATIONS_PER_HOUR = "registrations_per_hour", _HOUR, "client registrations of everybody"
    SIGN_INS_PER_ADDRESS = "sign_ins_per_address", _MINUTE, "sign-ins"
    TOKEN_REQUESTS_PER_ADDRESS = "token_requests_per_address", _MINUTE, "token requests"
    TOKEN_REQUESTS_PER_CLIENT = "token_requests_per_client", _MINUTE, "token requests"


_EXACT = frozenset({Limit.REGISTRATIONS_PER_ADDRESS, Limit.REGISTRATIONS_PER_HOUR})
"""Small, for hours, and each stores a row for a day: counted by a transaction of its own. All others are counted in memory."""


class RateLimits:
    """The limits of one shop, in one process."""

    def __init__(self, database: Database, amounts: Mapping[str, int]) -> None:
        self._database = database
        self._items: dict[Limit, RateLimitItem] = {
            limit: limit.period(amounts[limit], namespace=str(limit)) for limit in Limit if amounts[limit]
        }
        self._buffer = BufferedCounters(database)
        self._in_memory = FixedWindowRateLimiter(self._buffer)
        self._used_up: dict[str, datetime] = {}

    def check(self, limit: Limit, *who: str, principal: Principal | None = None) -> None:
        """Count one more for this party, and raise `TooManyRequests` when that is more than its limit.

        Not inside a transaction. `principal` is who it is, where that was proved: the refusal is recorded in their trail.
        """
        item = self._items.get(limit)
        if item is None:
            return
        key = item.key_for(*who)
        now = self._database.clock()
        used_up_until = self._used_up.get(key)
        if used_up_until is not None and used_up_until > now:  # a flood of refused requests costs no transaction
            raise _refusal(used_up_until - now)
        if limit in _EXACT:
            with self._database.write() as db:
                counters = ExactCounters(db)
                if FixedWindowRateLimiter(counters).hit(item, *who):
                    return
                until = counters.get_expiry(key)
        elif self._in_memory.hit(item, *who):
            return
        else:
            self.flush()
            until = self._buffer.get_expiry(key)
        self._refuse(limit, item, key, datetime.fromtimestamp(until, now.tzinfo), now, principal)

    def check_principal(self, principal: Principal, *limits: Limit) -> None:
        """Check limits of somebody who proved who they are, the narrower one first; each counts by its own party."""
        for limit in limits:
            if limit.party is None:
                raise ValueError(f"{limit} counts nobody who is signed in")
            self.check(limit, limit.party(principal), principal=principal)

    def flush(self) -> None:
        """Write what was counted in memory."""
        self._buffer.flush()

    def _refuse(
        self,
        limit: Limit,
        item: RateLimitItem,
        key: str,
        until: datetime,
        now: datetime,
        principal: Principal | None,
    ) -> None:
        if len(self._used_up) >= _MOST_REFUSED:
            self._used_up = {one: end for one, end in self._used_up.items() if end > now}
        self._used_up[key] = until
        with self._database.write() as db:
            if claim_refusal(db, key):
                _record(db, limit, item, principal)
        raise _refusal(until - now)


def rate_limits() -> RateLimits:
    """The limits of the shop that serves the present request."""
    found: RateLimits = current_app.extensions["rate_limits"]
    return found


def check_address(limit: Limit, *what: str) -> None:
    """Count the present request for the address that it came from. Raises `TooManyRequests`."""
    rate_limits().check(limit, address_key(), *what)


def limited_by_address(endpoint: Blueprint, *limits: Limit) -> None:
    """Have each request to an endpoint counted for its address, before anything of it is read."""

    @endpoint.before_request
    def check() -> None:
        if request.method != "OPTIONS":  # a browser's own question, which is answered from memory
            for limit in limits:
                check_address(limit)


def _refusal(left: timedelta) -> TooManyRequests:
    seconds = max(ceil(left.total_seconds()), 1)
    return TooManyRequests(f"{TEXT} Try again in {_in_words(seconds)}.", retry_after=seconds)


def _in_words(seconds: int) -> str:
    number, unit = (seconds, "second") if seconds < 120 else (ceil(seconds / 60), "minute")
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def _record(db: Session, limit: Limit, item: RateLimitItem, principal: Principal | None) -> None:
    facts: dict[str, Any] = {
        "limit": str(limit),
        "amount": item.amount,
        "seconds": item.get_expiry(),
        "of": limit.counts,
    }
    note_denial(db, EventName.RATE_LIMIT_REACHED, str(limit), principal=principal, outcome="denied", facts=facts)
