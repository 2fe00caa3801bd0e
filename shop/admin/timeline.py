"""From audit events to the entries of a timeline: message → proposed call → decision and rule → confirmation → effect.

An auditor sees everything. A person who looks at their own conversation sees the same, but for one thing: a refusal
that stood for "not found" names no rule, since the rule tells "another organization's" from "not there" (invariant I10).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from shop.audit.events import EventName
from shop.audit.queries import RecordedEvent
from shop.conversations.models import Source
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
    EventName.MESSAGE_REFUSED: ("deny", "refused"),
    EventName.TURN_FAILED: ("off", "failed"),
    EventName.TURN_STOPPED: ("off", "stopped"),
    EventName.ORDER_PLACED: ("allow", "placed"),
    EventName.AGENT_BLOCKED: ("deny", "blocked"),
    EventName.ASSISTANTS_STOPPED: ("deny", "stopped"),
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
}
_GATEWAY = {
    EventName.TOOL_CALL_SUCCEEDED,
    EventName.TOOL_CALL_DENIED,
    EventName.TOOL_CALL_FAILED,
    EventName.TOOL_CALL_AWAITING_APPROVAL,
    EventName.ACCESS_DENIED,
}


TRUST = {
    Source.HOST_ASSERTED: "which its host names",
    Source.SERVER_MINTED: "in a session of ours",
    Source.INFERRED: "which nobody names: calls close together",
}
"""How far the identity of an external assistant's conversation can be trusted, in words (design §8)."""


def entries_of(events: list[RecordedEvent], people: Mapping[str, str], *, is_auditor: bool) -> list[Entry]:
    """The entries of some events, in order. `people` names subjects."""
    entries: list[Entry] = []
    for event in events:
        if event.name in _GATEWAY and event.content["actor"] and "receipt" not in _of_approved(event):
            entries.append(_proposal(event))
        entries.append(_entry(event, people, is_masked=not is_auditor and _stands_for_not_found(event)))
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
    return str(entry["name"]).startswith("approval.") or entry["name"] == EventName.TOOL_CALL_AWAITING_APPROVAL


def _stands_for_not_found(event: RecordedEvent) -> bool:
    return (
        event.name in {EventName.TOOL_CALL_DENIED, EventName.TOOL_CALL_FAILED}
        and event.content["facts"].get("code") == "not_found"
    )


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


def _entry(event: RecordedEvent, people: Mapping[str, str], *, is_masked: bool) -> Entry:
    content, decision = event.content, event.content["decision"] or {}
    entry = _base(event) | {
        "id": _anchor(event),
        "lane": _lane(event),
        "person": people.get(content["subject"]),
        "text": _text(event),
        "why": _why(event),
        "rule": decision.get("rule"),
        "policy": str(decision.get("policy_version", ""))[:7] or None,
        "details": _details(event, people),
    }
    pill = _PILLS.get(event.name)
    if is_masked:
        entry |= {"rule": None, "policy": None, "why": "There is nothing under that number or name.", "details": []}
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
        return "Person"
    if event.name is EventName.CONVERSATION_STARTED:
        return "Assistant" if event.content["actor"] else "Person"
    if event.name in {EventName.ORDER_PLACED, EventName.ORDER_CANCELLED}:
        return "Shop"
    if event.name in {EventName.TURN_COMPLETED, EventName.TURN_FAILED, EventName.TURN_STOPPED}:
        return "Assistant"
    return "System"


