"""A real nginx in front of what is under test, with TLS, as an operator sets it up."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

_PROVISION_SECONDS = 240
_PATIENCE = 30.0

_CONFIGURATION = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes 1;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl;
        server_name shop.test;
        ssl_certificate {folder}/chain.pem;
        ssl_certificate_key {folder}/key.pem;
        location / {{
            proxy_pass http://127.0.0.1:{upstream};
            proxy_http_version 1.1;
            {host}
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
        }}
    }}
}}
"""


@dataclass(frozen=True)
class Proxy:
    """Where nginx listens, and the certificate authority that signed its certificate."""

    port: int
    authority: Path

    def connect(self) -> ssl.SSLSocket:
        """A raw connection over TLS."""
        context = ssl.create_default_context(cafile=str(self.authority))
        return context.wrap_socket(
            socket.create_connection(("127.0.0.1", self.port), timeout=_PATIENCE), server_hostname="shop.test"
        )


def find_nginx() -> str:
    """The program: the system's, else Debian's, if we may install that. Skips the test, and says why, when there is none."""
    folders = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
    found = shutil.which("nginx", path=folders)
    if not found and hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        for command in (["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", "nginx-light"]):
            subprocess.run(command, check=False, capture_output=True, timeout=_PROVISION_SECONDS)
        found = shutil.which("nginx", path=folders)
    if not found:
        pytest.skip("nginx is not installed, so nothing was tried behind a real proxy: install your system's package")
    return found


@contextmanager
def nginx(folder: Path, port: int, upstream: int, host: str) -> Iterator[Proxy]:
    """Run nginx on a port, in front of another; `host` is its directive about the Host that it passes on, or nothing."""
    authority = trustme.CA()
    certificate = authority.issue_cert("shop.test", "127.0.0.1")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    for index, part in enumerate(certificate.cert_chain_pems):
        part.write_to_path(folder / "chain.pem", append=index > 0)
    authority.cert_pem.write_to_path(folder / "authority.pem")
    configuration = folder / "nginx.conf"
    configuration.write_text(_CONFIGURATION.format(folder=folder, port=port, upstream=upstream, host=host))
    process = subprocess.Popen(
        [find_nginx(), "-c", str(configuration), "-p", str(folder), "-e", str(folder / "error.log")],
        stderr=subprocess.PIPE,
    )
    try:
        _wait_for(process, port)
        yield Proxy(port, folder / "authority.pem")
    finally:
        process.terminate()
        process.communicate(timeout=_PATIENCE)


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    watchdog = threading.Timer(_PATIENCE, process.kill)
    watchdog.start()
    try:
        while process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            threading.Event().wait(0.02)
        raise RuntimeError(process.communicate()[1].decode())
    finally:
        watchdog.cancel()


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
