"""The chat page when people do what people do: type without a mouse, click twice, reload, stop, write too much."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenBrowser
from tests.browser.devices import DEVICES, PHONE, Device
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


def test_allowing_above_the_conversation_answers_what_waits_there(visitor: OpenBrowser) -> None:
    """The switch is as good as the button on the card: the call is made once, in the stream that follows, and nothing asks any more."""
    sofia = visitor(SOFIA)
    sofia.sign_in("/assistant/")
    sofia.say("black hoodies under 60, in L")
    expect(sofia.say("add the second one").locator(".consent")).to_be_visible()
    sofia.page.locator("#may-transact").dblclick()
    expect(sofia.page.locator("#may-transact")).to_have_attribute("aria-pressed", "true")
    expect(sofia.page.locator(".consent")).to_have_count(0)
    entries = sofia.audit_of(sofia.conversation)
    in_order(entries, "consent.granted", "allowed add_to_cart")
    assert sum("allowed add_to_cart" in entry for entry in entries) == 1


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


def test_a_card_is_chosen_from_added_by_hand_and_taken_back(visitor: OpenBrowser) -> None:
    """Picture and price follow the choice; Add is the person's own click; Undo is there as long as it can do something."""
    sofia = visitor(SOFIA)
    sofia.sign_in("/assistant/")
    sofia.say("hoodies")
    card = sofia.page.locator(".cards .card").nth(1)
    card.get_by_role("radio", name="plum").check(force=True)
    card.get_by_role("radio", name="XL").check(force=True)
    expect(card.locator("img")).to_have_attribute("src", "/pictures/long-context-hoodie/plum.svg")
    card.get_by_role("button", name="Add Long Context to your cart").click()
    expect(card.locator(".added")).to_contain_text("Long Context, plum, XL: it is in your cart.")
    expect(sofia.cart_link).to_contain_text("1 item")
    undo = card.get_by_role("button", name="Undo")
    other = sofia.page.locator(".cards .card").first
    other.get_by_role("button", name="Add Unauthorized to your cart").click()
    expect(other.get_by_role("button", name="Undo")).to_be_visible()
    expect(undo).to_be_hidden()
    other.get_by_role("button", name="Undo").click()
    expect(other.locator(".added")).to_contain_text("Taken back.")
    expect(sofia.cart_link).to_contain_text("1 item")
    entries = sofia.audit_of(sofia.conversation)
    in_order(entries, "allowed add_to_cart", "allowed add_to_cart", "allowed undo_cart_change")


def test_a_message_is_said_anew_and_what_it_did_stays(visitor: OpenBrowser) -> None:
    """Without a mouse: the earlier message is brought back and changed; it folds away, and the page says what still stands."""
    sofia = visitor(SOFIA, permissions=["clipboard-read", "clipboard-write"])
    sofia.sign_in("/assistant/")
    sofia.say("black hoodies under 60, in L")
    sofia.page.locator("#may-transact").click()
    expect(sofia.page.locator("#may-transact")).to_have_attribute("aria-pressed", "true")
    expect(sofia.page.locator("#next")).to_contain_text("Add the first one")
    sofia.press(sofia.page.get_by_role("button", name="Add the first one"))
    keyboard, message = sofia.page.keyboard, sofia.page.get_by_role("textbox", name="Message to your assistant")
    message.press("ArrowUp")
    expect(message).to_have_value("Add the first one")
    message.press("ArrowUp")
    expect(message).to_have_value("black hoodies under 60, in L")
    message.press("ArrowDown")
    message.press("ArrowDown")
    expect(message).to_have_value("")
    _tab_back_to(sofia.page, sofia.page.get_by_role("button", name="Edit this message").last)
    keyboard.press("Enter")
    expect(message).to_be_focused()
    expect(sofia.page.locator("#editing")).to_contain_text("What it did stays done.")
    message.fill("add the third one")
    sofia.page.reload()
    expect(message).to_have_value("add the third one")  # a draft outlives a reload
    message.fill("")
    turn = sofia.edit_last("add the third one")
    expect(turn).to_contain_text("What your earlier message did stays done: Put 1 × Unauthorized into your cart.")
    expect(turn.locator(".goods")).to_contain_text("Least Privilege")
    expect(sofia.cart_link).to_contain_text("2 items")
    turn.get_by_role("button", name="Copy the link to this answer").click()
    link = sofia.page.evaluate("navigator.clipboard.readText()")
    anchor = str(turn.get_attribute("id"))
    assert link.endswith(f"/assistant/{sofia.conversation}?turn={anchor.removeprefix('turn-')}#{anchor}")
    folded = sofia.page.locator(".edited .turn")
    sofia.page.goto(link.partition("#")[0] + f"#{folded.get_attribute('id')}")
    expect(folded).to_be_in_viewport()
    in_order(
        sofia.audit_of(sofia.conversation), "“Add the first one”", "“add the third one”", "says the last message anew"
    )


