"""Start the shop: `uv run app.py` (with its companions), or `app:app` as the WSGI application of any server."""

from shop.settings import Settings

if __name__ == "__main__":
    from shop.serving import serve

    raise SystemExit(serve(Settings.from_environment()))

from shop import create_app

app = create_app()
