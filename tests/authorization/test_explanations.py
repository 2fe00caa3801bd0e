"""A refusal and its three renderings: a coarse code for the model, a reason for the person, everything for the auditor."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import replace
from typing import cast

import pytest

from shop.authorization.conditions import CONDITIONS, Condition, Refusal, Resource
from shop.authorization.decisions import Code, Decision, Effect, from_lapse
from shop.authorization.permissions import Permission as P
from shop.authorization.policy import Policy
from shop.credentials.ledger import Kind, Lapse, NotAlive
from shop.principal import Principal, Workflow
from tests.authorization.cases import (
    MISSING,
    POLICY,
    another_organizations,
    assistant,
    colleagues,
    own,
    person,
)


def refusal(who: Principal, action: P, resource: Resource) -> Decision:
    decision = POLICY.is_allowed(principal=who, action=action, resource=resource)
    assert not decision.allowed
    return decision


def test_a_missing_role_is_explained_by_the_roles_that_would_do() -> None:
    """The auditor reads which roles were held, and which ones a rule names."""
    told = refusal(person("shopper"), P.ORDERS_PLACE, own(100)).for_auditor()
    assert told == {
        "effect": "deny",
        "rule": "default.role",
        "code": "not_permitted",
        "policy_version": POLICY.version,
        "facts": {"roles": ["shopper"], "roles_that_allow": ["buyer"]},
    }


def test_a_missing_consent_names_the_workflow_for_everyone() -> None:
    """The model may say which workflow it lacks, so that the person can be asked for exactly that one."""
    decision = refusal(assistant("buyer"), P.CART_WRITE, own())
    assert decision.workflow is Workflow.TRANSACT
    assert decision.for_model()["workflow"] == "transact"
    assert decision.for_auditor()["facts"] == {"scopes": ["browse", "read"], "scope_needed": "transact"}


def test_a_limit_is_told_to_the_auditor_and_not_to_the_model() -> None:
    """Amount and limit were compared: both are in the record, neither is in what the model reads."""
    decision = refusal(person("buyer"), P.ORDERS_PLACE, own(20_001))
    assert decision.for_auditor()["facts"] == {"amount": 20_001, "order_limit": 20_000}
    told = json.dumps(decision.for_model())
    assert decision.for_model()["code"] == "over_limit"
    assert "20" not in told


@pytest.mark.holds("ASVS-8.4.1")
def test_not_yours_and_not_there_are_one_answer_with_three_rules() -> None:
    """A colleague's, another organization's and a missing order: one rendering for the model, three for the auditor."""
    refusals = [
        refusal(assistant("buyer"), P.ORDERS_READ, resource)
        for resource in (colleagues(), another_organizations(), MISSING)
    ]
    assert len({json.dumps(decision.for_model()) for decision in refusals}) == 1
    rules = [decision.for_auditor()["rule"] for decision in refusals]
    assert rules == ["default.not_yours", "deny.other_organization", "default.not_there"]


@pytest.mark.parametrize(
    ("who", "action"),
    [(person("guest"), P.ORDERS_READ), (assistant("buyer"), P.CART_WRITE), (person("shopper"), P.ORDERS_CANCEL)],
)
def test_role_and_consent_are_asked_before_anything_is_said_of_the_resource(who: Principal, action: P) -> None:
    """Somebody who may not do it to their own learns nothing from trying it on anybody else's."""
    answers = {
        json.dumps(refusal(who, action, resource).for_model())
        for resource in (own(), colleagues(), another_organizations(), MISSING)
    }
    assert len(answers) == 1


def test_the_model_is_never_told_what_is_the_auditors() -> None:
    """No rule, policy version, role or limit is in any of the model's renderings: they have fixed sentences."""
    for code in Code:
        decision = Decision(
            effect=Effect.DENY,
            rule="a-rule-of-the-auditor",
            policy_version="a-version-of-the-auditor",
            code=code,
            workflow=Workflow.TRANSACT if code is Code.CONSENT_NEEDED else None,
            facts={"a-fact": "of-the-auditor"},
        )
        told = decision.for_model()
        assert "auditor" not in json.dumps(told)
        assert set(told) <= {"code", "message", "workflow"}
        assert told["message"].endswith(".")
        assert "of-the-auditor" in json.dumps(decision.for_auditor())


def test_an_allowed_call_says_nothing_to_the_model() -> None:
    """What was allowed needs no explanation; the auditor still has its rule and the version of the policy."""
    decision = POLICY.is_allowed(principal=person("buyer"), action=P.ORDERS_PLACE, resource=own(5_800))
    assert decision.for_model() == {}
    assert decision.for_auditor() == {
        "effect": "allow",
        "rule": "buyer.orders.place",
        "policy_version": POLICY.version,
        "facts": {"amount": 5_800, "order_limit": 20_000},
    }


