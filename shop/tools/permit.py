"""The permit: what a tool's body asks for before it does anything, and only the gateway can give.

There is one seal. The gateway takes it when it is imported; whoever asks for it later is refused. A permit is good
for one call of one tool, and only while the gateway's transaction is open, so none can be kept for later.

How strong that is: Python has no private names, so any code in this process can take the seal out of the gateway's
module and make a permit, as the tests do. The permit holds against mistakes: no module can run a tool by accident, and
one that goes round on purpose must name the seal, which a test of `tests/tools/test_one_door.py` finds. It is no wall
against hostile code in the process.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from sqlalchemy.orm import Session

from shop.audit.events import EventName
from shop.audit.writer import record
from shop.authorization.conditions import Resource
from shop.authorization.policy import Policy
from shop.principal import Principal, Workflow


class CallLike(Protocol):
    """What a permit keeps of a call."""

    @property
    def id(self) -> str: ...
    @property
    def turn(self) -> str | None: ...


class DeclaredTool(Protocol):
    """What one tool may know of the others."""

    @property
    def name(self) -> str: ...
    @property
    def workflow(self) -> Workflow: ...
    def audit_facts_of(self, stored_result: Mapping[str, Any]) -> dict[str, Any]: ...


class NoPermit(RuntimeError):
    """Something tried to run a tool without passing the gateway."""


class Permit:
    """Leave to run one tool once: the open transaction, and for whom."""

    __slots__ = ("call_id", "db", "pin", "policy", "principal", "resource", "tools", "turn")

    def __init__(self, *_: object, **__: object) -> None:
        raise NoPermit("a permit is made by the gateway, not constructed")

    db: Session
    principal: Principal
    resource: Resource
    policy: Policy
    tools: Mapping[str, DeclaredTool]
    """All tools there are, by name: for a tool that tells of others."""
    call_id: str
    turn: str | None
    pin: str | None
    """Of a confirmed call: the pin of what the human was shown."""

    def record(
        self, name: EventName, *, resource: tuple[str, str], facts: Mapping[str, Any], personal: Mapping[str, Any]
    ) -> None:
        """Write what the tool's effect means for the shop (`order.placed`) beside the gateway's own record."""
        record(
            self.db,
            name,
            principal=self.principal,
            turn=self.turn,
            tool_call=self.call_id,
            resource=resource,
            facts=facts,
            personal=personal,
        )


_open: dict[int, str] = {}
"""The permits that are good now, by identity, and for which tool. It stands here, so that no permit says it of itself."""


class Seal:
    """Makes permits. One exists; see `take_seal`."""

    def __init__(self) -> None:
        raise NoPermit("there is one door: shop.tools.gateway has taken the seal")

    @contextmanager
    def permit(
        self,
        tool: str,
        db: Session,
        principal: Principal,
        resource: Resource,
        policy: Policy,
        tools: Mapping[str, DeclaredTool],
        call: CallLike,
    ) -> Iterator[Permit]:
        """A permit for one tool, valid inside the `with` block."""
        if self is not _the_seal:
            raise NoPermit("this is not the seal")
        permit: Permit = object.__new__(Permit)
        permit.db, permit.principal, permit.resource = db, principal, resource
        permit.policy, permit.tools = policy, tools
        permit.call_id, permit.turn, permit.pin = call.id, call.turn, None
        _open[id(permit)] = tool
        try:
            yield permit
        finally:
            _open.pop(id(permit), None)


_the_seal = object.__new__(Seal)
_seals = [_the_seal]


def take_seal() -> Seal:
    """Hand out the seal, once. Raises `NoPermit` ever after."""
    if not _seals:
        raise NoPermit("there is one door: shop.tools.gateway has taken the seal")
    return _seals.pop()


def require(permit: object, tool: str) -> None:
    """Raise `NoPermit` unless this is an open permit for this tool, made by the gateway."""
    if type(permit) is not Permit or _open.get(id(permit)) != tool:
        raise NoPermit(f"{tool} runs through shop.tools.gateway.call_tool and in no other way")
