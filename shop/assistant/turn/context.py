"""What of the past goes to the model again (invariant I12).

Remembered results are data with an owner: each is asked for again, by the rules of today, before it leaves. A turn that
holds anything the person may no longer see is withheld as a whole, because its words may repeat it. A message that its
person said anew is not told at all: the new one stands in its place.
"""

from __future__ import annotations

import json
from typing import Any

from shop.assistant.model.arguments import name_on_the_wire, on_the_wire, read_arguments
from shop.conversations.history import REMEMBERED_TURNS
from shop.conversations.models import Item, ItemKind, Turn, TurnState
from shop.principal import Principal
from shop.tools.gateway import Gateway
from shop.tools.outcomes import OutcomeKind
from shop.untrusted import clean_text, clean_value

WITHHELD = "[This part of the conversation is about something that is no longer available to this person.]"


def input_for(gateway: Gateway, person: Principal, turns: list[Turn]) -> list[dict[str, Any]]:
    """The model's input: the latest turns in order, filtered by what their person may see now."""
    recent = [turn for turn in turns if turn.replaced_by is None][-REMEMBERED_TURNS:]
    calls = [item for turn in recent for item in turn.items if item.kind is ItemKind.CALL and _succeeded(item)]
    visible = gateway.enquiries.still_visible(person, [(item.id, item.tool, arguments_of(item)) for item in calls])
    items: list[dict[str, Any]] = []
    for turn in recent:
        withheld = any(item in calls and item.id not in visible for item in turn.items)
        items += _message_items(gateway, person, turn) + (_WITHHELD if withheld else _answer_items(turn))
    return items


def arguments_of(item: Item) -> object:
    """A call's arguments as data; what cannot be read stays the text that the model wrote."""
    return read_arguments(item.arguments)


def exchange(call_id: str, name: str, arguments: str, told: dict[str, Any]) -> list[dict[str, Any]]:
    """A call and its output as every server takes them: the id is ours, the name is one, the arguments are a JSON object.

    What the model wrote instead is not repeated to it; the output says what was wrong.
    """
    output = json.dumps(clean_value(told), ensure_ascii=False)
    return [
        {
            "type": "function_call",
            "call_id": call_id,
            "name": name_on_the_wire(name),
            "arguments": on_the_wire(arguments),
        },
        {"type": "function_call_output", "call_id": call_id, "output": output},
    ]


def _message_items(gateway: Gateway, person: Principal, turn: Turn) -> list[dict[str, Any]]:
    """What the person said; before it the page that they were on, as long as they may still see that."""
    if turn.message is None:
        return []
    items = [{"role": "user", "content": clean_text(turn.message)}]
    if turn.page_path and turn.page_words and gateway.enquiries.page_in_words(person, turn.page_path):
        items.insert(0, {"role": "developer", "content": turn.page_words})
    return items


def _answer_items(turn: Turn) -> list[dict[str, Any]]:
    """What the assistant said and called. The words of an answer that broke off are left out; its calls stand."""
    items: list[dict[str, Any]] = []
    broke_off = turn.state in {TurnState.FAILED, TurnState.INTERRUPTED}
    for item in turn.items:
        if item.kind is ItemKind.CALL and item.outcome:
            undone = {"undone": "The person took this change back afterwards."} if item.outcome.get("undone") else {}
            items += exchange(item.id, item.tool, item.arguments, item.outcome["told"] | undone)
        elif item.kind is ItemKind.TEXT and item.text and not broke_off:
            items.append({"role": "assistant", "content": clean_text(item.text)})
    return items


_WITHHELD = [{"role": "assistant", "content": WITHHELD}]


def _succeeded(item: Item) -> bool:
    return bool(item.outcome and item.outcome["kind"] == OutcomeKind.SUCCEEDED)
