"""A tool of the registry as MCP describes it: both schemas derived from its types, its nature as hints, who may call it.

Only workflows that a person can consent to are shown: nothing else can be allowed to an assistant.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import mcp_types
from pydantic import TypeAdapter

from shop.mcp import widgets
from shop.principal import CONSENTABLE, Workflow
from shop.tools.registry import TOOLS
from shop.tools.results.for_hosts import Waiting
from shop.tools.results.for_model import SHORTENED
from shop.tools.tool import Tool


class SecuredTool(mcp_types.Tool):
    """A tool with `securitySchemes` at its top level, where newer hosts look; older ones look into its `_meta`."""

    security_schemes: list[dict[str, Any]]


class SecuredTools(mcp_types.ListToolsResult):
    """A list of them."""

    tools: list[SecuredTool]  # type: ignore[assignment] # narrower, so that the added field is written


@cache
def of_tools(*, anonymous: bool) -> SecuredTools:
    """All tools that an assistant can be allowed. `anonymous`: whether *browse* needs no token here."""
    tools = [_definition(tool, anonymous) for tool in TOOLS.values() if tool.workflow in CONSENTABLE]
    return SecuredTools(tools=tools, ttl_ms=300_000, cache_scope="private")


def _definition(tool: Tool, anonymous: bool) -> SecuredTool:
    token: dict[str, Any] = {"type": "oauth2", "scopes": [str(tool.workflow)]}
    schemes = [{"type": "noauth"}, token] if anonymous and tool.workflow is Workflow.BROWSE else [token]
    waits = (
        " It does not happen at once: the answer says where the person confirms it." if tool.must_be_confirmed else ""
    )
    return SecuredTool(
        name=tool.name,
        title=tool.title,
        description=tool.description + waits,
        input_schema=tool.schema(),
        output_schema=_output_schema(tool),
        annotations=mcp_types.ToolAnnotations(
            title=tool.title,
            read_only_hint=tool.read_only,
            destructive_hint=tool.destructive,
            idempotent_hint=tool.idempotent,
            open_world_hint=False,
        ),
        security_schemes=schemes,
        _meta={"securitySchemes": schemes, **widgets.of_tool(tool.name)},
    )


def _output_schema(tool: Tool) -> dict[str, Any]:
    """The result, or that it waits; and the sentence about what was left out."""
    told: Any = tool.result | Waiting if tool.must_be_confirmed else tool.result
    schema = TypeAdapter(told).json_schema(mode="serialization")
    result = schema["$defs"][tool.result.__name__] if tool.must_be_confirmed else schema
    result["properties"][SHORTENED] = {"type": "string", "description": "What was left out to keep this short."}
    return {"type": "object", **schema}
