"""What an administrator lets a client do: at most for anybody, for everybody without asking, and with no human present."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy.orm import Session

from shop.agents.decisions import company_locks, entry_locks, own_entry, record_decision
from shop.audit.events import EventName
from shop.authorization.policy import Policy
from shop.credentials.end_reasons import EndReason
from shop.credentials.grants import grants_of_agent
from shop.credentials.ledger import live
from shop.identity.members import DEFAULT_ROLE
from shop.principal import Principal, Workflow
from shop.revocation.ending import end_grants, end_own_tokens


class NotVouchedFor(Exception):
    """Nobody vouches for who a client is, so it cannot be allowed this. The message says so, for an administrator."""


def set_ceiling(
    db: Session, policy: Policy, administrator: Principal, agent_id: str, scopes: Iterable[Workflow] | None
) -> None:
    """What a client may do for anybody in the organization at most; None for no ceiling. Acts at the next call.

    It only narrows what people consented to, so that lifting it brings back no more than that. Raises `AccessDenied`.
    """
    administrator = live(db, administrator, changing=entry_locks(db, administrator, agent_id))
    agent, authority = own_entry(db, policy, administrator, agent_id)
    before, after = authority.scopes, None if scopes is None else sorted(str(scope) for scope in scopes)
    if before == after:
        return
    authority.scopes = after
    record_decision(db, EventName.AGENT_CEILING_CHANGED, administrator, agent, {"before": before, "after": after})


def allow_for_everyone(
    db: Session,
    policy: Policy,
    administrator: Principal,
    agent_id: str,
    scopes: Iterable[Workflow] | None,
    risky_tools: Mapping[str, Iterable[str]],
) -> None:
    """Allow a client for everybody in the organization, who are then not asked each; None takes that back.

    What was given on the strength of it ends when it shrinks: what is still allowed can be had again without a question. What
    people allowed themselves stays theirs to decide. `risky_tools` are those of each workflow, as the administrator was shown
    them: one that comes later waits for a new decision. Raises `AccessDenied`, and `NotVouchedFor`.
    """
    administrator = live(db, administrator, changing=company_locks(db, administrator, agent_id))
    agent, _ = own_entry(db, policy, administrator, agent_id)
    before, after = agent.for_everyone, None if scopes is None else sorted(str(scope) for scope in scopes)
    tools = None if after is None else {scope: sorted(risky_tools.get(scope, ())) for scope in after}
    if (before, agent.for_everyone_tools) == (after, tools):
        return
    if after is not None and not agent.is_vouched_for:
        raise NotVouchedFor("Nobody vouches for who this client is, so each person decides about it themselves.")
    agent.for_everyone, agent.for_everyone_tools = after, tools
    record_decision(db, EventName.AGENT_EVERYONE_CHANGED, administrator, agent, {"before": before, "after": after})
    if not set(before or ()) <= set(after or ()):
        given = grants_of_agent(db, agent_id, by_organization=True)
        end_grants(db, administrator, given, EndReason.NOT_FOR_EVERYONE)


def let_act_alone(db: Session, policy: Policy, administrator: Principal, agent_id: str, allowed: bool) -> None:
    """Let a client act with no human present, looking and reading only; or end that, with the tokens it has for it.

    Whoever decides answers for it from then on. Raises `AccessDenied`; an entry of another organization is not found. Raises
    `NotVouchedFor`.
    """
    administrator = live(db, administrator, changing=entry_locks(db, administrator, agent_id))
    agent, authority = own_entry(db, policy, administrator, agent_id)
    if (authority.roles is not None) == allowed:
        return
    if allowed and not agent.is_vouched_for:
        raise NotVouchedFor("Nobody vouches for who this client is, so it does nothing that no person asked for.")
    authority.roles = [DEFAULT_ROLE] if allowed else None
    agent.owner_id = administrator.subject if allowed else agent.owner_id
    ended = [] if allowed else end_own_tokens(db, agent_id, EndReason.NOT_ALONE)
    facts = {"name": agent.name, "allowed": allowed, "owner": agent.owner_id, "tokens": ended}
    record_decision(db, EventName.AGENT_ALONE_CHANGED, administrator, agent, facts)
