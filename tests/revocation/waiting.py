"""Holding a call open between its liveness check and its effect, and seeing who waits for whom."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from sqlalchemy import text

from shop.authorization.conditions import Resource
from shop.authorization.decisions import Decision
from shop.authorization.permissions import Permission
from shop.authorization.policy import Policy
from shop.principal import Principal
from tests.support.people import ShopUnderTest

T = TypeVar("T")
PATIENCE = 20.0
"""Seconds after which a test gives up; nothing waits that long unless it hangs."""


class HeldPolicy(Policy):
    """A policy that stops at its question, which the gateway asks right after `live()`, until the test lets it go on."""

    def __init__(self, policy: Policy) -> None:
        super().__init__(policy.text)
        self.asked, self.go_on = threading.Event(), threading.Event()

    def authorize(self, *, principal: Principal, action: Permission, resource: Resource) -> Decision:
        """Say that the question was reached, wait, and answer it as the shop's own policy would."""
        self.asked.set()
        assert self.go_on.wait(PATIENCE)
        return super().authorize(principal=principal, action=action, resource=resource)


class Running:
    """Something that runs in a thread of its own."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._threads = ThreadPoolExecutor(1)
        self._future: Future[Any] = self._threads.submit(work)

    @property
    def done(self) -> bool:
        """Whether it has come to its end."""
        return self._future.done()

    def result(self) -> Any:
        """What it returned, or raised."""
        try:
            return self._future.result(PATIENCE)
        finally:
            self._threads.shutdown()


def wait_until_blocked(shop: ShopUnderTest, running: Running) -> None:
    """Return once somebody waits for a lock that somebody else holds; fail when the work ends without waiting."""
    pause = threading.Event()
    for _ in range(int(PATIENCE / 0.01)):
        if _somebody_waits(shop):
            return
        assert not running.done, f"nobody was waited for: {running.result()}"
        pause.wait(0.01)
    raise AssertionError("nobody ever waited")


def _somebody_waits(shop: ShopUnderTest) -> bool:
    if shop.engine == "sqlite":
        return bool(shop.database._writers._waiting)
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with shop.database.engine.connect() as connection:
        return bool(connection.execute(text(query)).scalar_one())
