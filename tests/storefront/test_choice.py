"""Which variant a product's address means, for every address that somebody could have."""

from __future__ import annotations

import pytest

from shop.storefront.choice import choose
from shop.tools.views.amounts import money
from shop.tools.views.goods import ProductView, VariantView


def product(*variants: tuple[str, str, int]) -> ProductView:
    """A product of these (colour, size, stock)."""
    views = [
        VariantView(sku=f"{c}-{s}", colour=c, size=s, price=money(1000), in_stock=n > 0, stock=n)
        for c, s, n in variants
    ]
    return ProductView(
        product="thing",
        name="Thing",
        category="things",
        tagline="",
        colours=list(dict.fromkeys(v.colour for v in views)),
        sizes=list(dict.fromkeys(v.size for v in views)),
        price=money(1000),
        variants=views,
        picture="/pictures/thing/black.svg",
        page="/products/thing",
    )


TEE = product(
    ("black", "S", 0), ("black", "M", 5), ("ink", "M", 3), ("ink", "L", 0), ("rust", "S", 0), ("rust", "L", 1)
)
MUG = product(("bone", "one size", 4), ("ink", "one size", 0))
GONE = product(("black", "S", 0), ("black", "M", 0))

CHOICES = [
    (TEE, None, None, "black-M"),
    (TEE, "ink", None, "ink-M"),
    (TEE, "ink", "L", "ink-L"),
    (TEE, "ink", "S", "ink-M"),
    (TEE, None, "L", "rust-L"),
    (TEE, "green", "XXXL", "black-M"),
    (TEE, "", "", "black-M"),
    (TEE, "BLACK", "m", "black-M"),
    (MUG, None, None, "bone-one size"),
    (MUG, "ink", "one size", "ink-one size"),
    (GONE, None, None, "black-S"),
    (GONE, "black", "M", "black-M"),
]


@pytest.mark.parametrize(("of", "colour", "size", "sku"), CHOICES)
def test_as_asked_as_far_as_it_exists_then_what_can_be_bought(
    of: ProductView, colour: str | None, size: str | None, sku: str
) -> None:
    """A colour and size that exist are shown, also sold out; what does not exist gives way to what is in stock."""
    assert choose(of, colour, size).variant.sku == sku


def test_what_there_is_instead() -> None:
    """Beside a sold-out variant stand its colour in other sizes and its size in other colours, only what can be bought."""
    choice = choose(TEE, "ink", "L")
    assert [v.sku for v in choice.other_sizes] == ["ink-M"]
    assert [v.sku for v in choice.other_colours] == ["rust-L"]
    assert choose(TEE, None, None).has_sizes and not choose(MUG, None, None).has_sizes
    assert choose(GONE, None, None).other_sizes == choose(GONE, None, None).other_colours == []
