"""ID tokens that lie: none of them signs anybody in, each leaves a page and an event (OpenID Connect Core 3.1.3.7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from joserfc.jwk import OctKey

from tests.identity.hostile import CLIENT_ID, CLIENT_SECRET, HostileProvider, ec_key, rsa_key, signed, unsigned
from tests.identity.signing_in import Browser, Door
from tests.support.people import ShopUnderTest

pytestmark = [
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
    # the attacks need what a careful library warns of
    pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning"),
]


def assert_token_refused(door: Door, browser: Browser) -> None:
    """The browser comes back with a code whose ID token lies, and nobody is signed in."""
    response = browser.come_back()
    door.assert_refused(browser.visitor, response, 400, "id_token_refused", says="did not pass our checks")


@pytest.mark.parametrize("nonce", ["", "of another run", None, 5, ["a"]])
@pytest.mark.holds("ASVS-10.5.1")
def test_a_token_of_another_run_is_refused(door: Door, browser: Browser, nonce: object) -> None:
    """An ID token without this attempt's nonce, or with another one, is refused."""
    door.provider.claims = {"nonce": nonce}
    assert_token_refused(door, browser)


@pytest.mark.holds("ASVS-10.5.1")
def test_a_token_that_was_used_before_is_refused(door: Door) -> None:
    """A provider that answers with the ID token of an earlier sign-in signs nobody in."""
    minted: list[str] = []

    def once(claims: dict[str, Any]) -> str:
        minted.append(minted[0] if minted else signed(claims, rsa_key("first"), "RS256"))
        return minted[-1]

    door.provider.encode = once
    assert door.browser().come_back().status_code == 303
    browser = door.browser()
    door.assert_refused(
        browser.visitor, browser.come_back(), 400, "id_token_refused", says="did not pass our checks", sessions=1
    )


@pytest.mark.parametrize("listed", [["RS256"], ["none"], ["RS256", "none"]])
@pytest.mark.parametrize("header", [{}, {"kid": "first"}, {"alg": "None"}, {"alg": "NONE"}])
@pytest.mark.holds("ASVS-9.1.1", "ASVS-9.1.2")
def test_an_unsigned_token_is_refused_whatever_the_provider_lists(
    door: Door, browser: Browser, listed: list[str], header: dict[str, str]
) -> None:
    """`alg: none` is refused, also when the provider's metadata lists it."""
    door.provider.metadata = {"id_token_signing_alg_values_supported": listed}
    door.provider.encode = lambda claims: unsigned(claims, **header)
    assert_token_refused(door, browser)


@pytest.mark.parametrize("symmetric", ["the client secret", "the public key"])
@pytest.mark.holds("ASVS-9.1.2")
def test_a_symmetric_signature_is_refused(door: Door, browser: Browser, symmetric: str) -> None:
    """HS256 with the client secret, or with the public key taken for a secret, is not one of the pinned algorithms."""
    material = CLIENT_SECRET.encode() if symmetric == "the client secret" else door.provider.public_pem()
    key = OctKey.import_key(material, {"kid": "first"})
    door.provider.metadata = {"id_token_signing_alg_values_supported": ["HS256"]}
    door.provider.encode = lambda claims: signed(claims, key, "HS256")
    assert_token_refused(door, browser)


@pytest.mark.holds("ASVS-9.1.2")
def test_an_algorithm_that_is_not_pinned_is_refused(
    open_shop: Callable[..., ShopUnderTest], provider: HostileProvider
) -> None:
    """A connection that pins RS256 refuses a valid ES256 signature by a published key, and a valid PS256 one."""
    door = Door(open_shop(provider.issuer, algorithms=["RS256"]), provider)
    provider.keys = [rsa_key("first"), ec_key("curve")]
    provider.encode = lambda claims: signed(claims, ec_key("curve"), "ES256")
    assert_token_refused(door, door.browser())
    provider.encode = lambda claims: signed(claims, rsa_key("first"), "PS256")
    assert_token_refused(door, door.browser())


