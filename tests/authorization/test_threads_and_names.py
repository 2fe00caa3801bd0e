"""Casbin's traps: shared evaluators that answer wrongly, names that become rules, people who make decisions slow."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from shop.authorization.permissions import Permission as P
from shop.authorization.policy import Policy
from shop.principal import EVERY_SCOPE
from tests.authorization.cases import CATALOGUE, POLICY, assistant, own, person
from tests.authorization.test_matrix import ALLOW, DENY, Allowed, Refused

THREADS = 64


@pytest.mark.holds("ASVS-8.2.1")
def test_64_threads_decide_at_once_without_a_wrong_answer() -> None:
    """Threads that begin together ask the whole matrix of a fresh policy; each answer is the one a single thread gets."""
    policy = Policy(POLICY.text)
    matrix: list[Allowed | Refused] = [*ALLOW, *DENY]
    together = threading.Barrier(THREADS, timeout=30)

    def ask(offset: int) -> list[str]:
        together.wait()
        wrong = []
        for index in range(len(matrix)):
            case = matrix[(index * 7 + offset) % len(matrix)]
            decision = policy.is_allowed(principal=case.who, action=case.action, resource=case.resource)
            if (decision.allowed, decision.rule) != (isinstance(case, Allowed), case.rule):
                wrong.append(f"{case.sentence}: {decision.rule}")
        return wrong

    with ThreadPoolExecutor(THREADS) as threads:
        assert [wrong for found in threads.map(ask, range(THREADS)) for wrong in found] == []


@pytest.mark.holds("ASVS-8.2.1", "ASI03")
@pytest.mark.parametrize(
    "name",
    ["x, administrator", "x\np, x, x, any, any, always, allow", "administrator)", "p.role", "*", "any", "", "Guest"],
)
def test_a_name_cannot_become_a_role(name: str) -> None:
    """Names of people, roles and scopes are compared, never parsed: one that looks like policy text gives nothing."""
    as_role = person(name)
    as_subject = replace(person("guest"), subject=name, organization=name, membership=name)
    as_scope = assistant("administrator", scopes={name})
    for action in P:
        assert not POLICY.is_allowed(principal=as_role, action=action, resource=own(1)).allowed
        assert not POLICY.is_allowed(principal=as_scope, action=action, resource=own(1)).allowed
    assert not POLICY.is_allowed(principal=as_subject, action=P.MEMBERS_SUSPEND, resource=own()).allowed
    assert POLICY.is_allowed(principal=as_subject, action=P.CATALOGUE_READ, resource=CATALOGUE).allowed
    assert not POLICY.is_allowed(principal=person("guest"), action=P.MEMBERS_SUSPEND, resource=own()).allowed


def test_nobody_who_asks_makes_the_policy_grow() -> None:
    """No person is in the policy: after a thousand strangers it holds what it held before."""
    policy = Policy(POLICY.text)
    enforcer = policy._enforcers[P.ORDERS_READ]
    before = (enforcer.get_policy(), enforcer.get_grouping_policy(), len(enforcer.get_all_roles()))
    for number in range(1000):
        stranger = replace(person(f"role-{number}"), subject=f"usr_{number}", scopes=EVERY_SCOPE)
        policy.is_allowed(principal=stranger, action=P.ORDERS_READ, resource=own())
    assert (enforcer.get_policy(), enforcer.get_grouping_policy(), len(enforcer.get_all_roles())) == before
    assert len(policy._closure) == len(POLICY._closure)


def test_each_permission_has_a_small_enforcer_of_its_own() -> None:
    """A decision costs by the rules about its permission, not by all rules there are."""
    for action, enforcer in POLICY._enforcers.items():
        held = {rule[0] for rule in enforcer.get_policy()}
        assert held == {rule.rule for rule in POLICY.rules if rule.permission in {action, "any"}}
        assert len(held) < len(POLICY.rules)


def test_roles_inherit_downwards_only() -> None:
    """A buyer is also a shopper and a guest; a guest is nothing more."""
    assert POLICY.effective_roles({"buyer"}) == {"buyer", "shopper", "guest", "everyone"}
    assert POLICY.effective_roles({"approver"}) == {"approver", "buyer", "shopper", "guest", "everyone"}
    assert POLICY.effective_roles({"guest"}) == {"guest", "everyone"}
    assert POLICY.effective_roles({"stranger"}) == {"everyone"}
    assert POLICY.effective_roles([]) == {"everyone"}
