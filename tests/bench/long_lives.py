"""How pages and turns cost in a conversation of 2,000 turns and an audit of 20,000 events, against short ones."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from shop import create_app
from shop.audit.events import EventName
from shop.conversations import threads
from shop.credentials.ledger import live
from shop.database import Database
from tests.bench.figure import Figure, medians, timed
from tests.bench.ground import signed_in
from tests.bench.server import settings_in
from tests.support.long import add_events, add_turns

SHORT_TURNS, LONG_TURNS = 10, 2000
SHORT_EVENTS, LONG_EVENTS = 110, 20_000
"""Events: more than a page shows, and very many."""
_LIMIT = 1.5


def long_conversations(rounds: int = 20) -> Figure:
    """Page, dock and turn of a conversation of 2,000 turns, against those of one of 10; the worst of them."""
    with _two() as (client, short, long, token):

        def page(conversation: str) -> Callable[[], object]:
            return lambda: _ok(client.get(f"/assistant/{conversation}"))

        def turn(conversation: str) -> Callable[[], object]:
            form = {"message": "hello", "csrf_token": token}
            return lambda: _ok(client.post(f"/assistant/{conversation}/messages", data=form))

        ratios = {"page": _ratio(page(short), page(long), rounds), "turn": _ratio(turn(short), turn(long), rounds)}
    return _worst("a long conversation", ratios, f"{LONG_TURNS:,} turns against {SHORT_TURNS}", rounds)


def long_audits(rounds: int = 20) -> Figure:
    """The audit's pages of 20,000 events, against those of 110; the worst of them."""
    with _two() as (client, short, long, _token):

        def view(path: str) -> Callable[[], object]:
            return lambda: _ok(client.get(path))

        paths = ("/audit/conversations/{}", "/audit/conversations/{}?show=refused", "/audit/conversations/{}?before=50")
        ratios = {path: _ratio(view(path.format(short)), view(path.format(long)), rounds) for path in paths}
    return _worst("a long audit", ratios, f"{LONG_EVENTS:,} events against {SHORT_EVENTS}", rounds)


def _ratio(short: Callable[[], object], long: Callable[[], object], rounds: int) -> float:
    quick, slow = medians(timed(short), timed(long), rounds=rounds)
    return slow / quick


def _worst(name: str, ratios: dict[str, float], what: str, rounds: int) -> Figure:
    each = ", ".join(f"`{asked}` {ratio:.2f}×" for asked, ratio in ratios.items())
    how = f"{what}, SQLite on disk, in process: {each}; mean {statistics.mean(ratios.values()):.2f}×; medians of {rounds} in turns"
    return Figure(name, max(ratios.values()), _LIMIT, "×", how)


def _ok(response: TestResponse) -> None:
    """Read an answer to its end, a stream too. Raises `RuntimeError` for a refusal."""
    response.get_data()
    if response.status_code != 200:
        raise RuntimeError(f"answered {response.status_code}")


@contextmanager
def _two() -> Iterator[tuple[FlaskClient, str, str, str]]:
    """A signed-in client, a short and a long conversation of its person's, and the CSRF token of its pages."""
    with TemporaryDirectory() as folder:
        app = create_app(settings_in(folder))
        database: Database = app.extensions["shop"].database
        session, token = signed_in(database)
        sofia = session.principal()
        with database.write() as db:
            me = live(db, sofia)
            ids = [threads.start(db, app.extensions["shop"].policy, me, title).id for title in ("Short", "Long")]
            for conversation, turns, events in zip(
                ids, (SHORT_TURNS, LONG_TURNS), (SHORT_EVENTS, LONG_EVENTS), strict=True
            ):
                add_turns(db, conversation, turns)
                add_events(db, conversation, sofia.organization, events)
                add_events(db, conversation, sofia.organization, 5, EventName.TOOL_CALL_DENIED)
        client = app.test_client()
        with client.session_transaction() as cookie:
            cookie["_user_id"], cookie["_fresh"] = token, True
        page = client.get("/sessions").text
        yield client, ids[0], ids[1], page.split('name="csrf_token" value="', 1)[1].split('"', 1)[0]
        database.dispose()
