"""The schema from which upgrades begin. Databases that have it are recognised by their tables, so there is nothing to run."""

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Nothing: such a database is there already."""
