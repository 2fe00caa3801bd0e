"""From audit events to the entries of a timeline: message → proposed call → decision and rule → confirmation → effect.

An auditor sees everything. A person who looks at their own conversation sees the same, but for one thing: a refusal
that stood for "not found" names no rule, since the rule tells "another organization's" from "not there" (invariant I10).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from shop.admin.sentences import sentence
from shop.audit.events import EventName
from shop.audit.queries import RecordedEvent
from shop.authorization.conditions import amount_against_limit
from shop.authorization.decisions import Code
from shop.authorization.not_there import NOT_THERE
from shop.store.money import euros

Entry = dict[str, Any]

_PILLS = {
    EventName.TOOL_CALL_SUCCEEDED: ("allow", "allowed"),
    EventName.TOOL_CALL_DENIED: ("deny", "refused"),
    EventName.TOOL_CALL_FAILED: ("off", "failed"),
    EventName.TOOL_CALL_AWAITING_APPROVAL: ("wait", "needs approval"),
    EventName.APPROVAL_APPROVED: ("allow", "approved"),
    EventName.APPROVAL_DECLINED: ("off", "declined"),
    EventName.APPROVAL_OPENED: ("wait", "opened"),
    EventName.APPROVAL_REFUSED: ("deny", "refused"),
    EventName.APPROVAL_VOIDED: ("off", "void"),
    EventName.ACCESS_DENIED: ("deny", "refused"),
    EventName.SIGN_IN_FAILED: ("deny", "failed"),
    EventName.SIGN_IN_WITHDRAWN: ("deny", "refused"),
    EventName.MESSAGE_REFUSED: ("deny", "refused"),
    EventName.TURN_FAILED: ("off", "failed"),
    EventName.TURN_STOPPED: ("off", "stopped"),
    EventName.ORDER_PLACED: ("allow", "placed"),
    EventName.AGENT_BLOCKED: ("deny", "blocked"),
    EventName.ASSISTANTS_STOPPED: ("deny", "stopped"),
    EventName.DENIALS_COUNTED: ("deny", "refused"),
    EventName.GRANT_ASSERTED: ("allow", "allowed"),
    EventName.GRANT_RECOGNIZED: ("allow", "allowed"),
    EventName.AUTHORIZATION_CODE_REPLAYED: ("deny", "caught"),
    EventName.AUTHORIZATION_REFUSED: ("deny", "refused"),
    EventName.CLIENT_REGISTRATION_REFUSED: ("deny", "refused"),
    EventName.GRANT_CONSENTED: ("allow", "allowed"),
    EventName.GRANT_DENIED: ("deny", "refused"),
    EventName.GRANT_REVOKED: ("off", "ended"),
    EventName.REFRESH_TOKEN_REUSED: ("deny", "caught"),
    EventName.TOKEN_REFUSED: ("deny", "refused"),
}
REFUSALS = frozenset(name for name, (kind, _) in _PILLS.items() if kind == "deny")
APPROVALS = frozenset(
    {
        EventName.APPROVAL_APPROVED,
        EventName.APPROVAL_DECLINED,
        EventName.APPROVAL_OPENED,
        EventName.APPROVAL_REFUSED,
        EventName.APPROVAL_VOIDED,
        EventName.TOOL_CALL_AWAITING_APPROVAL,
    }
)
OUTCOMES: Mapping[str, frozenset[EventName]] = {
    "denied": REFUSALS - {EventName.SIGN_IN_FAILED},
    "needs_approval": frozenset({EventName.TOOL_CALL_AWAITING_APPROVAL}),
    "succeeded": frozenset(name for name, (kind, _) in _PILLS.items() if kind == "allow")
    | {EventName.SIGN_IN_SUCCEEDED},
    "failed": frozenset(name for name, (_, text) in _PILLS.items() if text == "failed"),
}
"""Which events a reader means who asks for an outcome."""
_PERSON = {
    EventName.MESSAGE_RECEIVED,
    EventName.MESSAGE_REFUSED,
    EventName.CONSENT_GRANTED,
    EventName.CONSENT_WITHDRAWN,
    EventName.APPROVAL_APPROVED,
    EventName.APPROVAL_DECLINED,
    EventName.APPROVAL_OPENED,
    EventName.APPROVAL_REFUSED,
    EventName.CONVERSATION_DELETED,
    EventName.CONVERSATION_EXPORTED,
    EventName.CONVERSATION_RENAMED,
    EventName.MESSAGE_EDITED,
    EventName.SESSION_REVOKED,
    EventName.SESSION_SIGNED_OUT,
    EventName.SIGN_IN_SUCCEEDED,
    EventName.ASSISTANT_PAUSED,
    EventName.ASSISTANT_RESUMED,
    EventName.AUDIT_VIEWED,
    EventName.AGENT_ALONE_CHANGED,
    EventName.AGENT_BLOCKED,
    EventName.AGENT_CEILING_CHANGED,
    EventName.AGENT_EVERYONE_CHANGED,
    EventName.ASSISTANTS_RELEASED,
    EventName.ASSISTANTS_STOPPED,
    EventName.GRANT_NARROWED,
    EventName.AGENT_TAKEN_IN,
    EventName.AGENT_UNBLOCKED,
    EventName.GRANT_CONSENTED,
    EventName.GRANT_DENIED,
    EventName.GRANT_REVOKED,
    EventName.MEMBERSHIP_RESTORED,
    EventName.MEMBERSHIP_SUSPENDED,
}
_ENDINGS = {EventName.SESSION_REVOKED, EventName.GRANT_REVOKED}
"""What is somebody's own doing, unless something else led to it."""
_GATEWAY = {
    EventName.TOOL_CALL_SUCCEEDED,
    EventName.TOOL_CALL_DENIED,
    EventName.TOOL_CALL_FAILED,
    EventName.TOOL_CALL_AWAITING_APPROVAL,
    EventName.ACCESS_DENIED,
}


