"""A model's server that misbehaves: what it sends, and what is to come of it. Each case is named by a sentence.

The events are those of servers that were seen to send them, or that a careless one could: calls and texts that are said once, in
any of the places where OpenAI says them, ids that change, items that are cut.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.assistant.upstream import Answer

Event = dict[str, Any]
SEARCH = '{"query":"hoodie"}'


@dataclass(frozen=True)
class Outcome:
    """What a turn gets of an answer: its text, its calls in order, or the code of its failure."""

    text: str = ""
    calls: tuple[tuple[str, str], ...] = ()
    failure: str | None = None


def sent(*events: Event) -> Answer:
    """One response of these events, from its beginning on."""
    began = {"type": "response.created", "response": {"id": "resp_1", "status": "in_progress", "output": []}}
    lines = [f"data: {json.dumps({'sequence_number': 0} | event)}\n\n".encode() for event in (began, *events)]
    return Answer(tuple(lines))


def completed(*output: Event, **also: Any) -> Event:
    """The end of an answer, with the items that the server repeats there."""
    return {
        "type": "response.completed",
        "response": {"id": "resp_1", "status": "completed", "output": list(output)} | also,
    }


def call(
    name: str = "search_products", arguments: Any = SEARCH, *, id: str = "fc_1", call_id: str = "c1", **also: Any
) -> Event:
    """A call as an item."""
    return {"type": "function_call", "id": id, "call_id": call_id, "name": name, "arguments": arguments} | also


def message(*parts: str, id: str = "msg_1") -> Event:
    """A message as an item."""
    return {
        "type": "message",
        "id": id,
        "role": "assistant",
        "content": [{"type": "output_text", "text": p} for p in parts],
    }


def added(item: Event, index: int | None = 0) -> Event:
    """An item begins."""
    return {"type": "response.output_item.added", "item": item} | _at(index)


def done(item: Event, index: int | None = 0) -> Event:
    """An item is complete."""
    return {"type": "response.output_item.done", "item": item} | _at(index)


def piece(text: str, *, item_id: str = "fc_1", index: int | None = 0) -> Event:
    """Some more of a call's arguments."""
    return {"type": "response.function_call_arguments.delta", "item_id": item_id, "delta": text} | _at(index)


def arguments_done(text: str, *, item_id: str = "fc_1", index: int | None = 0, **also: Any) -> Event:
    """All of a call's arguments."""
    return {"type": "response.function_call_arguments.done", "item_id": item_id, "arguments": text} | _at(index) | also


def says(text: str, *, item_id: str = "msg_1", index: int | None = 0, part: int = 0) -> Event:
    """Some more text."""
    place = {"item_id": item_id, "content_index": part, "delta": text}
    return {"type": "response.output_text.delta"} | place | _at(index)


def said(text: str, *, item_id: str = "msg_1", index: int | None = 0, part: int = 0) -> Event:
    """All of a text."""
    place = {"item_id": item_id, "content_index": part, "text": text}
    return {"type": "response.output_text.done"} | place | _at(index)


def _at(index: int | None) -> Event:
    return {} if index is None else {"output_index": index}


ONE = (("search_products", SEARCH),)
TWO = (("search_products", SEARCH), ("view_cart", "{}"))
CART = call("view_cart", "{}", id="fc_2", call_id="c2")
EMPTY = call(arguments="")

