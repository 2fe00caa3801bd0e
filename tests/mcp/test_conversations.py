"""How a conversation in an external assistant is recognised, named by how far it can be trusted, and shown (design §8)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from shop.audit.queries import RecordedEvent
from shop.conversations.external import MOST_NAMED
from shop.conversations.models import Conversation
from shop.credentials.end_reasons import EndReason
from tests.mcp.host import HANDSHAKE, Host, host_of
from tests.support.at_once import at_once
from tests.support.people import ADA, GRETA, NOAH, SOFIA, ShopUnderTest
from tests.support.state import COLLEAGUES_ORDER, HOODIE, ONE_ENGINE, chains_hold, watching


def conversations(shop: ShopUnderTest) -> list[Conversation]:
    """Every conversation in an external assistant, the oldest first."""
    query = select(Conversation).where(Conversation.client_id.is_not(None)).order_by(Conversation.id)
    with shop.database.read() as db:
        return list(db.scalars(query))


def look(host: Host, **meta: object) -> None:
    """A call of some conversation."""
    host.meta = dict[str, Any](meta)
    assert not host.call("get_product", {"product": "context-tee"})["isError"]


@pytest.mark.holds("I11")
def test_the_hosts_own_id_comes_first(shop: ShopUnderTest) -> None:
    """It groups the calls of one client for one person, across sessions and revisions; others' calls it never touches."""
    sofia, noah = shop.sign_in(SOFIA), shop.sign_in(NOAH)
    host = host_of(sofia)
    again = host.again(version=HANDSHAKE)
    with watching(shop) as seen:
        look(host, **{"openai/session": "v1/abc", "openai/subject": "somebody else"})
        look(again, **{"openai/session": "v1/abc"})
    (conversation,) = conversations(shop)
    assert (conversation.source, conversation.external_id) == ("host_asserted", "v1/abc")
    assert seen.names == ["conversation.started", "tool_call.succeeded", "tool_call.succeeded"]
    assert {event.content["conversation"] for event in seen.events} == {conversation.id}
    assert seen.events[0].content["facts"]["source"] == "host_asserted"
    assert seen.events[1].content["subject"] == sofia.principal().subject, "not whom the host says"

    for stranger in (host_of(noah), host_of(sofia, name="Another assistant")):
        look(stranger, **{"openai/session": "v1/abc"})
    look(host, **{"openai/session": "v1/def"})
    look(host, **{"vscode.conversationId": "v1/abc", "openai/session": ""})
    assert [c.external_id for c in conversations(shop)] == ["v1/abc", "v1/abc", "v1/abc", "v1/def"]
    assert len({c.id for c in conversations(shop)}) == 4


@ONE_ENGINE
@pytest.mark.holds("I11")
def test_then_the_session_that_we_minted(shop: ShopUnderTest) -> None:
    """One conversation for each handshake; the session's sealed form is stored nowhere."""
    sofia = shop.sign_in(SOFIA)
    first = host_of(sofia, version=HANDSHAKE)
    second = first.again()
    for host in (first, second, first):
        look(host)
    found = conversations(shop)
    assert [c.source for c in found] == ["server_minted"] * 2
    assert all(str(c.external_id).startswith("mcs_") for c in found)


@ONE_ENGINE
def test_else_calls_of_one_grant_that_are_close_together(build_shop: Callable[..., ShopUnderTest]) -> None:
    """A pause of half an hour begins another conversation; calls that go on keep theirs."""
    shop = build_shop(access_token_lifetime=timedelta(days=1))
    host = host_of(shop.sign_in(SOFIA))
    for minutes in (0, 20, 20):
        shop.clock.pass_by(minutes=minutes)
        look(host)
    assert [c.source for c in conversations(shop)] == ["inferred"]
    shop.clock.pass_by(minutes=31)
    look(host)
    assert len(conversations(shop)) == 2


@ONE_ENGINE
def test_ids_that_no_database_would_take(shop: ShopUnderTest) -> None:
    """Too long, with a NUL or half a character: kept as their digest. What is no text names nothing."""
    host = host_of(shop.sign_in(SOFIA))
    for strange in ("x" * 10_000, "a\x00b", "\ud800", "schön\n"):
        look(host, **{"openai/session": strange})
    found = conversations(shop)
    assert len({c.external_id for c in found}) == 4 and all(str(c.external_id).startswith("sha256:") for c in found)
    for nothing in (None, 5, ["a"], {"a": "b"}, ""):
        look(host, **{"openai/session": nothing})
    assert [c.source for c in conversations(shop)][4:] == ["inferred"]


def test_two_first_calls_at_once_begin_one_conversation(shop: ShopUnderTest) -> None:
    """A client that connects and calls in parallel has one thread in the audit, and its chain holds."""
    host = host_of(shop.sign_in(SOFIA))
    at_once([lambda: look(host.again(), **{"openai/session": "v1/abc"})] * 6)
    assert len(conversations(shop)) == 1 and chains_hold(shop)


@pytest.mark.holds("I5")
def test_a_first_call_that_is_refused_has_its_conversation_all_the_same(shop: ShopUnderTest) -> None:
    """What the call began is rolled back with it; the denial begins the conversation anew, and stands in its chain."""
    host = host_of(shop.sign_in(SOFIA))
    host.meta = {"openai/session": "v1/abc"}
    with watching(shop) as seen:
        assert host.call("get_order", {"number": COLLEAGUES_ORDER})["isError"]
    (conversation,) = conversations(shop)
    assert seen.names == ["conversation.started", "tool_call.denied"] and chains_hold(shop)
    assert {event.content["chain"] for event in seen.events} == {conversation.id}


