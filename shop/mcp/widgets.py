"""Widgets on the wire: resources `ui://context-and-co/<name>.html`, and what a tool says of the one that shows its result.

MCP Apps (revision 2026-01-26), each field with the alias that OpenAI's hosts read. A host that knows neither sees resources
that it does not ask for, and `_meta` that it ignores.
"""

from __future__ import annotations

from typing import Any

from mcp_types import ReadResourceResult, Resource, TextResourceContents

from shop.tools.presentation import Widget
from shop.tools.results.widgets import CALLED_BY_WIDGETS, OF_TOOLS, WIDGETS, document

MIME_TYPE = "text/html;profile=mcp-app"
_BASE = "ui://context-and-co/"


def of_tool(name: str) -> dict[str, Any]:
    """What a tool's `_meta` says about widgets: whether code in one may call it, which one shows its result, and what a host
    writes until it does.
    """
    may_be_called = name in CALLED_BY_WIDGETS
    ui: dict[str, Any] = {"visibility": ["model", "app"] if may_be_called else ["model"]}
    meta: dict[str, Any] = {"ui": ui, "openai/widgetAccessible": may_be_called}
    if shown := OF_TOOLS.get(name):
        ui["resourceUri"] = meta["openai/outputTemplate"] = _uri(shown.widget)
        meta["openai/toolInvocation/invoking"] = shown.running
        meta["openai/toolInvocation/invoked"] = shown.done
    return meta


def resources(base_url: str) -> list[Resource]:
    """Every widget, as a resource."""
    return [
        Resource(
            uri=_uri(widget),
            name=f"widget-{widget.name}",
            title=f"Widget: {widget.title}",
            description=widget.description,
            mime_type=MIME_TYPE,
            _meta=_meta(widget, base_url),
        )
        for widget in WIDGETS.values()
    ]


def read(uri: str, base_url: str) -> ReadResourceResult | None:
    """A widget's document; None when the address is not one of a widget. It is the same for everybody, so no gateway is passed."""
    widget = next((widget for widget in WIDGETS.values() if _uri(widget) == uri), None)
    if widget is None:
        return None
    content = TextResourceContents(
        uri=uri, mime_type=MIME_TYPE, text=document(widget.name, base_url), _meta=_meta(widget, base_url)
    )
    return ReadResourceResult(contents=[content], ttl_ms=300_000, cache_scope="public")


def _uri(widget: Widget) -> str:
    return f"{_BASE}{widget.name}.html"


def _meta(widget: Widget, base_url: str) -> dict[str, Any]:
    """A widget connects to nothing, frames nothing, and loads nothing but the shop's pictures and typefaces."""
    return {
        "ui": {
            "csp": {"connectDomains": [], "resourceDomains": [base_url], "frameDomains": []},
            "prefersBorder": True,
        },
        "openai/widgetCSP": {"connect_domains": [], "resource_domains": [base_url], "frame_domains": []},
        "openai/widgetDescription": widget.description,
        "openai/widgetPrefersBorder": True,
    }
