"""The forms that OAuth gives to requests, answers and errors."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from flask import redirect
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response


class OAuthError(Exception):
    """A refusal with its registered code; the endpoint decides where it is sent (RFC 6749 §4.1.2.1, §5.2)."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code
        self.description = description


class PageError(Exception):
    """A refusal that must be shown here: there is no verified place to send it to."""


def parameter(values: MultiDict[str, str], name: str) -> str | None:
    """A parameter; empty counts as absent, and twice is an error (RFC 6749 §3.1)."""
    found = values.getlist(name)
    if len(found) > 1:
        raise OAuthError("invalid_request", f"The parameter {name} appears more than once.")
    return found[0] or None if found else None


def required(values: MultiDict[str, str], name: str) -> str:
    """A parameter that must be there."""
    value = parameter(values, name)
    if value is None:
        raise OAuthError("invalid_request", f"The parameter {name} is missing.")
    return value


def redirect_with(uri: str, **answer: str | None) -> Response:
    """Send the browser to a *verified* URI with the answer added to its query.

    303, so that no browser ever repeats a POST body there (RFC 9700 §4.12).
    """
    parts = urlsplit(uri)
    query = parse_qsl(parts.query, keep_blank_values=True)
    query += [(name, value) for name, value in answer.items() if value is not None]
    return redirect(urlunsplit(parts._replace(query=urlencode(query))), code=303)


def origin_of(uri: str) -> str:
    """Scheme, host and port, as a content security policy names them."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}"
