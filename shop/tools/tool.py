"""What a tool declares: its workflow, permission, resource, typed arguments and result, its nature and its presentation.

A tool without a permission or a presentation cannot be constructed, and a tool that a human must confirm cannot be
constructed without saying what the human is shown. Its description is written for a model; its schema is derived from the types.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator
from sqlalchemy.orm import Session

from shop.authorization.conditions import Resource
from shop.authorization.permissions import Permission
from shop.principal import Principal, Workflow
from shop.tools.permit import Permit, require
from shop.tools.presentation import Presentation

ResourceLoader = Callable[[Session, Principal, Any], Resource]


class Arguments(BaseModel):
    """Base of all tools' arguments: nothing that is not declared, and no quiet conversion of types."""

    model_config = ConfigDict(extra="forbid", strict=True, str_strip_whitespace=True, frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _no_nul(cls, value: object) -> object:
        """PostgreSQL's text holds no NUL, so none gets as far as a query."""
        if isinstance(value, str) and "\x00" in value:
            raise ValueError("a NUL character is not text")
        return value


class Result(BaseModel):
    """Base of all results: the fields declared are the allow-list of what leaves for a model (invariant I12)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def audit_facts(self) -> dict[str, Any]:
        """What of the result belongs in the audit event: counts and numbers, nothing personal."""
        return {}


class Shown(Result):
    """What a receipt shows, and therefore pins: computed by the server (invariant I6)."""

    title: str
    rows: list[Row]
    total: Row | None
    confirm_label: str
    version: str
    """Whatever else must not change between showing and doing, for instance the version of a cart."""


class Row(Result):
    """One line of a receipt."""

    label: str
    amount: str


class InvalidArguments(Exception):
    """The arguments do not fit the tool's schema; the message says which and why."""


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A callable capability. Only the gateway can run its body."""

    name: str
    title: str
    description: str
    workflow: Workflow
    permission: Permission
    arguments: type[Arguments]
    result: type[Result]
    resource: ResourceLoader
    body: Callable[[Permit, Any], Result]
    presentation: Presentation
    read_only: bool = False
    destructive: bool = False
    idempotent: bool = False
    preview: Callable[[Permit, Any], Shown] | None = None
    """What a human is shown before it is done; a tool that has one must be confirmed."""
    repeated: Callable[[Permit, str], Result | None] | None = None
    """The result of an earlier call that was confirmed by exactly this pin: a second click finds the first's effect."""
    done_code: str | None = None
    """The store's code for a call that cannot be proposed any more once it was done: by it, a retry is recognised."""

    def __post_init__(self) -> None:
        if not isinstance(self.permission, Permission):
            raise TypeError(f"tool {self.name!r} needs a permission")
        if not isinstance(self.workflow, Workflow):
            raise TypeError(f"tool {self.name!r} needs a workflow")
        if not isinstance(self.presentation, Presentation):
            raise TypeError(f"tool {self.name!r} needs a presentation")
        if not re.fullmatch(r"[a-z][a-z_]{2,40}", self.name):
            raise ValueError(f"tool name {self.name!r} must be lower-case words joined by '_'")
        if not self.description:
            raise ValueError(f"tool {self.name!r} needs a description: the model chooses by it")
        if self.read_only and (self.destructive or self.preview):
            raise ValueError(f"tool {self.name!r} cannot only read and also be destructive or need a confirmation")
        if self.presentation.widgets_may_call and self.preview:
            raise ValueError(f"tool {self.name!r} must be confirmed, so no widget may call it")

    @property
    def must_be_confirmed(self) -> bool:
        """Whether a human confirms each call that an assistant makes."""
        return self.preview is not None

    def done_before(self, permit: Permit, confirmed: str | None) -> Result | None:
        """The result of an earlier call that was confirmed by this same pin, if there is one."""
        return self.repeated(permit, confirmed) if self.repeated and confirmed else None

    def audit_facts_of(self, stored_result: Mapping[str, Any]) -> dict[str, Any]:
        """Counts and numbers of an earlier call's stored result. Raises `ValidationError` for what is no result of this tool."""
        return self.result.model_validate(stored_result).audit_facts()

    def validate(self, arguments: object) -> Arguments:
        """The typed arguments. Raises `InvalidArguments`, saying what to write instead."""
        if not isinstance(arguments, dict | self.arguments):
            raise InvalidArguments("arguments: this is not a JSON object that can be read; send one, in plain UTF-8")
        try:
            return self.arguments.model_validate(arguments)
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(_short(part) for part in problem['loc']) or 'arguments'}: {problem['msg']}"
                for problem in error.errors(include_url=False, include_input=False, include_context=False)[:5]
            )
            raise InvalidArguments(problems) from error

    def schema(self) -> dict[str, Any]:
        """JSON schema of the arguments, as a model or an MCP host is given it: one for all, which nobody changes."""
        return _schema_of(self.arguments)


@cache
def _schema_of(arguments: type[Arguments]) -> dict[str, Any]:
    return arguments.model_json_schema()


def _short(part: int | str) -> str:
    """A field's name as a refusal repeats it: names that nobody declared may be of any length, and no text at all."""
    return str(part)[:60].encode(errors="replace").decode()


def tool(
    *,
    title: str,
    workflow: Workflow,
    permission: Permission,
    resource: ResourceLoader,
    presentation: Presentation,
    read_only: bool = False,
    destructive: bool = False,
    idempotent: bool = False,
    preview: Callable[[Permit, Any], Shown] | None = None,
    repeated: Callable[[Permit, str], Result | None] | None = None,
    done_code: str | None = None,
) -> Callable[[Callable[[Permit, Any], Result]], Tool]:
    """Declare a function as the body of a tool: name, schema and description are taken from the function itself."""

    def declare(body: Callable[[Permit, Any], Result]) -> Tool:
        hints = get_type_hints(body)
        name = body.__name__

        def guarded(permit: Permit, arguments: Any) -> Result:
            require(permit, name)
            return body(permit, arguments)

        return Tool(
            name=name,
            title=title,
            description=inspect.cleandoc(body.__doc__ or ""),
            workflow=workflow,
            permission=permission,
            arguments=hints["arguments"],
            result=hints["return"],
            resource=resource,
            body=guarded,
            presentation=presentation,
            read_only=read_only,
            destructive=destructive,
            idempotent=idempotent or read_only,
            preview=preview,
            repeated=repeated,
            done_code=done_code,
        )

    return declare
