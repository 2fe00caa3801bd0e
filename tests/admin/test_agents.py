"""The organization's agents: who sees them, and decisions that hold from the very next call."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable

import pytest
from sqlalchemy import select

from shop.admin.agent_registration import AUTH_METHODS
from shop.credentials.agents import Agent, ClientKind
from shop.credentials.grants import Grant
from shop.credentials.ledger import Authority
from shop.oauth.clients.client import Client
from shop.oauth.clients.metadata import EVERY_METHOD
from shop.oauth.grant_types import GrantType
from shop.principal import IN_APP_ASSISTANT
from shop.tools.outcomes import Denied
from tests.mcp.host import Host, host_of
from tests.support.assistants import ExternalAssistant, connect
from tests.support.decisions import is_refused, latest, press, words_of
from tests.support.people import ADA, GIL, INES, NOAH, SOFIA, ShopUnderTest, Visitor
from tests.support.state import ONE_ENGINE, watching


def entry(shop: ShopUnderTest, host: Host) -> Agent:
    """The assistant's entry in Acme's inventory."""
    assert host.assistant
    return entry_of(shop, host.assistant.client_id)


def entry_of(shop: ShopUnderTest, client_id: str) -> Agent:
    """A client's entry in Acme's inventory."""
    query = select(Agent).where(Agent.client_id == client_id, Agent.organization_id == shop.organization("acme"))
    with shop.database.read() as db:
        return db.scalars(query).one()


def authority(shop: ShopUnderTest, identifier: str) -> Authority:
    """A row of the ledger."""
    with shop.database.read() as db:
        return db.get_one(Authority, identifier)


@pytest.mark.holds("ASVS-8.2.1", "I10")
def test_the_inventory_is_for_those_who_may_see_it(shop: ShopUnderTest) -> None:
    """Administrators see and decide, auditors see; a buyer is refused in words and on record; nobody sees elsewhere's."""
    host = host_of(shop.sign_in(SOFIA))
    agent = entry(shop, host)
    ines, ada, sofia = shop.sign_in(INES), shop.sign_in(ADA), shop.sign_in(SOFIA)
    said = words_of(ines.get("/admin/agents/").text)
    for words in (
        "The shop's own assistant",
        "An assistant",
        "known here",
        "Sofia Hart",
        "1 person",
        "allowed",
    ):
        assert words in said, words
    one = words_of(ines.get(f"/admin/agents/{agent.id}").text)
    assert agent.client_id in one and "Sofia Hart look around, see orders" in one and "Block it" in one
    assert "Block it" not in ada.get(f"/admin/agents/{agent.id}").text and ada.get("/admin/agents/").status_code == 200
    for path in ("/admin/agents/", f"/admin/agents/{agent.id}", "/admin/agents/register"):
        page = sofia.get(path)
        assert page.status_code == 403 and "This page is for administrators" in page.text
        assert latest(shop).name == "access.denied"
    assert 'href="/admin/agents/"' not in sofia.get("/").text and 'href="/admin/agents/"' in ada.get("/").text
    elsewhere = shop.sign_in(GIL)
    answers = {elsewhere.get(f"/admin/agents/{identifier}").status_code for identifier in (agent.id, "agt_nothing")}
    assert len(answers) == 1 and answers <= {403, 404}


@pytest.mark.holds("I10", "ASVS-8.4.1")
@pytest.mark.parametrize("action", ["block", "unblock", "ceiling", "everyone", "alone"])
@ONE_ENGINE
def test_an_entry_that_is_not_there_cannot_be_changed(shop: ShopUnderTest, action: str) -> None:
    """An administrator who sends the form for another organization's client, or for none, is told the same, on record."""
    globex = select(Agent.id).where(Agent.organization_id == shop.organization("globex"))
    with shop.database.read() as db:
        elsewhere = db.scalars(globex).one()
    ines = shop.sign_in(INES)
    pages = set()
    for identifier in (elsewhere, "agt_nothing"):
        answer = ines.post(f"/admin/agents/{identifier}/{action}", allow="1", scope=["browse"])
        assert answer.status_code == 404
        pages.add(words_of(answer.text))
        assert latest(shop).name == "access.denied"
    assert len(pages) == 1
    row = authority(shop, elsewhere)
    assert (row.suspended_at, row.scopes, row.roles) == (None, None, None)


