"""The audit views: a conversation's timeline, and the organization's own trail.

People see their own conversations, auditors those of their organization, nobody else any; "not yours" is answered like
"not there" (invariant I10). Whoever looks at somebody else's is recorded too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from shop.access import on_denied, principal, require, signed_in
from shop.admin import sentences, timeline
from shop.audit import chain, queries
from shop.audit.denial_windows import close_windows
from shop.audit.events import EventName
from shop.audit.queries import RecordedEvent
from shop.audit.writer import record
from shop.authorization.conditions import Resource
from shop.authorization.decisions import Decision
from shop.authorization.permissions import Permission
from shop.conversations import threads
from shop.conversations.models import Conversation
from shop.credentials.agents import Agent, agent_of, names_of_clients
from shop.identity.models import Membership, Person
from shop.oauth.inventory import names_of_agents
from shop.services import services

pages = Blueprint("audit", __name__, url_prefix="/audit")

_PAGE = 100
_MOST_DIGITS = 15
"""Of a sequence in an address: far beyond any trail, and still a number to every database."""
_REFUSALS = ("tool_call.denied", "approval.refused")
_CALLS = ("tool_call.denied", "tool_call.succeeded", "tool_call.failed", "tool_call.awaiting_approval")


@pages.get("/")
def conversations() -> ResponseReturnValue:
    """The conversations whose audit this person may read: an auditor's whole organization, else one's own."""
    me, person = principal(), signed_in()
    with services().database.read() as db:
        organization = Resource(kind="organization", id=me.organization, organization=me.organization)
        is_auditor = (
            services().policy.is_allowed(principal=me, action=Permission.AUDIT_READ, resource=organization).allowed
        )
        found = threads.of_organization(db, me.organization) if is_auditor else threads.all_of_person(db, me)
        names = _names(db, {conversation.subject for conversation in found})
        ids = [conversation.id for conversation in found]
        counts = queries.counts(db, ids) if is_auditor else {one: _counts_as_shown(db, one) for one in ids}
    return render_template(
        "admin/conversations.html",
        conversations=[_row(c, names, counts[c.id]) for c in found],
        organization_name=person.organization_name if person and is_auditor else None,
        trail_href="/audit/organization" if is_auditor else None,
    )


@pages.get("/conversations/<conversation_id>")
def conversation(conversation_id: str) -> ResponseReturnValue:
    """One conversation's audit view."""
    me = principal()
    close_windows(services().database, organization=me.organization)
    show = request.args.get("show", "all")
    with services().database.write() as db:
        found = db.get(Conversation, conversation_id)
        decision = require(db, Permission.AUDIT_READ, threads.resource_of(found, conversation_id))
        if found is None:
            raise LookupError(f"{decision.rule} allowed a conversation that is not there")
        is_own = found.subject == me.subject
        if not is_own:
            record(
                db,
                EventName.AUDIT_VIEWED,
                principal=replace(me, conversation=None),
                action=Permission.AUDIT_READ,
                resource=("conversation", found.id),
                decision=decision.for_auditor(),
                outcome="succeeded",
            )
        events = queries.events_of_chain(db, found.id)
        people = _names(db, {event.content["subject"] for event in events} | {found.subject})
        verdict = chain.verify(db, found.id)
        clients = names_of_clients(db, found.organization)
        client = agent_of(db, found.organization, found.client_id) if found.client_id else None
    entries = timeline.entries_of(events, people | clients, is_auditor=not is_own or _is_auditor(decision.rule))
    return render_template(
        "admin/conversation.html",
        conversation=_header(found, is_own, client),
        person_text=f"{_assistant(found, clients)} on behalf of {people.get(found.subject, 'somebody')}",
        counts=_counted(entries),
        chain={"ok": verdict.ok, "events": verdict.events, "text": _verdict(verdict)},
        entries=timeline.filtered(entries, show),
        show=show if show in {"refused", "approvals"} else "all",
    )


