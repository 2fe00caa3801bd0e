"""The widgets: documents in which hosts of assistants show a result. `results/widgets.py` builds them."""

from __future__ import annotations

from shop.tools.presentation import Widget

PRODUCTS = Widget(
    name="products",
    title="Products",
    description="A grid of the products that were found, with pictures and prices. Do not list them again.",
    scripts=("in_words.js", "choice.js", "products.js"),
)
PRODUCT = Widget(
    name="product",
    title="A product",
    description="A product in full, with a choice of colour and size, which the person can put into the cart.",
    scripts=("in_words.js", "choice.js", "product.js"),
)
COMPARISON = Widget(
    name="comparison",
    title="Products side by side",
    description="A table of two to four products with their prices, colours, sizes and stock. Do not repeat it.",
    scripts=("in_words.js", "choice.js", "comparison.js"),
)
CART = Widget(
    name="cart",
    title="The cart",
    description="The cart as it stands, with prices; the person can change the quantities.",
    scripts=("in_words.js", "lines.js", "cart.js"),
)
ORDER = Widget(
    name="order",
    title="An order",
    description="An order with its status, or that it waits until the person confirms it on the shop's page.",
    scripts=("lines.js", "order.js"),
)
