"""Connected assistants: what a person allowed to assistants outside of this shop, and how they take it back (`widening.py`: how
they allow more).

Each press acts at the assistant's very next call (invariant I9). A grant that is not theirs is not there (invariant I10).
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from shop.access import not_there, principal, refuse_handle
from shop.audit import queries
from shop.audit.denials import Handle
from shop.audit.events import EventName
from shop.conversations import activity, delegation
from shop.credentials.agents import Agent, ceiling_of
from shop.credentials.end_reasons import EndReason
from shop.credentials.grants import Grant, grants_of_person, is_in_force
from shop.credentials.ledger import Authority, Kind, paused_at
from shop.oauth.endpoints.widen import can_be_added, decider_of
from shop.oauth.issuer import issuer
from shop.principal import Principal, Workflow
from shop.revocation import cascade
from shop.services import services
from shop.workflow_words import WORDS

pages = Blueprint("assistants", __name__, url_prefix="/assistants")

_LATEST = 3
_PAST = 5
_COUNTED = {
    "calls": (
        EventName.TOOL_CALL_AWAITING_APPROVAL,
        EventName.TOOL_CALL_DENIED,
        EventName.TOOL_CALL_FAILED,
        EventName.TOOL_CALL_SUCCEEDED,
    ),
    "orders": (EventName.ORDER_PLACED,),
}
HOME = "/assistants"


@pages.get("", strict_slashes=False)
def overview() -> ResponseReturnValue:
    """Every grant that is alive, with what its assistant did; and the latest of those that have ended."""
    me = principal()
    with services().database.read() as db:
        grants = grants_of_person(db, me.membership)
        living = [(grant, authority) for grant, authority in grants if is_in_force(db, authority)]
        past = [(grant, authority) for grant, authority in grants if not is_in_force(db, authority)]
        paused = paused_at(db, me)
        page = {
            "grants": [_view(db, me, grant, authority) for grant, authority in living],
            "past": [_past(db, grant, authority) for grant, authority in past[:_PAST]],
        }
    return render_template(
        "storefront/assistants.html",
        paused=Kind.MEMBERSHIP in paused,
        stopped=Kind.ORGANIZATION in paused,
        **page,
    )


@pages.post("/<grant_id>/narrow")
def narrow(grant_id: str) -> ResponseReturnValue:
    """Keep what is ticked, take the rest back."""
    keep = frozenset(workflow for workflow in Workflow if workflow in request.form.getlist("scope"))
    if not keep:
        flash("Nothing was changed: keep at least one thing, or revoke it.", "wait")
        return redirect(HOME, 303)
    try:
        with services().database.write() as db:
            cascade.narrow_grant(db, principal(), grant_id, keep)
    except cascade.NotYours:
        return no_such_grant()
    except ValueError:
        flash("Nothing was changed: it never had what you ticked. Keep something that it has, or revoke it.", "wait")
        return redirect(HOME, 303)
    flash("Taken back. It acts from its very next call.", "allow")
    return redirect(HOME, 303)


@pages.post("/<grant_id>/revoke")
def revoke(grant_id: str) -> ResponseReturnValue:
    """End one grant."""
    try:
        with services().database.write() as db:
            cascade.revoke_grant(db, principal(), grant_id)
    except cascade.NotYours:
        return no_such_grant()
    flash("Revoked. Its next call is refused.", "allow")
    return redirect(HOME, 303)


@pages.post("/revoke-all")
def revoke_all() -> ResponseReturnValue:
    """End them all. The shop's own assistant and the person's sessions stay."""
    with services().database.write() as db:
        cascade.revoke_all_grants(db, principal())
    flash("All revoked. The next call of each is refused.", "allow")
    return redirect(HOME, 303)


@pages.post("/pause")
def pause() -> ResponseReturnValue:
    return _set_paused(True, "Paused. No assistant does anything for you until you resume.")


@pages.post("/resume")
def resume() -> ResponseReturnValue:
    return _set_paused(False, "Your assistants may go on.")


def _set_paused(paused: bool, words: str) -> ResponseReturnValue:
    with services().database.write() as db:
        delegation.set_paused(db, principal(), paused)
    flash(words, "allow")
    return redirect(HOME, 303)


def _view(db: Session, me: Principal, grant: Grant, authority: Authority) -> dict[str, Any]:
    agent = db.get_one(Agent, grant.agent_id)
    ceiling = ceiling_of(db, me.organization, grant.client_id)
    addable, external = can_be_added(db, issuer(), grant), issuer().external
    conversations, how_many = activity.with_client(db, me, grant.client_id, _LATEST)
    counts = queries.tallies(db, [conversation.id for conversation in conversations], _COUNTED)
    used = [grant.last_used_at, *(conversation.active_at for conversation in conversations[:1])]
    return {
        "id": grant.id,
        "client": {"name": agent.name, "kind": agent.kind, "publisher": agent.publisher, "id": agent.client_id},
        "answers_go_to": grant.redirect_host,
        "by_organization": grant.by_organization,
        "decider": decider_of(issuer(), grant),
        "issuer": external.url if external else None,
        "since": grant.started_at,
        "until": authority.expires_at,
        "used": max((at for at in used if at), default=None),
        "workflows": [
            {
                "scope": scope,
                "title": words.title,
                "text": words.covers,
                "granted": scope in (authority.scopes or ()),
                "forbidden": scope not in ceiling,
                "can_be_added": scope in addable,
            }
            for scope, words in WORDS.items()
        ],
        "conversations": [
            {
                "href": f"/audit/conversations/{conversation.id}",
                "at": conversation.active_at,
                "calls": counts[conversation.id]["calls"],
                "orders": counts[conversation.id]["orders"],
            }
            for conversation in conversations
        ],
        "more": how_many - len(conversations),
    }


def _past(db: Session, grant: Grant, authority: Authority) -> dict[str, Any]:
    return {
        "name": db.get_one(Agent, grant.agent_id).name,
        "ended": authority.ended_at or authority.expires_at,
        "because": EndReason(authority.ended_because or "").for_grant if authority.ended_at else "its time was over",
    }


def no_such_grant() -> ResponseReturnValue:
    """Somebody else's grant, or none: the same answer, and on record (invariants I5, I10)."""
    refuse_handle(Handle.GRANT)
    text = "It may have been revoked already."
    return not_there("There is no such connected assistant", text, href=HOME, label="Your connected assistants")
