"""Signing keys: one for all processes, sealed in the database, rotated without breaking what is in flight."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from joserfc import jwe
from joserfc.jwk import OctKey
from sqlalchemy import delete, select, update

from shop.oauth.resource_server.bearer import BearerRefused, authenticate
from shop.oauth.signing_keys import Keys, SigningKey
from shop.principal import Principal
from tests.support.assistants import ExternalAssistant, connect
from tests.support.at_once import at_once
from tests.support.people import SOFIA, ShopUnderTest
from tests.support.state import ONE_ENGINE


def keys_of(shop: ShopUnderTest) -> Keys:
    found: Keys = shop.app.extensions["oauth"].keys
    return found


def stored(shop: ShopUnderTest) -> list[SigningKey]:
    with shop.database.read() as db:
        return list(db.scalars(select(SigningKey).order_by(SigningKey.generation)))


def asked(shop: ShopUnderTest, assistant: ExternalAssistant) -> Principal:
    with shop.app.app_context():
        return authenticate(assistant.authorization)


def test_two_processes_that_start_at_once_sign_with_one_key(build_shop: Callable[..., ShopUnderTest]) -> None:
    """The first use makes the first generation, once, whoever comes first; each verifies what the other signed."""
    one, other = build_shop(), build_shop()
    with one.database.write() as db:
        db.execute(delete(SigningKey))
    at_once([lambda: keys_of(one).signer(), lambda: keys_of(other).signer()])
    assert [key.generation for key in stored(one)] == [1]
    assistant = connect(one.sign_in(SOFIA))
    assert asked(other, assistant) == asked(one, assistant)


@ONE_ENGINE
@pytest.mark.holds("I14", "NHI2")
def test_the_database_holds_no_private_key(shop: ShopUnderTest) -> None:
    """What is stored and published has no private part in the clear, and opens under this shop's secret only."""
    keys = keys_of(shop)
    signer, (row,) = keys.signer(), stored(shop)
    assert row.kid == signer.kid
    assert set(row.public_jwk) == {"kty", "n", "e", "kid", "use", "alg"}
    assert keys.jwks() == {"keys": [row.public_jwk]}
    private = signer._key.as_dict(private=True)
    assert all(str(private[part]) not in row.sealed for part in "dpq")
    assert json.dumps(row.public_jwk).count(str(private["d"])) == 0

    # another secret opens nothing: a new key signs, and the old one still verifies
    stranger = Keys(shop.database, "another secret, of another deployment")
    assert stranger.signer().kid != row.kid
    assert [key["kid"] for key in stranger.jwks()["keys"]] == [stranger.signer().kid, row.kid]


@ONE_ENGINE
def test_a_key_that_an_earlier_version_sealed_still_signs(shop: ShopUnderTest) -> None:
    """An upgrade makes no new key: what was sealed by PBES2 (RFC 7518 §4.8) under this shop's secret is opened."""
    (row,), private = stored(shop), keys_of(shop).signer()._key.as_dict(private=True)
    algorithms = ["PBES2-HS512+A256KW", "A256GCM"]
    header = {"alg": algorithms[0], "enc": algorithms[1], "cty": "jwk+json", "p2c": 100_000}
    secret = OctKey.import_key(shop.app.config["SECRET_KEY"])
    sealed = jwe.encrypt_compact(header, json.dumps(private), secret, algorithms)
    with shop.database.write() as db:
        db.execute(update(SigningKey).values(sealed=sealed))
    assert keys_of(shop).signer().kid == row.kid and [key.kid for key in stored(shop)] == [row.kid]
    stranger = Keys(shop.database, "another secret, of another deployment")
    assert stranger.signer().kid != row.kid


def test_a_rotation_breaks_no_token_in_flight_and_a_second_one_withdraws_the_first_key(
    build_shop: Callable[..., ShopUnderTest],
) -> None:
    """Current and previous are published; the key before is refused within a minute, in every process. Each is on record."""
    shop, other = build_shop(), build_shop()
    assistant = connect(shop.sign_in(SOFIA))
    assert asked(other, assistant)
    first = keys_of(shop).signer().kid
    second = keys_of(shop).rotate()
    assert [key["kid"] for key in keys_of(other).jwks()["keys"]] == [second, first]
    newer = connect(shop.sign_in(SOFIA))
    assert asked(other, assistant) and asked(other, newer)

    third = keys_of(shop).rotate()
    assert [key.kid for key in stored(shop)] == [second, third]
    shop.clock.pass_by(seconds=61)
    for process in (shop, other):
        with pytest.raises(BearerRefused) as refused:
            asked(process, assistant)
        assert refused.value.error == "invalid_token"
        assert asked(process, newer)
    events = [event for event in shop.chain("system") if event.name == "signing_key.rotated"]
    assert [event.content["facts"] for event in events] == [
        {"kid": first, "previous": None, "because": "first_use"},
        {"kid": second, "previous": first, "because": "rotated"},
        {"kid": third, "previous": second, "because": "rotated"},
    ]
