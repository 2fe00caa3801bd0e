"""The steps of the token endpoint: each grant type has all of them, and none can go around one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidGrantError
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from shop.database import moment
from shop.oauth.client_authentication import UsedAssertion
from shop.oauth.clients.client import Client
from shop.oauth.endpoints.token import GRANT_CLASSES
from shop.oauth.grant_types import WITH_BROWSER, WITHOUT_BROWSER, GrantType
from shop.oauth.grants.pipeline import (
    GrantDecision,
    IssuedToken,
    TokenGrant,
    TokenRequest,
    narrowed,
    token_response,
)
from shop.oauth.issuer import Issuer
from shop.oauth.parameters import EndpointRequest, Parameters
from shop.principal import EVERY_SCOPE
from tests.oauth.looks import only_grant, row
from tests.support.assistants import connect, error_of, registered
from tests.support.people import SOFIA, ShopUnderTest
from tests.support.state import ONE_ENGINE, watching

STEPS = ("read", "lock", "decide", "issue")


def note(db: Session, name: str) -> None:
    """Leave a row, to see whether it stays."""
    db.add(UsedAssertion(client_id="test", jti_hash=name, expires_at=moment(db) + timedelta(minutes=1)))
    db.flush()


class RefusedInDecide(TokenGrant):
    """A grant type that writes in step 4 and in step 5, and then refuses."""

    grant_type = GrantType.CLIENT_CREDENTIALS

    def read(self) -> None:
        """Nothing."""

    def lock(self, db: Session) -> None:
        note(db, "locked")

    def decide(self, db: Session) -> GrantDecision:
        note(db, "decided")
        raise InvalidGrantError(description="not today")

    def issue(self, db: Session, decision: GrantDecision, granted: frozenset[str]) -> IssuedToken:
        raise AssertionError("nothing is issued")


def test_each_grant_type_has_its_class_and_is_for_one_kind_of_client() -> None:
    """One list: what the metadata promises and a client may register is what the endpoint answers."""
    assert list(GRANT_CLASSES) == list(GrantType)
    assert all(grant_class.grant_type is grant_type for grant_type, grant_class in GRANT_CLASSES.items())
    assert sorted([*WITH_BROWSER, *WITHOUT_BROWSER]) == sorted(GrantType)


@pytest.mark.parametrize("left_out", STEPS)
def test_a_grant_type_without_one_of_its_steps_cannot_be_made(left_out: str) -> None:
    """A class that does not say what it reads, locks, decides or issues is refused when it is used."""
    methods = {name: getattr(RefusedInDecide, name) for name in STEPS if name != left_out}
    incomplete = type("Incomplete", (TokenGrant,), {"grant_type": GrantType.CLIENT_CREDENTIALS, **methods})
    with pytest.raises(TypeError, match=left_out):
        incomplete(None)


def test_a_refusal_keeps_what_was_locked_and_undoes_what_was_decided(shop: ShopUnderTest) -> None:
    """What can be used once is used up by whoever brings it; nothing else of a refused request stays but its record."""
    client = registered(shop, method="client_secret_post", grant_types=["client_credentials"], redirect_uri="")
    issuer: Issuer = shop.app.extensions["oauth"]
    form = {"grant_type": "client_credentials", "client_id": client.client_id, "client_secret": client.secret or ""}
    grant_classes = {GrantType.CLIENT_CREDENTIALS: RefusedInDecide}
    with (
        watching(shop) as seen,
        shop.app.test_request_context("/oauth/token", method="POST", data=form),
        pytest.raises(OAuth2Error, match="not today"),
    ):
        token_response(EndpointRequest(issuer, MultiDict(form)), grant_classes)
    with shop.database.read() as db:
        assert db.get(UsedAssertion, ("test", "locked")) and db.get(UsedAssertion, ("test", "decided")) is None
    assert seen.names == ["token.refused"]


@ONE_ENGINE
def test_a_client_is_registered_for_a_grant_type_before_anything_of_its_request_is_read(shop: ShopUnderTest) -> None:
    """Step 2 comes before step 3: nobody is asked over HTTP, and what is presented is not looked at."""
    client = registered(shop, method="client_secret_post")
    for grant_type in WITHOUT_BROWSER:
        assert error_of(client.token(grant_type=grant_type)) == (400, "unauthorized_client"), grant_type


@ONE_ENGINE
@pytest.mark.holds("I3")
def test_scopes_that_a_grant_type_asks_for_only_get_fewer(shop: ShopUnderTest) -> None:
    """Whatever a grant type wants: no more than is alive, than the client is registered for, and than the person knew of."""
    assistant = connect(shop.sign_in(SOFIA), "browse", "read")
    issuer: Issuer = shop.app.extensions["oauth"]
    grant, client = only_grant(shop, assistant.client_id)[0], row(shop, Client, assistant.client_id)
    client.scopes = ["browse", "read", "transact"]  # of the objects alone: nothing is stored
    principal = replace(grant.principal(), scopes=EVERY_SCOPE)
    request = TokenRequest(issuer=issuer, parameters=Parameters({}), client=client)
    decision = GrantDecision(principal=principal, wanted=EVERY_SCOPE, grant=grant)
    assert narrowed(request, decision) == {"browse", "read"}, "nobody was told of what transact can do"
    grant.risky_tools = {scope: sorted(tools) for scope, tools in issuer.risky_tools.items()}
    assert narrowed(request, decision) == {"browse", "read", "transact"}
    alive = replace(decision, principal=replace(principal, scopes=frozenset({"read"})))
    assert narrowed(request, alive) == {"read"}
    client.scopes = ["browse"]
    assert narrowed(request, decision) == {"browse"}
    with pytest.raises(OAuth2Error, match="invalid_grant"):
        narrowed(request, alive)
