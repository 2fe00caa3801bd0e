"""How the clauses of one message belong together: the later complete the earlier, or speak of the thing that these named."""

from dataclasses import replace
from typing import Final

from shop.companions.offline_model.clauses import Clause, Intent

_HAVE_A_THING: Final = frozenset(
    {Intent.ADD, Intent.COMPARE, Intent.DETAILS, Intent.REMOVE, Intent.CHANGE, Intent.SEARCH}
)


def related(clauses: list[Clause]) -> list[Clause]:
    """The clauses of one message, each with what it takes over from the one before."""
    joined: list[Clause] = []
    for clause in clauses:
        if joined and (one := _as_one(joined[-1], clause)):
            joined[-1] = one
        else:
            joined.append(_following(joined[-1], clause) if joined else clause)
    return _counted_apart(joined)


def _as_one(before: Clause, clause: Clause) -> Clause | None:
    """Both clauses as one wish, if they are one."""
    names, merged = clause.names_a_thing, clause.on_top_of(before)
    match before.intent, clause.intent:
        case Intent.UNDO, Intent.UNDO:
            return before
        case Intent.FRAGMENT, Intent.FRAGMENT if not (before.names_a_thing and names):
            return merged  # "I have 100 euros, what can I get for four people?"
        case Intent.FRAGMENT, _ if clause.intent in _HAVE_A_THING and not names:
            return replace(merged, intent=clause.intent)  # "The refresh token one is nice. Which colours are there?"
        case Intent.ADD, Intent.CHANGE if clause.refers and not names:
            return replace(merged, intent=Intent.ADD)  # "Add a mug in rust, no, make that moss."
        case Intent.ADD, Intent.ADD | Intent.FRAGMENT if _is_the_same(before, clause):
            return replace(merged, intent=Intent.ADD)  # "Add a mug, the refresh token, in rust."
        case Intent.ADD, Intent.ADD if clause.fixes and names:
            return merged  # "Add the mug, no, the tote": what is set right is not done first
        case Intent.ADD, Intent.ADD | Intent.FRAGMENT if not _is_another(before, clause):
            return merged if clause.intent is Intent.FRAGMENT or not names else None
        case Intent.SEARCH, Intent.SEARCH if not (names and before.names_a_thing):
            return merged  # "I need a mug for my desk, what have you got?"
        case Intent.SEARCH, Intent.SEARCH if clause.categories == before.categories and not clause.names:
            return merged
        case Intent.DETAILS, Intent.ADD if before.fixes and _only_refers(before):
            return replace(clause, fixes=True, refers=True)  # "That is the wrong colour, I wanted rust."
        case _, Intent.FRAGMENT if before.intent in _HAVE_A_THING and before.intent is not Intent.ADD:
            return merged
    return None


def _following(before: Clause, clause: Clause) -> Clause:
    """A wish of its own, with what it takes over from the one before."""
    if clause.intent is Intent.ADD and before.intent in {Intent.DETAILS, Intent.SEARCH} and _only_refers(clause):
        return replace(clause.on_top_of(replace(before, refers=False)), intent=Intent.ADD)
    if before.intent is not Intent.ADD or clause.intent not in {Intent.ADD, Intent.FRAGMENT}:
        return clause
    if clause.names_a_thing:
        return replace(clause, intent=Intent.ADD)  # another thing of the list
    return replace(clause.on_top_of(before), intent=Intent.ADD)  # more of the same: "… and one in L"


def _is_another(before: Clause, clause: Clause) -> bool:
    """Whether a clause behind an addition adds another thing, or more of the same in another colour or size."""
    if clause.names_a_thing:
        return clause.intent is Intent.ADD or (before.names_a_thing and not before.pick)
    return clause.quantity is not None and bool(before.colours or before.size) and bool(before.quantity)


def _is_the_same(before: Clause, clause: Clause) -> bool:
    """Whether a name only says which one of the kind that was named before is meant."""
    names_only = clause.names and not clause.categories and clause.quantity is None and not clause.joins
    return bool(names_only and before.categories and not before.names and not before.pick)


def _counted_apart(clauses: list[Clause]) -> list[Clause]:
    """ "Three navy tees, one S, one M": what is counted out behind a thing takes the place of its own number."""
    if len(clauses) < 2 or any(clause.intent is not Intent.ADD for clause in clauses):
        return clauses
    first, *parts = clauses
    things = {(clause.names, clause.categories, clause.pick, clause.sku) for clause in clauses}
    counted = first.quantity in {None, sum(part.quantity or 0 for part in parts)}
    vague = bool(first.size) + bool(first.colours) < bool(parts[0].size) + bool(parts[0].colours)
    return parts if len(things) == 1 and counted and vague else clauses


def _only_refers(clause: Clause) -> bool:
    return (clause.refers or not clause.says_something) and not clause.names_a_thing and not clause.wishes
