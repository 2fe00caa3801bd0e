"""The provider's own SQLite file: pending requests, sessions, codes, tokens, presenter tries.

Every value that works like a password (handles, cookies, codes, tokens) is stored as its SHA-256 only: they
have 256 bits of randomness, so a plain hash cannot be guessed. What may happen once is claimed in one
statement, never read first and written later. Moments are whole seconds since 1970, UTC.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS authorization_requests (
    handle_hash TEXT PRIMARY KEY, browser_hash TEXT NOT NULL, client_id TEXT NOT NULL, redirect_uri TEXT NOT NULL,
    scope TEXT NOT NULL, state TEXT, nonce TEXT, code_challenge TEXT NOT NULL, login_hint TEXT,
    presenter_verified INTEGER NOT NULL DEFAULT 0, expires_at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS sessions (
    sid TEXT PRIMARY KEY, token_hash TEXT NOT NULL UNIQUE, sub TEXT NOT NULL,
    auth_time INTEGER NOT NULL, expires_at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS codes (
    code_hash TEXT PRIMARY KEY, client_id TEXT NOT NULL, redirect_uri TEXT NOT NULL, scope TEXT NOT NULL, nonce TEXT,
    code_challenge TEXT NOT NULL, sub TEXT NOT NULL, sid TEXT NOT NULL, auth_time INTEGER NOT NULL,
    expires_at INTEGER NOT NULL, redeemed_at INTEGER, reused_at INTEGER);
CREATE TABLE IF NOT EXISTS access_tokens (
    token_hash TEXT PRIMARY KEY, code_hash TEXT NOT NULL, sub TEXT NOT NULL, sid TEXT NOT NULL,
    scope TEXT NOT NULL, expires_at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS refresh_tokens (
    token_hash TEXT PRIMARY KEY, code_hash TEXT NOT NULL, expires_at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS presenter_tries (address TEXT NOT NULL, at INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS requests_by_end ON authorization_requests (expires_at);
CREATE INDEX IF NOT EXISTS sessions_by_end ON sessions (expires_at);
CREATE INDEX IF NOT EXISTS codes_by_end ON codes (expires_at);
CREATE INDEX IF NOT EXISTS access_tokens_by_end ON access_tokens (expires_at);
CREATE INDEX IF NOT EXISTS refresh_tokens_by_end ON refresh_tokens (expires_at);
"""

_CODE = "code_hash, client_id, redirect_uri, scope, nonce, code_challenge, sub, sid, auth_time, expires_at"
_PENDING = "WHERE handle_hash = ? AND browser_hash = ? AND expires_at > ?"


@dataclass(frozen=True, kw_only=True)
class AuthorizationRequest:
    """A verified request of a client, waiting for somebody to pick a person (or answered at once)."""

    client_id: str
    redirect_uri: str
    scope: str
    state: str | None
    nonce: str | None
    code_challenge: str
    login_hint: str | None
    presenter_verified: bool = False


@dataclass(frozen=True, kw_only=True)
class Session:
    """Somebody is signed in at the provider, in one browser."""

    sid: str
    sub: str
    auth_time: int
    expires_at: int


@dataclass(frozen=True, kw_only=True)
class Code:
    """What an authorization code stands for; so does everything that it leads to."""

    code_hash: str
    client_id: str
    redirect_uri: str
    scope: str
    nonce: str | None
    code_challenge: str
    sub: str
    sid: str
    auth_time: int
    expires_at: int


@dataclass(frozen=True, kw_only=True)
class AccessToken:
    """A live access token: whose claims may be read, and which."""

    sub: str
    scope: str


