"""When the jobs of a process run."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta

import pytest
from flask import Flask

from shop.upkeep.jobs import Job, Upkeep, start
from tests.support.clock import TestClock


def test_a_job_runs_when_its_time_has_come() -> None:
    """At first at once, then after each period of the injected clock; each job has its own."""
    ran: list[str] = []
    clock = TestClock()
    often = Job("often", timedelta(seconds=1), lambda: ran.append("often"))
    seldom = Job("seldom", timedelta(minutes=1), lambda: ran.append("seldom"))
    upkeep = Upkeep([often, seldom], clock)
    assert ran == []
    for seconds in (0, 0.5, 1, 60):
        clock.pass_by(seconds=seconds)
        upkeep.run_due()
    assert ran == ["often", "seldom", "often", "often", "seldom"]


def test_a_job_that_fails_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged by its name, and the others run; it comes again when it is due."""
    ran: list[str] = []

    def fail() -> None:
        raise OSError("the database is away")

    upkeep = Upkeep(
        [Job("broken", timedelta(0), fail), Job("good", timedelta(0), lambda: ran.append("good"))], TestClock()
    )
    with caplog.at_level(logging.ERROR):
        upkeep.run_due()
        upkeep.run_all()
    assert ran == ["good", "good"]
    assert [record.getMessage() for record in caplog.records] == ["the job broken failed"] * 2


def test_the_thread_begins_with_the_first_request() -> None:
    """Building an application runs nothing; its first request starts one daemon thread, and no further one does."""
    ran = threading.Event()
    app = Flask(__name__)
    app.extensions["upkeep"] = Upkeep([Job("once", timedelta(hours=1), ran.set)], TestClock())
    app.add_url_rule("/", "page", lambda: "a page")
    start(app)
    assert not [thread for thread in threading.enumerate() if thread.name == "upkeep"]
    for _ in range(2):
        app.test_client().get("/")
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "upkeep"]
    assert thread.daemon and ran.wait(timeout=30)
