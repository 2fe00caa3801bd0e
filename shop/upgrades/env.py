"""What Alembic runs for each of its commands. The connection, and its transaction, are those of `bring_up_to_date`."""

from alembic import context

from shop.database import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()
