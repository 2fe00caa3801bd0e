"""A revocation is not held off by the calls that it stops, however many arrive (I9): real processes, on both engines.

PostgreSQL's row locks are not fair: with them alone, eight callers of `view_cart` held each of these endings off for minutes.
What is counted here are calls, not seconds: those let through between the click and the commit are the ones that were there
before it, and none that began after the commit is let through. `tests/bench` measures the seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from shop.agents import blocks
from shop.conversations.delegation import set_paused
from shop.credentials.agents import agent_of
from shop.credentials.grants import grants_of_person
from shop.oauth.resource_server.bearer import authenticate
from shop.principal import Principal
from shop.revocation import cascade
from tests.oauth.looks import events
from tests.support.assistants import ExternalAssistant, connect
from tests.support.people import INES, NOAH, SOFIA, ShopUnderTest
from tests.support.traffic import Traffic, traffic, traffic_here

PROCESSES, THREADS = 2, 4
CALLERS = PROCESSES * THREADS
IN_FLIGHT = 2 * CALLERS
"""Of each caller, the call that was being made at the click, and one that had come before the ending's place in line."""

Ending = Callable[[ShopUnderTest, Session, dict[str, Any]], None]


def _agent(shop: ShopUnderTest, db: Session, who: dict[str, Any]) -> str:
    found = agent_of(db, who["sofia"].organization, who["assistant"].client_id)
    assert found is not None
    return found.id


def _revoke(shop: ShopUnderTest, db: Session, who: dict[str, Any]) -> None:
    grants = grants_of_person(db, who["sofia"].membership)
    cascade.revoke_grant(db, who["sofia"], grants[0][0].id)


ENDINGS: dict[str, tuple[Ending, str]] = {
    "revoke": (_revoke, "grant.revoked"),
    "suspend": (
        lambda shop, db, who: cascade.suspend(db, shop.services.policy, who["ines"], who["sofia"].membership),
        "membership.suspended",
    ),
    "stop all": (
        lambda shop, db, who: blocks.stop_all_assistants(db, shop.services.policy, who["ines"], True),
        "assistants.stopped",
    ),
    "block": (
        lambda shop, db, who: blocks.block_agent(db, shop.services.policy, who["ines"], _agent(shop, db, who)),
        "agent.blocked",
    ),
    "pause": (lambda shop, db, who: set_paused(db, who["sofia"], True), "assistant.paused"),
    "sign out everywhere": (lambda shop, db, who: cascade.sign_out_everywhere(db, who["sofia"]), "session.revoked"),
}


def principal_of(assistant: ExternalAssistant) -> Principal:
    """Whom the MCP endpoint makes of the assistant's bearer."""
    with assistant.shop.app.app_context():
        return authenticate(assistant.authorization)


def calls_without_pause(shop: ShopUnderTest, caller: Principal) -> AbstractContextManager[Traffic]:
    """Eight callers: in two processes on PostgreSQL; in this one on SQLite, whose writers queue in one process."""
    if shop.engine == "sqlite":
        return traffic_here(shop.gateway, [caller], threads=CALLERS)
    url = shop.database.url.render_as_string(hide_password=False)
    return traffic(url, shop.clock.now, [caller], processes=PROCESSES, threads=THREADS)


def give_up_in_the_end(shop: ShopUnderTest, db: Session) -> None:
    """An ending that is held off for ever fails this test instead of holding off the suite."""
    if shop.engine == "postgresql":
        db.execute(text("SET LOCAL statement_timeout = '30s'"))


@pytest.mark.holds("I9", "ASVS-8.3.2", "ASI08", "ASI10")
@pytest.mark.parametrize(("end", "event"), ENDINGS.values(), ids=ENDINGS)
def test_it_commits_while_calls_never_pause(shop: ShopUnderTest, end: Ending, event: str) -> None:
    """The ending waits for the calls that were there before it, none that begins after its commit is let through, and a
    colleague's calls and their own *Revoke* go on meanwhile.
    """
    sofia, noah, ines = shop.sign_in(SOFIA), shop.sign_in(NOAH), shop.sign_in(INES)
    assistant, colleagues = connect(sofia, "browse", "read", "transact"), connect(noah, "browse", "read")
    caller, colleague = principal_of(assistant), principal_of(colleagues)
    who: dict[str, Any] = {
        "sofia": sofia.principal(),
        "noah": noah.principal(),
        "ines": ines.principal(),
        "assistant": assistant,
    }
    with calls_without_pause(shop, caller) as seen:
        meanwhile = shop.gateway.call_tool(colleague, None, "view_cart", {})
        clicked = time.monotonic()
        with shop.database.write() as db:
            give_up_in_the_end(shop, db)
            end(shop, db, who)
        committed = time.monotonic()
        after = shop.gateway.call_tool(caller, None, "view_cart", {})
        with shop.database.write() as db:
            cascade.revoke_all_grants(db, who["noah"])
    assert meanwhile.kind == "succeeded", "a colleague does not wait"
    assert after.kind == "denied"
    assert seen.begun_after(committed) == 0, "nothing is let through after the commit"
    assert seen.ended_between(clicked, committed) <= IN_FLIGHT, "only those that were there before"
    assert seen.refused >= CALLERS, "each caller is told"
    assert len(events(shop, event)) >= 1
