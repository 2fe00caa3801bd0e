"""Widening: a person allows a connected assistant more on their own page, with the care of a consent; its refresh brings it."""

from __future__ import annotations

import html
import re

import pytest
from sqlalchemy import update

from shop.agents import limits
from shop.credentials.grants import Grant
from shop.credentials.ledger import Authority
from shop.credentials.tokens import TokenFamily
from shop.oauth.issuer import Issuer
from shop.principal import Workflow
from shop.revocation import cascade
from tests.mcp.host import Host
from tests.oauth.looks import events, only_grant, rows
from tests.support.assistants import ExternalAssistant, connect, offered, registered, ticked
from tests.support.at_once import at_once
from tests.support.decisions import words_of
from tests.support.people import GIL, INES, NOAH, SOFIA, ShopUnderTest, Visitor
from tests.support.state import HOODIE, ONE_ENGINE, chains_hold, watching

ADD = {"name": "add_to_cart", "arguments": {"sku": HOODIE}}


def page_of(visitor: Visitor, assistant: ExternalAssistant) -> str:
    """Where a person allows this assistant more."""
    return f"/assistants/{only_grant(visitor.shop, assistant.client_id)[0].id}/widen"


def allow(visitor: Visitor, path: str, *scopes: str, **changed: str) -> str:
    """Open that page, tick and send it. Returns the words of what comes then."""
    page = visitor.get(path)
    assert page.status_code == 200 and ticked(page) == (), "nothing is ticked for anybody"
    shown = re.findall(r'name="(shown-\w+)" value="([^"]*)"', page.text)
    form = {**{name: html.unescape(value) for name, value in shown}, **changed, "scope": list(scopes)}
    answer = visitor.post(path, **form)
    return words_of(visitor.get("/assistants").text if answer.status_code == 303 else answer.text)


@pytest.mark.holds("M1", "M8", "I3", "ASVS-10.7.3", "ASVS-8.3.2")
def test_what_a_person_adds_is_in_the_next_access_token(shop: ShopUnderTest) -> None:
    """A client that only ever refreshes gets it so: grant, every living family and the tools as shown change, on record, and the
    end stays where it was.
    """
    sofia = shop.sign_in(SOFIA)
    assistant = connect(sofia, "browse", "read")
    elsewhere = ExternalAssistant(shop, assistant.client_id).connect(sofia, "browse", "read")
    until = only_grant(shop, assistant.client_id)[1].expires_at
    host = Host(shop, assistant)
    assert host.ask("tools/call", ADD).status_code == 403 and assistant.refresh().get_json()["scope"] == "browse read"
    shop.clock.pass_by(minutes=1)
    with watching(shop) as seen:
        told = allow(sofia, page_of(sofia, assistant), "transact")
    assert "Allowed. It gets this with its next access token" in told
    assert seen.names == ["grant.widened"]
    assert seen.changed - {"sessions"} == {"authorities", "grants", "token_families"}
    grant, authority = only_grant(shop, assistant.client_id)
    assert (authority.scopes, authority.expires_at) == (["browse", "read", "transact"], until)
    assert grant.risky_tools["transact"] == ["cancel_order", "place_order"] and grant.consented_at > grant.started_at
    assert [family.scopes for family in rows(shop, TokenFamily)] == [["browse", "read", "transact"]] * 2
    event = seen.events[0].content
    assert event["resource"] == {"kind": "grant", "id": grant.id} and event["outcome"] == "succeeded"
    assert event["subject"] == sofia.principal().subject and event["actor"] is None
    assert event["facts"] == {
        "client": assistant.client_id,
        "before": ["browse", "read"],
        "after": ["browse", "read", "transact"],
        "risky_tools": {"transact": ["cancel_order", "place_order"]},
        "families": sorted(family.id for family in rows(shop, TokenFamily)),
    }
    assert host.ask("tools/call", ADD).status_code == 403, (
        "the old access token says less, and its client is sent to refresh"
    )
    for one in (assistant, elsewhere):
        assert one.refresh().get_json()["scope"] == "browse read transact"
        assert not Host(shop, one).call(*ADD.values()).get("isError")  # type: ignore[arg-type]
    assert chains_hold(shop)


@ONE_ENGINE
@pytest.mark.holds("ASVS-10.7.2", "ASI09")
def test_the_page_shows_what_the_consent_page_shows(shop: ShopUnderTest) -> None:
    """Who it is and who vouches for it, where its answers went, what cannot be undone, until when; only what it has not."""
    sofia, assistant = shop.sign_in(SOFIA), registered(shop, "Campus Buyer", redirect_uri="http://127.0.0.1/cb")
    assistant.connect(sofia, "browse")
    page = sofia.get(page_of(sofia, assistant))
    said = words_of(page.text)
    for words in ("Campus Buyer", "known here", "127.0.0.1", "on your own device", "Sofia Hart", "Place the order"):
        assert words in said, words
    assert offered(page) == ("read", "transact") and "so does the end" in said
    assert "Is it still the one that you let in?" in said, "a program on this computer could hold its tokens"
    assert "Allow it too" in words_of(sofia.get("/assistants").text)