@pages.get("/organization")
def organization() -> ResponseReturnValue:
    """What happened in the organization outside conversations: sign-ins, roles, suspensions, views of the audit."""
    me, person = principal(), signed_in()
    before = request.args.get("before", "")
    close_windows(services().database, organization=me.organization)
    with services().database.write() as db:
        resource = Resource(kind="organization", id=me.organization, organization=me.organization)
        decision = require(db, Permission.AUDIT_READ, resource)
        record(
            db,
            EventName.AUDIT_VIEWED,
            principal=replace(me, conversation=None),
            action=Permission.AUDIT_READ,
            resource=("organization", me.organization),
            decision=decision.for_auditor(),
            outcome="succeeded",
        )
        events = queries.events_of_chain(
            db,
            me.organization,
            before=int(before) if before.isdecimal() and len(before) <= _MOST_DIGITS else None,
            limit=_PAGE,
        )
        names = _names(db, _named_in(events)) | names_of_clients(db, me.organization)
        verdict = chain.verify(db, me.organization)
    first = events[0].content["sequence"] if events else 1
    return render_template(
        "admin/organization.html",
        organization={"name": person.organization_name if person else ""},
        chain={"ok": verdict.ok, "events": verdict.events, "text": _verdict(verdict)},
        entries=timeline.entries_of(events, names, is_auditor=True),
        older=f"/audit/organization?before={first}" if first > 1 else None,
        newer="/audit/organization" if before else None,
    )


def _nothing_here(_decision: Decision) -> ResponseReturnValue:
    """Refused, and told no more than that there is nothing here (invariant I10)."""
    page = render_template(
        "storefront/error.html",
        code=404,
        title="There is nothing here",
        text="This audit view does not exist, or it is not yours to read.",
        action={"href": "/audit/", "label": "What you may read"},
    )
    return page, 404


on_denied(pages, _nothing_here)


def _is_auditor(rule: str) -> bool:
    return rule.startswith("auditor.")


def _named_in(events: list[RecordedEvent]) -> set[str | None]:
    """Who acted, and what was acted on."""
    return {event.content["subject"] for event in events} | {
        (event.content["resource"] or {}).get("id") for event in events
    }


def _names(db: Session, identifiers: set[str | None]) -> dict[str, str]:
    """The names of people, also by their memberships, and of agents that act for nobody."""
    known = [identifier for identifier in identifiers if identifier]
    people = select(Person.id, Person.name).where(Person.id.in_(known))
    members = select(Membership.id, Person.name).join(Person, Person.id == Membership.person_id)
    rows = db.execute(people.union_all(members.where(Membership.id.in_(known))))
    names = {identifier: name for identifier, name in rows}
    return names | names_of_agents(db, [identifier for identifier in known if identifier not in names])


def _counts_as_shown(db: Session, conversation: str) -> Mapping[str, int]:
    """How often each event occurs as the conversation's own person sees it: a number must not tell what words do not."""
    entries = timeline.entries_of(queries.events_of_chain(db, conversation), {}, is_auditor=False)
    return Counter(str(entry["name"]) for entry in entries if entry["pill"])


def _assistant(conversation: Conversation, clients: Mapping[str, str]) -> str:
    """Who acts in a conversation: the shop's own assistant, or an external one by the name it gave itself."""
    client = conversation.client_id
    return clients.get(client, client) if client else "Assistant"


def _row(conversation: Conversation, names: dict[str, str], counts: Mapping[str, int]) -> dict[str, Any]:
    chips = []
    if conversation.client_id:
        chips.append({"kind": "off", "text": conversation.source})
    if counts.get("order.placed"):
        chips.append({"kind": "allow", "text": "ordered"})
    if counts.get("approval.approved"):
        chips.append({"kind": "allow", "text": f"{counts['approval.approved']} approved"})
    return {
        "href": f"/audit/conversations/{conversation.id}",
        "title": conversation.title,
        "person": names.get(conversation.subject, "somebody"),
        "started_text": f"{conversation.started_at:%-d %B, %H:%M} UTC",
        "calls": sum(counts.get(name, 0) for name in _CALLS),
        "refused": sum(counts.get(name, 0) for name in _REFUSALS),
        "chips": chips,
    }


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


def _counted(entries: list[timeline.Entry]) -> dict[str, int]:
    return {
        "calls": sum(str(entry["name"]) in _CALLS for entry in entries if entry["lane"] == "Gateway"),
        "refused": sum(timeline.is_refusal(entry) for entry in entries),
        "approved": sum(entry["name"] == EventName.APPROVAL_APPROVED for entry in entries),
    }


def _verdict(verdict: chain.Verdict) -> str:
    return f"chain verified, {verdict.text}" if verdict.ok else f"chain broken: {verdict.text}"
