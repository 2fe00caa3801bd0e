"""Files that only their owner may read: secrets that are made on first use and then kept, and whatever else must stay private."""

from __future__ import annotations

import os
import secrets
import stat
import tempfile
from contextlib import suppress
from pathlib import Path


def kept_secret(path: Path) -> str:
    """A secret that is made on first use and then kept in a file that only its owner may read.

    The file appears whole or not at all (a link to a finished temporary file), and the first of two processes that
    start at once wins. Raises `ValueError` on a file that is there but empty.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists():
        keep_private(path)
    else:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent)  # mkstemp makes files with mode 0600
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(secrets.token_urlsafe(48))
            os.link(temporary, path)
        except FileExistsError:
            pass
        finally:
            os.unlink(temporary)
    return _secret_in(path)


def _secret_in(path: Path) -> str:
    """The secret in a file, whatever its characters, without the end of its line. Raises `ValueError` when there is none."""
    try:
        secret = path.read_text(encoding="utf-8-sig").strip("\r\n")
    except UnicodeDecodeError:
        raise ValueError(f"The secret in {path} is not text in UTF-8.") from None
    if not secret.strip():
        raise ValueError(f"The secret in {path} is empty: delete it, and a new one is made.")
    return secret


def keep_private(path: Path, *, create: bool = False) -> None:
    """Make sure that only its owner may read a file, also one that was there before. A file of somebody else stays as it is."""
    if create:
        with suppress(OSError):  # it is there, or cannot be: whoever opens it next says so
            os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
    with suppress(OSError):
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            path.chmod(0o600)