@pytest.mark.parametrize("email", [SOFIA, ADA])
@ONE_ENGINE
def test_nobody_else_decides(shop: ShopUnderTest, email: str) -> None:
    """A buyer or an auditor who sends the forms by hand changes nothing, and is on record."""
    host = host_of(shop.sign_in(NOAH))
    agent, somebody = entry(shop, host), shop.sign_in(email)
    for path in (
        f"{agent.id}/block",
        f"{agent.id}/ceiling",
        f"{agent.id}/everyone",
        "stop",
        "release",
        "register",
        "take-in",
    ):
        assert somebody.post(f"/admin/agents/{path}", name="Mine", client_id="x").status_code == 403
        assert latest(shop).name == "access.denied"
    assert not is_refused(host)


@pytest.mark.holds("I9", "ASI10")
def test_blocking_ends_a_client_for_everybody_at_the_next_call(shop: ShopUnderTest) -> None:
    """Everyone's grant ends, on record one by one; nobody can let it in; lifting the block brings nothing back."""
    sofia, noah, ines = shop.sign_in(SOFIA), shop.sign_in(NOAH), shop.sign_in(INES)
    first = host_of(sofia)
    assert first.assistant
    second = Host(shop, ExternalAssistant(shop, first.assistant.client_id).connect(noah, "browse"))
    agent = entry(shop, first)
    page = press(ines, f"/admin/agents/{agent.id}/block")
    assert "Blocked. Its next call is refused" in page and "Lift the block" in page
    assert authority(shop, agent.id).suspended_at is not None
    names = [event.name for event in shop.chain(shop.organization("acme"))]
    assert names[-3:] == ["agent.blocked", "grant.revoked", "grant.revoked"]
    assert is_refused(first) and is_refused(second)
    assert "is not allowed at Acme" in first.assistant.open(noah, "browse").text
    assert "an administrator blocked it" in sofia.get("/assistants").text
    ines.post(f"/admin/agents/{agent.id}/unblock")
    assert latest(shop).name == "agent.unblocked" and is_refused(first), "nothing that ended comes back"
    first.assistant.connect(sofia, "browse")
    assert not is_refused(first)


@pytest.mark.holds("I3", "ASVS-8.3.2")
def test_a_ceiling_holds_at_the_next_call_and_says_who_set_it(shop: ShopUnderTest) -> None:
    """What is above it is refused, though consented to; no client is sent to ask for more; lifting it brings that back."""
    sofia, ines = shop.sign_in(SOFIA), shop.sign_in(INES)
    host = host_of(sofia, "browse", "read", "transact")
    agent = entry(shop, host)
    assert "Saved." in press(ines, f"/admin/agents/{agent.id}/ceiling", scope=["browse"])
    assert authority(shop, agent.id).scopes == ["browse"]
    event = latest(shop)
    assert (event.name, event.content["facts"]["after"]) == ("agent.ceiling_changed", ["browse"])
    refused = host.ask("tools/call", {"name": "view_cart", "arguments": {}})
    assert refused.status_code == 200 and refused.get_json()["result"]["isError"], (
        "not challenged: asking would not help"
    )
    assert "at most: look around" in words_of(ines.get("/admin/agents/").text)
    host.call("search_products", {"query": "mug"})
    ines.post(f"/admin/agents/{agent.id}/ceiling", scope=["browse", "read", "transact"])
    assert authority(shop, agent.id).scopes is None, "all of them are no ceiling"
    assert not host.call("view_cart").get("isError")


@pytest.mark.holds("I9", "ASI08")
def test_stopping_all_holds_every_assistant_of_the_organization(shop: ShopUnderTest) -> None:
    """External ones and the shop's own, everybody's, at the next call; not another organization's, not people's clicks."""
    sofia, ines, gil = shop.sign_in(SOFIA), shop.sign_in(INES), shop.sign_in(GIL)
    host, own, elsewhere = host_of(sofia), sofia.assistant(), host_of(gil)
    page = press(ines, "/admin/agents/stop")
    assert "All assistants of Acme are stopped." in page
    assert latest(shop).name == "assistants.stopped"
    assert authority(shop, shop.organization("acme")).assistants_paused_at is not None
    refused = own.call("search_products", query="mug")
    assert isinstance(refused, Denied) and refused.code == "stopped"
    assert "An administrator there can let them go on" in refused.reason
    assert is_refused(host) and not is_refused(elsewhere)
    assert sofia.call("view_cart").kind == "succeeded"
    sofia.post("/assistants/resume")
    assert is_refused(host), "a person cannot lift it"
    ines.post("/admin/agents/release")
    assert latest(shop).name == "assistants.released"
    assert not is_refused(host) and own.call("search_products", query="mug").kind == "succeeded"


