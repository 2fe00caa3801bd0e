"""A call's result as hosts of assistants take it (MCP `CallToolResult`): structured, and the same as text.

What an external assistant gets over `/mcp` and what the shop's own chat hands to a widget are made here, so they are the same.
"""

from __future__ import annotations

from typing import Any, Literal

from mcp_types import CallToolResult, TextContent
from pydantic import Field

from shop.tools.results.for_model import as_text, for_host
from shop.tools.tool import Result


class Waiting(Result):
    """The answer of a call that waits for its person."""

    waiting_for: Literal["approval"] = "approval"
    approval: str = Field(description="What to ask about later.")
    approve_at: str = Field(description="The shop's page on which the person decides. Give it to them.")
    dismissed: bool = False
    """The client was asked to open the page, and says that its person closed the question (elicitation `cancel` or `decline`)."""
    message: str


_WAITS = (
    "Nothing has happened yet. Give the person the link: they sign in there and decide. Then ask `check_approval`, or make "
    "the same call again."
)
_DISMISSED = (
    "The person closed the question without opening the shop's page. Nothing has happened, and it still waits. Do not ask "
    "again at once: give them the link, and say that they can decide there or leave it."
)


def succeeded(result: dict[str, Any], base_url: str) -> CallToolResult:
    """What a tool returned, as the model gets it (`result` of `Succeeded.for_model`)."""
    return _result(for_host(result, base_url))


def waiting(receipt: str, base_url: str, *, dismissed: bool = False) -> CallToolResult:
    """That nothing has happened yet, and where the person decides. The link carries no authority."""
    answer = Waiting(
        approval=receipt,
        approve_at=approval_page(receipt, base_url),
        dismissed=dismissed,
        message=_DISMISSED if dismissed else _WAITS,
    )
    return _result(answer.model_dump(mode="json"))


def error(content: dict[str, Any]) -> CallToolResult:
    """That it was refused or could not be done; `content` is what the caller may know of it."""
    return _result(content, is_error=True)


def approval_page(receipt: str, base_url: str) -> str:
    """The shop's page on which a person decides a receipt."""
    return f"{base_url}/approvals/{receipt}"


def _result(content: dict[str, Any], *, is_error: bool = False) -> CallToolResult:
    """The content, structured and as text."""
    return CallToolResult(content=[TextContent(text=as_text(content))], structured_content=content, is_error=is_error)
