"""External assistants: OAuth clients that a person lets in, through the real flow, and that then call the shop with a token."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from werkzeug.test import TestResponse

from shop.credentials.agents import ClientKind
from shop.oauth.clients.client import register
from shop.oauth.clients.metadata import read_metadata
from tests.support.people import ShopUnderTest, Visitor
from tests.support.providers import BASE_URL

RESOURCE = f"{BASE_URL}/mcp"
CALLBACK = "https://assistant.example/callback"


def pkce() -> tuple[str, str]:
    """A verifier and its challenge (RFC 7636 §4)."""
    verifier = secrets.token_urlsafe(32)
    digest = hashlib.sha256(verifier.encode()).digest()
    return verifier, base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass
class Answer:
    """What came back to the redirect URI."""

    response: TestResponse
    uri: str
    parameters: dict[str, str]

    @property
    def code(self) -> str:
        assert "code" in self.parameters, self.parameters
        return self.parameters["code"]


@dataclass
class ExternalAssistant:
    """An assistant outside of the shop: its registration, and what it was given."""

    shop: ShopUnderTest
    client_id: str
    redirect_uri: str = CALLBACK
    secret: str | None = field(default=None, repr=False)
    verifier: str = field(default="", repr=False)
    access_token: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    scope: str = ""
    last: TestResponse | None = None

    @property
    def authorization(self) -> str:
        """The value of its `Authorization` header."""
        return f"Bearer {self.access_token}"

    def request(self, *scopes: str, **changed: str | None) -> dict[str, str]:
        """The parameters of its authorization request; `None` leaves one out."""
        self.verifier, challenge = pkce()
        parameters: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": " ".join(scopes) or None,
            "state": "a state of the assistant",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "resource": RESOURCE,
            **changed,
        }
        return {name: value for name, value in parameters.items() if value is not None}

    def open(self, visitor: Visitor, *scopes: str, **changed: str | None) -> TestResponse:
        """Send a person's browser to the authorization endpoint. Returns what it gets there."""
        return visitor.get("/oauth/authorize", query_string=self.request(*scopes, **changed))

    def ask(self, visitor: Visitor, *scopes: str, tick: tuple[str, ...] | None = None, **changed: str | None) -> Answer:
        """Send a person there, who allows what is asked for, or what `tick` says. Returns what comes back."""
        page = self.open(visitor, *scopes, **changed)
        return back(page if page.status_code == 303 else decide(visitor, page, tick=tick))

    def token(self, **form: str | None) -> TestResponse:
        """A request to the token endpoint, as this client makes it."""
        said = {"client_id": self.client_id, **({"client_secret": self.secret} if self.secret else {}), **form}
        body = {name: value for name, value in said.items() if value is not None}
        return self.shop.app.test_client().post("/oauth/token", data=body, base_url=BASE_URL)  # type: ignore[no-any-return]

    def redeem(self, code: str, **changed: str | None) -> TestResponse:
        """Redeem a code."""
        return self.keep(self.token(**(self.redemption(code) | changed)))

    def redemption(self, code: str) -> dict[str, str | None]:
        """The parameters that redeem a code."""
        return {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
            "resource": RESOURCE,
        }

    def refresh(self, **changed: str | None) -> TestResponse:
        """Renew its access token."""
        form: dict[str, str | None] = {"grant_type": "refresh_token", "refresh_token": self.refresh_token}
        return self.keep(self.token(**(form | changed)))

    def send(self, path: str, **form: str) -> TestResponse:
        """A form to another endpoint, with this client's own authentication."""
        said = {"client_id": self.client_id, **({"client_secret": self.secret} if self.secret else {}), **form}
        return self.shop.app.test_client().post(path, data=said, base_url=BASE_URL)  # type: ignore[no-any-return]

    def connect(self, visitor: Visitor, *scopes: str) -> ExternalAssistant:
        """The whole way: ask the person, who allows it all, and redeem the code."""
        response = self.redeem(self.ask(visitor, *scopes, tick=scopes or ("browse", "read")).code)
        assert response.status_code == 200, response.text
        return self

    def keep(self, response: TestResponse) -> TestResponse:
        """Remember what a token response brought."""
        self.last = response
        if response.status_code == 200:
            body = response.get_json()
            self.access_token, self.scope = body["access_token"], body["scope"]
            self.refresh_token = body.get("refresh_token", "")
        return response


