"""The organization's inventory of AI clients, for its administrators: who they are, who uses them, what they may, and how they are stopped.

Every change acts at the client's very next call, through `shop.revocation.cascade`, which asks the policy and writes the record.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from shop.access import on_denied, principal, require, signed_in
from shop.authorization.conditions import Resource
from shop.authorization.decisions import Decision
from shop.authorization.permissions import Permission
from shop.authorization.policy import Policy
from shop.conversations import activity
from shop.credentials.delegations import living_delegations_of
from shop.credentials.grants import Agent, ClientKind, inventory, living_grants_of_agent
from shop.credentials.ledger import Authority, Kind, live, paused_at
from shop.identity.models import Person
from shop.oauth.client_metadata import SCOPES, BadMetadata
from shop.oauth.consent import WORDS
from shop.oauth.issuer import issuer
from shop.oauth.preregistration import read_by_hand, register_for_organization
from shop.principal import Principal, Workflow
from shop.revocation import cascade
from shop.services import services

pages = Blueprint("agents", __name__, url_prefix="/admin/agents")

_HOME = "/admin/agents/"
AUTH_METHODS = {
    "none": "None: it runs where it can keep no secret",
    "client_secret_basic": "A secret, in the header",
    "client_secret_post": "A secret, in the form",
    "private_key_jwt": "A key of its own, published at an address",
}
"""How a client proves that it is itself, in words."""


@pages.get("/")
def agents() -> ResponseReturnValue:
    """All clients that somebody of the organization let in or registered, and the shop's own assistant."""
    me, person = principal(), signed_in()
    with services().database.read() as db:
        require(db, Permission.AGENTS_READ, _of_organization("agents", me))
        seen = activity.last_active(db, me.organization)
        rows = [_view(db, agent, authority, seen) for agent, authority in inventory(db, me.organization)]
        stopped = Kind.ORGANIZATION in paused_at(db, me)
    return render_template(
        "admin/agents.html",
        organization_name=person.organization_name if person else "",
        agents=rows,
        stopped=stopped,
        may_manage=_may_manage(me),
    )


@pages.get("/<agent_id>")
def agent(agent_id: str) -> ResponseReturnValue:
    """One client: what is known of it, who uses it, and what an administrator can decide."""
    me = principal()
    with services().database.read() as db:
        found = db.get(Agent, agent_id)
        resource = Resource(
            kind="agent", id=agent_id, organization=found.organization_id if found else None, exists=found is not None
        )
        decision = require(db, Permission.AGENTS_READ, resource)
        if found is None:
            raise LookupError(f"{decision.rule} allowed a client that is not there")
        authority = db.get_one(Authority, found.id)
        view = _view(db, found, authority, activity.last_active(db, me.organization))
        grants = living_grants_of_agent(db, found.id)
        names = _names(db, [grant.person_id for grant, _ in grants])
        people = [
            {
                "name": names.get(grant.person_id, "somebody"),
                "scopes": [WORDS[scope][0] for scope in WORDS if scope in (grant_authority.scopes or ())],
                "since": grant.started_at,
                "until": grant_authority.expires_at,
            }
            for grant, grant_authority in grants
        ]
    return render_template("admin/agent.html", agent=view, people=people, may_manage=_may_manage(me))


@pages.post("/<agent_id>/block")
def block(agent_id: str) -> ResponseReturnValue:
    return _change(agent_id, cascade.block_agent, "Blocked. Its next call is refused, whoever it is for.")


@pages.post("/<agent_id>/unblock")
def unblock(agent_id: str) -> ResponseReturnValue:
    return _change(
        agent_id, cascade.unblock_agent, "No longer blocked. What ended stays ended: people let it in again."
    )


@pages.post("/<agent_id>/ceiling")
def ceiling(agent_id: str) -> ResponseReturnValue:
    """The workflows that are ticked are the most that it may do for anybody; all of them are no ceiling."""
    ticked = _ticked()
    scopes = None if ticked >= set(SCOPES) else ticked

    def change(db: Session, policy: Policy, administrator: Principal, identifier: str) -> None:
        cascade.set_ceiling(db, policy, administrator, identifier, scopes)

    return _change(agent_id, change, "Saved. It holds from the next call.")


@pages.post("/<agent_id>/everyone")
def everyone(agent_id: str) -> ResponseReturnValue:
    """The workflows that are ticked are allowed for everybody, who are then not asked; none of them is: ask each person."""
    scopes = _ticked() or None

    def change(db: Session, policy: Policy, administrator: Principal, identifier: str) -> None:
        cascade.allow_for_everyone(db, policy, administrator, identifier, scopes)

    try:
        return _change(agent_id, change, "Saved. It holds from the next call.")
    except cascade.NotForEveryone as error:
        flash(f"Nothing was changed. {error}", "wait")
        return redirect(f"{_HOME}{agent_id}", 303)


@pages.post("/stop")
def stop() -> ResponseReturnValue:
    return _stop(True, "All assistants are stopped. People's own clicks go on.")


@pages.post("/release")
def release() -> ResponseReturnValue:
    return _stop(False, "Assistants may go on.")


