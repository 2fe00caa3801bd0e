"""The stateless revision: everything in each request, and headers that agree with the body."""

from __future__ import annotations

import base64
from typing import Any

from mcp_types import CLIENT_CAPABILITIES_META_KEY, PROTOCOL_VERSION_META_KEY, SERVER_INFO_META_KEY
from mcp_types.jsonrpc import HEADER_MISMATCH, INVALID_PARAMS, METHOD_NOT_FOUND, UNSUPPORTED_PROTOCOL_VERSION
from mcp_types.methods import validate_server_result

from tests.mcp.host import STATELESS, Host, failure
from tests.support.state import ONE_ENGINE, OWN_ORDER

pytestmark = ONE_ENGINE
SEARCH = {"name": "search_products", "arguments": {"query": "mug"}}
BUDGET = {"ref": {"type": "ref/prompt", "name": "find_a_gift"}, "argument": {"name": "budget", "value": "2"}}
SERVED = ["2026-07-28", "2025-11-25", "2025-06-18"]
REQUESTS: list[tuple[str, dict[str, Any]]] = [
    ("server/discover", {}),
    ("tools/list", {}),
    ("tools/call", SEARCH),
    ("tools/call", {"name": "get_order", "arguments": {"number": "none"}}),
    ("resources/list", {}),
    ("resources/templates/list", {}),
    ("resources/read", {"uri": "shop://products/context-tee"}),
    ("resources/read", {"uri": f"shop://orders/{OWN_ORDER}"}),
    ("prompts/list", {}),
    ("prompts/get", {"name": "explain_refusal"}),
    ("completion/complete", BUDGET),
]


def test_every_result_is_what_the_revision_prescribes(host: Host) -> None:
    """Shape, `resultType`, who we are; `ttlMs` and `cacheScope` where a result may be kept, and what is a person's is private."""
    for method, params in REQUESTS:
        result = host.result(method, params)
        validate_server_result(method, STATELESS, result)
        assert result["resultType"] == "complete"
        assert result["_meta"][SERVER_INFO_META_KEY]["name"] == "context-and-co"
        is_cacheable = method not in {"tools/call", "prompts/get", "completion/complete"}
        assert ("ttlMs" in result, "cacheScope" in result) == (is_cacheable, is_cacheable), method
        if "orders" in str(params):
            assert (result["ttlMs"], result["cacheScope"]) == (0, "private")


def test_discover_names_every_revision_that_is_served(host: Host) -> None:
    """A client picks one of them, also of the older era; nothing is announced that is not there."""
    found = host.result("server/discover")
    assert found["supportedVersions"] == SERVED
    assert set(found["capabilities"]) == {"tools", "resources", "prompts", "completions"}


def test_headers_that_disagree_with_the_body_are_refused(host: Host) -> None:
    """A proxy that lets `search_products` through must not carry `place_order`: 400, -32020."""
    disagreeing: list[dict[str, str | None]] = [
        {"MCP-Protocol-Version": "2026-07-29"},
        {"MCP-Protocol-Version": None},
        {"Mcp-Method": "tools/list"},
        {"Mcp-Method": None},
        {"Mcp-Method": "tools/call,tools/call"},  # what a header that is there twice becomes
        {"Mcp-Name": "place_order"},
        {"Mcp-Name": None},
        {"Mcp-Name": "=?base64?###?="},
    ]
    for headers in disagreeing:
        assert host.error("tools/call", SEARCH, headers=headers) == (400, HEADER_MISMATCH), headers


def test_a_name_that_fits_no_header_is_encoded(host: Host) -> None:
    """`=?base64?…?=` is read as what it stands for."""
    uri = "shop://products/größe"
    encoded = f"=?base64?{base64.b64encode(uri.encode()).decode()}?="
    answer = host.ask("resources/read", {"uri": uri}, headers={"Mcp-Name": encoded})
    assert failure(answer) == (400, INVALID_PARAMS) and answer.get_json()["error"]["message"] == "Resource not found"


def test_a_revision_that_is_not_served_names_those_that_are(host: Host) -> None:
    """400, -32022, with what is supported and what was asked for."""
    note = {"jsonrpc": "2.0", "method": "notifications/cancelled"}
    for version in ("2027-01-01", "1.0", "latest"):
        host.meta = {PROTOCOL_VERSION_META_KEY: version}
        answer = host.ask("tools/list", headers={"MCP-Protocol-Version": version})
        assert failure(answer) == (400, UNSUPPORTED_PROTOCOL_VERSION)
        assert answer.get_json()["error"]["data"] == {"supported": SERVED, "requested": version}
        assert failure(host.send(note, headers={"MCP-Protocol-Version": version}))[1] == UNSUPPORTED_PROTOCOL_VERSION


def test_an_envelope_without_its_keys_is_refused(host: Host) -> None:
    """The message names what is missing."""
    for key in (PROTOCOL_VERSION_META_KEY, CLIENT_CAPABILITIES_META_KEY):
        meta = {PROTOCOL_VERSION_META_KEY: STATELESS, CLIENT_CAPABILITIES_META_KEY: {}}
        del meta[key]
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": meta}}
        answer = host.send(body, headers=host.headers("tools/list", {}))
        assert failure(answer) == (400, INVALID_PARAMS) and key in answer.get_json()["error"]["message"]


def test_an_unknown_method_is_404(host: Host) -> None:
    """Those of the older era too: there is no `initialize` and no `ping` any more; and there are no subscriptions."""
    for method in ("ping", "initialize", "logging/setLevel", "subscriptions/listen", "tools/cal", "x" * 900):
        params: dict[str, Any] = {"notifications": {}} if method == "subscriptions/listen" else {}
        assert host.error(method, params) == (404, METHOD_NOT_FOUND), method


def test_parameters_that_make_no_sense_are_refused(host: Host) -> None:
    """400, -32602, with a sentence."""
    senseless: list[tuple[str, dict[str, Any]]] = [
        ("tools/call", {}),
        ("tools/call", {"name": "search_products", "arguments": [1]}),
        ("tools/call", {"name": "drop_tables"}),
        ("tools/call", {"name": "\ud800"}),
        ("resources/read", {}),
        ("resources/read", {"uri": "file:///etc/passwd"}),
        ("resources/list", {"cursor": "somewhere"}),
        ("resources/list", {"cursor": "99999999"}),
        ("resources/list", {"cursor": "99999"}),
        ("prompts/get", {"name": "nothing"}),
        ("prompts/get", {"name": "find_a_gift"}),
        ("completion/complete", {**BUDGET, "argument": {"name": "nothing", "value": ""}}),
        ("completion/complete", {**BUDGET, "ref": {"type": "ref/prompt", "name": "x"}}),
    ]
    for method, params in senseless:
        name = params.get("name", "")
        headers = {} if name.isascii() else {"Mcp-Name": "=?base64?7aCA?="}
        status, code = host.error(method, params, headers=headers)
        assert (status, code) == (400, HEADER_MISMATCH if headers else INVALID_PARAMS), (method, params)


def test_a_notification_is_taken_and_a_session_is_never_given(host: Host) -> None:
    """202 without a body; no `Mcp-Session-Id` in this era."""
    note = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}
    answer = host.send(note, headers={"MCP-Protocol-Version": STATELESS})
    assert (answer.status_code, answer.data) == (202, b"")
    assert "Mcp-Session-Id" not in host.ask("tools/list").headers
