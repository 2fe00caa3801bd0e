"""The official MCP client as a host runs it: over HTTP, with its own OAuth. Whatever it needs of a person, it hands out.

It runs in a thread with an event loop of its own, since Playwright's is running in the test's. What it wants opened in a browser
comes by a queue, and what a person did there goes back by another, so that nobody waits for time.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import httpx2
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.context import ClientRequestContext
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from mcp_types import CallToolResult, ElicitRequestParams, ElicitRequestURLParams, ElicitResult
from pydantic import AnyUrl

from tests.browser.desktop import Program

_SECONDS = 60


class Keeping:
    """Keeps the client's tokens and its registration in memory."""

    tokens: OAuthToken | None = None
    client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


class OfficialClient:
    """An assistant on the official client. Its calls are futures: a person may have to do something before they are done."""

    def __init__(self, address: str, program: Program, name: str) -> None:
        self._address, self._program, self._name = address, program, name
        self.kept, self._ready, self._stop = Keeping(), Future[Client](), asyncio.Event()
        self._to_open, self._decided = queue.Queue[str](), queue.Queue[None]()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def wants_opened(self) -> str:
        """The next address that it wants its person to open; waits for it."""
        return self._to_open.get(timeout=_SECONDS)

    def connected(self) -> Client:
        """The client once it is let in; raises what went wrong."""
        return self._ready.result(timeout=_SECONDS)

    def begin(self, tool: str, **arguments: Any) -> Future[CallToolResult]:
        """Call a tool, and do not wait."""
        return asyncio.run_coroutine_threadsafe(self.connected().call_tool(tool, arguments), self._loop)

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The structured result of a call that nobody has to help with."""
        return finished(self.begin(tool, **arguments))

    def person_is_back(self) -> None:
        """Tell it that its person came back from the page that it wanted opened."""
        self._decided.put(None)

    def close(self) -> None:
        """End the connection, also where a test failed while it waited for its person."""
        self._program.answers.put({})
        self._decided.put(None)
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=_SECONDS)
        self._loop.close()

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._talk())
        except BaseException as error:
            self._ready.set_exception(error)

    async def _talk(self) -> None:
        metadata = OAuthClientMetadata(
            client_name=self._name,
            redirect_uris=[AnyUrl(self._program.redirect_uri)],
            token_endpoint_auth_method="none",
        )
        provider = OAuthClientProvider(self._address, metadata, self.kept, self._open, self._callback)
        async with httpx2.AsyncClient(auth=provider, timeout=_SECONDS) as http:
            transport = streamable_http_client(self._address, http_client=http)
            async with Client(transport, elicitation_callback=self._elicit) as client:
                self._ready.set_result(client)
                await self._stop.wait()

    async def _open(self, address: str) -> None:
        self._to_open.put(address)

    async def _callback(self) -> AuthorizationCodeResult:
        return AuthorizationCodeResult.model_validate(await asyncio.to_thread(self._program.answer))

    async def _elicit(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        assert isinstance(params, ElicitRequestURLParams), "a confirmation is never a form"
        self._to_open.put(params.url)
        await asyncio.to_thread(self._decided.get, timeout=_SECONDS)
        return ElicitResult(action="accept")


def finished(call: Future[CallToolResult]) -> dict[str, Any]:
    """What a call comes back with, which must be no error."""
    result = call.result(timeout=_SECONDS)
    assert not result.is_error and isinstance(result.structured_content, dict), result
    return result.structured_content


@contextmanager
def official_client(address: str, program: Program, name: str) -> Iterator[OfficialClient]:
    """An assistant that begins to connect at once."""
    client = OfficialClient(address, program, name)
    try:
        yield client
    finally:
        client.close()
