"""The documents of the project, as their tests read them: files, headings, links, and code spans taken whole."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from shop.settings import ROOT

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r'\]\(([^)\s]+)\)|\b(?:src|srcset)="([^"]+)"')


@dataclass(frozen=True)
class Document:
    """One Markdown file."""

    path: Path

    @property
    def name(self) -> str:
        """Where it is, from the root of the project."""
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def text(self) -> str:
        """All of it."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def prose(self) -> str:
        """What stands outside of fenced blocks."""
        return _FENCE.sub("", self.text)

    def blocks(self, language: str) -> list[str]:
        """The fenced blocks of a language."""
        return [block for _indent, name, block in _FENCE.findall(self.text) if name == language]

    @cached_property
    def spans(self) -> list[str]:
        """The code spans, each whole: `owns` is not found in `known`."""
        return re.findall(r"`([^`\n]+)`", self.prose)

    @cached_property
    def links(self) -> list[str]:
        """Where links and pictures lead inside of the project: a path, an anchor, or both."""
        found = [link or picture for link, picture in _LINK.findall(self.prose)]
        return [link for link in found if not re.match(r"[a-z]+:", link)]

    @cached_property
    def anchors(self) -> set[str]:
        """What its headings are called in links (as GitHub does it)."""
        titles = re.findall(r"^#{1,6} +(.+?) *$", self.prose, re.MULTILINE)
        return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}

    def section(self, title: str) -> str:
        """What stands below a heading of the second level. Raises `KeyError` when there is none."""
        _, found, after = f"\n{self.text}".partition(f"\n## {title}\n")
        if not found:
            raise KeyError(title)
        return after.partition("\n## ")[0]

    def column(self, title: str, number: int = 0) -> list[str]:
        """The code spans in one column of a section's tables."""
        rows = [line.strip("|").split("|") for line in self.section(title).splitlines() if line.startswith("| ")]
        return [span for row in rows for span in re.findall(r"`([^`]+)`", row[number])]


def documents() -> list[Document]:
    """Every document, the README first."""
    return [
        Document(path) for path in (*sorted(ROOT.glob("*.md"), key=_readme_first), *sorted(ROOT.glob("docs/**/*.md")))
    ]


def document(name: str) -> Document:
    """A document by its path from the root."""
    return Document(ROOT / name)


def _readme_first(path: Path) -> tuple[bool, str]:
    return path.name != "README.md", path.name
