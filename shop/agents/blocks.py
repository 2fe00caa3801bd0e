"""How an administrator stops a client for everybody, or all assistants at once; and how they let them go on."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy.orm import Session

from shop.agents.decisions import authorize_for_organization, company_locks, entry_locks, own_entry, record_decision
from shop.audit.events import EventName
from shop.audit.writer import record
from shop.authorization.permissions import Permission
from shop.authorization.policy import Policy
from shop.credentials.delegations import living_delegations_of
from shop.credentials.end_reasons import EndReason
from shop.credentials.grants import grants_of_agent
from shop.credentials.ledger import live, lock
from shop.database import moment
from shop.principal import Principal
from shop.revocation.ending import end_delegations, end_grants, end_own_tokens


def block_agent(db: Session, policy: Policy, administrator: Principal, agent_id: str) -> None:
    """Block a client for the whole organization: whatever it was allowed there ends, and nobody can let it in again.

    The shop's own assistant can be blocked like any other: what it may do in each conversation ends. So do the tokens of a
    client that acts for nobody. Raises `AccessDenied`; an entry of another organization is not found (invariant I10).
    """
    administrator = live(db, administrator, changing=company_locks(db, administrator, agent_id))
    agent, authority = own_entry(db, policy, administrator, agent_id)
    if authority.suspended_at is not None:
        return
    authority.suspended_at = moment(db)
    own = end_own_tokens(db, agent_id, EndReason.BLOCKED)
    cause = record_decision(db, EventName.AGENT_BLOCKED, administrator, agent, {"tokens": own})
    end_grants(db, administrator, grants_of_agent(db, agent_id), EndReason.BLOCKED)
    delegations = living_delegations_of(db, administrator.organization, agent.client_id)
    end_delegations(db, administrator, [identifier for identifier, _ in delegations], EndReason.BLOCKED, cause)


def unblock_agent(db: Session, policy: Policy, administrator: Principal, agent_id: str) -> None:
    """Lift a client's block. Nothing that ended comes back: people let it in again, if they want. Raises `AccessDenied`."""
    administrator = live(db, administrator, changing=entry_locks(db, administrator, agent_id))
    agent, authority = own_entry(db, policy, administrator, agent_id)
    if authority.suspended_at is None:
        return
    authority.suspended_at = None
    record_decision(db, EventName.AGENT_UNBLOCKED, administrator, agent)


def stop_all_assistants(db: Session, policy: Policy, administrator: Principal, stopped: bool) -> None:
    """Refuse every call of every assistant in the organization, the shop's own included, until this is lifted.

    Nothing ends by it, and people's own clicks go on (design §9). Raises `AccessDenied`.
    """
    administrator = live(db, administrator, changing=[administrator.organization])
    authorize_for_organization(policy, administrator)
    authority = lock(db, administrator.organization)
    if (authority.assistants_paused_at is not None) == stopped:
        return
    authority.assistants_paused_at = moment(db) if stopped else None
    record(
        db,
        EventName.ASSISTANTS_STOPPED if stopped else EventName.ASSISTANTS_RELEASED,
        principal=replace(administrator, conversation=None),
        resource=("organization", administrator.organization),
        action=Permission.AGENTS_MANAGE,
    )
