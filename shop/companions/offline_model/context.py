"""Completes a clause by what was said before it: "in M", "yes", "the first one", "no, the blue one", "try again".

People answer a question with a word, narrow a search with two, agree with one, and set right what was done. Each
exchange is therefore resolved on top of the one before, so that "add a tee" - "which colour?" - "black" - "which size?" -
"L" ends as one wish. Fragments are completed in `fragments.py`; what "it" is decides in `focus.py`.
"""

from dataclasses import replace
from typing import Final

from shop.companions.offline_model.clauses import Clause, Intent
from shop.companions.offline_model.conversation import Exchange
from shop.companions.offline_model.focus import by_focus
from shop.companions.offline_model.fragments import completed
from shop.companions.offline_model.memory import Memory, matching
from shop.companions.offline_model.setting import LOOKS, Setting
from shop.companions.offline_model.understand import placed_once, understand

_ANSWERS: Final = frozenset({Intent.FRAGMENT, Intent.ADD, Intent.CHANGE, Intent.YES, Intent.CHECK_OUT})
"""What the answer to a question may look like: "L", "add the L", "make it L", "yes, the L"."""
_IN_BETWEEN: Final = frozenset({Intent.DETAILS, Intent.UNKNOWN, Intent.HELLO, Intent.NICE})
"""What may be said before a question is answered, and does not drop the wish that waits for the answer."""


def resolve(exchange: Exchange, before: list[Clause], previous: Exchange | None, memory: Memory) -> list[Clause]:
    """The complete clauses of `exchange`, given those of the previous one and what had been shown when it began."""
    memory.begin(exchange.page)
    said = list(understand(exchange.asked, memory.names()))
    clauses = placed_once(_resolved(said, Setting(before, previous, memory)))
    memory.last_search = next((one for one in reversed(clauses) if one.intent is Intent.SEARCH), memory.last_search)
    return clauses


def _resolved(clauses: list[Clause], setting: Setting) -> list[Clause]:
    first, rest, memory = clauses[0], clauses[1:], setting.memory
    if setting.previous and setting.previous.ended_with_question and setting.before:
        # Each wish that was fulfilled had one effect, so the one behind them is the one that asked.
        memory.pending = setting.before[min(len(setting.effects), len(setting.before) - 1) :]
    if memory.pending and _answers(first, memory.pending[0], memory):
        asked, later, memory.pending = memory.pending[0], memory.pending[1:], []
        return [_on_top(asked, first), *later, *rest]
    if first.intent not in _IN_BETWEEN:
        memory.pending = []
    if first.intent in {Intent.YES, Intent.AGAIN, Intent.OKAY}:
        return _agreed(first, setting)
    if first.pick and memory.display == "addresses" and [one.intent for one in rest] == [Intent.CHECK_OUT]:
        # "The second one, send it there."
        return [replace(rest[0], pick=first.pick)]
    if first.intent is Intent.FRAGMENT or _only_wishes(first, setting):
        buys = any(clause.intent is Intent.CHECK_OUT for clause in rest)
        return [completed(first, setting, buys=buys), *rest]
    return [*by_focus(first, setting), *rest]


def _answers(clause: Clause, asked: Clause, memory: Memory) -> bool:
    """Whether the clause says what a question asked for, rather than something of its own."""
    if clause.intent not in _ANSWERS or not clause.says_something:
        return False
    if clause.intent is Intent.FRAGMENT and not clause.names_a_thing:
        return True
    if asked.intent in LOOKS and clause.intent is not Intent.FRAGMENT:
        return False
    if clause.categories and not set(clause.categories) <= set(asked.categories):
        return any(matching(clause.words, memory.shown_products()))
    if asked.intent is Intent.CHECK_OUT:
        return clause.intent is Intent.FRAGMENT or bool(clause.address)
    if clause.names:
        return any(matching(clause.names, [*memory.shown_products(), *memory.lines()]))
    return clause.intent is not Intent.CHECK_OUT or clause.wishes


def _on_top(asked: Clause, answer: Clause) -> Clause:
    merged = answer.on_top_of(asked)
    return replace(merged, address=answer.address or answer.names) if asked.intent is Intent.CHECK_OUT else merged


def _agreed(agreement: Clause, setting: Setting) -> list[Clause]:
    """Do the wish before again, if that was asked or it waits for consent; or take up the offer to check out."""
    steps = setting.previous.steps if setting.previous else []
    waits = any(step.outcome.code == "consent_needed" for step in steps)
    if (agreement.intent is Intent.AGAIN or waits) and setting.before:
        return setting.before
    last = steps[-1] if steps and agreement.intent is Intent.YES else None
    if last and last.outcome.succeeded and last.outcome.result.get("items") and "cart" in last.call.name:
        return [Clause(Intent.CHECK_OUT)]
    return [agreement]


def _only_wishes(clause: Clause, setting: Setting) -> bool:
    """ "I want black": with nothing in sight that could be black, that is a search."""
    spoken_of = setting.memory.focus is not None or setting.on_a_product
    points = clause.names_a_thing or clause.refers or clause.more or clause.quantity is not None or spoken_of
    return clause.intent in {Intent.ADD, Intent.DETAILS} and clause.wishes and not points