def _text(event: RecordedEvent) -> str:
    """One plain sentence for each name of the vocabulary."""
    facts, personal = event.content["facts"], event.personal
    tool = facts.get("tool", "a call")
    because = str(facts.get("because", "")).replace("_", " ")
    resource = (event.content["resource"] or {}).get("id", "")
    texts: Mapping[EventName, Callable[[], str]] = {
        EventName.ACCESS_DENIED: lambda: f"refused the page {facts.get('page', '')}",
        EventName.AGENT_ALONE_CHANGED: lambda: _alone(facts),
        EventName.AGENT_BLOCKED: lambda: f"blocks {_client(facts)} for everybody",
        EventName.AGENT_CEILING_CHANGED: lambda: f"lets {_client(facts)} do at most: {_at_most(facts)}",
        EventName.AGENT_EVERYONE_CHANGED: lambda: _everyone(facts),
        EventName.AGENT_FIRST_SEEN: lambda: f"{_client(facts)} was let in for the first time",
        EventName.AGENT_TAKEN_IN: lambda: f"takes {_client(facts)} into the inventory",
        EventName.AGENT_UNBLOCKED: lambda: f"lifts the block of {_client(facts)}",
        EventName.APPROVAL_APPROVED: lambda: f"approves the receipt for {tool}",
        EventName.APPROVAL_DECLINED: lambda: f"answers the receipt for {tool}: not now",
        EventName.APPROVAL_OPENED: lambda: "opened the page of a receipt",
        EventName.APPROVAL_REFUSED: lambda: f"tried to decide a receipt: {facts.get('reason', '')}",
        EventName.APPROVAL_VOIDED: lambda: f"the receipt for {tool} lost its force: {because}",
        EventName.ASSISTANT_PAUSED: lambda: "pauses their assistants",
        EventName.ASSISTANT_RESUMED: lambda: "lets their assistants go on",
        EventName.ASSISTANTS_RELEASED: lambda: "lets all assistants of the organization go on",
        EventName.ASSISTANTS_STOPPED: lambda: "stops all assistants of the organization",
        EventName.AUDIT_VIEWED: lambda: f"opened the audit of {resource}",
        EventName.AUTHORIZATION_CODE_REPLAYED: lambda: (
            f"a code of {_client(facts)} came a second time: all it led to is dead"
        ),
        EventName.AUTHORIZATION_REFUSED: lambda: f"a request of {_client(facts)} was refused: {facts.get('error', '')}",
        EventName.CLIENT_REGISTERED: lambda: f"{_client(facts)} was registered",
        EventName.CLIENT_REGISTRATION_REFUSED: lambda: f"a client was not registered: {facts.get('error', '')}",
        EventName.CONSENT_GRANTED: lambda: f"allows {facts.get('workflow', '')} for this conversation",
        EventName.CONSENT_WITHDRAWN: lambda: f"takes {facts.get('workflow', '')} back in this conversation",
        EventName.CONVERSATION_DELETED: lambda: "deleted the conversation; this record stays",
        EventName.CONVERSATION_EXPORTED: lambda: f"downloaded the conversation as {facts.get('format', 'a file')}",
        EventName.CONVERSATION_RENAMED: lambda: f"called the conversation “{personal.get('title', '[erased]')}”",
        EventName.CONVERSATION_STARTED: lambda: _started(facts),
        EventName.DELEGATION_ENDED: lambda: f"the assistant's authority here ended: {because}",
        EventName.DELEGATION_STARTED: lambda: f"the assistant may here: {', '.join(facts.get('scopes', []))}",
        EventName.GRANT_ASSERTED: lambda: (
            f"{_client(facts)} is allowed for everybody: {', '.join(facts.get('scopes') or [])}"
        ),
        EventName.GRANT_CONSENTED: lambda: f"allows {_client(facts)}: {', '.join(facts.get('scopes', []))}",
        EventName.GRANT_DENIED: lambda: f"{_client(facts)} was not let in: {_denied(because)}",
        EventName.GRANT_NARROWED: lambda: f"leaves {_client(facts)} with: {', '.join(facts.get('after') or [])}",
        EventName.GRANT_RECOGNIZED: lambda: (
            f"{_client(facts)} was let in elsewhere: {', '.join(facts.get('scopes') or [])}"
        ),
        EventName.GRANT_REVOKED: lambda: f"ended what {_client(facts)} was allowed: {because}",
        EventName.MEMBERSHIP_PROVISIONED: lambda: (
            f"{personal.get('name', 'somebody')} became a member: {', '.join(facts.get('roles', []))}"
        ),
        EventName.MEMBERSHIP_RESTORED: lambda: "membership restored",
        EventName.MEMBERSHIP_ROLES_CHANGED: lambda: (
            f"roles changed: {_roles(facts, 'before')} → {_roles(facts, 'after')}"
        ),
        EventName.MEMBERSHIP_SUSPENDED: lambda: "membership suspended",
        EventName.MESSAGE_EDITED: lambda: "says the last message anew; what it did stays done",
        EventName.MESSAGE_RECEIVED: lambda: f"“{personal.get('message', '[erased]')}”",
        EventName.MESSAGE_REFUSED: lambda: f"a message of {facts.get('characters')} characters was too long",
        EventName.CATALOGUE_IMPORTED: lambda: "foreign goods were imported",
        EventName.ORDER_CANCELLED: lambda: f"order {resource} cancelled",
        EventName.ORDER_PLACED: lambda: f"order {resource} placed",
        EventName.POLICY_ACTIVATED: lambda: "a new policy is in force",
        EventName.REFRESH_TOKEN_REUSED: lambda: (
            f"a refresh token of {_client(facts)} came a second time: its family is dead"
        ),
        EventName.SESSION_REVOKED: lambda: f"ended {len(facts.get('sessions', []))} sessions: {because}",
        EventName.SESSION_SIGNED_OUT: lambda: "signed out here",
        EventName.SIGN_IN_FAILED: lambda: f"a sign-in failed: {facts.get('code', '')}",
        EventName.SIGN_IN_SUCCEEDED: lambda: f"signed in as {', '.join(facts.get('roles', []))}",
        EventName.SIGNING_KEY_ROTATED: lambda: f"a new key signs: {because}",
        EventName.TOKEN_EXCHANGED: lambda: (
            f"{_client(facts)} got a narrower token: {', '.join(facts.get('scopes', []))}"
        ),
        EventName.TOKEN_ISSUED: lambda: (
            f"{_client(facts)} got a token: {', '.join(facts.get('scopes', []))}{_alone_with(facts)}"
        ),
        EventName.TOKEN_NARROWED: lambda: (
            f"its issuer says less of a token of {_client(facts)}: {', '.join(facts.get('scopes', [])) or 'nothing'}"
        ),
        EventName.TOKEN_RECOGNIZED: lambda: f"{_client(facts)} came with a token: {', '.join(facts.get('scopes', []))}",
        EventName.TOKEN_REFRESHED: lambda: f"{_client(facts)} renewed its token: {', '.join(facts.get('scopes', []))}",
        EventName.TOKEN_REFUSED: lambda: f"{_client(facts)} got no token: {facts.get('error', '')}",
        EventName.TOKEN_REVOCATION_REFUSED: lambda: f"{_client(facts)} has a copy of a token that is not its own",
        EventName.TOKEN_REVOKED: lambda: f"{_client(facts)} gave a token back",
        EventName.TOOL_CALL_AWAITING_APPROVAL: lambda: f"{tool} waits for its person",
        EventName.TOOL_CALL_DENIED: lambda: f"refused {tool}",
        EventName.TOOL_CALL_FAILED: lambda: f"{tool} could not be done",
        EventName.TOOL_CALL_SUCCEEDED: lambda: f"allowed {tool}{_counted(facts)}",
        EventName.TURN_COMPLETED: lambda: _said(personal),
        EventName.TURN_FAILED: lambda: f"the answer broke off: {because}",
        EventName.TURN_STOPPED: lambda: f"the answer was stopped: {because}",
    }
    return texts[event.name]()


