"""The issuer: who this authorization server is, and what it was given to work with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from flask import current_app, request

from shop.database import Database
from shop.guards.safe_fetch import Fetcher
from shop.identity.providers import Metadata
from shop.identity.recheck import Recheck
from shop.oauth.signing_keys import Keys
from shop.principal import Principal
from shop.sealing import derived_key
from shop.settings import Settings

RiskyTools = Mapping[str, Mapping[str, str]]
"""Workflow → name → title of the tools in it that cannot be undone."""


class SignedIn(Protocol):
    """The person at the browser, as the authorization endpoint needs them."""

    principal: Principal
    name: str
    email: str
    organization_name: str


@dataclass(frozen=True, kw_only=True)
class Issuer:
    """One authorization server. What stands above it in the layers is handed in: sign-in and the tools."""

    settings: Settings
    database: Database
    keys: Keys
    fetcher: Fetcher
    providers: Metadata
    """Discovery and keys of the organizations' identity providers, as sign-in knows them."""
    recheck: Recheck
    """Asks those providers about somebody who is not there."""
    risky_tools: RiskyTools
    signed_in: Callable[[], SignedIn | None]
    """Who is signed in at the browser that asks; None when nobody is."""

    @property
    def url(self) -> str:
        """The issuer identifier (RFC 8414 §2): `iss` of every token and every authorization response."""
        return self.settings.base_url

    @property
    def resource(self) -> str:
        """The one protected resource (RFC 8707 §2, RFC 9728 §1.2): `aud` of every access token."""
        return self.settings.resource

    @property
    def urls(self) -> tuple[str, ...]:
        """The issuer identifiers that are this shop: its own, and the former default that tokens may still name."""
        return self.settings.base_urls

    @property
    def resources(self) -> tuple[str, ...]:
        """The protected resource by each of those names."""
        return self.settings.resources

    @property
    def external_url(self) -> str:
        """The authorization server that the operator brought to issue the tokens instead; empty: this one issues them."""
        return self.settings.oauth_issuer

    def url_as_asked(self) -> str:
        """By which of its names this request found the shop: a client compares metadata with the URL it has (RFC 9728 §3.3)."""
        former = self.settings.former_base_url
        return former if former and request.host == urlsplit(former).netloc else self.url

    @property
    def successor_key(self) -> bytes:
        """Under which a refresh token leads to the next one, the same in every process (`tokens.successor_of`)."""
        return derived_key(self.settings.secret_key, "refresh-token-successor")

    def is_resource(self, named: str) -> bool:
        """Whether a client means the protected resource: it answers at `/mcp`, and at `/mcp/`, where some programs look for it."""
        return named.removesuffix("/") in self.resources

    def risky_tool_names(self, scopes: Iterable[str]) -> dict[str, list[str]]:
        """Workflow → the names of the tools in it that cannot be undone: what a consent to these scopes was told of."""
        return {scope: sorted(self.risky_tools.get(scope, ())) for scope in sorted(scopes)}

    def scopes_without_new_tools(
        self, scopes: Iterable[str], known_tools: Mapping[str, Iterable[str]]
    ) -> frozenset[str]:
        """Those of the scopes in which no tool that cannot be undone came after the consent that knew `known_tools`."""
        return frozenset(
            scope for scope in scopes if set(self.risky_tools.get(scope, ())) <= set(known_tools.get(scope, ()))
        )

    def person(self) -> SignedIn:
        """Who is signed in at the browser that asks. Raises `LookupError` where the access rule lets nobody else in."""
        person = self.signed_in()
        if person is None:
            raise LookupError("a page for people who are signed in was shown to somebody who is not")
        return person

    def endpoint(self, name: str) -> str:
        """The URL of one of the endpoints."""
        return f"{self.url}/oauth/{name}"


def issuer() -> Issuer:
    """The authorization server of the application that serves the present request."""
    found: Issuer = current_app.extensions["oauth"]
    return found
