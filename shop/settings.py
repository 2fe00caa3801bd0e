"""Settings: what a deployment may change, read once from the environment.

This is the only module that reads `os.environ` (invariant I15: nothing else can be switched by an
environment value, and nothing here skips a check). Durations are `timedelta`s, limits are counts. What the text of a value must
look like is in `setting_values.py`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from shop.hosts import in_url, is_loopback_host
from shop.secret_files import kept_secret
from shop.setting_values import count, origin, port_number, proxy_address, require_issuer, seconds, switch

ROOT = Path(__file__).resolve().parent.parent
_COOKIE_KEY = "secret_key"
SIGNATURES = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""What may be pinned for tokens of others: asymmetric signatures. Never `none`, nor one that a client's secret could make."""
_TOKEN_PROFILES = ("rfc9068", "jwt")
_FILE_NAME = re.compile(r"\w[\w.-]*", re.ASCII)


def _rate_limit(amount: int) -> int:
    """A field that bounds how often something may be done: it can be set by `SHOP_LIMIT_` and its name."""
    bound: int = field(default=amount, metadata={"is_rate_limit": True})
    return bound


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One frozen, typed value; every part of the program receives it, none looks elsewhere."""

    host: str = "localhost"
    """Where the shop listens: an address, a name, or `localhost` for both loopback addresses."""
    port: int = 5000
    base_url: str = "http://localhost:5000"
    """The only address that the shop answers for, normalised as browsers write an origin."""
    companion_host: str = ""
    """The host in the addresses of the embedded identity providers; "" for that of the base URL."""
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
    refresh_grace: timedelta = timedelta(seconds=10)
    """How long a refresh token that was used already still leads to the one that followed it, unless that was used; none: never."""
    grant_lifetime: timedelta = timedelta(days=90)
    """The absolute end of what a person allowed to an external assistant, however often it is renewed."""
    registrations_per_address: int = _rate_limit(200)
    registrations_per_hour: int = _rate_limit(2000)
    """How many clients may register themselves within an hour: from one address, and from all together. A hosted assistant
    registers for all of its users from a few addresses. 0 is no limit, here and below (`shop.guards.rate_limits`)."""
    sign_ins_per_address: int = _rate_limit(300)
    """Within a minute, sign-ins that begin and as many that come back: a whole company may be behind one address."""
    token_requests_per_address: int = _rate_limit(3000)
    """Within a minute, from one address, to the endpoints where clients speak: a hosted assistant renews tokens for all."""
    token_requests_per_client: int = _rate_limit(3000)
    """Within a minute, of one client that proved who it is by a secret or a key."""
    authorizations_per_person: int = _rate_limit(120)
    authorizations_per_organization: int = _rate_limit(2400)
    """Within a minute: authorization requests and answers to them."""
    mcp_strangers_per_address: int = _rate_limit(600)
    """Within a minute: MCP requests without a good token, those of a guest included."""
    mcp_calls_per_assistant: int = _rate_limit(1800)
    mcp_calls_per_person: int = _rate_limit(3000)
    mcp_calls_per_organization: int = _rate_limit(30_000)
    """Within a minute, MCP requests: of one assistant for one person, of all that act for them, of the whole organization."""
    messages_per_person: int = _rate_limit(120)
    messages_per_organization: int = _rate_limit(2400)
    """Within a minute: messages to the shop's own assistant, those said anew or answered again included."""
    client_documents: bool = True
    """Whether clients may be known by a metadata document that is fetched from their host (CIMD)."""
    egress_proxy: str = field(default="", repr=False)
    """The HTTP proxy through which strangers' hosts are asked; "" where they are reached directly."""
    model_timeout: timedelta = timedelta(seconds=60)
    model_beat: timedelta = timedelta(seconds=1)
    """How often a turn looks up while the model's server says nothing: Stop is seen then."""
    model_retries: int = 1
    """How often a request to the model's server is tried again before the person is told."""
    message_limit: int = 4000
    """Characters in one message to the assistant."""
    model_input_limit: int = 200_000
    """Bytes of a conversation that go to the model at once; the oldest exchanges are left out."""
    tool_call_limit: int = 12
    """Tool calls in one turn; a model that wants more is stopped."""
    turns_per_person: int = 4
    turns_per_organization: int = 16
    """How many answers of assistants may be under way at once: of one person, and of one organization, in all processes."""
    turn_threads: int = 32
    """How many turns one process runs at once. They take no thread from `threads`."""

    @property
    def uses_offline_model(self) -> bool:
        """Whether the embedded model answers: no key and no other server were configured."""
        return not (self.openai_api_key or self.openai_base_url)

    @property
    def resource(self) -> str:
        """The one protected resource (RFC 8707 §2, RFC 9728 §1.2): `aud` of every access token, whoever issues it."""
        return f"{self.base_url}/mcp"

    @property
    def former_base_url(self) -> str:
        """What `http://localhost` with this port was called by default before; "" where the shop is called otherwise.

        Tokens and clients of that time name it as issuer, audience or resource, and are taken. Nobody else can be meant:
        it is this machine.
        """
        own = urlsplit(self.base_url)
        is_default = own.scheme == "http" and own.hostname == "localhost"
        return self.base_url.replace("localhost", "127.0.0.1", 1) if is_default else ""

    @property
    def base_urls(self) -> tuple[str, ...]:
        """The base URL, and what it was before: an audience or issuer that is one of these is this shop."""
        return (self.base_url, self.former_base_url) if self.former_base_url else (self.base_url,)

    @property
    def resources(self) -> tuple[str, ...]:
        """The protected resource by each of those names."""
        return tuple(f"{url}/mcp" for url in self.base_urls)

    @property
    def cookie_name(self) -> str:
        """The name of the session's cookie. Cookies cross ports on one host, so the port that browsers see is in it.

        It is the same in every process behind one proxy, whatever port each listens on.
        """
        own = urlsplit(self.base_url)
        return f"context-and-co-{own.port or (443 if own.scheme == 'https' else 80)}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the shop: both its bind address and its base URL."""
        return is_loopback_host(self.host) and is_loopback_host(urlsplit(self.base_url).hostname or "")

    @property
    def is_behind_proxy(self) -> bool:
        """Whether one proxy in front is trusted to say who asks: it ends TLS, which the shop itself does not speak."""
        return self.base_url.startswith("https://")

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the settings. Raises `ValueError`, with a sentence for the operator, on a value that makes no sense."""
        env = os.environ if environ is None else environ
        port = port_number(env.get("PORT", "5000"))
        host = env.get("HOST") or "localhost"
        data_dir = Path(env.get("SHOP_DATA_DIR") or ROOT / "data").resolve()
        is_local = host in {"localhost", "127.0.0.1", "0.0.0.0", "::"}  # noqa: S104 - compared, not bound
        shown_host = "localhost" if is_local else in_url(host)  # passkeys work with a name, and not with an address
        named = env.get("SHOP_BASE_URL", "")
        return cls(
            host=host,
            port=port,
            base_url=origin(named or f"http://{shown_host}:{port}"),
            # Where nothing is named they keep the address that people's identities in existing databases are bound to.
            companion_host="127.0.0.1" if is_local and not named and env.get("HOST") != "localhost" else "",
            data_dir=data_dir,
            database_url=env.get("DATABASE_URL") or f"sqlite:///{data_dir / 'shop.db'}",
            secret_key=env.get("SHOP_SECRET_KEY") or kept_secret(data_dir / _COOKIE_KEY),
            openai_api_key=env.get("OPENAI_API_KEY", ""),
            openai_base_url=env.get("OPENAI_BASE_URL", ""),
            model=env.get("SHOP_MODEL", ""),
            turns_per_person=count(env, "SHOP_TURNS_PER_PERSON", cls.turns_per_person),
            turns_per_organization=count(env, "SHOP_TURNS_PER_ORGANIZATION", cls.turns_per_organization),
            presenter_code=env.get("SHOP_PRESENTER_CODE", ""),
            refresh_grace=seconds(env, "SHOP_REFRESH_GRACE", cls.refresh_grace, most=60),
            client_documents=switch("SHOP_CLIENT_DOCUMENTS", env.get("SHOP_CLIENT_DOCUMENTS") or "1"),
            egress_proxy=proxy_address(env.get("SHOP_EGRESS_PROXY", "")),
            anonymous_browse=switch("SHOP_ANONYMOUS_BROWSE", env.get("SHOP_ANONYMOUS_BROWSE", "")),
            **_external_issuer(env),
            **_rate_limits(env),
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
        host = self.companion_host or urlsplit(self.base_url).hostname or ""
        return f"http://{in_url(host)}:{self.companion_port(index)}"

    def companion_port(self, index: int) -> int:
        """The port of the companion number `index` (from 0): the ports after the shop's own."""
        return self.port + 1 + index


def _rate_limits(env: Mapping[str, str]) -> dict[str, Any]:
    """The rate limits that are set: each is a count, 0 for none."""
    found = {name: text for name in rate_limit_names() if (text := env.get(rate_limit_variable(name), ""))}
    for name, text in found.items():
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise ValueError(f"{rate_limit_variable(name)} must be a number, 0 for no limit, not {text!r}.")
    return {name: int(text) for name, text in found.items()}


def rate_limit_names() -> list[str]:
    """The settings that are rate limits, by their names in `Settings`."""
    return [each.name for each in fields(Settings) if "is_rate_limit" in each.metadata]


def rate_limit_variable(name: str) -> str:
    """The environment variable of a rate limit: `SHOP_LIMIT_SIGN_INS_PER_ADDRESS`."""
    return f"SHOP_LIMIT_{name.upper()}"


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
    require_issuer(issuer)
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
