"""An operator sees why a sign-in failed, in the log, without a secret in it; the page's words fit the cause; and `flask sso check` says it before."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from werkzeug.wrappers import Response

from shop.serving import serve
from shop.settings import Settings
from tests.identity.hostile import CLIENT_SECRET, HostileProvider, ec_key, rsa_key, signed
from tests.identity.panva import install, panva
from tests.identity.signing_in import Door
from tests.support.people import SOFIA, ShopUnderTest
from tests.support.state import ONE_ENGINE

pytestmark = ONE_ENGINE
Open = Callable[..., ShopUnderTest]


def refused_by(
    door: Door, caplog: pytest.LogCaptureFixture, *, by_browser: bool = False, **expected: Any
) -> tuple[str, str]:
    """A browser comes back and is refused; `by_browser` where what it brought can be anybody's. Returns what the log says, and the page."""
    caplog.clear()
    browser = door.browser()
    with caplog.at_level(logging.WARNING):
        response = browser.come_back()
    check = door.assert_counted if by_browser else door.assert_refused
    check(browser.visitor, response, **expected)
    said = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("shop."))
    assert [secret for secret in door.provider.secrets if secret in said] == []
    return said, response.text


def answer(error: str, status: int = 400, **more: str) -> Response:
    """An OAuth error of the token endpoint."""
    return Response(json.dumps({"error": error, **more}), status, mimetype="application/json")


