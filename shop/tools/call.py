"""A call on its way through the gateway, and the pin of what a human was shown."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from shop.audit.chain import canonical, digest
from shop.conversations import external
from shop.conversations.external import HostConversation
from shop.principal import Principal
from shop.tools.tool import Arguments, Shown, Tool


@dataclass(frozen=True, kw_only=True)
class Call:
    """One invocation, with its own id."""

    id: str
    principal: Principal
    name: str
    arguments: object
    turn: str | None = None
    seen: str | None = None
    """Of a person's click: the pin of what they were shown."""
    receipt: str | None = None
    """Of an approved call: the receipt that a human confirmed."""
    retry_of: str | None = None
    """Of an external assistant's retry: the receipt that it got for this call before."""
    from_widget: bool = False
    """Whether code in a widget of the shop's own chat asked for it, on its person's click, and no model."""
    of_host: HostConversation | None = None
    """Of an external assistant's call: what its host calls the conversation that it belongs to."""

    def located(self, db: Session) -> Call:
        """The call in its conversation. An external assistant's is found, or begun, in the transaction that records the call:
        whatever commits, effect or denial, has it.
        """
        if self.of_host is None:
            return self
        conversation = external.of_call(db, self.principal, self.of_host)
        return replace(self, principal=replace(self.principal, conversation=conversation))


class Changed(Exception):
    """What was shown is no longer what would be done (invariant I7)."""


def pin_of(tool: Tool, arguments: Arguments, shown: Shown) -> str:
    """Digest of tool, arguments and everything shown: changing any of them makes another pin."""
    return digest(canonical([tool.name, arguments.model_dump(mode="json"), shown.model_dump(mode="json")]))
