"""Sessions: a random token, of which the database keeps a hash; an idle end that moves, an absolute end that does not."""

from __future__ import annotations

import base64
import hashlib
import secrets

import pytest
from flask.sessions import SecureCookieSessionInterface
from sqlalchemy import select
from sqlalchemy.orm import Session

from shop.credentials.end_reasons import EndReason
from shop.credentials.ledger import Authority, Lapse, NotAlive, end, live
from shop.credentials.sessions import SignedInSession, needs_touch, sessions_of, touch
from shop.credentials.tokens import secret_digest
from shop.database import Base, Database
from shop.principal import Principal
from tests.credentials.ground import ABSOLUTE, IDLE, a_person, membership, organization, session, with_assistant
from tests.support.clock import TestClock
from tests.support.people import SOFIA, ShopUnderTest


def of_token(db: Session, token: str) -> SignedInSession | None:
    """The session that a browser's token names, as a request finds it."""
    return db.scalars(select(SignedInSession).where(SignedInSession.token_hash == secret_digest(token))).one_or_none()


def signed_in(database: Database) -> tuple[Principal, str]:
    with database.write() as db:
        of = organization(db)
        stored, token = session(db, membership(db, of, "buyer"), of)
        return stored.principal(), token


def lapse_of(database: Database, principal: Principal) -> Lapse | None:
    with database.read() as db:
        try:
            live(db, principal)
        except NotAlive as lapsed:
            return lapsed.lapse
    return None


@pytest.mark.holds("ASVS-7.2.2", "ASVS-7.2.3")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_tokens_are_random_and_long(database: Database) -> None:
    """Each session gets a token of its own, of 256 bits, with nothing in it."""
    tokens = [signed_in(database)[1] for _ in range(20)]
    assert len(set(tokens)) == len(tokens)
    for token in tokens:
        assert len(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))) * 8 >= 256
    beginnings = {token[:4] for token in tokens}
    assert len(beginnings) == len(tokens)


@pytest.mark.holds("NHI2", "ASVS-7.2.2")
def test_the_database_holds_only_the_hash_of_a_token(database: Database) -> None:
    """Whoever reads every table learns no token, and a hash found there signs nobody in."""
    person, token = signed_in(database)
    with database.read() as db:
        dump = "\n".join(str(tuple(row)) for table in Base.metadata.sorted_tables for row in db.execute(select(table)))
        stored = db.get_one(SignedInSession, person.session)
        assert stored.token_hash == hashlib.sha256(token.encode()).hexdigest()
        assert stored.token_hash in dump
        assert token not in dump
        found = of_token(db, token)
        assert found is not None and found.id == person.session
        assert of_token(db, stored.token_hash) is None
        assert of_token(db, "") is None


@pytest.mark.holds("ASVS-7.2.1")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_browser_is_believed_only_what_the_server_knows(shop: ShopUnderTest) -> None:
    """A cookie that is well signed but names no session of the server signs nobody in; nor does one signed by others."""
    sofia, name = shop.sign_in(SOFIA), shop.app.config["SESSION_COOKIE_NAME"]
    serializer = SecureCookieSessionInterface().get_signing_serializer(shop.app)
    cookie = sofia.client.get_cookie(name, domain="127.0.0.1")
    assert serializer is not None and cookie is not None
    content = serializer.loads(cookie.decoded_value)
    handle = sofia.principal().session
    with shop.database.read() as db:
        stored = db.get_one(SignedInSession, handle)
    assert sofia.get("/sessions").status_code == 200
    for forged in (secrets.token_urlsafe(32), handle, stored.token_hash, content["_user_id"][:-1], ""):
        stranger = shop.visitor()
        stranger.client.set_cookie(name, serializer.dumps(content | {"_user_id": forged}), domain="127.0.0.1")
        assert stranger.get("/sessions").status_code == 302
    stranger = shop.visitor()
    stranger.client.set_cookie(name, cookie.decoded_value[:-2], domain="127.0.0.1")
    assert stranger.get("/sessions").status_code == 302


@pytest.mark.holds("ASVS-7.3.1")
def test_an_idle_session_expires_and_its_persons_requests_move_that_end(database: Database, clock: TestClock) -> None:
    """A touch moves the idle end on by the idle time; without one the session is over."""
    person, _ = signed_in(database)
    clock.pass_by(seconds=IDLE.total_seconds() - 60)
    with database.write() as db:
        touch(db, person.own_session, IDLE)
    clock.pass_by(seconds=IDLE.total_seconds() - 60)
    assert lapse_of(database, person) is None
    clock.pass_by(seconds=60)
    assert lapse_of(database, person) is Lapse.EXPIRED


