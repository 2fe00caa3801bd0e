"""RFC 7662: what a token is worth now, told to those who may know."""

from __future__ import annotations

from typing import Any

import pytest

from shop.agents import limits
from shop.principal import Workflow
from shop.revocation import cascade
from tests.oauth.looks import only_grant
from tests.support.assistants import RESOURCE, ExternalAssistant, error_of, registered, segments
from tests.support.people import INES, SOFIA, ShopUnderTest
from tests.support.providers import BASE_URL
from tests.support.state import ONE_ENGINE


def told(client: ExternalAssistant, token: str) -> dict[str, Any]:
    """What a client is told of a token."""
    response = client.send("/oauth/introspect", token=token)
    assert response.status_code == 200 and response.headers["Cache-Control"] == "no-store"
    body: dict[str, Any] = response.get_json()
    return body


@pytest.mark.holds("ASVS-10.4.10", "I9")
def test_a_client_is_told_of_its_own_tokens_as_they_are_now(shop: ShopUnderTest) -> None:
    """§2.2: active with what the ledger says today: a ceiling shows at once, and the end too."""
    sofia, ines = shop.sign_in(SOFIA), shop.sign_in(INES)
    assistant = registered(shop, method="client_secret_post").connect(sofia, "browse", "read")
    claims = segments(assistant.access_token)[1]
    common = {"active": True, "iss": BASE_URL, "aud": RESOURCE, "sub": claims["sub"], "client_id": assistant.client_id}
    assert told(assistant, assistant.access_token) == common | {
        "token_type": "Bearer",
        "jti": claims["jti"],
        "exp": claims["exp"],
        "iat": claims["iat"],
        "scope": "browse read",
    }
    assert told(assistant, assistant.refresh_token).keys() == common.keys() | {"exp", "scope"}
    agent, administrator = only_grant(shop, assistant.client_id)[0].agent_id, ines.principal()
    with shop.database.write() as db:
        limits.set_ceiling(db, shop.services.policy, administrator, agent, [Workflow.READ])
    assert (
        told(assistant, assistant.access_token)["scope"] == told(assistant, assistant.refresh_token)["scope"] == "read"
    )
    person = sofia.principal()
    with shop.database.write() as db:
        cascade.revoke_all_grants(db, person)
    for token in (assistant.access_token, assistant.refresh_token):
        assert told(assistant, token) == {"active": False}


@ONE_ENGINE
@pytest.mark.holds("ASVS-10.4.10", "I10")
def test_nobody_else_is_told_anything(shop: ShopUnderTest) -> None:
    """§2.1, §4: a public client may not ask; another client learns as much of a token as of nonsense; a resource server all."""
    sofia = shop.sign_in(SOFIA)
    assistant = registered(shop).connect(sofia)
    stranger = registered(shop, "A stranger", method="client_secret_post")
    server = registered(shop, "A resource server", method="client_secret_post", introspects=True)
    assert error_of(assistant.send("/oauth/introspect", token=assistant.access_token)) == (401, "invalid_client")
    for token in (assistant.access_token, assistant.refresh_token, "nonsense", "a.b.c", ""):
        response = stranger.send("/oauth/introspect", token=token)
        assert response.get_json() == {"active": False} if token else error_of(response) == (400, "invalid_request")
    assert told(server, assistant.access_token)["active"] is True
    used = assistant.refresh_token
    assistant.refresh()
    assert told(server, used) == {"active": False}
    shop.clock.pass_by(minutes=10)
    assert told(server, assistant.access_token) == {"active": False}
