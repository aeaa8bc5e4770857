"""Alembic's environment: `migrate` hands over the connection, whose transaction holds the whole upgrade."""

from alembic import context

from hub_config.migrations.models import METADATA

connection = context.config.attributes.get("connection")
if connection is None:
    raise RuntimeError("Migrations run through hub_config.migrations.migrate(engine).")
context.configure(connection=connection, target_metadata=METADATA, render_as_batch=True, transactional_ddl=False)
context.run_migrations()
