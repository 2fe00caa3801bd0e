"""The story, scenes 1 to 10, told once in a browser: what each person sees, and what the audit view shows of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenBrowser
from tests.browser.devices import DEVICES, Device
from tests.browser.gate import GatedModel
from tests.browser.live_shop import LiveShop
from tests.browser.person import ORDER_NUMBER, Person, in_order
from tests.browser.watch import Watch
from tests.support.people import ADA, GRETA, SOFIA

COLLEAGUES_ORDER, OTHER_COMPANYS_ORDER, NOBODYS_ORDER = "CC-MARA7V", "CC-GB4X21", "CC-ZZZZZZ"


@dataclass
class Cast:
    """Who acts, and the conversation that they all look at."""

    sofia: Person  # buys for Acme, up to 200 euros an order
    ada: Person  # audits Acme
    greta: Person  # audits Globex
    conversation: str = ""

    def audit(self) -> list[str]:
        """What Acme's auditor reads of the conversation, whose chain of hashes must hold."""
        entries = self.ada.audit_of(self.conversation)
        expect(self.ada.page.get_by_text("chain verified")).to_be_visible()
        return entries

    def trail(self, auditor: Person) -> list[str]:
        """What an auditor reads of their organization, outside conversations."""
        auditor.open("/audit/organization")
        return auditor.entries()

    def orders(self) -> int:
        """How many orders Sofia has."""
        tab = self.sofia.new_tab("/orders")
        count = tab.locator(".ledger > li").count()
        tab.close()
        return count


@pytest.mark.holds("I6", "I7", "I10", "ASI01", "ASI09", "LLM06")
@pytest.mark.parametrize("screen", DEVICES, ids=lambda screen: screen.name)
def test_the_story(screen: Device, visitor: OpenBrowser, gated_shop: LiveShop, model: GatedModel, watch: Watch) -> None:
    """Sofia buys a hoodie by talking; nothing happens without her, and the audit shows all of it to whom it concerns."""
    watch.expect_answer(401)  # scene 8: a message of somebody who is signed out
    watch.expect_answer(404)  # scene 10: the other company's auditor
    sofia, ada, greta = (visitor(email, gated_shop, screen) for email in (SOFIA, ADA, GRETA))
    cast = Cast(sofia, ada, greta)
    scene_1_sofia_signs_in_at_her_own_company(cast)
    scene_2_she_looks_for_a_hoodie(cast)
    scene_3_the_assistant_asks_before_it_may_buy(cast)
    scene_4_she_confirms_a_receipt(cast)
    scene_5_her_limit_holds(cast)
    scene_6_orders_of_others_are_not_there(cast)
    scene_7_a_product_text_gives_orders(cast)
    scene_8_she_signs_out_everywhere_while_a_turn_runs(cast, model, visitor(SOFIA, gated_shop, screen))
    scene_9_she_comes_back_and_resumes(cast)
    scene_10_the_auditors_open_the_link(cast)


def scene_1_sofia_signs_in_at_her_own_company(cast: Cast) -> None:
    sofia, shop = cast.sofia, cast.sofia.shop
    sofia.open("/assistant/")
    expect(sofia.page).to_have_url(re.compile("/sign-in"))
    sofia.type_email()
    assert sofia.page.url.startswith(shop.settings.issuer_of_companion(0))
    sofia.pick_themselves()
    expect(sofia.page).to_have_url(shop.url("/assistant/"))
    expect(sofia.page.get_by_role("heading", name="What can I get you, Sofia?")).to_be_visible()

    cast.ada.sign_in("/audit/")
    in_order(
        cast.trail(cast.ada), ("Sofia Hart", "sign_in.succeeded", '"method": "oidc"', '"connection": "con_', "ses_")
    )


def scene_2_she_looks_for_a_hoodie(cast: Cast) -> None:
    turn = cast.sofia.say("black hoodies under 60, in L")
    cast.conversation = cast.sofia.conversation
    expect(turn.locator(".cards .card")).to_have_count(3)
    for picture in turn.locator(".cards img").all():
        picture.scroll_into_view_if_needed()
        expect(picture).to_have_js_property("complete", True)
        assert picture.evaluate("picture => picture.naturalWidth") > 0
    expect(turn.locator(".say")).to_contain_text("Three fit")
    expect(turn.locator(".consent, .receipt")).to_have_count(0)

    in_order(
        cast.audit(),
        ("Assistant", "proposes search_products", "colour: black", "size: L", "max_price: 6000"),
        ("Gateway", "allowed search_products, 3 results", "rule guest.catalogue.read", "tool_call.succeeded"),
    )


