"""What each tool does when it is allowed, as the model is told it: names and shapes are a contract."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shop.authorization.permissions import Permission
from shop.principal import CONSENTABLE
from shop.tools.outcomes import Failed, Succeeded
from shop.tools.registry import TOOLS
from tests.support.people import MARA, NOAH, Assistant, ShopUnderTest, Visitor
from tests.support.state import HOODIE, ONE_ENGINE, OWN_ORDER, SOLD_OUT, TEE

LINE = {"sku", "product", "name", "colour", "size", "quantity", "unit_price", "line_total", "picture"}
CART = {"lines", "items", "delivery", "total", "address", "addresses", "added", "skipped"}
ORDER = {
    "number",
    "status",
    "placed_at",
    "lines",
    "delivery",
    "total",
    "address",
    "placed_by",
    "can_cancel",
    "cancel_until",
    "timeline",
}
PRODUCT = {
    "product",
    "name",
    "category",
    "tagline",
    "description",
    "colours",
    "sizes",
    "price",
    "variants",
    "picture",
    "page",
}
VARIANT = {"sku", "colour", "size", "price", "in_stock", "stock"}


def told(assistant: Assistant | Visitor, tool: str, **arguments: Any) -> Any:
    """The result of a call that succeeds, as JSON."""
    outcome = assistant.call(tool, **arguments)
    assert isinstance(outcome, Succeeded), outcome
    return json.loads(json.dumps(outcome.for_model()))["result"]


def test_search_products(assistant: Assistant) -> None:
    """The story's search: matching products with only their matching variants, no stock, no description."""
    found = told(
        assistant, "search_products", query="hoodies", colour="black", size="L", max_price=6000, in_stock=True, limit=2
    )
    assert found["count"] == 3 and [p["name"] for p in found["products"]] == ["Unauthorized", "Long Context"]
    assert found["products"][1] == {
        "product": "long-context-hoodie",
        "name": "Long Context",
        "category": "hoodies",
        "tagline": "Roomy. Still remembers the beginning of the meeting.",
        "description": None,
        "colours": ["black"],
        "sizes": ["L"],
        "price": {"minor": 5800, "text": "€58.00"},
        "variants": [
            {
                "sku": HOODIE,
                "colour": "black",
                "size": "L",
                "price": {"minor": 5800, "text": "€58.00"},
                "in_stock": True,
                "stock": None,
            }
        ],
        "picture": "/pictures/long-context-hoodie/black.svg",
        "page": "/products/long-context-hoodie",
    }


@ONE_ENGINE
def test_search_leaves_out_what_is_sold_out_unless_asked(assistant: Assistant) -> None:
    """`in_stock` is the default; without it, a sold-out variant is found and says so."""
    ink = {"query": "context tee", "colour": "ink", "size": "XL"}
    nothing = told(assistant, "search_products", **ink)
    assert (nothing["count"], nothing["count_is_exact"], nothing["products"]) == (0, True, [])
    wanted = {"category": "tees", "max_price": 5000, "in_stock": False, "limit": 2}
    second = told(assistant, "search_products", **wanted, offset=2)
    assert second["search"] == wanted, "the same with another offset are other matches"
    assert told(assistant, "search_products")["search"] == {}
    (found,) = told(assistant, "search_products", **ink, in_stock=False)["products"]
    assert [(v["sku"], v["in_stock"]) for v in found["variants"]] == [(SOLD_OUT, False)]


def test_search_leaves_out_what_is_not_wanted(assistant: Assistant) -> None:
    """`without` takes categories, colours and words of a name; a product's unwanted colours are not shown either."""
    found = told(
        assistant, "search_products", max_price=1500, without=["stickers", "pads", "black", "key pair"], limit=12
    )
    assert found["products"] and not {p["category"] for p in found["products"]} & {"stickers"}
    assert not {v["colour"] for p in found["products"] for v in p["variants"]} & {"black"}
    assert "Key Pair" not in {p["name"] for p in found["products"]}


@ONE_ENGINE
def test_get_product_by_name(assistant: Assistant) -> None:
    """By its name as a person says it: description and stock come with it, all variants too."""
    for said in ("the context tee", "Context Tee", "context-tee"):
        tee = told(assistant, "get_product", product=said)
        assert tee["product"] == "context-tee" and tee["description"].startswith("A proper T-shirt")
        assert len(tee["variants"]) == 16
        assert next(v for v in tee["variants"] if v["sku"] == TEE)["stock"] == 7


