"""The steps of the token endpoint: each grant type has all of them, and none can go around one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidGrantError
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from shop.credentials.ledger import Authority
from shop.database import moment
from shop.oauth.client_authentication import UsedAssertion
from shop.oauth.clients.client import Client
from shop.oauth.endpoints.token import GRANT_CLASSES
from shop.oauth.grant_types import WITH_BROWSER, WITHOUT_BROWSER, GrantType
from shop.oauth.grants.client_credentials import ClientCredentialsGrant
from shop.oauth.grants.pipeline import narrowed
from shop.oauth.grants.token_grant import GrantDecision, IssuedToken, TokenGrant, TokenRequest
from shop.oauth.issuer import Issuer
from shop.oauth.parameters import Parameters
from shop.principal import EVERY_SCOPE
from tests.oauth.looks import only_grant, row
from tests.oauth.token_requests import ALLOWED, ValidTokenRequest, valid_request
from tests.support.assistants import connect, error_of, registered, segments
from tests.support.people import SOFIA, ShopUnderTest
from tests.support.providers import ServedProvider
from tests.support.state import ONE_ENGINE, chains_hold, watching

STEPS = ("read", "lock", "decide", "issue")
EACH_GRANT_TYPE = pytest.mark.parametrize("grant_type", GrantType, ids=lambda grant_type: grant_type.name.lower())


class RefusesInOneStep(ClientCredentialsGrant):
    """Client credentials that leave a row in each step of the transaction, and are refused in the one that a test names."""

    refused_in: ClassVar[str]

    def read(self) -> None:
        super().read()
        self._refuse_if("read")

    def lock(self, db: Session) -> None:
        super().lock(db)
        self._pass(db, "lock")

    def decide(self, db: Session) -> GrantDecision:
        decision = super().decide(db)
        self._pass(db, "decide")
        return replace(decision, wanted=frozenset()) if self.refused_in == "narrow" else decision

    def issue(self, db: Session, decision: GrantDecision, granted: frozenset[str]) -> IssuedToken:
        issued = super().issue(db, decision, granted)
        self._pass(db, "issue")
        return issued

    def _pass(self, db: Session, step: str) -> None:
        db.add(UsedAssertion(client_id="test", jti_hash=step, expires_at=moment(db) + timedelta(minutes=1)))
        db.flush()
        self._refuse_if(step)

    def _refuse_if(self, step: str) -> None:
        if self.refused_in == step:
            raise InvalidGrantError(description=f"refused in {step}")


class IssuesMoreThanGranted(ClientCredentialsGrant):
    """A grant type that does not keep to what step 6 granted."""

    def issue(self, db: Session, decision: GrantDecision, granted: frozenset[str]) -> IssuedToken:
        return super().issue(db, decision, granted | {"transact"})


def rows_left(shop: ShopUnderTest) -> set[str]:
    """The steps whose row is still there."""
    with shop.database.read() as db:
        return set(db.scalars(select(UsedAssertion.jti_hash).where(UsedAssertion.client_id == "test")))


def send_to(
    monkeypatch: pytest.MonkeyPatch, grant_class: type[TokenGrant], request: ValidTokenRequest, **changed: str
) -> TestResponse:
    """Send a request to a grant type that stands in the list in the place of its own."""
    monkeypatch.setitem(GRANT_CLASSES, grant_class.grant_type, grant_class)
    return request.send(**changed)


def test_each_grant_type_has_its_class_and_is_for_one_kind_of_client() -> None:
    """One list: what the metadata promises and a client may register is what the endpoint answers."""
    assert list(GRANT_CLASSES) == list(GrantType)
    assert all(grant_class.grant_type is grant_type for grant_type, grant_class in GRANT_CLASSES.items())
    assert sorted([*WITH_BROWSER, *WITHOUT_BROWSER]) == sorted(GrantType)


@pytest.mark.parametrize("left_out", STEPS)
def test_a_grant_type_without_one_of_its_steps_cannot_be_made(left_out: str) -> None:
    """A class that does not say what it reads, locks, decides or issues is refused when it is used."""
    methods: dict[str, Any] = {name: getattr(ClientCredentialsGrant, name) for name in STEPS if name != left_out}
    incomplete = type("Incomplete", (TokenGrant,), {"grant_type": GrantType.CLIENT_CREDENTIALS, **methods})
    with pytest.raises(TypeError, match=left_out):
        incomplete(None)


@EACH_GRANT_TYPE
def test_each_grant_type_passes_all_steps_and_is_on_record(
    shop: ShopUnderTest, providers: list[ServedProvider], grant_type: GrantType
) -> None:
    """RFC 6749 §5.1: the token says what was granted, its row says the same, and so does the event; all of one transaction."""
    request = valid_request(shop, providers[0], grant_type)
    with watching(shop) as seen:
        answer = request.send()
    assert answer.status_code == 200, answer.text
    body = answer.get_json()
    _, claims = segments(body["access_token"])
    assert body["scope"] == claims["scope"] == " ".join(ALLOWED) and body["token_type"] == "Bearer"
    assert row(shop, Authority, claims["jti"]).scopes == list(ALLOWED)
    issued = seen.events[-1].content
    assert issued["resource"] == {"kind": "token", "id": claims["jti"]} and issued["outcome"] == "succeeded"
    assert issued["facts"]["scopes"] == list(ALLOWED) and issued["facts"]["audience"] == claims["aud"]
    assert issued["facts"]["client"] == claims["client_id"] == request.client.client_id
    assert not any(event.name == "token.refused" for event in seen.events) and chains_hold(shop)


REFUSED_UNREAD: dict[str, tuple[dict[str, str | None], tuple[int, str]]] = {
    "without a grant type": ({"grant_type": None}, (400, "invalid_request")),
    "an unknown grant type": ({"grant_type": "password"}, (400, "unsupported_grant_type")),
    "a wrong secret": ({"client_secret": "another"}, (401, "invalid_client")),
    "no secret": ({"client_secret": None}, (401, "invalid_client")),
    "not registered": ({}, (400, "unauthorized_client")),
}
"""What steps 1 and 2 refuse, and how: what is sent otherwise than in a valid request, and the answer."""


@ONE_ENGINE
@EACH_GRANT_TYPE
def test_steps_1_and_2_refuse_every_grant_type_alike_and_use_nothing_up(
    shop: ShopUnderTest, providers: list[ServedProvider], grant_type: GrantType
) -> None:
    """Who the client is, and what it is registered for, is asked before anything that it presents is looked at."""
    request = valid_request(shop, providers[0], grant_type)
    others = [other for other in GrantType if other is not grant_type]
    for what, (changed, expected) in REFUSED_UNREAD.items():
        request.register_for(*(others if what == "not registered" else GrantType))
        with watching(shop) as seen:
            response = request.send(**changed)
        assert error_of(response) == expected, what
        assert ("WWW-Authenticate" in response.headers) == (response.status_code == 401), what
        assert not seen.changed, what
        assert {str(event.name) for event in seen.events} <= {"token.refused"}, what
    assert seen.names == ["token.refused"], "a client that authenticated itself is a known party"
    facts = seen.events[0].content["facts"]
    assert (facts["error"], facts["grant_type"]) == ("unauthorized_client", grant_type)
    request.register_for(*GrantType)
    assert request.send().status_code == 200, "what the client held is as good as before"


@ONE_ENGINE
@EACH_GRANT_TYPE
@pytest.mark.holds("M9", "RFC9700-2.3")
def test_a_wrong_resource_is_refused_alike_by_every_grant_type(
    shop: ShopUnderTest, providers: list[ServedProvider], grant_type: GrantType
) -> None:
    """RFC 8707 §2.2: one error, one sentence, one event, and no token."""
    request = valid_request(shop, providers[0], grant_type)
    with watching(shop) as seen:
        response = request.send(resource="https://other.example/mcp")
    assert error_of(response) == (400, "invalid_target")
    issuer: Issuer = shop.app.extensions["oauth"]
    assert response.get_json()["error_description"] == f"The parameter resource must be {issuer.resource}"
    assert seen.names == ["token.refused"] and seen.events[0].content["facts"]["error"] == "invalid_target"
    assert seen.events[0].content["organization"] == shop.organization("acme"), "in the trail of whom it concerns"
    assert "authorities" not in seen.changed


@ONE_ENGINE
@EACH_GRANT_TYPE
@pytest.mark.holds("I3")
def test_no_grant_type_gives_more_scopes_than_there_are_to_give(
    shop: ShopUnderTest, providers: list[ServedProvider], grant_type: GrantType
) -> None:
    """A scope that widens is `invalid_scope` (RFC 6749 §5.2, §6); a code says itself which ones it is for (§4.1.3)."""
    request = valid_request(shop, providers[0], grant_type)
    with watching(shop) as seen:
        response = request.send(scope=" ".join([*ALLOWED, "transact"]))
    if grant_type is GrantType.AUTHORIZATION_CODE:
        assert response.status_code == 200 and response.get_json()["scope"] == " ".join(ALLOWED)
        return
    assert error_of(response) == (400, "invalid_scope")
    assert seen.names == ["token.refused"] and seen.events[0].content["facts"]["error"] == "invalid_scope"
    assert "authorities" not in seen.changed


@pytest.mark.parametrize("step", ["read", "lock", "decide", "narrow", "issue"])
@pytest.mark.holds("I5")
def test_a_refusal_keeps_what_was_locked_and_undoes_what_came_after_it(
    shop: ShopUnderTest, providers: list[ServedProvider], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """What can be used once is used up by whoever brings it; nothing else of a refused request stays but its record."""
    request = valid_request(shop, providers[0], GrantType.CLIENT_CREDENTIALS)
    monkeypatch.setattr(RefusesInOneStep, "refused_in", step, raising=False)
    with watching(shop) as seen:
        response = send_to(monkeypatch, RefusesInOneStep, request)
    error = "invalid_scope" if step == "narrow" else "invalid_grant"
    assert error_of(response) == (400, error)
    assert rows_left(shop) == (set() if step == "read" else {"lock"}) and "authorities" not in seen.changed
    assert seen.names == ["token.refused"]
    refusal = seen.events[0].content
    assert refusal["outcome"] == "denied" and refusal["facts"]["error"] == error
    assert refusal["facts"]["client"] == request.client.client_id
    assert refusal["facts"]["grant_type"] == GrantType.CLIENT_CREDENTIALS
    assert refusal["facts"]["why"] == response.get_json()["error_description"]
    known = None if step == "read" else shop.organization("acme")
    assert refusal["organization"] == known, "whom it concerns is known from step 4 on"
    assert chains_hold(shop)


def test_what_is_not_refused_keeps_the_rows_of_every_step(
    shop: ShopUnderTest, providers: list[ServedProvider], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same grant type, when nothing refuses it: steps 4, 5 and 7 stay, with the event of step 8."""
    request = valid_request(shop, providers[0], GrantType.CLIENT_CREDENTIALS)
    monkeypatch.setattr(RefusesInOneStep, "refused_in", "no step", raising=False)
    with watching(shop) as seen:
        response = send_to(monkeypatch, RefusesInOneStep, request)
    assert response.status_code == 200, response.text
    assert rows_left(shop) == {"lock", "decide", "issue"} and seen.names == ["token.issued"]


@ONE_ENGINE
@pytest.mark.holds("I3")
def test_a_grant_type_cannot_issue_what_was_not_granted(
    shop: ShopUnderTest, providers: list[ServedProvider], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token whose row has other scopes than step 6 left is not signed, and nothing of the request stays."""
    request = valid_request(shop, providers[0], GrantType.CLIENT_CREDENTIALS)
    with watching(shop) as seen:
        response = send_to(monkeypatch, IssuesMoreThanGranted, request)
    assert error_of(response) == (503, "temporarily_unavailable")
    assert not seen.changed and not seen.events


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
