"""`uv run app.py`: the companions, then the shop, started, health-checked and stopped together (design §5).

The shop runs on gunicorn, one worker with many threads; the application is built in the worker, not before the fork.
"""

from __future__ import annotations

import signal
import sys
from importlib import import_module

from flask import Flask
from gunicorn.app.base import BaseApplication
from sqlalchemy.exc import SQLAlchemyError

from shop import create_app
from shop.database import Database
from shop.demo.companions import CompanionFailed, companions, is_free, running
from shop.demo.seeding import check_configuration
from shop.settings import Settings, in_url


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
    try:
        check_configuration(settings)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    if _is_of_an_earlier_version(settings):
        print(
            "The database was made by an earlier version of the shop, which this one cannot read. Move it away (it is in "
            f"{settings.data_dir}, or where DATABASE_URL says), and a new one is made.",
            file=sys.stderr,
        )
        return 1
    beside = companions(settings)
    for port in (settings.port, *(companion.port for companion in beside)):
        if not is_free(settings.host, port):
            print(
                f"Port {port} is in use. Stop what uses it, or choose others: PORT=6000 uv run app.py", file=sys.stderr
            )
            return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # until gunicorn has its own: companions must not be orphaned
    try:
        with running(settings, beside):
            _Server(settings).run()
    except CompanionFailed as failed:
        print(f"{failed}, so the shop did not either (see above).", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except SystemExit as stopped:
        return stopped.code if isinstance(stopped.code, int) else 0
    return 0


def _is_of_an_earlier_version(settings: Settings) -> bool:
    import_module("shop.application")  # every table there is
    database = Database(settings.database_url, threads=1)
    try:
        return bool(database.outdated())
    except SQLAlchemyError:
        return False  # it does not answer: the shop says so itself
    finally:
        database.dispose()


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
    providers = "\n".join(f"    {beside.organization['name']:<10} {beside.issuer}" for beside in companions(settings))
    model = "the embedded offline model" if settings.uses_offline_model else settings.openai_base_url or "OpenAI"
    return f"""
  Context & Co. is open:  {settings.base_url}

  Start here              {settings.base_url}/sign-in        as sofia.hart@acme.example
  then say                "black hoodies under 60, in L"     {settings.base_url}/assistant/
  and see why             {settings.base_url}/audit/

  Answers come from {model}. Sign-in goes to the identity providers of
{providers}
  Ctrl+C stops all of it. `uv run flask reset` brings the first day back.
"""
