"""Reading a page as a person does: what it says, and what its forms carry."""

from __future__ import annotations

import html
import re

from werkzeug.test import TestResponse

from tests.support.people import Visitor


def said(page: TestResponse) -> str:
    """What a page says in its middle, without its tags."""
    main = page.text.partition("<main")[2].partition("</main>")[0] or page.text
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", main)).split())


def flashed(page: TestResponse) -> str:
    """What a page says about what was just done."""
    flashes = page.text.partition('id="flashes"')[2].partition("<main")[0]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", flashes.partition(">")[2])).split())


def links(page: TestResponse) -> set[str]:
    """Where a page leads."""
    return {html.unescape(href) for href in re.findall(r'href="([^"]*)"', page.text)}


def names(page: TestResponse) -> list[str]:
    """The products on a page's shelf, in order; those beside it are left out."""
    shelf = page.text.partition('class="goods-found"')[2].partition('class="related"')[0]
    return [html.unescape(name) for name in re.findall(r"<h3>([^<]+)</h3>", shelf)]


def pins_of(page: TestResponse) -> str:
    """The pins in the checkout page's form."""
    found = re.search(r'name="seen" value="([^"]*)"', page.text)
    assert found, page.text
    return html.unescape(found.group(1))


def checkout_page(visitor: Visitor) -> tuple[TestResponse, str]:
    """The checkout page, and the pins in its form."""
    page = visitor.get("/checkout")
    return page, pins_of(page)
