"""Which rows go when they have expired, and that nobody's request pays for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, func, insert, select, text

from shop.credentials.ledger import Authority, Kind
from shop.credentials.tokens import AccessToken
from shop.database import Base, new_id
from shop.guards.counters import RateLimitCounter
from shop.identity.models import Connection, SignInAttempt
from shop.oauth.clients.client import Client
from shop.upkeep.expired import BATCH, SWEPT, Expiring, sweep
from tests.support.assistants import connect
from tests.support.people import SOFIA, ShopUnderTest
from tests.support.providers import BASE_URL
from tests.support.state import ONE_ENGINE

EXPIRING = [forget for forget in SWEPT.values() if isinstance(forget, Expiring)]
KEPT = {
    "authorities": "those of tokens go with them; sessions, grants and delegations are what their person's pages tell of",
    "receipts": "what was asked and decided is evidence",
}
"""Tables with an expiry whose rows stay on purpose."""


def attempts(shop: ShopUnderTest) -> int:
    """How many sign-in attempts are stored."""
    with shop.database.read() as db:
        return db.scalar(select(func.count()).select_from(SignInAttempt)) or 0


def store_attempts(shop: ShopUnderTest, number: int, expires_at: datetime) -> None:
    """Sign-ins that somebody began."""
    with shop.database.write() as db:
        connection = db.scalars(select(Connection.id).limit(1)).one()
        row = {"browser_hash": "b", "connection_id": connection, "nonce": "n", "code_verifier": "v", "next_path": "/"}
        db.execute(
            insert(SignInAttempt),
            [row | {"state_hash": new_id("x"), "expires_at": expires_at} for _ in range(number)],
        )


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """The SQL that is sent meanwhile."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


def test_every_table_with_an_expiry_is_swept_or_kept_on_purpose() -> None:
    """A table that gets an expiry and that nobody thought of fails here."""
    with_expiry = {
        table.name for table in Base.metadata.tables.values() if {"expires_at", "forget_at"} & set(table.columns.keys())
    }
    assert with_expiry == {expiring.table.__tablename__ for expiring in EXPIRING} | set(KEPT)


@pytest.mark.parametrize("expiring", EXPIRING, ids=lambda expiring: str(expiring.column))
def test_each_expiry_has_an_index(expiring: Expiring) -> None:
    """What is swept by a column is found by it."""
    table = Base.metadata.tables[expiring.table.__tablename__]
    assert expiring.column.key in {next(iter(index.columns)).name for index in table.indexes}


def test_both_engines_find_what_expired_by_its_index(shop: ShopUnderTest) -> None:
    """The plan for 10,000 stored attempts names the index and reads no whole table; the same for tokens in the ledger."""
    store_attempts(shop, 10_000, shop.clock.now + timedelta(minutes=10))
    token = select(Authority.id).where(text("kind = 'token'"), Authority.expires_at < shop.clock.now)
    with shop.database.write() as db:
        db.execute(text("ANALYZE"))
        if shop.engine == "postgresql":  # a table of a few rows is read whole, which is no wonder
            db.execute(text("SET LOCAL enable_seqscan = off"))
        explain = "EXPLAIN " if shop.engine == "postgresql" else "EXPLAIN QUERY PLAN "
        plans = []
        for query in (Expiring(SignInAttempt.expires_at).deleting(db, BATCH), token.order_by(Authority.expires_at)):
            compiled = query.compile(db.get_bind(), compile_kwargs={"literal_binds": True})
            plans.append("\n".join(str(row) for row in db.connection().exec_driver_sql(explain + str(compiled))))
    assert "ix_sign_in_attempts_expires_at" in plans[0] and "SCAN sign_in_attempts\n" not in plans[0], plans[0]
    assert "ix_authorities_expired_tokens" in plans[1], plans[1]


def test_a_sign_in_deletes_nobody_elses_rows(shop: ShopUnderTest) -> None:
    """With thousands of expired attempts, a sign-in deletes none of them; they go by the sweep, in small steps."""
    store_attempts(shop, 3 * BATCH + 1, shop.clock.now)
    with statements(shop.database.engine) as sent:
        shop.sign_in(SOFIA)
    deletes = [statement for statement in sent if statement.startswith("DELETE")]
    assert deletes == []
    assert attempts(shop) == 3 * BATCH + 2, "its own is kept until it expires, for who opens the callback again"
    pauses: list[float] = []
    with statements(shop.database.engine) as sent:
        gone = sweep(shop.database, pauses.append)
    assert gone["sign-in attempts"] == 3 * BATCH + 1 and attempts(shop) == 1
    assert len(pauses) == 3 and all(pause > 0 for pause in pauses)
    assert len([statement for statement in sent if statement.startswith("DELETE FROM sign_in_attempts")]) == 4
    assert sweep(shop.database, pauses.append) == {}


def test_what_has_not_expired_stays(shop: ShopUnderTest) -> None:
    """Tokens, codes, attempts, clients and counters live as long as they say; then their rows go, and the grant goes on."""
    assistant = connect(shop.sign_in(SOFIA), "browse")
    metadata = {"redirect_uris": ["https://assistant.example/callback"]}
    unused = shop.app.test_client().post("/oauth/register", json=metadata, base_url=BASE_URL).get_json()["client_id"]
    store_attempts(shop, 1, shop.clock.now + timedelta(minutes=10))
    before = {table: count(shop, table) for table in (AccessToken, SignInAttempt, Client, RateLimitCounter)}
    shop.clock.pass_by(seconds=30)
    assert set(sweep(shop.database)) <= {"rate limit counters"}
    assert {table: count(shop, table) for table in before if table is not RateLimitCounter} == {
        table: number for table, number in before.items() if table is not RateLimitCounter
    }
    shop.clock.pass_by(days=1, hours=2)
    gone = sweep(shop.database)
    assert {"access tokens", "sign-in attempts", "clients that nobody let in"} <= set(gone)
    assert count(shop, AccessToken) == 0 and tokens(shop) == 0
    with shop.database.read() as db:
        assert db.get(Client, unused) is None and db.get(Client, assistant.client_id) is not None
    assert assistant.refresh().status_code == 200


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_row_that_somebody_is_at_is_left_for_the_next_time(
    shop: ShopUnderTest, build_shop: Callable[..., ShopUnderTest]
) -> None:
    """Two processes that sweep at once, or a sweep beside a request, wait for nobody."""
    store_attempts(shop, 3, shop.clock.now)
    with build_shop().database.write() as db:
        db.scalars(select(SignInAttempt).limit(1).with_for_update()).one()
        assert sweep(shop.database)["sign-in attempts"] == 2
    assert sweep(shop.database) == {"sign-in attempts": 1}


@ONE_ENGINE
def test_an_operator_can_sweep_by_hand(shop: ShopUnderTest) -> None:
    """`flask sweep` does the same once, and says what went."""
    store_attempts(shop, 2, shop.clock.now)
    run = shop.app.test_cli_runner().invoke(args=["sweep"])
    assert run.exit_code == 0 and "2 sign-in attempts" in run.output
    assert shop.app.test_cli_runner().invoke(args=["sweep"]).output.strip() == "Nothing has expired."


def count(shop: ShopUnderTest, table: type[Any]) -> int:
    """How many rows a table has."""
    with shop.database.read() as db:
        return db.scalar(select(func.count()).select_from(table)) or 0


def tokens(shop: ShopUnderTest) -> int:
    """How many tokens the ledger has."""
    with shop.database.read() as db:
        return db.scalar(select(func.count()).select_from(Authority).where(Authority.kind == Kind.TOKEN)) or 0
