"""Authorization (MCP, RFC 6750, RFC 9728): who is let in, and what the others are told that they can do about it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from sqlalchemy import update
from werkzeug.test import TestResponse

from shop.credentials.end_reasons import EndReason
from shop.credentials.ledger import Authority, end
from shop.mcp.handshake import SESSION_HEADER
from shop.mcp.wire import ACCESS_REFUSED, AUTHENTICATION_REQUIRED, INSUFFICIENT_SCOPE
from shop.oauth.issuer import Issuer
from tests.mcp.host import ERAS, HANDSHAKE, Host, failure, host_of
from tests.oauth.looks import counted
from tests.support.people import GIL, SOFIA, ShopUnderTest
from tests.support.providers import BASE_URL
from tests.support.state import HOODIE, ONE_ENGINE, watching

METADATA_ADDRESS = f"{BASE_URL}/.well-known/oauth-protected-resource/mcp"
METADATA = f'resource_metadata="{METADATA_ADDRESS}"'
ADD = {"name": "add_to_cart", "arguments": {"sku": HOODIE}}


def claims_of(host: Host) -> dict[str, Any]:
    """What a host's token says, read without verifying."""
    issuer: Issuer = host.shop.app.extensions["oauth"]
    encoded = str(host.authorization).removeprefix("Bearer ")
    return dict(jwt.decode(encoded, lambda signed: issuer.keys.public(signed.headers()["kid"])).claims)


def signed(host: Host, typ: str = "at+jwt", **changed: Any) -> str:
    """A token like the host's with other claims, signed by the issuer's own key."""
    issuer: Issuer = host.shop.app.extensions["oauth"]
    return f"Bearer {issuer.keys.signer().sign(claims_of(host) | changed, typ=typ)}"


@ONE_ENGINE
@pytest.mark.holds("MCP-401", "I2", "I15")
def test_without_a_good_token_nobody_gets_in(shop: ShopUnderTest) -> None:
    """401 with where to get a token and what to ask for first; the tools are not even listed. Strangers' are counted; one that
    was ours, and has expired, is its person's.
    """
    host = host_of(shop.sign_in(SOFIA))
    stranger = RSAKey.generate_key(2048)
    forged = jwt.encode({"alg": "RS256", "kid": "key_x", "typ": "at+jwt"}, claims_of(host), stranger)
    bad = [
        signed(host, aud="https://other.example/mcp"),
        signed(host, aud=BASE_URL),
        signed(host, iss="https://other.example"),
        signed(host, exp=int(shop.clock().timestamp()) - 1),
        signed(host, typ="JWT"),
        f"Bearer {forged}",
        "Bearer x.y.z",
        "Bearer",
        "Basic c29maWE6c2VjcmV0",
        str(host.authorization) + "x",
    ]
    with watching(shop) as seen:
        for authorization in [None, *bad]:
            answer = host.ask("tools/list", headers={"Authorization": authorization})
            assert failure(answer) == (401, AUTHENTICATION_REQUIRED), authorization
            told = answer.headers["WWW-Authenticate"]
            assert METADATA in told and 'scope="browse read transact"' in told
            assert ('error="invalid_token"' in told) == (authorization is not None)
    assert (seen.changed, seen.names) == (set(), ["access.denied"])
    assert seen.events[0].content["facts"] == {"page": "/mcp", "handle": "access_token", "why": "expired"}
    assert counted(host.shop, "access.denied") == {"access_token invalid_token": 7, "access_token malformed": 2}
    assert "?access_token" not in host.ask("tools/list").text


@ONE_ENGINE
@pytest.mark.holds("MCP-401")
def test_a_token_in_the_address_is_none(shop: ShopUnderTest) -> None:
    """OAuth 2.1 §5.1.1: only the header counts, addresses end up in logs."""
    host = host_of(shop.sign_in(SOFIA))
    token = str(host.authorization).removeprefix("Bearer ")
    answer = host.ask("tools/list", headers={"Authorization": None}, query_string={"access_token": token})
    assert failure(answer) == (401, AUTHENTICATION_REQUIRED)


