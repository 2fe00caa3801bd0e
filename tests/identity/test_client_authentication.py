"""How the shop proves to a provider that it is itself: as the provider's metadata says, with whatever secret, or with a key of its own.

RFC 6749 §2.3.1; OpenID Connect Core §9; RFC 7523 §3.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy import text

from shop.settings import Settings
from tests.identity.hostile import CLIENT_ID, HostileProvider
from tests.identity.panva import install, panva
from tests.identity.signing_in import Door
from tests.identity.test_external_provider import person_of, roles_of
from tests.support.assistants import connect
from tests.support.people import SOFIA, ShopUnderTest
from tests.support.state import ONE_ENGINE

Open = Callable[..., ShopUnderTest]
LISTED = "token_endpoint_auth_methods_supported"
AWKWARD = "a+b c%41:&=?/#ü€\"\\';~*\t漢"
"""Each of these characters has broken somebody's client."""
OFFLINE = "openid email profile offline_access"


@ONE_ENGINE
@pytest.mark.parametrize(
    ("listed", "takes"),
    [
        (None, "client_secret_basic"),
        (["client_secret_post"], "client_secret_post"),
        (["client_secret_post", "client_secret_basic"], "client_secret_basic"),
        (["private_key_jwt", "client_secret_post"], "client_secret_post"),
        (["private_key_jwt", "tls_client_auth"], "private_key_jwt"),
        ("nonsense", "client_secret_basic"),
    ],
)
def test_the_way_is_the_providers(open_shop: Open, provider: HostileProvider, listed: object, takes: str) -> None:
    """A secret goes by Basic where that is taken, else in the form, else the shop's key signs: at sign-in and when asked again."""
    provider.metadata, provider.takes = {LISTED: listed}, takes
    shop = open_shop(provider.issuer, scope=OFFLINE)
    assistant = connect(Door(shop, provider).sign_in(), "browse")
    assert provider.authenticated_by == [takes]
    shop.clock.pass_by(minutes=9)
    assert assistant.refresh().status_code == 200
    assert len(provider.refreshed) == 1 and provider.authenticated_by == [takes]


@ONE_ENGINE
@pytest.mark.parametrize("takes", ["client_secret_basic", "client_secret_post"])
def test_any_character_may_be_in_a_secret(
    open_shop: Open, provider: HostileProvider, monkeypatch: pytest.MonkeyPatch, data_dir: Path, takes: str
) -> None:
    """From a variable or from a file, in the header form-encoded, or in the form; the client id may have odd ones too."""
    provider.metadata, provider.takes, provider.client_secret = {LISTED: [takes]}, takes, AWKWARD
    shop = open_shop(provider.issuer)
    monkeypatch.setenv("ACME_CLIENT_SECRET", AWKWARD)
    Door(shop, provider).sign_in()
    (data_dir / "awkward").write_text(f"{AWKWARD}\r\n", encoding="utf-8")
    Door(open_shop(provider.issuer, client_secret="file:awkward"), provider).sign_in()


@ONE_ENGINE
def test_a_configured_way_counts_more_than_what_is_listed(open_shop: Open, provider: HostileProvider) -> None:
    """A provider that lists several takes only the one that it registered this client for: the operator says which."""
    provider.metadata, provider.takes = {LISTED: ["client_secret_basic", "client_secret_post"]}, "client_secret_post"
    Door(open_shop(provider.issuer, client_auth="client_secret_post"), provider).sign_in()


@pytest.mark.holds("RFC9700-2.5", "I14")
def test_the_shop_signs_with_its_own_key(open_shop: Open, provider: HostileProvider) -> None:
    """`private_key_jwt`: for this token endpoint, for a minute, once, by a key at the JWKS address; the private part is sealed."""
    provider.metadata, provider.takes = {LISTED: ["private_key_jwt"]}, "private_key_jwt"
    shop = open_shop(provider.issuer, client_secret=None)
    door = Door(shop, provider)
    for _ in range(2):
        door.sign_in()
    published = shop.visitor().get("/sign-in/keys").get_json()
    assert [set(key) for key in published["keys"]] == [{"kty", "n", "e", "kid", "use"}]
    claims = [jwt.decode(token, KeySet.import_key_set(published), ["RS256"]).claims for token in provider.assertions]
    now = int(shop.clock.now.timestamp())
    for said in claims:
        assert (said["iss"], said["sub"], said["aud"]) == (CLIENT_ID, CLIENT_ID, f"{provider.issuer}/token")
        assert said["exp"] == now + 60
    assert claims[0]["jti"] != claims[1]["jti"]
    again = open_shop(provider.issuer, client_secret=None)
    assert again.visitor().get("/sign-in/keys").get_json() == published, "the same in every process"
    with shop.database.read() as db:
        (sealed,) = db.execute(text("SELECT sealed FROM client_keys")).scalars().all()
    assert '"d"' not in sealed and "RSA" not in sealed