@pytest.mark.parametrize("algorithms", [["none"], ["HS256"], ["RS256", "none"], []])
@pytest.mark.holds("ASVS-9.1.2")
def test_a_connection_cannot_be_configured_to_trust_unsigned_tokens(
    open_shop: Callable[..., ShopUnderTest], provider: HostileProvider, algorithms: list[str]
) -> None:
    """The shop does not start with a connection that would accept unsigned or symmetric tokens, or none at all."""
    with pytest.raises(ValueError, match=r"algorithms of acme must be some of RS256, .*ES256"):
        open_shop(provider.issuer, algorithms=algorithms)


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another-client"},
        {"aud": ["another-client"]},
        {"aud": []},
        {"aud": None},
        {"aud": [CLIENT_ID, "another-client"]},
        {"aud": [CLIENT_ID, "another-client"], "azp": "another-client"},
        {"azp": "another-client"},
        {"aud": {CLIENT_ID: True}},
    ],
)
@pytest.mark.holds("ASVS-9.2.3")
def test_a_token_for_another_client_is_refused(door: Door, browser: Browser, claims: dict[str, object]) -> None:
    """Only this shop's client id is its audience; with several audiences it must be the authorized party."""
    door.provider.claims = claims
    assert_token_refused(door, browser)


@pytest.mark.parametrize("claims", [{"iss": "https://evil.example"}, {"iss": None}, {"sub": None}, {"sub": ""}])
@pytest.mark.holds("ASVS-9.2.2")
def test_a_token_of_another_issuer_or_of_nobody_is_refused(
    door: Door, browser: Browser, claims: dict[str, object]
) -> None:
    """The issuer inside the token is the connection's, and it speaks of somebody."""
    door.provider.claims = claims
    assert_token_refused(door, browser)


@pytest.mark.parametrize(
    ("claim", "seconds"), [("exp", -61), ("exp", -86_400), ("nbf", 65), ("iat", 65), ("iat", 86_400)]
)
@pytest.mark.holds("ASVS-9.2.1")
def test_a_token_outside_its_time_is_refused(door: Door, browser: Browser, claim: str, seconds: int) -> None:
    """Expired, not yet valid, or issued in the future, beyond a minute of clock skew: refused."""
    door.provider.claims = {claim: int(door.shop.clock.now.timestamp()) + seconds}
    assert_token_refused(door, browser)


@pytest.mark.parametrize("claims", [{"exp": None}, {"iat": None}, {"exp": "tomorrow"}, {"exp": [1]}, {"iat": "now"}])
@pytest.mark.holds("ASVS-9.2.1")
def test_a_token_without_a_readable_time_is_refused(door: Door, browser: Browser, claims: dict[str, object]) -> None:
    """A token that does not say, in numbers, when it was issued and ends is refused."""
    door.provider.claims = claims
    assert_token_refused(door, browser)


@pytest.mark.parametrize(("claim", "seconds"), [("exp", -50), ("nbf", 50), ("iat", 50)])
@pytest.mark.holds("ASVS-9.2.1")
def test_a_minute_of_clock_skew_is_forgiven(door: Door, claim: str, seconds: int) -> None:
    """A provider whose clock is off by less than a minute signs people in."""
    door.provider.claims = {claim: int(door.shop.clock.now.timestamp()) + seconds}
    door.sign_in()


@pytest.mark.holds("ASVS-9.1.1")
def test_a_wrong_signature_is_refused(door: Door, browser: Browser) -> None:
    """Another key under the published `kid`: refused, after the keys were fetched once more and no oftener."""
    door.provider.encode = lambda claims: signed(claims, rsa_key("attacker"), "RS256", kid="first")
    assert_token_refused(door, browser)
    assert door.provider.asked.count("/jwks") == 2


