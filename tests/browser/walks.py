"""Walks through the shop that stop at every page and at every state of it.

Each walk is a generator: it does what a person does and yields the name of what is on the screen then. What is looked at
there is the caller's business: accessibility, overflow, a screenshot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from playwright.sync_api import expect

from tests.browser.gate import GatedModel
from tests.browser.outside import let_in
from tests.browser.person import Person

Walk = Iterator[tuple[str, Person]]
Meet = Callable[[str], Person]
"""Gives a person of that name in front of a browser of their own, not signed in."""


def shop_window(meet: Meet) -> Walk:
    """What anyone may look at."""
    anyone = meet("sofia")
    for name, path in (
        ("home", "/"),
        ("search, narrowed", "/search?q=hoodie&colour=black&max_price=60&in_stock=1"),
        ("search, corrected", "/search?q=hoddie"),
        ("search without result", "/search?q=submarine"),
        ("collection", "/collections/posters?sort=price_up"),
        ("product", "/products/long-context-hoodie?colour=black&size=L"),
        ("product, sold out", "/products/context-tee?colour=ink&size=XL"),
        ("what this does not protect", "/protect"),
        ("not there", "/nothing-of-this-name"),
        ("sign-in", "/sign-in"),
    ):
        anyone.open(path)
        yield name, anyone
    if anyone.device.is_phone:
        anyone.open("/search")
        anyone.page.get_by_role("button", name="Filters").click()
        expect(anyone.page.locator("#filters")).to_be_visible()
        yield "drawer of filters", anyone
        anyone.open("/sign-in")
    anyone.page.get_by_label("Work e-mail").fill("somebody@nowhere.example")
    anyone.page.get_by_role("button", name="Continue").click()
    expect(anyone.page.locator("#email-error")).to_be_visible()
    yield "sign-in, unknown company", anyone


def signing_in(meet: Meet) -> Walk:
    """To the identity provider and back, in every way that it can end."""
    sofia = meet("sofia")
    sofia.open("/sign-in")
    sofia.type_email()
    yield "identity provider", sofia
    sofia.page.get_by_role("link", name="Cancel").click()
    expect(sofia.page.get_by_role("link", name="Try again")).to_be_visible()
    yield "sign-in failed", sofia
    gil = meet("gil")
    gil.open("/sign-in")
    gil.type_email()
    yield "identity provider of the other company", gil
    sofia.sign_in("/sessions")
    yield "sessions", sofia
    sofia.page.get_by_role("button", name="Your account").click()
    expect(sofia.page.locator("#account")).to_be_visible()
    yield "account menu", sofia
    sofia.page.keyboard.press("Escape")
    sofia.page.get_by_role("button", name="Sign out everywhere").click()
    expect(sofia.page.get_by_role("link", name="Sign in again")).to_be_visible()
    yield "signed out", sofia


def buying_by_hand(meet: Meet) -> Walk:
    """From an empty cart to an order and its end, and what a person without the role is told."""
    sofia = meet("sofia")
    page = sofia.page
    sofia.sign_in("/cart")
    yield "cart, empty", sofia
    sofia.open("/products/long-context-hoodie?colour=black&size=L")
    page.get_by_text("Which size is mine?").click()
    page.get_by_role("button", name="Add to cart").click()
    expect(page.get_by_text("In your cart:")).to_be_visible()
    yield "product, added", sofia
    page.get_by_role("link", name="To the cart").click()
    yield "cart", sofia
    page.get_by_label("How many of").fill("4")
    page.keyboard.press("Enter")
    expect(page.get_by_text("over your limit")).to_be_visible()
    yield "cart, over the limit", sofia
    sofia.open("/checkout")
    yield "checkout, over the limit", sofia
    sofia.open("/cart")
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("Taken out of your cart.")).to_be_visible()
    yield "cart, emptied", sofia
    page.locator("#flashes").get_by_role("button", name="Undo").click()
    expect(page.get_by_text("as it was before")).to_be_visible()
    page.get_by_label("How many of").fill("1")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Check out").click()
    page.get_by_text("To another address").click()
    page.get_by_label("What you call it").fill("Office")
    page.get_by_label("Address, in one line").fill("Elsewhere 1")
    page.get_by_role("button", name="Save this address").click()
    expect(page.get_by_text("Choose another name.")).to_be_visible()
    yield "checkout, address not saved", sofia
    sofia.open("/checkout")
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("Your order is placed.")).to_be_visible()
    yield "order", sofia
    page.get_by_role("button", name="Cancel this order").click()
    expect(page.get_by_role("button", name="Cancel the order")).to_be_visible()
    yield "order, about to be cancelled", sofia
    page.get_by_role("button", name="Cancel the order").click()
    expect(page.get_by_text("Your order is cancelled.")).to_be_visible()
    yield "order, cancelled", sofia
    for name, path in (
        ("orders", "/orders"),
        ("order, delivered", "/orders/CC-5QF1A7"),
        ("invoice", "/orders/CC-5QF1A7/invoice"),
        ("addresses", "/addresses"),
        ("order, not there", "/orders/CC-ZZZZZZ"),
    ):
        sofia.open(path)
        yield name, sofia
    tariq = meet("tariq")
    tariq.sign_in("/orders")
    yield "orders of somebody else's kind", tariq
    tariq.open("/cart")
    yield "refused", tariq


def talking(meet: Meet) -> Walk:
    """The chat, from the empty conversation to an order and a refusal."""
    sofia = meet("sofia")
    sofia.sign_in("/assistant/")
    yield "chat, empty", sofia
    sofia.say("black hoodies under 60, in L")
    yield "chat, answered", sofia
    sofia.turns.last.locator("summary").first.click()
    yield "chat, a call's details", sofia
    sofia.turns.last.locator("summary", has_text="Show as other assistants show it").click()
    expect(sofia.page.frame_locator("iframe").get_by_role("heading", name="3 found")).to_be_visible()
    yield "chat, as other assistants show it", sofia
    asked = sofia.say("add the second one")
    yield "chat, request for consent", sofia
    sofia.press(asked.get_by_role("button", name="Allow in this conversation"))
    yield "chat, cart", sofia
    asked = sofia.say("check out")
    yield "chat, receipt", sofia
    sofia.press(asked.get_by_role("button", name="Confirm €58.00"))
    yield "chat, ordered", sofia
    sofia.say("and twelve more for the team")
    yield "chat, refused", sofia
    sofia.edit_last("and two more for the team")
    sofia.page.locator(".edited summary").first.click()
    yield "chat, edited", sofia
    sofia.menu("Rename")
    yield "chat, about to rename", sofia
    sofia.close_menu()
    sofia.say("hoodies")
    choice = sofia.page.locator(".cards").last.locator(".card").nth(1)
    choice.locator("label", has_text="XL").click()
    choice.get_by_role("button", name="Add").click()
    expect(choice.locator(".added")).to_contain_text("it is in your cart")
    yield "chat, chosen and added by hand", sofia
    sofia.page.get_by_role("button", name="Pause").click()
    expect(sofia.page.get_by_role("button", name="Resume")).to_be_visible()
    sofia.say("what is in my cart?")
    yield "chat, paused", sofia
    sofia.page.get_by_role("textbox").fill("too long " * 500)
    sofia.page.keyboard.press("Enter")
    expect(sofia.notice).to_contain_text("too long")
    yield "chat, message too long", sofia
    if sofia.device.is_phone:
        for drawer, words in (("Conversations", "New conversation"), ("What just happened", "You asked")):
            sofia.page.get_by_role("button", name=drawer).click()
            expect(sofia.page.locator(":popover-open").get_by_text(words).first).to_be_visible()
            yield f"chat, drawer of {drawer.lower()}", sofia
            sofia.page.keyboard.press("Escape")


def with_the_assistant_at_hand(meet: Meet) -> Walk:
    """The dock: on a product's page, empty, answered, and for somebody with another role."""
    sofia = meet("sofia")
    sofia.sign_in("/products/context-tee?colour=ink&size=M")
    sofia.open_dock()
    yield "dock, empty", sofia
    sofia.say("black hoodies under 60, in L")
    yield "dock, answered", sofia
    ada = meet("ada")
    ada.sign_in("/assistant/")
    yield "chat of an auditor, empty", ada


