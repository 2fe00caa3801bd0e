"""OpenID Connect Core §3.1: from the request to a verified ID token."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.companions.identity_provider.relying import (
    ISSUER,
    NOAH,
    SOFIA,
    Clock,
    Relying,
    answer,
    text_of,
)


def test_a_person_who_is_picked_arrives_at_the_client_with_an_id_token_that_its_keys_verify(
    relying: Relying, clock: Clock
) -> None:
    """The whole flow: request, card, code with state and issuer, token, claims, userinfo."""
    picked = answer(relying.browser.post(relying.picker(), data={"person": SOFIA}))
    assert picked.keys() == {"code", "state", "iss"}
    assert (picked["state"], picked["iss"]) == ("state-1", ISSUER)
    clock.move(seconds=10)

    tokens = relying.redeem(picked["code"]).get_json()
    token = relying.read(tokens["id_token"])

    now = int(clock().timestamp())
    assert token.claims.pop("sid")
    assert token.claims == {
        "iss": ISSUER,
        "aud": "context-and-co",
        "sub": SOFIA,
        "iat": now,
        "exp": now + 300,
        "auth_time": now - 10,
        "nonce": "nonce-1",
        "amr": ["user"],
        "acr": "0",
        "email": "sofia.hart@acme.example",
        "email_verified": True,
        "name": "Sofia Hart",
        "given_name": "Sofia",
        "family_name": "Hart",
        "groups": ["shop-buyers"],
    }
    assert token.header["alg"] == "RS256"
    assert token.header["kid"] == relying.browser.get("/jwks").get_json()["keys"][0]["kid"]
    userinfo = relying.userinfo(tokens["access_token"]).get_json()
    assert userinfo == {name: token.claims[name] for name in userinfo}
    assert userinfo["sub"] == SOFIA


def test_the_scopes_decide_which_claims_are_released(relying: Relying) -> None:
    """`openid` alone says who, and nothing about them."""
    tokens = relying.tokens(scope="openid unheard-of")
    assert tokens["scope"] == "openid"
    claims = relying.read(tokens["id_token"]).claims
    assert claims["sub"] == SOFIA
    assert not {"email", "name", "groups"} & claims.keys()


def test_without_a_nonce_in_the_request_there_is_none_in_the_token(relying: Relying) -> None:
    """The nonce is echoed, never invented."""
    code = answer(relying.browser.post(relying.authorize(nonce=None).location, data={"person": SOFIA}))["code"]
    assert "nonce" not in relying.read(relying.redeem(code).get_json()["id_token"]).claims


def test_the_access_token_ends_by_time(relying: Relying, clock: Clock) -> None:
    """Ten minutes, and then 401 with the challenge of RFC 6750."""
    token = relying.tokens()["access_token"]
    clock.move(minutes=9, seconds=59)
    assert relying.userinfo(token).status_code == 200
    clock.move(seconds=1)
    ended = relying.userinfo(token)
    assert ended.status_code == 401
    assert 'error="invalid_token"' in ended.headers["WWW-Authenticate"]


def test_userinfo_without_a_token_is_a_bare_challenge(relying: Relying) -> None:
    """No token is not an invalid token (RFC 6750 §3.1)."""
    response = relying.browser.get("/userinfo")
    assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_prompt_none_answers_without_a_page(relying: Relying, clock: Clock) -> None:
    """`login_required` while nobody is signed in; a code with the old `auth_time` when somebody is."""
    refused = answer(relying.authorize(prompt="none"))
    assert (refused["error"], refused["state"], refused["iss"]) == ("login_required", "state-1", ISSUER)
    relying.sign_in(NOAH)
    signed_in_at = int(clock().timestamp())
    clock.move(minutes=5)
    tokens = relying.redeem(answer(relying.authorize(prompt="none"))["code"]).get_json()
    claims = relying.read(tokens["id_token"]).claims
    assert (claims["sub"], claims["auth_time"]) == (NOAH, signed_in_at)


def test_prompt_none_respects_max_age_and_the_hint(relying: Relying, clock: Clock) -> None:
    """A sign-in that is too old, or somebody else's, needs a new sign-in."""
    sofia = relying.tokens(SOFIA)["id_token"]
    clock.move(minutes=5)
    assert "code" in answer(relying.authorize(prompt="none", max_age="300", id_token_hint=sofia))
    assert answer(relying.authorize(prompt="none", max_age="299"))["error"] == "login_required"
    relying.sign_in(NOAH)
    assert answer(relying.authorize(prompt="none", id_token_hint=sofia))["error"] == "login_required"
    assert answer(relying.authorize(prompt="none", id_token_hint="rubbish"))["error"] == "login_required"


def test_a_session_ends_by_time(relying: Relying, clock: Clock) -> None:
    """After eight hours the provider does not know the browser any more."""
    relying.sign_in()
    clock.move(hours=8)
    assert answer(relying.authorize(prompt="none"))["error"] == "login_required"


@pytest.mark.parametrize("extra", [{"prompt": "login"}, {"max_age": "0"}, {"prompt": "select_account"}, {}])
def test_the_picker_shows_even_to_somebody_who_is_signed_in(
    relying: Relying, clock: Clock, extra: dict[str, str]
) -> None:
    """Picking is signing in: the card says "signed in now", and a pick makes a new `auth_time` and session."""
    before = relying.read(relying.tokens()["id_token"]).claims
    clock.move(minutes=3)
    picker = relying.picker(**extra)
    assert "signed in now" in text_of(relying.browser.get(picker))
    code = answer(relying.browser.post(picker, data={"person": SOFIA}))["code"]
    after = relying.read(relying.redeem(code).get_json()["id_token"]).claims
    assert after["auth_time"] == before["auth_time"] + 180
    assert after["sid"] != before["sid"]


def test_the_authorization_endpoint_takes_a_form_too(relying: Relying) -> None:
    """OpenID Core §3.1.2.1: GET and POST."""
    location = relying.authorize(client_id="context-and-co").request.args
    assert relying.browser.post("/authorize", data=location).status_code == 303


def test_the_discovery_document_says_what_is_there(relying: Relying) -> None:
    """Every published endpoint answers, and only safe options are listed."""
    document = relying.browser.get("/.well-known/openid-configuration").get_json()
    assert document["issuer"] == ISSUER
    for name in ("authorization", "token", "userinfo", "end_session"):
        url = document[f"{name}_endpoint"]
        assert url.startswith(ISSUER + "/")
        assert relying.browser.open(url.removeprefix(ISSUER)).status_code not in {404, 500}
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["response_types_supported"] == ["code"]
    assert document["id_token_signing_alg_values_supported"] == ["RS256"]
    assert document["authorization_response_iss_parameter_supported"] is True
    assert document["request_uri_parameter_supported"] is False


def test_published_keys_hold_nothing_private(relying: Relying) -> None:
    """RFC 7517 §9.3."""
    [key] = relying.browser.get("/jwks").get_json()["keys"]
    assert key.keys() == {"kty", "n", "e", "kid", "use", "alg"}


def test_a_restart_keeps_the_key_and_the_sign_in(start: Callable[..., Relying]) -> None:
    """All state is in the data directory: issued tokens stay verifiable, and a pending request can be answered."""
    before, after = start(), start()
    id_token = before.tokens()["id_token"]
    picker = before.picker()
    before.app = before.browser.application = after.app
    assert before.read(id_token).claims["sub"] == SOFIA
    assert "code" in answer(before.browser.post(picker, data={"person": SOFIA}))