@ONE_ENGINE
def test_the_cart(assistant: Assistant) -> None:
    """Empty, filled, more of it, changed, and a line taken out: totals are the shop's, and `added` says what came in."""
    empty = told(assistant, "view_cart")
    assert (empty["lines"], empty["items"], empty["total"]["minor"], empty["added"]) == ([], 0, 0, None)
    assert [a["name"] for a in empty["addresses"]] == ["Office", "Warehouse"] and empty["address"]["name"] == "Office"
    added = told(assistant, "add_to_cart", sku=HOODIE)
    assert added["added"] == {"sku": HOODIE, "name": "Long Context", "colour": "black", "size": "L", "quantity": 1}
    told(assistant, "add_to_cart", sku=f"  {HOODIE.upper()} ", quantity=2)
    cart = told(assistant, "add_to_cart", sku=TEE)
    assert [(line["sku"], line["quantity"], line["line_total"]["text"]) for line in cart["lines"]] == [
        (HOODIE, 3, "€174.00"),
        (TEE, 1, "€24.00"),
    ]
    assert (cart["items"], cart["total"]["text"]) == (4, "€198.00")
    assert told(assistant, "update_cart", sku=HOODIE, quantity=1)["total"]["minor"] == 8200
    assert [line["sku"] for line in told(assistant, "update_cart", sku=HOODIE, quantity=0)["lines"]] == [TEE]
    assert told(assistant, "view_cart")["items"] == 1


@ONE_ENGINE
def test_a_product_with_what_is_known_of_it(assistant: Assistant) -> None:
    """One variant that fits is put in; several are told, so that the model asks; none says what there is instead."""
    bone = {"product": "Long Context", "colour": "Bone", "size": "m"}
    assert told(assistant, "add_to_cart", **bone, quantity=2)["added"]["sku"] == "long-context-hoodie-bone-m"
    assert told(assistant, "add_to_cart", product="Bearer", colour="navy", size="")["added"]["name"] == "Bearer"
    refused = {
        "choice_needed": {"product": "Bearer"},
        "out_of_stock": {**bone, "quantity": 2},
        "not_found": {"product": "context-tee", "colour": "pink", "size": "M"},
    }
    messages = {}
    for code, arguments in refused.items():
        outcome = assistant.propose("add_to_cart", arguments)
        assert isinstance(outcome, Failed) and outcome.code == code
        assert outcome.for_model()["message"] == outcome.message
        messages[code] = outcome.message
    assert messages["choice_needed"] == "Bearer is in stock in bone, black, navy. Which one shall it be?"
    assert messages["out_of_stock"].startswith("Only 3 left")
    assert messages["not_found"].startswith("The Context Tee does not come in pink, M. The Context Tee is in stock in ")
    for several in ({}, {"sku": HOODIE, "product": "context-tee"}, {"sku": HOODIE, "size": "L"}, {"colour": "ink"}):
        outcome = assistant.propose("add_to_cart", several)
        assert isinstance(outcome, Failed) and "give either `sku`" in outcome.message


@ONE_ENGINE
@pytest.mark.holds("LLM02", "ASVS-8.2.3", "I12")
def test_results_hold_only_what_they_declare(shop: ShopUnderTest, sofia: Visitor, assistant: Assistant) -> None:
    """Field by field, nothing but the contract; and nowhere a person's id, e-mail, organization, session or cart."""
    told(assistant, "add_to_cart", sku=HOODIE)
    results = {
        "search": told(assistant, "search_products"),
        "product": told(assistant, "get_product", product="Bearer"),
        "cart": told(assistant, "view_cart"),
        "orders": told(assistant, "list_orders"),
        "order": told(assistant, "get_order", number=OWN_ORDER),
        "access": told(assistant, "what_may_i_do"),
        "addresses": told(assistant, "list_addresses"),
        "compared": told(assistant, "compare_products", products=["Bearer", "Long Context"]),
    }
    assert set(results["cart"]) == CART and set(results["cart"]["lines"][0]) == LINE
    assert set(results["order"]) == ORDER and set(results["order"]["lines"][0]) == LINE
    assert set(results["order"]["address"]) == {"name", "text"}
    assert set(results["product"]) == PRODUCT and set(results["product"]["variants"][0]) == VARIANT
    assert all(v["stock"] is None for p in results["search"]["products"] for v in p["variants"])
    assert set(results["access"]) == {"person", "roles", "order_limit", "workflows", "paused", "refusals", "seen_by"}
    assert set(results["addresses"]["addresses"][0]) == {"name", "text", "whose", "usual"}
    assert set(results["compared"]) == {"products", "rows"} and set(results["compared"]["products"][0]) == PRODUCT
    assert set(results["search"]) == {"count", "count_is_exact", "products", "search", "corrected_query", "offset"}
    person, text = sofia.principal(), json.dumps(results).lower()
    secrets = (person.subject, person.organization, person.membership, person.session, assistant.principal.delegation)
    for secret in (*secrets, "sofia", "hart", "acme.example", "usr_", "org_", "crt_", "adr_"):
        assert str(secret).lower() not in text, secret


