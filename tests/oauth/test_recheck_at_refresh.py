"""At a refresh the person's identity provider is asked about them: off-boarded there, an assistant gets nothing here."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from shop.identity.models import ExternalIdentity
from shop.identity.offline_access import OfflineAccess
from shop.principal import Workflow
from tests.oauth.looks import events, facts, is_alive, only_grant
from tests.support.assistants import connect, error_of, registered
from tests.support.people import NOAH, SOFIA, ShopUnderTest
from tests.support.providers import ServedProvider
from tests.support.state import ONE_ENGINE, chains_hold, watching


@pytest.fixture
def acme(providers: list[ServedProvider]) -> ServedProvider:
    """Acme's identity provider, whose directory may change."""
    return providers[0]


def kept_of(shop: ShopUnderTest, person: str) -> OfflineAccess | None:
    """What is kept to ask about a person."""
    with shop.database.read() as db:
        subjects = select(ExternalIdentity.subject).where(ExternalIdentity.person_id == person)
        query = select(OfflineAccess).where(OfflineAccess.subject.in_(subjects))
        return db.scalars(query).one_or_none()


@pytest.mark.holds("ASVS-7.6.1", "ASVS-8.3.2")
def test_the_provider_stands_by_them_and_says_what_they_are_now(shop: ShopUnderTest, acme: ServedProvider) -> None:
    """New tokens, on record that it was asked; and whoever may buy no longer does not, from this very refresh on."""
    sofia = shop.sign_in(SOFIA)
    assistant, person = connect(sofia, "browse", "transact"), sofia.principal()
    shop.clock.pass_by(minutes=9)
    with watching(shop) as seen, acme.changed(sofia=lambda one: replace(one, groups=("shop-shoppers",))):
        assert assistant.refresh().status_code == 200
    assert seen.names == ["membership.roles_changed", "sign_in.confirmed", "token.refreshed"]
    assert seen.events[0].content["facts"]["before"] == ["buyer"]
    assert seen.events[0].content["facts"]["after"] == ["shopper"]
    confirmed = seen.events[1].content
    assert confirmed["subject"] == person.subject and confirmed["actor"]["client"] == assistant.client_id
    assert confirmed["resource"]["kind"] == "connection" and confirmed["outcome"] == "succeeded"
    assert sofia.principal().roles == {"shopper"}
    kept = kept_of(shop, person.subject)
    assert kept and kept.asking_until is None and shop.clock.now - kept.vouched_at < timedelta(minutes=1)
    assert chains_hold(shop)


@pytest.mark.holds("ASVS-7.4.2", "ASVS-7.6.1", "I9", "NHI1")
def test_who_has_left_the_company_has_left_here(shop: ShopUnderTest, acme: ServedProvider) -> None:
    """All grants and sessions of the person end, at the next call; colleagues go on; nothing comes back without a sign-in."""
    sofia, noah = shop.sign_in(SOFIA), shop.sign_in(NOAH)
    one, other, colleague = connect(sofia), connect(sofia, name="Another"), connect(noah)
    person = sofia.principal()
    shop.clock.pass_by(minutes=9)
    with watching(shop) as seen, acme.changed(sofia=lambda _: None):
        refused = one.refresh()
    assert error_of(refused) == (400, "invalid_grant") and "sign in again" in refused.get_json()["error_description"]
    assert seen.names == [
        "sign_in.withdrawn", "session.revoked", "grant.revoked", "grant.revoked", "token.refused",
    ]  # fmt: skip
    withdrawn = seen.events[0].content
    assert withdrawn["subject"] == person.subject and withdrawn["outcome"] == "denied"
    assert withdrawn["facts"] == {"error": "invalid_grant"}
    assert {event.content["facts"]["because"] for event in seen.events[1:4]} == {"sign_in_withdrawn"}
    assert seen.events[4].content["subject"] == person.subject
    for assistant in (one, other):
        assert not is_alive(shop, assistant.access_token)
        assert only_grant(shop, assistant.client_id)[1].ended_because == "sign_in_withdrawn"
    assert kept_of(shop, person.subject) is None
    page = sofia.get("/assistant/", follow_redirects=True)
    assert "Your company&#39;s sign-in service ended what you had open here." in page.text
    assert error_of(other.refresh()) == (400, "invalid_grant")
    assert is_alive(shop, colleague.access_token) and colleague.refresh().status_code == 200
    assert chains_hold(shop)


@ONE_ENGINE
def test_who_comes_back_connects_anew(shop: ShopUnderTest, acme: ServedProvider) -> None:
    """A new sign-in is a new word of the provider: the person lets the assistant in again, and it is asked about again."""
    sofia = shop.sign_in(SOFIA)
    assistant = connect(sofia)
    shop.clock.pass_by(minutes=9)
    with acme.changed(sofia=lambda _: None):
        assistant.refresh()
    back = shop.sign_in(SOFIA)
    page = back.get("/assistants/")
    assert "your company&#39;s sign-in service ended it" in page.text
    assistant.connect(back, "browse")
    shop.clock.pass_by(minutes=9)
    assert assistant.refresh().status_code == 200
    assert len(events(shop, "sign_in.confirmed")) == 1


@ONE_ENGINE
def test_it_is_asked_once_a_minute_at_most(shop: ShopUnderTest) -> None:
    """A sign-in counts as much as an answer: within a minute of either, nobody is asked."""
    assistant = connect(shop.sign_in(SOFIA))
    for wait, asked in (("59", 0), ("2", 1), ("58", 1), ("3", 2)):
        shop.clock.pass_by(seconds=float(wait))
        assert assistant.refresh().status_code == 200
        assert len(events(shop, "sign_in.confirmed")) == asked


@ONE_ENGINE
def test_who_has_no_good_token_makes_us_ask_nobody(shop: ShopUnderTest) -> None:
    """A stranger, another client, a token used before, and one whose grant has ended."""
    sofia = shop.sign_in(SOFIA)
    assistant, thief = connect(sofia), registered(shop, "A thief")
    old = assistant.refresh_token
    shop.clock.pass_by(minutes=5)
    thief.refresh(refresh_token=old)
    assistant.refresh(refresh_token="unknown")
    assert events(shop, "sign_in.confirmed") == []
    revoked = connect(sofia, name="Revoked")
    grant = only_grant(shop, revoked.client_id)[0]
    sofia.post(f"/assistants/{grant.id}/revoke")
    assert error_of(revoked.refresh()) == (400, "invalid_grant")
    assert events(shop, "sign_in.confirmed") == []
    assert assistant.refresh().status_code == 200
    shop.clock.pass_by(minutes=5)
    assert error_of(assistant.refresh(refresh_token=old)) == (400, "invalid_grant")
    assert len(events(shop, "sign_in.confirmed")) == 1


@ONE_ENGINE
def test_with_another_secret_key_the_person_signs_in_again(shop: ShopUnderTest, build_shop) -> None:  # type: ignore[no-untyped-def]
    """What was sealed cannot be opened, so nobody can ask: no new tokens until then, and nothing that was allowed is lost."""
    assistant = connect(shop.sign_in(SOFIA), "browse")
    shop.clock.pass_by(minutes=5)
    assistant.shop = other = build_shop(secret_key="another secret of the tests, just as long as the one before")
    assert error_of(assistant.refresh()) == (400, "invalid_grant")
    assert facts(shop, "token.refused")["why"].startswith("The identity provider of the person")
    assert only_grant(shop, assistant.client_id)[1].ended_at is None
    other.sign_in(SOFIA)
    assert assistant.refresh().get_json()["scope"] == Workflow.BROWSE
