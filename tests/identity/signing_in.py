"""A browser on its way through a sign-in, and what must hold when it is refused."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field

from sqlalchemy import func, select
from werkzeug.test import TestResponse

from shop.audit.denial_windows import DenialWindow
from shop.audit.queries import RecordedEvent
from shop.credentials.sessions import SignedInSession
from tests.identity.hostile import HostileProvider
from tests.support.people import SOFIA, ShopUnderTest, Visitor


@dataclass
class Browser:
    """One browser at the provider: it can agree there and come back."""

    visitor: Visitor
    provider: HostileProvider
    url: str

    def come_back(self) -> TestResponse:
        """Agree at the provider, and open the callback that it answers with."""
        return self.visitor.get(self.callback())

    def callback(self) -> str:
        """Agree at the provider, and return the callback without opening it."""
        return self.provider.consent(self.url)


@dataclass
class Door:
    """The sign-in of one shop with one provider."""

    shop: ShopUnderTest
    provider: HostileProvider
    counted: Counter[str] = field(default_factory=Counter)
    """What was counted so far, by code."""

    def browser(self, email: str = SOFIA, next_path: str = "/") -> Browser:
        """A fresh browser that has given its e-mail."""
        visitor = self.shop.visitor()
        return Browser(visitor, self.provider, visitor.begin_sign_in(email, next_path))

    def sign_in(self) -> Visitor:
        """A person signs in, and is in."""
        browser = self.browser()
        response = browser.come_back()
        assert response.status_code == 303, response.text
        browser.visitor.email = SOFIA
        return browser.visitor

    def assert_refused(
        self,
        visitor: Visitor,
        response: TestResponse,
        status: int,
        code: str,
        *,
        says: str,
        chain: str | None = None,
        sessions: int = 0,
    ) -> RecordedEvent:
        """A page that says what to do, no session, and `sign_in.failed` on record with nothing secret in it."""
        self._assert_page(visitor, response, status, says, sessions)
        event = self.shop.chain(chain or self.shop.organization("acme"))[-1]
        assert event.name == "sign_in.failed"
        assert event.content["facts"]["code"] == code
        assert event.content["outcome"] == "failed" and event.content["subject"] is None
        text = json.dumps([event.content, event.personal])
        assert [secret for secret in self.provider.secrets if secret in text or secret in response.text] == []
        return event

    def assert_counted(
        self,
        visitor: Visitor,
        response: TestResponse,
        status: int,
        code: str,
        *,
        says: str,
        chain: str | None = None,
        sessions: int = 0,
    ) -> None:
        """The same for what a browser brought, as any stranger's can: one more `sign_in.failed` is counted, and no event written."""
        self._assert_page(visitor, response, status, says, sessions)
        where = "" if chain == "system" else self.shop.organization("acme")
        assert not [event for event in self.shop.chain(chain or where) if event.content["facts"].get("code") == code]
        with self.shop.database.read() as db:
            rows = list(db.scalars(select(DenialWindow).where(DenialWindow.kind == code)))
        assert {(row.name, row.organization, row.party, row.principal) for row in rows} == {
            ("sign_in.failed", where, "", None)
        }
        before, self.counted[code] = self.counted[code], sum(row.count for row in rows)
        assert self.counted[code] == before + 1

    def _assert_page(self, visitor: Visitor, response: TestResponse, status: int, says: str, sessions: int) -> None:
        assert response.status_code == status, response.text
        assert says in response.text
        assert 'href="/sign-in"' in response.text or 'action="/sign-in"' in response.text
        assert visitor.get("/sessions").headers["Location"].startswith("/sign-in?next=")
        with self.shop.database.read() as db:
            assert db.scalar(select(func.count()).select_from(SignedInSession)) == sessions
