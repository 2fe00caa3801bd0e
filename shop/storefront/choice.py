"""Which variant of a product an address means, and what else there is when that one is sold out. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from shop.tools.views.goods import ProductView, VariantView

ONE_SIZE = "one size"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The variant that picture, price and stock follow, between its neighbours."""

    variant: VariantView
    of_colour: list[VariantView]
    """Every size of the chosen colour."""
    other_sizes: list[VariantView]
    """The same colour in sizes that can be bought."""
    other_colours: list[VariantView]
    """The same size in colours that can be bought."""

    @property
    def has_sizes(self) -> bool:
        """Whether there is anything to choose between."""
        return len(self.of_colour) > 1 or self.variant.size != ONE_SIZE


def choose(product: ProductView, colour: str | None, size: str | None) -> Choice:
    """What was asked for, as far as it exists; for the rest what can be bought, in the catalogue's order."""
    variants = product.variants
    of_colour = [v for v in variants if v.colour == colour]
    if not of_colour:
        of_size = [v for v in variants if v.size == size] or variants
        first = next((v for v in of_size if v.in_stock), of_size[0])
        of_colour = [v for v in variants if v.colour == first.colour]
    ready = next((v for v in of_colour if v.in_stock), of_colour[0])
    variant = next((v for v in of_colour if v.size == size), ready)
    return Choice(
        variant=variant,
        of_colour=of_colour,
        other_sizes=[v for v in of_colour if v.in_stock and v.sku != variant.sku],
        other_colours=[v for v in variants if v.in_stock and v.size == variant.size and v.colour != variant.colour],
    )
