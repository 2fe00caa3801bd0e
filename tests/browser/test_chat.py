"""The chat page when people do what people do: type without a mouse, click twice, reload, stop, write too much."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenBrowser
from tests.browser.devices import PHONE
from tests.browser.gate import GatedModel
from tests.browser.live_shop import LiveShop
from tests.browser.person import ORDER_NUMBER, Person, in_order
from tests.browser.watch import Watch
from tests.support.people import SOFIA

CONFIRM = "Confirm €58.00"
ORDERS_BEFORE = 1  # Sofia's order of the seed data


def test_a_purchase_needs_no_mouse(visitor: OpenBrowser) -> None:
    """Typing, Tab and Enter are enough to look, allow, and confirm; the focus is always where one can go on."""
    sofia = visitor(SOFIA)
    sofia.sign_in("/assistant/")
    keyboard, message = sofia.page.keyboard, sofia.page.get_by_role("textbox")
    expect(message).to_be_focused()
    keyboard.type("buy a long context hoodie in black, L")
    keyboard.press("Enter")
    asked = _next(sofia, 1)
    _tab_back_to(sofia.page, asked.get_by_role("button", name="Allow in this conversation"))
    keyboard.press("Enter")
    asked = _next(sofia, 2)
    expect(message).to_be_focused()
    _tab_back_to(sofia.page, asked.get_by_role("button", name=CONFIRM))
    keyboard.press("Enter")
    expect(_next(sofia, 3).locator(".order")).to_contain_text(ORDER_NUMBER)
    expect(message).to_be_focused()


@pytest.mark.holds("I7", "ASI09")
def test_a_double_click_on_confirm_buys_once(visitor: OpenBrowser) -> None:
    """Two clicks as fast as a hand can make them are one order."""
    sofia = visitor(SOFIA)
    receipt = _receipt(sofia)
    receipt.get_by_role("button", name=CONFIRM).dblclick()
    expect(_next(sofia, 3).locator(".order")).to_contain_text(ORDER_NUMBER)
    expect(receipt).to_contain_text("confirmed by you")
    assert _orders(sofia) == ORDERS_BEFORE + 1


@pytest.mark.holds("I7", "ASI09")
def test_two_tabs_confirm_the_same_receipt_once(visitor: OpenBrowser) -> None:
    """Whoever comes second is told that it was decided already, nothing is bought again, and the attempt is recorded."""
    sofia = visitor(SOFIA)
    here = _receipt(sofia).get_by_role("button", name=CONFIRM)
    other_tab = sofia.new_tab(f"/assistant/{sofia.conversation}")
    there = other_tab.get_by_role("button", name=CONFIRM)
    expect(there).to_be_visible()
    sofia.press(here)
    there.click()
    refused = other_tab.locator(".turn").last
    expect(refused).to_contain_text("This receipt was confirmed already; nothing was done twice.")
    expect(refused.locator(".order")).to_have_count(0)
    expect(other_tab.get_by_role("button", name=CONFIRM)).to_have_count(0)
    assert _orders(sofia) == ORDERS_BEFORE + 1
    entries = sofia.audit_of(sofia.conversation)
    in_order(entries, "approval.approved", "order.placed", "approval.refused")
    assert sum("order.placed" in entry for entry in entries) == 1


def test_a_reload_in_the_middle_of_a_turn_loses_nothing(
    visitor: OpenBrowser, gated_shop: LiveShop, model: GatedModel
) -> None:
    """A reloaded page shows the running turn, its end, and all that the end changes, without another reload."""
    sofia = visitor(SOFIA, gated_shop)
    sofia.sign_in("/assistant/")
    sofia.say("black hoodies under 60, in L")
    sofia.page.locator("#may-transact").click()
    expect(sofia.page.locator("#may-transact")).to_have_attribute("aria-pressed", "true")
    with model.held():
        sofia.begin_to_say("add the second one")
        model.wait_until_it_waits()
        sofia.page.reload()
        expect(sofia.turns.last).to_contain_text("add the second one")
        expect(sofia.turns.last).to_have_attribute("aria-busy", "true")
        expect(sofia.page.get_by_role("button", name="Stop")).to_be_visible()
    expect(sofia.answered().locator(".goods")).to_contain_text("Long Context")
    expect(sofia.page.locator("#trail")).to_contain_text("Allowed: add_to_cart")
    expect(sofia.cart_link).to_contain_text("1 item")
    expect(sofia.page.get_by_role("button", name="Send")).to_be_visible()


def test_stop_ends_a_turn_before_its_next_step(visitor: OpenBrowser, gated_shop: LiveShop, model: GatedModel) -> None:
    """What was proposed when Stop was pressed is not done, and the person can try again."""
    sofia = visitor(SOFIA, gated_shop)
    sofia.sign_in("/assistant/")
    with model.held():
        sofia.begin_to_say("black hoodies under 60, in L")
        model.wait_until_it_waits()
        with sofia.page.expect_response(lambda response: response.url.endswith("/stop")):
            sofia.page.get_by_role("button", name="Stop").click()
    turn = sofia.answered()
    expect(turn.locator(".foot")).to_contain_text("You stopped it.")
    expect(turn.locator(".call")).to_have_count(0)
    again = sofia.press(turn.get_by_role("button", name="Retry"))
    expect(again.locator(".cards .card")).to_have_count(3)
    entries = sofia.audit_of(sofia.conversation)
    in_order(entries, ("the answer was stopped: person", "turn.stopped"), "allowed search_products")


def test_a_model_that_fails_is_told_and_can_be_tried_again(
    visitor: OpenBrowser, gated_shop: LiveShop, model: GatedModel
) -> None:
    """An error upstream ends the turn in words; Retry goes on from what was asked."""
    sofia = visitor(SOFIA, gated_shop)
    sofia.sign_in("/assistant/")
    with model.failing():
        turn = sofia.say("black hoodies under 60, in L")
    expect(turn.locator(".trouble")).to_contain_text("The assistant cannot answer")
    again = sofia.press(turn.get_by_role("button", name="Retry"))
    expect(again.locator(".cards .card")).to_have_count(3)
    expect(turn.get_by_role("button", name="Retry")).to_have_count(0)
    in_order(sofia.audit_of(sofia.conversation), ("failed", "upstream_500", "turn.failed"), "turn.completed")


def test_a_message_of_somebody_who_is_signed_out_is_kept(visitor: OpenBrowser, watch: Watch) -> None:
    """The page says why and where to sign in; what was typed stays in the composer."""
    watch.expect_answer(401)
    sofia = visitor(SOFIA, device=PHONE)
    sofia.sign_in("/assistant/")
    sofia.new_tab("/sessions").get_by_role("button", name="Sign out here").click()
    sofia.begin_to_say("something that I thought about for an hour")
    expect(sofia.notice).to_contain_text("You are signed out.")
    expect(sofia.page.get_by_role("textbox")).to_have_value("something that I thought about for an hour")
    expect(sofia.turns).to_have_count(0)
    expect(sofia.notice.get_by_role("link", name="sign in and come back")).to_be_visible()


def test_a_message_over_the_limit_is_kept_and_not_sent(visitor: OpenBrowser) -> None:
    """The count shows as the limit comes near; over it, nothing is sent and nothing is cut off."""
    sofia = visitor(SOFIA)
    sofia.sign_in("/assistant/")
    long = "a" * (sofia.shop.settings.message_limit + 1)
    sofia.begin_to_say(long)
    expect(sofia.notice).to_contain_text("This message is too long.")
    expect(sofia.page.locator("#count")).to_have_text(f"{len(long)} of {len(long) - 1}")
    expect(sofia.page.get_by_role("textbox")).to_have_value(long)
    sofia.say(long[1:])
    expect(sofia.turns).to_have_count(1)


@pytest.mark.holds("I6", "LLM06")
def test_the_chips_give_and_take_what_the_assistant_may_do(visitor: OpenBrowser) -> None:
    """A switch allows buying in this conversation without being asked first, and takes it back at once."""
    sofia = visitor(SOFIA)
    sofia.sign_in("/assistant/")
    expect(sofia.chip("buy").locator("xpath=self::button")).to_have_count(0)  # no conversation yet to allow it in
    sofia.say("black hoodies under 60, in L")
    buy = sofia.page.locator("#may-transact")
    expect(buy).to_have_attribute("aria-pressed", "false")
    buy.click()
    expect(buy).to_have_attribute("aria-pressed", "true")
    expect(sofia.say("add the second one").locator(".call")).to_have_attribute("data-state", "done")
    buy.click()
    expect(buy).to_have_attribute("aria-pressed", "false")
    expect(sofia.say("add the first one").locator(".consent")).to_be_visible()
    in_order(
        sofia.audit_of(sofia.conversation), "consent.granted", "allowed add_to_cart", "consent.withdrawn", "refused"
    )


@pytest.mark.holds("ASI08")
def test_a_paused_assistant_does_nothing_until_it_is_resumed(visitor: OpenBrowser) -> None:
    """Pausing takes every switch away at once; resuming brings back what was allowed."""
    sofia = visitor(SOFIA)
    sofia.sign_in("/assistant/")
    sofia.say("black hoodies under 60, in L")
    sofia.page.get_by_role("button", name="Pause my assistant").click()
    expect(sofia.page.locator("#may")).to_contain_text("paused")
    expect(sofia.page.locator("#may [aria-pressed]")).to_have_count(0)
    turn = sofia.say("what is in my cart?")
    expect(turn.locator(".foot")).to_contain_text("Your assistant is paused.")
    expect(turn.locator(".call[data-state=done]")).to_have_count(0)
    sofia.page.get_by_role("button", name="Resume my assistant").click()
    expect(sofia.page.locator("#may-read")).to_have_attribute("aria-pressed", "true")
    expect(sofia.say("what is in my cart?").locator(".goods")).to_be_visible()


def _receipt(sofia: Person) -> Locator:
    """Talk until a receipt waits: one message, one consent."""
    sofia.sign_in("/assistant/")
    asked = sofia.say("buy a long context hoodie in black, L")
    return sofia.press(asked.get_by_role("button", name="Allow in this conversation")).locator(".receipt")


def _next(sofia: Person, number: int) -> Locator:
    """The turn of this number, once it has ended."""
    expect(sofia.turns).to_have_count(number)
    return sofia.answered()


def _orders(sofia: Person) -> int:
    return sofia.new_tab("/orders").locator(".ledger > li").count()


def _tab_back_to(page: Page, wanted: Locator) -> None:
    """Press Shift and Tab until the focus is there, as somebody without a mouse would."""
    for _ in range(20):
        if wanted.evaluate("element => element === document.activeElement"):
            assert wanted.evaluate("element => element.matches(':focus-visible')")
            return
        page.keyboard.press("Shift+Tab")
    raise AssertionError(f"the keyboard does not reach {wanted}")
