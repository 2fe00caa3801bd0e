"""The claims of a JWT before its signature is checked, and whether a claim is a time.

A reader gets a value that can be stored and written again, or a `ValueError` (`shop.untrusted` reads the JSON).
"""

from __future__ import annotations

from typing import Any, TypeGuard

from joserfc import jws
from joserfc.errors import JoseError

from shop.untrusted import read_json

_LATEST = 1e11
"""Seconds: later than any clock here will ever say, and still a moment that can be written as a date."""


def unverified_claims(token: str) -> dict[str, Any]:
    """What a JWT says of itself: only to know whose keys to try. Raises `ValueError`."""
    try:
        claims = read_json(jws.extract_compact(token.encode()).payload or b"")
    except JoseError as error:
        raise ValueError("not a JWT") from error
    if not isinstance(claims, dict):
        raise ValueError("not the claims of a JWT")
    return claims


def is_moment(claim: object) -> TypeGuard[int | float]:
    """Whether a claim is a time as a JWT writes it (RFC 7519 §2, NumericDate)."""
    return isinstance(claim, int | float) and not isinstance(claim, bool) and 0 <= claim < _LATEST