@pytest.mark.holds("I14")
def test_a_wrong_secret_is_not_start_again(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    """`invalid_client`: the log has the provider's own words, the page sends the person to their administrator."""
    words = f"AADSTS7000215: Invalid client secret {CLIENT_SECRET}. Trace ID: 6f9c0c4e-58a3-4a5b-9f1c-0d6f3a2b1c00"
    for error in (
        answer("invalid_client", 401, error_description=words),
        answer("unauthorized_client", error_description=words),
    ):
        door.provider.answers["/token"] = error
        said, page = refused_by(door, caplog, status=502, code="client_refused", says="trying again does not help")
        assert "start again" not in page.lower() and "Back to sign-in" in page and "AADSTS" not in page
        assert "client_refused" in said and door.provider.issuer in said and "client id 0oa1b2c3" in said
        assert "AADSTS7000215: Invalid client secret" in said and "6f9c0c4e-58a3-4a5b-9f1c-0d6f3a2b1c00" in said
    door.provider.answers["/token"] = Response("Unauthorized", 401)
    said, _ = refused_by(door, caplog, status=502, code="client_refused", says="trying again does not help")
    assert "status 401" in said


def test_a_code_that_is_refused_is_start_again(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    """`invalid_grant` is about this one sign-in; any other error is named."""
    door.provider.answers["/token"] = answer("invalid_grant", error_description="code is expired\r\nFAKE LINE")
    said, page = refused_by(door, caplog, status=400, code="code_refused", says="start again", by_browser=True)
    assert "invalid_grant" in said and "code is expired FAKE LINE" in said and "Try again" in page
    door.provider.answers["/token"] = answer("temporarily_out_of_order")
    said, _ = refused_by(
        door, caplog, status=400, code="provider_error", says="answered with an error", by_browser=True
    )
    assert "temporarily_out_of_order" in said


def test_the_providers_own_error_at_the_callback_is_logged(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    """The description goes to the log and nowhere else: it may speak of the person."""
    described = "AADSTS50105: sofia.hart@acme.example is not assigned to a role"
    door.provider.callback = {"code": None, "error": "access_denied", "error_description": described}
    said, page = refused_by(
        door, caplog, status=403, code="access_denied", says="cancelled or refused", by_browser=True
    )
    assert described in said and "AADSTS" not in page
    assert "AADSTS" not in str(door.shop.chain(door.shop.organization("acme"))[-1].content)


@pytest.mark.parametrize(
    ("claims", "detail"),
    [
        ({"iss": "https://login.acme.example/"}, "its iss is https://login.acme.example/, and http://127.0.0.1:"),
        ({"aud": "another"}, "its aud is another, and 0oa1b2c3 was expected"),
        ({"exp": -300}, "exp: it expired 300 s ago by this shop's clock; compare both clocks"),
        ({"iat": 300}, "iat: it was issued 300 s in the future by this shop's clock; compare both clocks"),
        ({"nbf": 300}, "nbf: it is not valid for another 300 s by this shop's clock; compare both clocks"),
    ],
)
def test_a_token_of_another_set_up_says_what_differs(
    door: Door, caplog: pytest.LogCaptureFixture, claims: dict[str, Any], detail: str
) -> None:
    """Issuer and audience with both values, clocks with the seconds."""
    now = int(door.shop.clock.now.timestamp())
    door.provider.claims = {k: now + v if isinstance(v, int) else v for k, v in claims.items()}
    said, page = refused_by(door, caplog, status=400, code="id_token_refused", says="did not pass our checks")
    assert detail.split("300", maxsplit=1)[0] in said and "tell your administrator" in page


def test_another_algorithm_is_named(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    """What it was signed with, and what the connection allows."""
    door.provider.encode = lambda claims: signed(claims, rsa_key("first"), "RS512")
    said, _ = refused_by(door, caplog, status=400, code="id_token_refused", says="did not pass our checks")
    assert "signed with RS512, and the connection allows RS256, ES256" in said


def test_another_issuer_is_named_expected_and_seen(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    """In the callback, and in the metadata."""
    door.provider.callback = {"iss": "https://evil.example\r\nX"}
    said, _ = refused_by(
        door, caplog, status=400, code="wrong_issuer", says="another identity provider", by_browser=True
    )
    assert f"{door.provider.issuer} was expected, https://evil.example X seen" in said
    door.provider.metadata = {"issuer": f"{door.provider.issuer}/"}
    door.shop.clock.pass_by(minutes=61)
    with caplog.at_level(logging.WARNING):
        door.shop.visitor().post("/sign-in", email=SOFIA, next="/")
    assert f"{door.provider.issuer} was expected, {door.provider.issuer}/ seen" in caplog.text


@pytest.mark.parametrize(
    ("reference", "sentence"),
    [("env:NOT_SET_HERE", "Set the environment variable NOT_SET_HERE"), ("file:not_there", "Write it to ")],
)
def test_a_secret_that_is_not_there_stops_the_start(
    open_shop: Open,
    provider: HostileProvider,
    settings: Settings,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    reference: str,
    sentence: str,
) -> None:
    """With a sentence, for whoever builds the application and for whoever starts the program; no secret is made up."""
    with pytest.raises(ValueError, match=f"client secret of acme .* is not there. {sentence}"):
        open_shop(provider.issuer, client_secret=reference)
    assert serve(replace(settings, seed_dir=tmp_path / "seed_data")) == 2
    assert f"The client secret of acme at its identity provider is not there. {sentence}" in capsys.readouterr().err
    assert not (settings.data_dir / "not_there").exists()


def run_check(shop: ShopUnderTest, organization: str = "acme") -> tuple[int, str]:
    """`flask sso check`."""
    done = shop.app.test_cli_runner().invoke(args=["sso", "check", organization])
    return done.exit_code, done.output


def test_check_says_that_all_works(door: Door) -> None:
    """Metadata, clock, keys, algorithms, scopes and secret, each in words; nobody is signed in and nothing is stored."""
    trail = len(door.shop.chain(door.shop.organization("acme")))
    status, said = run_check(door.shop)
    assert status == 0, said
    for about in ("metadata", "clock", "keys", "algorithms", "scopes", "secret"):
        assert f"  works  {about}: " in said
    assert "it accepts the shop (client id 0oa1b2c3, by client_secret_basic)" in said
    assert CLIENT_SECRET not in said and len(door.shop.chain(door.shop.organization("acme"))) == trail


def test_check_says_what_does_not_work(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    """Each fault is named with what to change, and the status says that there is one."""
    provider = door.provider
    faults: list[tuple[dict[str, Any], str]] = [
        ({"metadata": {"issuer": "https://other.example"}}, "was expected, https://other.example seen"),
        ({"keys": []}, "0 can verify its tokens"),
        (
            {"keys": [ec_key("curve")], "metadata": {"id_token_signing_alg_values_supported": ["ES384"]}},
            "signs with ES384",
        ),
        ({"metadata": {"scopes_supported": ["openid"]}}, "does not list email, profile"),
        (
            {"metadata": {"token_endpoint_auth_methods_supported": ["tls_client_auth"]}},
            "takes none of client_secret_basic",
        ),
        (
            {"answers": {"/token": answer("invalid_client", 401, error_description="no such secret")}},
            "It says: no such secret",
        ),
        ({"answers": {"/token": Response("{}", mimetype="application/json")}}, "gave tokens for a code"),
        ({"answers": {"/jwks": Response("", 500)}}, "its keys cannot be had: status 500"),
    ]
    honest = {name: getattr(provider, name) for name in ("metadata", "keys", "answers")}
    for bent, words in faults:
        for name, value in {**honest, **bent}.items():
            setattr(provider, name, value)
        status, said = run_check(door.shop)
        assert status == 1 and words in said and "WRONG" in said, said
        assert CLIENT_SECRET not in said
    provider.stop()
    assert "WRONG  metadata" in run_check(door.shop)[1]


def test_check_names_keys_that_are_not_used_and_clocks_that_differ(door: Door) -> None:
    """A key of an unknown kind is no fault; a clock that is minutes off is one."""
    keys = {"keys": [{"kty": "LATTICE", "kid": "pq"}, rsa_key("first").as_dict(private=False)]}
    door.provider.answers["/jwks"] = Response(json.dumps(keys), mimetype="application/json")
    status, said = run_check(door.shop)
    assert status == 0 and "1 can verify its tokens; not used: 'pq' (its kty is 'LATTICE')" in said
    door.shop.clock.pass_by(minutes=5)
    status, said = run_check(door.shop)
    assert status == 1 and "s behind this shop's; set both" in said


def test_check_of_nobody_lists_who_there_is(door: Door) -> None:
    """A name that is none is a sentence, not a trace."""
    status, said = run_check(door.shop, "acme.example")
    assert status == 1 and "No organization is called 'acme.example'. There are: acme, globex." in said


@pytest.mark.parametrize("secret", ["right", "wrong"])
def test_check_against_panvas_provider(
    open_shop: Open, pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    """An outside provider tells a right secret from a wrong one, although no code was given out."""
    client = {
        "client_id": "0oa1b2c3",
        "client_secret": "right",
        "redirect_uris": ["http://127.0.0.1:5999/sign-in/callback"],
    }
    with panva(install(pytestconfig), client, {}) as provider:
        shop = open_shop(provider.issuer)
        monkeypatch.setenv("ACME_CLIENT_SECRET", secret)
        status, said = run_check(shop)
    assert (status == 0) == (secret == "right"), said
    assert ("works  secret" if secret == "right" else "WRONG  secret") in said