def entries_of(events: list[RecordedEvent], names: Mapping[str, str], *, is_auditor: bool) -> list[Entry]:
    """The entries of some events, in order. `names` are those of people, memberships and clients, by their ids."""
    entries: list[Entry] = []
    for event in events:
        if event.name is EventName.DENIALS_COUNTED and not is_auditor:
            entries.append(_entry(_without_hidden(event), names, is_masked=False) | {"details": []})
            continue
        if event.name in _GATEWAY and event.content["actor"] and "receipt" not in _of_approved(event):
            entries.append(_proposal(event))
        entries.append(_entry(event, names, is_masked=not is_auditor and _stands_for_not_found(event)))
    return entries


def filtered(entries: list[Entry], show: str) -> list[Entry]:
    """Only the refusals, only what is about approvals, or everything."""
    if show == "refused":
        return [entry for entry in entries if is_refusal(entry)]
    return [entry for entry in entries if is_approval(entry)] if show == "approvals" else entries


def is_refusal(entry: Entry) -> bool:
    """Whether an entry is a refusal."""
    return bool(entry["pill"]) and entry["pill"]["kind"] == "deny"


def is_approval(entry: Entry) -> bool:
    """Whether an entry is about a human's approval."""
    return entry["name"] in APPROVALS


def _stands_for_not_found(event: RecordedEvent) -> bool:
    return (
        event.name in {EventName.TOOL_CALL_DENIED, EventName.TOOL_CALL_FAILED}
        and event.content["facts"].get("code") == Code.NOT_FOUND
    )


def _without_hidden(event: RecordedEvent) -> RecordedEvent:
    """A count without how many of them were for what is somebody else's. Its hash would tell, so no details go with it."""
    return replace(event, content={**event.content, "facts": {**event.content["facts"], "hidden": 0}})


def _of_approved(event: RecordedEvent) -> dict[str, Any]:
    """The facts of a call that ran because a human approved it: it was proposed earlier, when it stopped."""
    facts: dict[str, Any] = event.content["facts"]
    return facts if event.name is not EventName.TOOL_CALL_AWAITING_APPROVAL else {}


def _proposal(event: RecordedEvent) -> Entry:
    """What the assistant proposed, or a widget asked it for, before the gateway decided."""
    arguments, facts = event.personal.get("arguments"), event.content["facts"]
    asks = "is asked by a widget for" if facts.get("from") == "widget" else "proposes"
    return _base(event) | {
        "id": f"{event.content['tool_call']}-proposed",
        "lane": "Assistant",
        "text": f"{asks} {facts.get('tool', 'a call')}",
        "mono": _arguments(arguments),
        "details": [],
    }


def _entry(event: RecordedEvent, names: Mapping[str, str], *, is_masked: bool) -> Entry:
    content, decision = event.content, event.content["decision"] or {}
    entry = _base(event) | {
        "id": _anchor(event),
        "lane": _lane(event),
        "person": names.get(content["subject"]),
        "text": sentence(event, names),
        "why": _why(event),
        "rule": decision.get("rule"),
        "policy": str(decision.get("policy_version", ""))[:7] or None,
        "details": _details(event, names),
    }
    pill = _PILLS.get(event.name)
    if is_masked:
        entry |= {"rule": None, "policy": None, "why": NOT_THERE, "details": []}
        entry["name"] = EventName.TOOL_CALL_FAILED
        entry["text"], pill = f"{content['facts']['tool']} found nothing", ("off", "failed")
    return entry | {"pill": {"kind": pill[0], "text": pill[1]} if pill else None}


