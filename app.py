"""Start the shop: `uv run app.py` (with its companions), or `app:app` as the WSGI application of any server."""

if __name__ == "__main__":
    from shop.serving import main

    raise SystemExit(main())

from shop import create_app
from shop.demo.seeding import check_configuration
from shop.settings import Settings
from shop.upgrades import commands as database_commands
from shop.upgrades.upgrade import UnusableDatabase
from shop.upkeep.jobs import start as start_upkeep

is_database_command = database_commands.is_asked_for()
try:
    settings = Settings.from_environment()
    if not is_database_command:
        check_configuration(settings)
except ValueError as error:
    raise SystemExit(str(error)) from None

try:
    app = database_commands.database_app(settings) if is_database_command else start_upkeep(create_app(settings))
except UnusableDatabase as unusable:
    raise SystemExit(unusable.message) from None
