"""A model that says what a test wrote, and waits where the test put a gate."""

from __future__ import annotations

import contextvars
import copy
import re
import threading
from collections.abc import Generator, Iterator
from typing import Any

from shop.assistant.model.client import Model
from shop.assistant.model.response_events import ProposedCall, TextDelta, Thinking
from shop.settings import Settings
from tests.support.people import Visitor

PATIENCE = 10.0
"""Seconds after which a wait that no test means to be long is a failure."""


class Gate:
    """A place in an answer where the model waits until the test lets it go on."""

    def __init__(self) -> None:
        self._reached, self._opened = threading.Event(), threading.Event()

    def wait_until_reached(self) -> None:
        """Wait for the model to come here."""
        assert self._reached.wait(PATIENCE), "the model never came to the gate"

    def open(self) -> None:
        """Let the model go on."""
        self._opened.set()

    def pass_through(self) -> None:
        """Wait, as the model."""
        self._reached.set()
        assert self._opened.wait(PATIENCE), "nobody opened the gate"


Step = TextDelta | ProposedCall | Thinking | Gate


class ScriptedModel(Model):
    """Gives the scripted answers one after the other, the last one for ever, and keeps what it was sent."""

    def __init__(self, *answers: list[Step]) -> None:
        super().__init__(Settings())
        self._answers = list(answers)
        self.received: list[list[dict[str, Any]]] = []

    def stream(self, items: list[dict[str, Any]]) -> Generator[TextDelta | ProposedCall | Thinking]:
        """One answer."""
        self.received.append(copy.deepcopy(items))
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        for step in answer:
            if isinstance(step, Gate):
                step.pass_through()
            else:
                yield step


def text(*words: str) -> list[Step]:
    """Some text, a word at a time."""
    return [TextDelta(word) for word in words]


def call(name: str, arguments: str = "{}") -> ProposedCall:
    """A proposed call."""
    return ProposedCall("call_1", name, arguments)


class OpenStream:
    """An answer's stream whose connection a test holds: it reads on, or hangs up, when it wants to."""

    def __init__(self, visitor: Visitor, message: str) -> None:
        path = f"/assistant/{visitor.conversation}/messages" if visitor.conversation else "/assistant/"
        # The open stream keeps its request's context; other requests of this thread must not find it.
        self._context = contextvars.Context()
        self._response = self._context.run(visitor.post, path, message=message)
        assert self._response.status_code == 200, self._response.text
        self._chunks: Iterator[bytes] = iter(self._response.iter_encoded())
        self.html = ""
        started = self.read_until("<footer")
        named = re.search(r'"href": "/assistant/([^"]+)"', started)
        visitor.conversation = named.group(1) if named else visitor.conversation
        self.turn = visitor.turns()[-1].id

    def read_until(self, text: str) -> str:
        """Read on until this has come. Returns all that came so far."""
        while text not in self.html:
            self.html += self._context.run(next, self._chunks).decode()
        return self.html

    def read_to_the_end(self) -> str:
        """Read on until the turn has ended. Returns all that came."""
        self.html += self._context.run(b"".join, self._chunks).decode()
        end_of_turn(self.turn)
        return self.html

    def hang_up(self) -> None:
        """Close the connection early, as a browser does whose tab is closed."""
        self._context.run(self._response.close)


def end_of_all_turns() -> None:
    """Wait for all threads that run turns, so that none outlives its test."""
    for thread in threading.enumerate():
        if thread.name.startswith("trn_"):
            end_of_turn(thread.name)


def end_of_turn(turn_id: str) -> None:
    """Wait for the thread that runs a turn to come to its end."""
    for thread in threading.enumerate():
        if thread.name == turn_id:
            thread.join(PATIENCE)
            assert not thread.is_alive(), "the turn never ended"
