"""Key sets of others: one key that nobody understands does not make the others unusable (RFC 7517 §5), in any of the four places."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from joserfc import jwt
from werkzeug.wrappers import Response

from shop.guards.safe_fetch import Fetched, Fetcher
from shop.identity.key_sets import read_key_set
from shop.oauth.clients.metadata import BadMetadata, read_metadata
from shop.oauth.resource_server.external_issuer import ExternalIssuer
from shop.settings import Settings
from tests.identity.hostile import ec_key, rsa_key
from tests.identity.signing_in import Door
from tests.oauth.strangers import a_stranger
from tests.oauth.test_cimd import ADDRESS, PATH, document
from tests.oauth.test_rfc7523_client_authentication import assertion, signed
from tests.support.assistants import ExternalAssistant
from tests.support.clock import TestClock
from tests.support.people import SOFIA, ShopUnderTest
from tests.support.state import ONE_ENGINE

GOOD = rsa_key("first").as_dict(private=False)
UNKNOWN: dict[str, Any] = {
    "crv of EC": {"kty": "EC", "crv": "P-999", "x": "AA", "y": "AA", "kid": "odd"},
    "crv of OKP": {"kty": "OKP", "crv": "Ed999", "x": "AA", "kid": "odd"},
    "a point on no curve": {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "odd"},
    "kty": {"kty": "LATTICE", "kid": "odd"},
    "no kty": {"kid": "odd"},
    "use": {**GOOD, "use": "future", "kid": "odd"},
    "use for encryption": {**GOOD, "use": "enc", "kid": "odd"},
    "alg": {**GOOD, "alg": "XX999", "kid": "odd"},
    "alg for encryption": {**GOOD, "alg": "RSA-OAEP", "kid": "odd"},
    "alg that is a number": {**GOOD, "alg": 5, "kid": "odd"},
    "key_ops": {**GOOD, "key_ops": ["dream"], "kid": "odd"},
    "kid that is a number": {**GOOD, "kid": 7},
    "no object": "x",
    "nothing": None,
}
each = pytest.mark.parametrize("odd", UNKNOWN.values(), ids=UNKNOWN.keys())


@each
def test_what_is_unknown_is_passed_over_and_noted(odd: object, caplog: pytest.LogCaptureFixture) -> None:
    """The good key is read wherever the odd one stands, and the log says which key is not used and why."""
    with caplog.at_level(logging.WARNING):
        for keys in ([odd, GOOD], [GOOD, odd]):
            read = read_key_set({"keys": keys}, whose="https://login.example")
            assert [key.kid for key in read.keys] == ["first"] and read.entries == (GOOD,)
            assert len(read.passed_over) == 1 and read.passed_over[0].why
    assert caplog.text.count("a key of https://login.example is not used") == 2


def test_a_key_set_without_a_usable_key_is_none() -> None:
    """Only odd keys, or no list at all: said with a `ValueError`, never another error."""
    with pytest.raises(ValueError, match="no key that can verify"):
        read_key_set({"keys": list(UNKNOWN.values())}, whose="x").key_set()
    nonsense: tuple[object, ...] = (None, [], {}, {"keys": "none"}, {"keys": None})
    for no_key_set in nonsense:
        with pytest.raises(ValueError, match="RFC 7517"):
            read_key_set(no_key_set, whose="x")


def test_what_a_stranger_writes_breaks_no_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """A key's own words are shown short, in ASCII and in one line."""
    odd = {"kty": "x\r\nERROR all is lost \ud800" + "y" * 500, "kid": "\x1b[31m"}
    with caplog.at_level(logging.WARNING):
        read_key_set({"keys": [odd]}, whose="x")
    (line,) = caplog.messages
    assert "\n" not in line and "\x1b" not in line and line.isascii() and len(line) < 250


@ONE_ENGINE
@each
def test_a_provider_with_an_unknown_key_signs_people_in(door: Door, odd: object) -> None:
    """The identity provider's key set, read at a sign-in."""
    document = json.dumps({"keys": [odd, GOOD]})
    door.provider.answers["/jwks"] = Response(document, mimetype="application/json")
    door.sign_in()


@ONE_ENGINE
def test_a_token_without_kid_is_verified_by_the_only_key_that_signs(door: Door) -> None:
    """A second key that is for encryption leaves no doubt about which one signed."""
    keys = {"keys": [{**GOOD, "use": "enc", "kid": "odd"}, GOOD]}
    door.provider.answers["/jwks"] = Response(json.dumps(keys), mimetype="application/json")
    key = rsa_key("first")
    door.provider.encode = lambda claims: jwt.encode({"alg": "RS256"}, claims, key, ["RS256"])
    door.sign_in()


@each
def test_a_client_with_an_unknown_key_registers(odd: object) -> None:
    """A client's own key set, in its registration: what is not usable is not registered; with nothing left it is refused."""
    said = {
        "client_name": "X",
        "redirect_uris": ["https://x.example/back"],
        "token_endpoint_auth_method": "private_key_jwt",
    }
    if isinstance(odd, dict):
        metadata = read_metadata({**said, "jwks": {"keys": [odd, GOOD]}})
        assert metadata.jwks == {"keys": [GOOD]}
    with pytest.raises(BadMetadata, match="jwks"):
        read_metadata({**said, "jwks": {"keys": [odd]}})


@ONE_ENGINE
@pytest.mark.holds("RFC9700-2.5")
def test_a_client_that_publishes_an_unknown_key_authenticates(build_shop: Callable[..., ShopUnderTest]) -> None:
    """A client's key set at its `jwks_uri`: its good key still proves that it is itself."""
    key = ec_key("mine")
    with a_stranger() as host:
        keys_at = host.publish("/keys", {"keys": [*UNKNOWN.values(), key.as_dict(private=False)]})
        host.publish(PATH, document(token_endpoint_auth_method="private_key_jwt", jwks_uri=keys_at))
        shop = build_shop(fetcher=host.fetcher())
        sofia, assistant = shop.sign_in(SOFIA), ExternalAssistant(shop, ADDRESS)
        code = assistant.ask(sofia, "browse").code
        assert assistant.redeem(code, **signed(assertion(assistant, key))).status_code == 200


@each
def test_an_external_issuer_with_an_unknown_key_is_believed(settings: Settings, clock: TestClock, odd: object) -> None:
    """The key set of an authorization server of the operator's own."""
    issuer = "https://issuer.example"

    class Published(Fetcher):
        def get_json(self, url: str, *, limit: int) -> Fetched:
            found = {"issuer": issuer, "jwks_uri": f"{issuer}/keys"} if "well-known" in url else {"keys": [odd, GOOD]}
            return Fetched(found, settings.session_idle)

    claims = {"iss": issuer, "sub": "s", "aud": settings.resource, "client_id": "desk", "exp": 4_000_000_000}
    token = jwt.encode({"alg": "RS256", "kid": "first", "typ": "at+jwt"}, claims, rsa_key("first"), ["RS256"])
    external = ExternalIssuer(replace(settings, oauth_issuer=issuer), Published())
    assert external.verify(token, clock()).subject == "s"
