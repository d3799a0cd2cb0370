"""Needs and offers carry codes of industries, disciplines, patents or goods."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the columns; older records have no codes."""
    for table in ("needs", "offers"):
        op.add_column(table, sa.Column("codes", sa.JSON(), nullable=False, server_default="[]"))
