"""The organization's inventory of AI clients, for its administrators: who they are, who uses them, what they may, and how they are stopped.

Every change acts at the client's very next call, through `shop.agents`, which asks the policy and writes the record.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from shop.access import may, not_there, on_denied, principal, require, signed_in
from shop.agents import blocks, limits
from shop.agents.entries import inventory
from shop.agents.limits import NotVouchedFor
from shop.authorization.conditions import Resource
from shop.authorization.decisions import Code, Decision
from shop.authorization.permissions import Permission
from shop.authorization.policy import Policy
from shop.conversations import activity
from shop.credentials.agents import Agent, ClientKind
from shop.credentials.delegations import living_delegations_of
from shop.credentials.grants import living_grants_of_agent
from shop.credentials.ledger import Authority, Kind, paused_at
from shop.identity.models import Person
from shop.oauth.clients.metadata import SCOPES
from shop.oauth.issuer import issuer
from shop.principal import Principal, Workflow
from shop.services import services
from shop.workflow_words import WORDS

pages = Blueprint("agents", __name__, url_prefix="/admin/agents")

HOME = "/admin/agents/"


@pages.get("/")
def agents() -> ResponseReturnValue:
    """All clients that somebody of the organization let in or registered, and the shop's own assistant."""
    me, person = principal(), signed_in()
    with services().database.read() as db:
        require(db, Permission.AGENTS_READ, of_organization(me))
        seen = activity.last_active(db, me.organization)
        rows = [_view(db, agent, authority, seen) for agent, authority in inventory(db, me.organization)]
        stopped = Kind.ORGANIZATION in paused_at(db, me)
    return render_template(
        "admin/agents.html",
        organization_name=person.organization_name if person else "",
        agents=rows,
        stopped=stopped,
        may_manage=may(me, Permission.AGENTS_MANAGE),
        registers_here=issuer().external is None,
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
                "scopes": [
                    words.title_for_others for scope, words in WORDS.items() if scope in (grant_authority.scopes or ())
                ],
                "since": grant.started_at,
                "until": grant_authority.expires_at,
            }
            for grant, grant_authority in grants
        ]
    return render_template("admin/agent.html", agent=view, people=people, may_manage=may(me, Permission.AGENTS_MANAGE))


@pages.post("/<agent_id>/block")
def block(agent_id: str) -> ResponseReturnValue:
    return _change(agent_id, blocks.block_agent, "Blocked. Its next call is refused, whoever it is for.")


@pages.post("/<agent_id>/unblock")
def unblock(agent_id: str) -> ResponseReturnValue:
    return _change(agent_id, blocks.unblock_agent, "No longer blocked. What ended stays ended: people let it in again.")


@pages.post("/<agent_id>/ceiling")
def ceiling(agent_id: str) -> ResponseReturnValue:
    """The workflows that are ticked are the most that it may do for anybody; all of them are no ceiling."""
    chosen = ticked()
    scopes = None if chosen >= set(SCOPES) else chosen

    def change(db: Session, policy: Policy, administrator: Principal, identifier: str) -> None:
        limits.set_ceiling(db, policy, administrator, identifier, scopes)

    return _change(agent_id, change, "Saved. It holds from the next call.")


@pages.post("/<agent_id>/everyone")
def everyone(agent_id: str) -> ResponseReturnValue:
    """The workflows that are ticked are allowed for everybody, who are then not asked; none of them is: ask each person."""
    scopes, risky_tools = ticked() or None, issuer().risky_tools

    def change(db: Session, policy: Policy, administrator: Principal, identifier: str) -> None:
        limits.allow_for_everyone(db, policy, administrator, identifier, scopes, risky_tools)

    return _change(agent_id, change, "Saved. It holds from the next call.")


@pages.post("/<agent_id>/alone")
def alone(agent_id: str) -> ResponseReturnValue:
    """Whether it may act with no human present, looking and reading only; whoever presses answers for it."""
    allowed = request.form.get("allow") == "1"

    def change(db: Session, policy: Policy, administrator: Principal, identifier: str) -> None:
        limits.let_act_alone(db, policy, administrator, identifier, allowed)

    return _change(
        agent_id, change, "Saved. You answer for it." if allowed else "Ended, with the tokens it had for that."
    )


@pages.post("/stop")
def stop() -> ResponseReturnValue:
    return _stop(True, "All assistants are stopped. People's own clicks go on.")


@pages.post("/release")
def release() -> ResponseReturnValue:
    return _stop(False, "Assistants may go on.")


def _change(
    agent_id: str, change: Callable[[Session, Policy, Principal, str], None], words: str
) -> ResponseReturnValue:
    try:
        with services().database.write() as db:
            change(db, services().policy, principal(), agent_id)
        flash(words, "allow")
    except NotVouchedFor as error:
        flash(f"Nothing was changed. {error}", "wait")
    return redirect(f"{HOME}{agent_id}", 303)


def _stop(stopped: bool, words: str) -> ResponseReturnValue:
    with services().database.write() as db:
        blocks.stop_all_assistants(db, services().policy, principal(), stopped)
    flash(words, "allow")
    return redirect(HOME, 303)


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
        "kind": found.kind,
        "publisher": found.publisher,
        "owner": _names(db, [found.owner_id]).get(found.owner_id or ""),
        "people": len({membership for _, membership in delegated} | {grant.membership_id for grant, _ in grants}),
        "first_seen": found.first_seen_at,
        "last_seen": max([*used, *filter(None, [seen.get(found.client_id)])], default=None),
        "blocked": authority.suspended_at is not None,
        "alone": authority.roles is not None,
        "is_vouched_for": found.is_vouched_for,
        "has_ceiling": authority.scopes is not None,
        "for_everyone": found.for_everyone is not None,
        "workflows": [
            {
                "scope": scope,
                "title": words.title_for_others,
                "text": words.covers_for_others,
                "allowed": scope in most,
                "for_everyone": scope in (found.for_everyone or ()),
            }
            for scope, words in WORDS.items()
        ],
    }


def _names(db: Session, people: list[str | None]) -> dict[str, str]:
    known = [person for person in people if person]
    return {person.id: person.name for person in db.scalars(select(Person).where(Person.id.in_(known)))}


def ticked() -> set[Workflow]:
    """The workflows that are ticked on the form that was sent."""
    return {Workflow(scope) for scope in SCOPES if scope in request.form.getlist("scope")}


def of_organization(me: Principal) -> Resource:
    """The inventory of a person's own organization, as the policy sees it."""
    return Resource(kind="agents", id=me.organization, organization=me.organization)


def refused(decision: Decision) -> ResponseReturnValue:
    """What somebody is told who may not, or who asks for an entry that is not there."""
    if decision.code is Code.NOT_FOUND:
        text = "Nothing in your organization's inventory has that id."
        return not_there("There is no such agent", text, href=HOME, label="All agents")
    page = render_template(
        "storefront/refused.html",
        title="This page is for administrators",
        reason="Your role does not allow looking after your organization's agents.",
        next_step="An administrator of your organization can. Your own assistants are yours to look after.",
        back={"href": "/assistants", "label": "Your connected assistants"},
    )
    return page, 403


on_denied(pages, refused)
