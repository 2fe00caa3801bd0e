"""RFC 7591: a client registers itself; what is refused, how often, and what becomes of those that nobody lets in."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from shop.guards.counters import RateLimitCounter
from shop.oauth.clients.client import Client
from tests.identity.hostile import ec_key
from tests.oauth.looks import counted, events, facts, row, rows
from tests.support.assistants import ExternalAssistant, back, decide, error_of
from tests.support.people import SOFIA, ShopUnderTest
from tests.support.providers import BASE_URL
from tests.support.state import ONE_ENGINE, watching

GOOD = {
    "client_name": "A helper",
    "redirect_uris": ["http://127.0.0.1/callback"],
    "token_endpoint_auth_method": "none",
    "grant_types": ["authorization_code", "refresh_token"],
}


def register(shop: ShopUnderTest, metadata: Any, address: str = "203.0.113.7") -> TestResponse:
    """Send a registration from an address."""
    data = metadata if isinstance(metadata, str | bytes) else json.dumps(metadata)
    return shop.app.test_client().post(  # type: ignore[no-any-return]
        "/oauth/register",
        data=data,
        content_type="application/json",
        base_url=BASE_URL,
        environ_overrides={"REMOTE_ADDR": address},
    )


@pytest.mark.holds("ASVS-10.4.7", "M7")
def test_a_client_registers_itself_and_a_person_is_warned(shop: ShopUnderTest) -> None:
    """§3.2.1: everything that was registered comes back; at consent it is one that nobody vouches for; then it works."""
    response = register(
        shop, GOOD | {"scope": "browse", "logo_uri": "https://evil.example/logo.png", "software_id": "x"}
    )
    body = response.get_json()
    assert response.status_code == 201 and response.headers["Cache-Control"] == "no-store"
    assert body["client_id"].startswith("cli_") and "client_secret" not in body and "logo_uri" not in body
    assert body["scope"] == "browse read transact", "who may ask for what is the person's to decide"
    stored = row(shop, Client, body["client_id"])
    assert (stored.kind, stored.publisher, stored.secret_hash) == ("dynamic", None, None)
    assert facts(shop, "client.registered", "system") == {
        "client": body["client_id"],
        "kind": "dynamic",
        "name": "A helper",
        "redirect_hosts": ["127.0.0.1"],
    }
    assistant, sofia = (
        ExternalAssistant(shop, body["client_id"], "http://127.0.0.1:49152/callback"),
        shop.sign_in(SOFIA),
    )
    page = assistant.open(sofia, "browse")
    assert "registered itself, unverified" in page.text and "Did you start this yourself" in page.text
    assert "evil.example" not in page.text
    assert assistant.redeem(back(decide(sofia, page)).code).status_code == 200


@ONE_ENGINE
def test_a_confidential_client_is_given_a_secret_once(shop: ShopUnderTest) -> None:
    """§3.2.1: by default a client has a secret (§2); it is shown here, does not expire, and only its hash is stored."""
    uri = ["https://assistant.example/callback"]
    body = register(shop, {"redirect_uris": uri}).get_json()
    assert body["token_endpoint_auth_method"] == "client_secret_basic" and body["client_secret_expires_at"] == 0
    assert body["client_secret"] not in str(vars(row(shop, Client, body["client_id"])))
    assert body["client_secret"] not in json.dumps([e.content for e in shop.chain("system")])
    keys = {"keys": [ec_key("mine").as_dict(private=False)]}
    signer = register(shop, {"redirect_uris": uri, "token_endpoint_auth_method": "private_key_jwt", "jwks": keys})
    assert signer.status_code == 201 and "client_secret" not in signer.get_json()


URI = "invalid_redirect_uri"
META = "invalid_client_metadata"
RUN_BY_BROWSERS = (
    *("javascript", "data", "vbscript", "file", "blob", "filesystem", "about", "view-source", "ws", "wss", "ftp"),
    *(
        "mailto",
        "tel",
        "intent",
        "search-ms",
        "ms-msdt",
        "ms-word",
        "applescript",
        "x-man-page",
        "jnlp",
        "chrome-extension",
        "moz-extension",
        "jar",
        "itms-services",
    ),
)
"""What is no app's own scheme: programs and documents of a browser, and what the system hands on."""
REFUSED: list[tuple[Any, str]] = [
    ("", META),
    ("not json", META),
    ("[]", META),
    (b"\xff\xfe", META),
    ('"text"', META),
    ({}, URI),
    (GOOD | {"redirect_uris": []}, URI),
    (GOOD | {"redirect_uris": "https://a.example"}, URI),
    (GOOD | {"redirect_uris": [7]}, URI),
    (GOOD | {"redirect_uris": ["https://a.example/cb"] * 11}, URI),
    (GOOD | {"redirect_uris": ["http://a.example/cb"]}, URI),
    (GOOD | {"redirect_uris": ["http://127.0.0.1.evil.example/cb"]}, URI),
    (GOOD | {"redirect_uris": ["https://a.example/cb#f"]}, URI),
    (GOOD | {"redirect_uris": ["https://user@a.example/cb"]}, URI),
    (GOOD | {"redirect_uris": ["https://*.a.example/cb"]}, URI),
    (GOOD | {"redirect_uris": ["https://a.example/cb; script-src *"]}, URI),
    (GOOD | {"redirect_uris": ["https://xn--%E2%98%83.example/"]}, URI),
    (GOOD | {"redirect_uris": ["https://☃.example/cb"]}, URI),
    (GOOD | {"redirect_uris": ["https://a.example:99999/cb"]}, URI),
    (GOOD | {"redirect_uris": ["https:///cb"]}, URI),
    (GOOD | {"redirect_uris": ["https://Assistant.example/cb"]}, URI),
    (GOOD | {"redirect_uris": ["https://assistant.example:/cb"]}, URI),
    (GOOD | {"redirect_uris": ["https://a.example/cb?iss=https%3A%2F%2Fevil.example"]}, URI),
    (GOOD | {"redirect_uris": ["javascript:alert(1)"]}, URI),
    (GOOD | {"redirect_uris": ["data:text/html,x"]}, URI),
    (GOOD | {"redirect_uris": ["file:///etc/passwd"]}, URI),
    *((GOOD | {"redirect_uris": [f"{scheme}:x"]}, URI) for scheme in RUN_BY_BROWSERS),
    (GOOD | {"redirect_uris": ["JavaScript:alert(1)"]}, URI),
    (GOOD | {"redirect_uris": ["localhost:8080/callback"]}, URI),
    (GOOD | {"redirect_uris": ["anyapp:"]}, URI),
    (GOOD | {"redirect_uris": [None]}, URI),
    (GOOD | {"redirect_uris": ["/relative"]}, URI),
    (GOOD | {"redirect_uris": ["https://a.example/" + "x" * 1000]}, URI),
    (GOOD | {"token_endpoint_auth_method": "tls_client_auth"}, META),
    (GOOD | {"grant_types": ["password"]}, META),
    (GOOD | {"grant_types": ["implicit", "refresh_token"]}, META),
    (GOOD | {"response_types": ["token"]}, META),
    (GOOD | {"token_endpoint_auth_method": "private_key_jwt"}, META),
    (GOOD | {"jwks": {"keys": []}}, META),
    (GOOD | {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "http://127.0.0.1/keys"}, META),
    (GOOD | {"client_name": 7}, META),
    (GOOD | {"client_uri": "javascript:alert(1)"}, META),
]