def talking_to_a_model_that_hesitates(meet: Meet, model: GatedModel) -> Walk:
    """The chat while an answer runs, and after one broke off."""
    sofia = meet("sofia")
    sofia.sign_in("/assistant/")
    with model.held():
        sofia.begin_to_say("black hoodies under 60, in L")
        model.wait_until_it_waits()
        expect(sofia.page.get_by_role("button", name="Stop")).to_be_visible()
        yield "chat, answering", sofia
    sofia.answered()
    with model.failing():
        sofia.say("add the second one")
    yield "chat, broken off", sofia


def assistants_from_outside(meet: Meet) -> Walk:
    """Connecting an assistant, looking after it, and what an administrator sees of it and decides."""
    sofia, ines = meet("sofia"), meet("ines")
    sofia.open("/connect")
    yield "how to connect", sofia
    sofia.sign_in("/assistants")
    yield "connected assistants, none", sofia
    let_in(sofia, name="A traveller")
    outside = let_in(sofia, "Buy for you", name="A guide with a name that is much too long for a phone")
    outside.call("search_products", query="mug")
    sofia.open("/assistants")
    yield "connected assistants", sofia
    sofia.page.get_by_role("checkbox", name="Buy for you").uncheck()
    for summary in sofia.page.locator(".ask summary").all():
        summary.click()
    yield "connected assistants, about to end", sofia
    sofia.page.get_by_role("button", name="Pause all").click()
    expect(sofia.page.get_by_role("button", name="Resume")).to_be_visible()
    yield "connected assistants, paused", sofia
    ines.sign_in("/admin/agents/")
    ines.page.locator("summary", has_text="Stop all assistants").click()
    yield "agents, about to stop all", ines
    ines.page.get_by_role("button", name="Stop all assistants").click()
    expect(ines.page.get_by_role("button", name="Let them go on")).to_be_visible()
    yield "agents, stopped", ines
    sofia.open("/assistants")
    yield "connected assistants, stopped", sofia
    sofia.open("/assistant/")
    yield "chat, stopped", sofia
    ines.page.get_by_role("link", name="A traveller").click()
    ines.page.locator("summary", has_text="Block it").click()
    yield "an agent, about to be blocked", ines
    ines.page.get_by_role("button", name="Block it everywhere here").click()
    expect(ines.page.get_by_role("button", name="Lift the block")).to_be_visible()
    yield "an agent, blocked", ines
    ines.open("/admin/agents/register")
    ines.page.get_by_label("Name").fill("A helper")
    ines.page.get_by_label("Where its answers go").fill("http://helper.example/callback")
    ines.page.get_by_label("How it proves").select_option("client_secret_basic")
    ines.page.get_by_role("button", name="Register").click()
    expect(ines.page.locator("#register-error")).to_be_visible()
    yield "an agent, not registered", ines
    ines.page.get_by_label("Where its answers go").fill("https://helper.example/callback")
    ines.page.get_by_role("button", name="Register").click()
    expect(ines.page.get_by_role("heading", name="Its secret, shown only now")).to_be_visible()
    yield "an agent, registered", ines
    ines.page.get_by_role("link", name="Its entry in the inventory").click()
    ines.page.locator("summary", has_text="no human present").click()
    yield "an agent that is vouched for", ines


