"""The company's AI clients: whom its provider signs in besides the shop, and where each may go for the company's people.

Read from `SLUG-assistants.toml` in the data folder, if there is one:

    [[assistant]]
    client_id = "acme-desk"
    name = "Acme Desk"
    client_secret_file = "acme-desk.secret"                    # beside this file
    redirect_uris = ["http://127.0.0.1:8765/callback"]

    [[assistant.access]]                                       # Cross-App Access: enterprise-managed authorization
    audience = "http://localhost:5000"                         # the issuer of the shop
    resource = "http://localhost:5000/mcp"
    client_id = "cli_01JZ…"                                    # what the shop calls this client
    scopes = ["browse", "read"]
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from shop.companions.identity_provider.config import Client, CrossAppAccess, RefusesToStart


def read_assistants(path: Path) -> tuple[Client, ...]:
    """The clients of this file; none when there is no such file. Raises `RefusesToStart` on what makes no sense."""
    if not path.exists():
        return ()
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8")).get("assistant", [])
        return tuple(_client(path.parent, entry) for entry in entries)
    except (tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError, OSError) as error:
        raise RefusesToStart(f"{path.name} cannot be used: {type(error).__name__}: {error}") from error


def _client(folder: Path, entry: dict[str, Any]) -> Client:
    return Client(
        client_id=entry["client_id"],
        client_secret=(folder / entry["client_secret_file"]).read_text(encoding="utf-8").strip(),
        name=entry["name"],
        redirect_uris=tuple(entry["redirect_uris"]),
        access=tuple(
            CrossAppAccess(
                audience=access["audience"],
                resource=access["resource"],
                client_id=access["client_id"],
                scopes=tuple(access["scopes"]),
            )
            for access in entry.get("access", [])
        ),
    )
