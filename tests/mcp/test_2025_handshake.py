"""The revisions with a handshake: 2025-06-18 and 2025-11-25."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from mcp_types.jsonrpc import INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND
from mcp_types.methods import validate_server_result

from tests.mcp.host import HANDSHAKE, OLDER, Host, host_of
from tests.support.people import NOAH, SOFIA, ShopUnderTest
from tests.support.state import ONE_ENGINE

pytestmark = ONE_ENGINE
SEARCH = {"name": "search_products", "arguments": {"query": "mug"}}
REQUESTS: list[tuple[str, dict[str, Any]]] = [
    ("ping", {}),
    ("tools/list", {}),
    ("tools/call", SEARCH),
    ("resources/list", {}),
    ("resources/templates/list", {}),
    ("resources/read", {"uri": "shop://products/context-tee"}),
    ("prompts/list", {}),
    ("prompts/get", {"name": "order_again", "arguments": {"number": "CC-5QF1A7"}}),
]


def test_both_agree_on_a_revision(host: Host) -> None:
    """The client's, when it is served; else our newest, and the client decides. A session id comes along."""
    for asked, agreed in ((HANDSHAKE, HANDSHAKE), (OLDER, OLDER), ("2024-11-05", HANDSHAKE), ("x", HANDSHAKE)):
        host.version, host.session = asked, None
        answer = host.shake_hands()
        validate_server_result("initialize", HANDSHAKE, answer)
        assert answer["protocolVersion"] == agreed and answer["serverInfo"]["title"] == "Context & Co."
        assert host.session and str(host.session).isascii() and str(host.session).isprintable()


def test_results_are_those_of_the_revision(shop: ShopUnderTest) -> None:
    """Nothing of a later revision is in them, since strict clients refuse what they do not know."""
    sofia = shop.sign_in(SOFIA)
    for version in (HANDSHAKE, OLDER):
        host = host_of(sofia, version=version)
        for method, params in REQUESTS:
            result = host.result(method, params)
            validate_server_result(method, version, result)
            assert not {"resultType", "ttlMs", "cacheScope"} & set(result)
            assert method != "ping" or result == {}


@pytest.mark.holds("I11", "M4")
def test_a_session_is_good_for_whom_it_was_given_to(build_shop: Callable[..., ShopUnderTest]) -> None:
    """Another person's, a forged or an old one: 404, and the client shakes hands anew."""
    shop = build_shop(access_token_lifetime=timedelta(days=2))
    sofia = shop.sign_in(SOFIA)
    host, noah = host_of(sofia, version=HANDSHAKE), host_of(shop.sign_in(NOAH), version=HANDSHAKE)
    assert host.session and noah.session
    for stranger in (noah.session, host.session[:-4] + "AAAA", "", "mcs_1", "a" * 5000, host.session + "x"):
        assert host.error("tools/list", headers={"Mcp-Session-Id": stranger}) == (404, INVALID_REQUEST)
    assert host.error("tools/list", headers={"Authorization": noah.authorization}) == (404, INVALID_REQUEST)
    shop.clock.pass_by(hours=25)
    assert host.error("tools/list") == (404, INVALID_REQUEST)


def test_another_process_opens_the_session_of_this_one(
    older_host: Host, build_shop: Callable[..., ShopUnderTest]
) -> None:
    """Nothing of a session is kept in a process, nor anywhere else."""
    older_host.shop = build_shop()
    assert older_host.call("search_products", {"query": "mug"})["structuredContent"]["count"]


def test_a_host_that_loses_its_session_is_served_all_the_same(older_host: Host) -> None:
    """Many do. Its conversation is then inferred, and what it declared is forgotten. A revision that is not served is 400."""
    older_host.session = None
    assert older_host.result("tools/list")["tools"]
    assert older_host.ask("tools/list", headers={"MCP-Protocol-Version": None}).status_code == 200
    for version in ("2024-11-05", "2025-03-26"):
        assert older_host.error("ping", headers={"MCP-Protocol-Version": version}) == (400, INVALID_REQUEST)


def test_errors_of_this_era_are_answers(older_host: Host) -> None:
    """HTTP says 200: 404 would mean that the session is gone. A resource that is not there has the code of this era."""
    params = {"logging/setLevel": {"level": "info"}, "resources/subscribe": {"uri": "shop://products/context-tee"}}
    for method in ("server/discover", "logging/setLevel", "resources/subscribe", "tasks/list", "nothing"):
        assert older_host.error(method, params.get(method)) == (200, METHOD_NOT_FOUND), method
    assert older_host.error("resources/read", {"uri": "shop://products/nothing"}) == (200, -32002)
    for lacking in (None, {}, {"protocolVersion": HANDSHAKE}, {"protocolVersion": 1, "capabilities": 2}):
        assert older_host.error("initialize", lacking)[1] == INVALID_PARAMS
