"""How often a growing text is passed on, to a page or to the database, so that the sum of it grows as the text does.

Passing on the whole text with each word costs the square of its length: 20 kB in 4,000 pieces sent 40 MB.
"""

from __future__ import annotations

_SHARE = 8
"""A state is passed on again when an eighth of it is new: in all that is at most nine times the text …"""

_PER_SECOND = 2_000
"""… and, so that nobody waits long where a model is slow and its text is long, this many characters for each second."""


class Pace:
    """Of one growing text. Times are seconds of a clock that only goes forward."""

    def __init__(self, every: float) -> None:
        self._every = every
        self._length, self._at = 0, float("-inf")

    def is_due(self, cost: int, length: int, now: float) -> bool:
        """Whether a text that has this length now is worth passing on, of which `cost` characters have to be passed on."""
        new, waited = length - self._length, now - self._at
        if not new or waited < self._every:
            return False
        return new * _SHARE >= cost or waited * _PER_SECOND >= cost

    def passed_on(self, length: int, now: float) -> None:
        """It was passed on, up to this length."""
        self._length, self._at = length, now
