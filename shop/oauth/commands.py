"""`flask oauth …`: what an operator does with the authorization server. Answers are JSON, for people and for scripts."""

from __future__ import annotations

import json
from typing import IO

import click
from flask.cli import AppGroup
from sqlalchemy import select

from shop.oauth.clients.client import Client
from shop.oauth.clients.metadata import EVERY_METHOD, SCOPES, BadMetadata
from shop.oauth.grant_types import WITH_BROWSER, GrantType
from shop.oauth.issuer import issuer
from shop.oauth.preregistration import read_by_hand, register_by_hand, register_document
from shop.untrusted import read_json

_LARGEST_DOCUMENT = 64 * 1024

oauth = AppGroup("oauth", help="Clients and keys of the authorization server.")


@oauth.command("register")
@click.argument("name")
@click.option("--redirect-uri", "redirect_uris", multiple=True, help="Where its answers go; several.")
@click.option(
    "--grant-type",
    "grant_types",
    multiple=True,
    type=click.Choice([str(grant_type) for grant_type in GrantType]),
    default=[str(grant_type) for grant_type in WITH_BROWSER],
    help="How it gets its tokens; several.",
)
@click.option(
    "--auth-method",
    default="none",
    type=click.Choice(EVERY_METHOD),
    help="How it proves that it is itself at the token endpoint.",
)
@click.option("--jwks-uri", help="Where its public keys are, for private_key_jwt.")
@click.option(
    "--scope", "scopes", multiple=True, type=click.Choice(SCOPES), help="What it may ask for at most; several."
)
@click.option("--introspects", is_flag=True, help="A resource server: it may ask about any token.")
def register_client(
    name: str,
    redirect_uris: tuple[str, ...],
    grant_types: tuple[str, ...],
    auth_method: str,
    jwks_uri: str | None,
    scopes: tuple[str, ...],
    introspects: bool,
) -> None:
    """Register a client, and print its metadata. A secret is shown here and nowhere else."""
    server = issuer()
    if server.external_url:
        raise click.ClickException(f"Tokens come from {server.external_url}: register clients there.")
    try:
        metadata = read_by_hand(name, list(redirect_uris), auth_method, jwks_uri, list(grant_types))
    except BadMetadata as bad:
        raise click.ClickException(str(bad)) from bad
    if introspects and auth_method == "none":
        raise click.ClickException("A client that introspects proves who it is: choose an --auth-method.")
    with server.database.write() as db:
        registered = register_by_hand(db, server, metadata, scopes=sorted(scopes) or None, introspects=introspects)
    click.echo(json.dumps(registered, indent=2))


@oauth.command("register-document")
@click.argument("address")
@click.argument("file", type=click.File("rb"))
def register_client_document(address: str, file: IO[bytes]) -> None:
    """Make a client known by its metadata document, from a file: where this shop cannot fetch it from its address."""
    server = issuer()
    if server.external_url:
        raise click.ClickException(f"Tokens come from {server.external_url}: register clients there.")
    try:
        document = read_json(file.read(_LARGEST_DOCUMENT))
        if not isinstance(document, dict):
            raise BadMetadata("invalid_client_metadata", "A metadata document is a JSON object.")
        with server.database.write() as db:
            registered = register_document(db, server, address, document)
    except (BadMetadata, ValueError) as bad:
        raise click.ClickException(f"The document cannot be used. {bad}") from bad
    click.echo(json.dumps(registered, indent=2))


@oauth.command("clients")
def clients() -> None:
    """List the clients that are known, with how each came to be known."""
    with issuer().database.read() as db:
        known = db.scalars(select(Client).order_by(Client.registered_at, Client.client_id))
        answer = [
            {
                "client_id": client.client_id,
                "client_name": client.name,
                "kind": client.kind,
                "publisher": client.publisher,
                "redirect_uris": client.redirect_uris,
                "token_endpoint_auth_method": client.token_endpoint_auth_method,
                "scope": " ".join(client.scopes),
                "registered_at": client.registered_at.isoformat(timespec="seconds"),
                "forgotten_at": client.expires_at.isoformat(timespec="seconds") if client.expires_at else None,
            }
            for client in known
        ]
    click.echo(json.dumps(answer, indent=2))


@oauth.command("rotate-keys")
def rotate_keys() -> None:
    """Sign access tokens with a new key from now on; the one before the present one is withdrawn."""
    kid = issuer().keys.rotate()
    published = [key["kid"] for key in issuer().keys.jwks()["keys"]]
    click.echo(json.dumps({"signing_with": kid, "published": published}, indent=2))