CASES: dict[str, tuple[list[Event], Outcome]] = {
    # calls that are said once, somewhere
    "a call that is only in output_item.done": ([done(call()), completed()], Outcome(calls=ONE)),
    "a call that is only in response.completed": ([completed(call(), CART)], Outcome(calls=TWO)),
    "arguments that are only in arguments.done": (
        [added(EMPTY), arguments_done(SEARCH), done(EMPTY), completed()],
        Outcome(calls=ONE),
    ),
    "arguments that are only in arguments.done, and no more of the call": (
        [added(EMPTY), arguments_done(SEARCH), completed()],
        Outcome(calls=ONE),
    ),
    "a call that nothing announced, named in arguments.done": (
        [piece(SEARCH), arguments_done(SEARCH, name="search_products"), completed()],
        Outcome(calls=ONE),
    ),
    "arguments that come in pieces only": (
        [added(EMPTY), piece('{"query":'), piece('"hoodie"}'), done(call(arguments=None)), completed()],
        Outcome(calls=ONE),
    ),
    "arguments in pieces, and no done at all": (
        [added(EMPTY), piece('{"query":'), piece('"hoodie"}'), completed()],
        Outcome(calls=ONE),
    ),
    "arguments that stand in output_item.added already": ([added(call()), completed()], Outcome(calls=ONE)),
    "arguments as an object instead of text": (
        [done(call(arguments={"query": "hoodie"})), completed()],
        Outcome(calls=(("search_products", '{"query": "hoodie"}'),)),
    ),
    "a call of which one half streams and one is in response.completed": (
        [added(EMPTY), piece('{"query":'), completed(call())],
        Outcome(calls=ONE),
    ),
    # calls that are said several times
    "everything said three times is one call": (
        [added(EMPTY), piece(SEARCH), arguments_done(SEARCH), done(call()), completed(call())],
        Outcome(calls=ONE),
    ),
    "an item's id that changes between events": (
        [
            added(EMPTY),
            piece(SEARCH, item_id="x7"),
            arguments_done(SEARCH, item_id="x8"),
            done(call(id="x9")),
            completed(),
        ],
        Outcome(calls=ONE),
    ),
    "an item's id and call id that change in response.completed": (
        [added(EMPTY), piece(SEARCH), done(call()), completed(call(id="fc_x", call_id="c_x"))],
        Outcome(calls=ONE),
    ),
    "ids that change in response.completed, where places do too": (
        [
            done(call()),
            done(CART, 1),
            completed(call("view_cart", "{}", id="y", call_id="z"), call(id="q", call_id="r")),
        ],
        Outcome(calls=TWO),
    ),
    "a call id that changes between added and done": (
        [added(call(arguments="", call_id="draft")), piece(SEARCH), done(call()), completed()],
        Outcome(calls=ONE),
    ),
    "no index, and the call's id for its item's": (
        [added({**EMPTY, "id": None}, None), piece(SEARCH, item_id="c1", index=None), done(call(), None), completed()],
        Outcome(calls=ONE),
    ),
    "the same index for every item": (
        [added(EMPTY), added(CART), piece(SEARCH), done(call()), done(CART), completed()],
        Outcome(calls=TWO),
    ),
    "pieces of two calls, mixed, told apart by their index alone": (
        [
            added(EMPTY, 0),
            added(call("view_cart", "", id="fc_2", call_id="c2"), 1),
            piece('{"query":', item_id="a", index=0),
            piece("{", item_id="b", index=1),
            piece('"hoodie"}', item_id="c", index=0),
            piece("}", item_id="d", index=1),
            completed(),
        ],
        Outcome(calls=TWO),
    ),
    "calls that end in another order than they began": (
        [added(EMPTY, 0), added(CART, 1), done(CART, 1), done(call(), 0), completed()],
        Outcome(calls=TWO),
    ),
    "two calls with the same arguments are two": (
        [done(call()), done(call(id="fc_2", call_id="c2"), 1), completed(call(), call(id="fc_2", call_id="c2"))],
        Outcome(calls=ONE * 2),
    ),
    # calls of which something was still to come
    "arguments that are cut in the middle": (
        [added(EMPTY), piece('{"query": "ho'), completed()],
        Outcome(failure="incomplete"),
    ),
    "a call that begins and is never heard of again": ([added(EMPTY), completed()], Outcome(failure="incomplete")),
    "a call that its item calls incomplete": (
        [added(EMPTY), piece(SEARCH), done(call(status="incomplete")), completed()],
        Outcome(failure="incomplete"),
    ),
    "an answer that ends as incomplete after a whole call": (
        [done(call()), {"type": "response.incomplete", "response": {"status": "incomplete"}}],
        Outcome(failure="incomplete"),
    ),
    "a completed answer that says it is incomplete": (
        [done(call()), completed(status="incomplete")],
        Outcome(failure="incomplete"),
    ),
    "a completed answer that says it failed": (
        [done(call()), completed(status="failed")],
        Outcome(failure="upstream_failed"),
    ),
    "a call without a name": ([done({**call(), "name": None}), completed()], Outcome(failure="garbled")),
    "a call whose name is a number": ([done({**call(), "name": 7}), completed()], Outcome(failure="garbled")),
    "arguments that never end": (
        [added(EMPTY), *[piece("x" * 50_000)] * 5, completed()],
        Outcome(failure="arguments_too_long"),
    ),
    # texts
    "text that is only in output_text.done": ([said("Hello."), completed()], Outcome("Hello.")),
    "text that is only in output_item.done": ([done(message("Hello.")), completed()], Outcome("Hello.")),
    "text that is only in response.completed": ([completed(message("Hello."))], Outcome("Hello.")),
    "text that is said four times": (
        [says("Hel"), says("lo."), said("Hello."), done(message("Hello.")), completed(message("Hello."))],
        Outcome("Hello."),
    ),
    "text whose end is only in the done": ([says("Hel"), said("Hello."), completed()], Outcome("Hello.")),
    "text whose end is only in response.completed": ([says("Hel"), completed(message("Hello."))], Outcome("Hello.")),
    "text whose id changes with every piece": (
        [says("Hel", item_id="a"), says("lo.", item_id="b"), completed(message("Hello.", id="c"))],
        Outcome("Hello."),
    ),
    "text without any index": (
        [
            says("Hel", index=None),
            says("lo.", index=None),
            said("Hello.", index=None),
            completed(message("Hello.", id="c")),
        ],
        Outcome("Hello."),
    ),
    "text that moves to another place in response.completed": (
        [says("Hello."), completed({"type": "reasoning", "id": "rs", "summary": []}, message("Hello.", id="c"))],
        Outcome("Hello."),
    ),
    "several texts are separated": (
        [says("One."), says("Two.", item_id="msg_2", index=1), completed()],
        Outcome("One.\n\nTwo."),
    ),
    "several parts of a text are separated": (
        [says("One."), says("Two.", part=1), completed()],
        Outcome("One.\n\nTwo."),
    ),
    "several texts with the same index are separated": (
        [
            added(message()),
            says("One."),
            added(message(id="msg_2")),
            says("Two.", item_id="msg_2"),
            completed(message("One."), message("Two.", id="msg_2")),
        ],
        Outcome("One.\n\nTwo."),
    ),
    "several texts in response.completed are separated": (
        [completed(message("One.", "Two."), message("Three.", id="m"))],
        Outcome("One.\n\nTwo.\n\nThree."),
    ),
    "a text that streamed and another that did not": (
        [says("One."), completed(message("One."), message("Two.", id="m"))],
        Outcome("One.\n\nTwo."),
    ),
    "text before and after a call": (
        [says("One."), done(call(), 1), says("Two.", item_id="m", index=2), completed()],
        Outcome("One.\n\nTwo.", ONE),
    ),
    "a character whose halves come apart": ([says("a\ud83d"), says("\ude00b"), completed()], Outcome("a😀b")),
    "text with controls and halves of characters": ([says("a\x00\x1b\u202eb\ud800"), completed()], Outcome("ab?")),
    "a refusal that is only in refusal.done": (
        [
            {"type": "response.refusal.done", "item_id": "m", "output_index": 0, "content_index": 0, "refusal": "No."},
            completed(),
        ],
        Outcome("No."),
    ),
    "text that is a number": ([says(7), completed()], Outcome(failure="garbled")),  # type: ignore[arg-type]
    # nothing
    "an answer with nothing in it": ([completed()], Outcome(failure="empty_answer")),
    "an answer of blanks": ([says(" \n "), completed()], Outcome(" \n ", failure="empty_answer")),
    "an answer of what nobody sees": ([says("\u200b\u202e"), completed()], Outcome(failure="empty_answer")),
    "an answer of reasoning alone": (
        [done({"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": "gA"}), completed()],
        Outcome(failure="empty_answer"),
    ),
    "a message without a word": (
        [added(message()), done(message()), completed(message())],
        Outcome(failure="empty_answer"),
    ),
    "an output that is null": ([completed(output=None)], Outcome(failure="empty_answer")),
    "events that nobody knows": ([{"type": "response.dreaming"}, says("Hi."), completed()], Outcome("Hi.")),
}
