"""Whether the client of the present response is still there: what a streaming response asks between two waits.

A lost client costs a thread for as long as nobody looks. The shop's own server (`shop.server`) reads on while a response
streams, so it knows within a moment that the other side closed, and says so in the WSGI environment. Other servers notice
only when something is written: a stream therefore also writes a comment now and then (`KEEP_ALIVE`), which makes them raise.
"""

from __future__ import annotations

from collections.abc import Callable

from flask import request

KEEP_ALIVE = ":\n\n"
"""A comment of an event stream, which every reader skips (WHATWG HTML §9.2.6)."""

LOOK_SECONDS = 1.0
"""How long a stream waits at most before it asks again, and writes `KEEP_ALIVE` when it has nothing else to say."""


def client_watch() -> Callable[[], bool]:
    """A function that says whether this request's client has gone. Call this in the view; what it returns, in any thread.

    On a server that does not tell, the answer is always False.
    """
    is_gone: Callable[[], bool] | None = request.environ.get("waitress.client_disconnected")
    return is_gone or _unknown


def _unknown() -> bool:
    return False
