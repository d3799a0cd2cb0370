"""Lists say how far they look; matches keep what is missing, what carries them, their chance."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns; older lists have nothing in them."""
    op.add_column("match_lists", sa.Column("scope", sa.String(length=20), nullable=True))
    op.add_column("match_lists", sa.Column("widened", sa.JSON(), nullable=True))
    op.add_column("matches", sa.Column("propensity", sa.Float(precision=53), nullable=True))
    op.add_column("matches", sa.Column("notes", sa.JSON(), nullable=True))
