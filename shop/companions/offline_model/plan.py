"""Decides the next step of a conversation: one tool call, or the final words.

The model keeps no state between requests, yet "add it, and check out" takes several of them. So each request *replays*
its exchange from the start: the recipe of each clause yields the calls it wants, a call that the input already holds is
answered with its recorded outcome, and the first one that it does not hold is the next step. A recipe can thus be
written as straight code, and stopping, reloading or waiting a day for a confirmation changes nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from shop.companions.offline_model import basket, goods, gullible, orders, say, say_cart
from shop.companions.offline_model.clauses import CHANGES, Clause, Intent
from shop.companions.offline_model.context import resolve
from shop.companions.offline_model.conversation import Call, Exchange, Json, Outcome, Step, read_conversation
from shop.companions.offline_model.finding import Answered, Plan
from shop.companions.offline_model.memory import Memory
from shop.companions.offline_model.say import Said

_RECIPES: Final[dict[Intent, Callable[[Clause, Memory], Plan]]] = {
    Intent.SEARCH: goods.search,
    Intent.NEXT_PAGE: goods.next_page,
    Intent.DETAILS: goods.details,
    Intent.COMPARE: goods.compare,
    Intent.ADD: basket.add,
    Intent.CHANGE: basket.change,
    Intent.REMOVE: basket.remove,
    Intent.CLEAR_CART: basket.clear,
    Intent.UNDO: basket.undo,
    Intent.VIEW_CART: basket.view,
    Intent.CHECK_OUT: orders.check_out,
    Intent.REORDER: orders.reorder,
    Intent.ADDRESSES: orders.addresses,
    Intent.LIST_ORDERS: orders.list_orders,
    Intent.GET_ORDER: orders.get_order,
    Intent.CANCEL_ORDER: orders.cancel_order,
    Intent.WHAT_MAY: orders.access(say_cart.may),
    Intent.WHY_NOT: orders.access(say_cart.why),
    Intent.WHO_SEES: orders.access(say_cart.seen_by),
}
_WORDS: Final[dict[Intent, Said]] = {
    Intent.HELLO: say.HELLO,
    Intent.THANKS: say.THANKS,
    Intent.BYE: say.BYE,
    Intent.NICE: say.NICE,
    Intent.NO: say.NO,
    Intent.OKAY: say.NICE,
    Intent.YES: say.YES,
    Intent.NOT_YOURS: say.NOT_YOURS,
    Intent.UNCLEAR: say.ONLY_ASKED,
}
_NO_SUCH_TOOL: Final = Outcome("failed", code="unknown_tool")


def decide(items: Iterable[Mapping[str, Any]], tools: Mapping[str, Json]) -> Call | str:
    """The next tool call, or the words that end the turn.

    `items` are a request's input items; `tools` the JSON schemas of the tools' parameters, by name. Only these tools
    are called.
    """
    exchanges = read_conversation(items)
    if not exchanges:
        return say.HELLO.text
    memory, before, previous = Memory(tools=tools), list[Clause](), None
    for exchange in exchanges[:-1]:
        before = resolve(exchange, before, previous, memory)
        for step in exchange.steps:
            memory.learn(step.call, step.outcome)
        previous = exchange
    current = exchanges[-1]
    return _Replay(current, memory).next_step(resolve(current, before, previous, memory))


class _Replay:
    """One exchange, run again from its start."""

    def __init__(self, exchange: Exchange, memory: Memory) -> None:
        self._steps = list(exchange.steps)
        self._spoken = bool(exchange.said)
        self._memory = memory
        self._fresh = False

    def next_step(self, clauses: list[Clause]) -> Call | str:
        spoken: list[Said] = []
        for clause in clauses:
            self._fresh = not self._spoken
            step = self._run(clause)
            if isinstance(step, Call):
                if self._untold():
                    break
                return _fitted(step, self._memory.tools[step.name])
            if self._fresh:
                spoken.append(step)
            if not step.go_on:
                break
        # The person decided on a call of an earlier exchange: no recipe waits for it here, but it wants an answer.
        spoken += [say_cart.came_of(step.call, step.outcome) for step in self._untold()]
        return _joined(spoken) or "Done."

    def _run(self, clause: Clause) -> Call | Said:
        """The clause's next call that has not been made, or its words if all have."""
        if clause.unexplained and clause.intent in {*CHANGES, Intent.UNKNOWN}:
            return say.not_understood(clause.unexplained)
        recipe = _RECIPES.get(clause.intent)
        if recipe is None:
            return Said(clause.answer) if clause.answer else _WORDS.get(clause.intent, say.NOT_UNDERSTOOD)
        plan, fooled = recipe(clause, self._memory), False
        try:
            call = next(plan)
            while True:
                outcome = self._recorded(call)
                if outcome is None:
                    return call
                self._memory.learn(call, outcome)
                temptation = None if fooled else gullible.tempted_by(call, outcome)
                if temptation:
                    plan, fooled = gullible.obey(temptation, announced=self._spoken), True
                    call = next(plan)
                else:
                    call = plan.send(outcome)
        except Answered as answered:
            return answered.said
        except StopIteration as finished:
            said: Said = finished.value
            return said

    def _recorded(self, call: Call) -> Outcome | None:
        """The outcome of this call, if it was made. If a server rewrote its arguments, the name must do: no loops."""
        same_name = [step for step in self._steps if step.call.name == call.name]
        step = next((step for step in same_name if step.call.is_like(call)), same_name[0] if same_name else None)
        if step is None:
            return None if call.name in self._memory.tools else _NO_SUCH_TOOL
        self._steps.remove(step)
        self._fresh = self._fresh or not step.told
        return step.outcome

    def _untold(self) -> list[Step]:
        return [step for step in self._steps if not step.told]


def _joined(spoken: list[Said]) -> str:
    """All that is said, and the last one's offer."""
    return " ".join(filter(None, [*(said.text for said in spoken), spoken[-1].offer if spoken else ""]))


def _fitted(call: Call, schema: Json) -> Call:
    """The call as its schema wants it: no argument that is not in it, and every required one, be it only with null."""
    properties = schema.get("properties") or {}
    arguments = {name: value for name, value in call.arguments.items() if name in properties or not properties}
    for name in schema.get("required") or []:
        arguments.setdefault(name, properties.get(name, {}).get("default"))
    return Call(call.name, arguments)
