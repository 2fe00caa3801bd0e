"""ID tokens that lie: none of them signs anybody in, each leaves a page and an event (OpenID Connect Core 3.1.3.7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.identity.hostile import (
    CLIENT_ID,
    CLIENT_SECRET,
    HostileProvider,
    ec_key,
    hs256,
    public_pem,
    rsa_key,
    signed,
    unsigned,
)
from tests.identity.signing_in import Door
from tests.support.people import ShopUnderTest

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def assert_token_refused(door: Door, sessions: int = 0, **claims: object) -> None:
    """A browser comes back with a code whose ID token lies, and nobody is signed in."""
    door.provider.claims = claims
    browser = door.browser()
    response = browser.come_back()
    door.assert_refused(
        browser.visitor, response, 400, "id_token_refused", says="did not pass our checks", sessions=sessions
    )


@pytest.mark.holds("ASVS-10.5.1")
def test_a_token_of_another_run_is_refused(door: Door) -> None:
    """An ID token without this attempt's nonce, or with another one, is refused."""
    for nonce in ("", "of another run", None, 5, ["a"]):
        assert_token_refused(door, nonce=nonce)


@pytest.mark.holds("ASVS-10.5.1")
def test_a_token_that_was_used_before_is_refused(door: Door) -> None:
    """A provider that answers with the ID token of an earlier sign-in signs nobody in."""
    minted: list[str] = []

    def once(claims: dict[str, Any]) -> str:
        minted.append(minted[0] if minted else signed(claims, rsa_key("first"), "RS256"))
        return minted[-1]

    door.provider.encode = once
    door.sign_in()
    assert_token_refused(door, sessions=1)


@pytest.mark.parametrize("listed", [["RS256"], ["none"], ["RS256", "none"]])
@pytest.mark.holds("ASVS-9.1.1", "ASVS-9.1.2")
def test_an_unsigned_token_is_refused_whatever_the_provider_lists(door: Door, listed: list[str]) -> None:
    """`alg: none` is refused, also when the provider's metadata lists it."""
    door.provider.metadata = {"id_token_signing_alg_values_supported": listed}
    for header in ({}, {"kid": "first"}, {"alg": "None"}, {"alg": "NONE"}, {"alg": None}):
        door.provider.encode = lambda claims, header=header: unsigned(claims, **header)
        assert_token_refused(door)


@pytest.mark.holds("ASVS-9.1.2")
def test_a_symmetric_signature_is_refused(door: Door) -> None:
    """HS256 with the client secret, or with the public key taken for a secret, is not one of the pinned algorithms."""
    door.provider.metadata = {"id_token_signing_alg_values_supported": ["HS256"]}
    for secret in (CLIENT_SECRET.encode(), public_pem("first")):
        door.provider.encode = lambda claims, secret=secret: hs256(claims, secret)
        assert_token_refused(door)


@pytest.mark.holds("ASVS-9.1.2")
def test_an_algorithm_that_is_not_pinned_is_refused(
    open_shop: Callable[..., ShopUnderTest], provider: HostileProvider
) -> None:
    """A connection that pins RS256 refuses a valid ES256 signature by a published key, and a valid PS256 one."""
    door = Door(open_shop(provider.issuer, algorithms=["RS256"]), provider)
    provider.keys = [rsa_key("first"), ec_key("curve")]
    provider.encode = lambda claims: signed(claims, ec_key("curve"), "ES256")
    assert_token_refused(door)
    provider.encode = lambda claims: signed(claims, rsa_key("first"), "PS256")
    assert_token_refused(door)
    provider.encode = lambda claims: signed(claims, rsa_key("first"), "RS256")
    provider.claims = {}
    door.sign_in()


@pytest.mark.parametrize("algorithms", [["none"], ["HS256"], ["RS256", "none"], []])
@pytest.mark.holds("ASVS-9.1.2")
def test_a_connection_cannot_be_configured_to_trust_unsigned_tokens(
    open_shop: Callable[..., ShopUnderTest], provider: HostileProvider, algorithms: list[str]
) -> None:
    """The shop does not start with a connection that would accept unsigned or symmetric tokens, or none at all."""
    with pytest.raises(ValueError, match=r"algorithms of acme must be some of RS256, .*ES256"):
        open_shop(provider.issuer, algorithms=algorithms)


@pytest.mark.holds("ASVS-9.2.3")
def test_a_token_for_another_client_is_refused(door: Door) -> None:
    """Only this shop's client id is its audience; with several audiences it must be the authorized party."""
    for audience in ("another-client", ["another-client"], [], None, [CLIENT_ID, "another-client"], {CLIENT_ID: True}):
        assert_token_refused(door, aud=audience)
    assert_token_refused(door, aud=[CLIENT_ID, "another-client"], azp="another-client")
    assert_token_refused(door, azp="another-client")
    door.provider.claims = {"aud": [CLIENT_ID, "another-client"], "azp": CLIENT_ID}
    door.sign_in()


@pytest.mark.holds("ASVS-9.2.2")
def test_a_token_of_another_issuer_or_of_nobody_is_refused(door: Door) -> None:
    """The issuer inside the token is the connection's, and it speaks of somebody."""
    for issuer in ("https://evil.example", f"{door.provider.issuer}/", None):
        assert_token_refused(door, iss=issuer)
    for subject in (None, ""):
        assert_token_refused(door, sub=subject)


