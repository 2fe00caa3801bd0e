"""Assistants that call without pause: `with traffic(url, at, principals, processes=2, threads=4) as seen: …`.

Each thread makes reads and writes through the gateway of its process, as fast as it can. When told to stop it reports when
each call that was let through began and ended. The clock is `time.monotonic`, which all processes of a machine share.
"""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from multiprocessing.connection import Connection

from shop.authorization.policy import Policy
from shop.conversations.external import HostConversation
from shop.conversations.models import Source
from shop.database import Database
from shop.principal import Principal
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
    running = [_Process(url, at, principals, threads) for _ in range(processes)]
    seen = Traffic()
    try:
        for process in running:
            process.wait_until_ready()
        yield seen
    finally:
        for told in [process.stop() for process in running]:
            seen.accepted += told.accepted
            seen.refused += told.refused


class _Process:
    """A process of callers, forked from a server that has imported everything: starting an interpreter takes seconds."""

    def __init__(self, url: str, at: datetime, principals: Sequence[Principal], threads: int) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__])
        self._ours, theirs = context.Pipe()
        self._process = context.Process(
            target=_calls_until_told, args=(theirs, url, at, principals, threads), daemon=True
        )
        self._process.start()
        theirs.close()

    def wait_until_ready(self) -> None:
        assert self._ours.recv() == "ready"

    def stop(self) -> Traffic:
        self._ours.send("stop")
        told: Traffic = self._ours.recv()
        self._process.join(60)
        assert self._process.exitcode == 0
        return told


def _calls_until_told(told: Connection, url: str, at: datetime, principals: Sequence[Principal], threads: int) -> None:
    database = Database(url, clock=lambda: at, threads=threads)
    policy = Policy.from_file(ROOT / "seed_data" / "policy" / "policy.csv")
    callers = Callers(Gateway(database, policy, receipt_lifetime=timedelta(minutes=10)), principals, threads)
    told.send("ready")
    told.recv()
    told.send(callers.stop())
