"""What a person could say: ways to begin, and ways to go on. Offered by the shop, never by a model, and said as the person's own.

An offer promises nothing: what comes of it is decided when it is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from shop.conversations.models import Item, ItemKind, Turn, TurnState
from shop.conversations.turns import exchange_of
from shop.principal import CONSENTABLE, Principal
from shop.tools.enquiries import Permission
from shop.tools.gateway import Gateway
from shop.tools.outcomes import OutcomeKind
from shop.tools.registry import TOOLS

MOST_FOLLOW_UPS = 3


@dataclass(frozen=True, kw_only=True)
class May:
    """What a person may do by today's policy, as far as an offer depends on it."""

    fill_cart: bool
    order: bool
    see_orders: bool
    audit: bool
    support: bool
    administer: bool

    @classmethod
    def of(cls, gateway: Gateway, person: Principal) -> May:
        """Ask the policy; decides nothing. What is offered to say must be possible through an assistant."""
        through = replace(person, scopes=CONSENTABLE)
        return cls(
            fill_cart=may_fill_cart(gateway, person),
            order=gateway.enquiries.may(through, Permission.ORDERS_PLACE),
            see_orders=gateway.enquiries.may(through, Permission.ORDERS_READ),
            audit=gateway.enquiries.may(person, Permission.AUDIT_READ, everybodys=True),
            support=gateway.enquiries.may(person, Permission.ORDERS_READ, everybodys=True),
            administer=gateway.enquiries.may(person, Permission.MEMBERS_READ, everybodys=True),
        )


def may_fill_cart(gateway: Gateway, person: Principal) -> bool:
    """Whether a person could put something into their cart through an assistant."""
    return gateway.enquiries.may(replace(person, scopes=CONSENTABLE), Permission.CART_WRITE)


@dataclass(frozen=True)
class Starter:
    """A way to begin: a message to send, or a page to open (`href`). `kind` says in a word what it is good for."""

    kind: str
    text: str
    href: str | None = None


def starters(may: May) -> list[Starter]:
    """Four ways to begin an empty conversation, by what its person may do."""
    offered = [
        *([Starter("Review", "What assistants did here, and under which rule", "/audit/")] if may.audit else []),
        *([Starter("Support", "The latest orders of everybody here", "/orders")] if may.support else []),
        *([Starter("Administer", "Who is a member, and with which roles", "/admin/people/")] if may.administer else []),
        Starter("Find", "Black hoodies under 60, in L" if may.fill_cart else "Show me everything under 20"),
        Starter("Get an idea", "Something warm for my head"),
        *([Starter("Keep track", "Where are my orders?")] if may.see_orders else []),
        Starter("Ask", "What may you do here?"),
        Starter("Look around", "Show me the posters"),
    ]
    return offered[:4]


def follow_ups(past: list[Turn], may: May) -> list[str]:
    """A few things to say after the latest answer, from what came of it; none while something waits or went wrong."""
    exchange = exchange_of(past)
    if not exchange or exchange[-1].id != past[-1].id or exchange[-1].state is not TurnState.COMPLETED:
        return []
    calls = [item for turn in exchange for item in turn.items if item.kind is ItemKind.CALL and item.outcome]
    last = (calls[-1].outcome or {}) if calls else {}
    if last.get("kind") != OutcomeKind.SUCCEEDED or last.get("undone"):
        return []
    said = (exchange[0].message or "").casefold().strip(" .!?")
    return [offer for offer in _after(calls[-1], may) if offer.casefold().strip(" .!?") != said][:MOST_FOLLOW_UPS]


def _after(call: Item, may: May) -> list[str]:
    tool = TOOLS.get(call.tool)
    result: Mapping[str, Any] = (call.outcome or {}).get("told", {}).get("result") or {}
    return tool.presentation.follow_ups(result, may) if tool else []
