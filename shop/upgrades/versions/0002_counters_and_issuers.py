"""Counters of rate limits, windows of denials, keys as a client; people known by issuer; indices for paging and expiry."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_BATCH = 1000


def upgrade() -> None:
    """From the schema before stamps. Audit bodies are read, never written."""
    _tables()
    _columns()
    _indices()
    _people_by_issuer()
    _clients_of_events()


def _tables() -> None:
    op.create_table(
        "audit_denial_windows",
        sa.Column("organization", sa.String(length=40), nullable=False),
        sa.Column("party", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=120), nullable=False),
        sa.Column("begins", sa.DateTime(timezone=True), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("hidden", sa.Integer(), nullable=False),
        sa.Column("principal", sa.JSON(), nullable=True),
        sa.Column("conversation", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint(
            "organization", "party", "name", "kind", "begins", name=op.f("pk_audit_denial_windows")
        ),
    )
    op.create_index("ix_audit_denial_windows_begins", "audit_denial_windows", ["begins"])

    op.create_table(
        "client_keys",
        sa.Column("kid", sa.String(length=40), nullable=False),
        sa.Column("public_jwk", sa.JSON(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("kid", name=op.f("pk_client_keys")),
    )
    op.create_table(
        "rate_limit_counters",
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("refusal_recorded_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_rate_limit_counters")),
    )
    op.create_index("ix_rate_limit_counters_expires_at", "rate_limit_counters", ["expires_at"])

    op.drop_table("rate_counts")  # it counted minutes; nothing in it outlives one


def _columns() -> None:
    op.add_column("audit_events", sa.Column("client", sa.String(300)))
    op.add_column("connections", sa.Column("client_auth", sa.String(40)))
    # SQLite adds a column that must have a value only with a default. The default stays: the models always give a value.
    op.add_column("connections", sa.Column("claims", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("connections", sa.Column("offline_prompt", sa.String(20)))
    op.add_column("oauth_clients", sa.Column("fetched_at", sa.DateTime(timezone=True)))
    op.add_column("sign_in_attempts", sa.Column("used_at", sa.DateTime(timezone=True)))


def _indices() -> None:
    op.drop_index("ix_audit_events_name", "audit_events")
    op.create_index(
        "ix_audit_events_chain_at_sequence",
        "audit_events",
        ["chain", "at", "sequence"],
        postgresql_where=sa.text("conversation IS NULL"),
        sqlite_where=sa.text("conversation IS NULL"),
    )
    op.create_index(
        "ix_audit_events_chain_client_sequence",
        "audit_events",
        ["chain", "client", "sequence"],
        postgresql_where=sa.text("conversation IS NULL"),
        sqlite_where=sa.text("conversation IS NULL"),
    )
    op.create_index("ix_audit_events_chain_name_sequence", "audit_events", ["chain", "name", "sequence"])
    op.create_index(
        "ix_audit_events_chain_subject_sequence",
        "audit_events",
        ["chain", "subject", "sequence"],
        postgresql_where=sa.text("conversation IS NULL"),
        sqlite_where=sa.text("conversation IS NULL"),
    )
    op.create_index(
        "ix_authorities_expired_tokens",
        "authorities",
        ["expires_at"],
        sqlite_where=sa.text("kind = 'token'"),
        postgresql_where=sa.text("kind = 'token'"),
    )
    op.create_index("ix_authorization_codes_expires_at", "authorization_codes", ["expires_at"])
    op.create_index("ix_authorization_codes_forget_at", "authorization_codes", ["forget_at"])
    op.create_index("ix_consent_questions_expires_at", "consent_questions", ["expires_at"])
    op.drop_index("ix_conversations_organization_subject", "conversations")
    op.create_index("ix_conversations_organization_active_at_id", "conversations", ["organization", "active_at", "id"])
    op.create_index(
        "ix_conversations_organization_subject_active_at_id",
        "conversations",
        ["organization", "subject", "active_at", "id"],
    )
    op.create_index("ix_identity_assertions_expires_at", "identity_assertions", ["expires_at"])
    op.create_index("ix_oauth_clients_expires_at", "oauth_clients", ["expires_at"])
    op.create_index("ix_refresh_tokens_expires_at", "refresh_tokens", ["expires_at"])
    op.create_index("ix_sign_in_attempts_expires_at", "sign_in_attempts", ["expires_at"])
    op.drop_index("ix_turns_conversation_id", "turns")
    op.create_index("ix_turns_conversation_id_state", "turns", ["conversation_id", "state"])
    op.create_index("ix_turns_replaced_by", "turns", ["replaced_by"])
    op.create_index("ix_turns_state", "turns", ["state"])
    op.create_index("ix_used_assertions_expires_at", "used_assertions", ["expires_at"])


def _people_by_issuer() -> None:
    """People were known by connection; now by organization and issuer. What hangs on a connection refers to it alone.

    The issuer is the one that the connection has now: when a connection moved to another, that version deleted its people.
    """
    op.execute(
        "CREATE TABLE upgrade_identities AS SELECT c.organization_id, c.issuer, e.subject, e.person_id"
        " FROM external_identities e JOIN connections c ON c.id = e.connection_id"
    )
    op.execute(
        "CREATE TABLE upgrade_offline AS SELECT connection_id, subject, sealed, vouched_at, asking_until FROM offline_access"
    )
    op.drop_table("offline_access")  # first: dropping what it refers to would empty it
    op.drop_table("external_identities")
    op.create_table(
        "external_identities",
        sa.Column("organization_id", sa.String(40), nullable=False),
        sa.Column("issuer", sa.String(300), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("person_id", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "issuer", "subject", name="pk_external_identities"),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name="fk_external_identities_organization_id"
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_external_identities_person_id"),
    )
    op.create_index("ix_external_identities_person_id", "external_identities", ["person_id"])
    op.create_table(
        "offline_access",
        sa.Column("connection_id", sa.String(40), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("vouched_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asking_until", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("connection_id", "subject", name="pk_offline_access"),
        sa.ForeignKeyConstraint(["connection_id"], ["connections.id"], name="fk_offline_access_connection_id"),
    )
    for table, copy in (("external_identities", "upgrade_identities"), ("offline_access", "upgrade_offline")):
        op.execute(f"INSERT INTO {table} SELECT * FROM {copy}")  # noqa: S608  # constants only
        op.drop_table(copy)


def _clients_of_events() -> None:
    """Fill `audit_events.client` from the bodies, as the program of this revision fills it for new events."""
    connection = op.get_bind()
    read = sa.text(
        "SELECT chain, sequence, body FROM audit_events WHERE chain = :chain AND sequence > :last ORDER BY sequence LIMIT :n"
    )
    write = sa.text("UPDATE audit_events SET client = :client WHERE chain = :chain AND sequence = :sequence")
    for chain in connection.scalars(sa.text("SELECT DISTINCT chain FROM audit_events")).all():
        last = -1
        while rows := connection.execute(read, {"chain": chain, "last": last, "n": _BATCH}).all():
            last = rows[-1].sequence
            found = [{"chain": chain, "sequence": row.sequence, "client": _client_of(row.body)} for row in rows]
            if named := [one for one in found if one["client"]]:
                connection.execute(write, named)


def _client_of(body: str) -> str | None:
    """The assistant that acted, else the client that the event is about. Nothing of a body that was forged.

    A copy of `shop.audit.chain.client_of` as it is at this revision: a revision does the same whatever the program becomes.
    """
    try:
        content: dict[str, Any] = json.loads(body)
        client = (content["actor"] or {}).get("client") or content["facts"].get("client")
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return client[:300] if isinstance(client, str) else None
