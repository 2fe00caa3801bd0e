"""A valid token request of each grant type, for tests that spoil one thing of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import update
from werkzeug.test import TestResponse

from shop.oauth.clients.client import Client
from shop.oauth.grant_types import GrantType
from tests.oauth.desk import allow_for_everyone, desk
from tests.oauth.test_rfc6749_client_credentials import robot, taken_in
from tests.support.assistants import RESOURCE, ExternalAssistant, registered
from tests.support.people import INES, SOFIA, ShopUnderTest
from tests.support.providers import DESK, ServedProvider

ALLOWED = ("browse", "read")
"""What each of the requests is granted."""
_SOFIA_THERE = "acme-10417"


@dataclass(frozen=True)
class ValidTokenRequest:
    """A request that a client has not sent yet."""

    client: ExternalAssistant
    form: dict[str, str | None]

    def send(self, **changed: str | None) -> TestResponse:
        """Send it, with what a test changes."""
        return self.client.token(**(self.form | changed))

    def register_for(self, *grant_types: GrantType) -> None:
        """Let the client be registered for these grant types only."""
        this = Client.client_id == self.client.client_id
        with self.client.shop.database.write() as db:
            db.execute(update(Client).where(this).values(grant_types=[str(grant_type) for grant_type in grant_types]))


def _authorization_code(shop: ShopUnderTest, provider: ServedProvider) -> ValidTokenRequest:
    client = _for_people(shop)
    code = client.ask(shop.sign_in(SOFIA), *ALLOWED, tick=ALLOWED).code
    return ValidTokenRequest(client, client.redemption(code))


def _refresh_token(shop: ShopUnderTest, provider: ServedProvider) -> ValidTokenRequest:
    client = _for_people(shop).connect(shop.sign_in(SOFIA), *ALLOWED)
    form: dict[str, str | None] = {"refresh_token": client.refresh_token}
    return ValidTokenRequest(client, {"grant_type": GrantType.REFRESH_TOKEN, **form})


def _client_credentials(shop: ShopUnderTest, provider: ServedProvider) -> ValidTokenRequest:
    client = robot(shop)
    taken_in(shop, client, shop.sign_in(INES).principal())
    return ValidTokenRequest(client, {"grant_type": GrantType.CLIENT_CREDENTIALS})


def _token_exchange(shop: ShopUnderTest, provider: ServedProvider) -> ValidTokenRequest:
    client = _for_people(shop).connect(shop.sign_in(SOFIA), *ALLOWED)
    form: dict[str, str | None] = {
        "subject_token": client.access_token,
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
    }
    return ValidTokenRequest(client, {"grant_type": GrantType.TOKEN_EXCHANGE, **form})


def _identity_assertion(shop: ShopUnderTest, provider: ServedProvider) -> ValidTokenRequest:
    client = desk(shop, provider, scopes=list(ALLOWED))
    allow_for_everyone(shop.sign_in(INES), DESK, *ALLOWED)
    form: dict[str, str | None] = {"assertion": client.signed(_SOFIA_THERE)}
    return ValidTokenRequest(client.assistant, {"grant_type": GrantType.IDENTITY_ASSERTION, **form})


def _for_people(shop: ShopUnderTest) -> ExternalAssistant:
    every = [GrantType.AUTHORIZATION_CODE, GrantType.REFRESH_TOKEN, GrantType.TOKEN_EXCHANGE]
    return registered(shop, method="client_secret_post", grant_types=[str(grant_type) for grant_type in every])


_MAKERS: dict[GrantType, Callable[[ShopUnderTest, ServedProvider], ValidTokenRequest]] = {
    GrantType.AUTHORIZATION_CODE: _authorization_code,
    GrantType.REFRESH_TOKEN: _refresh_token,
    GrantType.CLIENT_CREDENTIALS: _client_credentials,
    GrantType.TOKEN_EXCHANGE: _token_exchange,
    GrantType.IDENTITY_ASSERTION: _identity_assertion,
}


def valid_request(shop: ShopUnderTest, provider: ServedProvider, grant_type: GrantType) -> ValidTokenRequest:
    """A request that would be granted `ALLOWED`, at Acme. Raises `KeyError` for a grant type that has none here yet."""
    request = _MAKERS[grant_type](shop, provider)
    return ValidTokenRequest(request.client, request.form | {"resource": RESOURCE})
