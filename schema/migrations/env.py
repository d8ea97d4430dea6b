"""What Alembic runs to move a truth to another version: the connection comes from `schema.migrate`."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"], version_table_schema="archive")
context.run_migrations()
