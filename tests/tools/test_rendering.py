"""Results as models read them: short, honest about what is missing, and as text."""

from __future__ import annotations

import json
from typing import Any

from shop.tools.results.for_model import MOST_BYTES, as_text, for_host, shortened, size

MONEY = {"minor": 5800, "text": "€58.00"}


def products(count: int, variants: int) -> dict[str, Any]:
    """A list of products, each with so many variants."""
    each = [
        {"sku": f"a-hoodie-black-{n}", "size": str(n), "price": dict(MONEY), "stock": None} for n in range(variants)
    ]
    return {"count": count, "products": [{"name": f"Hoodie {n}", "variants": list(each)} for n in range(count)]}


def test_what_fits_is_left_alone() -> None:
    """A short result has no word about shortening."""
    content = products(2, 3)
    assert shortened(json.loads(json.dumps(content))) == content


def test_inner_lists_are_cut_before_items_are_left_out() -> None:
    """Two examples of each inner list stay as long as possible; the sentence counts what is there and what there was."""
    cut = shortened(products(6, 20))
    assert size(cut) <= MOST_BYTES + 200 and len(cut["products"]) == 6
    kept = sum(len(product["variants"]) for product in cut["products"])
    assert f"{kept} of 120 variants" in cut["shortened"] and "products" not in cut["shortened"]
    many = shortened(products(60, 20))
    assert all(len(product["variants"]) == 2 for product in many["products"])
    assert f"{len(many['products'])} of 60 products" in many["shortened"]


def test_a_single_thing_is_never_cut_away() -> None:
    """What cannot be cut stays as it is, however long."""
    assert shortened({"description": "x" * 9000}) == {"description": "x" * 9000}
    assert len(shortened({"lines": [{"name": "x" * 9000}, {"name": "y"}]})["lines"]) == 1


def test_text_says_the_same_in_lines() -> None:
    """Amounts as people read them, yes and no, nothing for what is empty, one line for a thing in a list."""
    text = as_text(
        {
            "total": MONEY,
            "in_stock": True,
            "note": None,
            "sizes": ["M", "L"],
            "none": [],
            "address": {"name": "Office", "more": {}},
            "lines": [{"name": "Long Context", "price": MONEY, "variants": [{"sku": "a"}]}, "plain"],
        }
    )
    assert text.splitlines() == [
        "total: €58.00",
        "in stock: yes",
        "sizes: M, L",
        "address:",
        "  name: Office",
        "lines:",
        "- name Long Context, price €58.00",
        "  variants:",
        "  - sku a",
        "- plain",
    ]


def test_addresses_are_whole() -> None:
    """A host knows only its own addresses: paths of pages and pictures get ours in front, other text does not."""
    content = {"page": "/products/a", "items": [{"picture": "/pictures/a.svg", "name": "/x"}]}
    assert for_host(content, "https://shop.example") == {
        "page": "https://shop.example/products/a",
        "items": [{"picture": "https://shop.example/pictures/a.svg", "name": "/x"}],
    }
