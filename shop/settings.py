"""Settings: what a deployment may change, read once from the environment.

This is the only module that reads `os.environ` (invariant I15: nothing else can be switched by an
environment value, and nothing here skips a check). Durations are `timedelta`s, limits are counts.
"""

from __future__ import annotations

import os
import re
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
_COOKIE_KEY = "secret_key"
SIGNATURES = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""What may be pinned for tokens of others: asymmetric signatures. Never `none`, nor one that a client's secret could make."""
_TOKEN_PROFILES = ("rfc9068", "jwt")
_FILE_NAME = re.compile(r"\w[\w.-]*", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One frozen, typed value; every part of the program receives it, none looks elsewhere."""

    host: str = "127.0.0.1"
    port: int = 5000
    base_url: str = "http://127.0.0.1:5000"
    data_dir: Path = ROOT / "data"
    seed_dir: Path = ROOT / "seed_data"
    database_url: str = ""
    secret_key: str = field(default="", repr=False)
    threads: int = 64

    openai_api_key: str = field(default="", repr=False)
    openai_base_url: str = ""
    model: str = ""
    presenter_code: str = field(default="", repr=False)
    anonymous_browse: bool = False
    """Whether MCP clients without a token may list the tools and look at the catalogue, as an audited guest (invariant I2)."""

    oauth_issuer: str = ""
    """An authorization server of the operator's own, whose tokens are taken instead of this shop's; "" for the embedded one."""
    oauth_profile: str = "rfc9068"
    """What its access tokens are: `rfc9068`, or `jwt` for those that do not say their type."""
    oauth_algorithms: tuple[str, ...] = ("RS256",)
    """The algorithms that its tokens may be signed with; never taken from a token."""
    oauth_introspection_client_id: str = ""
    """Who this shop is at that server: set, and each token is asked about there (RFC 7662)."""
    oauth_introspection_client_secret: str = ""
    """Where the secret of that is (`env:NAME` or `file:NAME`): never the secret itself."""

    session_idle: timedelta = timedelta(hours=1)
    session_absolute: timedelta = timedelta(hours=12)
    sign_in_lifetime: timedelta = timedelta(minutes=10)
    delegation_lifetime: timedelta = timedelta(hours=1)
    receipt_lifetime: timedelta = timedelta(minutes=10)
    consent_lifetime: timedelta = timedelta(minutes=10)
    """How long an external assistant's question waits for its person's answer."""
    authorization_code_lifetime: timedelta = timedelta(seconds=60)
    access_token_lifetime: timedelta = timedelta(minutes=10)
    refresh_token_lifetime: timedelta = timedelta(days=30)
    """An assistant that was not used for so long has to be allowed again."""
    grant_lifetime: timedelta = timedelta(days=90)
    """The absolute end of what a person allowed to an external assistant, however often it is renewed."""
    registrations_per_address: int = 20
    registrations_per_hour: int = 500
    """How many clients may register themselves within an hour: from one address, and from all together."""
    model_timeout: timedelta = timedelta(seconds=60)
    model_beat: timedelta = timedelta(seconds=1)
    """How often a turn looks up while the model's server says nothing: Stop is seen then."""
    model_retries: int = 1
    """How often a request to the model's server is tried again before the person is told."""
    message_limit: int = 4000
    """Characters in one message to the assistant."""
    tool_call_limit: int = 12
    """Tool calls in one turn; a model that wants more is stopped."""

    @property
    def uses_offline_model(self) -> bool:
        """Whether the embedded model answers: no key and no other server were configured."""
        return not (self.openai_api_key or self.openai_base_url)

    @property
    def resource(self) -> str:
        """The one protected resource (RFC 8707 §2, RFC 9728 §1.2): `aud` of every access token, whoever issues it."""
        return f"{self.base_url}/mcp"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the shop: both its bind address and its base URL."""
        return is_loopback_host(self.host) and is_loopback_host(urlsplit(self.base_url).hostname or "")

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the settings. Raises `ValueError`, with a sentence for the operator, on a value that makes no sense."""
        env = os.environ if environ is None else environ
        port = _port(env.get("PORT", "5000"))
        host = env.get("HOST", "127.0.0.1")
        data_dir = Path(env.get("SHOP_DATA_DIR") or ROOT / "data").resolve()
        shown_host = "127.0.0.1" if host in {"0.0.0.0", "::"} else in_url(host)  # noqa: S104 - compared, not bound
        return cls(
            host=host,
            port=port,
            base_url=_base_url(env.get("SHOP_BASE_URL") or f"http://{shown_host}:{port}"),
            data_dir=data_dir,
            database_url=env.get("DATABASE_URL") or f"sqlite:///{data_dir / 'shop.db'}",
            secret_key=env.get("SHOP_SECRET_KEY") or kept_secret(data_dir / _COOKIE_KEY),
            openai_api_key=env.get("OPENAI_API_KEY", ""),
            openai_base_url=env.get("OPENAI_BASE_URL", ""),
            model=env.get("SHOP_MODEL", ""),
            presenter_code=env.get("SHOP_PRESENTER_CODE", ""),
            anonymous_browse=_switch("SHOP_ANONYMOUS_BROWSE", env.get("SHOP_ANONYMOUS_BROWSE", "")),
            **_external_issuer(env),
        )

    def read_secret(self, reference: str) -> str:
        """A client secret by its reference: `env:NAME`, or `file:NAME` in the data folder (made when it is missing).

        Raises `ValueError` on anything else, or when the variable is not set.
        """
        kind, _, name = reference.partition(":")
        if kind == "env" and os.environ.get(name):
            return os.environ[name]
        if kind == "file" and _FILE_NAME.fullmatch(name) and name != _COOKIE_KEY:
            return kept_secret(self.data_dir / name)
        raise ValueError(f"client_secret {reference!r}: write env:NAME (and set it), or file:NAME")

    def find_secret(self, reference: str) -> str:
        """A secret that somebody else gave out, by its reference: as `read_secret`, but none is made in its place.

        Raises `ValueError`, with a sentence for the operator, when it is not there.
        """
        kind, _, name = reference.partition(":")
        if kind == "env" and name and not os.environ.get(name):
            raise ValueError(f"Set the environment variable {name} to it.")
        if kind == "file" and _FILE_NAME.fullmatch(name) and not (self.data_dir / name).exists():
            raise ValueError(f"Write it to {self.data_dir / name}, readable by its owner only.")
        return self.read_secret(reference)

    def issuer_of_companion(self, index: int) -> str:
        """The issuer of the embedded identity provider number `index` (from 0)."""
        return f"http://{in_url(urlsplit(self.base_url).hostname or '')}:{self.companion_port(index)}"

    def companion_port(self, index: int) -> int:
        """The port of the companion number `index` (from 0): the ports after the shop's own."""
        return self.port + 1 + index


def kept_secret(path: Path) -> str:
    """A secret that is made on first use and then kept in a file that only its owner may read.

    The file appears whole or not at all (a link to a finished temporary file), and the first of two processes that
    start at once wins. Raises `ValueError` on a file that is there but empty.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        descriptor, temporary = tempfile.mkstemp(dir=path.parent)  # mkstemp makes files with mode 0600
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(secrets.token_urlsafe(48))
            os.link(temporary, path)
        except FileExistsError:
            pass
        finally:
            os.unlink(temporary)
    return _secret_in(path)


def _secret_in(path: Path) -> str:
    """The secret in a file, whatever its characters, without the end of its line. Raises `ValueError` when there is none."""
    try:
        secret = path.read_text(encoding="utf-8-sig").strip("\r\n")
    except UnicodeDecodeError:
        raise ValueError(f"The secret in {path} is not text in UTF-8.") from None
    if not secret.strip():
        raise ValueError(f"The secret in {path} is empty: delete it, and a new one is made.")
    return secret


def in_url(host: str) -> str:
    """A host as it stands in a URL: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def is_loopback_host(host: str) -> bool:
    """Whether a host name or address can only be reached from this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= 65_000:
        raise ValueError(f"PORT must be a number from 1 to 65000 (companions use the ports after it), not {text!r}.")
    return int(text)


def _switch(name: str, text: str) -> bool:
    if text not in {"", "0", "1"}:
        raise ValueError(f"{name} must be 1 (on) or 0 (off), not {text!r}.")
    return text == "1"


def _external_issuer(env: Mapping[str, str]) -> dict[str, Any]:
    """The settings of an authorization server of the operator's own, which make sense together or not at all."""
    issuer, profile = env.get("SHOP_OAUTH_ISSUER", ""), env.get("SHOP_OAUTH_TOKEN_PROFILE") or "rfc9068"
    algorithms = tuple((env.get("SHOP_OAUTH_ALGORITHMS") or "RS256").replace(",", " ").split())
    client_id = env.get("SHOP_OAUTH_INTROSPECTION_CLIENT_ID", "")
    secret = env.get("SHOP_OAUTH_INTROSPECTION_CLIENT_SECRET", "")
    if not issuer:
        if extra := next((name for name in sorted(env) if name.startswith("SHOP_OAUTH_") and env[name]), None):
            raise ValueError(f"{extra} says how tokens of another issuer are checked: set SHOP_OAUTH_ISSUER too.")
        return {}
    _require_issuer(issuer)
    if profile not in _TOKEN_PROFILES:
        raise ValueError(f"SHOP_OAUTH_TOKEN_PROFILE must be {' or '.join(_TOKEN_PROFILES)}, not {profile!r}.")
    if unknown := [name for name in algorithms if name not in SIGNATURES]:
        raise ValueError(f"SHOP_OAUTH_ALGORITHMS must be of {', '.join(SIGNATURES)}, not {unknown[0]!r}.")
    if bool(client_id) != bool(secret):
        raise ValueError("Introspection needs SHOP_OAUTH_INTROSPECTION_CLIENT_ID and …_CLIENT_SECRET, both of them.")
    return {
        "oauth_issuer": issuer,
        "oauth_profile": profile,
        "oauth_algorithms": algorithms,
        "oauth_introspection_client_id": client_id,
        "oauth_introspection_client_secret": secret,
    }


def _require_issuer(text: str) -> None:
    """An issuer identifier (RFC 8414 §2), https or on this very machine; compared exactly, so kept as it is written."""
    try:
        parts = urlsplit(text)
        is_place = bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_place = False
    is_safe = is_place and (
        parts.scheme == "https" or (parts.scheme == "http" and is_loopback_host(parts.hostname or ""))
    )
    if not is_safe or parts.query or parts.fragment or "@" in parts.netloc or parts.netloc != parts.netloc.lower():
        raise ValueError(
            f"SHOP_OAUTH_ISSUER must be the issuer's own URL, such as https://login.example, not {text!r}."
        )


def _base_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        is_origin = bool(parts.hostname) and parts.port != 0 and not parts.path.strip("/")
    except ValueError:  # of brackets or a port that are none
        is_origin = False
    if not is_origin or parts.scheme not in {"http", "https"} or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError(f"SHOP_BASE_URL must look like https://shop.example, not {text!r}.")
    return text.rstrip("/")
