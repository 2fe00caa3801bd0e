"""What may be told of what the person and the assistant may do here."""

from __future__ import annotations

from shop.tools.tool import Result
from shop.tools.views.amounts import Money


class WorkflowView(Result):
    """A workflow, whether it is allowed here, and the tools in it."""

    workflow: str
    allowed: bool
    means: str
    tools: list[str]


class RefusalView(Result):
    """A refusal in this conversation, as coarse as it was told when it happened."""

    tool: str
    code: str
    message: str


class AccessView(Result):
    """What the person may do, what of it the assistant may do here, and what was refused lately."""

    person: str
    roles: list[str]
    order_limit: Money | None
    workflows: list[WorkflowView]
    paused: bool
    refusals: list[RefusalView]
    seen_by: list[str]
    """Who can read this conversation, in words."""
