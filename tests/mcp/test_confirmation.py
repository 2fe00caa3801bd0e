"""Confirmation for external assistants: a page of the shop, its own sign-in, one effect, whatever a client does (I6, I7)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from mcp_types.jsonrpc import INVALID_PARAMS, URL_ELICITATION_REQUIRED
from werkzeug.test import TestResponse

from shop.approvals.receipts import ReceiptState
from shop.credentials.end_reasons import EndReason
from tests.mcp.host import ERAS, HANDSHAKE, OLDER, OPENS_URLS, STATELESS, Host, host_of
from tests.support.at_once import at_once
from tests.support.people import GIL, MARA, NOAH, SOFIA, ShopUnderTest, Visitor
from tests.support.providers import BASE_URL
from tests.support.state import HOODIE, ONE_ENGINE, chains_hold, count_orders, receipt, set_variant, watching

BUYING = ("browse", "read", "transact")
ORDER: dict[str, Any] = {"name": "place_order", "arguments": {}}


def without_tokens(page: str) -> str:
    """A page without the CSRF tokens of its forms, which hold the second in which they were signed."""
    return re.sub(r'name="csrf_token" value="[^"]+"', "", page)


def buying(visitor: Visitor, **more: Any) -> Host:
    """A host that may buy, with a hoodie in the cart."""
    host = host_of(visitor, *BUYING, **more)
    assert not host.call("add_to_cart", {"sku": HOODIE})["isError"]
    return host


def asked(host: Host) -> str:
    """The receipt that a call of the host waits for, by its link."""
    return str(host.call("place_order")["structuredContent"]["approve_at"]).rpartition("/")[2]


def decide(visitor: Visitor, receipt_id: str, answer: str = "confirm") -> TestResponse:
    """Open the page of a receipt, and answer there."""
    page = visitor.get(f"/approvals/{receipt_id}")
    assert page.status_code == 200 and 'action="/approvals/' in page.text
    response = visitor.post(f"/approvals/{receipt_id}/{answer}")
    assert response.status_code == 303
    return visitor.get(response.headers["Location"])


def repeated(host: Host, first: dict[str, Any], action: str = "accept") -> dict[str, Any]:
    """The retry of a client whose person answered its question like this."""
    return host.result(
        "tools/call",
        {**ORDER, "inputResponses": {"approval": {"action": action}}, "requestState": first["requestState"]},
    )


@pytest.mark.holds("I6", "I7", "I13", "LLM06", "ASI09")
def test_2026_the_client_is_asked_to_open_the_page_and_calls_again(shop: ShopUnderTest) -> None:
    """`input_required` with the page and a sealed state; after the click the retry has the order, however often it comes."""
    sofia = shop.sign_in(SOFIA)
    host, before = buying(sofia, capabilities=OPENS_URLS), count_orders(shop)
    first = host.call("place_order")
    assert first["resultType"] == "input_required" and set(first["inputRequests"]) == {"approval"}
    asks = first["inputRequests"]["approval"]
    assert asks["method"] == "elicitation/create" and asks["params"]["mode"] == "url"
    receipt_id = asks["params"]["url"].removeprefix(f"{BASE_URL}/approvals/")
    assert receipt_id not in first["requestState"] and count_orders(shop) == before

    with watching(shop) as seen:
        done = decide(sofia, receipt_id)
        results = [repeated(host, first) for _ in range(3)]
    numbers = {result["structuredContent"]["number"] for result in results}
    assert len(numbers) == 1 and numbers.pop() in done.text and count_orders(shop) == before + 1
    assert seen.names == [
        "approval.opened",
        "approval.approved",
        "order.placed",
        "tool_call.succeeded",
        *["tool_call.succeeded"] * 3,
    ]
    assert [event.content["actor"] is None for event in seen.events] == [True, True, False, False, False, False, False]
    assert all(event.content["facts"].get("receipt") == receipt_id for event in seen.events[3:])
    assert "confirmed by you" in done.text and "go back to your assistant" in done.text
    assert receipt(shop, receipt_id).state is ReceiptState.APPROVED and chains_hold(shop)


@pytest.mark.holds("I6", "M4")
def test_what_a_client_says_of_its_person_changes_nothing(shop: ShopUnderTest) -> None:
    """One that accepts everything, at once and forever, gets the link and no order; only the receipt's own state counts."""
    sofia = shop.sign_in(SOFIA)
    host, before = buying(sofia, capabilities=OPENS_URLS), count_orders(shop)
    first = host.call("place_order")
    for action in ("accept", "accept", "decline", "cancel"):
        waiting = repeated(host, first, action)
        assert waiting["resultType"] == "complete" and waiting["structuredContent"]["waiting_for"] == "approval"
        assert waiting["structuredContent"]["dismissed"] == (action != "accept"), (
            "it changes the words of the answer only"
        )
    receipt_id = waiting["structuredContent"]["approval"]
    assert receipt(shop, receipt_id).state is ReceiptState.OPEN and count_orders(shop) == before
    decide(sofia, receipt_id)
    assert repeated(host, first, "decline")["structuredContent"]["number"] and count_orders(shop) == before + 1