@pytest.mark.holds("ASVS-7.3.2")
def test_nothing_moves_the_absolute_end(database: Database, clock: TestClock) -> None:
    """However busy its person is, a session ends when its time is over."""
    person, _ = signed_in(database)
    step = IDLE.total_seconds() / 2
    for _ in range(int(ABSOLUTE.total_seconds() / step) - 1):
        clock.pass_by(seconds=step)
        with database.write() as db:
            touch(db, person.own_session, IDLE)
    assert lapse_of(database, person) is None
    with database.read() as db:
        expires = db.get_one(Authority, person.session).expires_at
        absolute = db.get_one(SignedInSession, person.session).absolute_end
    assert expires == absolute
    clock.pass_by(seconds=step)
    assert lapse_of(database, person) is Lapse.EXPIRED


@pytest.mark.parametrize("how", ["expired", "ended"])
def test_a_touch_brings_nothing_back(database: Database, clock: TestClock, how: str) -> None:
    """A session that is over stays over, whatever arrives late."""
    person, _ = signed_in(database)
    if how == "expired":
        clock.pass_by(seconds=IDLE.total_seconds())
    else:
        with database.write() as db:
            end(db, [person.own_session], EndReason.SIGNED_OUT)
    with database.write() as db:
        touch(db, person.own_session, IDLE)
    assert lapse_of(database, person) is not None


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_touch_is_due_once_a_minute(database: Database, clock: TestClock) -> None:
    """Requests close together cost one write, not one each."""
    person, _ = signed_in(database)
    clock.pass_by(seconds=50)
    with database.read() as db:
        assert not needs_touch(db, db.get_one(SignedInSession, person.session))
    clock.pass_by(seconds=10)
    with database.read() as db:
        assert needs_touch(db, db.get_one(SignedInSession, person.session))


def test_only_living_sessions_are_listed(database: Database, clock: TestClock) -> None:
    """What a person sees as their sessions is what still works, latest first."""
    with database.write() as db:
        of = organization(db)
        mine = membership(db, of, "buyer")
        old = session(db, mine, of)[0].id
    clock.pass_by(seconds=IDLE.total_seconds() / 2)
    with database.write() as db:
        ended, latest = session(db, mine, of)[0].id, session(db, mine, of)[0].id
        end(db, [ended], EndReason.SIGNED_OUT)
        touch(db, latest, IDLE)
    with database.read() as db:
        assert [one.id for one in sessions_of(db, mine)] == [latest, old]
    clock.pass_by(seconds=IDLE.total_seconds() / 2)
    with database.read() as db:
        assert [one.id for one in sessions_of(db, mine)] == [latest]


def test_the_end_of_a_session_is_not_moved_by_its_assistant_in_the_ledger(database: Database, clock: TestClock) -> None:
    """Asking whether an assistant is alive, however often, leaves the idle end where it was."""
    assistant = with_assistant(database, a_person(database, "buyer"))
    with database.read() as db:
        before = db.get_one(Authority, assistant.session).expires_at
    for _ in range(3):
        clock.pass_by(minutes=2)
        with database.write() as db:
            live(db, assistant)
    with database.read() as db:
        assert db.get_one(Authority, assistant.session).expires_at == before


@pytest.mark.holds("ASVS-7.3.1")
def test_assistant_traffic_never_extends_a_session(shop: ShopUnderTest) -> None:
    """A busy assistant is not its person being there: the session idles out under it; a page view would have helped."""
    sofia = shop.sign_in(SOFIA)
    assistant, idle = sofia.assistant(), shop.services.settings.session_idle.total_seconds()
    for _ in range(4):
        shop.clock.pass_by(seconds=idle / 4 - 1)
        assert assistant.call("search_products").kind == "succeeded"
    shop.clock.pass_by(seconds=10)
    refused = assistant.call("search_products")
    assert refused.kind == "denied"
    assert refused.for_model()["code"] == "signed_out"
    recorded = assistant.events()[-1]
    assert recorded.name == "tool_call.denied"
    assert recorded.content["decision"]["rule"] == "credential.session.expired"
    assert sofia.get("/sessions").status_code == 302


@pytest.mark.holds("ASVS-7.3.1")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_persons_requests_keep_their_session(shop: ShopUnderTest) -> None:
    """Somebody who keeps looking at pages stays signed in past the idle time, but not past the absolute one."""
    sofia, settings = shop.sign_in(SOFIA), shop.services.settings
    for _ in range(3):
        shop.clock.pass_by(seconds=settings.session_idle.total_seconds() - 60)
        assert sofia.get("/sessions").status_code == 200
    shop.clock.pass_by(seconds=settings.session_absolute.total_seconds())
    assert sofia.get("/sessions").status_code == 302