@pytest.mark.holds("ASVS-9.2.2")
def test_only_an_id_token_is_taken_for_one(door: Door) -> None:
    """A token that the provider signed for another purpose (an access token, a logout token) signs nobody in."""
    assert_token_refused(door, nonce=None, scope="openid email", client_id=CLIENT_ID)
    logout: dict[str, object] = {"http://schemas.openid.net/event/backchannel-logout": {}}
    assert_token_refused(door, nonce=None, events=logout, sid="1")


@pytest.mark.holds("ASVS-9.2.1")
def test_a_token_outside_its_time_is_refused(door: Door) -> None:
    """Expired, not yet valid, or issued in the future, beyond a minute of clock skew: refused."""
    for claim, seconds in (("exp", -61), ("exp", -86_400), ("nbf", 65), ("iat", 65), ("iat", 86_400)):
        assert_token_refused(door, **{claim: int(door.shop.clock.now.timestamp()) + seconds})


@pytest.mark.holds("ASVS-9.2.1")
def test_a_token_without_a_readable_time_is_refused(door: Door) -> None:
    """A token that does not say, in numbers, when it was issued and ends is refused."""
    for claims in ({"exp": None}, {"iat": None}, {"exp": "tomorrow"}, {"exp": [1]}, {"iat": "now"}):
        assert_token_refused(door, **claims)


@pytest.mark.holds("ASVS-9.2.1")
def test_a_minute_of_clock_skew_is_forgiven(door: Door) -> None:
    """A provider whose clock is off by less than a minute signs people in."""
    for claim, seconds in (("exp", -50), ("nbf", 50), ("iat", 50)):
        door.provider.claims = {claim: int(door.shop.clock.now.timestamp()) + seconds}
        door.sign_in()


@pytest.mark.holds("ASVS-9.1.1")
def test_a_wrong_signature_is_refused(door: Door) -> None:
    """Another key under the published `kid`: refused, after the keys were fetched once more and no oftener."""
    door.provider.encode = lambda claims: signed(claims, rsa_key("attacker"), "RS256", kid="first")
    assert_token_refused(door)
    assert door.provider.asked.count("/jwks") == 2


@pytest.mark.holds("ASVS-9.1.1")
def test_changed_claims_are_refused(door: Door) -> None:
    """The signature of one token does not carry the claims of another."""

    def spliced(claims: dict[str, Any]) -> str:
        header, _, signature = signed(claims, rsa_key("first"), "RS256").split(".")
        other = signed(claims | {"groups": ["shop-admins"]}, rsa_key("first"), "RS256").split(".")[1]
        return f"{header}.{other}.{signature}"

    door.provider.encode = spliced
    assert_token_refused(door)


def test_something_that_is_no_token_is_refused(door: Door) -> None:
    """What does not even look like a token is refused like one that lies."""
    for token in ("not a token", "a.b.c", "....", "e30.e30.~", "é.é.é"):
        door.provider.encode = lambda _claims, token=token: token
        assert_token_refused(door)


def test_rotated_keys_are_fetched_once_more(door: Door) -> None:
    """After the provider rotated its keys, the next person is signed in; the old key counts no more."""
    door.sign_in()
    door.provider.keys = [rsa_key("second")]
    door.provider.encode = lambda claims: signed(claims, rsa_key("second"), "RS256")
    door.sign_in()
    door.provider.encode = lambda claims: signed(claims, rsa_key("first"), "RS256")
    assert_token_refused(door, sessions=2)


@pytest.mark.holds("ASVS-9.1.3")
def test_a_key_that_the_token_brings_along_is_never_used(door: Door) -> None:
    """Keys come from the provider's key set only, whatever the token's header offers or points to."""
    own = rsa_key("attacker")
    thief = HostileProvider(door.shop.clock, keys=[own])
    try:
        for header in ({"jwk": own.as_dict(private=False)}, {"jku": f"{thief.issuer}/jwks"}, {"x5u": thief.issuer}):
            door.provider.encode = lambda claims, header=header: signed(claims, own, "RS256", **header)
            assert_token_refused(door)
        assert thief.asked == []
    finally:
        thief.stop()


def test_a_provider_speaks_for_its_own_addresses_only(door: Door) -> None:
    """An e-mail of another company is refused although the token is genuine."""
    for email in ("sofia.hart@globex.example", "sofia@acme.example.evil.example", "sofia", "@"):
        door.provider.claims = {"email": email}
        browser = door.browser()
        response = browser.come_back()
        door.assert_refused(browser.visitor, response, 400, "foreign_email", says="only speak for its own addresses")


def test_claims_that_cannot_be_kept_are_refused(door: Door) -> None:
    """A `sub` or an e-mail that is no string of bearable length is refused like any other bad token."""
    for subject in ("x" * 256, 7, "a\x00b", "\ud800"):
        assert_token_refused(door, sub=subject)
    for email in (f"{'x' * 400}@acme.example", "a\x00@acme.example", ["a@acme.example"]):
        assert_token_refused(door, email=email)


def test_a_name_is_only_text(door: Door) -> None:
    """Whatever a provider calls a person is shown as text, of bearable length, and never breaks the sign-in."""
    for name, shown in (
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("   ", "sofia.hart@acme.example"),
        ("So\x00fia\r\nHart", "So fia Hart"),
        ("\ud800 Sofia", "Sofia"),
        (["Sofia"], "sofia.hart@acme.example"),
        ("S" * 5000, "S" * 120),
    ):
        door.provider.claims = {"name": name, "given_name": None}
        assert f"<b>{shown}</b>" in door.sign_in().get("/sessions").text
