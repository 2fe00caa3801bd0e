"""A queue between the thread that runs a turn and the one that shows it, with one slot for each item of the turn.

A newer state of an item replaces the one that waits. So the writer never waits for the reader, and a reader that never reads
costs one slot for each item.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

from shop.assistant.turn.loop import Progress, TurnEnded


class Channel:
    """The steps of one turn that its reader has not taken yet. One thread puts, one takes."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._slots: dict[str, Progress] = {}
        self._has_ended = False

    def put(self, step: Progress) -> None:
        """Something is new. It takes the place of what was waiting for the same item."""
        with self._changed:
            if isinstance(step, TurnEnded):
                self._has_ended = True
            else:
                self._slots[step.item_id] = step
            self._changed.notify()

    def end(self) -> None:
        """Nothing more comes, however the turn ended."""
        self.put(TurnEnded())

    def take(self, timeout: float | None) -> list[Progress]:
        """What is new, in the order in which the items began; waits for it so many seconds at most, and not after the end."""
        with self._changed:
            if not self._slots and not self._has_ended:
                self._changed.wait(timeout)
            steps, self._slots = list(self._slots.values()), {}
            return steps

    @property
    def is_over(self) -> bool:
        """Whether the turn has ended and all of it was taken."""
        with self._changed:
            return self._has_ended and not self._slots

    @property
    def waiting(self) -> int:
        """How many items wait to be taken."""
        with self._changed:
            return len(self._slots)

    def __iter__(self) -> Iterator[Progress]:
        """All that comes, until the end."""
        while not self.is_over:
            yield from self.take(None)
