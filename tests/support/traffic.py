"""Assistants that call without pause: `with traffic(url, at, principals, processes=2, threads=4) as seen: …`.

Each thread makes reads and writes through the gateway of its process, as fast as it can. When told to stop it reports when
each call that was let through began and ended. The clock is `time.monotonic`, which all processes of a machine share.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from shop.authorization.policy import Policy
from shop.conversations.external import HostConversation
from shop.conversations.models import Source
from shop.database import Database
from shop.principal import Actor, Principal
from shop.settings import ROOT
from shop.tools.gateway import Gateway

SKU = "long-context-hoodie-black-l"
_CALLS: tuple[tuple[str, dict[str, object]], ...] = (
    ("view_cart", {}),
    ("add_to_cart", {"sku": SKU}),
    ("view_cart", {}),
    ("update_cart", {"sku": SKU, "quantity": 1}),
)
_WARM = 3
"""How many calls each thread has had let through before its process says that it is ready."""


@dataclass
class Traffic:
    """What came of the calls, once the callers were stopped."""

    accepted: list[tuple[float, float]] = field(default_factory=list)
    """(began, ended) of each call that was let through."""
    refused: int = 0

    def begun_after(self, moment: float) -> int:
        """How many calls that began after a moment were let through."""
        return sum(began > moment for began, _ in self.accepted)

    def ended_between(self, start: float, end: float) -> int:
        """How many calls that were let through ended between two moments."""
        return sum(start < ended <= end for _, ended in self.accepted)


class Callers:
    """Threads that call without pause, each as one of some principals and in a conversation of its own."""

    def __init__(self, gateway: Gateway, principals: Sequence[Principal], threads: int) -> None:
        """Returns when each of them is at it."""
        self._gateway, self._principals, self._seen = gateway, principals, Traffic()
        self._stopped, self._warm = threading.Event(), threading.Barrier(threads + 1)
        self._threads = [threading.Thread(target=self._call, args=(at,), daemon=True) for at in range(threads)]
        for thread in self._threads:
            thread.start()
        self._warm.wait()

    def stop(self) -> Traffic:
        """Have each make one more call, which meets whatever was done until now. Returns what came of all calls."""
        self._stopped.set()
        for thread in self._threads:
            thread.join(30)
        return self._seen

    def _call(self, at: int) -> None:
        principal, number = self._principals[at % len(self._principals)], 0
        of_host = HostConversation(source=Source.HOST_ASSERTED, identifier=f"thread-{at}")
        conversation = principal.conversation if principal.delegation else of_host
        is_last = False
        while not is_last:
            is_last = self._stopped.is_set()
            name, arguments = _CALLS[number % len(_CALLS)]
            began = time.monotonic()
            outcome = self._gateway.call_tool(principal, conversation, name, arguments)
            if outcome.kind == "succeeded":
                self._seen.accepted.append((began, time.monotonic()))
            else:
                self._seen.refused += 1
            number += 1
            if number == _WARM:
                self._warm.wait()


@contextmanager
def traffic_here(gateway: Gateway, principals: Sequence[Principal], *, threads: int) -> Iterator[Traffic]:
    """Calls of these principals in this process, until the block ends: SQLite's writers queue in one process."""
    seen = Traffic()
    callers = Callers(gateway, principals, threads)
    try:
        yield seen
    finally:
        told = callers.stop()
        seen.accepted, seen.refused = told.accepted, told.refused


@contextmanager
def traffic(
    url: str, at: datetime, principals: Sequence[Principal], *, processes: int, threads: int
) -> Iterator[Traffic]:
    """Calls of these principals in processes of their own, until the block ends; it begins when all of them are at it."""
    order = json.dumps(
        {"url": url, "at": at.isoformat(), "principals": [_as_json(one) for one in principals], "threads": threads}
    )
    running = [_start(order) for _ in range(processes)]
    seen = Traffic()
    try:
        for process in running:
            assert process.stdout and process.stdout.readline() == "ready\n"
        yield seen
    finally:
        for process in running:
            report, _ = process.communicate("stop\n", timeout=60)
            if process.returncode == 0:
                told = json.loads(report)
                seen.accepted += [(began, ended) for began, ended in told["accepted"]]
                seen.refused += told["refused"]
    assert all(process.returncode == 0 for process in running)


def _start(order: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.traffic"],
        cwd=ROOT,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin
    process.stdin.write(order + "\n")
    process.stdin.flush()
    return process


def _as_json(principal: Principal) -> dict[str, object]:
    return {name: sorted(value) if isinstance(value, frozenset) else value for name, value in asdict(principal).items()}


def _principal(told: dict[str, Any]) -> Principal:
    sets = {name: frozenset(told[name]) for name in ("roles", "scopes", "ceiling")}
    return Principal(**{**told, **sets, "actor": Actor(**told["actor"]) if told["actor"] else None})


def main() -> None:
    """One process of callers: its order is the first line that it reads, and the second tells it to stop."""
    order = json.loads(sys.stdin.readline())
    database = Database(order["url"], clock=lambda: datetime.fromisoformat(order["at"]), threads=order["threads"])
    policy = Policy.from_file(ROOT / "seed_data" / "policy" / "policy.csv")
    gateway = Gateway(database, policy, receipt_lifetime=timedelta(minutes=10))
    callers = Callers(gateway, [_principal(one) for one in order["principals"]], order["threads"])
    print("ready", flush=True)
    sys.stdin.readline()
    seen = callers.stop()
    print(json.dumps({"accepted": seen.accepted, "refused": seen.refused}))


if __name__ == "__main__":
    main()
