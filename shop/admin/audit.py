"""The audit views: a conversation's timeline, and the organization's own trail.

People see their own conversations, auditors those of their organization, nobody else any; "not yours" is answered like
"not there" (invariant I10). Whoever looks at somebody else's is recorded too, in a short transaction of its own. What is shown is
read and recomputed after that, outside of any write: a long audit holds nobody up.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from shop.access import may, not_there, on_denied, principal, require
from shop.admin import sentences, timeline, trails, verifying
from shop.admin.showing import COUNTED, EVENTS_ON_A_PAGE, assistant_of, many, names_of, record_view, sequence_of
from shop.admin.verifying import Shown
from shop.agents.entries import names_of_clients
from shop.audit import queries
from shop.audit.denial_windows import close_windows
from shop.audit.events import EventName
from shop.audit.queries import Page, Wanted
from shop.audit.verification import verify_shown
from shop.authorization.conditions import Resource
from shop.authorization.decisions import Decision
from shop.authorization.permissions import Permission
from shop.conversations import threads
from shop.conversations.models import Conversation, Turn
from shop.credentials.agents import Agent, agent_of
from shop.services import services

pages = Blueprint("audit", __name__, url_prefix="/audit")
trails.add_routes(pages)

_SHOWN: Mapping[str, frozenset[EventName] | None] = {
    "all": None,
    "refused": timeline.REFUSALS,
    "approvals": timeline.APPROVALS,
}
"""What of a conversation is shown, by the word in the address."""


@pages.get("/conversations/<conversation_id>")
def conversation(conversation_id: str) -> ResponseReturnValue:
    """One conversation's audit view: its latest events, those before one, or those around a turn."""
    return _conversation_page(_viewed(conversation_id), None)


@pages.post("/conversations/<conversation_id>/verify")
def verify_conversation(conversation_id: str) -> ResponseReturnValue:
    """Recompute a conversation's whole chain, now."""
    found = _viewed(conversation_id)
    verdict = verifying.whole_chain(found.id)
    if request.headers.get("HX-Request"):
        return render_template("admin/_chain.html", chain=verdict, verify_href=_verify_href(found)), verdict.status
    return _conversation_page(found, verdict), verdict.status


def _viewed(conversation_id: str) -> Conversation:
    """A conversation whose audit is about to be shown. A view by somebody else than its person is recorded.

    Raises `AccessDenied`.
    """
    me, resource_of = principal(), threads.resource_of
    close_windows(services().database, organization=me.organization)
    with services().database.read() as db:
        found = db.get(Conversation, conversation_id)
        decision = require(db, Permission.AUDIT_READ, resource_of(found, conversation_id))
    if found is None:
        raise LookupError(f"{decision.rule} allowed a conversation that is not there")
    if found.subject != me.subject:
        with services().database.write() as db:
            decision = require(db, Permission.AUDIT_READ, resource_of(found, conversation_id))
            record_view(db, decision, ("conversation", found.id))
    return found


def _conversation_page(found: Conversation, verdict: Shown | None) -> str:
    me = principal()
    is_own, is_auditor = found.subject == me.subject, may(me, Permission.AUDIT_READ)
    asked = request.args.get("show", "all")
    show = asked if asked in _SHOWN else "all"
    with services().database.read() as db:
        page = _events(db, found.id, Wanted(names=_SHOWN[show], hides_not_found=not is_auditor))
        people = names_of(db, {event.content["subject"] for event in page.events} | {found.subject})
        shown = verify_shown(db, found.id, page.stored)
        clients = names_of_clients(db, found.organization)
        client = agent_of(db, found.organization, found.client_id) if found.client_id else None
        counted = COUNTED | {"refused": timeline.REFUSALS}
        counts = queries.tallies(db, [found.id], counted, hides_not_found=not is_auditor)[found.id]
    entries = timeline.entries_of(page.events, people | clients, is_auditor=is_auditor)
    path = f"/audit/conversations/{found.id}"
    query = "" if show == "all" else f"&show={show}"
    return render_template(
        "admin/_entries.html" if request.headers.get("HX-Request") else "admin/conversation.html",
        conversation=_header(found, is_own, client),
        person_text=f"{assistant_of(found, clients)} on behalf of {people.get(found.subject, 'somebody')}",
        counts={name: many(number) for name, number in counts.items()},
        chain=verdict or verifying.shown(shown),
        verify_href=_verify_href(found),
        entries=timeline.filtered(entries, show),
        show=show,
        earlier=f"{path}?before={page.older}{query}" if page.older else None,
        latest=f"{path}{query.replace('&', '?')}" if {"before", "turn"} & request.args.keys() else None,
    )


def _events(db: Session, chain: str, wanted: Wanted) -> Page:
    """The page of a conversation's events that the address asks for."""
    before = sequence_of(request.args.get("before", ""))
    turn = db.get(Turn, request.args.get("turn", "")[:40])
    if turn is not None and turn.conversation_id == chain:
        before = queries.sequence_at(db, chain, turn.started_at) + EVENTS_ON_A_PAGE // 2
    return queries.page_of_chain(db, chain, wanted, before=before, limit=EVENTS_ON_A_PAGE)


def _verify_href(conversation: Conversation) -> str:
    return f"/audit/conversations/{conversation.id}/verify"


def _nothing_here(_decision: Decision) -> ResponseReturnValue:
    """Refused, and told no more than that there is nothing here (invariant I10)."""
    text = "This audit view does not exist, or it is not yours to read."
    return not_there("There is nothing here", text, href="/audit/", label="What you may read")


on_denied(pages, _nothing_here)


def _header(conversation: Conversation, is_own: bool, client: Agent | None) -> dict[str, Any]:
    is_external = conversation.client_id is not None
    return {
        "id": conversation.id,
        "title": conversation.title,
        "started_text": f"{conversation.started_at:%-d %B %Y, %H:%M} UTC",
        "href": f"/assistant/{conversation.id}"
        if is_own and not is_external and conversation.deleted_at is None
        else None,
        "external": {
            "client_id": conversation.client_id,
            "client": {"name": client.name, "kind": client.kind, "publisher": client.publisher} if client else None,
            "entry_href": _entry_of(client, conversation, is_own),
            "grant": conversation.credential,
            "named": conversation.external_id,
            "source": conversation.source,
            "trust": sentences.TRUST[conversation.source],
        }
        if is_external
        else None,
    }


def _entry_of(client: Agent | None, conversation: Conversation, is_own: bool) -> str | None:
    """Where this reader can see what the client may do, and end it: the inventory, or among their own connected assistants."""
    if client is None:
        return None
    resource = Resource(kind="agent", id=client.id, organization=client.organization_id)
    me = principal()
    if services().policy.is_allowed(principal=me, action=Permission.AGENTS_READ, resource=resource).allowed:
        return f"/admin/agents/{client.id}"
    return f"/assistants#{conversation.credential}" if is_own else None
