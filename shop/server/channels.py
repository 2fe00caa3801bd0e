"""One connection: a request is read whole before a thread sees it, within a time, and a body that is too large is thrown away."""

from __future__ import annotations

import time
from typing import Any

from waitress.buffers import OverflowableBuffer
from waitress.channel import ClientDisconnected, HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.task import ErrorTask
from waitress.utilities import BadRequest

RECEIVE_SECONDS = 60.0
"""How long a request may take to arrive, header and body; then its connection is closed."""

IDLE_SECONDS = 75
"""How long a connection is kept between two requests: longer than what proxies usually keep theirs."""

READER_SECONDS = 20.0
"""How long a thread waits for a reader that has too much unread; then its connection is closed."""

MOST_UNREAD = 16 * 1024 * 1024
"""Bytes of an answer that its client did not read yet, beyond which its thread waits (in memory to 1 MB, then in a file)."""


MOST_BETWEEN_CHUNKS = 16 * 1024
"""Bytes of a chunk's first line with its extensions, or of a trailer: a server bounds both (RFC 9112 §7.1.1, §7.1.2)."""


class Parser(HTTPRequestParser):  # type: ignore[misc] # untyped library
    """Reads one request. Of a body that is too large it keeps the length only.

    The application refuses such a request by its length, in the form that its client understands (RFC 9110 §15.5.14). The rest is
    read and dropped, until the deadline: closing a connection with unread bytes resets it, and the answer with it.
    """

    body_rcv: Any
    chunked: bool
    completed: bool
    error: Any
    expect_continue: bool

    body_limit = 0
    """Bytes; set by the listener."""

    def received(self, data: bytes) -> int:
        """Take what arrived; how much of it is this request's. waitress looks through an unfinished line anew with each piece of
        it, in the event loop: without an end, one connection would stop everybody's.
        """
        taken = int(super().received(data))
        if self.chunked and self.body_rcv is not None and not self.completed:
            unfinished = max(len(self.body_rcv.control_line), len(self.body_rcv.trailer))
            if unfinished > MOST_BETWEEN_CHUNKS:
                self.error, self.completed = BadRequest("A chunk's first line, or the trailer, is too long."), True
        return taken

    def parse_header(self, header_plus: bytes) -> None:
        """Read the header. Raises `ParsingError` and its kin for one that makes no sense."""
        try:
            super().parse_header(header_plus)
        except ValueError as error:  # a length of more digits than an integer may be read from
            raise ParsingError("Content-Length is invalid") from error
        if self.body_rcv is None:
            return
        self.body_rcv.buf = _Discarding(self.adj.inbuf_overflow, self.body_limit)
        if self.content_length > self.body_limit and self.expect_continue:
            # The client asked before it sends: it is answered at once, and what follows would be another request.
            self.expect_continue = False
            self.headers["CONNECTION"] = "close"
            self.body_rcv = None


class _Discarding(OverflowableBuffer):  # type: ignore[misc] # untyped library
    """A buffer that counts what comes after its limit, and keeps nothing any more."""

    buf: Any

    def __init__(self, overflow: int, limit: int) -> None:
        super().__init__(overflow)
        self._limit, self._received, self._is_over = limit, 0, False

    def append(self, data: bytes) -> None:
        self._received += len(data)
        if self._received <= self._limit:
            super().append(data)
        elif not self._is_over:
            self._is_over = True
            if self.buf is not None:
                self.buf.close()
            self.buf, self.strbuf = None, b""

    def __len__(self) -> int:
        return self._received


class _Refusal(ErrorTask):  # type: ignore[misc] # untyped library
    """What the server itself refuses, before the application sees it; no cache keeps that."""

    def execute(self) -> None:
        self.response_headers.append(("Cache-Control", "no-store"))
        super().execute()


class Channel(HTTPChannel):  # type: ignore[misc] # untyped library
    """waitress's connection, with ends to what a client can draw out."""

    error_task_class = _Refusal

    peer = ""
    """The address at the other end, as `sharing.network_of` says it; set by the listener."""

    arriving_since: float | None = None
    """When the request that is being read began (monotonic seconds); a new connection is about to send one."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self.arriving_since = time.monotonic()
        super().__init__(*arguments, **named)

    def received(self, data: bytes) -> bool:
        """Take what arrived, in the event loop."""
        is_taken = bool(super().received(data))
        if self.request is None:
            self.arriving_since = None
        elif self.arriving_since is None:
            self.arriving_since = time.monotonic()
        return is_taken

    @property
    def is_unused(self) -> bool:
        """Whether no request of this connection runs or waits, and no answer is on its way."""
        return not self.requests and not self.total_outbufs_len

    def is_late(self, now: float) -> bool:
        """Whether its request should have arrived by now (monotonic seconds)."""
        return self.is_unused and self.arriving_since is not None and now - self.arriving_since > RECEIVE_SECONDS

    def write_soon(self, data: Any) -> int:
        """Called in a request's thread. Raises `ClientDisconnected` when the client has gone, or reads nothing."""
        if self.total_outbufs_len > MOST_UNREAD:
            self._wait_for_reader()
        return int(super().write_soon(data))

    def _wait_for_reader(self) -> None:
        deadline = time.monotonic() + READER_SECONDS
        with self.outbuf_lock:
            while self.connected and self.total_outbufs_len > MOST_UNREAD:
                self.server.pull_trigger()
                left = deadline - time.monotonic()
                if left <= 0:
                    self.will_close = True
                    self.server.pull_trigger()
                    raise ClientDisconnected
                self.outbuf_lock.wait(left)
