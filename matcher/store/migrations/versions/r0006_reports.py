"""Reports with what they were made of, subscriptions, and what a contract brought."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make two tables and three columns of outcomes."""
    op.create_table(
        "reports",
        sa.Column("report_id", sa.String(length=60), nullable=False),
        sa.Column("centre", sa.String(length=40), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("made", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mark", sa.String(length=64), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("facts", sa.LargeBinary(), nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("finished", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("report_id", name=op.f("pk_reports")),
    )
    op.create_index("ix_reports_centre", "reports", ["centre", "month"])
    op.create_table(
        "subscriptions",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("account_id", sa.String(length=100), nullable=False),
        sa.Column("centre", sa.String(length=40), nullable=False),
        sa.Column("lang", sa.String(length=8), nullable=False),
        sa.Column("format", sa.String(length=20), nullable=False),
        sa.Column("sections", sa.JSON(), nullable=False),
        sa.Column("need_id", sa.String(length=100), nullable=True),
        sa.Column("threshold", sa.Float(precision=53), nullable=True),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], ondelete="CASCADE",
                                name=op.f("fk_subscriptions_account_id")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_subscriptions")),
    )
    op.create_index(op.f("ix_subscriptions_account_id"), "subscriptions", ["account_id"])
    for name, kind in (("value_ntd", sa.BigInteger()), ("licences", sa.Integer()),
                       ("jobs", sa.Integer())):
        op.add_column("outcomes", sa.Column(name, kind, nullable=True))
