"""Widgets: what hosts of assistants show a tool's result as, in a frame of their own (MCP Apps).

Each is one document with everything inside but the shop's typefaces, which are fetched from the shop. It is the same for
everybody: the result comes to it through its host, and what it wants done is a call of the assistant that its host passes on.
A widget has no authority, and no way to the shop but that.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from shop.settings import ROOT
from shop.tools.presentation import InWidget, Widget
from shop.tools.registry import TOOLS

_PARTS = Environment(loader=FileSystemLoader(ROOT / "templates" / "mcp"), autoescape=True, undefined=StrictUndefined)


OF_TOOLS: Mapping[str, InWidget] = {
    tool.name: tool.presentation.in_widget for tool in TOOLS.values() if tool.presentation.in_widget
}
"""By tool: the widget that shows its result."""
WIDGETS: Mapping[str, Widget] = {shown.widget.name: shown.widget for shown in OF_TOOLS.values()}
CALLED_BY_WIDGETS = frozenset(tool.name for tool in TOOLS.values() if tool.presentation.widgets_may_call)
"""What code in a widget may ask its host to call."""


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