@ONE_ENGINE
@pytest.mark.holds("ASVS-10.4.7", "ASVS-10.4.4", "RFC9700-2.4", "M6")
def test_what_would_be_unsafe_is_refused_with_a_reason(build_shop: Callable[..., ShopUnderTest]) -> None:
    """§3.2.2: the protocol's error and a sentence for the developer, whatever was sent; recorded, and nothing is stored."""
    shop = build_shop(registrations_per_address=1000)
    private = {"keys": [ec_key("mine").as_dict(private=True)]}
    cases = [*REFUSED, (GOOD | {"token_endpoint_auth_method": "private_key_jwt", "jwks": private}, META)]
    for metadata, error in cases:
        response = register(shop, metadata)
        assert error_of(response) == (400, error), metadata
        assert response.get_json()["error_description"].isascii()
    assert rows(shop, Client) == []
    assert sum(counted(shop, "client.registration_refused").values()) == len(cases)
    assert events(shop, "client.registration_refused", "system") == []


@ONE_ENGINE
def test_apps_register_what_apps_need(build_shop: Callable[..., ShopUnderTest]) -> None:
    """RFC 8252 §7: a reversed domain name, any app's own scheme, a loopback address in each spelling, https."""
    shop = build_shop(registrations_per_address=1000)
    sofia = shop.sign_in(SOFIA)
    for uri in (
        "com.example.app:/oauth/callback",
        "cursor://anysphere.cursor-mcp/oauth/callback",
        "vscode://vscode.github-authentication/did-authenticate",
        "anyapp://callback",
        "myApp:callback",
        "web+shop:callback",
        "http://localhost:8080/callback",
        "http://[::1]/callback",
        "https://assistant.example/callback?tenant=7",
    ):
        answer = register(shop, GOOD | {"redirect_uris": [uri]})
        assert answer.status_code == 201, uri
        page = ExternalAssistant(shop, answer.get_json()["client_id"], uri).open(sofia, "browse")
        assert ("Did you start this yourself" in page.text) == (not uri.startswith("https")), (
            "a person is warned of any"
        )


