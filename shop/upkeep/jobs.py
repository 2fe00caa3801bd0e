"""Jobs that run periodically, in one daemon thread of a process that serves."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Flask

from shop.database import Clock

_log = logging.getLogger(__name__)
_TICK = 0.5
"""Seconds between two looks at what is due."""


@dataclass(frozen=True)
class Job:
    """Something to do every so often. It opens its own short transactions, and may run in several processes at once."""

    name: str
    every: timedelta
    run: Callable[[], object]


class Upkeep:
    """The jobs of one process. Nothing runs until `run_due`, `run_all` or `start` is called."""

    def __init__(self, jobs: Sequence[Job], clock: Clock) -> None:
        self.jobs = tuple(jobs)
        self._clock = clock
        self._last: dict[str, datetime] = {}
        self._running_in = 0
        """The process whose thread runs the jobs: a fork has its parent's memory, but not its threads."""
        self._starting = threading.Lock()

    def run_due(self) -> None:
        """Run each job whose time has come. One that fails is logged and comes again when it is due next."""
        for job in self.jobs:
            now, last = self._clock(), self._last.get(job.name)
            if last is None or now - last >= job.every:
                self._last[job.name] = now
                _run(job)

    def run_all(self) -> None:
        """Run each job now."""
        for job in self.jobs:
            _run(job)

    def ensure_running(self) -> None:
        """Start the thread, if this process has none yet."""
        if self._running_in == os.getpid():
            return
        with self._starting:
            if self._running_in != os.getpid():
                self._running_in = os.getpid()
                threading.Thread(target=self._run_until_the_end, name="upkeep", daemon=True).start()

    def _run_until_the_end(self) -> None:
        pause = threading.Event()
        while not pause.wait(_TICK):
            self.run_due()


def start(app: Flask) -> Flask:
    """Have the jobs run in whatever process serves this application, from its first request on. Returns the application.

    Not when it is built: a command of `flask` serves nobody, and a server may fork after it has loaded the application.
    """
    upkeep: Upkeep = app.extensions["upkeep"]

    @app.before_request
    def ensure_running() -> None:
        upkeep.ensure_running()

    return app


def _run(job: Job) -> None:
    try:
        job.run()
    except Exception:  # the database may be away for a while; the thread must outlive that
        _log.exception("the job %s failed", job.name)
