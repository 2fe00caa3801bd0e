"""`uv run app.py`: the companions, then the shop, started, health-checked and stopped together (design §5).

The shop is one process with many threads, on the server of `shop.server`, which says why it is that one.
"""

from __future__ import annotations

import signal
import sys
import time

from shop import create_app
from shop.database import Database
from shop.demo.companions import CompanionFailed, companions, is_free, running
from shop.demo.seeding import check_configuration
from shop.hosts import listening_addresses
from shop.server.listening import Server
from shop.settings import Settings
from shop.upgrades.upgrade import UnusableDatabase, bring_up_to_date
from shop.upkeep.jobs import start as start_upkeep

_COMPANION_PORT_SECONDS = 5.0
"""How long a companion's port may stay taken: companions of a shop that was killed need a moment to end."""


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
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # until the server has its own: companions are stopped too
    beside = companions(settings)
    try:
        if taken := _taken_port(settings, [companion.port for companion in beside]):
            print(
                f"Port {taken} is in use. Stop what uses it, or choose others: PORT=6000 uv run app.py", file=sys.stderr
            )
            return 1
        _bring_up_to_date(settings)
        with running(settings, beside):
            _run_shop(settings)
    except UnusableDatabase as unusable:
        print(unusable.message, file=sys.stderr)
        return 1
    except CompanionFailed as failed:
        print(f"{failed}, so the shop did not either (see above).", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except SystemExit as stopped:
        return stopped.code if isinstance(stopped.code, int) else 0
    return 0


def _run_shop(settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl+C; a second one does not wait for what still runs."""
    app = start_upkeep(create_app(settings))
    server = Server(
        app,
        [(address, settings.port) for address in listening_addresses(settings.host)],
        threads=settings.threads,
        body_limit=app.config["MAX_CONTENT_LENGTH"],
        is_behind_proxy=settings.is_behind_proxy,
    )

    def stop(number: int, _frame: object) -> None:
        signal.signal(number, lambda *_: sys.exit(128 + number))
        app.extensions["in_app_assistant"].pool.closing.set()  # running turns end while somebody still reads them
        server.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    print(_welcome(settings), flush=True)
    server.run()


def _taken_port(settings: Settings, companion_ports: list[int]) -> int | None:
    """The shop's own port if it is in use, or the first of the companions' that stays so."""
    if not is_free(settings.host, settings.port):
        return settings.port
    deadline = time.monotonic() + _COMPANION_PORT_SECONDS
    for port in companion_ports:
        while not is_free(settings.host, port):
            if time.monotonic() > deadline:
                return port
            time.sleep(0.05)
    return None


def _bring_up_to_date(settings: Settings) -> None:
    """Before the companions start, so that a database that cannot be used is the only thing said."""
    database = Database(settings.database_url, threads=1)
    try:
        bring_up_to_date(database)
    finally:
        database.dispose()


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