@ONE_ENGINE
@pytest.mark.holds("I10")
def test_the_audit_shows_them_beside_those_of_the_chat(shop: ShopUnderTest) -> None:
    """With client, trust label and the host's id; their person and auditor see them, the chat and others do not."""
    sofia, ada, greta = shop.sign_in(SOFIA), shop.sign_in(ADA), shop.sign_in(GRETA)
    sofia.say("hello")
    host = host_of(sofia)
    look(host, **{"openai/session": "v1/abc"})
    host.call("get_order", {"number": COLLEAGUES_ORDER})
    (conversation,) = conversations(shop)
    assert conversation.client_id
    path = f"/audit/conversations/{conversation.id}"
    for reader in (sofia, ada):
        listed = reader.get("/audit/").text
        assert "In An assistant" in listed and "host_asserted" in listed and "Hello" in listed
        page = reader.get(path).text
        for part in ("An assistant on behalf of Sofia Hart", conversation.client_id, "v1/abc"):
            assert part in page
        assert (
            "which its host names" in page and "chain verified" in page and f"/assistant/{conversation.id}" not in page
        )
    assert "default.not_yours" in ada.get(path).text and "default.not_yours" not in sofia.get(path).text
    assert greta.get(path).status_code == 404
    assert sofia.get(f"/assistant/{conversation.id}").status_code == 404, "it goes on in its own host"
    assert "In An assistant" not in sofia.get("/assistant/").text


@pytest.mark.holds("I11", "ASI10")
def test_a_host_that_names_too_many_conversations_has_one_for_the_rest(shop: ShopUnderTest) -> None:
    """Beyond the bound of an hour the calls of a grant are in one conversation, which says so once; those begun before go on."""
    sofia = shop.sign_in(SOFIA)
    host = host_of(sofia)
    for number in range(MOST_NAMED):
        look(host, **{"openai/session": f"v1/{number}"})
    with watching(shop) as seen:
        for number in range(3):
            look(host, **{"openai/session": f"v2/{number}"})
        look(host.again(version=HANDSHAKE))
        look(host, **{"openai/session": "v1/0"})
    (overflow,) = [one for one in conversations(shop) if one.source == "overflow"]
    assert len(conversations(shop)) == MOST_NAMED + 1 and overflow.title == "In An assistant: all further conversations"
    assert seen.names == ["conversation.started", *["tool_call.succeeded"] * 5]
    assert seen.events[0].content["facts"] | {"client": ""} == {
        "source": "overflow",
        "client": "",
        "bound": MOST_NAMED,
        "within_seconds": 3600,
    }
    where = [event.content["conversation"] for event in seen.events]
    assert where[:5] == [overflow.id] * 5 and where[5] != overflow.id and chains_hold(shop)
    listed, page = (shop.sign_in(ADA).get(path).text for path in ("/audit/", f"/audit/conversations/{overflow.id}"))
    assert "all further conversations" in listed and "overflow" in listed
    assert "where all further calls are, since its host named too many conversations to tell apart" in page
    look(host_of(sofia, name="Another assistant"), **{"openai/session": "v2/0"})
    assert conversations(shop)[-1].source == "host_asserted", "another grant has an hour of its own"


@ONE_ENGINE
def test_an_hour_later_a_host_names_conversations_again(build_shop: Callable[..., ShopUnderTest]) -> None:
    """The bound is for an hour; the overflow of a grant stays one, whenever it is needed again."""
    shop = build_shop(access_token_lifetime=timedelta(days=1), session_idle=timedelta(days=1))
    host = host_of(shop.sign_in(SOFIA))
    for hour in range(2):
        for number in range(MOST_NAMED + 2):
            look(host, **{"openai/session": f"v{hour}/{number}"})
        shop.clock.pass_by(minutes=61)
    sources = [str(one.source) for one in conversations(shop)]
    assert (sources.count("host_asserted"), sources.count("overflow")) == (2 * MOST_NAMED, 1)


def test_first_calls_at_once_do_not_go_beyond_the_bound(shop: ShopUnderTest) -> None:
    """Twelve connections that each name another conversation where three more may begin: three begin, and one overflow."""
    host = host_of(shop.sign_in(SOFIA))
    for number in range(MOST_NAMED - 3):
        look(host, **{"openai/session": f"v1/{number}"})
    at_once([partial(look, host.again(), **{"openai/session": f"v2/{number}"}) for number in range(12)])
    sources = [str(one.source) for one in conversations(shop)]
    assert (sources.count("host_asserted"), sources.count("overflow")) == (MOST_NAMED, 1) and chains_hold(shop)


@ONE_ENGINE
@pytest.mark.holds("I5")
def test_whoever_may_not_act_any_more_begins_no_conversation(shop: ShopUnderTest) -> None:
    """The refused call is recorded in the organization's own trail."""
    from shop.credentials.grants import Grant
    from shop.credentials.ledger import end

    host = host_of(shop.sign_in(SOFIA))
    with shop.database.write() as db:
        end(db, list(db.scalars(select(Grant.id))), EndReason("revoked"))
    with watching(shop) as seen:
        assert host.ask("tools/call", {"name": "add_to_cart", "arguments": {"sku": HOODIE}}).status_code == 401
    refused: RecordedEvent = seen.events[-1]
    assert conversations(shop) == [] and refused.content["chain"] == shop.organization("acme")
