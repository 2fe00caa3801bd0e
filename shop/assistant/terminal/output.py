"""How a conversation looks in a terminal: a transcript for people, or each turn as a line of JSON for programs.

What is shown comes from the stored turns, as on the page. Words of a model or of a product's text are data: nothing in them
reaches the terminal as a control sequence.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import click

from shop.assistant.model.arguments import described
from shop.assistant.turn.call_titles import tool_of
from shop.assistant.turn.context import arguments_of
from shop.assistant.turn.turn_record import outcome_of, record_of
from shop.conversations.models import Item, Turn, TurnState
from shop.tools.outcomes import OutcomeKind
from shop.untrusted import terminal_text

_MARKS = {
    OutcomeKind.SUCCEEDED: ("✓", "green", "done"),
    OutcomeKind.DENIED: ("✗", "red", "refused"),
    OutcomeKind.AWAITING_APPROVAL: ("◆", "yellow", "waits for you"),
    OutcomeKind.FAILED: ("·", "yellow", "did not work"),
}
_MOST_ARGUMENT_CHARACTERS = 120


class Output(Protocol):
    """Where a conversation in the terminal is written while it goes on."""

    def said(self, line: str) -> None:
        """The person said this, or decided so."""

    def text(self, item_id: str, text: str) -> None:
        """An item of the assistant's text has grown to this."""

    def call(self, item: Item) -> None:
        """A call has its outcome."""

    def receipt(self, shown: Mapping[str, Any]) -> None:
        """A receipt waits for the person."""

    def ended(self, line: str, turn: Turn) -> None:
        """The turn that this line began has ended."""

    def note(self, text: str) -> None:
        """Something else that the person should know."""


class JsonLines:
    """Each turn as one line of JSON, when it has ended."""

    def said(self, line: str) -> None:
        """Nothing until the turn has ended."""

    def text(self, item_id: str, text: str) -> None:
        """Nothing until the turn has ended."""

    def call(self, item: Item) -> None:
        """Nothing until the turn has ended."""

    def receipt(self, shown: Mapping[str, Any]) -> None:
        """Nothing: the call that waits for it says so."""

    def ended(self, line: str, turn: Turn) -> None:
        """The turn, in ASCII: whatever its words are, every terminal and every program reads this."""
        click.echo(json.dumps(record_of(line, turn)))

    def note(self, text: str) -> None:
        """Nothing: standard output is for the turns alone."""


class Transcript:
    """The conversation as people read it; the assistant's words appear as they come."""

    def __init__(self, *, echo: bool) -> None:
        self._echo = echo  # of a script: at a prompt the terminal has shown already what was typed
        self._item, self._shown = "", 0

    def said(self, line: str) -> None:
        if self._echo:
            click.echo(click.style("you › ", dim=True) + terminal_text(line))

    def text(self, item_id: str, text: str) -> None:
        if item_id != self._item:
            self._end_of_line()
            self._item, self._shown = item_id, 0
        click.echo(terminal_text(text[self._shown :]), nl=False)
        self._shown = len(text)

    def call(self, item: Item) -> None:
        self._end_of_line()
        outcome = item.outcome or {}
        mark, colour, word = _MARKS[outcome_of(item)]
        note = f": {outcome['note']}" if outcome.get("note") else ""
        rule = click.style(f"  {outcome['rule']}", dim=True) if outcome.get("rule") else ""
        called = f"{tool_of(item)} {described(arguments_of(item), _MOST_ARGUMENT_CHARACTERS)}".strip()
        click.echo(f"  {click.style(mark, fg=colour)} {terminal_text(called)} · {word}{terminal_text(note)}{rule}")
        for line in result_lines(outcome.get("told", {}).get("result") or {}):
            click.echo(f"      {terminal_text(line)}")

    def receipt(self, shown: Mapping[str, Any]) -> None:
        self._end_of_line()
        click.echo(click.style(f"  {terminal_text(str(shown['title']))}", bold=True))
        rows = [*shown["rows"], *([shown["total"]] if shown["total"] else [])]
        for line in _columns([(row["label"], row["amount"]) for row in rows]):
            click.echo(f"    {terminal_text(line)}")

    def ended(self, line: str, turn: Turn) -> None:
        self._end_of_line()
        if turn.error_text:
            stopped = "Stopped. " if turn.state is TurnState.STOPPED else ""
            said = terminal_text(f"  {stopped}{turn.error_text} What is above stands.")
            click.echo(click.style(said, fg="yellow"))
        click.echo()

    def note(self, text: str) -> None:
        self._end_of_line()
        click.echo(click.style(terminal_text(text), dim=True))

    def _end_of_line(self) -> None:
        if self._shown:
            click.echo()
        self._item, self._shown = "", 0


def result_lines(result: Mapping[str, Any]) -> Iterator[str]:
    """Products, a cart, an order or a list of orders, compactly. What something is shows by its fields."""
    match result:
        case {"products": list(products), "rows": list(rows)}:
            names = ("", *(product["name"] for product in products))
            yield from _columns([names, *((row["label"], *row["values"]) for row in rows)])
        case {"products": list(products)}:
            yield from _columns([_product(product) for product in products])
        case {"variants": list(_)}:
            yield from _columns([_product(result)])
        case {"orders": list(orders)}:
            yield from _columns(
                [(o["number"], o["placed_at"][:10], o["status"], o["total"]["text"], o["summary"]) for o in orders]
            )
        case {"number": number, "status": status, "lines": list(_)}:
            yield f"Order {number} · {status}"
            yield from _bill(result)
        case {"lines": list(lines)}:
            yield from _bill(result) if lines else ["The cart is empty."]


def _product(product: Mapping[str, Any]) -> tuple[str, ...]:
    return product["name"], product["price"]["text"], ", ".join(product["colours"]), " ".join(product["sizes"])


def _bill(result: Mapping[str, Any]) -> Iterator[str]:
    lines = [
        (f"{line['quantity']} × {line['name']}, {line['colour']}, {line['size']}", line["line_total"]["text"])
        for line in result["lines"]
    ]
    return _columns([*lines, ("Total with delivery", result["total"]["text"])])


def _columns(rows: list[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
