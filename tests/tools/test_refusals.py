"""A refusal in words for its person: those of the condition that did not hold, and no others."""

from __future__ import annotations

from typing import cast

import pytest

from shop.authorization.conditions import CONDITIONS, Condition, Refusal, Resource
from shop.authorization.decisions import Code, Decision
from shop.authorization.permissions import Permission
from shop.authorization.policy import Policy
from shop.tools.refusals import for_person
from tests.support.people import Visitor
from tests.support.state import ONE_ENGINE


def refused(visitor: Visitor, policy: Policy, action: Permission, amount: int | None) -> tuple[Decision, str]:
    """What a policy decides about something of the visitor's own, and what they are told."""
    me, shop = visitor.principal(), visitor.shop
    mine = Resource(kind="order", owner=me.subject, organization=me.organization, amount=amount)
    decision = policy.is_allowed(principal=me, action=action, resource=mine)
    with shop.database.read() as db:
        return decision, for_person(db, me, "place_order", decision)


def with_condition(visitor: Visitor, rule: str, when: str) -> Policy:
    """The shop's policy, with other conditions in one rule."""
    lines = visitor.shop.services.policy.text.splitlines()
    (place,) = (n for n, line in enumerate(lines) if line.startswith(f"p, {rule},"))
    cells = [cell.strip() for cell in lines[place].split(",")]
    cells[5] = when
    return Policy("\n".join([*lines[:place], ", ".join(cells), *lines[place + 1 :]]))


@ONE_ENGINE
def test_a_new_condition_is_told_in_its_own_words(sofia: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    """The person reads the failed condition's text, from its facts, and nothing of a limit or a role."""
    closed = Refusal(
        rule=lambda facts: "default.closed",
        code=Code.NOT_PERMITTED,
        facts=lambda facts: {"opens": "09:00"},
        for_person=lambda told, colleagues: f"{colleagues.organization} orders from {told['opens']} on.",
    )
    condition = Condition(holds=lambda facts: False, refusal=closed)
    monkeypatch.setitem(cast("dict[str, Condition]", CONDITIONS), "in_office_hours", condition)
    policy = with_condition(sofia, "buyer.orders.place", "own & in_office_hours & within_order_limit")
    decision, words = refused(sofia, policy, Permission.ORDERS_PLACE, 100)
    assert (decision.code, decision.rule) == (Code.NOT_PERMITTED, "default.closed")
    assert words == "Acme orders from 09:00 on."


@ONE_ENGINE
def test_a_limit_without_an_amount_is_refused_in_words(sofia: Visitor) -> None:
    """A rule that bounds an action which has no amount refuses it, and neither the record nor the words need one."""
    policy = with_condition(sofia, "shopper.orders.read", "own & within_order_limit")
    decision, words = refused(sofia, policy, Permission.ORDERS_READ, None)
    assert (decision.code, decision.rule, decision.facts) == (Code.OVER_LIMIT, "default.over_limit", {})
    assert "no amount" in words
