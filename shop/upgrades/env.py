"""What Alembic runs for each of its commands. The connection, and its transaction, are those of `upgrade.py`."""

from alembic import context

from shop.upgrades.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA, transactional_ddl=True)
context.run_migrations()