@ONE_ENGINE
def test_another_secret_key_makes_another_client_key(
    open_shop: Open, provider: HostileProvider, settings: Settings, build_shop: Open
) -> None:
    """Keys that cannot be opened any more stay published, and a new one signs."""
    first = build_shop().visitor().get("/sign-in/keys").get_json()["keys"]
    second = build_shop(secret_key="another secret, as long as the other").visitor().get("/sign-in/keys")
    kids = [key["kid"] for key in second.get_json()["keys"]]
    assert len(kids) == 2 and first[0]["kid"] in kids


@ONE_ENGINE
def test_an_algorithm_for_assertions_is_the_providers(open_shop: Open, provider: HostileProvider) -> None:
    """`token_endpoint_auth_signing_alg_values_supported`: the shop signs with one of them; where it cannot, it says so."""
    algorithms = "token_endpoint_auth_signing_alg_values_supported"
    provider.takes, provider.metadata = "private_key_jwt", {LISTED: ["private_key_jwt"], algorithms: ["PS256", "ES256"]}
    door = Door(open_shop(provider.issuer, client_secret=None), provider)
    door.sign_in()
    assert jwt.decode(
        provider.assertions[-1], KeySet.import_key_set(door.shop.visitor().get("/sign-in/keys").get_json()), ["PS256"]
    )
    provider.metadata[algorithms] = ["ES256"]
    door.shop.clock.pass_by(minutes=61)
    browser = door.browser()
    event = door.assert_refused(
        browser.visitor, browser.come_back(), 502, "set_up_wrong", says="trying again does not help", sessions=1
    )
    assert "client assertion" in event.content["facts"]["detail"]


@ONE_ENGINE
def test_a_provider_that_takes_nothing_that_we_have_is_said(open_shop: Open, provider: HostileProvider) -> None:
    """Only mutual TLS, for instance: the page does not say try again, and the record says what is taken."""
    provider.metadata = {LISTED: ["tls_client_auth"]}
    door = Door(open_shop(provider.issuer), provider)
    browser = door.browser()
    event = door.assert_refused(
        browser.visitor, browser.come_back(), 502, "set_up_wrong", says="trying again does not help"
    )
    assert "takes none of client_secret_basic" in event.content["facts"]["detail"]


@ONE_ENGINE
@pytest.mark.parametrize(
    ("connection", "sentence"),
    [
        ({"client_auth": "basic"}, "client_auth of acme must be one of client_secret_basic, .*not 'basic'"),
        ({"client_auth": "private_key_jwt"}, "private_key_jwt, which takes no client_secret"),
        (
            {"client_auth": "client_secret_post", "client_secret": None},
            "client_secret_post, which needs a client_secret",
        ),
        ({"scope": "email"}, "scope of acme must contain openid"),
        ({"client-secret": "x"}, "connection of acme says 'client-secret'"),
    ],
)
def test_a_connection_that_makes_no_sense_stops_the_start(
    open_shop: Open, provider: HostileProvider, connection: dict[str, Any], sentence: str
) -> None:
    """The sentence names the organization and what can be written."""
    with pytest.raises(ValueError, match=sentence):
        open_shop(provider.issuer, **connection)


@ONE_ENGINE
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "private_key_jwt"])
def test_panvas_provider_takes_each_way(
    open_shop: Open, pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch, build_shop: Open, method: str
) -> None:
    """An outside program that checks each way strictly signs people in, with a secret of awkward characters."""
    client: dict[str, Any] = {
        "client_id": CLIENT_ID,
        "redirect_uris": ["http://127.0.0.1:5999/sign-in/callback"],
        "token_endpoint_auth_method": method,
    }
    if method == "private_key_jwt":
        client["jwks"] = build_shop().visitor().get("/sign-in/keys").get_json()
        connection: dict[str, Any] = {"client_secret": None}
    else:
        client["client_secret"] = "a+b c%41:&=?/#\"';~*"
        connection = {}
    people = {"00u-sofia": {"email": SOFIA, "name": "Sofia Hart", "given_name": "Sofia", "groups": ["shop-buyers"]}}
    more = {"clientAuthMethods": [method]}
    with panva(install(pytestconfig), client, people, **more) as provider:
        shop = open_shop(provider.issuer, scope="openid email profile groups", **connection)
        monkeypatch.setenv("ACME_CLIENT_SECRET", str(client.get("client_secret")))
        visitor = shop.visitor()
        response = visitor.get(provider.sign_in(visitor.begin_sign_in(SOFIA), "00u-sofia"))
        assert response.status_code == 303, response.text
        assert roles_of(shop, person_of(shop, "00u-sofia")) == ["buyer"]
