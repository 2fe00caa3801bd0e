"""The transport: where a request may come from, what it may look like, and that every answer is a proper one."""

from __future__ import annotations

import json

import pytest
from mcp_types.jsonrpc import INVALID_REQUEST, PARSE_ERROR

from shop.mcp.wire import AUTHENTICATION_REQUIRED
from tests.mcp.host import ERAS, Host, failure
from tests.support.people import SOFIA, ShopUnderTest
from tests.support.providers import BASE_URL
from tests.support.state import ONE_ENGINE, watching

pytestmark = ONE_ENGINE
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
JSON = {"Content-Type": "application/json"}
NO_REQUESTS = [
    (b"", PARSE_ERROR),
    (b"{", PARSE_ERROR),
    (b"\xff\xfe{}", PARSE_ERROR),
    (b'{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"x": NaN}}', PARSE_ERROR),
    (b'{"jsonrpc": "2.0", "id": ' + b"9" * 5000 + b', "method": "ping"}', PARSE_ERROR),
    (b"[" * 100_000 + b"]" * 100_000, PARSE_ERROR),
    (b'{"jsonrpc": "2.0", "id": 1, "id": 2, "method": "ping"}', PARSE_ERROR),
    (b'{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"x": 1e999}}', PARSE_ERROR),
    (b'{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": ' + b'{"a":' * 90 + b"1" + b"}" * 91, INVALID_REQUEST),
    (b"[]", INVALID_REQUEST),
    (json.dumps([PING, PING]).encode(), INVALID_REQUEST),
    (b"null", INVALID_REQUEST),
    (b'"ping"', INVALID_REQUEST),
    (b"{}", INVALID_REQUEST),
    (b'{"jsonrpc": "1.0", "id": 1, "method": "ping"}', INVALID_REQUEST),
    (b'{"jsonrpc": "2.0", "id": null, "method": "ping"}', INVALID_REQUEST),
    (b'{"jsonrpc": "2.0", "id": 1.5, "method": "ping"}', INVALID_REQUEST),
    (b'{"jsonrpc": "2.0", "id": true, "method": "ping"}', INVALID_REQUEST),
    (b'{"jsonrpc": "2.0", "id": 1, "method": 7}', INVALID_REQUEST),
    (b'{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": [1]}', INVALID_REQUEST),
    (b'{"jsonrpc": "2.0", "id": 1, "result": {}}', INVALID_REQUEST),
    (b'{"jsonrpc": "2.0", "id": 1, "error": {"code": 1, "message": "x"}}', INVALID_REQUEST),
]


@pytest.mark.holds("MCP-ORIGIN")
def test_only_our_own_address_and_our_own_pages(older_host: Host) -> None:
    """Also with a good token: a browser's page must not reach a shop on its person's machine (DNS rebinding)."""
    for origin in ("https://evil.example", "http://127.0.0.1:6000", "null", f"{BASE_URL}.evil.example", ""):
        assert failure(older_host.send(PING, headers={"Origin": origin})) == (403, INVALID_REQUEST), origin
    assert older_host.send(PING, headers={"Origin": BASE_URL}).status_code == 200
    for name in ("http://evil.example", "http://evil.example:5999", "http://127.0.0.1:6000"):
        assert failure(older_host.send(PING, base_url=name)) == (421, INVALID_REQUEST), name
    assert older_host.send(PING, base_url="http://localhost:5999").status_code == 200, "another name of this machine"


def test_there_are_no_streams_and_sessions_end_by_themselves(shop: ShopUnderTest, host: Host) -> None:
    """GET and DELETE are 405 with `Allow`, as the specification asks of such a server; without a token they are 401."""
    client = shop.app.test_client()
    for method in ("GET", "DELETE", "PUT", "PATCH"):
        authorized = {"Authorization": str(host.authorization)}
        answer = client.open("/mcp", method=method, base_url=BASE_URL, headers=authorized)
        assert failure(answer) == (405, INVALID_REQUEST) and answer.headers["Allow"] == "POST"
        anonymous = client.open("/mcp", method=method, base_url=BASE_URL)
        assert failure(anonymous) == (401, AUTHENTICATION_REQUIRED)
        assert "resource_metadata" in anonymous.headers["WWW-Authenticate"]


def test_beside_the_endpoint_there_is_nothing_and_it_is_told_in_json(shop: ShopUnderTest) -> None:
    """An address that somebody mistyped, or a method that HTTP does not know, is no page for people either."""
    client = shop.app.test_client()
    for method, path, status in (("POST", "/mcp/x", 404), ("GET", "/mcp/sse", 404), ("TRACE", "/mcp", 405)):
        answer = client.open(path, method=method, base_url=BASE_URL)
        assert (answer.status_code, answer.mimetype) == (status, "application/json"), path


def test_json_in_and_json_out(older_host: Host) -> None:
    """Other media types get the HTTP status that says so; a client that asks for no streams misses nothing."""
    for headers, status in (
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({**JSON, "Accept": "text/html"}, 406),
        ({**JSON, "Accept": "text/event-stream"}, 406),
    ):
        answer = older_host.send(None, data=json.dumps(PING), headers=dict[str, str | None](headers))
        assert failure(answer) == (status, INVALID_REQUEST)
    for accept in ("application/json", "*/*", "application/json, text/event-stream;q=0.5", "", None):
        assert older_host.send(PING, headers={"Accept": accept}).status_code == 200, accept


def test_what_is_no_single_request_is_refused(host: Host) -> None:
    """A batch, an answer, a broken envelope, something too deep: 400 with a well-formed error whose id is null."""
    for version in ERAS:
        for body, code in NO_REQUESTS:
            answer = host.send(None, data=body, headers={**JSON, "MCP-Protocol-Version": version})
            assert (failure(answer), answer.get_json()["id"]) == ((400, code), None), body[:80]


def test_a_body_that_is_too_large_is_refused(host: Host) -> None:
    """More than the shop takes at once is 413, and read no further."""
    huge = json.dumps(PING | {"params": {"x": "y" * 300_000}})
    assert failure(host.send(None, data=huge, headers=dict[str, str | None](JSON))) == (413, INVALID_REQUEST)


def test_a_cookie_is_not_looked_at(shop: ShopUnderTest) -> None:
    """Who is signed in in a browser is nobody here: there is nothing that a forged request could use."""
    sofia = shop.sign_in(SOFIA)
    with watching(shop) as seen:
        answer = sofia.client.post("/mcp", base_url=BASE_URL, json=PING)
    assert failure(answer) == (401, AUTHENTICATION_REQUIRED)
    assert (seen.changed, seen.names) == (set(), [])


def test_what_breaks_inside_is_told_as_an_error(
    shop: ShopUnderTest, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failing database is 503 with a JSON-RPC error, never a page or a stack trace."""

    def fail(*_: object) -> None:
        raise RuntimeError("a secret of the machine room")

    monkeypatch.setattr(shop.gateway.enquiries, "alive", fail)
    answer = host.ask("tools/list")
    assert failure(answer)[0] == 503 and "secret" not in answer.text
