"""Run the revisions on the connection that ``database._migrate`` passes in."""

from __future__ import annotations

from alembic import context

from matcher.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata,
                  render_as_batch=True)
context.run_migrations()
