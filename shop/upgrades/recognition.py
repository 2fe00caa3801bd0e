"""Which revision a database without a stamp is of. Only versions before the first upgrade left one without."""

from __future__ import annotations

from sqlalchemy import Connection, inspect

BEFORE_COUNTERS = "0001"
"""The schema of commit 06ae3c4, the oldest that is known."""
WITH_EPOCH = "0002"
"""The schema of commit f9d72b2, the last version that stamped nothing."""

_DISTINGUISHING: dict[str, dict[str, set[str]]] = {
    BEFORE_COUNTERS: {
        "authorities": {"epoch"},
        "external_identities": {"connection_id"},
        "rate_counts": {"what", "window"},
    },
    WITH_EPOCH: {
        "audit_denial_windows": {"begins", "hidden"},
        "audit_events": {"client"},
        "authorities": {"epoch"},
        "client_keys": {"kid"},
        "connections": {"client_auth", "claims", "offline_prompt"},
        "external_identities": {"organization_id", "issuer"},
        "oauth_clients": {"fetched_at"},
        "rate_limit_counters": {"key", "expires_at", "refusal_recorded_at"},
        "sign_in_attempts": {"used_at"},
    },
}
"""Revision → table → the columns that tell it from the other one, or from what came later."""
_DISTINGUISHING_OF_ALL: dict[str, set[str]] = {
    table: set().union(*(tables.get(table, set()) for tables in _DISTINGUISHING.values()))
    for table in sorted(set().union(*_DISTINGUISHING.values()))
}


def recognised(connection: Connection) -> str | None:
    """The revision of a database that has no stamp, told by its columns. None for one that no known version made."""
    columns = {
        table: {column["name"] for column in found}
        for (_, table), found in inspect(connection).get_multi_columns().items()
    }
    return next((revision for revision in _DISTINGUISHING if _is_of(revision, columns)), None)


def _is_of(revision: str, columns: dict[str, set[str]]) -> bool:
    """Whether a database has every distinguishing column of a revision, and none that only another one has."""
    own = _DISTINGUISHING[revision]
    return all(
        columns.get(table, set()) & distinguishing == own.get(table, set())
        for table, distinguishing in _DISTINGUISHING_OF_ALL.items()
    )
