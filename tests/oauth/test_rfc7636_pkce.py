"""RFC 7636: PKCE by S256, for every client, at both endpoints; no downgrade."""

from __future__ import annotations

import pytest

from shop.oauth.endpoints.consent_request import ConsentQuestion
from tests.oauth.looks import facts, rows
from tests.support.assistants import back, error_of, pkce, registered
from tests.support.people import SOFIA, ShopUnderTest
from tests.support.state import ONE_ENGINE

pytestmark = ONE_ENGINE

METHODS = ["none", "client_secret_post"]
"""A public and a confidential client: both need it."""
DOWNGRADES: dict[str, dict[str, str | None]] = {
    "without a challenge": {"code_challenge": None, "code_challenge_method": None},
    "without the method, which would mean plain": {"code_challenge_method": None},
    "plain": {"code_challenge_method": "plain"},
    "plain in lower case S256": {"code_challenge_method": "s256"},
    "a method without a challenge": {"code_challenge": None},
    "an empty challenge": {"code_challenge": ""},
    "a challenge that is no hash": {"code_challenge": "too-short"},
    "a challenge that is a verifier of another length": {"code_challenge": "a" * 64},
    "a padded challenge": {"code_challenge": pkce()[1] + "="},
}


WRONG: dict[str, tuple[str | None, str]] = {
    "missing": (None, "invalid_request"),
    "empty": ("", "invalid_request"),
    "of another request": (pkce()[0], "invalid_grant"),
    "too short": ("a" * 42, "invalid_request"),
    "too long": ("a" * 129, "invalid_request"),
    "not ASCII": ("ä" * 50, "invalid_request"),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.holds("RFC9700-2.1.1", "RFC9700-4.8", "ASVS-10.4.6")
def test_a_request_without_s256_is_refused_at_the_authorization_endpoint(shop: ShopUnderTest, method: str) -> None:
    """§4.4.1: the person is asked nothing and no code is made, for a confidential client just as for a public one."""
    assistant, sofia = registered(shop, method=method), shop.sign_in(SOFIA)
    for what, changed in DOWNGRADES.items():
        answer = back(assistant.open(sofia, "browse", **changed))
        assert answer.parameters["error"] == "invalid_request" and "code" not in answer.parameters, what
        assert facts(shop, "authorization.refused")["error"] == "invalid_request"
    assert rows(shop, ConsentQuestion) == []


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.holds("RFC9700-2.1.1", "ASVS-10.4.6")
def test_a_code_without_its_verifier_is_worth_nothing(shop: ShopUnderTest, method: str) -> None:
    """§4.6: the verifier is asked of every client, and an attempt without the right one spends the code."""
    assistant, sofia = registered(shop, method=method), shop.sign_in(SOFIA)
    for what, (verifier, error) in WRONG.items():
        code, right = assistant.ask(sofia, "browse", prompt="consent").code, assistant.verifier
        assert error_of(assistant.redeem(code, code_verifier=verifier)) == (400, error), what
        assert facts(shop, "token.refused")["client"] == assistant.client_id
        assert error_of(assistant.redeem(code, code_verifier=right)) == (400, "invalid_grant"), what


def test_the_challenge_is_no_verifier(shop: ShopUnderTest) -> None:
    """What passed through the browser, presented as if the method had been plain, proves nothing."""
    assistant, sofia = registered(shop), shop.sign_in(SOFIA)
    challenge = pkce()[1]
    code = assistant.ask(sofia, "browse", code_challenge=challenge).code
    assert error_of(assistant.redeem(code, code_verifier=challenge)) == (400, "invalid_grant")
