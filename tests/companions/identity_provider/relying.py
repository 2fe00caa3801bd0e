"""A clock that the test owns, and a client application that speaks to the provider through a browser."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from flask import Flask
from joserfc import jwt
from joserfc.jwk import KeySet
from werkzeug.test import TestResponse

SEED = Path(__file__).resolve().parents[3] / "seed_data" / "identity_providers"
ISSUER = "http://127.0.0.1:5001"
CALLBACK = "http://127.0.0.1:5000/sign-in/callback"
HOME = "http://127.0.0.1:5000/"
SECRET = "a secret with : and % and ü in it"
VERIFIER = "v" * 50
SOFIA, NOAH = "acme-10417", "acme-10562"


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.time = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def move(self, **duration: float) -> None:
        self.time += timedelta(**duration)


class Relying:
    """A client application and the browser of one visitor."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.browser = app.test_client()

    def authorize(self, **changes: str | None) -> TestResponse:
        """Send the browser to the provider, with a good request but for what the test changes; `None` leaves out."""
        challenge = urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
        good: dict[str, str | None] = {
            "response_type": "code",
            "client_id": "context-and-co",
            "redirect_uri": CALLBACK,
            "scope": "openid profile email groups",
            "state": "state-1",
            "nonce": "nonce-1",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return self.browser.get("/authorize", query_string=_without_none(good | changes))

    def picker(self, **changes: str | None) -> str:
        """Go to the picker; its path."""
        response = self.authorize(**changes)
        assert response.status_code == 303
        return response.location

    def sign_in(self, sub: str = SOFIA, **changes: str | None) -> str:
        """Pick a card; the code that comes back."""
        response = self.browser.post(self.picker(**changes), data={"person": sub})
        return answer(response)["code"]

    def redeem(self, code: str, **changes: str | None) -> TestResponse:
        """Redeem a code from the application's server, which has no cookies; `None` leaves out."""
        good: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
            "client_id": "context-and-co",
            "client_secret": SECRET,
        }
        return self.app.test_client().post("/token", data=_without_none(good | changes))

    def tokens(self, sub: str = SOFIA, **changes: str | None) -> dict[str, Any]:
        """Sign somebody in; the token response."""
        response = self.redeem(self.sign_in(sub, **changes))
        assert response.status_code == 200, response.text
        tokens: dict[str, Any] = response.get_json()
        return tokens

    def userinfo(self, access_token: str) -> TestResponse:
        return self.app.test_client().get("/userinfo", headers={"Authorization": f"Bearer {access_token}"})

    def read(self, id_token: str) -> jwt.Token:
        """Verify an ID token by the published keys."""
        keys = KeySet.import_key_set(self.app.test_client().get("/jwks").get_json())
        return jwt.decode(id_token, keys, algorithms=["RS256"])


def _without_none(values: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value is not None}


def stays_here(response: TestResponse, status: int) -> bool:
    """Whether the provider answered with a page of its own and led nowhere."""
    return response.status_code == status and "Location" not in response.headers


def answer(response: TestResponse) -> dict[str, str]:
    """What the provider sent to the client by a redirect, which must lead to the client."""
    assert response.status_code == 303, response.text
    assert response.location.startswith(CALLBACK + "?")
    return dict(parse_qsl(urlsplit(response.location).query))


def text_of(response: TestResponse) -> str:
    """The words of a page, without its tags and line breaks."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.text))
