"""Clicks at the same moment, on both engines: whatever comes first wins, once, and everything stored agrees with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest

from shop.revocation import cascade
from shop.tools.outcomes import Denied, Failed, Outcome, Succeeded
from tests.approvals.conftest import asked
from tests.support.at_once import at_once
from tests.support.people import SOFIA, Assistant, ShopUnderTest, Visitor
from tests.support.state import HOODIE, TEE, chains_hold, count_orders, order, receipt, set_variant, stock, watching

Click = Callable[[], Outcome | None]


@pytest.mark.holds("I7", "I13")
def test_eight_clicks_in_two_tabs_are_one_order(shop: ShopUnderTest, sofia: Visitor, waiting: str) -> None:
    """One click buys; the others are told that it was confirmed already; one effect, one event of each kind."""
    tabs = [sofia.principal(), shop.sign_in(SOFIA).principal()]
    with watching(shop) as seen:
        outcomes = at_once([partial(shop.gateway.approve, tabs[n % 2], waiting) for n in range(8)])
    assert sum(isinstance(outcome, Succeeded) for outcome in outcomes) == 1
    assert {o.code for o in outcomes if isinstance(o, Failed)} == {"approved"}
    names = Counter(seen.names)
    assert (names["order.placed"], names["approval.approved"], names["approval.refused"]) == (1, 1, 7)
    assert "approval.voided" not in names
    assert (count_orders(shop), stock(shop, HOODIE), receipt(shop, waiting).state) == (4, 39, "approved")
    assert chains_hold(shop)


@pytest.mark.holds("I7")
def test_yes_and_no_at_once(shop: ShopUnderTest, sofia: Visitor, waiting: str) -> None:
    """Confirmed and declined at the same moment: one of them counts, and the shop agrees with the receipt."""
    person = sofia.principal()
    at_once([partial(decide, person, waiting) for decide in (shop.gateway.approve, shop.gateway.decline)])
    state = receipt(shop, waiting).state
    assert (state, count_orders(shop), stock(shop, HOODIE)) in {("approved", 4, 39), ("declined", 3, 40)}


@pytest.mark.holds("I7", "I13")
def test_click_and_sign_out_everywhere_at_once(shop: ShopUnderTest, sofia: Visitor, waiting: str) -> None:
    """Either the order stands and the receipt was used, or nothing was bought and the receipt is void; never a mixture."""
    person = sofia.principal()

    def sign_out() -> None:
        with shop.database.write() as db:
            cascade.sign_out_everywhere(db, person)

    both: list[Click] = [partial(shop.gateway.approve, person, waiting), sign_out]
    outcome, _ = at_once(both)
    state = receipt(shop, waiting).state
    assert (state, count_orders(shop), stock(shop, HOODIE)) in {("approved", 4, 39), ("voided", 3, 40)}
    assert isinstance(outcome, Succeeded) == (state == "approved")
    assert isinstance(outcome, Succeeded | Denied | Failed)
    assert chains_hold(shop)


@pytest.mark.holds("I7", "ASI09")
def test_click_and_new_price_at_once(shop: ShopUnderTest, sofia: Visitor, waiting: str) -> None:
    """However a price change and the click fall together, nobody pays anything but what was shown."""
    person = sofia.principal()
    both: list[Click] = [
        partial(shop.gateway.approve, person, waiting),
        partial(set_variant, shop, HOODIE, price=9900),
    ]
    outcome, _ = at_once(both)
    if isinstance(outcome, Succeeded):
        assert order(shop, outcome.for_model()["result"]["number"]).total == 5800
    else:
        assert isinstance(outcome, Failed) and outcome.code == "changed"
        assert count_orders(shop) == 3


@pytest.mark.holds("I7", "I13")
def test_click_and_change_of_the_cart_at_once(
    shop: ShopUnderTest, sofia: Visitor, assistant: Assistant, waiting: str
) -> None:
    """The order holds what was shown, or there is none; what the other call put into the cart is not lost."""
    person = sofia.principal()
    bought, added = at_once(
        [partial(shop.gateway.approve, person, waiting), partial(sofia.call, "add_to_cart", sku=HOODIE)]
    )
    assert isinstance(added, Succeeded)
    in_cart = sofia.call("view_cart").for_model()["result"]["items"]
    if isinstance(bought, Succeeded):
        assert (in_cart, stock(shop, HOODIE)) == (1, 39)
    else:
        assert isinstance(bought, Failed) and bought.code == "changed"
        assert (in_cart, stock(shop, HOODIE)) == (2, 40)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.holds("I13")
def test_calls_that_block_each_other_are_begun_anew(
    shop: ShopUnderTest, sofia: Visitor, assistant: Assistant, waiting: str
) -> None:
    """A click holds the conversation's chain and wants the cart, calls hold the cart and want the chain: PostgreSQL ends
    one of them, and it is begun anew instead of failing, or voiding the person's receipt.
    """
    person = sofia.principal()
    outcomes = at_once(
        [
            partial(shop.gateway.approve, person, waiting),
            partial(assistant.call, "add_to_cart", sku=TEE),
            partial(assistant.call, "add_to_cart", sku=TEE),
        ]
    )
    assert {o.code for o in outcomes if isinstance(o, Failed)} <= {"changed"}
    assert all(isinstance(outcome, Succeeded) for outcome in outcomes[1:])
    assert chains_hold(shop)


@pytest.mark.holds("I7", "I13")
def test_an_order_is_cancelled_once(shop: ShopUnderTest, sofia: Visitor, assistant: Assistant, waiting: str) -> None:
    """A receipt's click and clicks on the order's page, all at once, return the stock once."""
    placed = shop.gateway.approve(sofia.principal(), waiting)
    number = placed.for_model()["result"]["number"]
    cancellation = asked(assistant, "cancel_order", number=number)
    shown = shop.gateway.show(sofia.principal(), "cancel_order", {"number": number})
    assert isinstance(shown, tuple)
    person = sofia.principal()
    click = partial(shop.gateway.call_tool, person, None, "cancel_order", {"number": number}, seen=shown[1])
    with watching(shop) as seen:
        outcomes = at_once([partial(shop.gateway.approve, person, cancellation), *[click] * 5])
    assert sum(isinstance(outcome, Succeeded) for outcome in outcomes) == 1
    assert {o.code for o in outcomes if isinstance(o, Failed)} == {"not_cancellable"}
    assert seen.names.count("order.cancelled") == 1
    assert (order(shop, number).status, stock(shop, HOODIE)) == ("cancelled", 40)
