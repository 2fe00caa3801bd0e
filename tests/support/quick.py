"""What makes the suite quick: its thousands of shops are alike, so what is the same is made once.

`remember_url_builders` and `share_compiled_statements` replace privates of Werkzeug and SQLAlchemy in every test. That they
change nothing of what the tests say is tried by `tests/test_unpatched.py`, which runs stories with the libraries as they come.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from functools import cache
from typing import Any

from sqlalchemy import Engine
from werkzeug.routing import Rule

import shop.database
from shop.authorization.policy import Policy
from shop.database import Database
from shop.demo.seeding import Seed


def remember_url_builders() -> None:
    """Two routes that are written the same build their addresses the same: half of making a shop is compiling that anew."""
    compile_builder: Callable[..., Any] = Rule._compile_builder
    compiled: dict[tuple[object, ...], Any] = {}

    def remembered(rule: Rule, append_unknown: bool = True) -> Any:
        how = (tuple(rule._trace), repr(rule.defaults), append_unknown)
        if how not in compiled:
            compiled[how] = compile_builder(rule, append_unknown)
        return compiled[how]

    Rule._compile_builder = remembered  # type: ignore[assignment, method-assign]


def collect_garbage_seldom() -> None:
    """What was imported stays, so nobody looks through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def share_compiled_statements() -> None:
    """The databases of one kind speak one language, so a statement is put into it once, and not for each of them anew."""
    module: Any = shop.database
    create: Callable[..., Engine] = module.create_engine
    first: dict[str, Engine] = {}

    def create_alike(*arguments: Any, **options: Any) -> Engine:
        engine = create(*arguments, **options)
        alike = first.setdefault(engine.dialect.name, engine)
        engine.dialect = engine.pool._dialect = alike.dialect
        engine._compiled_cache = alike._compiled_cache
        return engine

    module.create_engine = create_alike


def share_policies() -> None:
    """A policy never changes once it was read, so one text is one policy."""
    Policy.from_file = cache(Policy.from_file)  # type: ignore[method-assign]


class AlreadyApplied(Seed):
    """The seed of a database that was copied from a seeded one: the first shop on it finds everything in force."""

    def __init__(self, seed: Seed) -> None:
        super().__init__(seed._folder, seed._issuer_of)

    def apply(self, database: Database, policy: Policy) -> None:
        """Nothing is left to do."""
