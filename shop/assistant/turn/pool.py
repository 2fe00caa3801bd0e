"""Where turns run: threads of their own, so many at most, so that no turn takes a thread that serves requests.

A thread ends with its turn. There is no queue: a turn that finds no thread is refused before anything is stored
(`TurnOpening.transaction`), because a person who waits in silence presses the button again.
"""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from collections.abc import Callable
from contextvars import copy_context

_CLOSING_SECONDS = 2.0
"""How long the program's end waits for turns to come to theirs."""


class TurnPool:
    """The running turns of one process."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._running: set[str] = set()
        self._changed = threading.Condition()
        self.closing = threading.Event()
        """Set when the program ends: running turns end at the next sign of life of their model."""
        _pools.add(self)

    @property
    def is_full(self) -> bool:
        """Whether no turn can begin here now."""
        with self._changed:
            return self._is_full()

    def start(self, turn_id: str, work: Callable[[], object]) -> bool:
        """Run a turn from now on, in the context of the caller. Returns False when no thread is left for it."""
        with self._changed:
            if self._is_full():
                return False
            self._running.add(turn_id)

        def run() -> None:
            try:
                work()
            finally:
                self._leave(turn_id)

        try:
            threading.Thread(target=copy_context().run, args=(run,), name=turn_id, daemon=True).start()
        except RuntimeError:  # the operating system gives no more threads
            self._leave(turn_id)
            return False
        return True

    def close(self, patience: float = _CLOSING_SECONDS) -> None:
        """Take no more turns, end those that run, and wait so many seconds at most until their ends are stored.

        A turn that is still not over shows as interrupted later, as one does whose process was killed.
        """
        self.closing.set()
        with self._changed:
            self._changed.wait_for(lambda: not self._running, timeout=patience)

    def _is_full(self) -> bool:
        return self.closing.is_set() or len(self._running) >= self._size

    def _leave(self, turn_id: str) -> None:
        with self._changed:
            self._running.discard(turn_id)
            self._changed.notify_all()


_pools: weakref.WeakSet[TurnPool] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """The end of the program, where no server closed the pool before."""
    deadline = time.monotonic() + _CLOSING_SECONDS
    for pool in _pools:
        pool.closing.set()
    for pool in list(_pools):
        pool.close(max(0.0, deadline - time.monotonic()))
