"""Three MCP servers with one read tool, each in a process of its own, for `mcp_calls`: `… -m tests.bench.mcp_servers KIND FOLDER`.

`shop` is ours on its server as in production: it authenticates, decides and writes the audit. `fastmcp` and `sdk` are the servers
of those libraries on uvicorn, whose tool reads the same order from the same database and gives the same answer, to anybody.
Each prints one line of JSON once it listens.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import uvicorn
from fastmcp import FastMCP
from flask import Flask
from mcp.server.mcpserver import MCPServer
from pydantic import Field
from sqlalchemy.orm import Session

from shop import create_app
from shop.credentials.agents import ClientKind, note_agent
from shop.credentials.grants import Consent, start_grant
from shop.credentials.tokens import new_access_token, start_family
from shop.database import Database, moment
from shop.oauth.access_token import mint
from shop.oauth.clients.client import register
from shop.oauth.clients.metadata import read_metadata
from shop.oauth.issuer import Issuer
from shop.oauth.signing_keys import Signer
from shop.principal import Principal
from shop.store import orders
from shop.tools.views.orders import OrderView, order_view
from tests.bench.ground import HOUR, signed_in
from tests.bench.server import free_port, serve, settings_in

ORDER = "CC-5QF1A7"
CLIENTS = 100
_SCOPES = frozenset({"browse", "read"})


def get_order_of(database: Database) -> Callable[..., OrderView]:
    """The tool as the libraries are given it: a function with types and a docstring."""

    def get_order(number: Annotated[str, Field(min_length=1, max_length=40)]) -> OrderView:
        """Get one order by its number: items, prices, address, status, and whether it can still be cancelled."""
        with database.read() as db:
            order = orders.find_order(db, number)
            if order is None:
                raise LookupError(number)
            return order_view(order, own=True, now=moment(db))

    return get_order


def _shop(folder: str) -> None:
    settings = settings_in(folder)
    app = create_app(settings)
    tokens = _tokens(app)
    serve(settings, json.dumps({"port": settings.port, "tokens": tokens}), app)


def _tokens(app: Flask) -> list[str]:
    """The access tokens of as many clients, each let in by Sofia Hart: the rows that consent and the token endpoint make."""
    issuer: Issuer = app.extensions["oauth"]
    session, _cookie = signed_in(issuer.database)
    signer = issuer.keys.signer()
    with issuer.database.write() as db:
        return [_token(db, issuer, signer, session.principal(), f"Assistant {number}") for number in range(CLIENTS)]


def _token(db: Session, issuer: Issuer, signer: Signer, person: Principal, name: str) -> str:
    metadata = read_metadata({"client_name": name, "redirect_uris": ["https://assistant.example/callback"]})
    client, _secret = register(db, metadata, ClientKind.PREREGISTERED)
    agent, _is_new = note_agent(
        db,
        organization_id=person.organization,
        client_id=client.client_id,
        kind=client.kind,
        name=name,
        publisher=None,
        owner_id=person.subject,
    )
    consent = Consent(scopes=_SCOPES, risky_tools={}, redirect_host="assistant.example")
    grant, _authority = start_grant(db, person, agent, consent, lifetime=HOUR)
    family = start_family(db, grant.id, _SCOPES, issuer.resource)
    token = new_access_token(db, family, _SCOPES, lifetime=timedelta(minutes=30))
    return mint(issuer, signer, grant.principal(token.id), token, at=moment(db), also={})


def _fastmcp(database: Database) -> Any:
    server = FastMCP("A measurement")
    server.tool(get_order_of(database))
    return server.http_app(stateless_http=True, json_response=True)


def _sdk(database: Database) -> Any:
    server = MCPServer("A measurement", log_level="WARNING")
    server.tool()(get_order_of(database))
    return server.streamable_http_app(stateless_http=True, json_response=True)


def _on_uvicorn(build: Callable[[Database], Any], folder: str) -> None:
    port = free_port()

    class Announced(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            print(json.dumps({"port": port, "tokens": []}), flush=True)

    app = build(Database(f"sqlite:///{Path(folder)}/shop.db"))
    logging.disable(logging.WARNING)
    Announced(uvicorn.Config(app, port=port, log_level="error", access_log=False)).run()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["shop", where]:
            _shop(where)
        case ["fastmcp", where]:
            _on_uvicorn(_fastmcp, where)
        case ["sdk", where]:
            _on_uvicorn(_sdk, where)
        case _:
            sys.exit(__doc__)
