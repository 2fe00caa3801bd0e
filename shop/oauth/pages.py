"""The page of what was not done: told by the endpoints that people come to, rendered after their transaction."""

from __future__ import annotations

from dataclasses import dataclass

from flask import render_template
from flask.typing import ResponseReturnValue


@dataclass(frozen=True, kw_only=True)
class RefusedPage:
    """What did not happen, and what can be done about it. Rendering reads the database, so it is no part of a transaction."""

    status: int
    title: str
    text: str
    next_step: str
    why: str | None = None
    """The protocol's reason, for the client's developer."""
    back: dict[str, str] | None = None
    """A link that takes the answer to the client: `href`, `label`."""
    unknown: bool = False
    """Whether nobody here knows the client, so that the link is not what is offered first."""

    def render(self) -> ResponseReturnValue:
        """The page."""
        page = render_template(
            "oauth/refused.html",
            title=self.title,
            text=self.text,
            next_step=self.next_step,
            why=self.why,
            back=self.back,
            unknown=self.unknown,
        )
        return page, self.status
