"""A small tree of authorities, made by hand: no identity provider and no page is needed to ask the ledger."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from shop.credentials.delegations import start_delegation
from shop.credentials.ledger import Authority, Kind
from shop.credentials.sessions import SignedInSession, start_session
from shop.database import Database, new_id
from shop.principal import IN_APP_ASSISTANT, Actor, Principal

IDLE, ABSOLUTE = timedelta(minutes=30), timedelta(hours=8)
DELEGATED = timedelta(minutes=10)


def organization(db: Session) -> str:
    """A new organization's authority."""
    return _authority(db, Authority(id=new_id("org"), kind=Kind.ORGANIZATION))


def membership(db: Session, parent: str, *roles: str, limit: int | None = None) -> str:
    """A new membership's authority in an organization."""
    return _authority(
        db,
        Authority(id=new_id("mem"), kind=Kind.MEMBERSHIP, parent_id=parent, roles=sorted(roles), order_limit=limit),
    )


def session(db: Session, of: str, belonging_to: str) -> tuple[SignedInSession, str]:
    """A new session below a membership of an organization, and its token."""
    return start_session(
        db,
        person_id=f"usr_{of[4:]}",
        membership_id=of,
        organization_id=belonging_to,
        connection_id="con_test",
        method="oidc",
        provider_session=None,
        user_agent="a browser of a test",
        idle=IDLE,
        absolute=ABSOLUTE,
    )


def delegated(db: Session, person: Principal, conversation: str) -> Principal:
    """The principal of an assistant with a new delegation below this person's session."""
    delegation = start_delegation(
        db,
        session_id=person.own_session,
        conversation_id=conversation,
        client_id=IN_APP_ASSISTANT,
        lifetime=DELEGATED,
    )
    return Principal(
        subject=person.subject,
        organization=person.organization,
        membership=person.membership,
        session=person.session,
        actor=Actor(client_id=IN_APP_ASSISTANT, build="test"),
        delegation=delegation.id,
        conversation=conversation,
    )


def a_person(database: Database, *roles: str, limit: int | None = None) -> Principal:
    """Somebody signed in, in an organization of their own."""
    with database.write() as db:
        of = organization(db)
        return session(db, membership(db, of, *roles, limit=limit), of)[0].principal()


def with_assistant(database: Database, person: Principal) -> Principal:
    """Their assistant in a new conversation."""
    with database.write() as db:
        return delegated(db, person, new_id("cnv"))


def _authority(db: Session, authority: Authority) -> str:
    db.add(authority)
    db.flush()
    return authority.id


def granted(database: Database, person: Principal, client: str = "https://assistant.example/client.json") -> Principal:
    """An external assistant of this person: an entry in the inventory, a grant and a token, each with scopes of its own."""
    with database.write() as db:
        agent = _authority(db, Authority(id=new_id("agt"), kind=Kind.AGENT, parent_id=person.organization))
        grant = _authority(
            db,
            Authority(
                id=new_id("gnt"),
                kind=Kind.GRANT,
                parent_id=person.membership,
                scopes=["browse", "read", "transact"],
            ),
        )
        token = _authority(
            db, Authority(id=new_id("tok"), kind=Kind.TOKEN, parent_id=grant, scopes=["browse", "transact"])
        )
    return Principal(
        subject=person.subject,
        organization=person.organization,
        membership=person.membership,
        actor=Actor(client_id=client, agent=agent),
        grant=grant,
        token=token,
    )
