"""RFC 6749 §3.2, §4.1.3, §5: the token endpoint; a code works once, for its client, for a minute."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable
from datetime import timedelta

import pytest

from shop.credentials.ledger import Authority
from shop.credentials.tokens import AccessToken, TokenFamily
from shop.oauth.grants.authorization_code import AuthorizationCode
from tests.oauth.looks import events, facts, is_alive, row, rows
from tests.support.assistants import error_of, registered, segments
from tests.support.at_once import at_once
from tests.support.people import SOFIA, ShopUnderTest
from tests.support.providers import BASE_URL
from tests.support.state import ONE_ENGINE, chains_hold, watching


@pytest.mark.holds("ASVS-10.4.3", "NHI7")
def test_a_code_becomes_tokens(shop: ShopUnderTest) -> None:
    """§5.1: an access token for minutes and a refresh token, not to be kept by anybody between; row and event."""
    assistant, sofia = registered(shop), shop.sign_in(SOFIA)
    response = assistant.redeem(assistant.ask(sofia, "browse", "read").code)
    body = response.get_json()
    assert response.headers["Cache-Control"] == "no-store" and response.headers["Pragma"] == "no-cache"
    assert set(body) == {"access_token", "token_type", "expires_in", "refresh_token", "scope"}
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 600, "browse read")
    _, claims = segments(body["access_token"])
    authority = row(shop, Authority, claims["jti"])
    assert (authority.parent_id, authority.scopes) == (claims["grant"], ["browse", "read"])
    assert is_alive(shop, body["access_token"])
    event = events(shop, "token.issued")[-1].content
    assert event["grant"] == claims["grant"] and event["actor"]["client"] == assistant.client_id
    assert event["subject"] == sofia.principal().subject and event["session"] is None
    assert event["resource"] == {"kind": "token", "id": claims["jti"]}


@pytest.mark.holds("ASVS-10.4.2", "RFC9700-4.10")
def test_a_code_that_comes_twice_kills_what_it_led_to(shop: ShopUnderTest) -> None:
    """§4.1.2: the second use is refused, and every token that the first one led to is dead, also the refreshed one."""
    assistant, sofia = registered(shop), shop.sign_in(SOFIA)
    code = assistant.ask(sofia, "browse").code
    assistant.redeem(code)
    first = assistant.access_token
    assistant.refresh()
    assert is_alive(shop, first) and is_alive(shop, assistant.access_token)
    assert error_of(assistant.redeem(code)) == (400, "invalid_grant")
    assert not is_alive(shop, first) and not is_alive(shop, assistant.access_token)
    assert error_of(assistant.refresh()) == (400, "invalid_grant")
    (family,) = rows(shop, TokenFamily)
    assert family.ended_because == "code_replayed"
    told = facts(shop, "authorization_code.replayed")
    assert told["client"] == assistant.client_id and len(told["tokens"]) == 2
    assert facts(shop, "token.refused")["error"] == "invalid_grant"


@pytest.mark.holds("ASVS-10.4.2")
def test_of_many_that_bring_a_code_at_once_one_gets_tokens_at_most(shop: ShopUnderTest) -> None:
    """The code is claimed in one statement before anything is issued: whoever comes second finds it used, and kills it."""
    assistant, sofia = registered(shop), shop.sign_in(SOFIA)
    form = assistant.redemption(assistant.ask(sofia, "browse").code)
    answers = at_once([lambda: assistant.token(**form)] * 4)
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]
    assert len(rows(shop, AccessToken)) == 1
    token = next(answer.get_json()["access_token"] for answer in answers if answer.status_code == 200)
    assert not is_alive(shop, token)
    assert chains_hold(shop)


@ONE_ENGINE
@pytest.mark.holds("ASVS-10.4.3")
def test_a_code_is_good_for_a_minute(shop: ShopUnderTest) -> None:
    """§4.1.2: after 60 seconds it is worth nothing."""
    assistant, sofia = registered(shop), shop.sign_in(SOFIA)
    code = assistant.ask(sofia, "browse").code
    assert row(
        shop, AuthorizationCode, rows(shop, AuthorizationCode)[0].code_hash
    ).expires_at - shop.clock.now < timedelta(seconds=60)
    shop.clock.pass_by(seconds=60)
    assert error_of(assistant.redeem(code)) == (400, "invalid_grant")


@ONE_ENGINE
def test_a_code_that_nobody_redeemed_leaves_nothing(shop: ShopUnderTest) -> None:
    """A client that sends people here again and again piles nothing up; a code that was used is kept, so that a replay shows."""
    assistant, sofia = registered(shop), shop.sign_in(SOFIA)
    used = assistant.ask(sofia, "browse").code
    assistant.redeem(used)
    for _ in range(3):
        shop.clock.pass_by(minutes=2)
        assistant.ask(sofia, "browse")
    shop.app.extensions["upkeep"].run_all()
    assert len(rows(shop, AuthorizationCode)) == 2
    assert error_of(assistant.redeem(used)) == (400, "invalid_grant")
    assert facts(shop, "authorization_code.replayed")["client"] == assistant.client_id


@ONE_ENGINE
@pytest.mark.holds("ASVS-10.4.1")
def test_a_code_is_for_its_client_and_its_redirect_uri(shop: ShopUnderTest) -> None:
    """§4.1.3: another client cannot use a code, nor burn it; another redirect URI spends it for nothing."""
    assistant, thief, sofia = registered(shop), registered(shop, "A thief"), shop.sign_in(SOFIA)
    code = assistant.ask(sofia, "browse").code
    thief.verifier = assistant.verifier
    assert error_of(thief.redeem(code)) == (400, "invalid_grant")
    assert assistant.redeem(code).status_code == 200, "nobody but its client spends a code"

    code = assistant.ask(sofia, "browse").code
    moved = assistant.redeem(code, redirect_uri="https://assistant.example/elsewhere")
    assert error_of(moved) == (400, "invalid_grant")
    assert error_of(assistant.redeem(code)) == (400, "invalid_grant"), "a failed attempt spends the code"


@ONE_ENGINE
@pytest.mark.holds("ASVS-10.4.1")
def test_the_redirect_uri_need_not_be_named_again(shop: ShopUnderTest) -> None:
    """OAuth 2.1 §10.2 (draft 15): PKCE binds the code, so the token request may leave it out; one that is sent is compared."""
    assistant, sofia = registered(shop), shop.sign_in(SOFIA)
    for left_out in (None, ""):
        assert assistant.redeem(assistant.ask(sofia, "browse").code, redirect_uri=left_out).status_code == 200
    code = assistant.ask(sofia, "browse").code
    with watching(shop) as seen:
        stolen = assistant.redeem(code, redirect_uri=None, code_verifier="x" * 43)
    assert error_of(stolen) == (400, "invalid_grant"), "what binds the code is asked for as ever"
    assert seen.names == ["token.refused"]


BAD: dict[str, tuple[dict[str, str | None], str]] = {
    "nothing": ({"grant_type": None}, "invalid_request"),
    "the password grant": ({"grant_type": "password"}, "unsupported_grant_type"),
    "client credentials without any": ({"grant_type": "client_credentials"}, "invalid_client"),
    "a grant type full of quotes": ({"grant_type": '"\\"§…'}, "unsupported_grant_type"),
    "no code": ({"code": None}, "invalid_request"),
    "a code that is none": ({"code": "…'\"; --"}, "invalid_grant"),
    "no client": ({"client_id": None}, "invalid_client"),
    "an unknown client": ({"client_id": "cli_nobody"}, "invalid_client"),
    "a client that is a person": ({"client_id": "usr_01"}, "invalid_client"),
    "a NUL": ({"code": "a\x00b"}, "invalid_request"),
    "half a character": ({"client_id": "\ud800".encode("utf-8", "surrogatepass").decode("latin-1")}, "invalid_client"),
    "a very long value": ({"code": "a" * 3000}, "invalid_request"),
}


@ONE_ENGINE
@pytest.mark.holds("ASVS-10.4.4", "RFC9700-2.4", "RFC9700-4.15")
def test_bad_input_is_the_protocols_error(shop: ShopUnderTest) -> None:
    """§5.2: a code, a sentence and the right status, in JSON, whatever was sent; recorded, and nothing else changes."""
    assistant = registered(shop)
    for what, (changed, error) in BAD.items():
        with watching(shop) as seen:
            response = assistant.token(**(assistant.redemption("a code") | changed))
        assert error_of(response) == (401 if error == "invalid_client" else 400, error), what
        told = response.get_json()["error_description"]
        assert told.isascii() and told.endswith(".") and "[" not in told, "a sentence for a developer"
        assert not seen.changed and set(seen.names) <= {"token.refused"}, what


@ONE_ENGINE
def test_parameters_stand_in_the_body_once(shop: ShopUnderTest) -> None:
    """§3.2: what is in the query counts for nothing, so that no secret gets into a log; what is there twice is refused."""
    assistant, sofia = registered(shop), shop.sign_in(SOFIA)
    code = assistant.ask(sofia, "browse").code
    client = shop.app.test_client()
    in_query = f"grant_type=authorization_code&client_id={assistant.client_id}&code={code}"
    assert error_of(client.post(f"/oauth/token?{in_query}", base_url=BASE_URL)) == (400, "invalid_request")
    twice = {"grant_type": "authorization_code", "client_id": assistant.client_id, "code": [code, code]}
    assert error_of(client.post("/oauth/token", data=twice, base_url=BASE_URL)) == (400, "invalid_request")
    assert assistant.redeem(code).status_code == 200


@ONE_ENGINE
def test_every_error_of_a_machines_address_is_json(shop: ShopUnderTest) -> None:
    """A wrong method, no such page, a body without end, a header that cannot be read: never a page for people."""
    client = shop.app.test_client()
    wrong = client.get("/oauth/token", base_url=BASE_URL)
    assert error_of(wrong)[0] == 405 and wrong.headers["Allow"] == "OPTIONS, POST"
    assert error_of(client.get("/oauth/nothing", base_url=BASE_URL))[0] == 404
    too_large = client.post("/oauth/token", data={"grant_type": "a" * 300_000}, base_url=BASE_URL)
    assert error_of(too_large)[0] == 413
    unreadable = base64.b64encode(b"\xff\xfe:\xff").decode()
    for header in (f"Basic {unreadable}", "Basic ###", "Basic \xff", "Basic  ", "Basic", " ", "Digest x"):
        response = client.post(
            "/oauth/token",
            data={"grant_type": "refresh_token", "refresh_token": "x"},
            headers={"Authorization": header},
            base_url=BASE_URL,
        )
        assert error_of(response) == (401, "invalid_client"), header
        assert response.headers["WWW-Authenticate"].startswith("Basic ")


@ONE_ENGINE
def test_without_https_nothing_is_handed_out_but_on_this_computer(build_shop: Callable[..., ShopUnderTest]) -> None:
    """§3.2: a shop that is reached over plain http across a network says so in the protocol's form, and issues nothing."""
    address = "http://192.168.1.4:5999"
    client = build_shop(base_url=address).app.test_client()
    form = {"grant_type": "refresh_token", "refresh_token": "x", "client_id": "y"}
    for path in ("/oauth/token", "/oauth/revoke", "/oauth/introspect"):
        assert error_of(client.post(path, data=form, base_url=address)) == (400, "insecure_transport")


@ONE_ENGINE
@pytest.mark.holds("I14", "NHI2")
def test_no_library_writes_a_token_to_a_log(shop: ShopUnderTest, caplog: pytest.LogCaptureFixture) -> None:
    """Authlib's debug messages hold whole tokens: they are kept from every log, at whatever level."""
    caplog.set_level(logging.DEBUG)
    assistant, sofia = registered(shop, method="client_secret_post"), shop.sign_in(SOFIA)
    code = assistant.ask(sofia, "browse").code
    assistant.redeem(code)
    assistant.refresh()
    logged = "\n".join(entry.getMessage() for entry in caplog.records)
    assert assistant.secret
    for secret in (code, assistant.access_token, assistant.refresh_token, assistant.secret, assistant.verifier):
        assert secret not in logged
