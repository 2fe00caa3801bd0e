"""What every answer has in common: security headers, the company's colours, error pages, health."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, Flask, Response, make_response, render_template, request
from werkzeug.exceptions import HTTPException

from shop.companions.identity_provider.protocol import PageError
from shop.companions.identity_provider.provider import current_provider

blueprint = Blueprint("pages", __name__)


def page_response(html: str, *, form_origins: Sequence[str], status: int = 200) -> Response:
    """A page whose forms may lead to this provider and to `form_origins`.

    Browsers apply `form-action` to redirects after a submitted form too, so the page that leads back to the
    client has to name the client's origin.
    """
    response = make_response(html, status)
    response.headers["Content-Security-Policy"] = _content_security_policy(form_origins)
    return response


@blueprint.get("/healthz")
def health() -> dict[str, str]:
    """Whether the process serves, and which company's it is."""
    return {"status": "ok", "provider": current_provider().directory.slug}


@blueprint.get("/")
def front() -> str:
    """For whoever comes here by hand: what this is."""
    return render_template("front.html")


@blueprint.get("/theme.css")
def theme() -> Response:
    """The company's colours as custom properties. The directory checked their form."""
    directory = current_provider().directory
    css = (
        f":root{{--accent:{directory.accent};--panel:{directory.accent}}}\n"
        f"@media (prefers-color-scheme:dark){{:root{{--accent:{directory.accent_dark}}}}}\n"
    )
    response = make_response(css)
    response.mimetype = "text/css"
    response.cache_control.max_age = 300
    return response


@blueprint.get("/icon.svg")
def icon() -> Response:
    """The company's mark for the browser's tab."""
    response = make_response(render_template("icon.svg"))
    response.mimetype = "image/svg+xml"
    response.cache_control.max_age = 300
    return response


def register_common(app: Flask) -> None:
    """Headers on every answer; one look for every error."""

    @app.context_processor
    def company() -> dict[str, object]:
        return {"company": current_provider().directory}

    @app.after_request
    def harden(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("Content-Security-Policy", _content_security_policy([]))
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("X-Frame-Options", "DENY")  # RFC 9700 §4.16, for browsers that skip frame-ancestors
        headers.setdefault("Referrer-Policy", "no-referrer")
        if request.endpoint != "static" and "Cache-Control" not in headers:
            headers["Cache-Control"] = "no-store"
        return response

    @app.errorhandler(PageError)
    def refused(error: PageError) -> Response:
        return _error_page("This sign-in cannot go on", str(error), 400)

    @app.errorhandler(HTTPException)
    def failed(error: HTTPException) -> Response:
        return _error_page(error.name, error.description or "", error.code or 500)


def _error_page(title: str, reason: str, status: int) -> Response:
    html = render_template("error.html", title=title, reason=reason)
    return page_response(html, form_origins=[], status=status)


def _content_security_policy(form_origins: Sequence[str]) -> str:
    return "; ".join(
        (
            "default-src 'none'",
            "style-src 'self'",
            "script-src 'self'",
            "img-src 'self'",
            " ".join(("form-action 'self'", *form_origins)),
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )
