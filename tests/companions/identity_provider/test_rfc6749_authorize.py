"""RFC 6749 §4.1.1, §4.1.2.1 and RFC 9700: what the authorization endpoint refuses, and where it says so."""

from __future__ import annotations

import pytest

from tests.companions.identity_provider.relying import CALLBACK, ISSUER, Relying, answer, stays_here


@pytest.mark.parametrize(
    "redirect_uri",
    [
        "http://127.0.0.1:5000/sign-in/callback/",
        "http://127.0.0.1:5000/sign-in/callback?x=1",
        "http://127.0.0.1:5000/sign-in/callbac",
        "http://127.0.0.1:5001/sign-in/callback",
        "http://127.0.0.1:5000@evil.example/sign-in/callback",
        "https://evil.example/",
        "",
    ],
)
def test_a_redirect_uri_that_is_not_registered_shows_a_page_and_never_redirects(
    relying: Relying, redirect_uri: str
) -> None:
    """Compared exactly (RFC 9700 §4.1.3); the browser stays here, whatever else is wrong."""
    mistakes: list[dict[str, str]] = [{}, {"prompt": "none"}, {"response_type": "token"}]
    for extra in mistakes:
        response = relying.authorize(redirect_uri=redirect_uri, **extra)
        assert stays_here(response, 400)
        assert "cannot go on" in response.text


def test_an_unknown_client_and_another_clients_redirect_uri_show_a_page(relying: Relying) -> None:
    """Nothing is redirected before client and redirect URI are known to belong together."""
    assert relying.authorize(client_id="nobody").status_code == 400
    response = relying.authorize(client_id="context-and-co", redirect_uri="http://127.0.0.1:5999/callback")
    assert stays_here(response, 400)


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
def test_a_doubled_destination_shows_a_page(relying: Relying, name: str) -> None:
    """RFC 6749 §3.1: which of the two would be meant?"""
    query = relying.authorize().request.query_string.decode()
    response = relying.browser.get(f"/authorize?{query}&{name}=context-and-co")
    assert stays_here(response, 400)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_type": ""}, "invalid_request"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"scope": ""}, "invalid_request"),
        ({"request": "a.b.c"}, "request_not_supported"),
        ({"request_uri": "https://evil.example/r"}, "request_uri_not_supported"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "dance"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"nonce": "n" * 2049}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": ""}, "invalid_request"),
    ],
)
def test_any_other_mistake_is_told_to_the_client_with_state_and_issuer(
    relying: Relying, changes: dict[str, str], error: str
) -> None:
    """The error goes to the registered URI only, with `iss` (RFC 9207 §2); PKCE is mandatory and S256 only."""
    told = answer(relying.authorize(**changes))
    assert (told["error"], told["state"], told["iss"]) == (error, "state-1", ISSUER)
    assert "code" not in told


def test_a_doubled_parameter_is_told_to_the_client(relying: Relying) -> None:
    """RFC 6749 §3.1."""
    query = relying.authorize().request.query_string.decode()
    assert answer(relying.browser.get(f"/authorize?{query}&scope=openid"))["error"] == "invalid_request"


def test_cancel_tells_the_client_access_denied_and_answers_the_request(relying: Relying) -> None:
    """The link on the picker; afterwards nobody can be picked for that request."""
    picker = relying.picker()
    assert f"{picker}/cancel" in relying.browser.get(picker).text
    told = answer(relying.browser.get(f"{picker}/cancel"))
    assert (told["error"], told["state"], told["iss"]) == ("access_denied", "state-1", ISSUER)
    assert relying.browser.post(picker, data={"person": "acme-10417"}).status_code == 400


def test_a_query_in_the_registered_redirect_uri_is_kept(relying: Relying) -> None:
    """RFC 6749 §3.1.2: the answer is added to it."""
    assert relying.authorize(prompt="none").location.startswith(f"{CALLBACK}?error=login_required")