@pytest.mark.holds("I9")
def test_the_shops_own_assistant_can_be_blocked_and_bounded_like_any_other(shop: ShopUnderTest) -> None:
    """A ceiling takes a workflow away that its person allowed; a block ends it in every conversation, and says so there."""
    sofia, noah, ines = shop.sign_in(SOFIA), shop.sign_in(NOAH), shop.sign_in(INES)
    own, of_noah, host = sofia.assistant("transact"), noah.assistant(), host_of(sofia)
    agent = entry_of(shop, IN_APP_ASSISTANT)
    assert agent.kind is ClientKind.IN_APP
    assert "2 people" in words_of(ines.get("/admin/agents/").text)
    ines.post(f"/admin/agents/{agent.id}/ceiling", scope=["browse", "read"])
    refused = own.call("add_to_cart", sku="refresh-token-mug-bone", quantity=1)
    assert isinstance(refused, Denied) and (refused.code, refused.decision.rule) == ("not_permitted", "default.ceiling")
    assert refused.reason.startswith("Your organization does not let this assistant fill a cart.")
    assert "Your organization does not allow this" in sofia.get("/assistant/").text
    ines.post(f"/admin/agents/{agent.id}/block")
    for assistant in (own, of_noah):
        blocked = assistant.call("search_products", query="mug")
        assert isinstance(blocked, Denied) and blocked.code == "blocked"
        assert "delegation.ended" in [event.name for event in assistant.events()]
    assert not is_refused(host), "the others go on"
    ines.post(f"/admin/agents/{agent.id}/unblock")
    assert sofia.assistant().call("search_products", query="mug").kind == "succeeded"


@ONE_ENGINE
def test_a_blocked_shops_own_assistant_says_so_in_the_chat(shop: ShopUnderTest) -> None:
    """A message is answered by nothing but the reason; nothing of it goes to the model."""
    sofia, ines = shop.sign_in(SOFIA), shop.sign_in(INES)
    ines.post(f"/admin/agents/{entry_of(shop, IN_APP_ASSISTANT).id}/block")
    reply = sofia.say("black hoodies")
    assert "Your organization has blocked this assistant." in reply.html
    assert [turn.state for turn in sofia.turns()] == ["stopped"]


def test_allowing_for_everybody_is_stored_and_what_came_of_it_ends_with_it(shop: ShopUnderTest) -> None:
    """The decision is a row and an event; taking it back ends what was given on its strength, and nothing a person allowed."""
    sofia, noah, ines = shop.sign_in(SOFIA), shop.sign_in(NOAH), shop.sign_in(INES)
    host = host_of(sofia)
    assert host.assistant
    unasked = Host(shop, ExternalAssistant(shop, host.assistant.client_id).connect(noah, "browse"))
    agent = entry(shop, host)
    ines.post(f"/admin/agents/{agent.id}/everyone", scope=["browse", "read"])
    assert entry(shop, host).for_everyone == ["browse", "read"]
    assert latest(shop).content["facts"] == {"client": agent.client_id, "before": None, "after": ["browse", "read"]}
    assert "for everybody" in words_of(ines.get("/admin/agents/").text)
    of_noah = select(Grant).where(Grant.person_id == noah.principal().subject)
    with shop.database.write() as db:
        db.scalars(of_noah).one().by_organization = True
    assert "you were not asked" in noah.get("/assistants").text
    ines.post(f"/admin/agents/{agent.id}/everyone", scope=["browse"])
    assert [event.name for event in shop.chain(shop.organization("acme"))][-2:] == [
        "agent.everyone_changed",
        "grant.revoked",
    ]
    assert is_refused(unasked) and not is_refused(host)
    assert "no longer allows it for everybody" in noah.get("/assistants").text