@pytest.mark.holds("MCP-403", "I3", "I5")
@pytest.mark.parametrize("version", ERAS)
def test_too_little_is_told_with_all_that_is_needed(shop: ShopUnderTest, version: str) -> None:
    """403 `insufficient_scope` names the granted scopes too, so that asking again loses none; the denial is on record."""
    host = host_of(shop.sign_in(SOFIA), "browse", "read", version=version)
    with watching(shop) as seen:
        answer = host.ask("tools/call", ADD)
    assert failure(answer) == (403, INSUFFICIENT_SCOPE)
    told = answer.headers["WWW-Authenticate"]
    assert 'error="insufficient_scope"' in told and 'scope="browse read transact"' in told and METADATA in told
    assert f"{BASE_URL}/assistants" in answer.get_json()["error"]["message"], "where the person allows it"
    assert "tool_call.denied" in seen.names and "carts" not in seen.changed
    assert seen.events[-1].content["decision"]["rule"] == "default.scope"
    looking = host_of(shop.sign_in(SOFIA), "browse", version=version, meta={})
    assert 'scope="browse read"' in looking.ask("tools/call", {"name": "view_cart"}).headers["WWW-Authenticate"]


@ONE_ENGINE
@pytest.mark.holds("MCP-403")
def test_hosts_that_link_by_result_get_a_result(shop: ShopUnderTest) -> None:
    """A host of that family is told by `mcp/www_authenticate`: the same challenge, and nothing more is done for it."""
    host = host_of(shop.sign_in(SOFIA), "browse", meta={"openai/session": "v1/abc"})
    result = host.call(ADD["name"], ADD["arguments"])  # type: ignore[arg-type]
    assert result["isError"] and "structuredContent" not in result
    (challenge,) = result["_meta"]["mcp/www_authenticate"]
    assert re.match(r'Bearer .*scope="browse transact", error="insufficient_scope"', challenge)
    assert "permission" in result["content"][0]["text"]


