"""The companions as processes: started, health-checked and stopped together (design §5).

Each is another program in a process of its own, because calls that loop back through one worker pool deadlock it.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shop.demo.seeding import Seed
from shop.hosts import in_url, listening_addresses
from shop.secret_files import keep_private
from shop.settings import ROOT, Settings

_START_SECONDS = 20
_STOP_SECONDS = 5
_STANDARD_ERROR = 2


class CompanionFailed(Exception):
    """A companion did not start. The message is the beginning of a sentence: what follows from it, the caller knows."""


@dataclass(frozen=True, kw_only=True)
class Companion:
    """The embedded identity provider of one organization, and where it answers."""

    organization: dict[str, Any]
    """As written in the seed's file of organizations."""
    directory: Path
    port: int
    issuer: str


def companions(settings: Settings) -> list[Companion]:
    """An identity provider for each organization that has an embedded one, on the ports after the shop's."""
    directories = Seed(settings.seed_dir, settings.issuer_of_companion).directories()
    return [
        Companion(
            organization=organization,
            directory=directory,
            port=settings.companion_port(index),
            issuer=settings.issuer_of_companion(index),
        )
        for index, (organization, directory) in enumerate(directories)
    ]


@contextmanager
def running(settings: Settings, wanted: list[Companion]) -> Iterator[None]:
    """Start companions and wait until they answer; stop them in the end. Raises `CompanionFailed`."""
    started: list[subprocess.Popen[bytes]] = []
    try:
        for companion in wanted:
            # A session of its own: Ctrl+C reaches the shop alone, which then stops its companions once, in order.
            # Standard output is the shop's: other programs may be reading it.
            command = _command(settings, companion)
            # Its standard input is a pipe that closes with this process, however that ends: then it ends too.
            started.append(
                subprocess.Popen(
                    command, cwd=ROOT, start_new_session=True, stdin=subprocess.PIPE, stdout=_STANDARD_ERROR
                )
            )
        for companion, process in zip(wanted, started, strict=True):
            _wait_for(process, f"http://{_local(settings.host)}:{companion.port}/healthz")
        yield
    finally:
        for process in started:
            process.terminate()
        for process in started:
            try:
                process.wait(timeout=_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdin:
                process.stdin.close()


def answers(issuer: str) -> bool:
    """Whether an identity provider is running already, beside another process of this shop."""
    try:
        with urllib.request.urlopen(f"{issuer}/.well-known/openid-configuration", timeout=2) as response:
            return bool(json.load(response)["issuer"] == issuer)
    except (OSError, ValueError, LookupError, TypeError):  # nobody listens, or it is somebody else
        return False


def is_free(host: str, port: int) -> bool:
    """Whether nobody listens on a port yet, at any address that the host stands for."""
    for address in listening_addresses(host):
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                return False
    return True


def _command(settings: Settings, companion: Companion) -> list[str]:
    connection = companion.organization["connection"]
    secret = connection["client_secret"]
    settings.read_secret(secret)  # makes the file on first use
    command = [sys.executable, "-m", "shop.companions.identity_provider"]
    options = {
        "directory": str(companion.directory),
        "host": settings.host,
        "port": str(companion.port),
        "issuer": companion.issuer,
        "data-dir": str(settings.data_dir / "companions"),
        "redirect-uri": f"{settings.base_url}/sign-in/callback",
        "post-logout-redirect-uri": f"{settings.base_url}/",
        "client-id": connection["client_id"],
        "client-secret-file": str(settings.data_dir / secret.removeprefix("file:")),
        "client-name": "Context & Co.",
    } | ({"presenter-code-file": str(_presenter_code_file(settings))} if settings.presenter_code else {})
    for name, value in options.items():
        command += [f"--{name}", value]
    command.append("--ends-with-parent")
    return command + (["--offline-access"] if "offline_access" in connection.get("scope", "").split() else [])


def _presenter_code_file(settings: Settings) -> Path:
    """The presenter code in a file that only its owner may read: on a command line everybody could."""
    path = settings.data_dir / "presenter_code"
    keep_private(path, create=True)
    path.write_text(settings.presenter_code, encoding="utf-8")
    return path


def _wait_for(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise CompanionFailed("An embedded identity provider did not start")
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise CompanionFailed(f"{url} did not answer within {_START_SECONDS} seconds")


def _local(host: str) -> str:
    return "127.0.0.1" if host in {"0.0.0.0", "::", "localhost"} else in_url(host)  # noqa: S104 - compared, not bound
