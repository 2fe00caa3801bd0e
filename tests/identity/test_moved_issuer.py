"""An issuer that was mistyped, corrected or moved: nobody is lost, no suspension is lifted, and no company claims another's people."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import select

from shop.credentials.ledger import Authority
from shop.identity.members import Profile, provision
from shop.identity.models import Connection, ExternalIdentity, Membership, Organization, Person
from tests.identity.hostile import SUBJECT, HostileProvider
from tests.identity.signing_in import Door
from tests.identity.test_external_provider import person_of
from tests.oauth.looks import is_alive, rows
from tests.support.assistants import connect
from tests.support.people import ShopUnderTest
from tests.support.state import ONE_ENGINE, chains_hold

Open = Callable[..., ShopUnderTest]


@pytest.fixture
def elsewhere(provider: HostileProvider) -> Iterator[HostileProvider]:
    """Another provider, which has the same `sub`."""
    other = HostileProvider(provider.clock)
    yield other
    other.stop()


def suspend(shop: ShopUnderTest, person: Person) -> None:
    """An administrator suspended somebody."""
    with shop.database.write() as db:
        membership = db.scalars(select(Membership).where(Membership.person_id == person.id)).one()
        db.get_one(Authority, membership.id).suspended_at = shop.clock()


def assert_suspended(door: Door) -> None:
    """They come back, and are told that they are suspended."""
    browser = door.browser()
    response = browser.come_back()
    assert response.status_code == 403 and "has suspended it" in response.text


@pytest.mark.holds("ASVS-10.5.2")
def test_an_issuer_that_was_mistyped_and_corrected_loses_nobody(
    open_shop: Open, provider: HostileProvider, elsewhere: HostileProvider
) -> None:
    """Even one that answers: back at the first, everybody is who they were; and whoever was suspended still is."""
    first = Door(open_shop(provider.issuer), provider)
    first.sign_in()
    sofia = person_of(first.shop, SUBJECT)
    open_shop(elsewhere.issuer)
    corrected = Door(open_shop(provider.issuer), provider)
    visitor = corrected.sign_in()
    assert person_of(corrected.shop, SUBJECT).id == sofia.id
    assert visitor.get("/orders").status_code == 200 and len(rows(corrected.shop, ExternalIdentity)) >= 1
    suspend(corrected.shop, sofia)
    open_shop(elsewhere.issuer)
    assert_suspended(Door(open_shop(provider.issuer), provider))
    assert chains_hold(corrected.shop)


@pytest.mark.parametrize("wrong", ["gone", "slash", "another", "no keys"])
def test_nothing_is_moved_to_an_issuer_that_is_not_there(
    open_shop: Open, provider: HostileProvider, elsewhere: HostileProvider, wrong: str, caplog: pytest.LogCaptureFixture
) -> None:
    """No answer, a slash too many, metadata of somebody else, no keys: all stays as it was, and the log says why."""
    shop = open_shop(provider.issuer)
    sofia = Door(shop, provider).sign_in()
    assistant = connect(sofia)
    events = len(shop.chain(shop.organization("acme")))
    issuer = elsewhere.issuer
    if wrong == "gone":
        issuer = "http://127.0.0.1:9"
    elif wrong == "slash":
        issuer = f"{provider.issuer}/"
    elif wrong == "another":
        elsewhere.metadata = {"issuer": provider.issuer}
    else:
        elsewhere.keys = []
    with caplog.at_level(logging.ERROR):
        mistyped = open_shop(issuer)
    assert f"acme stays at {provider.issuer}: {issuer}" in caplog.text
    assert is_alive(mistyped, assistant.access_token) and sofia.get("/sessions").status_code == 200
    assert len(mistyped.chain(mistyped.organization("acme"))) == events, "nothing is on record, since nothing was moved"
    Door(mistyped, provider).sign_in()


@ONE_ENGINE
@pytest.mark.holds("ASVS-10.5.2")
def test_moving_lifts_no_suspension(open_shop: Open, provider: HostileProvider, elsewhere: HostileProvider) -> None:
    """At a new issuer a suspended person has a new `sub` and the same address: they are told that they are suspended."""
    old = Door(open_shop(provider.issuer), provider)
    old.sign_in()
    suspend(old.shop, person_of(old.shop, SUBJECT))
    new = Door(open_shop(elsewhere.issuer), elsewhere)
    elsewhere.claims = {"sub": "another name for her", "email": "Sofia.Hart@acme.example"}
    assert_suspended(new)
    assert len(rows(new.shop, ExternalIdentity)) == len(rows(old.shop, ExternalIdentity)), "and nobody new was made"
    elsewhere.claims = {"sub": "00u-noah", "email": "noah@acme.example"}
    new.sign_in()


@ONE_ENGINE
def test_somebody_new_with_a_suspended_ones_address_is_let_in_by_the_same_issuer(door: Door) -> None:
    """The very same provider tells two people apart by their `sub`: there an address is no reason."""
    door.sign_in()
    suspend(door.shop, person_of(door.shop, SUBJECT))
    door.provider.claims = {"sub": "00u-another"}
    assert door.browser().come_back().status_code == 303


@ONE_ENGINE
@pytest.mark.holds("I10", "ASVS-10.5.2")
def test_no_company_claims_anothers_people_by_naming_its_issuer(door: Door) -> None:
    """Globex configures Acme's issuer: the same `sub` is another person there."""
    door.sign_in()
    sofia = person_of(door.shop, SUBJECT)
    with door.shop.database.write() as db:
        globex = db.scalars(select(Organization).where(Organization.slug == "globex")).one()
        connection = db.scalars(select(Connection).where(Connection.organization_id == globex.id)).one()
        connection.issuer = door.provider.issuer
        profile = Profile(subject=SUBJECT, email="s@globex.example", name="S", given_name="S", groups=("shop-buyers",))
        person, membership = provision(db, connection, profile)
        assert person.id != sofia.id and membership.organization_id == globex.id


@ONE_ENGINE
def test_an_answer_of_the_old_issuer_signs_nobody_in(
    open_shop: Open, provider: HostileProvider, elsewhere: HostileProvider
) -> None:
    """Whoever was at the old provider while the connection moved starts again."""
    door = Door(open_shop(provider.issuer), provider)
    browser = door.browser()

    def move() -> None:
        open_shop(elsewhere.issuer)

    provider.at_token = move
    response = browser.come_back()
    event = door.assert_refused(browser.visitor, response, 400, "connection_moved", says="signs in somewhere else now")
    assert provider.issuer in event.content["facts"]["detail"]


@ONE_ENGINE
def test_an_embedded_provider_on_another_port_has_the_same_people(
    build_shop: Open, open_shop: Open, provider: HostileProvider
) -> None:
    """The demo's PORT changed, and with it the issuer: that is no move, and its people stay."""
    shop = build_shop()
    with shop.database.write() as db:
        connection = db.scalars(select(Connection).join(Organization).where(Organization.slug == "acme")).one()
        known = {one.subject: one.person_id for one in db.scalars(select(ExternalIdentity))}
        issuer = connection.issuer
        connection.issuer = "http://127.0.0.1:1"
        for one in db.scalars(select(ExternalIdentity).where(ExternalIdentity.issuer == issuer)):
            one.issuer = "http://127.0.0.1:1"
    again = build_shop()
    found = rows(again, ExternalIdentity)
    assert {one.subject: one.person_id for one in found} == known and known
    assert "http://127.0.0.1:1" not in {one.issuer for one in found}
