"""A turn's progress as server-sent events that htmx puts in place: each message replaces or extends parts of the page.

A stream reads the turn's channel; the turn itself runs in the pool and neither waits for its stream nor ends with it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator

from flask import Response, stream_with_context

from shop.assistant.turn.channel import Channel
from shop.assistant.turn.loop import CallChanged, TextGrew
from shop.assistant.turn.opening import Begun
from shop.assistant.web.growing_text import SHOW_EVERY, Writing
from shop.assistant.web.page import ChatPage
from shop.assistant.web.partials import partial
from shop.hangup import KEEP_ALIVE, LOOK_SECONDS, client_watch


def first_messages(page: ChatPage, begun: Begun, *, is_new: bool) -> list[str]:
    """What a page is sent of a turn that has begun and does not run yet: later it would hold what the stream brings again."""
    address = [_named("conversation", page.address())] if is_new else []
    return [*address, _message(page.begun(begun, is_new=is_new))]


def respond(
    page: ChatPage, begun: Begun, opening: list[str], channel: Channel, leave: Callable[[], None] | None
) -> Response:
    """The response to what began a turn: its event stream, from the first token to the turn's end.

    `leave` gives the stream's place back. It is None where no more streams may be open; the response then ends after `opening`,
    and the page does what it does when a connection is lost: it asks for the stored turn every second.
    """
    is_gone = client_watch()

    def messages() -> Iterator[str]:
        yield from opening
        if leave is None:
            return
        try:
            for message in _following(channel, page, begun):
                if message == KEEP_ALIVE and is_gone():
                    return
                yield message
        finally:
            leave()

    response = Response(stream_with_context(messages()), mimetype="text/event-stream")
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"  # a proxy in front must not hold tokens back
    if leave is not None:
        response.call_on_close(leave)  # also of a response of which nothing was ever sent
    return response


def _following(channel: Channel, page: ChatPage, begun: Begun) -> Iterator[str]:
    """What a page is sent of a turn, to its end; a comment at least every `LOOK_SECONDS`, so that a lost client is noticed."""
    turn_id, writing = begun.turn.id, None
    known = {item.id for item in begun.decided}  # calls that are on the page already
    said_at = time.monotonic()
    while not channel.is_over:
        parts: list[str] = []
        for step in channel.take(SHOW_EVERY if writing and writing.is_behind else LOOK_SECONDS):
            if writing and not (isinstance(step, TextGrew) and step.item_id == writing.item_id):
                parts.append(writing.all())
                writing = None
            if isinstance(step, TextGrew):
                writing = writing or Writing(turn_id, step.item_id)
                writing.grow(step.text)
            elif isinstance(step, CallChanged):
                parts.append(_call(page, turn_id, step, is_new=step.item_id not in known))
                known.add(step.item_id)
        now = time.monotonic()
        if writing and (news := writing.news(now)):
            parts.append(news)
        if parts:
            yield from (_message(part) for part in parts)
            said_at = now
        elif now - said_at >= LOOK_SECONDS:
            yield KEEP_ALIVE
            said_at = now
    if writing:
        yield _message(writing.all())
    yield _message(page.after_turn(turn_id))


def _call(page: ChatPage, turn_id: str, step: CallChanged, *, is_new: bool) -> str:
    html = page.item(turn_id, step.item_id)
    if is_new:
        shown = partial(f"#items-{turn_id}", "beforeend", html)
    else:
        shown = partial(f"#call-{step.item_id}", "outerHTML", html)
    return shown if step.is_new else shown + page.surroundings.trail()


def _message(html: str) -> str:
    return "".join(f"data: {line}\n" for line in html.splitlines()) + "\n"


def _named(event: str, data: dict[str, str]) -> str:
    return f"event: {event}\ndata: {json.dumps(data)}\n\n"
