"""Restrictions only narrow: taking something away from a principal never turns a no into a yes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.authorization.conditions import Resource
from shop.authorization.decisions import Code
from shop.authorization.permissions import Permission
from shop.principal import FIRST_SCOPES, Principal, Workflow
from tests.authorization.cases import ACME, COLLEAGUE, GLOBEX, ME, POLICY, assistant, person

ROLES = ["guest", "shopper", "buyer", "approver", "support", "auditor", "administrator", "everyone", "unknown"]

permissions = st.sampled_from(Permission)
limits = st.none() | st.integers(0, 300_000)
principals = st.builds(
    lambda roles, scopes, limit: replace(assistant(*roles, scopes=scopes), order_limit=limit),
    st.sets(st.sampled_from(ROLES)),
    st.sets(st.sampled_from(Workflow)),
    limits,
)
resources = st.builds(
    Resource,
    kind=st.just("thing"),
    id=st.just("1"),
    owner=st.sampled_from([None, ME, COLLEAGUE]),
    organization=st.sampled_from([None, ACME, GLOBEX]),
    exists=st.booleans(),
    amount=st.none() | st.integers(-10, 300_000),
)


def allows(principal: Principal, action: Permission, resource: Resource) -> bool:
    return POLICY.is_allowed(principal=principal, action=action, resource=resource).allowed


@pytest.mark.holds("I3", "ASVS-8.3.2")
@given(principals, permissions, resources, st.data())
def test_removing_a_scope_a_role_or_limit_never_allows(
    principal: Principal, action: Permission, resource: Resource, data: st.DataObject
) -> None:
    """Whoever is refused is still refused with fewer scopes, fewer roles and a lower limit."""
    if allows(principal, action, resource):
        return
    limit = principal.order_limit
    fewer = replace(
        principal,
        scopes=frozenset(data.draw(st.sets(st.sampled_from(sorted(principal.scopes)))) if principal.scopes else ()),
        roles=frozenset(data.draw(st.sets(st.sampled_from(sorted(principal.roles)))) if principal.roles else ()),
        order_limit=data.draw(st.none() | st.integers(0, limit)) if limit is not None else None,
    )
    assert not allows(fewer, action, resource)


@pytest.mark.holds("I3", "ASI03")
@given(principals, permissions, resources)
def test_an_assistant_never_exceeds_its_person(principal: Principal, action: Permission, resource: Resource) -> None:
    """Whatever an assistant may do, its person may do by their own click."""
    own_click = replace(person(*principal.roles), order_limit=principal.order_limit)
    if allows(principal, action, resource):
        assert allows(own_click, action, resource)


@pytest.mark.holds("ASVS-8.4.1")
@given(principals, permissions, resources)
def test_another_organizations_resource_is_never_allowed(
    principal: Principal, action: Permission, resource: Resource
) -> None:
    """No role, scope, ownership or amount reaches into another organization, for the person or their assistant."""
    elsewhere = replace(resource, organization=GLOBEX)
    own_click = replace(person(*principal.roles), order_limit=principal.order_limit)
    for who in (principal, own_click):
        decision = POLICY.is_allowed(principal=who, action=action, resource=elsewhere)
        assert not decision.allowed
        assert decision.rule == "deny.other_organization"


@given(principals, permissions, st.none() | st.integers(0, 300_000))
def test_what_is_not_yours_is_told_like_what_is_not_there(
    principal: Principal, action: Permission, amount: int | None
) -> None:
    """A refusal for another organization's resource, or an owned one of a colleague, reads like one for nothing."""
    missing = Resource(kind="thing", id="1", exists=False)
    elsewhere = Resource(kind="thing", id="1", owner="usr_x", organization=GLOBEX, amount=amount)
    colleagues = Resource(kind="thing", id="1", owner=COLLEAGUE, organization=ACME, amount=amount)
    absent, foreign, theirs = (
        POLICY.is_allowed(principal=principal, action=action, resource=resource)
        for resource in (missing, elsewhere, colleagues)
    )
    if not absent.allowed:
        assert foreign.for_model() == absent.for_model()
        if not theirs.allowed:
            assert theirs.for_model() == absent.for_model()


@pytest.mark.holds("I4", "ASVS-8.3.3")
@given(principals, permissions, resources)
def test_the_intermediary_does_not_count(principal: Principal, action: Permission, resource: Resource) -> None:
    """The decision is on the subject: which client acts, and under which delegation, changes nothing."""
    assert principal.actor
    other = replace(principal, actor=replace(principal.actor, client_id=COLLEAGUE), delegation="dlg_other")
    assert POLICY.is_allowed(principal=principal, action=action, resource=resource) == POLICY.is_allowed(
        principal=other, action=action, resource=resource
    )


@given(principals, permissions, resources)
def test_consent_is_asked_for_only_where_it_would_be_given_by_a_person(
    principal: Principal, action: Permission, resource: Resource
) -> None:
    """An answer of consent_needed names a workflow that a person can allow, and once allowed it is not asked again."""
    decision = POLICY.is_allowed(principal=principal, action=action, resource=resource)
    if decision.code is not Code.CONSENT_NEEDED:
        assert decision.workflow is None
        return
    assert decision.workflow in {*FIRST_SCOPES, Workflow.TRANSACT}
    consented = replace(principal, scopes=principal.scopes | {decision.workflow})
    again = POLICY.is_allowed(principal=consented, action=action, resource=resource)
    assert again.code is not Code.CONSENT_NEEDED
