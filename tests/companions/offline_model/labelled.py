"""Labelled sentences and dialogues: what a person says, and the calls and words that must come of it.

The files beside this one hold them. A *sentence* is said once, after what its group says was said before, or on a page of
the shop; a *dialogue* is a few turns, each labelled. A label is either the calls, or a table:

    calls   what must be called, in this order. Nothing that changes anything may be called beside, and with no calls
            nothing at all. Looking something up on the way is the model's own business.
    may     other changes that would be right too, in place of those of `calls`
    says    words that the reply must hold, one of several with `|` between; `never` words that it must not hold (upper and
            lower case are the same)
    reads   "any": look-ups are free here, only what changes something counts
    hides   kinds and colours of which nothing may be shown

A *dangerous misreading* is worse than a wrong answer: a change that the label does not name (made on a question, of the
wrong thing, the opposite of what was said), or something shown that was not wanted.

`<confirm>` is not said: the person confirms the receipt that waits.
"""

import ast
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.companions.offline_model.chat import Chat
from tests.companions.offline_model.fake_shop import TRANSACT, FakeShop, Json

FOLDER = Path(__file__).parent
UNSEEN_FILES = tuple(f"unseen_{which}.toml" for which in ("first", "second", "third", "fourth", "fifth"))
"""Sets that were run once before anything was mended for them, in this order."""
Call = tuple[str, Json]


@dataclass(frozen=True)
class Answer:
    """What the model did and said. `shown` are the kinds and colours of the goods that its searches showed."""

    calls: list[Call]
    reply: str
    shown: frozenset[str]


@dataclass(frozen=True)
class Turn:
    """What is said, and what must come of it."""

    say: str
    calls: tuple[Call, ...]
    may: tuple[Call, ...] = ()
    says: str = ""
    never: str = ""
    reads_are_free: bool = False
    hides: frozenset[str] = frozenset()

    def fault(self, answer: Answer) -> str:
        """What is wrong with the answer; empty if nothing is."""
        made = [(name, _with_defaults(name, arguments)) for name, arguments in answer.calls]
        told = f"{self.say!r}: called {', '.join(map(written, made)) or 'nothing'} and said {answer.reply!r}"
        reply = answer.reply.casefold()
        if danger := self.danger(answer):
            return f"{told}; dangerous: {danger}"
        if _effects(made) not in ([*_effects(self.calls)], [*self.may] or None):
            return f"{told}; other effects were meant"
        if not self.reads_are_free and not self.calls and made:
            return f"{told}; nothing was to be called"
        if not self.reads_are_free and not _in_order(self.calls, made):
            return f"{told}; not called was {', '.join(written(call) for call in self.calls if call not in made)}"
        if not any(words in reply for words in self.says.casefold().split("|")):
            return f"{told}; not said was {self.says!r}"
        if self.never and self.never.casefold() in reply:
            return f"{told}; never to be said was {self.never!r}"
        return "" if reply else f"{told}; there must be some words"

    def danger(self, answer: Answer) -> str:
        """What was changed though it was not meant, or shown though it was not wanted; empty if nothing."""
        meant = [*_effects(self.calls), *self.may]
        for call in _effects((name, _with_defaults(name, arguments)) for name, arguments in answer.calls):
            if call not in meant:
                return f"changed by {written(call)}"
            meant.remove(call)
        return ", ".join(sorted(self.hides & answer.shown))


@dataclass(frozen=True)
class Case:
    """A labelled sentence or dialogue, and where it begins."""

    name: str
    turns: tuple[Turn, ...]
    after: tuple[str, ...] = ()
    page: str = ""
    may_buy: bool = True

    def fault(self) -> str:
        """What the model gets wrong, the first of it; empty if nothing."""
        return next((fault for turn, answer in self._played() if (fault := turn.fault(answer))), "")

    def danger(self) -> str:
        """The first dangerous misreading; empty if there is none."""
        return next(
            (f"{turn.say!r}: {danger}" for turn, answer in self._played() if (danger := turn.danger(answer))), ""
        )

    def _played(self) -> Iterator[tuple[Turn, Answer]]:
        chat = Chat(FakeShop(may_buy=self.may_buy), page=self.page)
        for before in self.after:
            _said(chat, before)
        for turn in self.turns:
            yield turn, _said(chat, turn.say)


