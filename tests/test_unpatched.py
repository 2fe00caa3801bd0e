"""The suite patches libraries to be quick (tests/support/quick.py). Some stories also run with the libraries as they come."""

from __future__ import annotations

import subprocess
import sys

import pytest
import sqlalchemy
from werkzeug.routing import Rule

import shop.database
from shop.settings import ROOT

STORIES = (
    "tests/flows/test_story.py::test_scenes_2_to_4_from_a_question_to_an_order_number",
    "tests/flows/test_external_assistants.py::test_scenes_12_and_13_one_order_by_the_right_person_and_the_end_of_it",
)
"""From a question to an order, by the shop's own assistant and by an external one: every layer, on both engines."""


def test_a_run_is_patched_or_not_as_it_was_asked_to_be(request: pytest.FixtureRequest) -> None:
    """With `--unpatched` Werkzeug and SQLAlchemy are as they were installed; without it they are not."""
    is_unpatched = request.config.getoption("--unpatched")
    assert (Rule._compile_builder.__module__ == "werkzeug.routing.rules") == is_unpatched
    assert (vars(shop.database)["create_engine"] is sqlalchemy.create_engine) == is_unpatched


def test_stories_pass_with_the_libraries_as_they_come() -> None:
    """The same assertions hold without any shortcut of the suite."""
    is_patched = f"{__file__}::{test_a_run_is_patched_or_not_as_it_was_asked_to_be.__name__}"
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", "--unpatched", is_patched]
    done = subprocess.run([*command, *STORIES], cwd=ROOT, capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert "5 passed" in done.stdout
