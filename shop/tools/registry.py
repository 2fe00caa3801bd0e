"""All tools there are, by name. A tool that is not in one of the workflow modules does not exist."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from shop.tools.tool import Tool
from shop.tools.workflows import administer, approval, browse, change_cart, read, transact


class UnknownTool(Exception):
    """Nothing here has that name; the message lists what there is."""


TOOLS: Mapping[str, Tool] = MappingProxyType(
    {
        value.name: value
        for module in (browse, read, change_cart, transact, approval, administer)
        for value in vars(module).values()
        if isinstance(value, Tool)
    }
)


def find(name: str) -> Tool:
    """Step 1 of the gateway. Raises `UnknownTool`."""
    tool = TOOLS.get(name)
    if tool is None:
        raise UnknownTool(f"There is no tool {name[:60]!r}. There are: {', '.join(TOOLS)}.")
    return tool


def risky_tools() -> dict[str, dict[str, str]]:
    """Workflow → name → title of the tools in it that cannot be undone: what a person's consent has to name."""
    found: dict[str, dict[str, str]] = {}
    for tool in TOOLS.values():
        if tool.destructive:
            found.setdefault(tool.workflow, {})[tool.name] = tool.title
    return found
