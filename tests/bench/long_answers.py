"""What a long answer costs: bytes to the page, and what waits behind a page that does not read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

from flask import Flask

from shop import create_app
from shop.assistant.turn.channel import Channel
from shop.assistant.turn.loop import TextGrew
from shop.assistant.web.growing_text import Writing
from shop.assistant.web.partials import partial
from shop.assistant.web.presenter import html_of
from tests.bench.figure import Figure
from tests.bench.server import settings_in

_EACH = 5
"""Characters of one piece, as a model sends them: 20 kB come in 4,000 pieces."""
_SECONDS = 0.01
"""Between two pieces: a quick model."""


def long_answer_bytes(length: int = 20_000) -> Figure:
    """Bytes that a page is sent of an answer in one block, for each character of it."""
    with _app() as app, app.app_context():
        now, before = _bytes_sent(length), _bytes_before(length)
    how = (
        f"{length:,} characters in pieces of {_EACH}, one block without an end: {now:,} bytes; with the whole text for each "
        f"piece, as it was, {before:,}"
    )
    return Figure("bytes sent for each character of a long answer", now / length, 30, "bytes", how)


def long_answer_growth(length: int = 15_000) -> Figure:
    """How much more a page is sent of an answer that is twice as long."""
    with _app() as app, app.app_context():
        short, long = _bytes_sent(length), _bytes_sent(2 * length)
    how = f"{length:,} characters in one block: {short:,} bytes; twice as many: {long:,}; the square would be 4"
    return Figure("bytes of an answer twice as long", long / short, 2.5, "×", how)


def unread_states(pieces: int = 4_000) -> Figure:
    """States of an answer that wait for a page which does not read."""
    channel = Channel()
    for state in _states(_EACH * pieces):
        channel.put(TextGrew("itm_1", state))
    how = f"{pieces:,} pieces of one text, nothing taken; all of them waited before"
    return Figure("states that wait behind a reader that never reads", channel.waiting, 1, "states", how)


def _states(length: int) -> Iterator[str]:
    text = "word and **word** " * (length // 18 + 1)
    yield from (text[:end] for end in range(_EACH, length + 1, _EACH))


def _bytes_sent(length: int) -> int:
    writing, sent = Writing("trn_1", "itm_1"), 0
    for number, state in enumerate(_states(length)):
        writing.grow(state)
        sent += len((writing.news(number * _SECONDS) or "").encode())
    return sent + len(writing.all().encode())


def _bytes_before(length: int) -> int:
    """As it was: all of the text, rendered anew, for each piece. Every fiftieth state is rendered, for the fifty beside it."""
    states = list(_states(length))[::50]
    return sum(50 * len(partial("#item-itm_1", "innerHTML", html_of(state)).encode()) for state in states)


@contextmanager
def _app() -> Iterator[Flask]:
    """A shop, for its templates."""
    with TemporaryDirectory() as folder:
        app = create_app(settings_in(folder))
        yield app
        app.extensions["shop"].database.dispose()