@ONE_ENGINE
@pytest.mark.holds("I6", "I7")
def test_2025_a_client_that_opens_pages_gets_the_error_that_asks_for_one(shop: ShopUnderTest) -> None:
    """-32042 with the page; the same call again, which cannot say that it is a retry, has the order once it is placed."""
    sofia = shop.sign_in(SOFIA)
    host, before = buying(sofia, version=HANDSHAKE, capabilities=OPENS_URLS), count_orders(shop)
    urls = set()
    for _ in range(2):
        answer = host.ask("tools/call", ORDER).get_json()["error"]
        (elicitation,) = answer["data"]["elicitations"]
        assert answer["code"] == URL_ELICITATION_REQUIRED and elicitation["mode"] == "url"
        assert answer["message"].endswith(elicitation["url"]), "hosts drop an error's data, and show its words"
        urls.add(elicitation["url"])
    assert len(urls) == 1, "the same call waits for the same receipt"
    decide(sofia, urls.pop().rpartition("/")[2])
    results = [host.call("place_order") for _ in range(2)]
    assert len({result["structuredContent"]["number"] for result in results}) == 1
    assert count_orders(shop) == before + 1


@ONE_ENGINE
@pytest.mark.holds("I7")
def test_every_other_client_gets_the_link_and_a_tool_to_ask_with(shop: ShopUnderTest) -> None:
    """2025-06-18 knows no pages, and a client need not declare them: the answer carries the link, `check_approval` the rest."""
    sofia = shop.sign_in(SOFIA)
    for version, capabilities in ((OLDER, OPENS_URLS), (HANDSHAKE, {"elicitation": {}}), (STATELESS, {})):
        host = buying(sofia, version=version, capabilities=capabilities)
        receipt_id = asked(host)
        assert asked(host) == receipt_id
        state = host.call("check_approval")["structuredContent"]
        assert (state["approval"], state["state"], state["done"]) == (receipt_id, "open", None)
        decide(sofia, receipt_id)
        state = host.call("check_approval", {"approval": receipt_id})["structuredContent"]
        assert state["state"] == "approved" and str(state["done"]["order"]).startswith("CC-")
        assert host.call("place_order")["structuredContent"]["number"] == state["done"]["order"]


@pytest.mark.holds("I7", "I10", "I11", "M4")
def test_the_link_is_good_for_nobody_but_its_person(shop: ShopUnderTest) -> None:
    """Opened or decided by a colleague or a stranger: not there, like a link to nothing, and on record where they belong."""
    sofia = shop.sign_in(SOFIA)
    receipt_id, before = asked(buying(sofia)), count_orders(shop)
    path = f"/approvals/{receipt_id}"
    visitor = shop.visitor().get(path)
    assert visitor.status_code == 302 and visitor.headers["Location"] == f"/sign-in?next=%2Fapprovals%2F{receipt_id}"
    for email, organization in ((NOAH, "acme"), (MARA, "acme"), (GIL, "globex")):
        other = shop.sign_in(email)
        with watching(shop) as seen:
            page, nothing = other.get(path), other.get("/approvals/rcp_nothing")
            posted = [other.post(f"{path}/{answer}") for answer in ("confirm", "decline")]
        assert {r.status_code for r in (page, nothing, *posted)} == {404}
        assert without_tokens(page.text) == without_tokens(nothing.text) and "hoodie" not in page.text.lower()
        assert seen.names == ["approval.refused"] * 4 and seen.changed <= {"sessions"}
        assert {event.content["chain"] for event in seen.events} == {shop.organization(organization)}
        assert {event.content["facts"]["reason"] for event in seen.events} == {"not_found"}
    assert count_orders(shop) == before and receipt(shop, receipt_id).state is ReceiptState.OPEN
    decide(sofia, receipt_id)
    assert count_orders(shop) == before + 1


