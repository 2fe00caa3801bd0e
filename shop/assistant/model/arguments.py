"""The arguments of a call: foreign text, read by one rule wherever it is needed, and sent back in a form that every server takes."""

from __future__ import annotations

import json
import re
from typing import Any

from shop.assistant.model.bounds import ARGUMENT_BYTES
from shop.untrusted import clean_text, read_json

UNKNOWN_TOOL = "unknown_tool"
"""What an invented tool is called when a model is told of its call again."""
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What OpenAI, vLLM and others take as a function's name."""


def read_arguments(text: str) -> object:
    """A call's arguments as data, by the rules of a client's JSON; nothing at all is no arguments.

    What cannot be read stays the text that the model wrote: no tool takes that, and its outcome says so.
    """
    try:
        return read_json(text.strip() or "{}", most=ARGUMENT_BYTES)
    except ValueError:
        return clean_text(text[:ARGUMENT_BYTES])


def on_the_wire(text: str) -> str:
    """A call's arguments as they go back to a model: always the JSON of an object."""
    arguments = read_arguments(text)
    return json.dumps(arguments) if isinstance(arguments, dict) else "{}"


def name_on_the_wire(name: str) -> str:
    """A tool's name as it goes back to a model."""
    return name if _NAME.fullmatch(name) else UNKNOWN_TOOL


def described(arguments: object, most: int) -> str:
    """Arguments in one line for a person."""
    if not isinstance(arguments, dict):
        return clean_text(str(arguments))[:most]
    return clean_text(", ".join(f"{name}: {value}" for name, value in arguments.items()))[:most]


def stored(text: str) -> str:
    """What the model wrote, as a row keeps it: text that every database takes, of bearable length."""
    kept: Any = text.encode(errors="replace").decode().replace("\x00", "")
    return str(kept[:ARGUMENT_BYTES])
