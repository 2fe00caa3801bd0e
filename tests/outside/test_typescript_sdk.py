"""The official TypeScript SDK, on which most hosts are built: it connects, signs in, refreshes, gets more, and is revoked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.oauth.looks import events
from tests.outside.person import Person, running
from tests.support.state import HOODIE, ONE_ENGINE

pytestmark = ONE_ENGINE
CALLBACK = "http://127.0.0.1:49152/callback"
ADD = {"name": "add_to_cart", "args": {"sku": HOODIE}}


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.holds("M8", "M9", "MCP-401", "MCP-403", "I9")
def test_it_gets_more_when_its_person_widens_its_grant(
    person: Person, programs: Path, version: str, slash: str
) -> None:
    """It asks for every scope at first; what its person left out comes with a later refresh, without its asking; revoked, it has
    to ask anew.
    """
    address = f"{person.base_url}/mcp{slash}"
    with running(programs, "node", "sdk.mjs", version, address, CALLBACK) as host:
        asked = host.do("connect")
        assert "scope=browse+read+transact" in asked["opened"], asked
        answer = host.do("back", url=person.allow(asked["opened"]))
        assert answer.get("connected") and answer["scope"] == "browse read", answer
        assert "place_order" in host.do("tools")["tools"]

        host.do("expire")
        assert "place_order" in host.do("tools")["tools"], "it refreshes by itself"
        refused = host.do("call", **ADD)
        steps_up = version == "2"
        assert "error" in refused and ("opened" in refused) == steps_up, refused
        person.widen("transact")
        assert "place_order" in host.do("tools")["tools"]
        if steps_up:  # it would ask its person again; a person who did not wait for that has it with the next refresh
            assert "scope=browse+read+transact" in refused["opened"]
            host.do("expire")
        added = host.do("call", **ADD)  # the other refreshes after the 403, and tries again
        assert added["result"]["structuredContent"]["added"]["sku"] == HOODIE and "transact" in added["scope"]

        person.revoke()
        ended = host.do("tools")
        assert "Unauthorized" in ended["error"] and "scope=browse+read+transact" in ended["opened"], ended
    assert len(events(person.shop, "grant.widened")) == 1
    assert events(person.shop, "refresh_token.reused") == []