def reading_the_record(meet: Meet) -> Walk:
    """The audit views and the administrators' list."""
    sofia, ada, ines = meet("sofia"), meet("ada"), meet("ines")
    ada.sign_in("/audit/")
    yield "audit, nothing yet", ada
    sofia.sign_in("/assistant/")
    sofia.say("black hoodies under 60, in L")
    asked = sofia.say("buy the second one")
    asked = sofia.press(asked.get_by_role("button", name="Allow in this conversation"))
    sofia.press(asked.get_by_role("button", name="Confirm €58.00"))
    ada.open("/audit/")
    yield "audit, conversations", ada
    ada.audit_of(sofia.conversation)
    yield "audit of a conversation", ada
    for summary in ada.page.locator(".entry summary").all()[:8]:
        summary.click()
    yield "audit of a conversation, details", ada
    ada.open(f"/audit/conversations/{sofia.conversation}?show=refused")
    yield "audit of a conversation, refusals", ada
    ada.open("/audit/organization")
    yield "audit of the organization", ada
    ines.sign_in("/admin/people/")
    yield "people", ines
    ines.page.locator("summary", has_text="Suspend Sofia Hart").click()
    yield "people, about to suspend", ines
    ines.page.get_by_role("button", name="Suspend Sofia Hart").click()
    expect(ines.page.get_by_role("button", name="Restore Sofia Hart")).to_be_visible()
    yield "people, one suspended", ines
