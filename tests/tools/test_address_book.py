"""The address book: an organization's addresses, a person's own beside them, and what an assistant may do with both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shop.store.addresses import MOST_OWN
from shop.tools.outcomes import Denied, Failed, Succeeded
from tests.support.people import GIL, MARA, SOFIA, Assistant, ShopUnderTest, Visitor
from tests.support.state import HOODIE, ONE_ENGINE, order, watching


def book(who: Visitor | Assistant) -> list[tuple[str, str, bool]]:
    """The address book as its reader is told it: name, whose, usual."""
    listed = who.call("list_addresses").for_model()["result"]["addresses"]
    return [(address["name"], address["whose"], address["usual"]) for address in listed]


OFFICE, WAREHOUSE = ("Office", "organization", True), ("Warehouse", "organization", False)


@pytest.mark.holds("I5")
def test_a_person_keeps_an_address_beside_their_organizations(shop: ShopUnderTest, sofia: Visitor) -> None:
    """It stands after the organization's, under its name in any case; saving it again replaces it; one event each."""
    with watching(shop) as seen:
        saved = sofia.call("save_address", name=" Home ", text="Elm Row 7, 20095 Hamburg")
        sofia.call("save_address", name="HOME", text="Elm Row 9, 20095 Hamburg")
    assert isinstance(saved, Succeeded)
    assert seen.changed == {"addresses"} and seen.names == ["tool_call.succeeded"] * 2
    assert seen.events[0].personal["arguments"]["text"] == "Elm Row 7, 20095 Hamburg"
    assert "Elm Row" not in str(seen.events[0].content), "an address is a personal value, beside the event"
    assert book(sofia) == [OFFICE, WAREHOUSE, ("HOME", "yours", False)]
    assert book(shop.sign_in(MARA)) == [OFFICE, WAREHOUSE], "a colleague does not see it"
    assert book(shop.sign_in(GIL)) == [OFFICE]


@pytest.mark.holds("I6", "ASI02")
def test_an_assistant_sends_to_a_saved_address_and_never_to_a_new_one(
    shop: ShopUnderTest, sofia: Visitor, assistant: Assistant
) -> None:
    """It sees the names and may use one; it can neither save nor remove one, whatever it was allowed."""
    sofia.call("save_address", name="Home", text="Elm Row 7, 20095 Hamburg")
    with watching(shop) as seen:
        refused = [
            assistant.call("save_address", name="Mine", text="Elsewhere 1"),
            assistant.call("remove_address", name="Home"),
        ]
    assert all(isinstance(o, Denied) and o.code == "not_permitted" for o in refused)
    assert seen.changed == set() and seen.names == ["tool_call.denied"] * 2
    assert book(assistant)[-1] == ("Home", "yours", False)
    assistant.call("add_to_cart", sku=HOODIE)
    waiting = assistant.call("place_order", address="home")
    placed = shop.gateway.approve(sofia.principal(), waiting.receipt_id)  # type: ignore[union-attr]
    assert isinstance(placed, Succeeded)
    number = placed.for_model()["result"]["number"]
    assert order(shop, number).address_text == "Elm Row 7, 20095 Hamburg"
    sofia.call("remove_address", name="Home")
    assert order(shop, number).address_text == "Elm Row 7, 20095 Hamburg", "an order keeps what it froze"


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "the organization's name": ("save_address", {"name": "oFFice", "text": "x"}, "Your organization has an address"),
    "a line break": ("save_address", {"name": "Home", "text": "Elm Row 7\nHamburg"}, "one line of plain text"),
    "an escape character": ("save_address", {"name": "Home\x1b[2J", "text": "x"}, "one line of plain text"),
    "text that runs backwards": ("save_address", {"name": "Home", "text": "7 \u202ewoR"}, "one line of plain text"),
    "only spaces": ("save_address", {"name": "Home", "text": "   "}, "at least 1 character"),
    "a name that is too long": ("save_address", {"name": "x" * 61, "text": "x"}, "at most 60 characters"),
    "a text that is too long": ("save_address", {"name": "Home", "text": "x" * 201}, "at most 200 characters"),
    "removing the organization's": ("remove_address", {"name": "Office"}, "only your own can be removed"),
    "removing what is not there": ("remove_address", {"name": "Moon"}, "no saved address of that name"),
}


@ONE_ENGINE
@pytest.mark.parametrize(("tool", "arguments", "says"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_an_address(
    shop: ShopUnderTest, sofia: Visitor, tool: str, arguments: dict[str, Any], says: str
) -> None:
    """It is refused with a sentence that says what to do, and nothing changes."""
    with watching(shop) as seen:
        outcome = sofia.call(tool, **arguments)
    assert isinstance(outcome, Failed) and says in outcome.message, outcome
    assert (seen.changed, seen.names) == (set(), ["tool_call.failed"])


@ONE_ENGINE
def test_the_book_has_an_end(sofia: Visitor) -> None:
    """After the most addresses of one's own, another is refused until one is removed; replacing one still works."""
    for number in range(MOST_OWN):
        assert isinstance(sofia.call("save_address", name=f"Flat {number}", text="Elm Row"), Succeeded)
    full = sofia.call("save_address", name="One more", text="Elm Row")
    assert isinstance(full, Failed) and "at most 20" in full.message
    assert isinstance(sofia.call("save_address", name="flat 3", text="Elm Row 3"), Succeeded)
    sofia.call("remove_address", name="Flat 7")
    assert isinstance(sofia.call("save_address", name="One more", text="Elm Row"), Succeeded)


@ONE_ENGINE
def test_a_restart_keeps_peoples_own_addresses(shop: ShopUnderTest, build_shop: Callable[[], ShopUnderTest]) -> None:
    """The organization's addresses are configuration and come anew at each start; people's own stay."""
    sofia = shop.sign_in(SOFIA)
    sofia.call("save_address", name="Home", text="Elm Row 7, 20095 Hamburg")
    build_shop()
    assert book(sofia) == [OFFICE, WAREHOUSE, ("Home", "yours", False)]