class Store:
    """One small method for each thing that the endpoints do to the file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._transaction() as db:
            for statement in filter(str.strip, _SCHEMA.split(";")):
                db.execute(statement)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=10, isolation_level=None)) as db:
            db.row_factory = sqlite3.Row
            db.execute("PRAGMA journal_mode=WAL")
            # IMMEDIATE: a transaction that reads first and writes later would fail when two of them meet.
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")

    # Pending authorization requests

    def add_request(self, handle: str, browser: str, request: AuthorizationRequest, *, expires_at: int) -> None:
        """Keep a request until somebody answers it from the browser that holds `browser`."""
        with self._transaction() as db:
            db.execute(
                "INSERT INTO authorization_requests (handle_hash, browser_hash, client_id, redirect_uri, scope, state,"
                " nonce, code_challenge, login_hint, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (digest(handle), digest(browser), request.client_id, request.redirect_uri, request.scope,
                 request.state, request.nonce, request.code_challenge, request.login_hint, expires_at),
            )  # fmt: skip

    def request(self, handle: str, browser: str, *, now: int) -> AuthorizationRequest | None:
        """The pending request, for the browser that began it, until it expires."""
        return self._request(f"SELECT * FROM authorization_requests {_PENDING}", handle, browser, now)

    def take_request(self, handle: str, browser: str, *, now: int) -> AuthorizationRequest | None:
        """Like `request`, and nobody can have it again."""
        return self._request(f"DELETE FROM authorization_requests {_PENDING} RETURNING *", handle, browser, now)

    def _request(self, statement: str, handle: str, browser: str, now: int) -> AuthorizationRequest | None:
        with self._transaction() as db:
            row = db.execute(statement, (digest(handle), digest(browser), now)).fetchone()
        return row and AuthorizationRequest(
            client_id=row["client_id"], redirect_uri=row["redirect_uri"], scope=row["scope"], state=row["state"],
            nonce=row["nonce"], code_challenge=row["code_challenge"], login_hint=row["login_hint"],
            presenter_verified=bool(row["presenter_verified"]),
        )  # fmt: skip

    # The presenter code

    def claim_presenter_try(self, address: str, *, now: int, since: int, per_address: int, in_all: int) -> bool:
        """Count one try before it is looked at, so that parallel guesses count too. False when there are none left."""
        with self._transaction() as db:
            db.execute("DELETE FROM presenter_tries WHERE at <= ?", (since,))
            total, own = db.execute(
                "SELECT COUNT(*), COUNT(*) FILTER (WHERE address = ?) FROM presenter_tries", (address,)
            ).fetchone()
            if own >= per_address or total >= in_all:
                return False
            db.execute("INSERT INTO presenter_tries VALUES (?, ?)", (address, now))
            return True

    def accept_presenter(self, handle: str, address: str) -> None:
        """The code was right: open this request, and forget the tries of this address."""
        with self._transaction() as db:
            db.execute(
                "UPDATE authorization_requests SET presenter_verified = 1 WHERE handle_hash = ?", (digest(handle),)
            )
            db.execute("DELETE FROM presenter_tries WHERE address = ?", (address,))

    # Sessions

    def start_session(self, token: str, session: Session, *, replacing: str | None) -> None:
        """Sign somebody in, and out whoever was in this browser before."""
        with self._transaction() as db:
            if replacing:
                db.execute("DELETE FROM sessions WHERE token_hash = ?", (digest(replacing),))
            db.execute(
                "INSERT INTO sessions VALUES (?, ?, ?, ?, ?)",
                (session.sid, digest(token), session.sub, session.auth_time, session.expires_at),
            )

    def session(self, token: str, *, now: int) -> Session | None:
        """The live session of a cookie."""
        with self._transaction() as db:
            row = db.execute(
                "SELECT sid, sub, auth_time, expires_at FROM sessions WHERE token_hash = ? AND expires_at > ?",
                (digest(token), now),
            ).fetchone()
        return row and Session(**dict(row))

    def is_signed_in(self, sid: str, *, now: int) -> bool:
        """Whether a session lives, whoever asks."""
        with self._transaction() as db:
            return (
                db.execute("SELECT 1 FROM sessions WHERE sid = ? AND expires_at > ?", (sid, now)).fetchone() is not None
            )

    def end_session(self, sid: str) -> None:
        """Sign out. Access tokens of the session stop working with it."""
        with self._transaction() as db:
            db.execute("DELETE FROM sessions WHERE sid = ?", (sid,))

    # Codes and tokens

    def add_code(self, code: Code) -> None:
        """Keep a fresh code."""
        with self._transaction() as db:
            db.execute(
                "INSERT INTO codes (code_hash, client_id, redirect_uri, scope, nonce, code_challenge, sub, sid,"
                " auth_time, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (code.code_hash, code.client_id, code.redirect_uri, code.scope, code.nonce, code.code_challenge,
                 code.sub, code.sid, code.auth_time, code.expires_at),
            )  # fmt: skip

    def claim_code(self, secret: str, client_id: str, *, now: int) -> Code | None:
        """Spend a code: exactly one caller gets it, right verifier or not.

        A second use by the same client revokes what the first one got (RFC 6749 §4.1.2). Another client's
        attempt looks like an unknown code and leaves the code alone.
        """
        with self._transaction() as db:
            row = db.execute(
                "UPDATE codes SET redeemed_at = ? WHERE code_hash = ? AND client_id = ? AND redeemed_at IS NULL"
                f" RETURNING {_CODE}",
                (now, digest(secret), client_id),
            ).fetchone()
            if row is None:
                db.execute(
                    "UPDATE codes SET reused_at = ? WHERE code_hash = ? AND client_id = ?",
                    (now, digest(secret), client_id),
                )
        return row and Code(**dict(row))

    def add_access_token(self, token: str, code: Code, *, expires_at: int) -> None:
        """Keep a fresh access token, tied to the code that it goes back to."""
        with self._transaction() as db:
            db.execute(
                "INSERT INTO access_tokens VALUES (?, ?, ?, ?, ?, ?)",
                (digest(token), code.code_hash, code.sub, code.sid, code.scope, expires_at),
            )

    def add_refresh_token(self, token: str, code: Code, *, expires_at: int) -> None:
        """Keep a fresh refresh token, tied to the code that it was got with."""
        with self._transaction() as db:
            db.execute("INSERT INTO refresh_tokens VALUES (?, ?, ?)", (digest(token), code.code_hash, expires_at))

    def refresh_token(self, token: str, client_id: str, *, now: int) -> Code | None:
        """What a refresh token stands for, for its own client, while it has not expired and its code was not used twice."""
        with self._transaction() as db:
            row = db.execute(
                f"SELECT {_CODE} FROM codes WHERE client_id = ? AND reused_at IS NULL AND code_hash ="
                " (SELECT code_hash FROM refresh_tokens WHERE token_hash = ? AND expires_at > ?)",
                (client_id, digest(token), now),
            ).fetchone()
        return row and Code(**dict(row))

    def access_token(self, token: str, *, now: int) -> AccessToken | None:
        """The token, while it has not expired, its session lives and its code was not used twice.

        Asking the code, instead of deleting tokens on reuse, leaves no gap for a reuse that comes first. With offline access
        it outlives the session: that is what was asked for (OpenID Core §11).
        """
        with self._transaction() as db:
            row = db.execute(
                "SELECT t.sub, t.scope FROM access_tokens t JOIN codes USING (code_hash) WHERE t.token_hash = ?"
                " AND t.expires_at > ? AND codes.reused_at IS NULL AND (codes.scope LIKE '%offline_access%'"
                " OR EXISTS (SELECT 1 FROM sessions s WHERE s.sid = t.sid AND s.expires_at > ?))",
                (digest(token), now, now),
            ).fetchone()
        return row and AccessToken(**dict(row))

    def forget_expired(self, *, now: int, codes_before: int) -> None:
        """Drop what can no longer be used. Codes stay while a token may hang on them."""
        with self._transaction() as db:
            db.execute("DELETE FROM authorization_requests WHERE expires_at <= ?", (now,))
            db.execute("DELETE FROM sessions WHERE expires_at <= ?", (now,))
            db.execute("DELETE FROM access_tokens WHERE expires_at <= ?", (now,))
            db.execute("DELETE FROM refresh_tokens WHERE expires_at <= ?", (now,))
            db.execute(
                "DELETE FROM codes WHERE expires_at <= ? AND code_hash NOT IN (SELECT code_hash FROM refresh_tokens)",
                (codes_before,),
            )


def digest(secret: str) -> str:
    """What is kept of a secret."""
    return sha256(secret.encode()).hexdigest()
