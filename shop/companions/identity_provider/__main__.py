"""Command line: serve one company's identity provider until the process is told to stop."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from shop.companions.identity_provider.assistants import read_assistants
from shop.companions.identity_provider.config import Client, ProviderConfig, RefusesToStart, default_issuer
from shop.companions.identity_provider.directory import Directory, DirectoryError
from shop.companions.identity_provider.serving import serve


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and serve. Returns 2, with a sentence on standard error, when it must not start."""
    options = _parser().parse_args(arguments)
    try:
        config = config_from(options)
    except (RefusesToStart, DirectoryError, OSError) as error:
        print(f"identity provider: {error}", file=sys.stderr)
        return 2
    serve(config, ends_with_parent=options.ends_with_parent)
    return 0


def config_from(options: argparse.Namespace) -> ProviderConfig:
    """The configuration that the command line describes. Raises `RefusesToStart`, `DirectoryError` or `OSError`."""
    directory = Directory.load(options.directory)
    return ProviderConfig(
        directory=directory,
        data_dir=options.data_dir,
        host=options.host,
        port=options.port,
        issuer=options.issuer or default_issuer(options.host, options.port),
        presenter_code=_text_of(options.presenter_code_file) if options.presenter_code_file else "",
        clients=(
            Client(
                client_id=options.client_id,
                client_secret=_text_of(options.client_secret_file),
                name=options.client_name,
                redirect_uris=tuple(options.redirect_uri),
                post_logout_redirect_uris=tuple(options.post_logout_redirect_uri),
                offline_access=options.offline_access,
            ),
            *read_assistants(options.data_dir / f"{directory.slug}-assistants.toml"),
        ),
    )


def _text_of(path: Path) -> str:
    """A secret from a file: on the command line every local user could read it."""
    return path.read_text(encoding="utf-8").strip()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m shop.companions.identity_provider",
        description="A demo company's OpenID Connect provider: no passwords, pick who you are.",
    )
    add = parser.add_argument
    add("--directory", type=Path, required=True, metavar="FILE", help="the company and its people, a TOML file")
    add("--data-dir", type=Path, required=True, metavar="DIR", help="where its database and signing key live")
    add("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    add("--port", type=int, required=True)
    add("--issuer", metavar="URL", help="the origin that browsers use, if it is not http://HOST:PORT")
    add("--client-id", required=True, help="the application that may ask for sign-ins")
    add("--client-name", default="Context & Co.", help="its name on the sign-in page (default: %(default)s)")
    add("--client-secret-file", type=Path, required=True, metavar="FILE")
    add("--redirect-uri", action="append", required=True, metavar="URL", help="may be given more than once")
    add("--post-logout-redirect-uri", action="append", default=[], metavar="URL", help="may be given more than once")
    add("--offline-access", action="store_true", help="it may ask about people later, when they are not there")
    add("--presenter-code-file", type=Path, metavar="FILE", help="holds the code that any address but loopback needs")
    add("--ends-with-parent", action="store_true", help="end when standard input, a pipe of who started it, is closed")
    return parser


if __name__ == "__main__":
    sys.exit(main())
