"""How an administrator brings a client into the inventory: registers one for the organization, or takes in one that is known.

Neither lets it do anything: its people, or a decision for everybody, still do that.
"""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue

from shop.access import on_denied, principal, require
from shop.admin.agents import HOME, of_organization, refused, ticked
from shop.agents.entries import register_for_organization, take_in
from shop.authorization.permissions import Permission
from shop.oauth.clients import metadata_document
from shop.oauth.clients.metadata import SCOPES, AuthMethod, BadMetadata
from shop.oauth.grant_types import WITH_BROWSER, GrantType
from shop.oauth.issuer import issuer
from shop.oauth.preregistration import read_by_hand
from shop.services import services
from shop.workflow_words import WORDS

pages = Blueprint("agent_registration", __name__, url_prefix="/admin/agents")

AUTH_METHODS: dict[AuthMethod, str] = {
    "none": "It cannot: it keeps no secret",
    "client_secret_basic": "By a secret, in the header",
    "client_secret_post": "By a secret, in the form",
    "private_key_jwt": "By a key of its own, published at an address",
}
"""How a client proves that it is itself, in words."""


@pages.get("/register")
def form() -> ResponseReturnValue:
    """The form for a client that the organization brings itself."""
    _require()
    return _form({"auth_method": "none", "scopes": SCOPES})


@pages.post("/register")
def register() -> ResponseReturnValue:
    """Register it, and show what it needs to know. Its secret stands on this page and nowhere else (invariant I14)."""
    _require()
    typed: dict[str, Any] = {
        name: request.form.get(name, "").strip() for name in ("name", "redirect_uris", "auth_method", "jwks_uri")
    }
    typed["scopes"] = sorted(ticked())
    is_public = typed["auth_method"] == "none"
    server = issuer()
    try:
        if not typed["scopes"]:
            raise BadMetadata("invalid_client_metadata", "Tick at least one thing that it may ask for.")
        metadata = read_by_hand(
            typed["name"],
            typed["redirect_uris"].split(),
            typed["auth_method"],
            typed["jwks_uri"] or None,
            list(WITH_BROWSER if is_public else GrantType),
        )
    except BadMetadata as bad:
        return _form(typed, error=str(bad)), 400
    with server.database.write() as db:
        entry, told = register_for_organization(
            db, server, services().policy, metadata, principal(), scopes=typed["scopes"]
        )
    secret = told.pop("client_secret", None)
    agent = {"id": entry.id, "name": entry.name}
    page = render_template(
        "admin/agent_registered.html", agent=agent, metadata=json.dumps(told, indent=2), secret=secret
    )
    return page, 201


@pages.post("/take-in")
def take_in_known() -> ResponseReturnValue:
    """Take in a client by its `client_id`: the address of its metadata document, or one that registered itself."""
    _require()
    server, me, client_id = issuer(), principal(), request.form.get("client_id", "").strip()
    try:
        client = metadata_document.resolve(server, client_id, for_organization=me.organization)
    except metadata_document.UnknownClient as unknown:
        return _form({"auth_method": "none", "scopes": SCOPES, "client_id": client_id}, unknown=str(unknown)), 400
    with server.database.write() as db:
        entry = take_in(db, services().policy, me, client)
    flash(f"{entry.name} is in the inventory, and you answer for it.", "allow")
    return redirect(f"{HOME}{entry.id}", 303)


def _require() -> None:
    """Asked before anything is read or fetched, and again by whatever changes something.

    Where another authorization server issues the tokens, clients are registered there, and these pages are not here.
    """
    with services().database.read() as db:
        require(db, Permission.AGENTS_MANAGE, of_organization(principal()))
    if issuer().external_url:
        abort(404)


def _form(typed: dict[str, Any], *, error: str | None = None, unknown: str | None = None) -> str:
    workflows = [(scope, words.title_for_others, words.covers_for_others) for scope, words in WORDS.items()]
    return render_template(
        "admin/agent_register.html",
        typed=typed,
        error=error,
        unknown=unknown,
        workflows=workflows,
        methods=AUTH_METHODS,
    )


on_denied(pages, refused)
