"""The real program, as `uv run app.py` starts it: the shop and its identity providers, each in a process of its own."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from sqlalchemy.orm import Session

import shop.application  # noqa: F401 - what a reset deletes is every table there is
from shop.authorization.policy import Policy
from shop.database import Database
from shop.demo.seeding import Seed
from shop.settings import ROOT, Settings

PORTS = 3  # the shop, and an identity provider for each of the two organizations
START_SECONDS = 60
STOP_SECONDS = 15
ATTEMPTS = 3
_NOT_INHERITED = ("SHOP_", "OPENAI_", "DATABASE_URL", "PORT", "HOST")


@dataclass
class LiveShop:
    """A running shop: where it is, and how to bring its first day back."""

    settings: Settings
    environment: dict[str, str] = field(repr=False)

    @property
    def origins(self) -> frozenset[str]:
        """The only places that a browser may ask for anything: the shop and the two identity providers."""
        companions = (self.settings.issuer_of_companion(index) for index in range(PORTS - 1))
        return frozenset({self.settings.base_url, *companions})

    def url(self, path: str) -> str:
        """A page's address."""
        return self.settings.base_url + path

    def reset(self) -> None:
        """What `flask reset` does, without the two seconds that a new process takes."""
        database = Database(self.settings.database_url, threads=1)
        policy = Policy.from_file(self.settings.seed_dir / "policy" / "policy.csv")
        Seed(self.settings.seed_dir, self.settings.issuer_of_companion).reset(database, policy)
        database.dispose()

    @contextmanager
    def stored(self) -> Iterator[Session]:
        """Look at what the program has stored."""
        database = Database(self.settings.database_url, threads=1)
        with database.read() as db:
            yield db
        database.dispose()

    def flask(self, *command: str) -> str:
        """Run one of the program's commands beside the running server. Returns what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "flask", *command],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=START_SECONDS,
        )
        return done.stdout


class RunningShop:
    """Starts the program and stops it: a context manager that gives the `LiveShop`."""

    def __init__(self, data_dir: Path, **environment: str) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_INHERITED)}
        self._environment = inherited | {"SHOP_DATA_DIR": str(data_dir), **environment}
        self._process: subprocess.Popen[str] | None = None
        self._said: _Said | None = None

    def __enter__(self) -> LiveShop:
        """Ports that were free can be taken before the program has them: then it says so, and other ports are tried."""
        for _ in range(ATTEMPTS):
            environment = self._environment | {"PORT": str(free_ports())}
            if self._starts(environment):
                return LiveShop(Settings.from_environment(environment), environment)
            self._stop()
        raise RuntimeError(f"The shop did not start. It said:\n{self._said.everything() if self._said else ''}")

    def _starts(self, environment: dict[str, str]) -> bool:
        self._process = subprocess.Popen(
            [sys.executable, "app.py"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._process.stdout
        self._said = _Said(self._process.stdout)
        return self._said.wait_for("is open")

    def __exit__(self, *_failure: object) -> None:
        self._stop()
        said = self._said.everything() if self._said else ""
        assert "Traceback" not in said, f"Something went wrong inside the shop. It said:\n{said}"

    def _stop(self) -> None:
        assert self._process
        self._process.terminate()
        try:
            self._process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class _Said:
    """What a process prints, read in a thread, so that it never waits for us and we never wait for ever."""

    def __init__(self, output: IO[str]) -> None:
        self._output, self._lines = output, list[str]()
        self._changed, self._ended = threading.Condition(), False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for(self, words: str) -> bool:
        """Wait until these words were said. False when the process ended before, or said nothing of it for too long."""
        with self._changed:
            self._changed.wait_for(lambda: self._holds(words) or self._ended, timeout=START_SECONDS)
            return self._holds(words)

    def everything(self) -> str:
        """All that was said until the process ended."""
        self._reader.join(timeout=STOP_SECONDS)
        return "".join(self._lines)

    def _holds(self, words: str) -> bool:
        return any(words in line for line in self._lines)

    def _read(self) -> None:
        with self._output:
            for line in self._output:
                with self._changed:
                    self._lines.append(line)
                    self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()


def free_ports() -> int:
    """The first of `PORTS` consecutive ports that nobody uses, anywhere below those that systems give to clients."""
    for first in random.sample(range(10_000, 30_000, PORTS), k=100):
        if all(_is_free(first + index) for index in range(PORTS)):
            return first
    raise RuntimeError("No free ports: stop some of what listens on this machine.")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
