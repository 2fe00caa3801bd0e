"""The policy file: what it says is in force, and what makes no sense is refused with its line."""

from __future__ import annotations

import pytest

from shop.authorization.conditions import CONDITIONS, Facts, holds, names
from shop.authorization.decisions import Code
from shop.authorization.permissions import Permission as P
from shop.authorization.policy import Policy, PolicyError
from tests.authorization.cases import CATALOGUE, POLICY, own, person

GOOD = "p, guest.catalogue.read, guest, browse, catalogue:read, always, allow"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("p, r, guest, browse, catalogue:read, sometimes, allow", "condition 'sometimes' is none of"),
        ("p, r, guest, browse, catalogue:read, own & sometimes, allow", "condition 'sometimes' is none of"),
        ("p, r, guest, browse, catalogue:read, __import__('os'), allow", "condition \"__import__('os')\" is none of"),
        ("p, r, guest, browse, catalogue:read, , allow", "condition '' is none of"),
        ("p, r, guest, browse, catalogue:read, own &, allow", "condition '' is none of"),
        ("p, r, guest, shopping, catalogue:read, always, allow", "workflow 'shopping' is none of"),
        ("p, r, guest, browse, catalogue:burn, always, allow", "permission 'catalogue:burn' is none of"),
        ("p, r, guest, browse, catalogue:read, always, maybe", "effect 'maybe' is none of"),
        ("p, r, guest, browse, catalogue:read, always, Allow", "effect 'Allow' is none of"),
        ("p, r, Guest, browse, catalogue:read, always, allow", "'Guest' may hold only lower-case letters"),
        ('p, r, "guest, administrator", browse, catalogue:read, always, allow', "'guest, administrator' may hold only"),
        ("p, r), guest, browse, catalogue:read, always, allow", "'r)' may hold only lower-case letters"),
        ("p, , guest, browse, catalogue:read, always, allow", "'' may hold only lower-case letters"),
        ("p, r, guest, browse, catalogue:read, allow", "expected 'p' with 6 columns or 'g' with 2"),
        ("p, r, guest, browse, catalogue:read, always, allow, deny", "expected 'p' with 6 columns or 'g' with 2"),
        ("g, buyer", "expected 'p' with 6 columns or 'g' with 2"),
        ("g, buyer, Shopper", "'Shopper' may hold only lower-case letters"),
        ("rule, r, guest, browse, catalogue:read, always, allow", "expected 'p' with 6 columns or 'g' with 2"),
        (GOOD, "'guest.catalogue.read'"),
    ],
)
def test_a_line_that_makes_no_sense_is_refused_with_its_number(line: str, says: str) -> None:
    """Nothing of a file with such a line comes in force, and the message says where to look and what is wrong."""
    with pytest.raises(PolicyError) as refused:
        Policy(f"# a comment\n\n{GOOD}\n{line}\n")
    assert "policy line 4" in str(refused.value)
    assert says in str(refused.value)


def test_comments_and_empty_lines_are_no_rules() -> None:
    """A person can explain a policy inside it."""
    assert [rule.rule for rule in Policy(f"# one, two\n\n  \n{GOOD}\n").rules] == ["guest.catalogue.read"]


def test_an_empty_policy_allows_nothing() -> None:
    """The answer is no when no rule says yes."""
    decision = Policy("").is_allowed(principal=person("administrator"), action=P.CATALOGUE_READ, resource=CATALOGUE)
    assert (decision.allowed, decision.code, decision.rule) == (False, Code.NOT_PERMITTED, "default.role")


def test_the_first_rule_that_matches_decides() -> None:
    """A deny above an allow refuses, and is named; the same deny below it comes too late."""
    deny = "p, deny.for.now, everyone, any, catalogue:read, always, deny"
    above = Policy(f"{deny}\n{GOOD}").is_allowed(principal=person("guest"), action=P.CATALOGUE_READ, resource=CATALOGUE)
    below = Policy(f"{GOOD}\n{deny}").is_allowed(principal=person("guest"), action=P.CATALOGUE_READ, resource=CATALOGUE)
    assert (above.allowed, above.rule, above.code) == (False, "deny.for.now", Code.NOT_PERMITTED)
    assert (below.allowed, below.rule) == (True, "guest.catalogue.read")


def test_the_shops_policy_denies_first() -> None:
    """In the seed policy no deny rule stands below an allow rule, where it could come too late."""
    effects = [rule.effect for rule in POLICY.rules]
    assert effects == sorted(effects, reverse=True)
    assert effects[0] == "deny"


def test_the_version_is_of_the_text() -> None:
    """Two policies have the same version exactly when their text is the same: an event's version names its rules."""
    assert Policy(GOOD).version == Policy(GOOD).version
    assert len({Policy(GOOD).version, Policy(GOOD + "\n# changed").version, POLICY.version}) == 3


def test_conditions_are_joined_by_and() -> None:
    """All conditions of a rule must hold; each is a name in a closed list."""
    assert names("own & within_order_limit") == ("own", "within_order_limit")
    assert {name for rule in POLICY.rules for name in names(rule.when)} <= set(CONDITIONS)
    facts = _facts_of_own(amount=20_001)
    assert (holds("own", facts), holds("within_order_limit", facts)) == (True, False)
    assert not holds("own & within_order_limit", facts)
    assert not holds("within_order_limit & own", facts)


def _facts_of_own(amount: int) -> Facts:
    me = person("buyer")
    return Facts(subject=me.subject, organization=me.organization, order_limit=me.order_limit, resource=own(amount))
