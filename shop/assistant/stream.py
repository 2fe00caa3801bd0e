"""A turn's progress as server-sent events that htmx puts in place: each message replaces or extends parts of the page."""

from __future__ import annotations

import json
from collections.abc import Iterator

from flask import Response, stream_with_context
from markupsafe import Markup

from shop.assistant.conversing import Begun, Conversing
from shop.assistant.page import ChatPage
from shop.assistant.pieces import partial, piece
from shop.assistant.presenter import html_of
from shop.assistant.turn import CallChanged, TextGrew


def respond(conversing: Conversing, page: ChatPage, begun: Begun, *, is_new: bool) -> Response:
    """The response to what began a turn: its event stream, from the first token to the turn's end."""

    # Before anything is sent: a connection that is lost at once must not keep the turn from running (design §5).
    opening = [_named("conversation", page.address())] if is_new else []
    opening.append(_message(page.begun(begun, is_new=is_new)))
    steps = conversing.run(begun)

    def messages() -> Iterator[str]:
        yield from opening
        for step in steps:
            if isinstance(step, TextGrew):
                yield _message(_text(begun.turn.id, step))
            elif isinstance(step, CallChanged):
                yield _message(_call(page, begun.turn.id, step))
        yield _message(page.after_turn(begun.turn.id))

    response = Response(stream_with_context(messages()), mimetype="text/event-stream")
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"  # a proxy in front must not hold tokens back
    return response


def _text(turn_id: str, step: TextGrew) -> Markup:
    if step.is_new:
        html = piece("assistant/_text.html", item={"id": step.item_id, "html": ""})
        return partial(f"#items-{turn_id}", "beforeend", html)
    return partial(f"#item-{step.item_id}", "innerHTML", html_of(step.text))


def _call(page: ChatPage, turn_id: str, step: CallChanged) -> Markup:
    html = page.item(turn_id, step.item_id)
    if step.is_new:
        return partial(f"#items-{turn_id}", "beforeend", html)
    return partial(f"#call-{step.item_id}", "outerHTML", html) + page.trail()


def _message(html: str) -> str:
    return "".join(f"data: {line}\n" for line in html.splitlines()) + "\n"


def _named(event: str, data: dict[str, str]) -> str:
    return f"event: {event}\ndata: {json.dumps(data)}\n\n"
