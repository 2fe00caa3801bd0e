"""The organization's own trail: what happened outside conversations, for its auditors only, page by page."""

from __future__ import annotations

import re

import pytest

from shop.audit.events import EventName
from shop.audit.writer import record
from tests.support.people import ADA, GRETA, INES, NOAH, SOFIA, ShopUnderTest
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