@pytest.mark.holds("M7")
@ONE_ENGINE
def test_a_client_that_nobody_vouches_for_is_not_allowed_for_everybody(shop: ShopUnderTest) -> None:
    """One that registered itself stays each person's own decision, also when the form is sent by hand."""
    host = host_of(shop.sign_in(SOFIA))
    agent, ines = entry(shop, host), shop.sign_in(INES)
    with shop.database.write() as db:
        db.get_one(Agent, agent.id).kind = ClientKind.DYNAMIC
    page = ines.get(f"/admin/agents/{agent.id}").text
    assert "self-registered, unverified" in page and f"/admin/agents/{agent.id}/everyone" not in page
    answer = press(ines, f"/admin/agents/{agent.id}/everyone", scope=["browse"])
    assert "Nobody vouches for who this client is" in answer
    assert entry(shop, host).for_everyone is None


@pytest.mark.holds("M7", "NHI5")
@ONE_ENGINE
def test_a_client_that_nobody_vouches_for_never_acts_alone(shop: ShopUnderTest) -> None:
    """One that registered itself, and the shop's own assistant, act for somebody or not at all, also when the form is sent by hand."""
    unknown, own = entry(shop, host_of(shop.sign_in(SOFIA))), entry_of(shop, IN_APP_ASSISTANT)
    with shop.database.write() as db:
        db.get_one(Agent, unknown.id).kind = ClientKind.DYNAMIC
    ines = shop.sign_in(INES)
    for agent in (unknown, own):
        page = ines.get(f"/admin/agents/{agent.id}").text
        assert f"/admin/agents/{agent.id}/alone" not in page
        with watching(shop) as seen:
            assert "Nobody vouches for who this client is" in press(ines, f"/admin/agents/{agent.id}/alone", allow="1")
        assert (seen.changed, seen.names) == (set(), [])
        assert authority(shop, agent.id).roles is None


@ONE_ENGINE
def test_an_agent_may_act_alone_when_somebody_answers_for_it(shop: ShopUnderTest) -> None:
    """The administrator who lets it becomes its owner; the page says that it acts alone; and it can be ended."""
    agent, ines = entry(shop, host_of(shop.sign_in(SOFIA))), shop.sign_in(INES)
    ines.post(f"/admin/agents/{agent.id}/alone", allow="1")
    assert authority(shop, agent.id).roles == ["guest"]
    assert entry_of(shop, agent.client_id).owner_id == ines.principal().subject
    assert latest(shop).name == "agent.alone_changed" and "acts alone" in ines.get("/admin/agents/").text
    ines.post(f"/admin/agents/{agent.id}/alone", allow="0")
    assert authority(shop, agent.id).roles is None


def registered_by(ines: Visitor, **changed: object) -> tuple[int, str]:
    """(status, page) of the form for a new client."""
    typed: dict[str, object] = {
        "name": "Purchasing helper",
        "redirect_uris": "https://helper.example/callback\nhttps://helper.example/other",
        "auth_method": "client_secret_post",
        "scope": ["browse", "read"],
    }
    answer = ines.post("/admin/agents/register", **{**typed, **changed})
    return answer.status_code, answer.text


