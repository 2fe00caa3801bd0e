"""One plain sentence for each name of the audit's vocabulary, as the timeline tells it after whoever did it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shop.audit.events import EventName
from shop.audit.queries import RecordedEvent
from shop.conversations.models import Source
from shop.oauth.endpoints.consent_request import ConsentDenial

TRUST = {
    Source.HOST_ASSERTED: "which its host names",
    Source.SERVER_MINTED: "in a session of ours",
    Source.INFERRED: "which nobody names: calls close together",
    Source.OVERFLOW: "where all further calls are, since its host named too many conversations to tell apart",
}
"""How far the identity of an external assistant's conversation can be trusted, in words (design §8)."""


def sentence(event: RecordedEvent, names: Mapping[str, str]) -> str:
    """What happened, in words. `names` are those of people, memberships and clients, by their ids."""
    told, content = _SENTENCES[event.name], event.content
    if isinstance(told, str):
        return told
    resource = (content["resource"] or {}).get("id", "")
    return told(
        _Event(content["facts"], event.personal, resource, not content["subject"] or bool(content["actor"]), names)
    )


@dataclass(frozen=True)
class _Event:
    """An event, as far as its sentence tells it. What was erased, or is not there, leaves a gap and never an error."""

    facts: Mapping[str, Any]
    personal: Mapping[str, Any]
    resource: str
    was_no_click: bool
    """Whether something else led to it than a person's own click: what an assistant did, or the configuration."""
    names: Mapping[str, str]

    @property
    def client(self) -> str:
        identifier = str(self.facts.get("client") or "an unknown client")
        return str(self.facts.get("name") or self.names.get(identifier, identifier))

    @property
    def member(self) -> str:
        """Whose membership it is about."""
        return self.names.get(self.resource, "a member")

    @property
    def tool(self) -> str:
        return str(self.facts.get("tool", "a call"))

    @property
    def because(self) -> str:
        return str(self.facts.get("because", "")).replace("_", " ")

    def listed(self, fact: str) -> str:
        """A fact that is a list of words; empty when there is none."""
        return ", ".join(self.facts.get(fact) or [])


def _at_most(it: _Event) -> str:
    return "whatever people allow" if it.facts.get("after") is None else it.listed("after") or "nothing"


def _everyone(it: _Event) -> str:
    if it.facts.get("after") is None:
        return f"allows {it.client} to nobody without asking them"
    return f"allows {it.client} for everybody: {it.listed('after')}"


def _alone(it: _Event) -> str:
    return f"{'lets' if it.facts.get('allowed') else 'no longer lets'} {it.client} act with no human present"


def _alone_with(it: _Event) -> str:
    return "" if it.facts.get("human_present", True) else "; no human is present"


def _denied(it: _Event) -> str:
    return _CONSENT_DENIED.get(it.because, "")


_CONSENT_DENIED: Mapping[str, str] = {
    ConsentDenial.PERSON: "the person said no",
    ConsentDenial.BLOCKED: "blocked here",
    ConsentDenial.CEILING: "more than is allowed here",
}


def _access_denied(it: _Event) -> str:
    page, handle = it.facts.get("page", ""), it.facts.get("handle")
    if handle is None:
        return f"refused the page {page}"
    why = f" ({str(it.facts['why']).replace('_', ' ')})" if it.facts.get("why") else ""
    return f"refused {page}: its {str(handle).replace('_', ' ')} is not theirs, or not good any more{why}"


def _denials_counted(it: _Event) -> str:
    """“214 more refusals between 10:02 and 10:03, each of which has no line of its own: tool_call.denied, place_order over_limit”."""
    since, until = (str(it.facts.get(name, ""))[11:16] for name in ("since", "until"))
    count, hidden = it.facts.get("count", 0), it.facts.get("hidden", 0)
    more = "more " if it.facts.get("recorded") else ""
    of_others = f"; of all, {hidden} for what is there and not theirs" if hidden else ""
    noun = "refusal" if count == 1 else "refusals"
    return f"{count} {more}{noun} between {since} and {until}, only counted: {it.facts.get('event')} ({it.facts.get('kind')}){of_others}"


def _counted(it: _Event) -> str:
    if "count" in it.facts:
        return f", {it.facts['count']} {'result' if it.facts['count'] == 1 else 'results'}"
    return f", order {it.facts['order']}" if "order" in it.facts else ""