def _why(event: RecordedEvent) -> str | None:
    facts, decision = event.content["facts"], event.content["decision"] or {}
    compared = decision.get("facts", {})
    parts = []
    if "order_limit" in compared:
        limit = compared["order_limit"]
        parts.append(f"{euros(compared['amount'])} against a limit of {euros(limit) if limit is not None else 'none'}")
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


def _details(event: RecordedEvent, people: Mapping[str, str]) -> list[tuple[str, str]]:
    """Everything that was recorded, folded away."""
    content = event.content
    actor = content["actor"] or {}
    subject = content["subject"]
    rows = [
        ("Event", f"{event.name}: {event.name.fires}"),
        ("Subject", f"{people.get(subject, 'somebody')} ({subject})" if subject else None),
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


def _client(facts: Mapping[str, Any]) -> str:
    return str(facts.get("name") or facts.get("client") or "an unknown client")


def _at_most(facts: Mapping[str, Any]) -> str:
    after = facts.get("after")
    return "whatever people allow" if after is None else ", ".join(after) or "nothing"


def _everyone(facts: Mapping[str, Any]) -> str:
    allowed = facts.get("after")
    if allowed is None:
        return f"allows {_client(facts)} to nobody without asking them"
    return f"allows {_client(facts)} for everybody: {', '.join(allowed)}"


def _alone(facts: Mapping[str, Any]) -> str:
    return f"{'lets' if facts.get('allowed') else 'no longer lets'} {_client(facts)} act with no human present"


def _alone_with(facts: Mapping[str, Any]) -> str:
    return "" if facts.get("human_present", True) else "; no human is present"


def _denied(because: str) -> str:
    return {"person": "the person said no", "blocked": "blocked here", "ceiling": "more than is allowed here"}.get(
        because, ""
    )


def _counted(facts: Mapping[str, Any]) -> str:
    if "count" in facts:
        return f", {facts['count']} {'result' if facts['count'] == 1 else 'results'}"
    return f", order {facts['order']}" if "order" in facts else ""


def _said(personal: Mapping[str, Any]) -> str:
    reply = " ".join(str(personal.get("reply", "")).replace("**", "").split())
    return f"“{reply}”" if reply else "finished"


def _started(facts: Mapping[str, Any]) -> str:
    if "client" not in facts or "source" not in facts:
        return "opened the conversation"
    return f"the first call of a conversation in {facts['client']}, {TRUST[facts['source']]}"


def _roles(facts: Mapping[str, Any], when: str) -> str:
    return ", ".join(facts.get(when) or []) or "none"


def _plain(value: object) -> str | None:
    return json.dumps(value, ensure_ascii=False, sort_keys=True) if value else None
