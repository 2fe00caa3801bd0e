"""RFC 9068: what an access token says, and every token that is none."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from shop.credentials.ledger import live
from shop.oauth.issuer import Issuer
from shop.oauth.resource_server.bearer import BearerRefused, authenticate, challenge
from tests.support.assistants import ExternalAssistant, connect, segments
from tests.support.people import SOFIA, ShopUnderTest
from tests.support.providers import BASE_URL
from tests.support.state import ONE_ENGINE


def refused(shop: ShopUnderTest, header: str | None) -> BearerRefused:
    """The refusal that an `Authorization` header gets."""
    with shop.app.app_context(), pytest.raises(BearerRefused) as caught:
        authenticate(header)
    return caught.value


def encoded(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def signed_by_the_shop(shop: ShopUnderTest, claims: dict[str, Any], typ: str = "at+jwt") -> str:
    """A token with these claims that the shop itself would have signed."""
    server: Issuer = shop.app.extensions["oauth"]
    return server.keys.signer().sign(claims, typ=typ)


@pytest.mark.holds("ASVS-10.3.3", "RFC9700-4.15", "I4")
def test_a_token_names_subject_client_grant_and_audience(shop: ShopUnderTest) -> None:
    """§2.2: explicit audience, minutes to live, the person as `sub` and the client beside it; it proves a living principal."""
    sofia = shop.sign_in(SOFIA)
    assistant = connect(sofia, "browse", "transact")
    header, claims = segments(assistant.access_token)
    person = sofia.principal()
    assert (header["typ"], header["alg"]) == ("at+jwt", "RS256")
    assert claims["iss"] == BASE_URL and claims["aud"] == f"{BASE_URL}/mcp"
    assert claims["exp"] - claims["iat"] == 600
    assert claims["sub"] == person.subject and claims["client_id"] == assistant.client_id
    assert claims["scope"] == "browse transact" and claims["sid"] == person.session
    assert (
        claims["jti"].startswith("tok_") and claims["grant"].startswith("gnt_") and claims["agent"].startswith("agt_")
    )
    assert "sofia" not in json.dumps(claims).lower()

    with shop.app.app_context():
        principal = authenticate(assistant.authorization)
    assert not principal.roles and principal.scopes == {"browse", "transact"}
    with shop.database.read() as db:
        alive = live(db, principal)
    assert alive.roles == person.roles and alive.scopes == {"browse", "transact"}
    assert alive.actor and alive.actor.client_id == assistant.client_id and alive.session is None


@ONE_ENGINE
@pytest.mark.holds("ASVS-9.1.1", "ASVS-9.1.2", "ASVS-9.1.3")
def test_only_the_shops_own_signature_counts(shop: ShopUnderTest) -> None:
    """Unsigned, bent, signed by a key of the token's own choice, or by the public key as a secret: all refused."""
    assistant = connect(shop.sign_in(SOFIA))
    head, body, signature = assistant.access_token.split(".")
    header, claims = segments(assistant.access_token)
    own = RSAKey.generate_key(2048)
    public = own.as_dict(private=False)
    published = RSAKey.import_key(shop.app.extensions["oauth"].keys.jwks()["keys"][0]).as_pem(private=False)
    confused = f"{encoded({**header, 'alg': 'HS256'})}.{body}"
    mac = (
        base64.urlsafe_b64encode(hmac.new(published, confused.encode(), hashlib.sha256).digest()).rstrip(b"=").decode()
    )
    forged = [
        f"{encoded({**header, 'alg': 'none'})}.{body}.",
        f"{head}.{encoded({**claims, 'scope': 'browse read transact'})}.{signature}",
        f"{head}.{body}.{signature[:-8]}AAAAAAAA",
        f"{confused}.{mac}",
        jwt.encode({**header, "jwk": public}, claims, own, ["RS256"]),
        jwt.encode({**header, "kid": own.thumbprint()}, claims, own, ["RS256"]),
        jwt.encode(header, claims, own, ["RS256"]),
        jwt.encode({"alg": "RS256", "typ": "at+jwt"}, claims, own, ["RS256"]),
        "not.a.token",
        "…",
        "a" * 5000,
    ]
    for token in forged:
        assert refused(shop, f"Bearer {token}").error == "invalid_token", token[:80]