def _sessions_ended(it: _Event) -> str:
    count = len(it.facts.get("sessions", []))
    sessions = f"{count} {'session' if count == 1 else 'sessions'}"
    return f"{sessions} ended: {it.because}" if it.was_no_click else f"ended {sessions}: {it.because}"


def _grant_ended(it: _Event) -> str:
    allowed = f"what {it.client} was allowed"
    return f"{allowed} ended: {it.because}" if it.was_no_click else f"ended {allowed}: {it.because}"


def _said(it: _Event) -> str:
    reply = " ".join(str(it.personal.get("reply", "")).replace("**", "").split())
    return f"“{reply}”" if reply else "finished"


def _started(it: _Event) -> str:
    if "client" not in it.facts or "source" not in it.facts:
        return "opened the conversation"
    return f"the first call of a conversation in {it.facts['client']}, {TRUST[it.facts['source']]}"


_SENTENCES: Mapping[EventName, str | Callable[[_Event], str]] = {
    EventName.ACCESS_DENIED: _access_denied,
    EventName.AGENT_ALONE_CHANGED: _alone,
    EventName.AGENT_BLOCKED: lambda it: f"blocks {it.client} for everybody",
    EventName.AGENT_CEILING_CHANGED: lambda it: f"lets {it.client} do at most: {_at_most(it)}",
    EventName.AGENT_EVERYONE_CHANGED: _everyone,
    EventName.AGENT_FIRST_SEEN: lambda it: f"{it.client} was let in for the first time",
    EventName.AGENT_TAKEN_IN: lambda it: f"takes {it.client} into the inventory",
    EventName.AGENT_UNBLOCKED: lambda it: f"lifts the block of {it.client}",
    EventName.APPROVAL_APPROVED: lambda it: f"approves the receipt for {it.tool}",
    EventName.APPROVAL_DECLINED: lambda it: f"answers the receipt for {it.tool}: not now",
    EventName.APPROVAL_OPENED: "opened the page of a receipt",
    EventName.APPROVAL_REFUSED: lambda it: f"tried to decide a receipt: {it.facts.get('reason', '')}",
    EventName.APPROVAL_VOIDED: lambda it: f"the receipt for {it.tool} lost its force: {it.because}",
    EventName.ASSISTANT_PAUSED: "pauses their assistants",
    EventName.ASSISTANT_RESUMED: "lets their assistants go on",
    EventName.ASSISTANTS_RELEASED: "lets all assistants of the organization go on",
    EventName.ASSISTANTS_STOPPED: "stops all assistants of the organization",
    EventName.AUDIT_VIEWED: lambda it: f"opened the audit of {it.resource}",
    EventName.AUTHORIZATION_CODE_REPLAYED: lambda it: (
        f"a code of {it.client} came a second time: all it led to is dead"
    ),
    EventName.AUTHORIZATION_REFUSED: lambda it: f"a request of {it.client} was refused: {it.facts.get('error', '')}",
    EventName.CLIENT_REGISTERED: lambda it: f"{it.client} was registered",
    EventName.CLIENT_REGISTRATION_REFUSED: lambda it: f"a client was not registered: {it.facts.get('error', '')}",
    EventName.CONNECTION_MOVED: lambda it: (
        f"people sign in at {it.facts.get('after')} from now on, no longer at {it.facts.get('before')}"
    ),
    EventName.CONSENT_GRANTED: lambda it: f"allows {it.facts.get('workflow', '')} for this conversation",
    EventName.CONSENT_WITHDRAWN: lambda it: f"takes {it.facts.get('workflow', '')} back in this conversation",
    EventName.CONVERSATION_DELETED: "deleted the conversation; this record stays",
    EventName.CONVERSATION_EXPORTED: lambda it: f"downloaded the conversation as {it.facts.get('format', 'a file')}",
    EventName.CONVERSATION_RENAMED: lambda it: f"called the conversation “{it.personal.get('title', '[erased]')}”",
    EventName.CONVERSATION_STARTED: _started,
    EventName.DELEGATION_ENDED: lambda it: f"the assistant's authority here ended: {it.because}",
    EventName.DELEGATION_STARTED: lambda it: f"the assistant may here: {it.listed('scopes')}",
    EventName.DENIALS_COUNTED: _denials_counted,
    EventName.GRANT_ASSERTED: lambda it: f"{it.client} is allowed for everybody: {it.listed('scopes')}",
    EventName.GRANT_CONSENTED: lambda it: f"allows {it.client}: {it.listed('scopes')}",
    EventName.GRANT_DENIED: lambda it: f"{it.client} was not let in: {_denied(it)}",
    EventName.GRANT_NARROWED: lambda it: f"leaves {it.client} with: {it.listed('after')}",
    EventName.GRANT_RECOGNIZED: lambda it: f"{it.client} was let in elsewhere: {it.listed('scopes')}",
    EventName.GRANT_REVOKED: _grant_ended,
    EventName.GRANT_WIDENED: lambda it: f"allows {it.client} more by themselves: {it.listed('after')}",
    EventName.MEMBERSHIP_PROVISIONED: lambda it: (
        f"{it.personal.get('name', 'somebody')} became a member: {it.listed('roles')}"
    ),
    EventName.MEMBERSHIP_RESTORED: lambda it: f"restores the membership of {it.member}",
    EventName.MEMBERSHIP_ROLES_CHANGED: lambda it: (
        f"roles of {it.member} changed: {it.listed('before') or 'none'} → {it.listed('after') or 'none'}"
    ),
    EventName.MEMBERSHIP_SUSPENDED: lambda it: f"suspends the membership of {it.member}",
    EventName.MESSAGE_EDITED: "says the last message anew; what it did stays done",
    EventName.MESSAGE_RECEIVED: lambda it: f"“{it.personal.get('message', '[erased]')}”",
    EventName.MESSAGE_REFUSED: lambda it: (
        "a message found as many answers under way as there may be"
        if it.because == "too many turns"
        else f"a message of {it.facts.get('characters')} characters was too long"
    ),
    EventName.CATALOGUE_IMPORTED: "foreign goods were imported",
    EventName.ORDER_CANCELLED: lambda it: f"order {it.resource} cancelled",
    EventName.ORDER_PLACED: lambda it: f"order {it.resource} placed",
    EventName.POLICY_ACTIVATED: "a new policy is in force",
    EventName.RATE_LIMIT_REACHED: lambda it: (
        f"too many {it.facts.get('of', 'requests')}: over {it.facts.get('limit', '')}"
    ),
    EventName.REFRESH_TOKEN_REUSED: lambda it: f"a refresh token of {it.client} came a second time: its family is dead",
    EventName.SESSION_REVOKED: _sessions_ended,
    EventName.SESSION_SIGNED_OUT: "signed out here",
    EventName.SIGN_IN_CONFIRMED: "still vouched for by the identity provider",
    EventName.SIGN_IN_FAILED: lambda it: f"a sign-in failed: {it.facts.get('code', '')}",
    EventName.SIGN_IN_SUCCEEDED: lambda it: f"signed in as {it.listed('roles')}",
    EventName.SIGN_IN_WITHDRAWN: "no longer vouched for by the identity provider",
    EventName.SIGNING_KEY_ROTATED: lambda it: f"a new key signs: {it.because}",
    EventName.TOKEN_EXCHANGED: lambda it: f"{it.client} got a narrower token: {it.listed('scopes')}",
    EventName.TOKEN_ISSUED: lambda it: f"{it.client} got a token: {it.listed('scopes')}{_alone_with(it)}",
    EventName.TOKEN_NARROWED: lambda it: (
        f"its issuer says less of a token of {it.client}: {it.listed('scopes') or 'nothing'}"
    ),
    EventName.TOKEN_RECOGNIZED: lambda it: f"{it.client} came with a token: {it.listed('scopes')}",
    EventName.TOKEN_REFRESHED: lambda it: f"{it.client} renewed its token: {it.listed('scopes')}",
    EventName.TOKEN_REFUSED: lambda it: f"{it.client} got no token: {it.facts.get('error', '')}",
    EventName.TOKEN_REVOCATION_REFUSED: lambda it: f"{it.client} has a copy of a token that is not its own",
    EventName.TOKEN_REVOKED: lambda it: f"{it.client} gave a token back",
    EventName.TOOL_CALL_AWAITING_APPROVAL: lambda it: f"{it.tool} waits for its person",
    EventName.TOOL_CALL_DENIED: lambda it: f"refused {it.tool}",
    EventName.TOOL_CALL_FAILED: lambda it: f"{it.tool} could not be done",
    EventName.TOOL_CALL_SUCCEEDED: lambda it: f"allowed {it.tool}{_counted(it)}",
    EventName.TURN_COMPLETED: _said,
    EventName.TURN_FAILED: lambda it: f"the answer broke off: {it.because}",
    EventName.TURN_STOPPED: lambda it: f"the answer was stopped: {it.because}",
}
