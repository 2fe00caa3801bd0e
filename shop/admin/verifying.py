"""What a page says of a chain: what was recomputed for this very answer, and nothing that was found earlier."""

from __future__ import annotations

import threading
from typing import Any

from flask import abort

from shop.audit.verification import Verdict, verify_in_parts
from shop.services import services

_AT_ONCE = 2
_running = threading.BoundedSemaphore(_AT_ONCE)
"""A long chain takes seconds of a processor: a process recomputes no more of them at a time."""


def whole_chain(chain: str) -> dict[str, Any]:
    """Recompute a whole chain, outside of any write. 503 when the process is at it for others already."""
    if not _running.acquire(blocking=False):
        abort(503)
    try:
        verdict = verify_in_parts(services().database, chain)
    finally:
        _running.release()
    at = services().database.clock()
    text = f"whole chain verified now, {verdict.events} events" if verdict.ok else f"chain broken: {verdict.text}"
    return _view(verdict, text) | {"at": f"{at:%-d %B %Y, %H:%M:%S} UTC", "is_whole": True}


def shown(verdict: Verdict) -> dict[str, Any]:
    """What the events on a page prove: they were recomputed, with the links to their neighbours."""
    if not verdict.ok:
        text = f"chain broken: {verdict.text}"
    elif verdict.is_whole:
        text = f"chain verified, {verdict.text}"
    else:
        text = f"{verdict.events} {'entry' if verdict.events == 1 else 'entries'} shown, verified"
    return _view(verdict, text) | {"at": None}


def _view(verdict: Verdict, text: str) -> dict[str, Any]:
    return {"ok": verdict.ok, "events": verdict.events, "text": text, "is_whole": verdict.is_whole}
