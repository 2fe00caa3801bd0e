"""`flask oauth …`: an operator registers a client, looks at what there is, and rotates the keys. Each answers in JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import Result

from shop.oauth.clients.client import Client
from shop.oauth.commands import oauth
from tests.oauth.looks import facts, row
from tests.support.assistants import ExternalAssistant
from tests.support.documents import document
from tests.support.people import SOFIA, ShopUnderTest
from tests.support.providers import BASE_URL
from tests.support.state import ONE_ENGINE


def run(shop: ShopUnderTest, *arguments: str) -> Result:
    result: Result = shop.app.test_cli_runner().invoke(args=["oauth", *arguments])
    return result


def answered(shop: ShopUnderTest, *arguments: str) -> Any:
    result = run(shop, *arguments)
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


@ONE_ENGINE
def test_an_operator_registers_a_client(shop: ShopUnderTest) -> None:
    """It prints everything that its developer needs, the secret once; it is listed, on record, and works."""
    uri = "https://assistant.example/callback"
    told = answered(
        shop,
        "register",
        "Campus Buyer",
        "--redirect-uri",
        uri,
        "--auth-method",
        "client_secret_post",
        "--scope",
        "browse",
    )
    assert (told["client_name"], told["redirect_uris"], told["scope"]) == ("Campus Buyer", [uri], "browse")
    assert (told["issuer"], told["resource"]) == (BASE_URL, f"{BASE_URL}/mcp")
    stored = row(shop, Client, told["client_id"])
    assert stored.kind == "preregistered" and told["client_secret"] not in str(vars(stored))
    assert facts(shop, "client.registered", "system") == {
        "client": told["client_id"],
        "kind": "preregistered",
        "name": "Campus Buyer",
    }
    assistant = ExternalAssistant(shop, told["client_id"], uri, told["client_secret"])
    assert assistant.connect(shop.sign_in(SOFIA), "browse").scope == "browse"
    (listed,) = answered(shop, "clients")
    assert listed["client_id"] == told["client_id"] and "secret" not in json.dumps(listed).replace(
        "client_secret_post", ""
    )


@ONE_ENGINE
def test_a_client_that_asks_nobody_needs_no_redirect_uri(shop: ShopUnderTest) -> None:
    """It is registered for its grants alone, proves who it is, and cannot send anybody to the authorization endpoint."""
    bearer = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    told = answered(shop, "register", "Desk", "--auth-method", "client_secret_basic", "--grant-type", bearer)
    assert (told["grant_types"], told["redirect_uris"], told["response_types"]) == ([bearer], [], [])
    stored = row(shop, Client, told["client_id"])
    assert stored.token_endpoint_auth_method != "none" and not stored.check_grant_type("authorization_code")
    public = run(shop, "register", "Desk", "--grant-type", bearer)
    assert public.exit_code == 1 and "proves who it is" in public.output


@ONE_ENGINE
def test_what_makes_no_sense_is_a_sentence(shop: ShopUnderTest) -> None:
    """A bad address, a key without its method, a public client that introspects: an explanation, and nothing is registered."""
    for arguments, says in (
        (("--redirect-uri", "http://a.example/cb"), "https"),
        (("--redirect-uri", "https://a.example/cb", "--auth-method", "private_key_jwt"), "needs jwks"),
        (("--redirect-uri", "https://a.example/cb", "--introspects"), "choose an --auth-method"),
    ):
        result = run(shop, "register", "A client", *arguments)
        assert result.exit_code == 1 and says in result.output and "Traceback" not in result.output
    assert answered(shop, "clients") == []


@ONE_ENGINE
def test_keys_rotate(shop: ShopUnderTest) -> None:
    """The new key signs, the previous one is still published; the answer says which."""
    before = shop.app.extensions["oauth"].keys.signer().kid
    told = answered(shop, "rotate-keys")
    assert told["published"] == [told["signing_with"], before]
    assert facts(shop, "signing_key.rotated", "system")["because"] == "rotated"


@pytest.mark.parametrize("name", sorted(oauth.commands))
def test_every_command_is_documented(name: str) -> None:
    """Each command of `flask oauth` is in the reference."""
    spans = document("docs/reference.md").column("Commands")
    assert any(f"{span} ".startswith(f"uv run flask oauth {name} ") for span in spans)