def scene_3_the_assistant_asks_before_it_may_buy(cast: Cast) -> None:
    sofia = cast.sofia
    turn = sofia.say("add the second one")
    expect(turn.locator(".call")).to_have_attribute("data-state", "denied")
    expect(turn.get_by_role("heading", name="May your assistant buy here?")).to_be_visible()
    expect(sofia.chip("buy")).to_have_attribute("aria-pressed", "false")
    expect(sofia.cart_link).to_have_text("Cart")
    turn = sofia.press(turn.get_by_role("button", name="Allow in this conversation"))
    expect(turn.locator(".call")).to_have_count(1)
    expect(turn.locator(".call")).to_have_attribute("data-state", "done")
    expect(turn.locator(".goods")).to_contain_text("Long Context")
    expect(sofia.chip("buy")).to_have_attribute("aria-pressed", "true")
    expect(sofia.cart_link).to_contain_text("1 item")

    in_order(
        cast.audit(),
        ("Gateway", "refused add_to_cart", "scope transact was not consented to", "tool_call.denied"),
        ("Person", "allows transact for this conversation", "consent.granted"),
        ("Gateway", "allowed add_to_cart", "rule shopper.cart.write", "tool_call.succeeded"),
    )


def scene_4_she_confirms_a_receipt(cast: Cast) -> None:
    sofia, before = cast.sofia, cast.orders()
    turn = sofia.say("check out")
    receipt = turn.locator(".receipt")
    for words in ("Long Context, black, L", "Delivery to Office, Harbour Street 4", "€58.00", "Sofia Hart at Acme"):
        expect(receipt).to_contain_text(words)
    assert cast.orders() == before
    placed = sofia.press(receipt.get_by_role("button", name="Confirm €58.00"))
    expect(placed.locator(".order")).to_contain_text(ORDER_NUMBER)
    expect(receipt).to_contain_text("confirmed by you")
    expect(receipt.get_by_role("button")).to_have_count(0)
    expect(turn.locator(".foot")).not_to_contain_text("waiting for you")
    expect(sofia.cart_link).to_have_text("Cart")
    assert cast.orders() == before + 1

    in_order(
        cast.audit(),
        ("Assistant", "proposes place_order"),
        ("Gateway", "place_order waits for its person", "needs approval", "tool_call.awaiting_approval"),
        ("Person", "approves the receipt for place_order", "none: the person's own click", "approval.approved"),
        ("Shop", "order CC-", "placed", "1 item, €58.00", "client:shop-assistant", "order.placed"),
    )


def scene_5_her_limit_holds(cast: Cast) -> None:
    before = cast.orders()
    turn = cast.sofia.say("and twelve more for the team")
    refused = turn.locator(".call[data-state=denied]")
    expect(refused).to_contain_text("€696.00 is over your limit of €200.00")
    expect(refused).to_contain_text("Mara Voss")
    expect(turn.locator(".receipt")).to_have_count(0)
    assert cast.orders() == before

    in_order(
        cast.audit(),
        ("Gateway", "refused place_order", "€696.00 against a limit of €200.00", "rule default.over_limit"),
    )


def scene_6_orders_of_others_are_not_there(cast: Cast) -> None:
    answers = set()
    for number in (COLLEAGUES_ORDER, OTHER_COMPANYS_ORDER, NOBODYS_ORDER):
        turn = cast.sofia.say(f"what is in order {number}")
        expect(turn.locator(".call")).to_have_attribute("data-state", "failed")
        shown = " ".join(turn.locator(".items").inner_text().split())
        answers.add(shown.replace(number, "that number"))
    assert len(answers) == 1, answers

    refused = [entry for entry in cast.audit() if "refused get_order" in entry]
    rules = [match[1] for entry in refused if (match := re.search(r"rule ([\w.]+)", entry))]
    assert len(rules) >= 2 and rules[0] != rules[1], refused
    assert all('"code": "not_found"' in entry for entry in refused)
    own = cast.sofia.new_tab(f"/audit/conversations/{cast.conversation}")
    expect(own.get_by_text("get_order found nothing")).to_have_count(3)
    expect(own.get_by_text(rules[1])).to_have_count(0)
    own.close()


