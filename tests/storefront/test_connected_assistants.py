"""Connected assistants: what a person sees of each, and takes back; and the page that says how to connect one."""

from __future__ import annotations

import base64
import html
import json
import re
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from sqlalchemy import select

from shop.credentials.agents import Agent
from shop.credentials.ledger import Authority
from shop.database import moment
from tests.mcp.host import Host, host_of
from tests.support.assistants import connect
from tests.support.decisions import grant_of, is_refused, latest, press, words_of
from tests.support.people import GIL, INES, NOAH, SOFIA, ShopUnderTest, Visitor
from tests.support.state import ONE_ENGINE

MUG = {"sku": "refresh-token-mug-bone", "quantity": 1}


def card(visitor: Visitor, host: Host) -> str:
    """What the page says of one assistant, tags left out."""
    page = visitor.get("/assistants")
    assert page.status_code == 200
    found = re.search(rf'<article class="grant" id="{grant_of(host)[0].id}".*?</article>', page.text, re.S)
    assert found, page.text
    return words_of(found.group())


def test_each_assistant_is_told_with_all_that_a_person_wants_to_know(shop: ShopUnderTest) -> None:
    """Who it is and who vouches for that, what it may, since when, until when, and what it did, with the way to its record."""
    sofia = shop.sign_in(SOFIA)
    assert "No assistant from outside acts for you" in sofia.get("/assistants").text
    assert 'href="/connect"' in sofia.get("/assistants").text
    host = host_of(sofia, "browse", "read", "transact")
    assert "What it did Nothing yet." in card(sofia, host)
    host.call("search_products", {"query": "mug"})
    host.call("add_to_cart", MUG)
    said = card(sofia, host)
    for words in ("An assistant", "known here", "assistant.example", "Buy for you", "2 calls", "Until"):
        assert words in said, words
    link = re.search(r'href="(/audit/conversations/\w+)"', sofia.get("/assistants").text)
    assert link
    record = sofia.get(link.group(1))
    assert record.status_code == 200 and grant_of(host)[0].id in record.text
    assert f'href="/assistants#{grant_of(host)[0].id}"' in record.text, "and back to where it can be ended"


@pytest.mark.holds("I9", "ASVS-7.5.2")
def test_revoking_one_ends_it_at_its_next_call_and_leaves_the_others(shop: ShopUnderTest) -> None:
    """Scene 13: the answer says so, the row has ended, the record names all that ended, and its very next call is refused."""
    sofia = shop.sign_in(SOFIA)
    one, other = host_of(sofia), host_of(sofia)
    one.call("search_products", {"query": "mug"})
    grant, _ = grant_of(one)
    page = press(sofia, f"/assistants/{grant.id}/revoke")
    assert "Revoked. Its next call is refused." in page and "you revoked it" in page
    assert grant_of(one)[1].ended_because == "revoked_by_person"
    event = latest(shop)
    assert event.name == "grant.revoked" and event.content["resource"] == {"kind": "grant", "id": grant.id}
    assert event.content["subject"] == sofia.principal().subject and len(event.content["facts"]["tokens"]) == 1
    assert is_refused(one) and not is_refused(other)
    assert one.assistant and one.assistant.refresh().status_code == 400
    assert sofia.get("/sessions").status_code == 200, "the person's own sign-in stays"


def test_revoking_all_ends_each(shop: ShopUnderTest) -> None:
    """Every grant of this person ends, of nobody else, and the shop's own assistant goes on."""
    sofia, noah = shop.sign_in(SOFIA), shop.sign_in(NOAH)
    hosts, of_noah, own = [host_of(sofia), host_of(sofia)], host_of(noah), sofia.assistant()
    assert "Revoke all 2" in sofia.get("/assistants").text
    assert sofia.post("/assistants/revoke-all").status_code == 303
    assert [event.name for event in shop.chain(shop.organization("acme"))][-2:] == ["grant.revoked", "grant.revoked"]
    assert [is_refused(host) for host in (*hosts, of_noah)] == [True, True, False]
    assert own.call("search_products", query="mug").kind == "succeeded"


@pytest.mark.holds("I3", "ASVS-8.3.2")
def test_narrowing_acts_at_the_next_call_and_never_widens(shop: ShopUnderTest) -> None:
    """What was unticked is gone at the next call, the rest goes on; ticking what was never allowed allows nothing."""
    sofia = shop.sign_in(SOFIA)
    host = host_of(sofia, "browse", "transact")
    grant, _ = grant_of(host)
    page = press(sofia, f"/assistants/{grant.id}/narrow", scope=["browse", "read"])
    assert "Taken back. It acts from its very next call." in page
    assert grant_of(host)[1].scopes == ["browse"] and grant_of(host)[0].risky_tools.keys() == {"browse"}
    event = latest(shop)
    assert (event.name, event.content["facts"]["before"], event.content["facts"]["after"]) == (
        "grant.narrowed",
        ["browse", "transact"],
        ["browse"],
    )
    assert (
        host.ask("tools/call", {"name": "add_to_cart", "arguments": MUG})
        .get_json()
        .get("result", {})
        .get("isError", True)
    )
    assert not is_refused(host)
    assert sofia.call("view_cart").kind == "succeeded"


@pytest.mark.parametrize("ticked", [[], ["read"]])
@ONE_ENGINE
def test_a_grant_cannot_be_narrowed_to_nothing(shop: ShopUnderTest, ticked: list[str]) -> None:
    """That would be a revocation, and is asked for by its name: nothing changes, and the page says what to do."""
    sofia = shop.sign_in(SOFIA)
    host = host_of(sofia, "browse")
    page = press(sofia, f"/assistants/{grant_of(host)[0].id}/narrow", scope=ticked)
    assert "Nothing was changed" in page and "revoke it" in page
    assert grant_of(host)[1].scopes == ["browse"] and not is_refused(host)


