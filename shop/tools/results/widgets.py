"""Widgets: what hosts of assistants show a tool's result as, in a frame of their own (MCP Apps).

Each is one document with everything inside but the shop's typefaces, which are fetched from the shop. It is the same for
everybody: the result comes to it through its host, and what it wants done is a call of the assistant that its host passes on.
A widget has no authority, and no way to the shop but that.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from shop.settings import ROOT

_PARTS = Environment(loader=FileSystemLoader(ROOT / "templates" / "mcp"), autoescape=True, undefined=StrictUndefined)


@dataclass(frozen=True, kw_only=True)
class Widget:
    """One document, and the tools whose results it shows."""

    name: str
    title: str
    description: str
    """For a model: what its person sees, so that it does not say the same in words."""
    tools: tuple[str, ...]
    scripts: tuple[str, ...]


WIDGETS = {
    widget.name: widget
    for widget in (
        Widget(
            name="products",
            title="Products",
            description="A grid of the products that were found, with pictures and prices. Do not list them again.",
            tools=("search_products",),
            scripts=("in_words.js", "choice.js", "products.js"),
        ),
        Widget(
            name="product",
            title="A product",
            description="A product in full, with a choice of colour and size, which the person can put into the cart.",
            tools=("get_product",),
            scripts=("in_words.js", "choice.js", "product.js"),
        ),
        Widget(
            name="comparison",
            title="Products side by side",
            description="A table of two to four products with their prices, colours, sizes and stock. Do not repeat it.",
            tools=("compare_products",),
            scripts=("in_words.js", "choice.js", "comparison.js"),
        ),
        Widget(
            name="cart",
            title="The cart",
            description="The cart as it stands, with prices; the person can change the quantities.",
            tools=("view_cart", "add_to_cart", "update_cart"),
            scripts=("in_words.js", "lines.js", "cart.js"),
        ),
        Widget(
            name="order",
            title="An order",
            description="An order with its status, or that it waits until the person confirms it on the shop's page.",
            tools=("place_order", "get_order"),
            scripts=("lines.js", "order.js"),
        ),
    )
}
OF_TOOLS = {tool: widget for widget in WIDGETS.values() for tool in widget.tools}
CALLED_BY_WIDGETS = frozenset(
    {
        "search_products",
        "get_product",
        "compare_products",
        "view_cart",
        "add_to_cart",
        "update_cart",
        "get_order",
        "check_approval",
    }
)
"""What code in a widget may ask its host to call. Nothing that a human must confirm: that is asked for in the conversation."""


class NotForWidgets(Exception):
    """Code in a widget asked for a tool that it may not call."""


def require_widget_tool(name: str) -> None:
    """Raises `NotForWidgets` for a tool that code in a widget may not call."""
    if name not in CALLED_BY_WIDGETS:
        raise NotForWidgets(name)


@cache
def document(name: str, base_url: str) -> str:
    """A widget's whole document, for the shop at this address. Raises `KeyError` for one that there is not."""
    return _PARTS.get_template("widget.html").render(widget=WIDGETS[name], shop=base_url)
