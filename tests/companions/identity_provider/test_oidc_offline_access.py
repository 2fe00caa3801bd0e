"""OpenID Core §11 and §12, RFC 6749 §6: a client asks about somebody who is not there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from werkzeug.test import TestResponse

from shop.companions.identity_provider import ProviderConfig
from tests.companions.identity_provider.relying import ISSUER, NOAH, SECRET, SOFIA, Clock, Relying

OFFLINE = "openid profile email offline_access"


@pytest.fixture
def relying(start: Callable[..., Relying], config: ProviderConfig) -> Relying:
    """A provider whose first client may ask later."""
    return start(clients=(replace(config.clients[0], offline_access=True), config.clients[1]))


def refresh(relying: Relying, token: str, **changes: str) -> TestResponse:
    """A good request but for what the test changes."""
    good = {"grant_type": "refresh_token", "refresh_token": token}
    form = {**good, "client_id": "context-and-co", "client_secret": SECRET, **changes}
    return relying.app.test_client().post("/token", data=form)


def renewed(relying: Relying, token: str) -> dict[str, Any]:
    """New tokens."""
    response = refresh(relying, token)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.get_json()
    return answer


def error_of(response: TestResponse) -> tuple[int, str]:
    return response.status_code, response.get_json()["error"]


def test_11_only_a_client_that_may_and_asks_gets_a_refresh_token(relying: Relying, config: ProviderConfig) -> None:
    """The scope is ignored for everybody else, as the specification says."""
    assert relying.tokens(scope=OFFLINE)["scope"] == OFFLINE
    assert "refresh_token" not in relying.tokens()
    other = {"client_id": "other", "client_secret": "other-secret"}
    tokens = relying.redeem(relying.sign_in(scope=OFFLINE, client_id="other"), **other).get_json()
    assert tokens["scope"] == "openid profile email" and "refresh_token" not in tokens
    document = relying.app.test_client().get("/.well-known/openid-configuration").get_json()
    assert "offline_access" in document["scopes_supported"] and "refresh_token" in document["grant_types_supported"]


def test_12_2_the_new_id_token_is_of_the_same_sign_in(relying: Relying, clock: Clock) -> None:
    """Issuer, person, audience and time of the sign-in stay; it is issued now, and bears no nonce. The token serves again."""
    first = relying.tokens(scope=OFFLINE)
    before = relying.read(first["id_token"]).claims
    clock.move(days=80)
    second = renewed(relying, first["refresh_token"])
    after = relying.read(second["id_token"]).claims
    for name in ("iss", "sub", "aud", "auth_time", "sid"):
        assert after[name] == before[name]
    assert (after["iss"], after["sub"]) == (ISSUER, SOFIA)
    assert after["iat"] == before["iat"] + 80 * 24 * 3600 and "nonce" not in after
    assert "refresh_token" not in second, "clients are confidential: there is nothing to rotate"
    assert refresh(relying, first["refresh_token"]).status_code == 200


def test_it_goes_on_when_the_person_has_left_and_ends_by_time(relying: Relying, clock: Clock) -> None:
    """What is asked for offline does not hang on a browser's session; ninety days are its absolute end."""
    tokens = relying.tokens(scope=OFFLINE)
    clock.move(hours=9)
    relying.sign_in(NOAH)  # which makes the provider forget what has expired
    again = renewed(relying, tokens["refresh_token"])
    assert relying.userinfo(again["access_token"]).get_json()["sub"] == SOFIA
    clock.move(days=90)
    assert error_of(refresh(relying, tokens["refresh_token"])) == (400, "invalid_grant")


def test_the_directory_is_asked_each_time(
    relying: Relying, start: Callable[..., Relying], config: ProviderConfig
) -> None:
    """New groups show at once; whoever has left the company gets nothing."""
    token = relying.tokens(scope=OFFLINE)["refresh_token"]
    people = config.directory.people
    moved = [replace(one, groups=("shop-auditors",)) if one.sub == SOFIA else one for one in people]
    clients = relying.app.extensions["identity_provider"].config.clients

    def at(*staff: Any) -> Relying:
        return start(clients=clients, directory=replace(config.directory, people=tuple(staff)))

    later = at(*moved)
    assert later.read(renewed(later, token)["id_token"]).claims["groups"] == ["shop-auditors"]
    gone = at(*(one for one in people if one.sub != SOFIA))
    assert error_of(refresh(gone, token)) == (400, "invalid_grant")


def test_another_clients_refresh_token_is_refused(relying: Relying) -> None:
    """It says what it says of an unknown one, and the rightful client goes on."""
    token = relying.tokens(scope=OFFLINE)["refresh_token"]
    answers = [
        refresh(relying, secret, client_id="other", client_secret="other-secret") for secret in (token, "unknown")
    ]
    assert [error_of(answer) for answer in answers] == [(400, "invalid_grant")] * 2
    assert answers[0].get_json() == answers[1].get_json()
    assert error_of(refresh(relying, token, client_secret="wrong")) == (401, "invalid_client")
    assert error_of(refresh(relying, "")) == (400, "invalid_request")
    assert refresh(relying, token).status_code == 200


def test_a_code_that_comes_twice_takes_its_refresh_token_along(relying: Relying, clock: Clock) -> None:
    """RFC 6749 §4.1.2; also long after, when other codes are forgotten."""
    code = relying.sign_in(scope=OFFLINE)
    token = relying.redeem(code).get_json()["refresh_token"]
    clock.move(days=1)
    relying.sign_in(NOAH)
    assert refresh(relying, token).status_code == 200
    assert error_of(relying.redeem(code)) == (400, "invalid_grant")
    assert error_of(refresh(relying, token)) == (400, "invalid_grant")


def test_a_scope_may_shrink_and_never_grow(relying: Relying) -> None:
    """RFC 6749 §6."""
    token = relying.tokens(scope=OFFLINE)["refresh_token"]
    narrow = refresh(relying, token, scope="openid email").get_json()
    assert narrow["scope"] == "openid email" and "name" not in relying.read(narrow["id_token"]).claims
    assert "name" not in relying.userinfo(narrow["access_token"]).get_json()
    for wider in ("openid groups", "email", "openid unknown"):
        assert error_of(refresh(relying, token, scope=wider)) == (400, "invalid_scope")


def test_a_refresh_token_is_stored_as_a_hash(relying: Relying, config: ProviderConfig) -> None:
    """Like everything that works like a password."""
    token = relying.tokens(scope=OFFLINE)["refresh_token"].encode()
    assert [file.name for file in config.data_dir.iterdir() if token in file.read_bytes()] == []