@pytest.mark.holds("I7", "I13")
def test_many_clicks_and_many_retries_at_once_are_one_order(shop: ShopUnderTest) -> None:
    """Two browsers and a client that hammers: one order, and nobody is told anything else."""
    sofia = shop.sign_in(SOFIA)
    host, before = buying(sofia, capabilities=OPENS_URLS), count_orders(shop)
    first = host.call("place_order")
    receipt_id = first["inputRequests"]["approval"]["params"]["url"].rpartition("/")[2]
    token = sofia.csrf_token()
    session = sofia.client.get_cookie("context-and-co-5999", domain="127.0.0.1")
    assert session

    def click() -> object:
        client = shop.app.test_client()
        client.set_cookie(session.key, session.value, domain="127.0.0.1")
        form = {"csrf_token": token}
        return client.post(
            f"/approvals/{receipt_id}/confirm", base_url=BASE_URL, data=form, headers={"Referer": BASE_URL}
        )

    def retry() -> object:
        return repeated(replace(host), first)["structuredContent"]

    answers = at_once([click, click, *[retry] * 4])
    told = [answer for answer in answers if isinstance(answer, dict)]
    assert all("waiting_for" in answer or "number" in answer for answer in told)
    assert count_orders(shop) == before + 1
    assert repeated(host, first)["structuredContent"]["number"]


@ONE_ENGINE
@pytest.mark.holds("I7", "I11", "M4")
def test_a_state_that_is_not_ours_or_not_for_this_is_refused(
    shop: ShopUnderTest, build_shop: Callable[..., ShopUnderTest]
) -> None:
    """Forged, of another person, of another call, or too old: -32602. One that another process sealed is good."""
    sofia = shop.sign_in(SOFIA)
    host = buying(sofia, capabilities=OPENS_URLS)
    state = host.call("place_order")["requestState"]
    noah = host_of(shop.sign_in(NOAH), *BUYING, capabilities=OPENS_URLS)
    header, _, rest = state.partition(".")
    changed = f"{state[:-5]}{'A' if state[-5] != 'A' else 'B'}{state[-4:]}"  # not its last letter, of which some bits are nobody's
    for forged in ("", "x", changed, f"{header}.{rest[::-1]}", "a.b.c.d.e", "9" * 3000):
        assert host.error("tools/call", {**ORDER, "requestState": forged}) == (400, INVALID_PARAMS), forged[:20]
    assert noah.error("tools/call", {**ORDER, "requestState": state}) == (400, INVALID_PARAMS)
    for other in ({"name": "place_order", "arguments": {"address": "Office"}}, {"name": "view_cart", "arguments": {}}):
        assert host.error("tools/call", {**other, "requestState": state}) == (400, INVALID_PARAMS)
    elsewhere = replace(host, shop=build_shop())
    assert elsewhere.call("place_order", requestState=state)["structuredContent"]["waiting_for"] == "approval"
    assert host.assistant
    shop.clock.pass_by(minutes=61)
    host.assistant.refresh()
    assert host.error("tools/call", {**ORDER, "requestState": state}) == (400, INVALID_PARAMS)


