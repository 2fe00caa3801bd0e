"""`uv run app.py`: the companions, then the shop, started, health-checked and stopped together (design §5).

Each companion is another program in a process of its own, because calls that loop back through one worker pool deadlock
it. The shop runs on gunicorn, one worker with many threads; the application is built in the worker, not before the fork.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask
from gunicorn.app.base import BaseApplication

from shop import create_app
from shop.demo.seeding import Seed
from shop.settings import ROOT, Settings, in_url

_START_SECONDS = 20
_STOP_SECONDS = 5


def main() -> int:
    """Read the settings and serve. Returns 2, with a sentence, when a setting makes no sense."""
    try:
        settings = Settings.from_environment()
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    return serve(settings)


def serve(settings: Settings) -> int:
    """Run until told to stop. Returns the exit status; says in one sentence why when it cannot start."""
    for port in (settings.port, *(settings.companion_port(i) for i in range(len(_directories(settings))))):
        if not _is_free(settings.host, port):
            print(
                f"Port {port} is in use. Stop what uses it, or choose others: PORT=6000 uv run app.py", file=sys.stderr
            )
            return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # until gunicorn has its own: companions must not be orphaned
    try:
        with _companions(settings):
            _Server(settings).run()
    except _CompanionFailed as failed:
        print(failed, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except SystemExit as stopped:
        return stopped.code if isinstance(stopped.code, int) else 0
    return 0


class _CompanionFailed(Exception):
    """A companion did not start; the message is its own."""


@contextmanager
def _companions(settings: Settings) -> Iterator[None]:
    """Start an identity provider for each organization that has an embedded one; stop them in the end."""
    started: list[subprocess.Popen[bytes]] = []
    try:
        for index, (organization, directory) in enumerate(_directories(settings)):
            secret = organization["connection"]["client_secret"]
            settings.read_secret(secret)  # makes the file on first use
            command = [sys.executable, "-m", "shop.companions.identity_provider"]
            options = {
                "directory": str(directory),
                "host": settings.host,
                "port": str(settings.companion_port(index)),
                "issuer": settings.issuer_of_companion(index),
                "data-dir": str(settings.data_dir / "companions"),
                "redirect-uri": f"{settings.base_url}/sign-in/callback",
                "post-logout-redirect-uri": f"{settings.base_url}/",
                "client-id": organization["connection"]["client_id"],
                "client-secret-file": str(settings.data_dir / secret.removeprefix("file:")),
                "client-name": "Context & Co.",
            } | ({"presenter-code-file": str(_presenter_code_file(settings))} if settings.presenter_code else {})
            for name, value in options.items():
                command += [f"--{name}", value]
            # A session of its own: Ctrl+C reaches the shop alone, which then stops its companions once, in order.
            started.append(subprocess.Popen(command, cwd=ROOT, start_new_session=True))
        for index, process in enumerate(started):
            _wait_for(process, f"http://{_local(settings.host)}:{settings.companion_port(index)}/healthz")
        yield
    finally:
        for process in started:
            process.terminate()
        for process in started:
            try:
                process.wait(timeout=_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _presenter_code_file(settings: Settings) -> Path:
    """The presenter code in a file that only its owner may read: on a command line everybody could."""
    path = settings.data_dir / "presenter_code"
    path.touch(mode=0o600)
    path.write_text(settings.presenter_code, encoding="utf-8")
    return path


def _wait_for(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise _CompanionFailed(
                "An embedded identity provider did not start, so the shop did not either (see above)."
            )
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise _CompanionFailed(f"{url} did not answer within {_START_SECONDS} seconds.")


class _Server(BaseApplication):  # type: ignore[misc] # untyped library
    """gunicorn, configured here and nowhere else."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        settings = self._settings
        for name, value in {
            "bind": f"{in_url(settings.host)}:{settings.port}",
            "worker_class": "gthread",
            "workers": 1,
            "threads": settings.threads,
            "timeout": 120,
            "graceful_timeout": 3,
            "keepalive": 5,
            "limit_request_line": 8190,  # an authorization request on its way through the sign-in is quoted twice
            "accesslog": None,
            "loglevel": "warning",
            "control_socket_disable": True,
            "post_worker_init": lambda _worker: print(_welcome(settings), flush=True),
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return create_app(self._settings)


def _welcome(settings: Settings) -> str:
    companions = "\n".join(
        f"    {organization['name']:<10} {settings.issuer_of_companion(index)}"
        for index, (organization, _) in enumerate(_directories(settings))
    )
    model = "the embedded offline model" if settings.uses_offline_model else settings.openai_base_url or "OpenAI"
    return f"""
  Context & Co. is open:  {settings.base_url}

  Start here              {settings.base_url}/sign-in        as sofia.hart@acme.example
  then say                "black hoodies under 60, in L"     {settings.base_url}/assistant/
  and see why             {settings.base_url}/audit/

  Answers come from {model}. Sign-in goes to the identity providers of
{companions}
  Ctrl+C stops all of it. `uv run flask reset` brings the first day back.
"""


def _directories(settings: Settings) -> list[tuple[dict, object]]:  # type: ignore[type-arg]
    return list(Seed(settings.seed_dir, settings.issuer_of_companion).directories())


def _is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _local(host: str) -> str:
    return "127.0.0.1" if host in {"0.0.0.0", "::"} else in_url(host)  # noqa: S104 - compared, not bound
