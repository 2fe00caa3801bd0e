"""Listening to a server that may say nothing for a long time, without falling silent towards the turn."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue

from shop.assistant.model.response_events import Event, Thinking

Answering = Callable[[threading.Event], Iterator[Event]]
"""An answer as it arrives; it may block. The event is set when nobody listens any more."""


def heard(answering: Answering, *, every: float) -> Iterator[Event]:
    """The events of an answer, and a sign of life at least every so many seconds, at which the turn looks up: Stop is seen,
    and its lease goes on, also while the server is silent.

    A blocking read cannot be woken, so it is done in a thread of its own. When the listener leaves, that thread hangs up at
    the server's next word, or at its timeout. Raises what the answer raises.
    """
    arrived: SimpleQueue[Event | Exception | None] = SimpleQueue()
    left = threading.Event()

    def listen() -> None:
        try:
            for event in answering(left):
                if left.is_set():
                    return
                arrived.put(event)
            arrived.put(None)
        except Exception as error:  # raised again where it is listened to
            arrived.put(error)

    threading.Thread(target=listen, name="listening to a model", daemon=True).start()
    try:
        while True:
            try:
                event = arrived.get(timeout=every)
            except Empty:
                event = Thinking()
            if event is None:
                return
            if isinstance(event, Exception):
                raise event
            yield event
    finally:
        left.set()
