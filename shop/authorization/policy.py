"""The policy, read from a file that a person can read, decided by Casbin. The one module that imports `casbin`.

(The distribution is `pycasbin`; the one named `casbin` on the package index is its old name.)

Casbin on threads, and its cost, shape this module: its evaluator is not thread-safe, re-parses the matcher on every
call, and slows down linearly with the number of rules. So each permission has its own small enforcer with just the
rules that can match it, the matcher is parsed once, and each thread evaluates with its own evaluator.
"""

from __future__ import annotations

import csv
import hashlib
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import casbin
from casbin.util import SimpleEval

from shop.authorization.conditions import CONDITIONS, Facts, Resource, amount_and_limit, first_failed, holds, names
from shop.authorization.decisions import AccessDenied, Code, Decision, Effect
from shop.authorization.permissions import Permission
from shop.principal import CONSENTABLE, Principal, Workflow

MODEL = Path(__file__).with_name("model.conf")
_TOKEN = re.compile(r"[a-z][a-z0-9_.:]*")


class PolicyError(ValueError):
    """The policy file cannot be used; the message names the line and what to write instead."""


@dataclass(frozen=True)
class Rule:
    """One line of the policy."""

    rule: str
    role: str
    workflow: str
    permission: str
    when: str
    effect: str


class Policy:
    """An immutable policy. A change of the file is a new `Policy`, swapped in whole."""

    def __init__(self, text: str) -> None:
        """Read a policy. Raises `PolicyError` on a line that is not a rule, or names what does not exist."""
        self.text = text
        self.version = hashlib.sha256(text.encode() + MODEL.read_bytes()).hexdigest()[:12]
        self.rules, inherits = _read(text)
        self._enforcers = {
            permission: _Enforcer([rule for rule in self.rules if rule.permission in {permission, "any"}], inherits)
            for permission in Permission
        }
        any_enforcer = next(iter(self._enforcers.values()))
        roles = {rule.role for rule in self.rules} | {role for pair in inherits for role in pair}
        self._closure = {role: any_enforcer.with_inherited(role) for role in roles}

    @classmethod
    def from_file(cls, path: Path) -> Policy:
        """Read the policy from a file."""
        return cls(path.read_text(encoding="utf-8"))

    def effective_roles(self, roles: Iterable[str]) -> frozenset[str]:
        """The roles and all that they inherit. A role that the policy does not know gives nothing."""
        return frozenset().union(*(self._closure.get(role, frozenset()) for role in roles), {"everyone"})

    def is_allowed(self, *, principal: Principal, action: Permission, resource: Resource) -> Decision:
        """Answer whether the policy allows an action: asks, never raises, and never looks at liveness."""
        roles = self.effective_roles(principal.roles)
        facts = Facts(
            subject=principal.subject,
            organization=principal.organization,
            order_limit=principal.order_limit,
            resource=resource,
        )
        allowed, matched = self._enforcers[action].enforce_ex(roles, principal.scopes | {"any"}, (action, "any"), facts)
        if allowed:
            return Decision(
                effect=Effect.ALLOW, rule=matched[0], policy_version=self.version, facts=amount_and_limit(facts)
            )
        return self._explain(roles, principal, action, facts, matched[0] if matched else None)

    def authorize(self, *, principal: Principal, action: Permission, resource: Resource) -> Decision:
        """Enforce: return the decision that allows the action, or raise `AccessDenied`."""
        decision = self.is_allowed(principal=principal, action=action, resource=resource)
        if not decision.allowed:
            raise AccessDenied(decision)
        return decision

    def roles_that_allow(self, action: Permission) -> frozenset[str]:
        """The roles that a rule names for an action."""
        return frozenset(r.role for r in self.rules if r.permission == action and r.effect == "allow")

    def _explain(
        self, roles: frozenset[str], principal: Principal, action: Permission, facts: Facts, denied_by: str | None
    ) -> Decision:
        """Why not. The order is fixed, and says nothing of the resource before role and scope are known to suffice:
        otherwise the answer for a resource that exists would differ from the one for a resource that does not.
        """
        candidates = [r for r in self.rules if r.permission == action and r.effect == "allow" and r.role in roles]
        consented = [r for r in candidates if r.workflow in principal.scopes]
        workflow: Workflow | None = None
        failed: str | None = None
        if not candidates:
            rule, code = "default.role", Code.NOT_PERMITTED
            compared: dict[str, Any] = {
                "roles": sorted(principal.roles),
                "roles_that_allow": sorted(self.roles_that_allow(action)),
            }
        elif not consented:
            consentable = [Workflow(r.workflow) for r in candidates if r.workflow in CONSENTABLE]
            workflow = next((one for one in consentable if one in principal.ceiling), None)
            rule, code = "default.scope", Code.CONSENT_NEEDED if workflow else Code.NOT_PERMITTED
            compared = {"scopes": sorted(principal.scopes), "scope_needed": workflow or candidates[0].workflow}
            if consentable and workflow is None:
                # The person could not change this: their organization bounds the client.
                rule, compared = "default.ceiling", compared | {"ceiling": sorted(principal.ceiling)}
        elif failed := _failed_condition(consented, facts):
            refusal = CONDITIONS[failed].refusal
            rule, code, compared = refusal.rule(facts), refusal.code, refusal.facts(facts)
        else:  # only an explicit deny rule can have said no
            rule, code, compared = "default.role", Code.NOT_PERMITTED, {}
        return Decision(
            effect=Effect.DENY,
            rule=denied_by or rule,
            policy_version=self.version,
            code=code,
            workflow=workflow,
            condition=failed,
            facts=compared,
        )


