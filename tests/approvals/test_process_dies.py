"""A process that dies in the middle of a confirmed purchase: before the commit nothing happened, after it everything did."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from shop.settings import ROOT
from shop.tools.outcomes import Failed, Succeeded
from tests.support.people import ShopUnderTest, Visitor
from tests.support.state import HOODIE, chains_hold, count_orders, receipt, stock

DIED = 9
CONFIRMS_AND_DIES = """
import json, os, sys
from datetime import timedelta
from pathlib import Path
from sqlalchemy import event
from shop.authorization.policy import Policy
from shop.database import Database
from shop.principal import Principal
from shop.tools.gateway import Gateway

given = json.loads(sys.argv[1])
database = Database(given["url"], threads=2)
gateway = Gateway(database, Policy.from_file(Path(given["policy"])), receipt_lifetime=timedelta(minutes=10))
bought = []


def note(connection, cursor, statement, *_rest):
    if statement.startswith("INSERT INTO orders "):
        bought.append(statement)


def die(connection):
    if bought:  # not at an earlier commit: the one that would have made the order durable
        os._exit(9)


if given["when"] == "before":
    event.listen(database.engine, "after_cursor_execute", note)
    event.listen(database.engine, "commit", die)
gateway.approve(Principal(**given["person"]), given["receipt"])
os._exit(9 if given["when"] == "after" else 1)
"""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.holds("I13", "I5", "I7")
def test_a_process_dies_before_or_after_the_commit(
    shop: ShopUnderTest, sofia: Visitor, waiting: str, when: str
) -> None:
    """Killed at the commit of the order: no order, stock and receipt untouched, and the next click buys. Killed after it: the order
    stands with its events, and the next click finds that it was confirmed already.
    """
    person = sofia.principal()
    given = {
        "url": shop.services.settings.database_url,
        "policy": str(Path(shop.services.settings.seed_dir) / "policy" / "policy.csv"),
        "person": {name: getattr(person, name) for name in ("subject", "organization", "membership", "session")},
        "receipt": waiting,
        "when": when,
    }
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", CONFIRMS_AND_DIES, json.dumps(given)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (DIED, "")
    expected = ("open", 3, 40) if when == "before" else ("approved", 4, 39)
    assert (receipt(shop, waiting).state, count_orders(shop), stock(shop, HOODIE)) == expected
    again = shop.gateway.approve(person, waiting)
    assert isinstance(again, Succeeded if when == "before" else Failed)
    assert (receipt(shop, waiting).state, count_orders(shop), stock(shop, HOODIE)) == ("approved", 4, 39)
    assert chains_hold(shop)
