"""The vocabulary: each event can be told in plain words, says when it fires, and is written somewhere."""

from __future__ import annotations

import ast
import re
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest

from shop.admin import timeline
from shop.audit.events import EventName
from shop.audit.queries import RecordedEvent
from shop.settings import ROOT

READERS = {"events.py", "timeline.py", "sentences.py", "queries.py"}
"""Modules that name events and write none."""


@cache
def written_in_code() -> frozenset[str]:
    """The members of the vocabulary that code names in order to write them: not in a comparison, not in a query."""
    found = set()
    for path in (ROOT / "shop").rglob("*.py"):
        if path.name in READERS:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        asked = {
            id(node)
            for question in ast.walk(tree)
            if isinstance(question, ast.Compare | ast.Tuple | ast.Set)
            for node in ast.walk(question)
        }
        found |= {
            node.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "EventName" and id(node) not in asked
        }
    return frozenset(found)


def event_of(name: EventName, **content: Any) -> RecordedEvent:
    blank = dict.fromkeys(
        (
            "subject",
            "actor",
            "session",
            "delegation",
            "grant",
            "turn",
            "tool_call",
            "action",
            "resource",
            "decision",
            "outcome",
        )
    )
    body = blank | {"id": "evt_1", "sequence": 1, "request_id": None, "previous_hash": "0" * 64, "facts": {}}
    return RecordedEvent(name, datetime(2026, 1, 2, tzinfo=UTC), "f" * 64, body | content, {})


@pytest.mark.parametrize("name", EventName)
def test_every_event_has_a_sentence_in_the_timeline(name: EventName) -> None:
    """Each name of the vocabulary is told in words, also when its personal values were erased."""
    (entry,) = timeline.entries_of([event_of(name)], {}, is_auditor=True)
    assert entry["text"].strip()
    assert entry["lane"] in {"Person", "Assistant", "Gateway", "Shop", "System"}
    assert entry["details"][0] == ("Event", f"{name}: {name.fires}")


@pytest.mark.parametrize("name", EventName)
def test_every_event_is_written_somewhere(name: EventName) -> None:
    """A name that nothing writes would promise a record that is not there."""
    assert name.name in written_in_code()


def test_the_vocabulary_is_sorted_and_follows_its_grammar() -> None:
    """A thing, a dot, what happened to it; sorted, each with a sentence that says when it fires."""
    names = [str(name) for name in EventName]
    assert names == sorted(names)
    for name in EventName:
        assert re.fullmatch(r"[a-z_]+\.[a-z_]+", name)
        assert name.name == name.value.replace(".", "_").upper()
        assert name.fires.endswith(".")


def test_a_name_outside_the_vocabulary_cannot_be_made() -> None:
    """Events are members of one enum; a word is not an event."""
    with pytest.raises(ValueError, match=r"order\.burned"):
        EventName("order.burned")  # type: ignore[call-arg]
