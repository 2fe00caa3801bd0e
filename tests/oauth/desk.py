"""Desk, an AI client of Acme and Globex: it signs people in at their own provider, and goes to the shop with what that asserts."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import requests
from werkzeug.test import TestResponse

from shop.agents import limits
from shop.agents.entries import take_in
from shop.credentials.agents import Agent
from shop.oauth.clients.client import Client
from shop.principal import Workflow
from tests.support.assistants import RESOURCE, ExternalAssistant, pkce, registered
from tests.support.people import ShopUnderTest, Visitor
from tests.support.providers import BASE_URL, DESK, DESK_CALLBACK, DESK_SECRET, ServedProvider

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ID_JAG = "urn:ietf:params:oauth:token-type:id-jag"
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"
TYPE = "oauth-id-jag+jwt"


@dataclass
class Desk:
    """The client, at one company's provider and at the shop."""

    provider: ServedProvider
    assistant: ExternalAssistant
    last: dict[str, Any] = field(default_factory=dict)

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.provider.port}"

    def sign_in(self, email: str) -> str:
        """Sign somebody in at the company's provider, in a browser. Returns the ID token that the client gets."""
        verifier, challenge = pkce()
        asked = {
            "response_type": "code",
            "client_id": "desk",
            "redirect_uri": DESK_CALLBACK,
            "scope": "openid",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        back = self.assistant.shop.visitor().pick_at_provider(f"{self.issuer}/authorize?{urlencode(asked)}", email)
        tokens = self._ask(
            grant_type="authorization_code",
            code=parse_qs(urlsplit(back).query)["code"][0],
            redirect_uri=DESK_CALLBACK,
            code_verifier=verifier,
        )
        return str(tokens.json()["id_token"])

    def exchange(self, id_token: str, **changed: str) -> requests.Response:
        """Ask the provider for an assertion that the shop takes."""
        asked = {
            "grant_type": EXCHANGE,
            "requested_token_type": ID_JAG,
            "subject_token": id_token,
            "subject_token_type": ID_TOKEN,
            "audience": BASE_URL,
            "resource": RESOURCE,
        }
        return self._ask(**(asked | changed))

    def assertion(self, email: str, **changed: str) -> str:
        """The whole way to an assertion about somebody."""
        answer = self.exchange(self.sign_in(email), **changed)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def claims(self, sub: str | None, **changed: Any) -> dict[str, Any]:
        """What the provider asserts of somebody; `None` leaves out."""
        now = int(time.time())
        good = {
            "iss": self.issuer,
            "sub": sub,
            "aud": BASE_URL,
            "resource": RESOURCE,
            "client_id": DESK,
            "jti": f"jti-{time.monotonic_ns()}",
            "iat": now,
            "exp": now + 300,
            "scope": "browse read",
            **changed,
        }
        return {name: value for name, value in good.items() if value is not None}

    def signed(self, sub: str | None, *, typ: str = TYPE, **changed: Any) -> str:
        """An assertion that the provider's own key signed, with good claims but for what the test changes."""
        return self.provider.sign(self.claims(sub, **changed), typ)

    def redeem(self, assertion: str | None, **changed: str | None) -> TestResponse:
        """Present an assertion to the shop."""
        return self.assistant.keep(self.assistant.token(grant_type=JWT_BEARER, assertion=assertion, **changed))

    def _ask(self, **form: str) -> requests.Response:
        return requests.post(f"{self.issuer}/token", data=form, auth=("desk", DESK_SECRET), timeout=10)


def desk(shop: ShopUnderTest, provider: ServedProvider, **metadata: Any) -> Desk:
    """Desk, as the shop's operator registered it."""
    said = {
        "method": "client_secret_post",
        "redirect_uri": "",
        "client_id": DESK,
        "grant_types": [JWT_BEARER, EXCHANGE],
    }
    return Desk(provider, registered(shop, "Desk", **(said | metadata)))


def allow_for_everyone(administrator: Visitor, client_id: str, *scopes: str) -> str:
    """An administrator takes a client into the inventory and allows it for everybody. Returns its entry there."""
    shop, principal = administrator.shop, administrator.principal()
    policy, tools = shop.services.policy, shop.app.extensions["oauth"].risky_tools
    with shop.database.write() as db:
        agent: Agent = take_in(db, policy, principal, db.get_one(Client, client_id))
    with shop.database.write() as db:
        allowed = [Workflow(scope) for scope in scopes]
        limits.allow_for_everyone(db, policy, principal, agent.id, allowed, tools)
    return agent.id