@pages.get("/register")
def register_form() -> ResponseReturnValue:
    """The form for a client that the organization brings itself."""
    with services().database.read() as db:
        require(db, Permission.AGENTS_MANAGE, _of_organization("agents", principal()))
    return _form({"auth_method": "none", "scopes": SCOPES}, None)


@pages.post("/register")
def register() -> ResponseReturnValue:
    """Register it, and show what it needs to know. Its secret stands on this page and nowhere else (invariant I14)."""
    typed: dict[str, Any] = {
        name: request.form.get(name, "").strip() for name in ("name", "redirect_uris", "auth_method", "jwks_uri")
    }
    typed["scopes"] = sorted(_ticked())
    server, me = issuer(), principal()
    with server.database.write() as db:
        administrator = live(db, me, for_change=True)
        require(db, Permission.AGENTS_MANAGE, _of_organization("agents", me))
        try:
            if not typed["scopes"]:
                raise BadMetadata("invalid_client_metadata", "Tick at least one thing that it may ask for.")
            metadata = read_by_hand(
                typed["name"], typed["redirect_uris"].split(), typed["auth_method"], typed["jwks_uri"] or None
            )
        except BadMetadata as bad:
            return _form(typed, str(bad)), 400
        entry, told = register_for_organization(db, server, metadata, administrator, scopes=typed["scopes"])
    secret = told.pop("client_secret", None)
    page = render_template(
        "admin/agent_registered.html",
        agent={"id": entry.id, "name": entry.name},
        metadata=json.dumps(told, indent=2),
        secret=secret,
    )
    return page, 201


def _form(typed: dict[str, Any], error: str | None) -> str:
    workflows = [(scope, *WORDS[scope]) for scope in WORDS]
    return render_template(
        "admin/agent_register.html", typed=typed, error=error, workflows=workflows, methods=AUTH_METHODS
    )


def _change(
    agent_id: str, change: Callable[[Session, Policy, Principal, str], None], words: str
) -> ResponseReturnValue:
    with services().database.write() as db:
        change(db, services().policy, principal(), agent_id)
    flash(words, "allow")
    return redirect(f"{_HOME}{agent_id}", 303)


def _stop(stopped: bool, words: str) -> ResponseReturnValue:
    with services().database.write() as db:
        cascade.stop_all_assistants(db, services().policy, principal(), stopped)
    flash(words, "allow")
    return redirect(_HOME, 303)


def _view(db: Session, found: Agent, authority: Authority, seen: dict[str, Any]) -> dict[str, Any]:
    is_in_app = found.kind is ClientKind.IN_APP
    grants = living_grants_of_agent(db, found.id)
    delegated = living_delegations_of(db, found.organization_id, found.client_id) if is_in_app else []
    used = [grant.last_used_at for grant, _ in grants if grant.last_used_at]
    most = WORDS if authority.scopes is None else authority.scopes
    return {
        "id": found.id,
        "name": found.name,
        "client_id": found.client_id,
        "kind": "service" if authority.roles else found.kind,
        "publisher": found.publisher,
        "owner": _names(db, [found.owner_id]).get(found.owner_id or ""),
        "people": len({membership for _, membership in delegated} | {grant.membership_id for grant, _ in grants}),
        "first_seen": found.first_seen_at,
        "last_seen": max([*used, *filter(None, [seen.get(found.client_id)])], default=None),
        "blocked": authority.suspended_at is not None,
        "has_ceiling": authority.scopes is not None,
        "for_everyone": found.for_everyone is not None,
        "can_be_for_everyone": cascade.can_be_for_everyone(found),
        "workflows": [
            {
                "scope": scope,
                "title": title,
                "text": text,
                "allowed": scope in most,
                "for_everyone": scope in (found.for_everyone or ()),
            }
            for scope, (title, text) in WORDS.items()
        ],
    }


def _names(db: Session, people: list[str | None]) -> dict[str, str]:
    known = [person for person in people if person]
    return {person.id: person.name for person in db.scalars(select(Person).where(Person.id.in_(known)))}


def _ticked() -> set[Workflow]:
    return {Workflow(scope) for scope in SCOPES if scope in request.form.getlist("scope")}


def _of_organization(kind: str, me: Principal) -> Resource:
    return Resource(kind=kind, id=me.organization, organization=me.organization)


def _may_manage(me: Principal) -> bool:
    resource = _of_organization("agents", me)
    return services().policy.is_allowed(principal=me, action=Permission.AGENTS_MANAGE, resource=resource).allowed


def _refused(decision: Decision) -> ResponseReturnValue:
    if decision.code == "not_found":
        page = render_template(
            "storefront/error.html",
            code=404,
            title="There is no such agent",
            text="Nothing in your organization's inventory has that id.",
            action={"href": _HOME, "label": "All agents"},
        )
        return page, 404
    page = render_template(
        "storefront/refused.html",
        title="This page is for administrators",
        reason="Your role does not allow looking after your organization's agents.",
        next_step="An administrator of your organization can. Your own assistants are yours to look after.",
        back={"href": "/assistants", "label": "Your connected assistants"},
    )
    return page, 403


on_denied(pages, _refused)
