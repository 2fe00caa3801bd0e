"""A bound on open streams. Each holds a thread of the server, and the bound keeps threads in reserve for other requests."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

from shop.principal import Principal


class StreamSlots:
    """At most so many at once, in all and for each person, in this process."""

    def __init__(self, *, all_together: int, each: int) -> None:
        self._most, self._each = all_together, each
        self._taken: Counter[tuple[str, str]] = Counter()
        self._guard = threading.Lock()

    def enter(self, person: Principal) -> Callable[[], None] | None:
        """Take a place. Returns the function that gives it back (a second call does nothing); None when there is none left."""
        who = (person.organization, person.subject)
        with self._guard:
            if self._taken.total() >= self._most or self._taken[who] >= self._each:
                return None
            self._taken[who] += 1
        left = threading.Event()

        def leave() -> None:
            with self._guard:
                if not left.is_set():
                    left.set()
                    self._taken -= Counter([who])

        return leave