@ONE_ENGINE
def test_the_page_promises_only_what_the_client_can_do(shop: ShopUnderTest) -> None:
    """A client that gets no refresh tokens has what was added when it connects again, and the page says so."""
    sofia = shop.sign_in(SOFIA)
    renews, ends = registered(shop, "Renews"), registered(shop, "Ends", grant_types=["authorization_code"])
    for assistant, words in ((renews, "need not connect again"), (ends, "when it connects again")):
        assistant.connect(sofia, "browse")
        assert words in words_of(sofia.get(page_of(sofia, assistant)).text)


@ONE_ENGINE
@pytest.mark.holds("I3", "M1")
def test_nothing_is_added_beyond_registration_and_ceiling(shop: ShopUnderTest) -> None:
    """Neither offered, nor taken when it is sent all the same; nor what nobody can consent to; nor what a blocked client asks."""
    sofia, administrator, policy = shop.sign_in(SOFIA), shop.sign_in(INES).principal(), shop.services.policy
    little = registered(shop, "Reader", scopes=["browse", "read"]).connect(sofia, "browse")
    bounded = connect(sofia, "browse", name="Bounded")
    agent = only_grant(shop, bounded.client_id)[0].agent_id
    with shop.database.write() as db:
        limits.set_ceiling(db, policy, administrator, agent, [Workflow.BROWSE, Workflow.READ])
    for assistant in (little, bounded):
        path = page_of(sofia, assistant)
        assert offered(sofia.get(path)) == ("read",)
        for more in ("transact", "administer", "support", "everything", ""):
            with watching(shop) as seen:
                allow(sofia, path, "read", more, **{f"shown-{more}": "cancel_order place_order"})
            assert not seen.names and not seen.changed & {"authorities", "grants", "token_families"}, more
        assert only_grant(shop, assistant.client_id)[1].scopes == ["browse"]
    assert "not registered for this" in words_of(sofia.get("/assistants").text)
    with shop.database.write() as db:
        limits.set_ceiling(db, policy, administrator, agent, [Workflow.BROWSE])
    assert "Nothing was changed" in words_of(sofia.get(page_of(sofia, bounded), follow_redirects=True).text)
    assert "Allow it too" not in card_of(sofia, bounded)


def card_of(visitor: Visitor, assistant: ExternalAssistant) -> str:
    """What *Connected assistants* says of one."""
    grant = only_grant(visitor.shop, assistant.client_id)[0].id
    found = re.search(rf'<article class="grant" id="{grant}".*?</article>', visitor.get("/assistants").text, re.S)
    assert found
    return words_of(found.group())


@ONE_ENGINE
@pytest.mark.holds("I7", "M1")
def test_what_cannot_be_undone_is_pinned_as_it_was_shown(shop: ShopUnderTest) -> None:
    """A tool that came between the page and its answer: nothing changes, and the page shows it; so does one that names none."""
    sofia = shop.sign_in(SOFIA)
    assistant = connect(sofia, "browse")
    path, server = page_of(sofia, assistant), shop.app.extensions["oauth"]
    shown = sofia.get(path)
    today = {**server.risky_tools, "transact": {**server.risky_tools["transact"], "burn_order": "Burn an order"}}
    assert isinstance(server, Issuer)
    object.__setattr__(server, "risky_tools", today)
    old = html.unescape(re.findall(r'name="shown-transact" value="([^"]*)"', shown.text)[0])
    for pins in ({"shown-transact": old}, {}):
        answer = sofia.post(path, scope=["transact"], **pins)
        assert answer.status_code == 400 and "Burn an order" in answer.text and ticked(answer) == ()
        assert "has changed since you opened the page" in words_of(answer.text)
    assert only_grant(shop, assistant.client_id)[1].scopes == ["browse"] and not events(shop, "grant.widened")
    allow(sofia, path, "transact")
    assert only_grant(shop, assistant.client_id)[0].risky_tools["transact"] == [
        "burn_order",
        "cancel_order",
        "place_order",
    ]


@ONE_ENGINE
@pytest.mark.holds("M1", "ASI09")
def test_a_new_tool_in_what_it_has_is_allowed_here_too(shop: ShopUnderTest) -> None:
    """Until its person was told of it the workflow is left out of new tokens; the page tells them, and brings it back."""
    sofia = shop.sign_in(SOFIA)
    assistant = connect(sofia, "browse", "transact")
    server: Issuer = shop.app.extensions["oauth"]
    today = {**server.risky_tools, "transact": {**server.risky_tools["transact"], "burn_order": "Burn an order"}}
    object.__setattr__(server, "risky_tools", today)
    assert assistant.refresh().get_json()["scope"] == "browse"
    assert "new in it" in card_of(sofia, assistant)
    page = sofia.get(page_of(sofia, assistant))
    assert "Burn an order (new)" in page.text and "new in it" in page.text
    allow(sofia, page_of(sofia, assistant), "transact")
    assert assistant.refresh().get_json()["scope"] == "browse transact"