BENT: dict[str, tuple[dict[str, Any], str]] = {
    "of another issuer": ({"iss": "https://evil.example"}, "another issuer"),
    "for another resource": ({"aud": "https://shop.example/mcp"}, "another resource"),
    "for the client, as an ID token is": ({"aud": "https://assistant.example/client.json"}, "another resource"),
    "for several at once": ({"aud": [f"{BASE_URL}/mcp", "https://shop.example/mcp"]}, "another resource"),
    "for nobody in particular": ({"aud": None}, "another resource"),
    "that ran out": ({"exp": 1_700_000_000}, "expired"),
    "that never ends": ({"exp": None}, "expired"),
    "that ends in words": ({"exp": "tomorrow"}, "expired"),
    "without a grant": ({"grant": None}, "lacks"),
    "whose subject is no text": ({"sub": 7}, "lacks"),
}


@ONE_ENGINE
@pytest.mark.parametrize("bent", BENT, ids=str)
@pytest.mark.holds("ASVS-9.2.1", "ASVS-9.2.3", "ASVS-10.3.1", "RFC9700-2.3")
def test_a_token_is_refused(shop: ShopUnderTest, bent: str) -> None:
    """§4: issuer, audience and time are checked, however well it is signed; what is said of it is for a developer."""
    changes, says = BENT[bent]
    _, claims = segments(connect(shop.sign_in(SOFIA)).access_token)
    changed = {name: value for name, value in {**claims, **changes}.items() if value is not None}
    assert says in str(refused(shop, f"Bearer {signed_by_the_shop(shop, changed)}").description)


@ONE_ENGINE
@pytest.mark.parametrize("typ", ["JWT", "", "id_token", "secevent+jwt", "logout+jwt"])
@pytest.mark.holds("ASVS-9.2.2")
def test_another_kind_of_token_is_none(shop: ShopUnderTest, typ: str) -> None:
    """§4: `typ` must say at+jwt; a library that lets its absence pass is not asked."""
    _, claims = segments(connect(shop.sign_in(SOFIA)).access_token)
    assert (
        refused(shop, f"Bearer {signed_by_the_shop(shop, claims, typ)}").description == "This is not an access token."
    )


@ONE_ENGINE
def test_an_access_token_expires_by_the_shops_clock(shop: ShopUnderTest) -> None:
    """Minutes after it was issued it is worth nothing, and the challenge says so."""
    assistant = connect(shop.sign_in(SOFIA))
    shop.clock.pass_by(minutes=10)
    assert refused(shop, assistant.authorization).description == "The access token has expired."


@ONE_ENGINE
def test_what_is_presented_in_another_way_is_told_apart_from_nothing(shop: ShopUnderTest) -> None:
    """RFC 6750 §3.1: without a token there is no error code; with anything else there is."""
    assistant: ExternalAssistant = connect(shop.sign_in(SOFIA))
    for nothing in (None, "", "   "):
        assert refused(shop, nothing).error is None
    for odd in ("Bearer", "Bearer  ", f"Basic {assistant.access_token}", assistant.access_token):
        assert refused(shop, odd).error == "invalid_token"
    with shop.app.app_context():
        assert authenticate(f"bearer {assistant.access_token}")


@ONE_ENGINE
@pytest.mark.holds("M9")
def test_the_challenge_tells_a_client_where_to_go(shop: ShopUnderTest) -> None:
    """RFC 9728 §5.1: the metadata's address, the scopes to ask for, and nothing that breaks out of its quotes."""
    with shop.app.app_context():
        assert challenge(scopes=("read", "browse")) == (
            f'Bearer resource_metadata="{BASE_URL}/.well-known/oauth-protected-resource/mcp", scope="browse read"'
        )
        value = challenge("invalid_token", 'it said "no"\r\nSet-Cookie: a=b\\')
    assert value.endswith("""error="invalid_token", error_description="it said 'no'''Set-Cookie: a=b'\"""")
