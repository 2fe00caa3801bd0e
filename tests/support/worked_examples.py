"""The worked examples of `docs/extending/`: read from their page, applied to a copy of the project, and run there.

Above each block of code its page says where it goes, in one of these ways:

    `shop/new.py`, new:                            the block is the whole file
    `shop/old.py`, at the end:
    `shop/old.py`, after `a whole line`:           or: before
    `shop/old.py`, instead of `a whole line`:
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from shop.settings import ROOT
from tests.support.documents import Document

_STEP = re.compile(
    r"^`(?P<path>[\w./-]+)`, (?:(?P<whole>new|at the end)|(?P<where>after|before|instead of) (?P<ticks>`+) ?(?P<line>[^\n]+?) ?(?P=ticks)):\n\n"
    r"```\w+\n(?P<block>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_LEFT_OUT = shutil.ignore_patterns(".*", "data", "node_modules")


class NotApplicable(Exception):
    """A page says to put something where the project has no such place; the message says which."""


@dataclass(frozen=True)
class Step:
    """One block of a page, and where it goes."""

    path: str
    how: str
    """`new`, `at the end`, `after`, `before` or `instead of`."""
    line: str
    block: str

    def applied_to(self, text: str) -> str:
        """The file with this block in it. Raises `NotApplicable` unless its line stands in the file exactly once."""
        if self.how == "at the end":
            return f"{text.rstrip()}\n{self.block}"
        lines = text.splitlines(keepends=True)
        places = [number for number, line in enumerate(lines) if line.strip() == self.line.strip()]
        if len(places) != 1:
            raise NotApplicable(f"{self.path} has {len(places)} lines {self.line!r}")
        (place,) = places
        begin = place + 1 if self.how == "after" else place
        end = place if self.how == "before" else place + 1
        return "".join([*lines[:begin], self.block, *lines[end:]])


def steps(page: Document) -> list[Step]:
    """The blocks of a page that change a file, in order."""
    return [
        Step(found["path"], found["whole"] or found["where"], found["line"] or "", found["block"])
        for found in _STEP.finditer(page.text)
    ]


def copy_of_project(to: Path) -> Path:
    """A copy of the project, without what a run leaves behind. Compiled modules come along: they save seconds. Returns its root."""
    return Path(shutil.copytree(ROOT, to, ignore=_LEFT_OUT))


def apply(page: Document, root: Path) -> None:
    """Do in a copy what a page says. Raises `NotApplicable`."""
    for step in steps(page):
        path = root / step.path
        if path.exists() == (step.how == "new"):
            raise NotApplicable(f"{step.path} is {'there already' if path.exists() else 'not there'}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            step.block if step.how == "new" else step.applied_to(path.read_text(encoding="utf-8")), encoding="utf-8"
        )


def run(page: Document, root: Path) -> None:
    """Run in a copy the tests that a page tells to run, and `ruff` on what it wrote. Raises `AssertionError` with what they said."""
    changed = sorted({step.path for step in steps(page) if step.path.endswith(".py")})
    told = [shlex.split(line) for block in page.blocks("sh") for line in block.splitlines()]
    told += [["uv", "run", "ruff", "check", *changed], ["uv", "run", "ruff", "format", "--check", *changed]]
    for _uv, _run, program, *arguments in told:
        command = [sys.executable, "-m", program, *arguments]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}\n{done.stderr}"
