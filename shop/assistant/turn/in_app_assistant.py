"""The shop's own assistant, put together once for each process: what a person says and decides, and the turns that follow.

What begins a turn is one transaction (`opening.py`). What follows is `loop.py`, in a thread of the pool: a lost connection is
not Stop (design §5). The pool has threads of its own, so many at most, so that no turn takes a thread that serves requests. A
thread ends with its turn. There is no queue: a turn that finds no thread is refused before anything is stored
(`TurnOpening.transaction`), because a person who waits in silence presses the button again.
"""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from collections.abc import Callable
from contextvars import copy_context

from shop.assistant.model.client import Model
from shop.assistant.turn.channel import Channel
from shop.assistant.turn.decisions import Decisions
from shop.assistant.turn.loop import TurnLoop
from shop.assistant.turn.messages import Messages
from shop.assistant.turn.opening import Begun, TurnOpening
from shop.assistant.turn.stream_slots import StreamSlots
from shop.conversations import threads
from shop.conversations.models import Conversation
from shop.database import Database
from shop.principal import Principal
from shop.settings import Settings
from shop.tools.gateway import Gateway
from shop.tools.outcomes import Outcome

_CLOSING_SECONDS = 2.0
"""How long the program's end waits for turns to come to theirs."""


class TurnPool:
    """The running turns of one process."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._running: set[str] = set()
        self._changed = threading.Condition()
        self.closing = threading.Event()
        """Set when the program ends: running turns end at the next sign of life of their model."""
        _pools.add(self)

    @property
    def is_full(self) -> bool:
        """Whether no turn can begin here now."""
        with self._changed:
            return self._is_full()

    def start(self, turn_id: str, work: Callable[[], object]) -> bool:
        """Run a turn from now on, in the context of the caller. Returns False when no thread is left for it."""
        with self._changed:
            if self._is_full():
                return False
            self._running.add(turn_id)

        def run() -> None:
            try:
                work()
            finally:
                self._leave(turn_id)

        try:
            threading.Thread(target=copy_context().run, args=(run,), name=turn_id, daemon=True).start()
        except RuntimeError:  # the operating system gives no more threads
            self._leave(turn_id)
            return False
        return True

    def close(self, patience: float = _CLOSING_SECONDS) -> None:
        """Take no more turns, end those that run, and wait so many seconds at most until their ends are stored.

        A turn that is still not over shows as interrupted later, as one does whose process was killed.
        """
        self.closing.set()
        with self._changed:
            self._changed.wait_for(lambda: not self._running, timeout=patience)

    def _is_full(self) -> bool:
        return self.closing.is_set() or len(self._running) >= self._size

    def _leave(self, turn_id: str) -> None:
        with self._changed:
            self._running.discard(turn_id)
            self._changed.notify_all()


_pools: weakref.WeakSet[TurnPool] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """The end of the program, where no server closed the pool before."""
    deadline = time.monotonic() + _CLOSING_SECONDS
    for pool in _pools:
        pool.closing.set()
    for pool in list(_pools):
        pool.close(max(0.0, deadline - time.monotonic()))


class InAppAssistant:
    """The parts of the assistant, and how a turn that has begun is run."""

    def __init__(self, database: Database, gateway: Gateway, model: Model, settings: Settings) -> None:
        self._database, self._gateway = database, gateway
        self.model = model
        self.pool = TurnPool(settings.turn_threads)
        self.stream_slots = StreamSlots(all_together=max(1, settings.threads // 2), each=settings.turns_per_person)
        self._opening = TurnOpening(database, lambda: self.pool.is_full, settings, model.build(gateway.policy.version))
        self.messages = Messages(database, gateway, self._opening)
        self.decisions = Decisions(database, gateway, self._opening)
        self._loop = TurnLoop(
            database, gateway, model, tool_call_limit=settings.tool_call_limit, closing=self.pool.closing
        )

    def call_of_widget(
        self, person: Principal, conversation_id: str, name: str, arguments: object
    ) -> tuple[Conversation, Outcome]:
        """What code in a widget asks for: called as the assistant of this conversation, outside of any turn.

        Raises `AccessDenied` when the conversation is not the person's.
        """
        with self._database.write() as db:
            conversation = threads.opened(db, self._gateway.policy, person, conversation_id)
            assistant = self._opening.assistant(db, person, conversation)
        outcome = self._gateway.call_tool(assistant, conversation.id, name, arguments, from_widget=True)
        return conversation, outcome

    def run(self, begun: Begun) -> Channel:
        """Run a turn in a thread of the pool, from now on. It goes on whether or not anybody reads its channel."""
        channel = Channel()

        def work() -> None:
            try:
                for step in self._loop.run(begun.assistant, begun.turn, begun.decided):
                    channel.put(step)
            finally:
                channel.end()

        if not self.pool.start(begun.turn.id, work):  # others took the last threads since the turn was opened
            self._loop.refuse(begun.assistant, begun.turn)
            channel.end()
        return channel