def _base(event: RecordedEvent) -> Entry:
    return {
        "name": event.name,
        "sequence": event.content["sequence"],
        "time": f"{event.at:%H:%M:%S}",
        "date": f"{event.at:%-d %B %Y}",
        "person": None,
        "mono": None,
        "why": None,
        "rule": None,
        "policy": None,
        "pill": None,
    }


def _anchor(event: RecordedEvent) -> str:
    """A link that the chat knows too: a turn's id at its message, a call's id at its decision."""
    if event.name is EventName.MESSAGE_RECEIVED:
        return str(event.content["turn"])
    return str(event.content["tool_call"]) if event.name in _GATEWAY and event.content["tool_call"] else event.id


def _lane(event: RecordedEvent) -> str:
    if event.name in _GATEWAY:
        return "Gateway"
    if event.name in _PERSON:
        is_click = event.content["subject"] and not event.content["actor"]
        return "Person" if is_click or event.name not in _ENDINGS else "System"
    if event.name is EventName.CONVERSATION_STARTED:
        return "Assistant" if event.content["actor"] else "Person"
    if event.name in {EventName.ORDER_PLACED, EventName.ORDER_CANCELLED}:
        return "Shop"
    if event.name in {EventName.TURN_COMPLETED, EventName.TURN_FAILED, EventName.TURN_STOPPED}:
        return "Assistant"
    return "System"


def _why(event: RecordedEvent) -> str | None:
    facts, decision = event.content["facts"], event.content["decision"] or {}
    compared = decision.get("facts", {})
    parts = [amount_against_limit(compared, euros)]
    if "scope_needed" in compared:
        above = (
            "is above what the organization lets this client do" if "ceiling" in compared else "was not consented to"
        )
        parts.append(f"scope {compared['scope_needed']} {above}")
    if "roles_that_allow" in compared:
        parts.append(f"roles held: {', '.join(compared['roles'])}; would do: {', '.join(compared['roles_that_allow'])}")
    if "total" in facts and event.name in {EventName.ORDER_PLACED, EventName.ORDER_CANCELLED}:
        parts.append(f"{facts['items']} {'item' if facts['items'] == 1 else 'items'}, {euros(facts['total'])}")
    if facts.get("predecessor"):
        parts.append(f"follows {facts['predecessor']}")
    if "session_event" in facts:
        parts.append(f"{facts['session_event']} {facts['cause']}")
    if event.name is EventName.TOOL_CALL_FAILED:
        parts.append(str(event.personal.get("message", facts.get("code", ""))))
    return " · ".join(part for part in parts if part) or None


def _details(event: RecordedEvent, names: Mapping[str, str]) -> list[tuple[str, str]]:
    """Everything that was recorded, folded away."""
    content = event.content
    actor = content["actor"] or {}
    subject = content["subject"]
    rows = [
        ("Event", f"{event.name}: {event.name.fires}"),
        ("Subject", f"{names.get(subject, 'somebody')} ({subject})" if subject else None),
        (
            "Actor",
            f"{actor['client']}, build {actor['build']}"
            if actor
            else ("none: the person's own click" if subject else None),
        ),
        ("Session", content["session"]),
        ("Delegation", content["delegation"]),
        ("Grant", content["grant"]),
        ("Turn", content["turn"]),
        ("Tool call", content["tool_call"]),
        ("Action", content["action"]),
        ("Resource", f"{content['resource']['kind']} {content['resource']['id']}" if content["resource"] else None),
        ("Decision", _plain(content["decision"])),
        ("Outcome", content["outcome"]),
        ("Facts", _plain(content["facts"])),
        ("Personal", _plain(event.personal)),
        ("Request", content["request_id"]),
        ("Hash", event.hash),
        ("Previous hash", content["previous_hash"]),
    ]
    return [(label, str(value)) for label, value in rows if value]


def _arguments(arguments: object) -> str | None:
    if isinstance(arguments, dict):
        return ", ".join(f"{name}: {value}" for name, value in arguments.items() if value is not None) or None
    return str(arguments) if arguments is not None else None


def _plain(value: object) -> str | None:
    return json.dumps(value, ensure_ascii=False, sort_keys=True) if value else None
