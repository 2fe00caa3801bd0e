"""Authorities without the counter of changes: it was written, and never read."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Drop the column. SQLite has `ALTER TABLE … DROP COLUMN` since 3.35."""
    op.drop_column("authorities", "epoch")
