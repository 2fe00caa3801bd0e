"""The policy as a matrix: each case is a sentence, who may (ALLOW) and who may not (DENY), by which rule."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import pytest

from shop.authorization.conditions import Resource
from shop.authorization.decisions import AccessDenied, Code, Effect
from shop.authorization.permissions import Permission as P
from shop.principal import EVERY_SCOPE, FIRST_SCOPES, Principal
from tests.authorization.cases import (
    ACCESS,
    CATALOGUE,
    ME,
    MISSING,
    PEOPLE,
    PEOPLE_ELSEWHERE,
    POLICY,
    TRAIL,
    TRAIL_ELSEWHERE,
    another_organizations,
    assistant,
    colleagues,
    own,
    person,
)

BUYING = ("browse", "read", "transact")


class Allowed(NamedTuple):
    """Who, does what, to what; and the rule that says yes."""

    sentence: str
    who: Principal
    action: P
    resource: Resource
    rule: str


class Refused(NamedTuple):
    """Who, does what, to what; the coarse code, and the rule that says no."""

    sentence: str
    who: Principal
    action: P
    resource: Resource
    code: Code
    rule: str


# fmt: off
ALLOW = [
    Allowed("a guest looks through the catalogue", person("guest"), P.CATALOGUE_READ, CATALOGUE, "guest.catalogue.read"),
    Allowed("a guest asks what they may do", person("guest"), P.ACCESS_EXPLAIN, ACCESS, "guest.access.explain"),
    Allowed("a guest talks to the assistant", person("guest"), P.CONVERSATIONS_USE, own(), "guest.conversations.own"),
    Allowed("a guest asks whether something of theirs was approved", person("guest"), P.APPROVALS_READ, own(), "guest.approvals.own"),
    Allowed("a guest reads the audit of their own conversation", person("guest"), P.AUDIT_READ, own(), "guest.audit.own"),
    Allowed("a shopper looks into their cart", person("shopper"), P.CART_READ, own(), "shopper.cart.read"),
    Allowed("a shopper fills their cart", person("shopper"), P.CART_WRITE, own(), "shopper.cart.write"),
    Allowed("a shopper reads their own order", person("shopper"), P.ORDERS_READ, own(), "shopper.orders.read"),
    Allowed("a shopper puts an earlier order of theirs into the cart again", person("shopper"), P.ORDERS_REORDER, own(), "shopper.orders.reorder"),
    Allowed("a shopper sees the addresses that an order can go to", person("shopper"), P.ADDRESSES_READ, own(), "shopper.addresses.read"),
    Allowed("a shopper keeps an address of their own", person("shopper"), P.ADDRESSES_WRITE, own(), "shopper.addresses.write"),
    Allowed("a shopper inherits the catalogue from guest", person("shopper"), P.CATALOGUE_READ, CATALOGUE, "guest.catalogue.read"),
    Allowed("a buyer fills their cart", person("buyer"), P.CART_WRITE, own(), "shopper.cart.write"),
    Allowed("a buyer orders below the limit", person("buyer"), P.ORDERS_PLACE, own(5_800), "buyer.orders.place"),
    Allowed("a buyer orders exactly at the limit", person("buyer"), P.ORDERS_PLACE, own(20_000), "buyer.orders.place"),
    Allowed("a buyer cancels their own order", person("buyer"), P.ORDERS_CANCEL, own(), "buyer.orders.cancel"),
    Allowed("an approver orders what is over a buyer's limit", person("approver"), P.ORDERS_PLACE, own(20_001), "buyer.orders.place"),
    Allowed("an approver orders exactly at their own limit", person("approver"), P.ORDERS_PLACE, own(200_000), "buyer.orders.place"),
    Allowed("support reads a colleague's order", person("support"), P.ORDERS_READ, colleagues(), "support.orders.read"),
    Allowed("support looks through the catalogue", person("support"), P.CATALOGUE_READ, CATALOGUE, "guest.catalogue.read"),
    Allowed("an auditor reads the audit of a colleague's conversation", person("auditor"), P.AUDIT_READ, colleagues(), "auditor.audit.read"),
    Allowed("an auditor reads their organization's trail", person("auditor"), P.AUDIT_READ, TRAIL, "auditor.audit.read"),
    Allowed("an administrator sees the organization's people", person("administrator"), P.MEMBERS_READ, PEOPLE, "administrator.members.read"),
    Allowed("an administrator suspends a member of their organization", person("administrator"), P.MEMBERS_SUSPEND, colleagues(), "administrator.members.suspend"),
    Allowed("an auditor looks through the organization's clients", person("auditor"), P.AGENTS_READ, colleagues(), "auditor.agents.read"),
    Allowed("an administrator looks through the organization's clients", person("administrator"), P.AGENTS_READ, colleagues(), "administrator.agents.read"),
    Allowed("an administrator blocks a client of their organization", person("administrator"), P.AGENTS_MANAGE, colleagues(), "administrator.agents.manage"),
    Allowed("a buyer who also supports reads a colleague's order", person("buyer", "support"), P.ORDERS_READ, colleagues(), "support.orders.read"),
    Allowed("an assistant looks through the catalogue from the start", assistant("buyer"), P.CATALOGUE_READ, CATALOGUE, "guest.catalogue.read"),
    Allowed("an assistant reads its person's order from the start", assistant("buyer"), P.ORDERS_READ, own(), "shopper.orders.read"),
    Allowed("an assistant sees its person's addresses from the start", assistant("buyer"), P.ADDRESSES_READ, own(), "shopper.addresses.read"),
    Allowed("an assistant orders again after consent", assistant("shopper", scopes=BUYING), P.ORDERS_REORDER, own(), "shopper.orders.reorder"),
    Allowed("an assistant fills the cart after consent", assistant("buyer", scopes=BUYING), P.CART_WRITE, own(), "shopper.cart.write"),
    Allowed("an assistant orders at its person's limit after consent", assistant("buyer", scopes=BUYING), P.ORDERS_PLACE, own(20_000), "buyer.orders.place"),
]

DENY = [
    Refused("somebody without any role looks through the catalogue", person(), P.CATALOGUE_READ, CATALOGUE, Code.NOT_PERMITTED, "default.role"),
    Refused("an unknown role looks through the catalogue", person("emperor"), P.CATALOGUE_READ, CATALOGUE, Code.NOT_PERMITTED, "default.role"),
    Refused("an unknown role asks what it may do", person("emperor"), P.ACCESS_EXPLAIN, ACCESS, Code.NOT_PERMITTED, "default.role"),
    Refused("the word everyone as a role gives nothing", person("everyone"), P.CATALOGUE_READ, CATALOGUE, Code.NOT_PERMITTED, "default.role"),
    Refused("the word any as a role gives nothing", person("any"), P.CATALOGUE_READ, CATALOGUE, Code.NOT_PERMITTED, "default.role"),
    Refused("a guest looks into a cart", person("guest"), P.CART_READ, own(), Code.NOT_PERMITTED, "default.role"),
    Refused("a guest fills a cart", person("guest"), P.CART_WRITE, own(), Code.NOT_PERMITTED, "default.role"),
    Refused("a guest reads an order", person("guest"), P.ORDERS_READ, own(), Code.NOT_PERMITTED, "default.role"),
    Refused("a guest orders", person("guest"), P.ORDERS_PLACE, own(100), Code.NOT_PERMITTED, "default.role"),
    Refused("a guest uses a colleague's conversation", person("guest"), P.CONVERSATIONS_USE, colleagues(), Code.NOT_FOUND, "default.not_yours"),
    Refused("a guest asks whether a colleague approved something", person("guest"), P.APPROVALS_READ, colleagues(), Code.NOT_FOUND, "default.not_yours"),
    Refused("a guest reads the audit of a colleague's conversation", person("guest"), P.AUDIT_READ, colleagues(), Code.NOT_FOUND, "default.not_yours"),
    Refused("a shopper orders", person("shopper"), P.ORDERS_PLACE, own(100), Code.NOT_PERMITTED, "default.role"),
    Refused("a shopper cancels an order", person("shopper"), P.ORDERS_CANCEL, own(), Code.NOT_PERMITTED, "default.role"),
    Refused("a shopper looks into a colleague's cart", person("shopper"), P.CART_READ, colleagues(), Code.NOT_FOUND, "default.not_yours"),
    Refused("a shopper fills a colleague's cart", person("shopper"), P.CART_WRITE, colleagues(), Code.NOT_FOUND, "default.not_yours"),
    Refused("a shopper reads a colleague's order", person("shopper"), P.ORDERS_READ, colleagues(), Code.NOT_FOUND, "default.not_yours"),
    Refused("a shopper reads another organization's order", person("shopper"), P.ORDERS_READ, another_organizations(), Code.NOT_FOUND, "deny.other_organization"),
    Refused("a shopper reads an order that is not there", person("shopper"), P.ORDERS_READ, MISSING, Code.NOT_FOUND, "default.not_there"),
    Refused("a shopper reads an order of their own in another organization", person("shopper"), P.ORDERS_READ, another_organizations(owner=ME), Code.NOT_FOUND, "deny.other_organization"),
    Refused("a guest orders again", person("guest"), P.ORDERS_REORDER, own(), Code.NOT_PERMITTED, "default.role"),
    Refused("a guest sees addresses", person("guest"), P.ADDRESSES_READ, own(), Code.NOT_PERMITTED, "default.role"),
    Refused("a guest keeps an address", person("guest"), P.ADDRESSES_WRITE, own(), Code.NOT_PERMITTED, "default.role"),
    Refused("a shopper orders a colleague's order again", person("shopper"), P.ORDERS_REORDER, colleagues(), Code.NOT_FOUND, "default.not_yours"),
    Refused("a shopper orders another organization's order again", person("shopper"), P.ORDERS_REORDER, another_organizations(), Code.NOT_FOUND, "deny.other_organization"),
    Refused("a shopper sees a colleague's addresses", person("shopper"), P.ADDRESSES_READ, colleagues(), Code.NOT_FOUND, "default.not_yours"),
    Refused("a shopper keeps an address for a colleague", person("shopper"), P.ADDRESSES_WRITE, colleagues(), Code.NOT_FOUND, "default.not_yours"),
    Refused("a buyer orders one cent over the limit", person("buyer"), P.ORDERS_PLACE, own(20_001), Code.OVER_LIMIT, "default.over_limit"),
    Refused("a buyer without a limit orders", person("buyer", limit=None), P.ORDERS_PLACE, own(1), Code.OVER_LIMIT, "default.over_limit"),
    Refused("a buyer orders for a negative amount", person("buyer"), P.ORDERS_PLACE, own(-1), Code.OVER_LIMIT, "default.over_limit"),
    Refused("a buyer orders for an unknown amount", person("buyer"), P.ORDERS_PLACE, own(), Code.OVER_LIMIT, "default.over_limit"),
    Refused("a buyer orders in a colleague's name", person("buyer"), P.ORDERS_PLACE, colleagues(100), Code.NOT_FOUND, "default.not_yours"),
    Refused("a buyer cancels a colleague's order", person("buyer"), P.ORDERS_CANCEL, colleagues(), Code.NOT_FOUND, "default.not_yours"),
    Refused("a buyer cancels another organization's order", person("buyer"), P.ORDERS_CANCEL, another_organizations(), Code.NOT_FOUND, "deny.other_organization"),
    Refused("a buyer cancels an order that is not there", person("buyer"), P.ORDERS_CANCEL, MISSING, Code.NOT_FOUND, "default.not_there"),
    Refused("a buyer sees the organization's people", person("buyer"), P.MEMBERS_READ, PEOPLE, Code.NOT_PERMITTED, "default.role"),
    Refused("an approver orders one cent over their limit", person("approver"), P.ORDERS_PLACE, own(200_001), Code.OVER_LIMIT, "default.over_limit"),
    Refused("an approver cancels a colleague's order", person("approver"), P.ORDERS_CANCEL, colleagues(), Code.NOT_FOUND, "default.not_yours"),
    Refused("support orders", person("support"), P.ORDERS_PLACE, own(100), Code.NOT_PERMITTED, "default.role"),
    Refused("support fills a cart", person("support"), P.CART_WRITE, own(), Code.NOT_PERMITTED, "default.role"),
    Refused("support cancels a colleague's order", person("support"), P.ORDERS_CANCEL, colleagues(), Code.NOT_PERMITTED, "default.role"),
    Refused("support reads another organization's order", person("support"), P.ORDERS_READ, another_organizations(), Code.NOT_FOUND, "deny.other_organization"),
    Refused("support reads the audit of a colleague's conversation", person("support"), P.AUDIT_READ, colleagues(), Code.NOT_FOUND, "default.not_yours"),
    Refused("an auditor reads a colleague's order", person("auditor"), P.ORDERS_READ, colleagues(), Code.NOT_PERMITTED, "default.role"),
    Refused("an auditor orders", person("auditor"), P.ORDERS_PLACE, own(100), Code.NOT_PERMITTED, "default.role"),
    Refused("an auditor uses a colleague's conversation", person("auditor"), P.CONVERSATIONS_USE, colleagues(), Code.NOT_FOUND, "default.not_yours"),
    Refused("an auditor reads another organization's trail", person("auditor"), P.AUDIT_READ, TRAIL_ELSEWHERE, Code.NOT_FOUND, "deny.other_organization"),
    Refused("a buyer looks through the organization's clients", person("buyer"), P.AGENTS_READ, colleagues(), Code.NOT_PERMITTED, "default.role"),
    Refused("an administrator looks at a client of another organization", person("administrator"), P.AGENTS_READ, another_organizations(), Code.NOT_FOUND, "deny.other_organization"),
    Refused("an assistant orders above its organization's ceiling", replace(assistant("buyer"), ceiling=FIRST_SCOPES), P.ORDERS_PLACE, own(100), Code.NOT_PERMITTED, "default.ceiling"),
    Refused("an auditor blocks a client", person("auditor"), P.AGENTS_MANAGE, colleagues(), Code.NOT_PERMITTED, "default.role"),
    Refused("an auditor suspends a member", person("auditor"), P.MEMBERS_SUSPEND, colleagues(), Code.NOT_PERMITTED, "default.role"),
    Refused("an administrator orders", person("administrator"), P.ORDERS_PLACE, own(100), Code.NOT_PERMITTED, "default.role"),
    Refused("an administrator reads the audit of a colleague's conversation", person("administrator"), P.AUDIT_READ, colleagues(), Code.NOT_FOUND, "default.not_yours"),
    Refused("an administrator sees another organization's people", person("administrator"), P.MEMBERS_READ, PEOPLE_ELSEWHERE, Code.NOT_FOUND, "deny.other_organization"),
    Refused("an administrator suspends a member of another organization", person("administrator"), P.MEMBERS_SUSPEND, another_organizations(), Code.NOT_FOUND, "deny.other_organization"),
    Refused("an administrator blocks a client of another organization", person("administrator"), P.AGENTS_MANAGE, another_organizations(), Code.NOT_FOUND, "deny.other_organization"),
    Refused("an administrator suspends a member that is not there", person("administrator"), P.MEMBERS_SUSPEND, MISSING, Code.NOT_FOUND, "default.not_there"),
    Refused("an assistant fills the cart before consent", assistant("buyer"), P.CART_WRITE, own(), Code.CONSENT_NEEDED, "default.scope"),
    Refused("an assistant orders before consent", assistant("buyer"), P.ORDERS_PLACE, own(100), Code.CONSENT_NEEDED, "default.scope"),
    Refused("an assistant whose read was taken back reads an order", assistant("buyer", scopes={"browse"}), P.ORDERS_READ, own(), Code.CONSENT_NEEDED, "default.scope"),
    Refused("an assistant without any scope looks through the catalogue", assistant("buyer", scopes=()), P.CATALOGUE_READ, CATALOGUE, Code.CONSENT_NEEDED, "default.scope"),
    Refused("an assistant with a scope of the name any fills the cart", assistant("buyer", scopes={"any"}), P.CART_WRITE, own(), Code.CONSENT_NEEDED, "default.scope"),
    Refused("an assistant with every scope orders for a shopper", assistant("shopper", scopes=EVERY_SCOPE), P.ORDERS_PLACE, own(100), Code.NOT_PERMITTED, "default.role"),
    Refused("an assistant with every scope fills a guest's cart", assistant("guest", scopes=EVERY_SCOPE), P.CART_WRITE, own(), Code.NOT_PERMITTED, "default.role"),
    Refused("an assistant with every scope orders over its person's limit", assistant("buyer", scopes=EVERY_SCOPE), P.ORDERS_PLACE, own(20_001), Code.OVER_LIMIT, "default.over_limit"),
    Refused("an assistant with consent reads a colleague's order", assistant("buyer", scopes=BUYING), P.ORDERS_READ, colleagues(), Code.NOT_FOUND, "default.not_yours"),
    Refused("an assistant with consent reads another organization's order", assistant("buyer", scopes=BUYING), P.ORDERS_READ, another_organizations(), Code.NOT_FOUND, "deny.other_organization"),
    Refused("an auditor's assistant reads the audit of a colleague's conversation", assistant("auditor", scopes=BUYING), P.AUDIT_READ, colleagues(), Code.NOT_FOUND, "default.not_yours"),
    Refused("an administrator's assistant suspends a member", assistant("administrator", scopes=BUYING), P.MEMBERS_SUSPEND, colleagues(), Code.NOT_PERMITTED, "default.scope"),
    Refused("an assistant orders again before consent", assistant("buyer"), P.ORDERS_REORDER, own(), Code.CONSENT_NEEDED, "default.scope"),
    Refused("an assistant with all that can be allowed makes up an address", assistant("buyer", scopes=BUYING), P.ADDRESSES_WRITE, own(), Code.NOT_PERMITTED, "default.scope"),
    Refused("support's assistant reads a colleague's order", assistant("support", scopes=BUYING), P.ORDERS_READ, colleagues(), Code.NOT_PERMITTED, "default.scope"),
]
# fmt: on


@pytest.mark.holds("ASVS-8.2.1")
@pytest.mark.parametrize("case", ALLOW, ids=lambda case: case.sentence)
def test_the_policy_allows(case: Allowed) -> None:
    """What the sentence says is allowed, by exactly the rule named, in exactly this version of the policy."""
    decision = POLICY.authorize(principal=case.who, action=case.action, resource=case.resource)
    assert (decision.effect, decision.rule, decision.code) == (Effect.ALLOW, case.rule, None)
    assert decision.policy_version == POLICY.version


@pytest.mark.holds("I3", "ASVS-8.2.1", "ASVS-8.4.1", "ASI03")
@pytest.mark.parametrize("case", DENY, ids=lambda case: case.sentence)
def test_the_policy_refuses(case: Refused) -> None:
    """What the sentence says is refused, with this code for the model and this rule for the auditor."""
    with pytest.raises(AccessDenied) as refused:
        POLICY.authorize(principal=case.who, action=case.action, resource=case.resource)
    decision = refused.value.decision
    assert (decision.effect, decision.code, decision.rule) == (Effect.DENY, case.code, case.rule)
    assert decision.policy_version == POLICY.version
    asked = POLICY.is_allowed(principal=case.who, action=case.action, resource=case.resource)
    assert asked == decision


def test_the_sentences_of_the_matrix_are_all_different() -> None:
    """No case hides another one."""
    sentences = [case.sentence for case in ALLOW] + [case.sentence for case in DENY]
    assert len(set(sentences)) == len(sentences) >= 40


@pytest.mark.parametrize("permission", P)
def test_every_permission_is_in_the_matrix_both_ways(permission: P) -> None:
    """For each permission somebody may and somebody may not; what nobody is refused for would be no permission."""
    assert [case for case in ALLOW if case.action is permission]
    assert [case for case in DENY if case.action is permission]


@pytest.mark.parametrize("role", ["guest", "shopper", "buyer", "approver", "support", "auditor", "administrator"])
def test_every_role_is_in_the_matrix_both_ways(role: str) -> None:
    """Each role may something and may not something else."""
    assert [case for case in ALLOW if role in case.who.roles]
    assert [case for case in DENY if role in case.who.roles]


def test_every_rule_of_the_file_decides_some_case() -> None:
    """A rule that no sentence needs would be one that nobody looked at."""
    deciding = {case.rule for case in ALLOW} | {case.rule for case in DENY}
    assert {rule.rule for rule in POLICY.rules} <= deciding