@ONE_ENGINE
@pytest.mark.holds("I7")
def test_a_receipt_that_came_to_nothing_is_told_so_and_never_asked_again(shop: ShopUnderTest) -> None:
    """Declined, changed, or too late: the retry hears it, makes no new receipt, and a new call may ask anew."""
    sofia = shop.sign_in(SOFIA)
    host, before = buying(sofia, capabilities=OPENS_URLS), count_orders(shop)

    first = host.call("place_order")
    declined = decide(sofia, first["inputRequests"]["approval"]["params"]["url"].rpartition("/")[2], "decline")
    assert "not now" in declined.text
    with watching(shop) as seen:
        told = repeated(host, first)
    assert told["isError"] and told["structuredContent"]["code"] == "declined" and "receipts" not in seen.changed

    second = host.call("place_order")
    receipt_id = second["inputRequests"]["approval"]["params"]["url"].rpartition("/")[2]
    set_variant(shop, HOODIE, price=9900)
    changed = decide(sofia, receipt_id)
    assert "This was not done" in changed.text and repeated(host, second)["structuredContent"]["code"] == "voided"

    third = host.call("place_order")
    shop.clock.pass_by(minutes=11)
    assert host.assistant
    host.assistant.refresh()
    assert repeated(host, third)["structuredContent"]["code"] == "expired"
    late = sofia.get(f"/approvals/{third['inputRequests']['approval']['params']['url'].rpartition('/')[2]}")
    assert "expired" in late.text and "action=" not in late.text.partition("<main")[2].partition("</main>")[0]
    assert count_orders(shop) == before


@ONE_ENGINE
@pytest.mark.holds("I7", "I9")
def test_a_revoked_assistant_leaves_nothing_to_confirm(shop: ShopUnderTest) -> None:
    """Its person opens the page after the grant ended: the click does nothing, says why, and is on record."""
    from sqlalchemy import select

    from shop.credentials.grants import Grant
    from shop.credentials.ledger import end

    sofia = shop.sign_in(SOFIA)
    receipt_id, before = asked(buying(sofia)), count_orders(shop)
    with shop.database.write() as db:
        end(db, list(db.scalars(select(Grant.id))), EndReason("revoked"))
    with watching(shop) as seen:
        page = decide(sofia, receipt_id)
    assert "This was not done" in page.text and count_orders(shop) == before
    assert "tool_call.denied" in seen.names and "approval.voided" in seen.names


@ONE_ENGINE
@pytest.mark.holds("I10")
def test_an_assistant_learns_nothing_of_what_another_one_asked(shop: ShopUnderTest) -> None:
    """`check_approval` of another client's receipt, another person's, or none: not there."""
    sofia = shop.sign_in(SOFIA)
    receipt_id = asked(buying(sofia))
    other = host_of(sofia, name="Another assistant")
    noah = host_of(shop.sign_in(NOAH))
    answers = {
        json.dumps(host.call("check_approval", {"approval": which})["structuredContent"])
        for host in (other, noah)
        for which in (receipt_id, "rcp_nothing")
    }
    assert len(answers) == 1 and "not_found" in answers.pop()


@ONE_ENGINE
def test_cancelling_works_the_same_way(shop: ShopUnderTest) -> None:
    """Any tool that must be confirmed: a link, a click, one effect, and the retry hears of it, in both eras."""
    sofia = shop.sign_in(SOFIA)
    for version in ERAS:
        host = buying(sofia, version=version)
        decide(sofia, asked(host))
        number = host.call("place_order")["structuredContent"]["number"]
        link = host.call("cancel_order", {"number": number})["structuredContent"]["approve_at"]
        assert "Cancel the order" in sofia.get(link.removeprefix(BASE_URL)).text
        decide(sofia, link.rpartition("/")[2])
        for _ in range(2):
            assert host.call("cancel_order", {"number": number})["structuredContent"]["status"] == "cancelled"


@ONE_ENGINE
def test_a_receipt_of_the_shops_own_chat_is_decided_there(shop: ShopUnderTest) -> None:
    """Its page sends to the receipt in the conversation in which it was asked."""
    sofia = shop.sign_in(SOFIA)
    assistant = sofia.assistant("transact")
    assistant.call("add_to_cart", sku=HOODIE)
    outcome = assistant.call("place_order")
    receipt = getattr(outcome, "receipt_id")  # noqa: B009 - an outcome of one of four types
    answer = sofia.get(f"/approvals/{receipt}")
    assert answer.headers["Location"] == f"/assistant/{assistant.conversation.id}#receipt-{receipt}"