@pytest.mark.holds("I9", "I12", "MCP-401")
def test_what_ended_is_refused_at_the_next_request(shop: ShopUnderTest) -> None:
    """Grant, token or membership: 401 for calls, reads and lists, and the refused call is on record."""
    sofia = shop.sign_in(SOFIA)
    host = host_of(sofia, "browse", "read")
    assert host.call("list_orders")["structuredContent"]["count"]
    with shop.database.write() as db:
        end(db, [claims_of(host)["grant"]], EndReason("revoked"))
    hello = {"protocolVersion": HANDSHAKE, "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}
    older = Host(shop, host.assistant, version=HANDSHAKE)
    for answer in (
        older.ask("initialize", hello, headers={"MCP-Protocol-Version": None}),
        older.ask("ping"),
        older.send({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        host.send(
            {"jsonrpc": "2.0", "method": "notifications/cancelled"}, headers={"MCP-Protocol-Version": host.version}
        ),
    ):
        assert failure(answer) == (401, AUTHENTICATION_REQUIRED), "also where nothing is done"
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"] and SESSION_HEADER not in answer.headers
    for method, params in (
        ("tools/call", {"name": "list_orders"}),
        ("tools/call", ADD),
        ("tools/list", {}),
        ("resources/list", {}),
        ("resources/read", {"uri": "shop://products/context-tee"}),
        ("resources/read", {"uri": "ui://context-and-co/cart.html"}),
        ("server/discover", {}),
    ):
        answer = host.ask(method, params)
        assert failure(answer) == (401, AUTHENTICATION_REQUIRED), method
        challenge = answer.headers["WWW-Authenticate"]
        assert 'error="invalid_token"' in challenge and 'scope="browse read transact"' in challenge, method
    with watching(shop) as seen:
        host.ask("tools/call", {"name": "list_orders"})
    assert seen.names == ["tool_call.denied"]
    assert seen.events[0].content["decision"]["rule"] == "credential.grant.ended"


@ONE_ENGINE
@pytest.mark.holds("MCP-401", "M9")
def test_the_address_with_a_slash_is_the_same_endpoint(shop: ShopUnderTest) -> None:
    """`/mcp/` is answered, not redirected (a redirect would lose the body), and its challenge leads to a document that names it."""
    host = host_of(shop.sign_in(SOFIA))
    there = shop.app.test_client()

    def ask(authorization: str | None) -> TestResponse:
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        headers = {"Authorization": authorization, "MCP-Protocol-Version": HANDSHAKE}
        sent = {name: value for name, value in headers.items() if value is not None}
        return there.post("/mcp/", json=body, headers=sent, base_url=BASE_URL)  # type: ignore[no-any-return]

    answer = ask(host.authorization)
    assert answer.status_code == 200 and answer.get_json()["result"]["tools"]
    assert there.get("/mcp/", headers={"Authorization": host.authorization}, base_url=BASE_URL).status_code == 405
    refused = ask(None)
    assert failure(refused) == (401, AUTHENTICATION_REQUIRED)
    found = re.search(r'resource_metadata="([^"]+)"', refused.headers["WWW-Authenticate"])
    assert found and found[1] == f"{METADATA_ADDRESS}/"
    assert there.get(found[1], base_url=BASE_URL).get_json()["resource"] == f"{BASE_URL}/mcp/"
    assert METADATA in host.ask("tools/list", headers={"Authorization": None}).headers["WWW-Authenticate"]


@ONE_ENGINE
@pytest.mark.holds("I3", "I9")
def test_what_a_new_token_would_not_change_gets_no_challenge(shop: ShopUnderTest) -> None:
    """Blocked, paused, or held back by the organization's ceiling: clients that were challenged would loop."""
    host = host_of(shop.sign_in(SOFIA), "browse", "read", "transact")
    claims = claims_of(host)

    def change(identifier: str, **values: Any) -> None:
        with shop.database.write() as db:
            db.execute(update(Authority).where(Authority.id == identifier).values(**values))

    change(claims["agent"], scopes=["browse"])
    held_back = host.call(ADD["name"], ADD["arguments"])  # type: ignore[arg-type]
    assert held_back["isError"] and held_back["structuredContent"]["code"] == "not_permitted"
    assert "_meta" not in held_back or "mcp/www_authenticate" not in held_back["_meta"]
    change(claims["agent"], suspended_at=shop.clock())
    assert host.call("list_orders")["structuredContent"]["code"] == "blocked"
    assert failure(host.ask("tools/list")) == (403, ACCESS_REFUSED)
    change(claims["agent"], suspended_at=None)
    change(claims["membership"], assistants_paused_at=shop.clock())
    assert host.call("list_orders")["structuredContent"]["code"] == "paused"
    answer = host.ask("tools/list")
    assert failure(answer) == (403, ACCESS_REFUSED) and "WWW-Authenticate" not in answer.headers


@ONE_ENGINE
@pytest.mark.holds("I10", "M2")
def test_rows_of_another_organization_make_nobody(shop: ShopUnderTest) -> None:
    """Even a token that we signed ourselves says nothing that the rows do not: mixed from two organizations it is dead."""
    host, gil = host_of(shop.sign_in(SOFIA)), host_of(shop.sign_in(GIL))
    theirs = claims_of(gil)
    for name in ("org", "membership", "grant", "agent", "jti"):
        mixed: dict[str, str | None] = {"Authorization": signed(host, **{name: theirs[name]})}
        assert host.ask("tools/list", headers=mixed).status_code in {401, 403}, name
        answer = host.ask("tools/call", {"name": "list_orders"}, headers=mixed)
        assert answer.get_json().get("result", {"isError": True})["isError"], name


@ONE_ENGINE
@pytest.mark.holds("M2")
def test_no_token_of_a_client_goes_anywhere_or_is_kept(build_shop: Callable[..., ShopUnderTest]) -> None:
    """Nothing that the endpoint writes holds the token it was given: no row, no event, no answer."""
    shop = build_shop()
    host = host_of(shop.sign_in(SOFIA), "browse", "read", "transact")
    host.call(ADD["name"], ADD["arguments"])  # type: ignore[arg-type]
    waiting = host.call("place_order")
    token = str(host.authorization).removeprefix("Bearer ")
    assert token not in str(waiting)
    with shop.database.engine.connect() as connection:
        dump = "\n".join(connection.connection.dbapi_connection.iterdump())  # type: ignore[union-attr]
    assert token not in dump and token.rpartition(".")[2] not in dump
