"""How much of what people say the offline model understands, and what a turn of it costs beside the bare wire."""

from __future__ import annotations

from itertools import count, cycle, pairwise
from typing import Any
from unittest.mock import patch

import httpx2

from shop.companions.offline_model import create_wsgi_app, wire
from tests.bench.figure import Figure, medians, timed
from tests.companions.offline_model.chat import ChatOverTheWire
from tests.companions.offline_model.fake_shop import FakeShop
from tests.companions.offline_model.labelled import UNSEEN_FILES, Case, cases, dialogues, faults, first_runs, sentences

_HELD_OUT = ("held_out.toml", "held_out_again.toml", "held_out_third.toml", "held_out_fourth.toml")


def understood_as_labelled() -> Figure:
    """The share of the labelled sentences and dialogues that lead to the labelled calls."""
    labelled = [*sentences("sentences.toml"), *dialogues("dialogues.toml")]
    return _accuracy("offline model: labelled ones understood", labelled, 98)


def understood_unseen() -> Figure:
    """The same of those that no rule was made for."""
    return _accuracy("offline model: held-out ones understood", cases(*_HELD_OUT), 90)


def understood_at_first_sight() -> Figure:
    """The share of the newest set of unseen sentences that was right in its first run, as it was written down then."""
    runs = first_runs()
    newest = list(runs.values())[-1]
    told = ", ".join(f"{run['right']} of {run['of']}" for run in runs.values())
    how = f"each set written in one go by the author of the rules, run once, then mended for: {told}; recorded, not measured anew"
    return Figure(
        "offline model: unseen ones, first run", 100 * newest["right"] / newest["of"], 90, "%", how, at_least=True
    )


def dangerous_misreadings() -> Figure:
    """On how many sentences of all sets something is changed that was not meant, or shown that was not wanted."""
    every = cases("sentences.toml", "dialogues.toml", "odd.toml", *_HELD_OUT, *UNSEEN_FILES)
    found = sum(bool(case.danger()) for case in every)
    first = ", ".join(str(run["dangerous"]) for run in first_runs().values())
    how = f"of {len(every)} sentences and dialogues; in the first runs of the unseen sets: {first}"
    return Figure("offline model: dangerous misreadings", found, 0, "", how)


def turn_of_the_offline_model(rounds: int = 300) -> Figure:
    """A turn of a dialogue over the model's wire, against the same requests answered with canned sentences and calls.

    The message of each turn is one that the process has not read before, as in life.
    """
    chat = _Recorded(FakeShop())
    for text in (
        "black hoodies under 60, in L",
        "add the second one",
        "make it two",
        "what's in my cart?",
        "check out",
    ):
        chat.say(text)
    turns = [(chat.requests[first:last], chat.answers[first:last]) for first, last in pairwise(chat.begins)]
    each, blanks = cycle(turns), count(1)
    with httpx2.Client(
        transport=httpx2.WSGITransport(app=create_wsgi_app()), base_url="http://model.invalid"
    ) as client:

        def thinking() -> None:
            _ask(client, next(each)[0], " " * next(blanks))

        def canned() -> None:
            requests, answers = next(each)
            replies = iter(answers)
            with patch.object(wire, "decide", lambda items, tools: next(replies)):
                _ask(client, requests, " " * next(blanks))

        bare, real = medians(timed(canned), timed(thinking), rounds=rounds)
    how = f"five turns of a dialogue, streamed, in this process, without the SDK: {real * 1e3:.1f} ms, the same requests with canned answers {bare * 1e3:.1f} ms; medians of {rounds} in turns"
    return Figure("offline model: a turn", real / bare, 3, "×", how)


class _Recorded(ChatOverTheWire):
    """Keeps what it sent and got, and where each turn began."""

    def __init__(self, shop: FakeShop) -> None:
        super().__init__(shop)
        self.requests: list[dict[str, Any]] = []
        self.answers: list[Any] = []
        self.begins = [0]

    def say(self, text: str) -> str:
        said = super().say(text)
        self.begins.append(len(self.requests))
        return said

    def _next_step(self) -> Any:
        step = super()._next_step()
        self.requests.append({"model": "offline-1", "stream": True, "input": list(self.items), "tools": self.tools})
        self.answers.append(step)
        return step


def _ask(client: httpx2.Client, requests: list[dict[str, Any]], blanks: str) -> None:
    """Send the requests of a turn, its message with `blanks` behind it, and read each answer's stream to its end."""
    for request in requests:
        items = list(request["input"])
        place = max(place for place, item in enumerate(items) if item.get("role") == "user")
        items[place] = items[place] | {"content": items[place]["content"] + blanks}
        response = client.post("/v1/responses", json=request | {"input": items})
        if response.status_code != 200 or "response.completed" not in response.text:
            raise RuntimeError(response.text)


def _accuracy(name: str, said: list[Case], goal: float) -> Figure:
    wrong = [case.name for case, _ in faults(said)]
    how = f"{len(said) - len(wrong)} of {len(said)} lead to the expected calls and words"
    return Figure(name, 100 * (1 - len(wrong) / len(said)), goal, "%", how, at_least=True)
