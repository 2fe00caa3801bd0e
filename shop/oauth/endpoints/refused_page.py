"""Pages of the endpoints that people come to, rendered after their transaction: what was not done, and the way on."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from flask import render_template
from flask.typing import ResponseReturnValue

from shop.oauth.responses import KEPT_BY_NOBODY


@dataclass(frozen=True, kw_only=True)
class GoOnPage:
    """The end of a form's answer that leads out of the shop: a page that goes on by itself.

    Browsers apply the policy `form-action` of the page with the form to each redirect that follows (CSP3 §6.4.2.1), wherever that
    leads in the end, and nobody here can list where a client's callback redirects to. What a page does by itself is no form's.
    """

    address: str
    title: str
    text: str

    def render(self) -> ResponseReturnValue:
        """The page."""
        return render_template("oauth/going_on.html", page=self), HTTPStatus.OK, KEPT_BY_NOBODY


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