@ONE_ENGINE
def test_null_and_empty_members_mean_absent_ones(build_shop: Callable[..., ShopUnderTest]) -> None:
    """§2: every member is optional, and generated clients send all that they know; what is required is asked for as ever."""
    shop = build_shop(registrations_per_address=1000)
    names = (
        "client_name",
        "client_uri",
        "logo_uri",
        "scope",
        "contacts",
        "jwks",
        "jwks_uri",
        "grant_types",
        "response_types",
    )
    plain = register(shop, {"redirect_uris": GOOD["redirect_uris"]}).get_json()
    nothings: list[Any] = [None, "", [], {}]
    for nothing in nothings:
        said = GOOD | dict.fromkeys((*names, "token_endpoint_auth_method", "software_statement"), nothing)
        answer = register(shop, said)
        assert answer.status_code == 201, (nothing, answer.text)
        body = answer.get_json()
        for name in ("grant_types", "response_types", "scope", "token_endpoint_auth_method"):
            assert body[name] == plain[name], "the defaults of RFC 7591"
        assert set(body) == set(plain)
        assert error_of(register(shop, said | {"redirect_uris": nothing})) == (400, URI)


@pytest.mark.holds("ASVS-10.4.7", "LLM10")
def test_registration_is_bounded_in_every_process(build_shop: Callable[..., ShopUnderTest]) -> None:
    """By address and for all together, counted in the database; an IPv6 network is one address; an hour later it goes on.

    However often one address tries, it takes nothing from the others.
    """
    limits = {"registrations_per_address": 3, "registrations_per_hour": 7}
    one, other = build_shop(**limits), build_shop(**limits)
    answers = [register(shop, GOOD).status_code for shop in (one, other, one, other)]
    assert answers == [201, 201, 201, 429]
    assert {error_of(register(one, GOOD)) for _ in range(8)} == {(429, "too_many_requests")}
    same_network = [f"2001:db8:1:2::{n}" for n in range(1, 5)]
    assert [register(one, GOOD, address).status_code for address in same_network] == [201, 201, 201, 429]
    assert [register(one, GOOD, f"198.51.100.{n}").status_code for n in (1, 2)] == [201, 429], "all together"
    with one.database.read() as db:
        keys = list(db.scalars(select(RateLimitCounter.key)))
    assert keys and not any("203.0.113" in key or "2001" in key for key in keys)
    assert counted(one, "rate_limit.reached") == {"registrations_per_address": 2, "registrations_per_hour": 1}, (
        "one of each window, in all processes"
    )
    one.clock.pass_by(hours=1)
    other.clock.now = one.clock.now
    assert register(other, GOOD).status_code == 201
    assert events(one, "client.registration_refused", "system") == []


@ONE_ENGINE
@pytest.mark.holds("ASVS-10.4.7")
def test_a_client_that_nobody_lets_in_is_forgotten(build_shop: Callable[..., ShopUnderTest]) -> None:
    """After a day it is unknown, and its row is swept away; one that somebody let in stays."""
    shop = build_shop(session_idle=timedelta(days=3), session_absolute=timedelta(days=3))
    unused, used = (register(shop, GOOD).get_json()["client_id"] for _ in range(2))
    sofia = shop.sign_in(SOFIA)
    assistant = ExternalAssistant(shop, used, "http://127.0.0.1/callback").connect(sofia)
    shop.clock.pass_by(days=1, seconds=1)
    with watching(shop) as seen:
        gone = ExternalAssistant(shop, unused, "http://127.0.0.1/callback").open(sofia, "browse")
    assert gone.status_code == 400 and "may have been forgotten" in gone.text
    assert seen.names == ["authorization.refused"]
    shop.app.extensions["upkeep"].run_all()
    assert unused not in {client.client_id for client in rows(shop, Client)}
    assert assistant.refresh().status_code == 200