def test_a_conversation_is_found_renamed_taken_along_and_deleted(visitor: OpenBrowser, watch: Watch) -> None:
    """All that is done with a conversation as a whole, and that what is deleted is not there any more."""
    watch.expect_answer(404)
    sofia = visitor(SOFIA)
    sofia.sign_in("/assistant/")
    sofia.say("black hoodies under 60, in L")
    conversation = sofia.conversation
    sofia.open("/assistant/")
    sofia.say("hello")
    sofia.page.get_by_label("Search your conversations").fill("hoodies three")
    found = sofia.page.locator("#found a")
    expect(found).to_have_text(["Black hoodies under 60, in L"])
    found.click()
    sofia.menu("Rename")
    sofia.page.get_by_label("Title").fill("For the team")
    sofia.page.get_by_role("dialog").get_by_role("button", name="Rename").click()
    expect(sofia.page.locator("#conversations a.on")).to_have_text("For the team")
    for entry, ending in (("Save as Markdown", "md"), ("Save as JSON", "json")):
        with sofia.page.expect_download() as download:
            sofia.menu(entry)
        assert download.value.suggested_filename == f"for-the-team.{ending}"
        sofia.close_menu()
    sofia.menu("Delete")
    sofia.page.get_by_role("button", name="Delete it").click()
    expect(sofia.page.get_by_text("The conversation is deleted.")).to_be_visible()
    expect(sofia.page.locator("#conversations")).not_to_contain_text("For the team")
    sofia.open(f"/assistant/{conversation}")
    expect(sofia.page.get_by_role("heading", name="There is no such conversation")).to_be_visible()
    in_order(sofia.audit_of(conversation), "“For the team”", "downloaded", "downloaded", "deleted the conversation")


@pytest.mark.parametrize("screen", DEVICES, ids=lambda screen: screen.name)
def test_the_assistant_is_at_hand_and_knows_the_page(visitor: OpenBrowser, screen: Device) -> None:
    """The dock opens on a product's page, says what the message is about unless told not to, and closes by Escape."""
    sofia = visitor(SOFIA, device=screen)
    sofia.sign_in("/products/context-tee?colour=ink&size=M")
    panel = sofia.open_dock()
    expect(panel.get_by_text("About this page", exact=True)).to_be_visible()
    about = sofia.say("hello").locator(".me .about-page")
    expect(about).to_contain_text("about product context-tee, colour ink, size M")
    panel.get_by_role("button", name="Not about this page").click()
    turn = sofia.say("black hoodies under 60, in L")
    expect(turn.locator(".me .about-page")).to_have_count(0)
    expect(turn.locator(".cards .card")).to_have_count(3)
    sofia.page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(sofia.page.get_by_role("button", name="Ask", exact=True)).to_be_focused()
    sofia.open("/cart")
    panel = sofia.open_dock()
    expect(panel.locator(".turn")).to_have_count(2)  # what was going on goes on
    panel.get_by_role("button", name="New conversation").click()
    expect(panel.locator(".welcome")).to_be_visible()
    sofia.press(panel.get_by_role("button", name="Where are my orders?"))
    panel.get_by_role("link", name="Open on a page of its own").click()
    expect(sofia.page.locator("#title")).to_have_text("Where are my orders?")


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
