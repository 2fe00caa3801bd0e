"""Start the shop: `uv run app.py` (with its companions), or `app:app` as the WSGI application of any server."""

if __name__ == "__main__":
    from shop.serving import main

    raise SystemExit(main())

from shop import create_app
from shop.demo.seeding import check_configuration
from shop.settings import Settings
from shop.upkeep.jobs import start as start_upkeep

try:
    settings = Settings.from_environment()
    check_configuration(settings)
except ValueError as error:
    raise SystemExit(str(error)) from None

app = start_upkeep(create_app(settings))
