"""RFC 8414: the authorization server's metadata says what there is, and what it says is true."""

from __future__ import annotations

import pytest
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata

from tests.support.assistants import registered
from tests.support.people import SOFIA, ShopUnderTest
from tests.support.providers import BASE_URL
from tests.support.state import ONE_ENGINE

pytestmark = ONE_ENGINE


@pytest.mark.holds("RFC9700-2.6", "M9")
def test_the_metadata_is_complete_and_the_same_at_both_addresses(shop: ShopUnderTest) -> None:
    """§2, §3, §5: what MCP clients insist on is there (S256, `iss`, CIMD); a library finds nothing wrong with it."""
    visitor = shop.visitor()
    response = visitor.get("/.well-known/oauth-authorization-server")
    metadata = response.get_json()
    assert metadata == visitor.get("/.well-known/openid-configuration").get_json()
    assert response.mimetype == "application/json" and response.headers["Access-Control-Allow-Origin"] == "*"
    assert response.headers["Cache-Control"] == "public, max-age=300"
    assert metadata["issuer"] == BASE_URL
    assert metadata["code_challenge_methods_supported"] == ["S256"]
    assert metadata["authorization_response_iss_parameter_supported"] is True
    assert metadata["client_id_metadata_document_supported"] is True
    assert metadata["response_types_supported"] == ["code"]
    assert metadata["grant_types_supported"] == [
        "authorization_code",
        "refresh_token",
        "client_credentials",
        "urn:ietf:params:oauth:grant-type:token-exchange",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
    ]
    assert metadata["authorization_grant_profiles_supported"] == ["urn:ietf:params:oauth:grant-profile:id-jag"]
    assert metadata["scopes_supported"] == ["browse", "read", "transact"]
    assert "offline_access" not in metadata["scopes_supported"]
    assert "id_token_signing_alg_values_supported" not in metadata
    AuthorizationServerMetadata(metadata).validate()


def test_every_address_in_it_answers(shop: ShopUnderTest) -> None:
    """§2: each endpoint is where the metadata says, and refuses what is not for it in its own form."""
    visitor = shop.visitor()
    metadata = visitor.get("/.well-known/oauth-authorization-server").get_json()
    paths = {
        name: address.removeprefix(BASE_URL)
        for name, address in metadata.items()
        if name.endswith(("_endpoint", "_uri"))
    }
    assert set(paths) == {
        "authorization_endpoint",
        "token_endpoint",
        "registration_endpoint",
        "revocation_endpoint",
        "introspection_endpoint",
        "jwks_uri",
    }
    for name, path in paths.items():
        if name == "authorization_endpoint":
            assert visitor.get(path).headers["Location"].startswith("/sign-in")
        elif name == "jwks_uri":
            (key,) = visitor.get(path).get_json()["keys"]
            assert key["kty"] == "RSA" and key["use"] == "sig" and "d" not in key
        else:
            assert visitor.client.post(path, base_url=BASE_URL).status_code in {400, 401}, name


@pytest.mark.parametrize("method", ["none", "client_secret_basic", "client_secret_post"])
def test_each_promised_way_to_authenticate_works(shop: ShopUnderTest, method: str) -> None:
    """`token_endpoint_auth_methods_supported`: what is promised is kept (`private_key_jwt` has its own file)."""
    metadata = shop.visitor().get("/.well-known/oauth-authorization-server").get_json()
    assert method in metadata["token_endpoint_auth_methods_supported"]
    assistant, sofia = registered(shop, method=method), shop.sign_in(SOFIA)
    code = assistant.ask(sofia, "browse").code
    if method != "client_secret_basic":
        assert assistant.redeem(code).status_code == 200
        return
    response = shop.app.test_client().post(
        "/oauth/token",
        data={
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": assistant.redirect_uri,
            "code_verifier": assistant.verifier,
            "resource": f"{BASE_URL}/mcp",
        },
        auth=(assistant.client_id, str(assistant.secret)),
        base_url=BASE_URL,
    )
    assert response.status_code == 200, response.text


def test_scripts_of_another_origin_may_ask(shop: ShopUnderTest) -> None:
    """A client that runs in a browser reads the metadata and posts to the endpoints; no cookie is asked for or accepted."""
    client = shop.app.test_client()
    for path in ("/.well-known/oauth-protected-resource/mcp", "/oauth/token", "/oauth/register"):
        preflight = client.options(path, base_url=BASE_URL, headers={"Origin": "https://client.example"})
        assert preflight.headers["Access-Control-Allow-Origin"] == "*"
        assert "content-type" in preflight.headers["Access-Control-Allow-Headers"]
        assert "Access-Control-Allow-Credentials" not in preflight.headers
    assert "Access-Control-Allow-Origin" not in client.get("/oauth/authorize", base_url=BASE_URL).headers
