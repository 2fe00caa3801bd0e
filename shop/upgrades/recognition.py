"""Which revision a database without a stamp is of. Only versions before the first upgrade left one without."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, inspect

Columns = Mapping[str, frozenset[str]]
"""Table → its columns."""

BEFORE_COUNTERS = "0001"
"""The schema of commit 06ae3c4, the oldest that is known."""
WITH_EPOCH = "0002"
"""The schema of commit f9d72b2, the last version that stamped nothing."""

_ONLY_IN: dict[str, dict[str, set[str]]] = {
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
"""Of each revision, what other revisions lack. What one has of this, and the other does not, the other must not have."""


def recognised(connection: Connection) -> str | None:
    """The revision of a database that has no stamp, told by its columns. None for one that no known version made."""
    inspector = inspect(connection)
    found = {
        table: {column["name"] for column in columns} for (_, table), columns in inspector.get_multi_columns().items()
    }
    return next((revision for revision in _ONLY_IN if _is_of(revision, found)), None)


def _is_of(revision: str, found: Mapping[str, set[str]]) -> bool:
    own = _ONLY_IN[revision]
    has_all = all(columns <= found.get(table, set()) for table, columns in own.items())
    of_others = (
        found.get(table, set()) & (columns - own.get(table, set()))
        for other, tables in _ONLY_IN.items()
        if other != revision
        for table, columns in tables.items()
    )
    return has_all and not any(of_others)
