"""A colleague's order, another organization's, and none at all: one answer for everybody but the auditor."""

from __future__ import annotations

import json
import re

import pytest

from shop.tools.outcomes import Denied
from tests.support.people import MARA, SOFIA, TARIQ, Assistant, ShopUnderTest, Visitor
from tests.support.state import COLLEAGUES_ORDER, FOREIGN_ORDER, NO_ORDER, ONE_ENGINE, OWN_ORDER, watching

THREE = (COLLEAGUES_ORDER, FOREIGN_ORDER, NO_ORDER)
RULES = ["default.not_yours", "deny.other_organization", "default.not_there"]


@pytest.mark.parametrize("tool", ["get_order", "cancel_order"])
@pytest.mark.holds("I10", "ASVS-8.2.2", "I5")
def test_three_numbers_are_one_answer_to_the_model(shop: ShopUnderTest, assistant: Assistant, tool: str) -> None:
    """Byte for byte the same JSON and the same words for the person; the audit alone names three different rules."""
    with watching(shop) as seen:
        outcomes = [assistant.call(tool, number=number) for number in THREE]
    assert len({json.dumps(outcome.for_model()) for outcome in outcomes}) == 1
    assert outcomes[0].for_model()["outcome"] == "failed" and outcomes[0].for_model()["code"] == "not_found"
    assert all(isinstance(o, Denied) for o in outcomes)
    assert len({o.reason for o in outcomes if isinstance(o, Denied)}) == 1
    assert seen.changed == set()
    assert [event.content["decision"]["rule"] for event in seen.events] == RULES
    assert [event.personal["arguments"]["number"] for event in seen.events] == list(THREE)


@pytest.mark.holds("I10", "ASVS-8.2.2")
def test_three_numbers_are_one_page(shop: ShopUnderTest, sofia: Visitor) -> None:
    """The pages of the three, and what a click on cancelling them answers, differ in nothing."""
    pages, cancels = [], []
    with watching(shop) as seen:
        for number in THREE:
            page, cancelled = sofia.get(f"/orders/{number}"), sofia.post(f"/orders/{number}/cancel")
            assert (page.status_code, cancelled.status_code) == (404, 404)
            pages.append(_without_token(page.text))
            cancels.append(_without_token(cancelled.text))
    assert len(set(pages)) == 1 and len(set(cancels)) == 1
    assert [event.content["decision"]["rule"] for event in seen.events] == [rule for rule in RULES for _ in range(2)]
    assert not {"orders", "variants"} & seen.changed


@ONE_ENGINE
@pytest.mark.holds("I10")
def test_what_may_i_do_tells_refusals_as_coarsely_as_they_were_told(assistant: Assistant) -> None:
    """Asking why afterwards is no oracle either: the three refusals look the same."""
    for number in THREE:
        assistant.call("get_order", number=number)
    refusals = assistant.call("what_may_i_do").for_model()["result"]["refusals"]
    assert refusals == [
        {"tool": "get_order", "code": "not_found", "message": "There is nothing under that number or name."}
    ] * len(THREE)


@ONE_ENGINE
@pytest.mark.holds("I10", "ASVS-8.2.2")
def test_support_sees_the_organizations_orders_and_no_others(shop: ShopUnderTest) -> None:
    """Support reads a colleague's order by the rule for it, cannot cancel it, and another organization's is not there."""
    tariq = shop.sign_in(TARIQ)
    with watching(shop) as seen:
        outcome = tariq.call("get_order", number=COLLEAGUES_ORDER)
    order = outcome.for_model()["result"]
    assert (order["number"], order["placed_by"], order["can_cancel"]) == (COLLEAGUES_ORDER, "its owner", False)
    assert seen.events[0].content["decision"]["rule"] == "support.orders.read"
    foreign, none = (json.dumps(tariq.call("get_order", number=n).for_model()) for n in (FOREIGN_ORDER, NO_ORDER))
    assert foreign == none and "not_found" in none
    assert tariq.call("cancel_order", number=OWN_ORDER).for_model()["code"] == "not_permitted"


@ONE_ENGINE
@pytest.mark.holds("I10", "ASVS-8.2.2")
def test_lists_and_carts_hold_only_ones_own(shop: ShopUnderTest) -> None:
    """Two people of one organization see neither each other's orders nor each other's carts."""
    sofia, mara = shop.sign_in(SOFIA), shop.sign_in(MARA)
    sofia.call("add_to_cart", sku="bearer-tote-bone")
    listed = {v.email: v.call("list_orders").for_model()["result"]["orders"] for v in (sofia, mara)}
    assert [o["number"] for o in listed[SOFIA]] == [OWN_ORDER]
    assert [o["number"] for o in listed[MARA]] == [COLLEAGUES_ORDER]
    assert mara.call("view_cart").for_model()["result"]["items"] == 0
    assert sofia.call("view_cart").for_model()["result"]["items"] == 1


def _without_token(page: str) -> str:
    return re.sub(r'name="csrf_token" value="[^"]+"', "", page)


@pytest.mark.holds("I10")
def test_support_lists_the_organizations_orders_and_no_others(shop: ShopUnderTest) -> None:
    """Support sees every order of Acme in the list, by their own click; their assistant, not allowed that, sees none."""
    tariq = shop.sign_in(TARIQ)
    listed = tariq.call("list_orders").for_model()["result"]
    assert {order["number"] for order in listed["orders"]} == {"CC-5QF1A7", "CC-MARA7V"}
    assert listed["whose"] == "organization"
    refused = tariq.assistant().call("list_orders")
    assert refused.for_model()["code"] == "not_permitted"
