"""The organization's own trail: what happened outside conversations, for its auditors only, page by page."""

from __future__ import annotations

import html
import re
from dataclasses import replace

import pytest

from shop.audit.events import EventName
from shop.audit.writer import record
from tests.support.assistants import connect
from tests.support.people import ADA, GRETA, INES, NOAH, SOFIA, ShopUnderTest
from tests.support.providers import ServedProvider
from tests.support.state import ONE_ENGINE


def sequences(page: str) -> list[int]:
    """The sequence numbers that a page of the trail shows."""
    return [int(number) for number in re.findall(r"<dt>Entry</dt><dd>(\d+) ", page)]


@pytest.mark.holds("ASVS-8.2.2", "ASVS-8.4.1", "I5")
def test_the_trail_is_for_auditors_of_the_organization(shop: ShopUnderTest) -> None:
    """An auditor reads sign-ins and who read the audit, and is recorded; anybody else gets a 404, recorded too."""
    acme = shop.organization("acme")
    for email in (SOFIA, NOAH, INES):
        somebody = shop.sign_in(email)
        assert somebody.get("/audit/organization").status_code == 404
        event = shop.chain(acme)[-1]
        assert event.name == "access.denied" and event.content["subject"] == somebody.principal().subject
    page = shop.sign_in(ADA).get("/audit/organization")
    assert page.status_code == 200 and "Acme" in page.text
    assert "signed in as buyer" in page.text and "refused the page /audit/organization" in page.text
    assert f"opened the audit of {acme}" in page.text, "the view itself is the last entry"
    event = shop.chain(acme)[-1]
    assert event.name == "audit.viewed" and event.content["resource"] == {"kind": "organization", "id": acme}


@ONE_ENGINE
@pytest.mark.holds("ASVS-8.4.1", "I10")
def test_two_organizations_have_two_trails(shop: ShopUnderTest) -> None:
    """Nothing of Acme is in what Globex's auditor reads."""
    shop.sign_in(SOFIA)
    page = shop.sign_in(GRETA).get("/audit/organization").text
    assert "Greta Olsen" in page
    assert not [word for word in ("Sofia", "acme.example", shop.organization("acme")) if word in page]


@ONE_ENGINE
def test_the_trail_names_whom_it_is_about(shop: ShopUnderTest, providers: list[ServedProvider]) -> None:
    """Not only who did it: whose membership, which client, and that an ending which came of an assistant was no click."""
    sofia, ines = shop.sign_in(SOFIA), shop.sign_in(INES)
    connect(sofia, name="Desk helper")
    membership = sofia.principal().membership
    sofia.post("/assistants/revoke-all")
    ines.post(f"/admin/people/{membership}/suspend")
    ines.post(f"/admin/people/{membership}/restore")
    page = told(shop)
    for line in (
        "Person: Sofia Hart · ended what Desk helper was allowed: revoked by person",
        "Person: Ines Duarte · suspends the membership of Sofia Hart",
        "Person: Ines Duarte · ended 1 session: suspended",
        "Person: Ines Duarte · restores the membership of Sofia Hart",
    ):
        assert line in page, page
    assistant = connect(shop.sign_in(SOFIA), name="Another")
    shop.clock.pass_by(minutes=5)
    with providers[0].changed(sofia=lambda one: replace(one, groups=())):
        assistant.refresh()
    shop.clock.pass_by(minutes=5)
    with providers[0].changed(sofia=lambda _: None):
        assistant.refresh()
    page = told(shop)
    for line in (
        "System: roles of Sofia Hart changed: buyer → guest",
        "System: Sofia Hart · still vouched for by the identity provider",
        "System: Sofia Hart · no longer vouched for by the identity provider",
        "System: Sofia Hart · 1 session ended: sign in withdrawn",
        "System: Sofia Hart · what Another was allowed ended: sign in withdrawn",
    ):
        assert line in page, page


def told(shop: ShopUnderTest) -> list[str]:
    """The lines of the trail, as an auditor reads them: lane, and who did what."""
    page = shop.sign_in(ADA).get("/audit/organization").text
    lines = re.findall(r'<span class="lane">(\w+)</span>\s*<div class="what">\s*<p>(.*?)</p>', page, re.S)
    return [f"{lane}: {html.unescape(re.sub(r'<[^>]+>', '', words))}" for lane, words in lines]


@ONE_ENGINE
def test_a_long_trail_has_pages(shop: ShopUnderTest) -> None:
    """A hundred entries a page, latest page first, with links to older ones down to the first; none twice, none left out."""
    acme, ada = shop.organization("acme"), shop.sign_in(ADA)
    with shop.database.write() as db:
        for number in range(250):
            record(db, EventName.SIGN_IN_FAILED, organization=acme, outcome="failed", facts={"code": f"c{number}"})
    length = len(shop.chain(acme)) + 1
    page = ada.get("/audit/organization").text
    seen = [sequences(page)]
    assert seen[0] == list(range(length - 99, length + 1)) and "Newer" not in page
    while older := re.search(r'href="(/audit/organization\?before=\d+)" rel="next"', page):
        page = ada.get(older.group(1)).text
        seen.append(sequences(page))
        assert 'href="/audit/organization" rel="prev"' in page
    assert sorted(number for numbers in seen for number in numbers) == list(range(1, length + 1))
    assert sequences(ada.get("/audit/organization?before=1").text) == []
