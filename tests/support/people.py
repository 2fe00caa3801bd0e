"""People who use the shop in tests: they sign in through their identity provider, click and talk, like anyone."""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from shop.audit.queries import RecordedEvent
from shop.conversations import delegation, threads
from shop.conversations.models import Conversation, Item, Turn
from shop.credentials.ledger import NotAlive, live
from shop.credentials.sessions import SignedInSession
from shop.database import Database
from shop.identity.models import Organization, Person
from shop.principal import Principal, Workflow
from shop.services import Services
from shop.tools.gateway import Gateway
from shop.tools.outcomes import Outcome
from tests.support.clock import TestClock
from tests.support.providers import BASE_URL
from tests.support.stored import events_of_chain, turns_of

SOFIA = "sofia.hart@acme.example"
NOAH = "noah.lind@acme.example"
MARA = "mara.voss@acme.example"
TARIQ = "tariq.nasser@acme.example"
ADA = "ada.quist@acme.example"
INES = "ines.duarte@acme.example"
FINN = "finn.rowe@acme.example"
GIL = "gil.mercer@globex.example"
GRETA = "greta.olsen@globex.example"


@dataclass
class ShopUnderTest:
    """A running shop, in-process, with everything a test looks into."""

    services: Services
    app: Any
    clock: TestClock
    engine: str

    @property
    def database(self) -> Database:
        return self.services.database

    @property
    def gateway(self) -> Gateway:
        return self.services.gateway

    def visitor(self) -> Visitor:
        """Somebody's browser, not signed in."""
        return Visitor(self, self.app.test_client())

    def sign_in(self, email: str) -> Visitor:
        """A browser in which this person has signed in, through their organization's identity provider."""
        visitor = self.visitor()
        visitor.sign_in(email)
        return visitor

    def chain(self, identifier: str) -> list[RecordedEvent]:
        """The events of one audit chain."""
        with self.database.read() as db:
            return events_of_chain(db, identifier)

    def organization(self, slug: str) -> str:
        """An organization's id."""
        with self.database.read() as db:
            return db.scalars(select(Organization.id).where(Organization.slug == slug)).one()


