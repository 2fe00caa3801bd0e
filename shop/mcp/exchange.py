"""One request of an authenticated party, in whichever era it came; and the server that answers it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from shop.conversations import external
from shop.database import Database
from shop.mcp.sealing import Sealer
from shop.principal import Principal
from shop.settings import Settings
from shop.tools.gateway import Gateway
from shop.tools.outcomes import Outcome


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One request: who asks, in which revision, and what they said of themselves."""

    principal: Principal
    """As authenticated. What it may do now is read again by the gateway."""
    version: str
    meta: Mapping[str, Any]
    opens_urls: bool
    """Whether the client declared that it can take its person to a page (elicitation in URL mode)."""
    fills_forms: bool = False
    """Whether it can let its person fill in a form, and call again with the answer (elicitation in form mode)."""
    session: str | None = None
    """The session that we minted, in the handshake's era."""

    @property
    def is_stateless(self) -> bool:
        """Whether this is the era of 2026-07-28."""
        return self.version in MODERN_PROTOCOL_VERSIONS

    @property
    def links_by_result(self) -> bool:
        """Whether the host lets its person link an account, or allow more, by what a tool's result says.

        The family of hosts that writes `openai/…` into `_meta` does. This decides how a refusal is worded, never whether it is
        one (invariant I11).
        """
        return any(str(key).startswith("openai/") for key in self.meta)


@dataclass(frozen=True, kw_only=True)
class Server:
    """What the handlers need of the shop."""

    settings: Settings
    database: Database
    gateway: Gateway
    sealer: Sealer
    versions: tuple[str, ...]
    """The revisions that are served, the newest first."""

    def call(self, exchange: Exchange, name: str, arguments: object, *, retry_of: str | None = None) -> Outcome:
        """Pass the gateway, in the conversation that the request belongs to."""
        named = external.host_conversation(exchange.meta, exchange.session)
        return self.gateway.call_tool(exchange.principal, named, name, arguments, retry_of=retry_of)