@pytest.mark.holds("I10", "I5")
def test_only_ones_own_living_grant_is_there(shop: ShopUnderTest) -> None:
    """A colleague's, another organization's, one that ended or never was: one answer, on record, and nothing changes."""
    sofia = shop.sign_in(SOFIA)
    assistant = connect(sofia, "browse")
    path, bodies = page_of(sofia, assistant), set[str]()
    for email, organization in ((NOAH, "acme"), (GIL, "globex")):
        somebody = shop.sign_in(email)
        for where in (path, "/assistants/gnt_nothing/widen"):
            for answer in (somebody.get(where), somebody.post(where, scope=["transact"])):
                assert answer.status_code == 404
                bodies.add(re.search(r"<main.*</main>", answer.text, re.S).group())  # type: ignore[union-attr]
                event = shop.chain(shop.organization(organization))[-1]
                assert event.name == "access.denied" and event.content["subject"] == somebody.principal().subject
    assert len(bodies) == 1
    grant, person = only_grant(shop, assistant.client_id)[0].id, sofia.principal()
    with shop.database.write() as db:
        cascade.revoke_grant(db, person, grant)
    assert sofia.post(path, scope=["transact"]).status_code == 404
    assert only_grant(shop, assistant.client_id)[1].scopes == ["browse"]


@ONE_ENGINE
@pytest.mark.holds("I3")
@pytest.mark.parametrize("whose", ["the organization's", "the issuer's"])
def test_where_nobody_was_asked_here_the_page_says_who_decides(shop: ShopUnderTest, whose: str) -> None:
    """An identity assertion's grant is the administrator's to widen, an external issuer's that issuer's: told, and refused."""
    sofia = shop.sign_in(SOFIA)
    assistant = connect(sofia, "browse")
    by_organization = whose == "the organization's"
    with shop.database.write() as db:
        db.execute(update(Grant).values(by_organization=by_organization, offered=["browse"]))
    said = card_of(sofia, assistant)
    assert ("Your administrator decides" if by_organization else "Your authorization server decides") in said
    assert "Allow it too" not in said
    shown = {"shown-transact": "cancel_order place_order"}
    assert sofia.post(page_of(sofia, assistant), scope=["transact"], **shown).status_code == 303
    assert only_grant(shop, assistant.client_id)[1].scopes == ["browse"] and not events(shop, "grant.widened")


@ONE_ENGINE
@pytest.mark.holds("ASVS-10.7.3")
def test_a_family_that_has_ended_stays_as_it_was(shop: ShopUnderTest) -> None:
    """And what was widened can be narrowed again, and widened again: each acts."""
    sofia = shop.sign_in(SOFIA)
    assistant = connect(sofia, "browse")
    dead = ExternalAssistant(shop, assistant.client_id).connect(sofia, "browse")
    assert dead.send("/oauth/revoke", token=dead.refresh_token).status_code == 200
    path = page_of(sofia, assistant)
    allow(sofia, path, "transact")
    by_end = {family.ended_at is None: family.scopes for family in rows(shop, TokenFamily)}
    assert by_end == {True: ["browse", "transact"], False: ["browse"]}
    assert assistant.refresh().get_json()["scope"] == "browse transact"
    grant = only_grant(shop, assistant.client_id)[0].id
    sofia.post(f"/assistants/{grant}/narrow", scope=["browse"])
    assert assistant.refresh().get_json()["scope"] == "browse"
    allow(sofia, path, "transact", "read")
    assert assistant.refresh().get_json()["scope"] == "browse read transact"
    assert [event.content["facts"]["after"] for event in events(shop, "grant.widened")] == [
        ["browse", "transact"],
        ["browse", "read", "transact"],
    ]
    with shop.database.write() as db:
        db.execute(update(Authority).where(Authority.id == grant).values(expires_at=shop.clock.now))
    assert sofia.get(path).status_code == 404


@pytest.mark.holds("I9")
def test_widening_and_refreshing_at_once_never_hang(shop: ShopUnderTest) -> None:
    """Both take the families before the grant: whichever is first, each is done, and the next refresh has it all."""
    sofia = shop.sign_in(SOFIA)
    assistant = connect(sofia, "browse")
    path, presented = page_of(sofia, assistant), assistant.refresh_token
    sofia.csrf_token()
    form = {"scope": ["transact"], "shown-transact": "cancel_order place_order"}
    answers = at_once(
        [
            lambda: sofia.post(path, **form),
            *[lambda: assistant.token(grant_type="refresh_token", refresh_token=presented)] * 3,
        ]
    )
    assert [answer.status_code for answer in answers] == [303, 200, 200, 200], [answer.text for answer in answers]
    assert {answer.get_json()["scope"] for answer in answers[1:]} <= {"browse", "browse transact"}
    assistant.refresh_token = answers[1].get_json()["refresh_token"]
    assert assistant.refresh().get_json()["scope"] == "browse transact"
    assert chains_hold(shop)
