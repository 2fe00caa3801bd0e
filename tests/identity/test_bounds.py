"""What a stranger can make the sign-in store is bounded."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from shop.identity.models import SignInAttempt
from shop.own_address import safe_path
from tests.support.people import SOFIA, ShopUnderTest


@pytest.mark.holds("RFC9700-4.11", "LLM10")
@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/orders?page=2", True),
        ("/oauth/authorize?" + "x" * 7000, True),
        ("/" + "x" * 8000, False),
        ("/" + "ü" * 4000, False),
        ("/\udc80" * 9000, False),
        ("//evil.example/" + "x" * 100, False),
        ("https://evil.example", False),
        ("/\\evil.example", False),
        ("/\tx", False),
    ],
)
def test_a_path_to_come_back_to_is_local_and_short(path: str, kept: bool) -> None:
    """A whole authorization request fits; what is longer than any request line, or leads elsewhere, becomes the first page."""
    assert safe_path(path) == (path if kept else "/")


def test_an_attempt_is_small(shop: ShopUnderTest) -> None:
    """240,000 characters of `next` are not stored for anybody who asks; the sign-in itself goes on."""
    visitor = shop.visitor()
    visitor.begin_sign_in(SOFIA, "/" + "x" * 240_000)
    with shop.database.read() as db:
        (attempt,) = db.scalars(select(SignInAttempt))
    stored = [getattr(attempt, column.key) for column in SignInAttempt.__table__.columns]
    assert attempt.next_path == "/" and sum(len(str(value)) for value in stored) < 1000