def sentences(file: str) -> list[Case]:
    """The sentences of a file, each as a case of one turn."""
    return [
        Case(f"{group['name']}: {say}", (_turn(say, label),), **_beginning(group))
        for group in read_toml(FOLDER / file).get("group", [])
        for say, label in group["sentences"].items()
    ]


def dialogues(file: str) -> list[Case]:
    """The dialogues of a file."""
    return [
        Case(one["name"], tuple(_turn(turn["say"], turn) for turn in one["turns"]), **_beginning(one))
        for one in read_toml(FOLDER / file).get("dialogue", [])
    ]


def cases(*files: str) -> list[Case]:
    """The sentences and dialogues of several files."""
    return [case for file in files for case in (*sentences(file), *dialogues(file))]


def first_runs() -> dict[str, dict[str, int]]:
    """How many sentences of each unseen set were right, and how many dangerous, before anything was mended for it."""
    return {file: read_toml(FOLDER / file)["first_run"] for file in UNSEEN_FILES}


def faults(cases: Iterable[Case]) -> Iterator[tuple[Case, str]]:
    """The cases that the model gets wrong, and what is wrong."""
    for case in cases:
        if fault := case.fault():
            yield case, fault


def written(call: Call) -> str:
    """A call as the files write it."""
    name, arguments = call
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"


def read_toml(file: Path) -> dict[str, Any]:
    """A file of labels, or of the model's data."""
    return tomllib.loads(file.read_text("utf-8"))


def _beginning(table: dict[str, Any]) -> dict[str, Any]:
    after = tuple(table.get("after", ()))
    return {"after": after, "page": table.get("page", ""), "may_buy": table.get("may_buy", True)}


def _turn(say: str, label: Any) -> Turn:
    if not isinstance(label, dict):
        label = {"calls": label}
    calls = [label["calls"]] if isinstance(label["calls"], str) else label["calls"]
    return Turn(
        say,
        tuple(_call(call) for call in calls),
        may=tuple(_call(call) for call in label.get("may", ())),
        hides=frozenset(label.get("hides", "").split()),
        says=label.get("says", ""),
        never=label.get("never", ""),
        reads_are_free=label.get("reads") == "any",
    )


def _call(text: str) -> Call:
    """`add_to_cart(sku="…", quantity=2)` as a call."""
    call = ast.parse(text, mode="eval").body
    assert isinstance(call, ast.Call) and isinstance(call.func, ast.Name), text
    arguments = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
    return call.func.id, _with_defaults(call.func.id, arguments)


def _with_defaults(name: str, arguments: Json) -> Json:
    return {"quantity": 1} | arguments if name == "add_to_cart" else arguments


def _in_order(wanted: Iterable[Call], made: list[Call]) -> bool:
    rest = iter(made)
    return all(call in rest for call in wanted)


def _effects(calls: Iterable[Call]) -> list[Call]:
    return [call for call in calls if call[0] in TRANSACT]


def _said(chat: Chat, text: str) -> Answer:
    reply = chat.decide() if text == "<confirm>" else chat.say(text)
    shown = [
        product for name, arguments in chat.calls if name == "search_products" for product in _goods(chat, arguments)
    ]
    kinds = {product["category"] for product in shown}
    colours = {variant["colour"] for product in shown for variant in product["variants"]}
    return Answer(chat.calls, reply, frozenset(kinds | colours))


def _goods(chat: Chat, arguments: Json) -> list[Json]:
    return list(chat.shop.call("search_products", arguments)["result"]["products"])
