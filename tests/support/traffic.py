"""Assistants that call without pause, in processes of their own: `with traffic(shop, principals) as callers: …`.

Each thread makes reads and writes through a gateway of its own process, as fast as it can. When told to stop it reports when
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
from shop.conversations.external import Asserted
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


@contextmanager
def traffic(
    url: str, at: datetime, principals: Sequence[Principal], *, processes: int, threads: int
) -> Iterator[Traffic]:
    """Calls of these principals, in turns, until the block ends; the block begins when all of them are at it."""
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
    principals = [_principal(one) for one in order["principals"]]
    seen, stopped, warm = Traffic(), threading.Event(), threading.Barrier(order["threads"] + 1)

    def call(at: int) -> None:
        principal, number = principals[at % len(principals)], 0
        of_host = Asserted(source=Source.HOST_ASSERTED, identifier=f"thread-{at}")
        conversation = principal.conversation if principal.delegation else of_host
        is_last = False
        while not is_last:
            is_last = stopped.is_set()  # one more call after the word to stop: it meets whatever was done until then
            name, arguments = _CALLS[number % len(_CALLS)]
            began = time.monotonic()
            outcome = gateway.call_tool(principal, conversation, name, arguments)
            if outcome.kind == "succeeded":
                seen.accepted.append((began, time.monotonic()))
            else:
                seen.refused += 1
            number += 1
            if number == _WARM:
                warm.wait()

    threads = [threading.Thread(target=call, args=(at,), daemon=True) for at in range(order["threads"])]
    for thread in threads:
        thread.start()
    warm.wait()
    print("ready", flush=True)
    sys.stdin.readline()
    stopped.set()
    for thread in threads:
        thread.join(30)
    print(json.dumps({"accepted": seen.accepted, "refused": seen.refused}))


if __name__ == "__main__":
    main()