@ONE_ENGINE
def test_orders(assistant: Assistant) -> None:
    """The list is short and one's own, and an order is told in full, by its number in any case."""
    assert told(assistant, "list_orders", limit=1) == {
        "count": 1,
        "orders": [
            {
                "number": OWN_ORDER,
                "placed_at": told(assistant, "get_order", number=OWN_ORDER)["placed_at"],
                "status": "delivered",
                "total": {"minor": 2400, "text": "€24.00"},
                "items": 1,
                "summary": "1 × The Context Tee",
                "picture": "/pictures/context-tee/ink.svg",
            }
        ],
        "whose": "own",
    }
    order = told(assistant, "get_order", number=f" {OWN_ORDER.lower()} ")
    assert (order["number"], order["placed_by"], order["can_cancel"]) == (OWN_ORDER, "you", False)


@ONE_ENGINE
@pytest.mark.holds("I6", "I7")
def test_placing_and_cancelling_by_a_persons_click(shop: ShopUnderTest, sofia: Visitor) -> None:
    """A click with the pin of what was shown places the order; so does the one that cancels it."""
    sofia.call("add_to_cart", sku=HOODIE)
    shown = shop.gateway.show(sofia.principal(), "place_order", {})
    assert isinstance(shown, tuple) and shown[0].total is not None and shown[0].total.amount == "€58.00"
    placed = sofia.call("place_order", shown[1])
    assert isinstance(placed, Succeeded)
    order = placed.for_model()["result"]
    assert (order["status"], order["placed_by"], order["can_cancel"]) == ("pending", "you", True)
    cancelling = shop.gateway.show(sofia.principal(), "cancel_order", {"number": order["number"]})
    assert isinstance(cancelling, tuple)
    cancelled = sofia.call("cancel_order", cancelling[1], number=order["number"])
    assert isinstance(cancelled, Succeeded) and cancelled.for_model()["result"]["status"] == "cancelled"


@ONE_ENGINE
def test_what_may_i_do(shop: ShopUnderTest, sofia: Visitor) -> None:
    """Roles and limit of the person, workflows of this conversation, and its latest three refusals, latest first."""
    assistant = sofia.assistant()
    for tool, arguments in (
        ("add_to_cart", {"sku": HOODIE}),
        ("get_order", {"number": "CC-000000"}),
        ("get_product", {"product": "nothing"}),
        ("drop_tables", {}),
    ):
        assistant.propose(tool, arguments)
    access = told(assistant, "what_may_i_do")
    assert (access["roles"], access["order_limit"]["text"], access["paused"]) == (["buyer"], "€200.00", False)
    assert {w["workflow"]: w["allowed"] for w in access["workflows"]} == {
        "browse": True,
        "read": True,
        "transact": False,
    }
    can_be_allowed = [name for name, tool in TOOLS.items() if tool.workflow in CONSENTABLE]
    assert sorted(name for w in access["workflows"] for name in w["tools"]) == sorted(can_be_allowed)
    assert access["seen_by"] == ["you", "your organization's auditors"]
    assert [(r["tool"], r["code"]) for r in access["refusals"]] == [
        ("unknown", "unknown_tool"),
        ("get_product", "not_found"),
        ("get_order", "not_found"),
    ]
    assert told(shop.sign_in(NOAH), "what_may_i_do")["order_limit"] is None
    assert told(shop.sign_in(MARA), "what_may_i_do")["order_limit"]["text"] == "€2,000.00"


def test_every_tool_asks_for_a_permission_of_its_own_kind() -> None:
    """Reading tools ask to read; nothing is guarded by a weaker permission than its name says."""
    assert {name: tool.permission for name, tool in TOOLS.items()} == {
        "search_products": Permission.CATALOGUE_READ,
        "get_product": Permission.CATALOGUE_READ,
        "compare_products": Permission.CATALOGUE_READ,
        "list_addresses": Permission.ADDRESSES_READ,
        "view_cart": Permission.CART_READ,
        "list_orders": Permission.ORDERS_READ,
        "get_order": Permission.ORDERS_READ,
        "what_may_i_do": Permission.ACCESS_EXPLAIN,
        "check_approval": Permission.APPROVALS_READ,
        "add_to_cart": Permission.CART_WRITE,
        "update_cart": Permission.CART_WRITE,
        "place_order": Permission.ORDERS_PLACE,
        "cancel_order": Permission.ORDERS_CANCEL,
        "reorder": Permission.ORDERS_REORDER,
        "undo_cart_change": Permission.CART_WRITE,
        "save_address": Permission.ADDRESSES_WRITE,
        "remove_address": Permission.ADDRESSES_WRITE,
    }
