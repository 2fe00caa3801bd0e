"""The authorization code grant (RFC 6749 §4.1) with PKCE (RFC 7636) and resource indicators (RFC 8707).

A code is claimed before anything is issued, by one statement, and a second use kills what the first one led to. PKCE by S256 is for
every client: the authorization endpoint lets no request begin without it (`endpoints/authorization_request.py`).
"""

from __future__ import annotations

import hmac
import re
from datetime import datetime
from functools import cached_property

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from sqlalchemy import ForeignKey, String, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from shop.audit.events import EventName
from shop.audit.writer import record
from shop.credentials.grants import Grant
from shop.credentials.ledger import wait_in_line
from shop.credentials.tokens import end_family, secret_digest, start_family
from shop.database import Base, moment
from shop.oauth.grant_types import GrantType
from shop.oauth.grants.person_grants import add_refresh_token, living_principal, token_of_family
from shop.oauth.grants.pipeline import GrantDecision, IssuedToken, TokenGrant
from shop.oauth.grants.refusal_record import KnownParty

_REFUSED = "The code is unknown, older than a minute, or was used before. Begin again at the authorization endpoint."
_CODE_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636 §4.1


class AuthorizationCode(Base):
    """A code on its way through the browser; its SHA-256, and all that the token request has to agree with."""

    __tablename__ = "authorization_codes"

    code_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    grant_id: Mapped[str] = mapped_column(ForeignKey("grants.id"), index=True)
    client_id: Mapped[str] = mapped_column(String(300))
    redirect_uri: Mapped[str] = mapped_column(String(1000))
    scopes: Mapped[list[str]]
    resource: Mapped[str] = mapped_column(String(300))
    code_challenge: Mapped[str] = mapped_column(String(43))
    expires_at: Mapped[datetime] = mapped_column(index=True)
    forget_at: Mapped[datetime] = mapped_column(index=True)
    """Once used, it is kept as long as what it led to may live, so that a replay shows."""
    used_at: Mapped[datetime | None]
    family_id: Mapped[str | None] = mapped_column(ForeignKey("token_families.id"))
    """What it led to."""
