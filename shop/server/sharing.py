"""The threads that run requests, shared among addresses: nobody alone can take all of them.

A request of an address that uses its share already waits in a queue of that address, where it costs no thread. A stream
counts for as long as it runs. What would wait in too long a queue is refused at once.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable

from waitress.task import ThreadedTaskDispatcher
from waitress.utilities import Error

from shop.guards import addresses
from shop.server.channels import Channel

_SHARE = 3 / 4
"""Of all threads: what one address may use at once."""

MOST_WAITING = 200
"""Requests of one address that wait for its share. Each holds a connection, which others need when they come by one proxy."""


class TooManyRequests(Error):  # type: ignore[misc] # untyped library
    """What an address is answered that has more requests waiting (RFC 6585 §4)."""

    code = 429
    reason = "Too Many Requests"


class FairDispatcher(ThreadedTaskDispatcher):  # type: ignore[misc] # untyped library
    """waitress's pool of threads, of which one address uses three quarters at most.

    `address_of` says whose task it is. It is called in the event loop, and must not block.
    """

    def __init__(self, threads: int, address_of: Callable[[Channel], str]) -> None:
        super().__init__()
        self._address_of = address_of
        self.share = max(1, min(threads - 1, int(threads * _SHARE)))
        self._running: Counter[str] = Counter()
        self._waiting: dict[str, deque[Channel]] = {}
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a queue is normal, and a flood would fill the log
        self.set_thread_count(threads)

    def add_task(self, task: Channel) -> None:
        """Run a task as soon as its address may and a thread is free."""
        address = self._address_of(task)
        with self.lock:
            if self._running[address] >= self.share:
                waiting = self._waiting.setdefault(address, deque())
                if len(waiting) < MOST_WAITING:
                    waiting.append(task)
                    return
                task.requests[0].error = TooManyRequests("Too many requests of your address are waiting already.")
                runs: _Counted | Channel = task  # its thread only writes the refusal
            else:
                self._running[address] += 1
                runs = _Counted(self, address, task)
        super().add_task(runs)

    def shutdown(self, cancel_pending: bool = True, timeout: float = 5) -> bool:
        """Stop the threads; give up what still waits."""
        with self.lock:
            waiting = [task for tasks in self._waiting.values() for task in tasks]
            self._waiting.clear()
        for task in waiting:
            task.cancel()
        return bool(super().shutdown(cancel_pending, timeout))

    def release(self, address: str) -> None:
        """A task of this address is done: the next one of the address takes its place."""
        with self.lock:
            waiting = self._waiting.get(address)
            task = waiting.popleft() if waiting else None
            if not waiting:
                self._waiting.pop(address, None)
            if task is None:
                self._running[address] -= 1
                if not self._running[address]:
                    del self._running[address]
                return
        super().add_task(_Counted(self, address, task))


class _Counted:
    """A task that gives its place back."""

    def __init__(self, dispatcher: FairDispatcher, address: str, task: Channel) -> None:
        self._dispatcher, self._address, self._task = dispatcher, address, task

    def service(self) -> None:
        try:
            self._task.service()
        finally:
            self._dispatcher.release(self._address)

    def cancel(self) -> None:
        self._task.cancel()


def peer_address(channel: Channel) -> str:
    """The address at the other end of a connection."""
    return channel.peer


def forwarded_address(channel: Channel) -> str:
    """The address that the one proxy in front says it forwards for (the last of `X-Forwarded-For`), else its own."""
    last: str = channel.requests[0].headers.get("X_FORWARDED_FOR", "").rpartition(",")[2].strip()
    return network_of(last) if last else channel.peer


def network_of(address: str) -> str:
    """What counts as one address, as for rate limits (`shop.guards`). What a proxy names and is no address counts by its name."""
    return addresses.network_of(address) or address[:64]
