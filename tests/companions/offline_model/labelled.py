"""Labelled sentences and dialogues: what a person says, and the calls and words that must come of it.

The files beside this one hold them. A *sentence* is said once, after what its group says was said before, or on a page of
the shop; a *dialogue* is a few turns, each labelled. A label is either the calls, or a table:

    calls   what must be called, in this order. Nothing that changes anything may be called beside, and with no calls
            nothing at all. Looking something up on the way is the model's own business.
    says    words that the reply must hold; `never` words that it must not hold (upper and lower case are the same)
    reads   "any": look-ups are free here, only what changes something counts

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
Call = tuple[str, Json]


@dataclass(frozen=True)
class Turn:
    """What is said, and what must come of it."""

    say: str
    calls: tuple[Call, ...]
    says: str = ""
    never: str = ""
    reads_are_free: bool = False

    def fault(self, calls: list[Call], reply: str) -> str:
        """What is wrong with these calls and this reply; empty if nothing is."""
        made = [(name, _with_defaults(name, arguments)) for name, arguments in calls]
        told = f"{self.say!r}: called {', '.join(map(written, calls)) or 'nothing'} and said {reply!r}"
        if [call for call in made if call[0] in TRANSACT] != [call for call in self.calls if call[0] in TRANSACT]:
            return f"{told}; other effects were meant"
        if not self.reads_are_free and not self.calls and made:
            return f"{told}; nothing was to be called"
        if not self.reads_are_free and not _in_order(self.calls, made):
            return f"{told}; not called was {', '.join(written(call) for call in self.calls if call not in made)}"
        if self.says.casefold() not in reply.casefold():
            return f"{told}; not said was {self.says!r}"
        if self.never and self.never.casefold() in reply.casefold():
            return f"{told}; never to be said was {self.never!r}"
        return "" if reply else f"{told}; there must be some words"


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
        chat = Chat(FakeShop(may_buy=self.may_buy), page=self.page)
        for before in self.after:
            _said(chat, before)
        for turn in self.turns:
            if fault := turn.fault(*_said(chat, turn.say)):
                return fault
        return ""


def sentences(file: str) -> list[Case]:
    """The sentences of a file, each as a case of one turn."""
    return [
        Case(f"{group['name']}: {say}", (_turn(say, label),), **_beginning(group))
        for group in _read(file).get("group", [])
        for say, label in group["sentences"].items()
    ]


def dialogues(file: str) -> list[Case]:
    """The dialogues of a file."""
    return [
        Case(one["name"], tuple(_turn(turn["say"], turn) for turn in one["turns"]), **_beginning(one))
        for one in _read(file).get("dialogue", [])
    ]


def faults(cases: Iterable[Case]) -> Iterator[tuple[Case, str]]:
    """The cases that the model gets wrong, and what is wrong."""
    for case in cases:
        if fault := case.fault():
            yield case, fault


def written(call: Call) -> str:
    """A call as the files write it."""
    name, arguments = call
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"


def _read(file: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / file).read_text("utf-8"))


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


def _said(chat: Chat, text: str) -> tuple[list[Call], str]:
    reply = chat.decide() if text == "<confirm>" else chat.say(text)
    return chat.calls, reply
