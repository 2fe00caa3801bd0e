"""Which functions of the shop a trip passes, seen while it is played: in the order of their calls, in all threads of the process."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from shop.settings import ROOT

_SHOP = f"{ROOT}/shop/"


@dataclass(frozen=True)
class Seen:
    """One call of a function of the shop."""

    name: str
    """`shop/file.py:function`, a method with its class; of a function in a function only the inner one's name."""
    callers: tuple[str, ...]
    """The files of the shop's functions that wait for it in its thread, the outermost first: those that began in the trip."""
    thread: int


@dataclass
class Trace:
    """The calls of the shop's own functions while it is on."""

    calls: list[Seen] = field(default_factory=list)
    is_on: bool = False
    _waiting: threading.local = field(default_factory=threading.local)

    @contextmanager
    def recording(self) -> Iterator[Trace]:
        """Record the calls that begin in this block, whichever thread they are in."""
        self.is_on = True
        try:
            yield self
        finally:
            self.is_on = False

    def note(self, frame: FrameType, event: str, _argument: Any) -> None:
        """The profile function: the interpreter calls it at each call and each return of a thread, in that thread."""
        code = frame.f_code
        if not code.co_filename.startswith(_SHOP):
            return
        stack: list[tuple[int, str]] = self._waiting.__dict__.setdefault("stack", [])
        if event == "call" and self.is_on:
            path = f"shop/{code.co_filename.removeprefix(_SHOP)}"
            name = f"{path}:{code.co_qualname.rpartition('<locals>.')[2]}"
            self.calls.append(Seen(name, tuple(file for _, file in stack), threading.get_ident()))
            stack.append((id(frame), path))
        elif event == "return" and stack and stack[-1][0] == id(frame):
            stack.pop()


@contextmanager
def traced() -> Iterator[Trace]:
    """A trace that sees this thread, and all threads that begin in this block."""
    trace, before = Trace(), sys.getprofile()
    threading.setprofile(trace.note)
    sys.setprofile(trace.note)
    try:
        yield trace
    finally:
        sys.setprofile(before)
        threading.setprofile(None)


def passed(calls: list[Seen], listed: list[str]) -> list[Seen]:
    """The first call of each listed function after that of the one before it. A trip that was handed to another thread goes on
    there. Raises `AssertionError` at a function that was not called.
    """
    found: list[Seen] = []
    left: set[int] = set()
    rest = iter(calls)
    for name in listed:
        step = next((call for call in rest if call.name == name and call.thread not in left), None)
        assert step, f"{name} was not called after {found[-1].name if found else 'the beginning'}"
        if found and found[-1].thread != step.thread:
            left.add(found[-1].thread)
        found.append(step)
    return found