@pytest.mark.holds("I10", "I5")
@pytest.mark.parametrize("action", ["revoke", "narrow"])
def test_another_persons_grant_is_not_there(shop: ShopUnderTest, action: str) -> None:
    """A colleague's, another organization's, one that never was: one answer, on record, and the assistant goes on."""
    sofia = shop.sign_in(SOFIA)
    host = host_of(sofia, "browse", "read")
    bodies = set()
    for email, organization in ((NOAH, "acme"), (GIL, "globex")):
        somebody = shop.sign_in(email)
        for identifier in (grant_of(host)[0].id, "gnt_nothing"):
            answer = somebody.post(f"/assistants/{identifier}/{action}", scope=["browse"])
            assert answer.status_code == 404
            bodies.add(re.search(r"<main.*</main>", answer.text, re.S).group())  # type: ignore[union-attr]
            event = latest(shop, organization)
            assert event.name == "access.denied" and event.content["subject"] == somebody.principal().subject
        assert grant_of(host)[0].id not in somebody.get("/assistants").text
    assert len(bodies) == 1, "each is told the same"
    assert grant_of(host)[1].scopes == ["browse", "read"] and not is_refused(host)


@pytest.mark.holds("I9", "ASI10")
def test_pausing_here_holds_every_assistant_until_it_is_lifted(shop: ShopUnderTest) -> None:
    """The shop's own and those from outside are refused, nothing ends, the person's own clicks go on; then all goes on."""
    sofia = shop.sign_in(SOFIA)
    host, own = host_of(sofia), sofia.assistant()
    assert "All your assistants are paused" in press(sofia, "/assistants/pause")
    assert latest(shop).name == "assistant.paused"
    assert is_refused(host) and own.call("search_products", query="mug").code == "paused"  # type: ignore[union-attr]
    assert sofia.call("view_cart").kind == "succeeded"
    assert "Your assistants may go on." in press(sofia, "/assistants/resume")
    assert not is_refused(host) and own.call("search_products", query="mug").kind == "succeeded"


@ONE_ENGINE
def test_a_person_sees_what_their_organization_decided(shop: ShopUnderTest) -> None:
    """Above the ceiling, and stopped by an administrator: told on the page, and no button that would change nothing."""
    sofia, ines = shop.sign_in(SOFIA), shop.sign_in(INES)
    host = host_of(sofia, "browse", "read", "transact")
    with shop.database.read() as db:
        agent = db.scalars(select(Agent.id).where(Agent.name == "An assistant")).one()
    ines.post(f"/admin/agents/{agent}/ceiling", scope=["browse", "read"])
    assert "Buy for you not at Acme" in card(sofia, host)
    ines.post("/admin/agents/stop")
    page = sofia.get("/assistants").text
    assert "Acme has stopped all assistants." in page and 'action="/assistants/resume"' not in page
    chat = sofia.get("/assistant/").text
    assert "stopped by your organization" in words_of(chat) and 'action="/assistant/resume"' not in chat


@ONE_ENGINE
def test_a_grant_whose_time_is_over_is_told_as_such(shop: ShopUnderTest) -> None:
    """After its absolute end it stands among what is no longer connected, and offers nothing to press."""
    sofia = shop.sign_in(SOFIA)
    host = host_of(sofia)
    grant, _ = grant_of(host)
    with shop.database.write() as db:
        db.get_one(Authority, grant.id).expires_at = moment(db)
    page = sofia.get("/assistants").text
    assert "its time was over" in page and f'id="{grant.id}"' not in page


@ONE_ENGINE
def test_how_to_connect_is_told_to_anyone_with_the_shops_own_address(shop: ShopUnderTest) -> None:
    """Every snippet parses, and leads to this shop's endpoint; on a loopback address it says who cannot reach it."""
    page = shop.visitor().get("/connect")
    assert page.status_code == 200
    url = f"{shop.services.settings.base_url}/mcp"
    snippets = {
        name: html.unescape(text)
        for name, text in re.findall(r'<pre id="([\w-]+)"[^>]*><code>(.*?)</code>', page.text, re.S)
    }
    assert snippets["mcp-url"] == url
    assert snippets["copy-claude-code"] == f"claude mcp add --transport http context-and-co {url}"
    assert json.loads(snippets["copy-vscode"])["servers"]["context-and-co"] == {"type": "http", "url": url}
    assert json.loads(snippets["copy-cursor"])["mcpServers"]["context-and-co"] == {"url": url}
    assert url in snippets["copy-inspector"]
    links = [urlsplit(html.unescape(link)) for link in re.findall(r'href="((?:vscode|cursor):[^"]+)"', page.text)]
    by_scheme: dict[str, Any] = {link.scheme: link for link in links}
    assert json.loads(unquote(by_scheme["vscode"].query)) == {"name": "context-and-co", "type": "http", "url": url}
    config = parse_qs(by_scheme["cursor"].query)["config"][0]
    assert json.loads(base64.b64decode(config)) == {"url": url}
    said = words_of(page.text)
    for words in ("TypeScript SDK 1.x never do", "official Python SDK", "Pages of other origins", "is refused"):
        assert words in said, words
    assert page.text.count("needs a public address") == 2, "ChatGPT and Claude call from their cloud"
    assert connect(shop.sign_in(SOFIA)).access_token
