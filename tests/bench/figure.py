"""One measured figure and its goal, and how two things are timed against each other."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Figure:
    """A figure; it holds when it is at most its goal, or at least, where more is better. One without a goal is only told."""

    name: str
    value: float
    goal: float | None
    unit: str
    how: str
    at_least: bool = False
    holds: bool = field(init=False)

    def __post_init__(self) -> None:
        self.value = round(self.value, 2)
        self.holds = self.goal is None or (self.value >= self.goal if self.at_least else self.value <= self.goal)

    def row(self) -> str:
        """The figure as a row of the table in docs/benchmarks.md."""
        unit = self.unit if self.unit == "×" else f" {self.unit}"
        relation = "≥ " if self.at_least else "≤ " if self.unit == "×" else ""
        shown = f"{self.value:g}{unit}"
        if self.goal is None:
            return f"| {self.name} | {shown} | none | | {self.how} |"
        goal = f"{relation}{self.goal:g}{unit}"
        return f"| {self.name} | {shown} | {goal} | {'yes' if self.holds else 'no'} | {self.how} |"


def timed(run: Callable[[], object]) -> Callable[[], float]:
    """Seconds that one run of something takes."""

    def measure() -> float:
        start = time.perf_counter()
        run()
        return time.perf_counter() - start

    return measure


def medians(first: Callable[[], float], second: Callable[[], float], *, rounds: int) -> tuple[float, float]:
    """Median of the seconds that two things measure, in turns, so that whatever else the machine does meets both alike."""
    for warm_up in (first, second):
        for _ in range(max(3, rounds // 20)):
            warm_up()
    pairs = [(first(), second()) for _ in range(rounds)]
    return statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs)
