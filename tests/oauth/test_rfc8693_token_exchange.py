"""RFC 8693: a client exchanges an access token of its own for a narrower one of the same subject and grant."""

from __future__ import annotations

from typing import Any

import pytest

from shop.credentials.ledger import Authority
from shop.credentials.tokens import AccessToken
from shop.oauth.grant_types import GrantType
from shop.revocation import cascade
from tests.oauth.desk import EXCHANGE
from tests.oauth.looks import events, is_alive, only_grant, row, scopes_now
from tests.support.assistants import RESOURCE, ExternalAssistant, error_of, registered, segments
from tests.support.people import NOAH, SOFIA, ShopUnderTest, Visitor
from tests.support.state import ONE_ENGINE, watching

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
CODE = ["authorization_code", "refresh_token"]


def confidential(shop: ShopUnderTest, **metadata: Any) -> ExternalAssistant:
    """A client that proves who it is, and may exchange."""
    return registered(shop, **({"method": "client_secret_post", "grant_types": [*CODE, EXCHANGE]} | metadata))


def exchange(assistant: ExternalAssistant, **changed: str | None) -> Any:
    """Exchange the access token that the client holds."""
    asked: dict[str, str | None] = {
        "grant_type": EXCHANGE,
        "subject_token": assistant.access_token,
        "subject_token_type": ACCESS_TOKEN,
        "resource": RESOURCE,
    }
    return assistant.token(**(asked | changed))


@pytest.fixture
def sofia(shop: ShopUnderTest) -> Visitor:
    return shop.sign_in(SOFIA)


@pytest.mark.holds("RFC8693-2.1", "RFC8693-4.1", "I3", "I4")
def test_2_a_token_is_exchanged_for_a_narrower_one(shop: ShopUnderTest, sofia: Visitor) -> None:
    """§2.2.1: same subject and grant, fewer scopes, `act`, no refresh token; the old one stays; on record with where it came from."""
    assistant = confidential(shop).connect(sofia, "browse", "read", "transact")
    shop.clock.pass_by(minutes=4)
    answer = exchange(assistant, scope="browse").get_json()
    assert set(answer) == {"access_token", "token_type", "expires_in", "scope", "issued_token_type"}
    assert (answer["issued_token_type"], answer["scope"]) == (ACCESS_TOKEN, "browse")
    _, before = segments(assistant.access_token)
    _, after = segments(answer["access_token"])
    same = ("iss", "sub", "aud", "client_id", "grant", "agent", "org", "membership", "sid")
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert after["act"] == {"sub": assistant.client_id} and "act" not in before
    assert after["exp"] == before["exp"] and 355 <= answer["expires_in"] <= 360, (
        "it ends with the one that it came from"
    )
    assert scopes_now(shop, answer["access_token"]) == {"browse"} < scopes_now(shop, assistant.access_token)

    stored = row(shop, Authority, after["jti"])
    assert (stored.parent_id, stored.scopes) == (only_grant(shop, assistant.client_id)[0].id, ["browse"])
    assert row(shop, AccessToken, after["jti"]).exchanged_from == before["jti"]
    event = events(shop, "token.exchanged")[-1].content
    assert event["subject"] == before["sub"] and event["resource"] == {"kind": "token", "id": after["jti"]}
    assert event["facts"]["from"] == before["jti"] and event["facts"]["scopes"] == ["browse"]


@pytest.mark.holds("I9", "ASVS-10.4.9")
def test_it_dies_with_what_it_came_from(shop: ShopUnderTest, sofia: Visitor) -> None:
    """RFC 7009 §2.1: revoking a token ends those that it was exchanged for, however often; and so does all that ends the grant."""
    assistant = confidential(shop).connect(sofia, "browse", "read")
    second = exchange(assistant).get_json()["access_token"]
    third = exchange(assistant, subject_token=second, scope="browse").get_json()["access_token"]
    other = exchange(assistant).get_json()["access_token"]
    assert assistant.send("/oauth/revoke", token=second).status_code == 200
    assert [is_alive(shop, token) for token in (assistant.access_token, second, third, other)] == [
        True,
        False,
        False,
        True,
    ]
    assert len(events(shop, "token.revoked")[-1].content["facts"]["tokens"]) == 2
    assert error_of(exchange(assistant, subject_token=second)) == (400, "invalid_request")
    person, grant = sofia.principal(), only_grant(shop, assistant.client_id)[0].id
    with shop.database.write() as db:
        cascade.revoke_grant(db, person, grant)
    assert not is_alive(shop, other) and error_of(exchange(assistant)) == (400, "invalid_request")


BAD: dict[str, tuple[dict[str, str | None], str]] = {
    "2.1 no subject_token": ({"subject_token": None}, "invalid_request"),
    "2.1 no subject_token_type": ({"subject_token_type": None}, "invalid_request"),
    "2.1 an ID token": ({"subject_token_type": "urn:ietf:params:oauth:token-type:id_token"}, "invalid_request"),
    "2.1 a refresh token wanted": (
        {"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"},
        "invalid_request",
    ),
    "2.1 an actor token": ({"actor_token": "x", "actor_token_type": ACCESS_TOKEN}, "invalid_request"),
    "2.2.2 nonsense": ({"subject_token": "a.b.c"}, "invalid_request"),
    "2.2.2 another resource": ({"resource": "https://other.example"}, "invalid_target"),
    "2.2.2 another audience": ({"audience": "https://other.example"}, "invalid_target"),
    "a wider scope": ({"scope": "browse read transact"}, "invalid_scope"),
    "a scope that is none": ({"scope": "everything"}, "invalid_scope"),
}


@ONE_ENGINE
@pytest.mark.holds("RFC8693-2.1", "ASVS-10.4.11", "M2")
def test_2_2_2_bad_requests_are_the_protocols_errors(shop: ShopUnderTest, sofia: Visitor) -> None:
    """Each is refused with its code and recorded; no token comes of it, and the one that was presented stays."""
    assistant = confidential(shop).connect(sofia, "browse", "read")
    for what, (changed, error) in BAD.items():
        with watching(shop) as seen:
            response = exchange(assistant, **changed)
        assert error_of(response) == (400, error), what
        assert seen.names == ["token.refused"] and not seen.changed, what
    assert is_alive(shop, assistant.access_token)


@ONE_ENGINE
@pytest.mark.holds("ASVS-10.4.10", "I10")
def test_only_the_client_that_holds_a_token_exchanges_it(shop: ShopUnderTest, sofia: Visitor) -> None:
    """Not another client, not a public one, not one that is not registered for it; and not an expired token."""
    assistant = confidential(shop).connect(sofia, "browse")
    thief = confidential(shop).connect(shop.sign_in(NOAH), "browse")
    assert error_of(exchange(thief, subject_token=assistant.access_token)) == (400, "invalid_request")
    public = registered(shop, grant_types=[*CODE, EXCHANGE]).connect(sofia, "browse")
    assert error_of(exchange(public)) == (401, "invalid_client")
    plain = confidential(shop, grant_types=CODE).connect(sofia, "browse")
    assert error_of(exchange(plain)) == (400, "unauthorized_client")
    assert EXCHANGE in set(GrantType)
    shop.clock.pass_by(minutes=11)
    assert error_of(exchange(assistant)) == (400, "invalid_request")
