"""The shop on a real socket, and the official client on the other end of it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from shop.oauth.access_token import TYPE
from shop.oauth.issuer import Issuer
from shop.server.listening import Server
from tests.support.assistants import connect, segments
from tests.support.people import ShopUnderTest, Visitor

T = TypeVar("T")
_SECONDS = 60
_THREADS = 8
_BODY_LIMIT = 256 * 1024


@contextmanager
def served(build_shop: Callable[..., ShopUnderTest]) -> Iterator[ShopUnderTest]:
    """Another process's worth of the shop, on a free port, on the same database."""
    holder: dict[str, Any] = {}

    def forward(environ: Any, start_response: Any) -> Any:  # the app is made once the port is known
        return holder["app"](environ, start_response)

    server = Server(forward, [("127.0.0.1", 0)], threads=_THREADS, body_limit=_BODY_LIMIT)
    shop = build_shop(base_url=f"http://127.0.0.1:{server.port}", port=server.port)
    holder["app"] = shop.app
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield shop
    finally:
        server.stop()
        thread.join()


def speak(
    visitor: Visitor, live: ShopUnderTest, conversation: Callable[[Client], Awaitable[T]], *scopes: str, **options: Any
) -> T:
    """What comes of a conversation of the official client, with a token of this person, in a thread of its own."""
    headers = {"Authorization": f"Bearer {_for(live, connect(visitor, *scopes).access_token)}"}

    async def run() -> T:
        async with httpx2.AsyncClient(headers=headers, timeout=_SECONDS) as http:
            transport = streamable_http_client(f"{live.services.settings.base_url}/mcp", http_client=http)
            async with Client(transport, **options) as client:
                return await conversation(client)

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(run())).result(timeout=_SECONDS)


def _for(live: ShopUnderTest, token: str) -> str:
    """The token as the served shop issues it: it has another address, and so is another issuer and another audience."""
    issuer: Issuer = live.app.extensions["oauth"]
    _, claims = segments(token)
    return issuer.keys.signer().sign({**claims, "iss": issuer.url, "aud": issuer.resource}, typ=TYPE)