@pytest.mark.parametrize(
    ("lapse", "kind", "code"),
    [
        (Lapse.PAUSED, Kind.MEMBERSHIP, Code.PAUSED),
        (Lapse.PAUSED, Kind.ORGANIZATION, Code.STOPPED),
        (Lapse.SUSPENDED, Kind.MEMBERSHIP, Code.SUSPENDED),
        (Lapse.SUSPENDED, Kind.ORGANIZATION, Code.SUSPENDED),
        (Lapse.ENDED, Kind.MEMBERSHIP, Code.SUSPENDED),
        (Lapse.UNKNOWN, Kind.MEMBERSHIP, Code.SUSPENDED),
        (Lapse.ENDED, Kind.SESSION, Code.SIGNED_OUT),
        (Lapse.EXPIRED, Kind.SESSION, Code.SIGNED_OUT),
        (Lapse.ENDED, Kind.DELEGATION, Code.SIGNED_OUT),
        (Lapse.EXPIRED, Kind.DELEGATION, Code.SIGNED_OUT),
        (Lapse.UNKNOWN, Kind.DELEGATION, Code.SIGNED_OUT),
    ],
)
def test_a_credential_that_is_not_alive_is_a_denial(lapse: Lapse, kind: Kind, code: Code) -> None:
    """The rule says what lapsed; the model learns only whether it is paused, stopped, suspended or signed out."""
    decision = from_lapse(NotAlive(lapse, kind, "ses_1", "signed_out_everywhere"), POLICY.version)
    assert (decision.effect, decision.code) == (Effect.DENY, code)
    assert decision.rule == f"credential.{kind}.{lapse}"
    assert decision.facts == {"authority": "ses_1", "because": "signed_out_everywhere"}
    assert "ses_1" not in json.dumps(decision.for_model())


def test_a_workflow_that_no_person_can_allow_is_not_asked_for() -> None:
    """Support's assistant is told no, instead of being sent to ask for a consent that nobody can give."""
    decision = refusal(assistant("support"), P.ORDERS_READ, colleagues())
    assert (decision.code, decision.workflow) == (Code.NOT_PERMITTED, None)
    assert decision.for_auditor()["facts"]["scope_needed"] == "support"
    both = replace(assistant("support", "buyer"), scopes=frozenset({Workflow.BROWSE}))
    assert refusal(both, P.ORDERS_READ, own()).workflow is Workflow.READ


IN_OFFICE_HOURS = Condition(
    holds=lambda facts: False,
    refusal=Refusal(
        rule=lambda facts: "default.closed",
        code=Code.NOT_PERMITTED,
        facts=lambda facts: {"opens": "09:00"},
        for_person=lambda told, colleagues: f"{colleagues.organization} orders from {told['opens']} on.",
    ),
)


def test_a_new_condition_is_refused_in_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule, code and facts are the failed condition's, whatever else the rule asks; nothing is reported as over the limit."""
    monkeypatch.setitem(cast("dict[str, Condition]", CONDITIONS), "in_office_hours", IN_OFFICE_HOURS)
    when = "own & in_office_hours & within_order_limit"
    policy = Policy(POLICY.text.replace("own & within_order_limit", when))
    decision = policy.is_allowed(principal=person("buyer"), action=P.ORDERS_PLACE, resource=own(100))
    assert decision.condition == "in_office_hours"
    assert decision.for_model()["code"] == "not_permitted"
    assert (decision.rule, decision.facts) == ("default.closed", {"opens": "09:00"})
    theirs = policy.is_allowed(principal=person("buyer"), action=P.ORDERS_PLACE, resource=colleagues(100))
    assert (theirs.code, theirs.rule) == (Code.NOT_FOUND, "default.not_yours"), "whose it is comes first"


@pytest.mark.parametrize("left_out", [field.name for field in dataclasses.fields(Refusal)])
def test_a_condition_cannot_leave_a_part_of_its_refusal_out(left_out: str) -> None:
    """Rule, code, facts and text are there before a rule can name the condition, and so is the refusal itself."""
    said = {name: value for name, value in vars(IN_OFFICE_HOURS.refusal).items() if name != left_out}
    with pytest.raises(TypeError, match=left_out):
        Refusal(**said)
    with pytest.raises(TypeError, match="refusal"):
        Condition(holds=lambda facts: True)  # type: ignore[call-arg]


@pytest.mark.holds("I10")
def test_a_condition_about_whose_something_is_says_that_nothing_is_there() -> None:
    """Each of them has the one refusal that is the same for what is not theirs and what is not there."""
    about_whose = {name: condition for name, condition in CONDITIONS.items() if condition.about_whose}
    assert set(about_whose) == {"own", "same_organization"}
    assert {condition.refusal.code for condition in about_whose.values()} == {Code.NOT_FOUND}
    assert len({id(condition.refusal) for condition in about_whose.values()}) == 1
