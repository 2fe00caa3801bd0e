"""RFC 6749 §4.4: an agent of an organization's inventory acts, and no human is present."""

from __future__ import annotations

from typing import Any

import pytest

from shop.agents import blocks, entries, limits
from shop.authorization.decisions import AccessDenied
from shop.credentials.agents import Agent
from shop.credentials.ledger import Authority
from shop.identity.models import Person
from shop.oauth.clients.client import Client
from shop.oauth.resource_server.bearer import authenticate
from shop.principal import Principal
from tests.oauth.looks import events, is_alive, row, scopes_now
from tests.support.assistants import RESOURCE, ExternalAssistant, error_of, registered, segments
from tests.support.people import ADA, GIL, GRETA, INES, SOFIA, ShopUnderTest
from tests.support.state import ONE_ENGINE, watching


def robot(shop: ShopUnderTest, **metadata: Any) -> ExternalAssistant:
    """A client that the operator registered for its own credentials."""
    said = {"method": "client_secret_post", "redirect_uri": "", "grant_types": ["client_credentials"]}
    return registered(shop, "Night watch", **(said | metadata))


def taken_in(shop: ShopUnderTest, client: ExternalAssistant, administrator: Principal, *, alone: bool = True) -> str:
    """An administrator takes a client into the inventory, and lets it act alone. Returns its entry."""
    policy = shop.services.policy
    with shop.database.write() as db:
        agent = entries.take_in(db, policy, administrator, db.get_one(Client, client.client_id))
    if alone:
        with shop.database.write() as db:
            limits.let_act_alone(db, policy, administrator, agent.id, True)
    return agent.id


def ask(client: ExternalAssistant, **changed: str | None) -> Any:
    """Ask for a token of its own."""
    return client.keep(client.token(**({"grant_type": "client_credentials", "resource": RESOURCE} | changed)))


def call(shop: ShopUnderTest, client: ExternalAssistant, name: str, **arguments: Any) -> Any:
    """A tool call with its token."""
    with shop.app.app_context():
        principal = authenticate(client.authorization)
    return shop.gateway.call_tool(principal, None, name, arguments)


@pytest.mark.holds("RFC6749-4.4", "RFC9700-4.15", "I2", "NHI5")
def test_4_4_an_agent_acts_for_nobody_and_its_owner_is_on_record(shop: ShopUnderTest) -> None:
    """Its own subject below its own entry; it looks, and buys nothing; the audit says that no human was present, and the owner."""
    ines, client = shop.sign_in(INES).principal(), robot(shop)
    entry = taken_in(shop, client, ines)
    answer = ask(client).get_json()
    assert set(answer) == {"access_token", "token_type", "expires_in", "scope"} and answer["scope"] == "browse read"
    _, claims = segments(answer["access_token"])
    assert claims["sub"] == claims["membership"] == claims["agent"] == entry and "grant" not in claims
    stored = row(shop, Authority, claims["jti"])
    assert (stored.parent_id, stored.scopes) == (entry, ["browse", "read"])
    assert row(shop, Agent, entry).owner_id == ines.subject

    assert call(shop, client, "search_products", query="mug").kind == "succeeded"
    assert call(shop, client, "list_orders").kind == "denied"
    assert call(shop, client, "add_to_cart", sku="context-tee-ink-m").kind == "denied"
    issued = events(shop, "token.issued")[-1].content
    assert issued["subject"] == entry and issued["actor"]["client"] == client.client_id and issued["grant"] is None
    assert issued["facts"]["human_present"] is False and issued["facts"]["owner"] == ines.subject
    page = shop.sign_in(ADA).get("/audit/organization").text
    assert "Night watch (no human present; owner Ines Duarte)" in page and "no human is present" in page


@pytest.mark.holds("RFC6749-4.4", "ASVS-10.4.11", "I6")
@ONE_ENGINE
def test_never_transact_and_never_more_than_the_ceiling(shop: ShopUnderTest) -> None:
    """What needs a human is refused by name; scopes are the least of request, registration and ceiling."""
    ines, client = shop.sign_in(INES).principal(), robot(shop)
    entry = taken_in(shop, client, ines)
    for scope in ("transact", "browse transact", "administer", "nonsense"):
        with watching(shop) as seen:
            assert error_of(ask(client, scope=scope)) == (400, "invalid_scope"), scope
        assert seen.names == ["token.refused"] and not seen.changed
    assert ask(client, scope="browse").get_json()["scope"] == "browse"
    with shop.database.write() as db:
        limits.set_ceiling(db, shop.services.policy, ines, entry, [])
    with watching(shop) as seen:
        assert error_of(ask(client)) == (400, "invalid_scope")
    assert not seen.changed, "a token that may do nothing leaves no row"
    assert not scopes_now(shop, client.access_token), "the ceiling acts on what was issued before"


