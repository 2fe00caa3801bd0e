"""When a growing text is passed on to a page or to the database, so that all that is passed on is linear in its length.

Passing on the whole text with each word costs the square of its length: 20 kB in 4,000 pieces sent 40 MB.
"""

from __future__ import annotations

_SHARE = 8
"""A text is passed on again when an eighth of it is new. The sum of all that is passed on is then at most nine times the text."""

_PER_SECOND = 2_000
"""Characters. A text is also passed on again when it has no more than this many for each second since the last time: a slow model
with a long text would otherwise leave its reader waiting."""


class Pace:
    """The pace of one growing text. Times are seconds of a monotonic clock."""

    def __init__(self, every: float) -> None:
        self._every = every
        self._length, self._at = 0, float("-inf")

    def is_due(self, cost: int, length: int, now: float) -> bool:
        """Whether to pass the text on now. `length` is its length in characters, `cost` how many of them would be passed on."""
        new, waited = length - self._length, now - self._at
        if not new or waited < self._every:
            return False
        return new * _SHARE >= cost or waited * _PER_SECOND >= cost

    def passed_on(self, length: int, now: float) -> None:
        """It was passed on, up to this length."""
        self._length, self._at = length, now
