"""Context & Co.: a shop whose customer is a chat assistant, with enterprise authentication embedded in it.

To understand the whole idea, read `shop/tools/gateway.py` first; to follow a request, start at `application.py` (what a
running shop is set up from) and `access.py`. This module stays light, because a companion is a program of its own that
happens to live below it, and should not load the shop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flask import Flask

    from shop.settings import Settings


def create_app(settings: Settings | None = None, **parts: Any) -> Flask:
    """Build the WSGI application: see `shop.application.create_app`."""
    from shop.application import create_app as build

    return build(settings, **parts)
