"""Not there, a colleague's, another organization's: whatever an id names that is not one's own, the answer is the same."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.support.people import GIL, MARA, SOFIA, ShopUnderTest, Visitor


@dataclass
class Things:
    """The ids of somebody's conversation, with a turn, a refused call and a receipt in it."""

    conversation: str
    turn: str
    call: str
    receipt: str


def things_of(visitor: Visitor) -> Things:
    """Let somebody talk until their conversation holds one of everything."""
    visitor.say("add a mug in ink")
    refused = visitor.latest_call("add_to_cart").id
    visitor.allow(refused)
    visitor.say("check out")
    receipt = visitor.latest_call("place_order").outcome
    assert receipt
    return Things(str(visitor.conversation), visitor.turns()[-1].id, refused, str(receipt["receipt"]))


UNKNOWN = Things("cnv_0", "trn_0", "itm_0", "rcp_0")


def requests_on(things: Things, conversation: str) -> list[tuple[str, str, dict[str, str]]]:
    """Every route that takes an id, with this conversation and those things."""
    base = f"/assistant/{conversation}"
    return [
        ("GET", f"{base}/turns/{things.turn}", {}),
        ("POST", f"{base}/turns/{things.turn}/stop", {}),
        ("POST", f"{base}/turns/{things.turn}/retry", {}),
        ("POST", f"{base}/consent", {"workflow": "transact", "allow": "1", "call": things.call}),
        ("POST", f"{base}/consent", {"workflow": "transact", "allow": "0", "call": things.call}),
        ("POST", f"{base}/receipts/{things.receipt}/confirm", {}),
        ("POST", f"{base}/receipts/{things.receipt}/decline", {}),
    ]


def answers(visitor: Visitor, requests: list[tuple[str, str, dict[str, str]]]) -> list[tuple[int, str]]:
    """What the requests are answered with."""
    got = []
    for method, path, form in requests:
        response = visitor.get(path, headers={"HX-Request": "true"}) if method == "GET" else visitor.post(path, **form)
        got.append((response.status_code, response.get_data(as_text=True)))
    return got


def everything(conversation: str, things: Things) -> list[tuple[str, str, dict[str, str]]]:
    """All that can be asked of a conversation."""
    return [
        ("POST", f"/assistant/{conversation}/messages", {"message": "hello"}),
        ("POST", f"/assistant/{conversation}/consent", {"workflow": "transact", "allow": "1"}),
        *requests_on(things, conversation),
    ]


@pytest.mark.holds("I10", "I11", "M4", "ASVS-8.2.2", "ASVS-8.4.1")
def test_a_conversation_that_is_not_ones_own_is_answered_like_none(shop: ShopUnderTest) -> None:
    """A colleague's, another organization's and no conversation: the same 404 on every route, recorded where one belongs."""
    mara, gil = things_of(shop.sign_in(MARA)), things_of(shop.sign_in(GIL))
    sofia = shop.sign_in(SOFIA)
    before = len(shop.chain(shop.organization("globex"))), len(shop.chain(gil.conversation))
    nothing = answers(sofia, everything("cnv_0", UNKNOWN))
    assert {status for status, _ in nothing} == {404}
    assert {body for _, body in nothing[1:]} == {nothing[0][1]}
    for things in (mara, gil):
        assert answers(sofia, everything(things.conversation, things)) == nothing
    pages = [sofia.get(f"/assistant/{one}") for one in ("cnv_0", mara.conversation, gil.conversation)]
    assert {page.status_code for page in pages} == {404} and len({_without_tokens(page.text) for page in pages}) == 1
    denied = [event for event in shop.chain(shop.organization("acme")) if event.name == "access.denied"]
    assert len(denied) == 3 * len(nothing) + 3
    assert {event.content["decision"]["rule"] for event in denied} == {
        "default.not_there",
        "default.not_yours",
        "deny.other_organization",
    }
    assert before == (len(shop.chain(shop.organization("globex"))), len(shop.chain(gil.conversation)))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.holds("I10", "I11", "M4")
def test_things_of_other_conversations_are_answered_like_none(shop: ShopUnderTest) -> None:
    """In one's own conversation, turns, calls and receipts of others are as absent as those that never were."""
    mara_there = shop.sign_in(MARA)
    mara, gil = things_of(mara_there), things_of(shop.sign_in(GIL))
    sofia = shop.sign_in(SOFIA)
    sofia.say("hello")
    own = str(sofia.conversation)
    nothing = answers(sofia, requests_on(UNKNOWN, own))
    assert {status for status, _ in nothing} == {404}
    assert answers(sofia, requests_on(mara, own)) == nothing
    assert answers(sofia, requests_on(gil, own)) == nothing
    assert len(sofia.turns()) == 1
    assert mara_there.latest_call("place_order").settled is False
    receipt = shop.gateway.receipt_desk.view(mara_there.principal(), mara.receipt)
    assert receipt and receipt["state"] == "open"


def test_an_id_that_could_never_be_one_is_not_there(shop: ShopUnderTest) -> None:
    """Odd characters and lengths in an id are a page that does not exist, on either engine."""
    sofia = shop.sign_in(SOFIA)
    for path in ("/assistant/a%00b", "/assistant/%F0%9F%92%A5", "/assistant/" + "x" * 3000):
        assert sofia.get(path).status_code == 404, path[:40]


def _without_tokens(page: str) -> str:
    return "".join(line for line in page.splitlines() if "csrf_token" not in line)