def _failed_condition(rules: list[Rule], facts: Facts) -> str | None:
    """The condition for which none of these rules allows it, or None when one does. Whose the resource is comes first: nothing
    is said of a resource that is not theirs.
    """
    whose = [first_failed(rule.when, facts, about_whose=True) for rule in rules]
    if None not in whose:
        return whose[0]
    theirs = [rule for rule, failed in zip(rules, whose, strict=True) if failed is None]
    failures = [first_failed(rule.when, facts, about_whose=False) for rule in theirs]
    return None if None in failures else failures[0]


class _Enforcer(casbin.Enforcer):  # type: ignore[misc] # untyped library
    """Casbin with the matcher parsed once and one evaluator a thread; immutable after construction."""

    def __init__(self, rules: list[Rule], inherits: list[tuple[str, str]]) -> None:
        super().__init__(str(MODEL))
        self.model.add_policies("p", "p", [[r.rule, r.role, r.workflow, r.permission, r.when, r.effect] for r in rules])
        self.model.add_policies("g", "g", [list(pair) for pair in inherits])
        self.build_role_links()
        self._matcher = casbin.Enforcer._get_expression(self.model["m"]["m"].value, {}).ast_parsed_value
        self._evaluators = threading.local()

    def _get_expression(self, expr: str, functions: dict[str, Callable[..., Any]] | None = None) -> SimpleEval:
        evaluator: SimpleEval | None = getattr(self._evaluators, "mine", None)
        if evaluator is None:
            evaluator = SimpleEval("", {"holds": holds})
            evaluator.ast_parsed_value = self._matcher
            self._evaluators.mine = evaluator
        return evaluator

    def with_inherited(self, role: str) -> frozenset[str]:
        return frozenset({role, *self.get_implicit_roles_for_user(role)})


def _read(text: str) -> tuple[list[Rule], list[tuple[str, str]]]:
    rules: list[Rule] = []
    inherits: list[tuple[str, str]] = []
    for number, cells in enumerate(csv.reader(text.splitlines(), skipinitialspace=True), start=1):
        row = [cell.strip() for cell in cells]
        if not row or not row[0] or row[0].startswith("#"):
            continue
        kind, values = row[0], row[1:]
        if kind == "g" and len(values) == 2:
            inherits.append((_token(values[0], number), _token(values[1], number)))
        elif kind == "p" and len(values) == 6:
            rules.append(_rule(values, number))
            if any(rule.rule == rules[-1].rule for rule in rules[:-1]):
                raise PolicyError(f"policy line {number}: a rule is named {values[0]!r} already: the audit needs one")
        else:
            raise PolicyError(f"policy line {number}: expected 'p' with 6 columns or 'g' with 2, found {row}")
    return rules, inherits


def _rule(values: list[str], number: int) -> Rule:
    rule = Rule(*values)
    for token in (rule.rule, rule.role, rule.workflow, rule.permission):
        _token(token, number)
    known = {"any", *Workflow}, {"any", *Permission}, {"allow", "deny"}
    for value, choices, what in zip((rule.workflow, rule.permission, rule.effect), known, _COLUMNS, strict=True):
        if value not in choices:
            raise PolicyError(f"policy line {number}: {what} {value!r} is none of {', '.join(sorted(choices))}")
    for name in names(rule.when):
        if name not in CONDITIONS:
            raise PolicyError(f"policy line {number}: condition {name!r} is none of {', '.join(sorted(CONDITIONS))}")
    return rule


_COLUMNS = ("workflow", "permission", "effect")


def _token(text: str, number: int) -> str:
    if not _TOKEN.fullmatch(text):
        raise PolicyError(f"policy line {number}: {text!r} may hold only lower-case letters, digits, '_', '.' and ':'")
    return text
