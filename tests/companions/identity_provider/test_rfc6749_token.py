"""RFC 6749 §4.1.3 and §5.2, RFC 7636 §4.6: who can redeem a code, with what, and how often."""

from __future__ import annotations

from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote_plus

import pytest

from shop.companions.identity_provider import ProviderConfig
from tests.companions.identity_provider.relying import SECRET, VERIFIER, Clock, Relying


def basic(client_id: str, secret: str) -> dict[str, str]:
    joined = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return {"Authorization": "Basic " + b64encode(joined.encode()).decode()}


def test_a_client_may_authenticate_by_basic_with_form_encoded_parts(relying: Relying) -> None:
    """RFC 6749 §2.3.1: a colon or percent sign in the secret survives."""
    form = {
        "grant_type": "authorization_code",
        "code": relying.sign_in(),
        "redirect_uri": "http://127.0.0.1:5000/sign-in/callback",
        "code_verifier": VERIFIER,
    }
    response = relying.browser.post("/token", data=form, headers=basic("context-and-co", SECRET))
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("client_id", "secret"), [("context-and-co", "wrong"), ("context-and-co", ""), ("nobody", SECRET), ("", "")]
)
def test_a_wrong_secret_or_client_is_refused_and_leaves_the_code_alone(
    relying: Relying, client_id: str, secret: str
) -> None:
    """401 in both ways of authenticating; the rightful client can still redeem."""
    code = relying.sign_in()
    posted = relying.redeem(code, client_id=client_id, client_secret=secret)
    headers = basic(client_id, secret)
    sent = relying.browser.post("/token", data={"grant_type": "authorization_code", "code": code}, headers=headers)
    for response in (posted, sent):
        assert (response.status_code, response.get_json()["error"]) == (401, "invalid_client")
        assert response.headers["WWW-Authenticate"].startswith("Basic")
    assert relying.redeem(code).status_code == 200


def test_two_ways_of_authenticating_at_once_and_a_broken_header_are_refused(relying: Relying) -> None:
    """RFC 6749 §2.3: one method per request."""
    form = {"grant_type": "authorization_code", "client_secret": SECRET}
    twice = relying.browser.post("/token", data=form, headers=basic("context-and-co", SECRET))
    assert twice.get_json()["error"] == "invalid_request"
    two_names = relying.browser.post("/token", data={"client_id": "other"}, headers=basic("context-and-co", SECRET))
    assert two_names.get_json()["error"] == "invalid_request"
    broken = relying.browser.post("/token", data={}, headers={"Authorization": "Basic %%%"})
    assert broken.get_json()["error"] == "invalid_client"


@pytest.mark.parametrize("verifier", ["w" * 50, "v" * 49, "short", "ü" * 50, "v" * 129])
def test_a_wrong_verifier_is_refused_and_spends_the_code(relying: Relying, verifier: str) -> None:
    """Otherwise whoever stole the code could go on guessing."""
    code = relying.sign_in()
    assert relying.redeem(code, code_verifier=verifier).get_json()["error"] == "invalid_grant"
    assert relying.redeem(code).get_json()["error"] == "invalid_grant"


def test_a_missing_verifier_is_refused(relying: Relying) -> None:
    """A confidential client needs PKCE as well (RFC 9700 §2.1.1)."""
    code = relying.sign_in()
    assert relying.redeem(code, code_verifier=None).get_json()["error"] == "invalid_request"


def test_another_redirect_uri_than_the_one_asked_with_is_refused(relying: Relying) -> None:
    """RFC 6749 §4.1.3."""
    code = relying.sign_in()
    response = relying.redeem(code, redirect_uri="http://127.0.0.1:5999/callback")
    assert response.get_json()["error"] == "invalid_grant"


def test_a_second_use_is_refused_and_revokes_what_the_first_use_got(relying: Relying) -> None:
    """RFC 6749 §4.1.2: two uses mean that somebody stole it, and nobody knows who came first."""
    code = relying.sign_in()
    token = relying.redeem(code).get_json()["access_token"]
    assert relying.userinfo(token).status_code == 200
    assert relying.redeem(code).get_json()["error"] == "invalid_grant"
    assert relying.userinfo(token).status_code == 401


def test_of_many_simultaneous_uses_at_most_one_succeeds(relying: Relying) -> None:
    """The code is claimed in one statement."""
    code = relying.sign_in()
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: relying.redeem(code).status_code, range(8)))
    assert sorted(statuses) == [200] + [400] * 7


def test_a_code_ends_after_sixty_seconds(relying: Relying, clock: Clock) -> None:
    """The last second counts; the next does not."""
    in_time, late = relying.sign_in(), relying.sign_in()
    clock.move(seconds=59)
    assert relying.redeem(in_time).status_code == 200
    clock.move(seconds=1)
    assert relying.redeem(late).get_json()["error"] == "invalid_grant"


def test_another_clients_code_is_refused_and_left_alone(relying: Relying) -> None:
    """The other client hears what it would hear of an unknown code, and cannot spoil the sign-in."""
    code = relying.sign_in()
    stolen = relying.redeem(code, client_id="other", client_secret="other-secret")
    unknown = relying.redeem("unknown", client_id="other", client_secret="other-secret")
    assert stolen.get_json()["error"] == "invalid_grant"
    assert stolen.get_json() == unknown.get_json()
    assert relying.redeem(code).status_code == 200


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": ""}, "invalid_request"),
        ({"redirect_uri": ""}, "invalid_request"),
    ],
)
def test_other_grants_and_missing_parameters_are_refused(relying: Relying, changes: dict[str, str], error: str) -> None:
    """RFC 6749 §5.2; there is no password grant (RFC 9700 §2.4)."""
    response = relying.redeem(relying.sign_in(), **changes)
    assert (response.status_code, response.get_json()["error"]) == (400, error)


def test_a_missing_code_is_refused(relying: Relying) -> None:
    """Missing and wrong are different mistakes of a client."""
    assert relying.redeem("").get_json()["error"] == "invalid_request"
    assert relying.redeem("wrong").get_json()["error"] == "invalid_grant"


def test_nothing_that_works_like_a_password_is_in_the_database(relying: Relying, config: ProviderConfig) -> None:
    """Codes, tokens, cookies and handles are stored as hashes."""
    picker = relying.picker()
    code = relying.sign_in()
    tokens = relying.redeem(code).get_json()
    names = (config.cookie_name("browser"), config.cookie_name("session"))
    cookies = [cookie.value for name in names if (cookie := relying.browser.get_cookie(name))]
    assert len(cookies) == 2
    stored = b"".join(file.read_bytes() for file in config.data_dir.iterdir())
    for secret in (code, tokens["access_token"], tokens["id_token"], picker.split("/")[-1], SECRET, *cookies):
        assert secret.encode() not in stored
