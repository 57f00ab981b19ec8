"""Alembic's entry: runs the steps on the connection that `upgrade` opened, inside its transaction."""

from __future__ import annotations

from alembic import context

from keystead.store.engine import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=False, render_as_batch=True
)
context.run_migrations()
