"""RFC 9728: the protected resource's metadata, at the address that its path makes, and at the root."""

from __future__ import annotations

import pytest

from tests.support.assistants import RESOURCE
from tests.support.people import ShopUnderTest
from tests.support.providers import BASE_URL
from tests.support.state import ONE_ENGINE


@ONE_ENGINE
@pytest.mark.parametrize("path", ["/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"])
@pytest.mark.holds("M9")
def test_the_resource_names_its_authorization_server(shop: ShopUnderTest, path: str) -> None:
    """§2, §3.1: exactly the resource that tokens are for, its issuer, the scopes, and tokens in the header only."""
    response = shop.visitor().get(path)
    assert response.get_json() == {
        "resource": RESOURCE,
        "resource_name": "Context & Co.",
        "authorization_servers": [BASE_URL],
        "scopes_supported": ["browse", "read", "transact"],
        "bearer_methods_supported": ["header"],
    }
    with_slash = shop.visitor().get("/.well-known/oauth-protected-resource/mcp/").get_json()
    assert with_slash == response.get_json() | {"resource": f"{RESOURCE}/"}, "§3.3: as it was asked for"
    assert response.mimetype == "application/json" and response.headers["Access-Control-Allow-Origin"] == "*"
