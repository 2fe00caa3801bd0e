"""What a page says of a chain: what was recomputed for this very answer, and nothing that was found earlier."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from shop.audit.verification import Verdict, verify_in_parts
from shop.services import services

_AT_ONCE = 2
_running = threading.BoundedSemaphore(_AT_ONCE)
"""A long chain takes seconds of a processor: a process recomputes no more of them at a time."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What `_chain.html` shows."""

    kind: str
    """Of its pill: `allow`, `deny`, or `off` where nothing was recomputed."""
    text: str
    at: str | None = None
    """When the whole chain was recomputed because somebody asked."""
    is_whole: bool = False
    status: int = 200
    """Of the answer that says so."""


def whole_chain(chain: str) -> Shown:
    """Recompute a whole chain, outside of any write; not when the process is at it for others already."""
    if not _running.acquire(blocking=False):
        return Shown(kind="off", text="other chains are being verified: try again in a moment", status=503)
    try:
        verdict = verify_in_parts(services().database, chain)
    finally:
        _running.release()
    text = f"whole chain verified now, {verdict.text}" if verdict.ok else f"chain broken: {verdict.text}"
    at = f"{services().database.clock():%-d %B %Y, %H:%M:%S} UTC"
    return Shown(kind=_kind(verdict), text=text, at=at, is_whole=True)


def shown(verdict: Verdict) -> Shown:
    """What the events on a page prove: they were recomputed, with the links to their neighbours."""
    if not verdict.ok:
        text = f"chain broken: {verdict.text}"
    elif verdict.is_whole:
        text = f"chain verified, {verdict.text}"
    else:
        text = f"{verdict.events} {'entry' if verdict.events == 1 else 'entries'} shown, verified"
    return Shown(kind=_kind(verdict), text=text, is_whole=verdict.is_whole)


def _kind(verdict: Verdict) -> str:
    return "allow" if verdict.ok else "deny"
