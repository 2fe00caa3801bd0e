"""An MCP host in tests: it speaks the protocol by hand, in either era, over the shop's own WSGI application."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from mcp_types import CLIENT_CAPABILITIES_META_KEY, CLIENT_INFO_META_KEY, PROTOCOL_VERSION_META_KEY
from werkzeug.test import TestResponse

from tests.support.assistants import ExternalAssistant, connect
from tests.support.people import ShopUnderTest, Visitor
from tests.support.providers import BASE_URL

STATELESS, HANDSHAKE, OLDER = "2026-07-28", "2025-11-25", "2025-06-18"
ERAS = (STATELESS, HANDSHAKE)
OPENS_URLS: dict[str, Any] = {"elicitation": {"form": {}, "url": {}}}
_NAMED_BY = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}


@dataclass
class Host:
    """One connection of an external assistant, as its host makes it."""

    shop: ShopUnderTest
    assistant: ExternalAssistant | None
    version: str = STATELESS
    capabilities: dict[str, Any] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)
    session: str | None = None
    _next: int = 0

    @property
    def authorization(self) -> str | None:
        """What it sends as `Authorization`; None for a client without a token."""
        return self.assistant.authorization if self.assistant else None

    def connected(self) -> Host:
        """The same host, after the handshake if its revision has one."""
        if self.version != STATELESS:
            self.shake_hands()
        return self

    def again(self, **changed: Any) -> Host:
        """Another connection of the same assistant, for the same person."""
        return replace(self, **{"session": None, **changed}).connected()

    def ask(self, method: str, params: dict[str, Any] | None = None, **changed: Any) -> TestResponse:
        """Send one request, as the revision wants it. Headers can be changed; None takes one away."""
        self._next += 1
        body: dict[str, Any] = {"jsonrpc": "2.0", "id": self._next, "method": method}
        given = dict(params or {})
        if self.version == STATELESS:
            given["_meta"] = {
                PROTOCOL_VERSION_META_KEY: self.version,
                CLIENT_CAPABILITIES_META_KEY: self.capabilities,
                CLIENT_INFO_META_KEY: {"name": "a host of a test", "version": "1"},
                **self.meta,
            }
        elif self.meta:
            given["_meta"] = self.meta
        if given:
            body["params"] = given
        headers = self.headers(method, given) | changed.pop("headers", {})
        return self.send(body, headers=headers, **changed)

    def headers(self, method: str, params: dict[str, Any]) -> dict[str, str | None]:
        """The headers that belong to a request."""
        headers: dict[str, str | None] = {"MCP-Protocol-Version": self.version, "Mcp-Session-Id": self.session}
        if self.version == STATELESS:
            headers |= {"Mcp-Method": method, "Mcp-Name": params.get(_NAMED_BY.get(method, ""))}
        return headers

    def send(self, body: object, *, headers: dict[str, str | None] | None = None, **options: Any) -> TestResponse:
        """POST whatever body."""
        sent = {
            "Accept": "application/json, text/event-stream",
            "Authorization": self.authorization,
            **(headers or {}),
        }
        present = {name: value for name, value in sent.items() if value is not None}
        options = {"json": body, "base_url": BASE_URL, **options}
        if "data" in options:
            del options["json"]
        answer: TestResponse = self.shop.app.test_client().post("/mcp", headers=present, **options)
        return answer

    def shake_hands(self) -> dict[str, Any]:
        """`initialize`, in the era that has it. Returns what the server agreed to."""
        info = {"name": "a host of a test", "version": "1"}
        params = {"protocolVersion": self.version, "capabilities": self.capabilities, "clientInfo": info}
        response = self.ask("initialize", params, headers={"MCP-Protocol-Version": None})
        self.session = response.headers["Mcp-Session-Id"]
        assert self.send({"jsonrpc": "2.0", "method": "notifications/initialized"}).status_code == 202
        agreed: dict[str, Any] = response.get_json()["result"]
        return agreed

    def result(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """The result of a request that must succeed."""
        response = self.ask(method, params)
        assert response.status_code == 200 and "result" in response.get_json(), response.text
        result: dict[str, Any] = response.get_json()["result"]
        return result

    def error(self, method: str, params: dict[str, Any] | None = None, **changed: Any) -> tuple[int, int]:
        """(HTTP status, JSON-RPC code) of a request that must fail."""
        return failure(self.ask(method, params, **changed))

    def call(self, name: str, arguments: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        """The result of a tool call."""
        return self.result("tools/call", {"name": name, "arguments": arguments or {}, **more})


def failure(response: TestResponse) -> tuple[int, int]:
    """(HTTP status, JSON-RPC code) of an answer, which must be a well-formed error."""
    body = response.get_json()
    assert set(body) == {"jsonrpc", "id", "error"} and body["jsonrpc"] == "2.0", body
    assert isinstance(body["error"]["message"], str) and body["error"]["message"]
    return response.status_code, body["error"]["code"]


def host_of(visitor: Visitor, *scopes: str, version: str = STATELESS, name: str = "An assistant", **more: Any) -> Host:
    """The host of an assistant that a person lets in now, connected."""
    return Host(visitor.shop, connect(visitor, *scopes, name=name), version=version, **more).connected()
