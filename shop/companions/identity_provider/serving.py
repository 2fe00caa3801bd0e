"""Serving one provider with waitress, in this process, until it is told to stop or its parent has ended."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading

import waitress

from shop.companions.identity_provider.app import create_app
from shop.companions.identity_provider.config import ProviderConfig

_THREADS = 8
_CONNECTIONS = 500
_BODY_LIMIT = 1024 * 1024
"""Bytes; its forms are much smaller."""


def serve(config: ProviderConfig, *, ends_with_parent: bool) -> None:
    """Serve until SIGTERM or Ctrl+C. Raises `OSError` when the port is taken."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if ends_with_parent:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a queue is normal
    server = waitress.create_server(
        create_app(config),
        listen=[
            f"[{host}]:{config.port}" if ":" in host else f"{host}:{config.port}" for host in _addresses(config.host)
        ],
        threads=_THREADS,
        connection_limit=_CONNECTIONS,
        max_request_body_size=_BODY_LIMIT,
        asyncore_use_poll=True,
        clear_untrusted_proxy_headers=False,
        ident=None,
    )
    server.run()


def _end_with_parent() -> None:
    """Wait for the end of standard input: the kernel closes the other end of the pipe however the parent ends, killed or not."""
    while os.read(0, 1):  # not `sys.stdin`: a thread that holds its lock makes the interpreter abort when it ends
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _addresses(host: str) -> list[str]:
    """`localhost` is both loopback addresses, where there are both: clients try one or the other first."""
    if host != "localhost":
        return [host.strip("[]")]
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return ["127.0.0.1"]
    return ["127.0.0.1", "::1"]