def registered(
    shop: ShopUnderTest,
    name: str = "A registered assistant",
    *,
    method: str = "none",
    redirect_uri: str = CALLBACK,
    introspects: bool = False,
    scopes: list[str] | None = None,
    client_id: str = "",
    **metadata: Any,
) -> ExternalAssistant:
    """A client that the operator registered, as `flask oauth register` does."""
    said = {
        "client_name": name,
        "redirect_uris": [redirect_uri] if redirect_uri else [],
        "token_endpoint_auth_method": method,
        "grant_types": ["authorization_code", "refresh_token"],
        **metadata,
    }
    with shop.database.write() as db:
        client, secret = register(
            db, read_metadata(said), ClientKind.PREREGISTERED, introspects=introspects, scopes=scopes
        )
        client.client_id = client_id or client.client_id
        return ExternalAssistant(shop, client.client_id, redirect_uri, secret)


def connect(visitor: Visitor, *scopes: str, name: str = "A registered assistant") -> ExternalAssistant:
    """A signed-in person lets an assistant in, for *browse* and *read* if nothing else is said."""
    return registered(visitor.shop, name).connect(visitor, *(scopes or ("browse", "read")))


def decide(
    visitor: Visitor, page: TestResponse, *, tick: tuple[str, ...] | None = None, answer: str = "allow", **changed: str
) -> TestResponse:
    """Answer the question on a consent page: what is ticked there, or what `tick` says."""
    assert page.status_code == 200, page.text
    question = re.search(r'name="question" value="([^"]+)"', page.text)
    assert question, page.text
    scopes = tick if tick is not None else ticked(page)
    return visitor.post(
        "/oauth/consent", **{"question": question.group(1), "answer": answer, "scope": list(scopes), **changed}
    )


def offered(page: TestResponse) -> tuple[str, ...]:
    """The scopes that a consent page offers."""
    return tuple(re.findall(r'name="scope" value="(\w+)"', page.text))


def ticked(page: TestResponse) -> tuple[str, ...]:
    """Those of them that are ticked already."""
    return tuple(re.findall(r'name="scope" value="(\w+)" checked', page.text))


def back(response: TestResponse) -> Answer:
    """What came back to the client through the browser."""
    parts = urlsplit(leads_to(response))
    return Answer(response, parts._replace(query="").geturl(), dict(parse_qsl(parts.query, keep_blank_values=True)))


def leads_to(response: TestResponse) -> str:
    """Where a browser goes by itself after an answer: by a redirect, or, after a form, by the page that goes on."""
    if response.status_code == 303:
        return response.headers["Location"]
    going_on = re.search(r'<meta http-equiv="refresh" content="0;url=([^"]+)">', response.text)
    assert response.status_code == 200 and going_on, response.text
    return html.unescape(going_on[1])


def segments(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a token, read without any check."""
    header, claims = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.split(".")[:2])
    return header, claims


def error_of(response: TestResponse) -> tuple[int, str]:
    """Status and error code of a refusal in the protocol's JSON form."""
    body: Mapping[str, Any] = response.get_json()
    assert set(body) <= {"error", "error_description"}, body
    assert response.headers["Cache-Control"] == "no-store"
    return response.status_code, body["error"]


def query_of(location: str) -> dict[str, list[str]]:
    """The query of an address."""
    return parse_qs(urlsplit(location).query, keep_blank_values=True)
