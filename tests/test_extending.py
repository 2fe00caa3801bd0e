"""`docs/extending/`: what each page shows is applied to a copy of the project, and its tests pass there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shop.settings import ROOT
from tests.support.documents import Document, document
from tests.support.worked_examples import NotApplicable, Step, apply, copy_of_project, run, steps

INDEX = document("docs/extending/README.md")
PAGES = [Document(path) for path in sorted((ROOT / "docs" / "extending").glob("*.md")) if path != INDEX.path]


@pytest.mark.parametrize("example", PAGES, ids=lambda example: example.path.stem)
def test_what_a_page_shows_works(example: Document, tmp_path: Path) -> None:
    """Whoever types in what the page shows, and runs what it says, sees tests pass."""
    copy = copy_of_project(tmp_path / "copy")
    apply(example, copy)
    run(example, copy)


@pytest.mark.parametrize("example", PAGES, ids=lambda example: example.path.stem)
def test_a_page_is_short_and_all_of_its_code_is_tried(example: Document) -> None:
    """Every block is one that is applied or run, the last of them a test; and the index leads to the page."""
    assert len(steps(example)) + len(example.blocks("sh")) == len(re.findall(r"^```\w+$", example.text, re.MULTILINE))
    assert len(example.blocks("sh")) == 1
    assert len(example.text.splitlines()) <= 200
    assert example.path.name in INDEX.links


@pytest.mark.parametrize("text", ["", "a = 1\nb = 2\na = 1\n"])
def test_a_place_that_is_not_there_or_not_the_only_one_is_none(text: str) -> None:
    """A page that the project has moved away from fails, and does not change something else."""
    with pytest.raises(NotApplicable):
        Step("shop/any.py", "after", "a = 1", "c = 3\n").applied_to(text)