@pytest.mark.holds("ASVS-9.1.1")
def test_changed_claims_are_refused(door: Door, browser: Browser) -> None:
    """The signature of one token does not carry the claims of another."""

    def spliced(claims: dict[str, Any]) -> str:
        header, _, signature = signed(claims, rsa_key("first"), "RS256").split(".")
        other = signed(claims | {"groups": ["shop-admins"]}, rsa_key("first"), "RS256").split(".")[1]
        return f"{header}.{other}.{signature}"

    door.provider.encode = spliced
    assert_token_refused(door, browser)


@pytest.mark.parametrize("token", ["", "not a token", "a.b.c", "....", "e30.e30.", "é.é.é"])
def test_something_that_is_no_token_is_refused(door: Door, browser: Browser, token: str) -> None:
    """What does not even look like a token is refused like one that lies."""
    door.provider.encode = lambda _claims: token
    response = browser.come_back()
    assert response.status_code == 400 and "did not pass our checks" in response.text
    assert door.shop.chain(door.shop.organization("acme"))[-1].content["facts"]["code"] == "id_token_refused"


def test_rotated_keys_are_fetched_once_more(door: Door) -> None:
    """After the provider rotated its keys, the next person is signed in; the old key counts no more."""
    door.sign_in()
    door.provider.keys = [rsa_key("second")]
    door.provider.encode = lambda claims: signed(claims, rsa_key("second"), "RS256")
    door.sign_in()
    door.provider.encode = lambda claims: signed(claims, rsa_key("first"), "RS256")
    browser = door.browser()
    door.assert_refused(
        browser.visitor, browser.come_back(), 400, "id_token_refused", says="did not pass our checks", sessions=2
    )


@pytest.mark.parametrize("where", ["jwk", "jku", "x5u"])
@pytest.mark.holds("ASVS-9.1.3")
def test_a_key_that_the_token_brings_along_is_never_used(door: Door, browser: Browser, where: str) -> None:
    """Keys come from the provider's key set only, whatever the token's header offers or points to."""
    own = rsa_key("attacker")
    thief = HostileProvider(door.shop.clock, keys=[own])
    try:
        offered = own.as_dict(private=False) if where == "jwk" else f"{thief.issuer}/jwks"
        door.provider.encode = lambda claims: signed(claims, own, "RS256", **{where: offered})
        assert_token_refused(door, browser)
        assert thief.asked == []
    finally:
        thief.stop()


@pytest.mark.parametrize("email", ["sofia.hart@globex.example", "sofia.hart@acme.example.evil.example", "sofia", None])
def test_a_provider_speaks_for_its_own_addresses_only(door: Door, browser: Browser, email: str | None) -> None:
    """An e-mail of another company, or none, is refused although the token is genuine."""
    door.provider.claims = {"email": email}
    response = browser.come_back()
    door.assert_refused(browser.visitor, response, 400, "foreign_email", says="only speak for its own addresses")


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "x" * 256},
        {"sub": 7},
        {"sub": "a\x00b"},
        {"email": f"{'x' * 400}@acme.example"},
        {"email": "a\x00@acme.example"},
    ],
)
def test_claims_that_cannot_be_kept_are_refused(door: Door, browser: Browser, claims: dict[str, object]) -> None:
    """A `sub` or an e-mail that is no string of bearable length is refused like any other bad token."""
    door.provider.claims = claims
    assert_token_refused(door, browser)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("   ", "sofia.hart@acme.example"),
        ("So\x00fia\r\nHart", "So fia Hart"),
        ("\ud800 Sofia", "Sofia"),
        (["Sofia"], "sofia.hart@acme.example"),
        ("S" * 5000, "S" * 120),
    ],
)
def test_a_name_is_only_text(door: Door, name: object, shown: str) -> None:
    """Whatever a provider calls a person is shown as text, of bearable length, and never breaks the sign-in."""
    door.provider.claims = {"name": name, "given_name": None}
    page = door.sign_in().get("/sessions").text
    assert f"<b>{shown}</b>" in page
