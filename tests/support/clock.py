"""A clock that the test owns."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class TestClock:
    """Begins now, as browsers and keys live in real time; each reading is a millisecond later, so that order shows."""

    __test__ = False

    def __init__(self) -> None:
        self.now = datetime.now(UTC).replace(microsecond=0)

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def pass_by(self, **duration: float) -> None:
        """Let time pass: `clock.pass_by(minutes=11)`."""
        self.now += timedelta(**duration)
