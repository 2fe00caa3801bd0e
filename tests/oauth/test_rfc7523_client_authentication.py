"""RFC 6749 §2.3, RFC 7523 §2.2: how a client proves that it is itself; by secret, or by its own key."""

from __future__ import annotations

import time
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from shop.oauth.client_authentication import UsedAssertion
from shop.oauth.clients.client import Client
from tests.identity.hostile import ec_key, rsa_key
from tests.oauth.looks import counted, events, row, rows
from tests.support.assistants import ExternalAssistant, error_of, registered
from tests.support.people import SOFIA, ShopUnderTest
from tests.support.providers import BASE_URL
from tests.support.state import ONE_ENGINE

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def with_key(shop: ShopUnderTest, key: Any, **metadata: Any) -> ExternalAssistant:
    """A client that signs with its own key."""
    return registered(shop, method="private_key_jwt", jwks={"keys": [key.as_dict(private=False)]}, **metadata)


def assertion(client: ExternalAssistant, key: Any, algorithm: str = "ES256", **changed: Any) -> str:
    """What it signs to say who it is."""
    now = int(client.shop.clock.now.timestamp())
    claims = {
        "iss": client.client_id,
        "sub": client.client_id,
        "aud": BASE_URL,
        "iat": now,
        "exp": now + 60,
        "jti": f"jti {time.monotonic_ns()}",
        **changed,
    }
    present = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode({"alg": algorithm, "kid": key.kid}, present, key, algorithms=[algorithm])


def signed(token: str) -> dict[str, str]:
    return {"client_assertion_type": ASSERTION, "client_assertion": token}


@ONE_ENGINE
@pytest.mark.holds("ASVS-10.4.10", "NHI2")
def test_a_secret_is_shown_once_and_only_its_hash_is_kept(shop: ShopUnderTest) -> None:
    """RFC 6749 §2.3.1: the right secret in the registered way, and nothing else; no code is spent by a wrong one."""
    assistant, sofia = registered(shop, method="client_secret_post"), shop.sign_in(SOFIA)
    stored = row(shop, Client, assistant.client_id)
    assert assistant.secret and assistant.secret not in str(vars(stored))
    code = assistant.ask(sofia, "browse").code
    for number, wrong in enumerate((None, "", "wrong", stored.secret_hash), start=1):
        assert error_of(assistant.redeem(code, client_secret=wrong)) == (401, "invalid_client"), wrong
        assert counted(shop, "token.refused") == {"invalid_client": number} and not events(
            shop, "token.refused", "system"
        )
    basic = shop.app.test_client().post(
        "/oauth/token",
        data={k: v for k, v in assistant.redemption(code).items() if v},
        auth=(assistant.client_id, assistant.secret),
        base_url=BASE_URL,
    )
    assert error_of(basic) == (401, "invalid_client"), "it is registered for another way"
    assert assistant.redeem(code).status_code == 200


@ONE_ENGINE
def test_a_client_authenticates_in_one_way_at_a_time(shop: ShopUnderTest) -> None:
    """RFC 6749 §2.3: two ways at once, or two identifiers, are refused, even if both are right."""
    assistant, other = registered(shop, method="client_secret_post"), registered(shop, "Another")
    form = {"grant_type": "refresh_token", "refresh_token": "x", "client_id": assistant.client_id}
    client = shop.app.test_client()
    for body in (form | {"client_secret": str(assistant.secret)}, form | {"client_assertion": "a.b.c"}):
        response = client.post(
            "/oauth/token", data=body, auth=(assistant.client_id, str(assistant.secret)), base_url=BASE_URL
        )
        assert error_of(response) == (400, "invalid_request")
    key = ec_key("mine")
    signer = with_key(shop, key)
    mixed = signer.token(**form | signed(assertion(signer, key)) | {"client_id": other.client_id})
    assert error_of(mixed) == (401, "invalid_client")


@pytest.mark.holds("RFC9700-2.5", "ASVS-10.4.10")
def test_a_client_signs_with_its_own_key_once(shop: ShopUnderTest) -> None:
    """RFC 7523 §3: nobody but the holder of the key is this client; the same assertion again is refused, and kept as a hash."""
    key = ec_key("mine")
    assistant, sofia = with_key(shop, key), shop.sign_in(SOFIA)
    once = assertion(assistant, key)
    code = assistant.ask(sofia, "browse").code
    assert assistant.redeem(code, **signed(once)).status_code == 200
    (used,) = rows(shop, UsedAssertion)
    assert used.client_id == assistant.client_id and "jti" not in used.jti_hash
    again = assistant.refresh(**signed(once))
    assert error_of(again) == (401, "invalid_client") and "used before" in again.get_json()["error_description"]
    assert assistant.refresh(**signed(assertion(assistant, key))).status_code == 200
    shop.clock.pass_by(minutes=2)
    assert assistant.refresh(**signed(assertion(assistant, key, aud=[BASE_URL]))).status_code == 200, "a list of one"
    shop.app.extensions["upkeep"].run_all()
    assert len(rows(shop, UsedAssertion)) == 1, "what expired is forgotten"


BENT: dict[str, dict[str, Any]] = {
    "of another issuer": {"iss": "somebody else"},
    "without a subject": {"sub": None},
    "whose subject is no text": {"sub": 7},
    "whose subject is nobody": {"sub": "cli_nobody", "iss": "cli_nobody"},
    "for another server": {"aud": "https://other.example"},
    "for several": {"aud": [BASE_URL, "https://other.example"]},
    "for the resource": {"aud": f"{BASE_URL}/mcp"},
    "that ran out": {"exp": 1_700_000_000},
    "that never ends": {"exp": None},
    "that lasts for days": {"exp": 4_000_000_000},
    "of the future": {"nbf": 4_000_000_000},
    "made in the future": {"iat": 4_000_000_000},
    "without an id": {"jti": None},
}


@ONE_ENGINE
@pytest.mark.holds("RFC9700-2.5", "ASVS-9.1.2", "ASVS-9.1.3")
def test_any_other_assertion_is_refused(shop: ShopUnderTest) -> None:
    """RFC 7523 §3: issuer, subject, audience, time and key are checked; algorithms are pinned; no key of the token counts."""
    key, rsa = ec_key("mine"), rsa_key("rsa")
    assistant = with_key(shop, key)
    own = ECKey.generate_key("P-256", {"kid": "mine"})
    secret = OctKey.import_key(str(key.as_dict(private=False)))
    tokens = {what: assertion(assistant, key, **changed) for what, changed in BENT.items()}
    tokens |= {
        "by another key of the same name": assertion(assistant, own),
        "by another kind of key": assertion(assistant, rsa, "RS256"),
        "by a shared secret": jwt.encode({"alg": "HS256"}, {"sub": assistant.client_id}, secret, algorithms=["HS256"]),
        "unsigned": ".".join([*assertion(assistant, key).split(".")[:2], ""]),
        "no token": "…",
    }
    for what, token in tokens.items():
        response = assistant.token(grant_type="refresh_token", refresh_token="x", **signed(token))
        assert error_of(response) == (401, "invalid_client"), what
    odd_type = signed(assertion(assistant, key)) | {"client_assertion_type": "another"}
    assert error_of(assistant.token(grant_type="refresh_token", refresh_token="x", **odd_type)) == (
        401,
        "invalid_client",
    )
    by_name_only = assistant.token(grant_type="refresh_token", refresh_token="x")
    assert error_of(by_name_only) == (401, "invalid_client"), "a client with a key is not taken at its word"
    assert rows(shop, UsedAssertion) == []