@pytest.mark.holds("I9", "ASVS-10.4.9", "ASI08", "NHI1")
def test_blocked_or_no_longer_alone_it_is_refused_at_the_next_call(shop: ShopUnderTest) -> None:
    """A block, the end of acting alone, a paused organization and its own revocation each act at once; nothing is renewed."""
    ines, client, policy = shop.sign_in(INES).principal(), robot(shop), shop.services.policy
    entry = taken_in(shop, client, ines)
    ask(client)
    assert client.send("/oauth/revoke", token=client.access_token).status_code == 200
    assert not is_alive(shop, client.access_token)
    assert call(shop, client, "search_products", query="mug").kind == "denied"

    ask(client)
    with shop.database.write() as db:
        db.get_one(Authority, ines.organization).assistants_paused_at = shop.clock.now
    assert not is_alive(shop, client.access_token) and error_of(ask(client)) == (400, "invalid_grant")
    with shop.database.write() as db:
        db.get_one(Authority, ines.organization).assistants_paused_at = None
    assert is_alive(shop, client.access_token)

    with shop.database.write() as db:
        limits.let_act_alone(db, policy, ines, entry, False)
    assert not is_alive(shop, client.access_token) and error_of(ask(client)) == (400, "unauthorized_client")
    assert len(events(shop, "agent.alone_changed")[-1].content["facts"]["tokens"]) == 1
    with shop.database.write() as db:
        limits.let_act_alone(db, policy, ines, entry, True)
    ask(client)
    with shop.database.write() as db:
        blocks.block_agent(db, policy, ines, entry)
    assert not is_alive(shop, client.access_token) and error_of(ask(client)) == (400, "invalid_grant")
    assert len(events(shop, "agent.blocked")[-1].content["facts"]["tokens"]) == 1
    with shop.database.write() as db:
        blocks.unblock_agent(db, policy, ines, entry)
    assert not is_alive(shop, client.access_token), "what ended does not come back"


@pytest.mark.holds("I10", "ASVS-8.4.1")
def test_it_acts_only_where_an_administrator_let_it(shop: ShopUnderTest) -> None:
    """No inventory, no token; nobody but an administrator decides; and what Acme allows is nothing at Globex."""
    client, policy = robot(shop), shop.services.policy
    assert error_of(ask(client)) == (400, "unauthorized_client")
    for email in (SOFIA, ADA, GIL):
        person = shop.sign_in(email).principal()
        with pytest.raises(AccessDenied), shop.database.write() as db:
            entries.take_in(db, policy, person, db.get_one(Client, client.client_id))
    ines = shop.sign_in(INES).principal()
    entry = taken_in(shop, client, ines, alone=False)
    assert error_of(ask(client)) == (400, "unauthorized_client"), "in the inventory is not yet alone"
    assert events(shop, "agent.taken_in")[-1].content["resource"] == {"kind": "agent", "id": entry}
    greta = shop.sign_in(GRETA).principal()
    with pytest.raises(AccessDenied), shop.database.write() as db:
        limits.let_act_alone(db, policy, greta, entry, True)
    with pytest.raises(AccessDenied), shop.database.write() as db:
        limits.let_act_alone(db, policy, ines, "agt_nowhere", True)
    taken_in(shop, client, ines)
    with shop.app.app_context():
        assert ask(client).status_code == 200 and authenticate(client.authorization).organization == ines.organization


@ONE_ENGINE
def test_of_several_organizations_the_request_names_one(shop: ShopUnderTest) -> None:
    """A client that two organizations let act alone says for which; what it names besides those is not there."""
    ines, client = shop.sign_in(INES).principal(), robot(shop)
    taken_in(shop, client, ines)
    greta = shop.sign_in(GRETA).principal()
    with shop.database.write() as db:  # Globex has no administrator among its people: its auditor becomes one
        db.get_one(Authority, greta.membership).roles = ["administrator"]
    taken_in(shop, client, greta)
    assert error_of(ask(client)) == (400, "invalid_request")
    for administrator in (ines, greta):
        _, claims = segments(ask(client, organization=administrator.organization).get_json()["access_token"])
        assert claims["org"] == administrator.organization
    assert error_of(ask(client, organization="org_nowhere")) == (400, "unauthorized_client")


@ONE_ENGINE
@pytest.mark.holds("ASVS-10.4.10", "M9")
def test_a_client_proves_who_it_is_and_names_no_other_resource(shop: ShopUnderTest) -> None:
    """§4.4: never a public client, never one that is registered for other grants; RFC 8707: one resource, named or not."""
    ines = shop.sign_in(INES).principal()
    client = robot(shop)
    taken_in(shop, client, ines)
    assert error_of(ask(client, client_secret=None)) == (401, "invalid_client")
    assert error_of(ask(client, resource="https://other.example/mcp")) == (400, "invalid_target")
    assert segments(ask(client, resource=None).get_json()["access_token"])[1]["aud"] == RESOURCE
    people = registered(shop, method="client_secret_post")
    taken_in(shop, people, ines)
    assert error_of(ask(people)) == (400, "unauthorized_client")


@ONE_ENGINE
def test_introspection_tells_of_an_agents_token(shop: ShopUnderTest) -> None:
    """RFC 7662 §2.2: its subject is the agent itself; to another client it is not active."""
    ines, client = shop.sign_in(INES).principal(), robot(shop)
    entry = taken_in(shop, client, ines)
    ask(client)
    told = client.send("/oauth/introspect", token=client.access_token).get_json()
    assert told["active"] and (told["sub"], told["client_id"], told["scope"]) == (
        entry,
        client.client_id,
        "browse read",
    )
    assert robot(shop).send("/oauth/introspect", token=client.access_token).get_json() == {"active": False}
    with shop.database.read() as db:
        assert db.get(Person, entry) is None
