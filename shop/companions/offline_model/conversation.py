"""The input items of a request as exchanges: who said what, on which page, and which calls ran with what outcome.

The model has no other memory than these items. Tool results are data here: nothing in them is read as a wish (but see
`gullible.py`).
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

Json = dict[str, Any]
SUCCEEDED: Final = "succeeded"

_PAGE: Final = re.compile(
    r"page of the shop: (?P<kind>[a-z]+)(?: (?P<name>[\w-]+))?(?:, colour (?P<colour>[^,]+?))?(?:, size (?P<size>[^,]+?))?\.?$"
)


@dataclass(frozen=True)
class Call:
    """A tool call, proposed or made."""

    name: str
    arguments: Json = field(default_factory=dict)

    def is_like(self, other: "Call") -> bool:
        """Whether `other` is the same call, when arguments that only one of the two names do not count."""
        shared = self.arguments.keys() & other.arguments.keys()
        return self.name == other.name and all(self.arguments[key] == other.arguments[key] for key in shared)


@dataclass(frozen=True)
class Outcome:
    """What a call came to: `succeeded`, `denied`, `awaiting_approval` or `failed`, in the gateway's words."""

    kind: str
    result: Json = field(default_factory=dict)
    code: str = ""
    message: str = ""
    undone: bool = False
    """The person has taken the change back since, by hand."""

    @property
    def succeeded(self) -> bool:
        return self.kind == SUCCEEDED

    @property
    def is_open(self) -> bool:
        """It waits for the person, whose decision may still turn the same call into an effect."""
        return self.kind == "awaiting_approval" or self.code == "consent_needed"


@dataclass(frozen=True)
class Step:
    """A call that was made, with its outcome. `told` says that the assistant has already spoken about it."""

    call: Call
    outcome: Outcome
    told: bool


@dataclass(frozen=True)
class Page:
    """The page of the shop that the person is on: its kind, and which product, category or order it shows."""

    kind: str
    name: str = ""
    colour: str | None = None
    size: str | None = None


@dataclass
class Exchange:
    """A person's message and what followed it, up to the next one."""

    asked: str
    page: Page | None = None
    steps: list[Step] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    @property
    def ended_with_question(self) -> bool:
        """Whether the assistant asked something back. Its offers never end in a question mark, so that is enough."""
        return bool(self.said) and self.said[-1].rstrip().endswith("?")


def read_conversation(items: Iterable[Mapping[str, Any]]) -> list[Exchange]:
    """The exchanges of a request's input items, oldest first.

    A continuation, which is calls without a new message of the person, belongs to the last exchange.
    """
    exchanges: list[Exchange] = []
    calls: dict[str, Call] = {}
    page: Page | None = None
    for item in items:
        kind, role = item.get("type", "message"), item.get("role")
        if kind == "message" and role == "user":
            exchanges.append(Exchange(text_of(item.get("content")), page))
            page = None
        elif kind == "message" and role == "developer":
            page = _page(text_of(item.get("content")))
        elif not exchanges:
            continue
        elif kind == "message" and role == "assistant":
            current = exchanges[-1]
            current.said.append(text_of(item.get("content")))
            current.steps = [replace(step, told=True) for step in current.steps]
        elif kind == "function_call":
            calls[str(item.get("call_id"))] = Call(str(item.get("name")), _json_object(item.get("arguments")))
        elif kind == "function_call_output" and (call := calls.get(str(item.get("call_id")))):
            _add_step(exchanges[-1].steps, call, _outcome(item.get("output")))
    return exchanges


def text_of(content: object) -> str:
    """The plain text of a message's content, which is a string or a list of typed parts."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "".join(str(part.get("text", "")) for part in parts if isinstance(part, dict))


def _page(text: str) -> Page | None:
    """The page that the server's sentence names (its form is agreed with `page_in_words`)."""
    found = _PAGE.search(text.strip())
    return Page(found["kind"], found["name"] or "", found["colour"], found["size"]) if found else None


def _add_step(steps: list[Step], call: Call, outcome: Outcome) -> None:
    """After the person's decision the same call comes again, executed: it takes the place of the one that waited."""
    for place, step in enumerate(steps):
        if step.outcome.is_open and step.call.is_like(call):
            steps[place] = Step(call, outcome, told=False)
            return
    steps.append(Step(call, outcome, told=False))


def _json_object(text: object) -> Json:
    try:
        value = json.loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _outcome(output: object) -> Outcome:
    found = _json_object(text_of(output))
    result = found.get("result")
    return Outcome(
        kind=str(found.get("outcome", "failed")),
        result=_readable(result) if isinstance(result, dict) else {},
        code=str(found.get("code", "" if found else "unavailable")),
        message=str(found.get("message", "")),
        undone="undone" in found,
    )


_LISTS: Final[Mapping[str, str]] = {
    "products": "product", "variants": "sku", "lines": "sku", "orders": "number", "addresses": "name", "skipped": "name",
    "timeline": "step", "workflows": "workflow", "refusals": "tool",
}  # fmt: skip
"""The lists of objects in results, and the text without which an object of such a list is nothing."""
_OBJECTS: Final = frozenset(
    {"price", "unit_price", "line_total", "total", "delivery", "order_limit", "address", "added"}
)
_NUMBERS: Final = frozenset({"count", "items", "quantity", "minor", "stock", "offset"})
_AS_THEY_ARE: Final = frozenset(
    {"in_stock", "can_cancel", "count_is_exact", "allowed", "paused", "usual", "done", "seen_by"}
)


def _readable(result: Json) -> Json:
    """What of a result has the shape that it should have; the rest counts as not there, so that nothing can go wrong."""
    found: Json = {}
    for key, value in result.items():
        if (needed := _LISTS.get(key)) is not None:
            items = [_readable(item) for item in value if isinstance(item, dict)] if isinstance(value, list) else []
            found[key] = [item for item in items if item.get(needed)]
        elif key in _OBJECTS:
            if isinstance(value, dict):
                found[key] = _readable(value)
        elif isinstance(value, int) if key in _NUMBERS else key in _AS_THEY_ARE or isinstance(value, str):
            found[key] = value
    return found