@dataclass
class Visitor:
    """One browser. Its clicks carry the CSRF token of the pages it saw, as a real one's do."""

    shop: ShopUnderTest
    client: FlaskClient
    email: str = ""
    conversation: str | None = None
    last: TestResponse | None = None
    provider: requests.Session = field(default_factory=requests.Session)
    tokens: dict[str, str] = field(default_factory=dict)
    """What a session's cookie holds → the token in the forms of a page that was opened with it."""

    def get(self, path: str, **kwargs: Any) -> TestResponse:
        """Open a page."""
        return self.client.get(path, base_url=BASE_URL, **kwargs)

    def post(self, path: str, **form: Any) -> TestResponse:
        """Send a form, with the token that the pages carry."""
        headers = form.pop("headers", {})
        return self.client.post(
            path,
            base_url=BASE_URL,
            data={**form, "csrf_token": self.csrf_token()},
            headers={"Referer": BASE_URL, **headers},
        )

    def csrf_token(self) -> str:
        """The token in the forms of a page that this browser has open; it opens one where its session has changed since."""
        if self._session() not in self.tokens:
            page = self.get("/sessions" if self.email else "/sign-in", follow_redirects=True)
            found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
            assert found, "no form on the page"
            self.tokens[self._session()] = found.group(1)
        return self.tokens[self._session()]

    def _session(self) -> str:
        """What the session's cookie holds, without the time at which it was signed."""
        cookie = self.client.get_cookie(self.shop.app.config["SESSION_COOKIE_NAME"], domain="127.0.0.1")
        return cookie.value.rsplit(".", 2)[0] if cookie else ""

    def sign_in(self, email: str, next_path: str = "/") -> TestResponse:
        """Sign in as a person would: e-mail, the provider's page, back."""
        callback = self.pick_at_provider(self.begin_sign_in(email, next_path), email)
        response = self.get(callback)
        assert response.status_code == 303 or 'http-equiv="refresh"' in response.text, response.text
        self.email = email
        return response

    def begin_sign_in(self, email: str, next_path: str = "/") -> str:
        """Give the e-mail. Returns the provider's address that the browser is taken to."""
        response = self.post("/sign-in", email=email, next=next_path)
        found = re.search(r'content="0;url=([^"]+)"', response.text)
        assert found, response.text
        return html.unescape(found.group(1))

    def pick_at_provider(self, url: str, email: str) -> str:
        """Pick a person on the provider's page. Returns the path of the callback that it answers with."""
        page = self.provider.get(url)
        action = re.search(r'<form method="post" action="([^"]+)"', page.text)
        card = next(c for c in re.findall(r'<button class="card.*?</button>', page.text, re.S) if _name(email) in c)
        person = re.search(r'value="([^"]+)"', card)
        assert action and person
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(page.url))
        answer = self.provider.post(
            origin + html.unescape(action.group(1)), data={"person": person.group(1)}, allow_redirects=False
        )
        back = urlsplit(answer.headers["Location"])
        return f"{back.path}?{back.query}"

    def principal(self) -> Principal:
        """This person's own principal, below the session of this browser."""
        with self.shop.database.read() as db:
            person = db.scalars(select(Person).where(Person.email == self.email)).one()
            session = db.scalars(
                select(SignedInSession)
                .where(SignedInSession.person_id == person.id)
                .order_by(SignedInSession.started_at.desc())
            ).first()
            assert session
            try:
                return live(db, session.principal())
            except NotAlive:
                return session.principal()

    def call(self, name: str, /, seen: str | None = None, **arguments: Any) -> Outcome:
        """A click: a call through the gateway without an actor."""
        return self.shop.gateway.call_tool(self.principal(), None, name, arguments, seen=seen)

    def assistant(self, *workflows: str) -> Assistant:
        """This person's assistant in a fresh conversation, with what it starts with and these workflows allowed."""
        person = self.principal()
        with self.shop.database.write() as db:
            conversation = threads.start(db, self.shop.services.policy, person, "A conversation of a test")
            principal = delegation.assistant_for(
                db, person, conversation, build="test", lifetime=self.shop.services.settings.delegation_lifetime
            )
        assistant = Assistant(self, conversation, principal)
        for workflow in workflows:
            assistant.allow(workflow)
        return assistant

    def say(self, text: str, **form: str) -> Reply:
        """Send a message to the assistant on the chat page, and wait for the end of the answer."""
        path = f"/assistant/{self.conversation}/messages" if self.conversation else "/assistant/"
        return self._streamed(self.post(path, message=text, **form))

    def edit(self, turn: str, text: str) -> Reply:
        """Say the message of a turn anew, and wait for the end of the answer."""
        return self._streamed(self.post(f"/assistant/{self.conversation}/turns/{turn}/edit", message=text))

    def allow(self, call: str) -> Reply:
        """Press 'Allow in this conversation' on a refused call."""
        return self._streamed(
            self.post(f"/assistant/{self.conversation}/consent", workflow="transact", allow="1", call=call)
        )

    def confirm(self, receipt: str) -> Reply:
        """Press 'Confirm' on a receipt."""
        return self._streamed(self.post(f"/assistant/{self.conversation}/receipts/{receipt}/confirm"))

    def turns(self) -> list[Turn]:
        """The stored turns of the conversation on this page."""
        with self.shop.database.read() as db:
            return turns_of(db, str(self.conversation))

    def latest_call(self, tool: str) -> Item:
        """The stored item of the latest call of a tool in this conversation."""
        calls = [item for turn in self.turns() for item in turn.items if item.tool == tool]
        assert calls, f"{tool} was not called"
        return calls[-1]

    def events(self) -> list[str]:
        """The names of the audit events of the conversation on this page."""
        return [str(event.name) for event in self.shop.chain(str(self.conversation))]

    def _streamed(self, response: TestResponse) -> Reply:
        text = response.get_data(as_text=True)
        for line in text.splitlines():
            if line.startswith("data: {") and '"href"' in line:
                self.conversation = json.loads(line.removeprefix("data: "))["id"]
        return Reply(response.status_code, response.mimetype or "", text)


@dataclass(frozen=True)
class Reply:
    """What the chat page got back."""

    status: int
    mimetype: str
    html: str


@dataclass
class Assistant:
    """An assistant that acts for a person in one conversation, driven by the test instead of a model."""

    visitor: Visitor
    conversation: Conversation
    principal: Principal

    def call(self, name: str, /, **arguments: Any) -> Outcome:
        """Propose a call, as a model would."""
        return self.propose(name, arguments)

    def propose(self, name: str, arguments: object) -> Outcome:
        """Propose a call with whatever arguments."""
        return self.visitor.shop.gateway.call_tool(self.principal, self.conversation.id, name, arguments)

    def allow(self, workflow: str) -> None:
        """The person allows a workflow in this conversation."""
        self._consent(workflow, True)

    def withdraw(self, workflow: str) -> None:
        """The person takes a workflow back."""
        self._consent(workflow, False)

    def events(self) -> list[RecordedEvent]:
        """The audit events of this conversation."""
        return self.visitor.shop.chain(self.conversation.id)

    def _consent(self, workflow: str, allowed: bool) -> None:
        person = self.visitor.principal()
        with self.visitor.shop.database.write() as db:
            delegation.set_consent(
                db,
                person,
                self.conversation,
                Workflow(workflow),
                allowed,
                build="test",
                lifetime=self.visitor.shop.services.settings.delegation_lifetime,
            )


def _name(email: str) -> str:
    return " ".join(part.capitalize() for part in email.partition("@")[0].split("."))
