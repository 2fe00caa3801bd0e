"""What nobody sends by mistake, at every endpoint for machines: the protocol's error, never a failure of ours, and no trace."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.identity.hostile import ec_key
from tests.oauth.looks import counted
from tests.oauth.strangers import a_stranger
from tests.oauth.test_cimd import ADDRESS, PATH
from tests.oauth.test_rfc7523_client_authentication import ASSERTION, assertion, signed, with_key
from tests.support.assistants import ExternalAssistant, error_of, registered
from tests.support.people import SOFIA, ShopUnderTest
from tests.support.providers import BASE_URL
from tests.support.state import watching

GRANT = "urn:ietf:params:oauth:grant-type:"
DEEP = b'{"a":' + b"[" * 1500 + b"]" * 1500 + b"}"
HALF = rb'"\ud83d"'
"""Half a character: proper JSON, and no text that a database could keep."""
DIGITS = b"9" * 5000


def token(header: bytes = b'{"alg":"RS256","typ":"at+jwt","kid":"x"}', payload: bytes = b'{"sub":"x"}') -> str:
    """Something that looks like a JWT."""
    parts = (header, payload, b"a signature")
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


TOKENS = [
    "…",
    "....",
    "a.b.c.d.e",
    token(payload=DEEP),
    token(payload=b"[]"),
    token(payload=b"\xff"),
    token(payload=b'{"sub":[],"iss":{}}'),
    token(payload=b'{"sub":' + HALF + b',"iss":' + HALF + b"}"),
    token(payload=b'{"sub":"a\\u0000b","iss":"a\\u0000b"}'),
    token(payload=b'{"sub":NaN,"iss":1e400}'),
    token(payload=b'{"sub":' + DIGITS + b"}"),
    token(payload=b'{"sub":"https://[::1/","iss":"https://[::1/"}'),
    token(header=DEEP),
    token(header=b"[]"),
    token(header=b'{"alg":["RS256"],"kid":{}}'),
    token(header=b'{"alg":"RS256","kid":["x"]}'),
    token(header=b'{"alg":"RS256","kid":' + HALF + b"}"),
    token(header=b'{"alg":"RS256","crit":["b64"],"b64":false}'),
    token(header=b'{"alg":"none"}'),
]


def is_answered(response: TestResponse) -> bool:
    """Whether an answer is one of the protocol: an error in its form, or what nonsense is told at revocation and introspection."""
    body = response.get_json()
    is_calm = response.status_code in {400, 401} or body in ({}, {"active": False})
    return is_calm and response.headers["Cache-Control"] == "no-store" and "Traceback" not in response.text


def test_a_token_that_is_none_is_refused_wherever_one_is_taken(shop: ShopUnderTest) -> None:
    """RFC 6749 §5.2, RFC 7009, RFC 7662, RFC 7523, RFC 8693: of another shape, nested endlessly, or text that nobody can keep."""
    grant_types = [f"{GRANT}token-exchange", f"{GRANT}jwt-bearer", "client_credentials"]
    client = registered(shop, method="client_secret_post", redirect_uri="", grant_types=grant_types)
    access_token = {"subject_token_type": "urn:ietf:params:oauth:token-type:access_token"}
    takers: dict[str, Callable[[str], TestResponse]] = {
        "revoke": lambda said: client.send("/oauth/revoke", token=said),
        "introspect": lambda said: client.send("/oauth/introspect", token=said),
        "exchange": lambda said: client.token(grant_type=f"{GRANT}token-exchange", subject_token=said, **access_token),
        "identity assertion": lambda said: client.token(grant_type=f"{GRANT}jwt-bearer", assertion=said),
        "client assertion": lambda said: client.token(
            grant_type="client_credentials",
            client_id=None,
            client_secret=None,
            client_assertion_type=ASSERTION,
            client_assertion=said,
        ),
    }
    with watching(shop) as seen:
        for where, take in takers.items():
            for said in TOKENS:
                assert is_answered(take(said)), (where, said[:80])
    assert not seen.changed and set(seen.names) == {"token.refused"}


BENT: dict[str, dict[str, Any]] = {
    "whose issuer is a list": {"iss": ["somebody"]},
    "whose subject and issuer are objects": {"iss": {}},
    "that ends when no float can say": {"exp": 10**400},
    "that ends when no number can say": {"exp": float("inf")},
    "that begins when no float can say": {"nbf": 10**400},
    "that begins at no time": {"nbf": "soon"},
}


def test_a_clients_own_key_signs_no_nonsense_either(shop: ShopUnderTest) -> None:
    """RFC 7523 §3: anybody may register a key, so what it signed is read as carefully as anything."""
    key = ec_key("mine")
    client = with_key(shop, key)
    for what, changed in BENT.items():
        answer = client.token(
            grant_type="refresh_token", refresh_token="x", **signed(assertion(client, key, **changed))
        )
        assert error_of(answer) == (401, "invalid_client"), what


GOOD = {"client_name": "A client", "redirect_uris": ["https://assistant.example/callback"]}
SIGNS = {"token_endpoint_auth_method": "private_key_jwt"}
ODD: list[dict[str, Any]] = [
    {"client_name": {"en": "A client"}},
    {"client_name": "\ud83d"},
    {"redirect_uris": "https://assistant.example/callback"},
    {"redirect_uris": [None]},
    {"redirect_uris": ["https://[/"]},
    {"redirect_uris": ["https://assistant.example:99999/"]},
    {"grant_types": ["authorization_code", "\ud83d"]},
    {"token_endpoint_auth_method": ["none"]},
    SIGNS | {"jwks": {"keys": [{"kty": "RSA", "n": 5, "e": 7}]}},
    SIGNS | {"jwks": {"keys": [{"kty": ["RSA"]}]}},
    SIGNS | {"jwks": {"keys": "x", "\ud83d": float("inf")}},
]
DOCUMENTS = [
    b"",
    b"\xff",
    b"[" * 100_000,
    DEEP,
    b"null",
    b'"text"',
    b"NaN",
    DIGITS,
    json.dumps(GOOD | {"software_statement": "x" * 16_384}).encode(),
    *(json.dumps(GOOD | changed).encode() for changed in ODD),
]


def test_metadata_that_is_none_registers_nobody(build_shop: Callable[..., ShopUnderTest]) -> None:
    """RFC 7591 §3.2.2: also what no UTF-8 can say, and what is nested endlessly."""
    shop = build_shop(registrations_per_address=100)
    for number, document in enumerate(DOCUMENTS, start=1):
        with watching(shop) as seen:
            answer = shop.app.test_client().post("/oauth/register", data=document, base_url=BASE_URL)
        assert error_of(answer)[0] == 400, document[:80]
        assert seen.names == [] and seen.changed == {"rate_limit_counters"}
        assert sum(counted(shop, "client.registration_refused").values()) == number


def test_a_clients_document_that_is_nested_endlessly_makes_no_client(build_shop: Callable[..., ShopUnderTest]) -> None:
    """A host that answers with five thousand brackets is one that gave no usable answer; the person reads a page."""
    with a_stranger() as host:
        shop = build_shop(fetcher=host.fetcher())
        sofia = shop.sign_in(SOFIA)
        host.publish(PATH, b'{"a":' + b"[" * 2000 + b"]" * 2000 + b"}")
        page = ExternalAssistant(shop, ADDRESS).open(sofia, "browse")
    assert page.status_code == 400 and "cannot be let in" in page.text


@pytest.mark.holds("M3")
def test_a_stranger_makes_the_shop_ask_no_host(build_shop: Callable[..., ShopUnderTest]) -> None:
    """Whoever says at the token endpoint that they are an address is not believed so far that anybody is asked about it."""
    key = ec_key("mine")
    with a_stranger() as host:
        shop = build_shop(fetcher=host.fetcher())
        stranger = ExternalAssistant(shop, ADDRESS)
        for path in ("/oauth/token", "/oauth/revoke", "/oauth/introspect"):
            said = {"grant_type": "refresh_token", "refresh_token": "x", "token": "x"}
            answer = stranger.send(path, **said, **signed(assertion(stranger, key)))
            assert error_of(answer) == (401, "invalid_client"), path
        assert host.resolved == host.asked == []