@pytest.mark.holds("I14")
def test_a_client_is_registered_for_ones_own_organization_and_its_secret_shown_once(shop: ShopUnderTest) -> None:
    """The page has metadata and secret; the database has its digest; the inventory its owner; another organization nothing."""
    ines = shop.sign_in(INES)
    status, page = registered_by(ines)
    assert status == 201
    code = {
        name: html.unescape(text) for name, text in re.findall(r'<pre id="([\w-]+)".*?<code>(.*?)</code>', page, re.S)
    }
    metadata, secret = json.loads(code["client-metadata"]), code["client-secret"]
    assert (
        metadata["resource"].endswith("/mcp")
        and metadata["scope"] == "browse read"
        and secret not in json.dumps(metadata)
    )
    agent = entry_of(shop, metadata["client_id"])
    assert (agent.owner_id, agent.kind) == (ines.principal().subject, ClientKind.PREREGISTERED)
    assert secret not in ines.get(f"/admin/agents/{agent.id}").text
    with shop.database.read() as db:
        client = db.get_one(Client, metadata["client_id"])
    assert client.organization_id == shop.organization("acme") and client.secret_hash not in {None, secret}
    assert set(client.grant_types) == set(GrantType), "it proves who it is, so it may use every one"
    event = latest(shop)
    assert event.name == "client.registered" and event.content["resource"] == {"kind": "agent", "id": agent.id}
    assert secret not in json.dumps([event.content for event in shop.chain(shop.organization("acme"))])
    assistant = ExternalAssistant(shop, metadata["client_id"], "https://helper.example/callback", secret)
    assistant.connect(shop.sign_in(SOFIA), "browse", "read")
    elsewhere, unknown = shop.sign_in(GIL), ExternalAssistant(shop, "cli_nothing", "https://helper.example/callback")
    answers = {words_of(one.open(elsewhere, "browse").text) for one in (assistant, unknown)}
    assert len(answers) == 1, "another organization's own client is not there"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"name": " "}, "a name that people will recognise"),
        ({"redirect_uris": "http://helper.example/callback"}, "A redirect URI is https"),
        ({"redirect_uris": ""}, "redirect_uris is required"),
        ({"auth_method": "none of these"}, "token_endpoint_auth_method"),
        ({"auth_method": "private_key_jwt"}, "private_key_jwt needs jwks or jwks_uri"),
        ({"scope": []}, "Tick at least one thing"),
    ],
)
@ONE_ENGINE
def test_a_client_that_cannot_be_registered_keeps_what_was_typed(
    shop: ShopUnderTest, changed: dict[str, object], words: str
) -> None:
    """The reason stands on the form, with everything that was typed, and nothing is stored."""
    status, page = registered_by(shop.sign_in(INES), **changed)
    assert status == 400 and words in html.unescape(page)
    assert "helper.example" in page or changed.get("redirect_uris") == ""
    with shop.database.read() as db:
        assert not db.scalars(select(Client)).all()


@ONE_ENGINE
def test_a_known_client_is_taken_in_before_anybody_uses_it(shop: ShopUnderTest) -> None:
    """By its `client_id`; the administrator answers for it. An unknown one is told on the form, another organization's too."""
    ines = shop.sign_in(INES)
    known = connect(shop.sign_in(GIL), "browse").client_id
    page = press(ines, "/admin/agents/take-in", client_id=known)
    assert "is in the inventory, and you answer for it." in page
    assert entry_of(shop, known).owner_id == ines.principal().subject
    globex = shop.organization("globex")
    with shop.database.write() as db:
        db.get_one(Client, known).organization_id = globex
    for client_id in (known, "cli_nothing"):
        answer = ines.post("/admin/agents/take-in", client_id=client_id)
        assert answer.status_code == 400 and "No client has this identifier." in answer.text


@ONE_ENGINE
def test_nothing_is_registered_here_for_another_authorization_server(build_shop: Callable[..., ShopUnderTest]) -> None:
    """Where the operator's own server issues the tokens, clients are registered there: no button, and no page behind it."""
    ines = build_shop(oauth_issuer="https://login.example").sign_in(INES)
    assert "/admin/agents/register" not in ines.get("/admin/agents/").text
    answers = (
        ines.get("/admin/agents/register"),
        ines.post("/admin/agents/register"),
        ines.post("/admin/agents/take-in"),
    )
    assert [answer.status_code for answer in answers] == [404] * 3


@ONE_ENGINE
def test_the_audit_of_an_external_conversation_leads_to_the_agents_entry(shop: ShopUnderTest) -> None:
    """An auditor reads who the client is, who vouches for it, by which grant, how far its conversation can be trusted."""
    host = host_of(shop.sign_in(SOFIA))
    host.call("search_products", {"query": "mug"})
    agent, ada = entry(shop, host), shop.sign_in(ADA)
    (link,) = re.findall(r'href="(/audit/conversations/\w+)"', ada.get("/audit/").text)
    page = ada.get(link)
    assert f'href="/admin/agents/{agent.id}"' in page.text
    with shop.database.read() as db:
        grant = db.scalars(select(Grant.id).where(Grant.agent_id == agent.id)).one()
    for words in (agent.client_id, "known here", grant, "inferred"):
        assert words in words_of(page.text), words


def test_a_registration_offers_every_way_in_which_a_client_may_authenticate() -> None:
    """The form has a sentence for each way that the token endpoint knows, and for no other."""
    assert set(AUTH_METHODS) == set(EVERY_METHOD)
