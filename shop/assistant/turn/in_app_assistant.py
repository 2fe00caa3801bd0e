"""The shop's own assistant, put together once for each process: what a person says and decides, and the turns that follow.

What begins a turn is one transaction (`opening.py`). What follows is `loop.py`, in a thread of the pool: a lost connection is
not Stop (design §5).
"""

from __future__ import annotations

from shop.assistant.model.client import Model
from shop.assistant.turn.channel import Channel
from shop.assistant.turn.decisions import Decisions
from shop.assistant.turn.loop import TurnLoop
from shop.assistant.turn.messages import Messages
from shop.assistant.turn.opening import Begun, TurnOpening
from shop.assistant.turn.pool import TurnPool
from shop.assistant.turn.stream_slots import StreamSlots
from shop.conversations import threads
from shop.conversations.models import Conversation
from shop.database import Database
from shop.principal import Principal
from shop.settings import Settings
from shop.tools.gateway import Gateway
from shop.tools.outcomes import Outcome


class InAppAssistant:
    """The parts of the assistant, and how a turn that has begun is run."""

    def __init__(self, database: Database, gateway: Gateway, model: Model, settings: Settings) -> None:
        self._database, self._gateway = database, gateway
        self.model = model
        self.pool = TurnPool(settings.turn_threads)
        self.stream_slots = StreamSlots(all_together=max(1, settings.threads // 2), each=settings.turns_per_person)
        self._opening = TurnOpening(database, self.pool, settings, model.build(gateway.policy.version))
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
