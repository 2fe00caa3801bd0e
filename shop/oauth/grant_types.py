"""The grant types (RFC 6749 §1.3) that a client may register, that the metadata lists, and that the token endpoint answers.

This is the only list. Each has its class in `shop/oauth/grants/`; `endpoints/token.py` says which.
"""

from __future__ import annotations

from enum import StrEnum


class GrantType(StrEnum):
    """A grant type, by its name in the protocol."""

    AUTHORIZATION_CODE = "authorization_code"
    """A person allowed it at the consent page (RFC 6749 §4.1)."""
    REFRESH_TOKEN = "refresh_token"  # noqa: S105 - the name of a grant type
    """What a person allowed is renewed (RFC 6749 §6)."""
    CLIENT_CREDENTIALS = "client_credentials"
    """No human is present (RFC 6749 §4.4)."""
    TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - the name of a grant type
    """An access token for a narrower one (RFC 8693)."""
    IDENTITY_ASSERTION = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    """The organization's identity provider asserts who the person is (RFC 7523 §2.1)."""


WITH_BROWSER = (GrantType.AUTHORIZATION_CODE, GrantType.REFRESH_TOKEN)
"""A person is asked in their browser, so public clients may use these."""
WITHOUT_BROWSER = tuple(grant_type for grant_type in GrantType if grant_type not in WITH_BROWSER)
"""Nobody is asked, so only clients that authenticate themselves may use these."""