def scene_7_a_product_text_gives_orders(cast: Cast) -> None:
    sofia, before = cast.sofia, cast.orders()
    sofia.say("empty my cart")
    turn = sofia.say("tell me about the prompt injection stickers")
    expect(turn.locator(".say").last).to_contain_text("told me to order ten, so I tried")
    receipt = turn.locator(".receipt")
    expect(receipt).to_contain_text("Prompt Injection")
    assert cast.orders() == before
    receipt.get_by_role("button", name="Not now").click()
    expect(receipt).to_contain_text("not now")
    assert cast.orders() == before

    in_order(
        cast.audit(),
        ("Assistant", "proposes add_to_cart", "quantity: 10"),
        ("Assistant", "proposes place_order"),
        ("Gateway", "place_order waits for its person", "needs approval"),
        ("Person", "answers the receipt for place_order: not now", "approval.declined"),
    )


def scene_8_she_signs_out_everywhere_while_a_turn_runs(cast: Cast, model: GatedModel, other_window: Person) -> None:
    sofia = cast.sofia
    other_window.sign_in("/sessions")
    with model.held():
        sofia.begin_to_say("what is in my cart?")
        model.wait_until_it_waits()
        other_window.page.get_by_role("button", name="Sign out everywhere").click()
        expect(other_window.page.get_by_role("heading", name="You are signed out everywhere.")).to_be_visible()
    turn = sofia.answered()
    expect(turn.locator(".foot")).to_have_attribute("data-state", "stopped")
    expect(turn.locator(".foot")).to_contain_text("You signed out everywhere.")
    expect(turn.locator(".goods")).to_have_count(0)
    sofia.begin_to_say("and my orders?")
    expect(sofia.notice).to_contain_text("You are signed out.")
    expect(sofia.page.get_by_role("textbox")).to_have_value("and my orders?")

    in_order(
        cast.audit(),
        ("System", "authority here ended: signed out everywhere"),
        ("refused view_cart", "signed_out"),
        ("Assistant", "the answer was stopped: signed out everywhere"),
    )
    in_order(cast.trail(cast.ada), ("Sofia Hart", "session.revoked", "ses_", "dlg_", "trn_"))


def scene_9_she_comes_back_and_resumes(cast: Cast) -> None:
    sofia = cast.sofia
    sofia.notice.get_by_role("link", name="sign in and come back").click()
    sofia.type_email()
    sofia.pick_themselves()
    expect(sofia.page).to_have_url(sofia.shop.url(f"/assistant/{cast.conversation}"))
    expect(sofia.turns.first).to_contain_text("black hoodies under 60, in L")
    for label, allowed in (("look", "true"), ("see orders", "true"), ("buy", "false")):
        expect(sofia.chip(label)).to_have_attribute("aria-pressed", allowed)
    turn = sofia.say("what is in my cart?")
    expect(turn.locator(".goods")).to_contain_text("Prompt Injection")

    in_order(
        cast.audit(),
        "authority here ended",
        ("System", "the assistant may here: browse, read", "follows dlg_", "delegation.started"),
        ("Gateway", "allowed view_cart"),
    )


def scene_10_the_auditors_open_the_link(cast: Cast) -> None:
    link = f"/audit/conversations/{cast.conversation}"
    entries = cast.audit()
    assert any("Sofia Hart" in entry for entry in entries) and any(
        "rule default.over_limit" in entry for entry in entries
    )
    cast.greta.sign_in("/audit/")
    expect(cast.greta.page.get_by_text("No conversation yet.")).to_be_visible()
    cast.greta.open(link)
    expect(cast.greta.page.get_by_role("heading", name="There is nothing here")).to_be_visible()
    assert urlsplit(cast.greta.page.url).path == link

    in_order(cast.trail(cast.ada), ("Ada Quist", f"opened the audit of {cast.conversation}", "audit.viewed"))
    assert not any("Greta" in entry for entry in cast.trail(cast.ada))
    in_order(cast.trail(cast.greta), ("Greta Olsen", f"refused the page {link}", "access.denied"))
