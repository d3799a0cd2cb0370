"""The first schema: parties, needs, offers, evidence, judgements, vectors, lists, outcomes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table."""
    op.create_table('conflicts',
    sa.Column('party_id', sa.String(length=100), nullable=False),
    sa.Column('other_party_id', sa.String(length=100), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('party_id', 'other_party_id', name=op.f('pk_conflicts'))
    )
    op.create_table('judged',
    sa.Column('need_id', sa.String(length=100), nullable=False),
    sa.Column('offer_id', sa.String(length=100), nullable=False),
    sa.Column('judge', sa.String(length=100), nullable=False),
    sa.Column('grade', sa.Integer(), nullable=False),
    sa.Column('date', sa.Date(), nullable=True),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('need_id', 'offer_id', 'judge', name=op.f('pk_judged'))
    )
    op.create_table('match_lists',
    sa.Column('run_id', sa.String(length=40), nullable=False),
    sa.Column('need_id', sa.String(length=100), nullable=False),
    sa.Column('encoder', sa.String(length=120), nullable=False),
    sa.Column('ranker', sa.String(length=40), nullable=False),
    sa.Column('data', sa.String(length=40), nullable=False),
    sa.Column('rules', sa.String(length=80), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('eligible', sa.Integer(), nullable=False),
    sa.Column('need', sa.JSON(), nullable=False),
    sa.PrimaryKeyConstraint('run_id', 'need_id', name=op.f('pk_match_lists'))
    )
    op.create_table('matches',
    sa.Column('run_id', sa.String(length=40), nullable=False),
    sa.Column('need_id', sa.String(length=100), nullable=False),
    sa.Column('offer_id', sa.String(length=100), nullable=False),
    sa.Column('rank', sa.Integer(), nullable=False),
    sa.Column('score', sa.Float(precision=53), nullable=False),
    sa.Column('features', sa.JSON(), nullable=False),
    sa.Column('contributions', sa.JSON(), nullable=False),
    sa.Column('evidence', sa.JSON(), nullable=False),
    sa.Column('distance_km', sa.Float(precision=53), nullable=True),
    sa.PrimaryKeyConstraint('run_id', 'need_id', 'offer_id', name=op.f('pk_matches'))
    )
    op.create_index('ix_matches_run_rank', 'matches', ['run_id', 'need_id', 'rank'], unique=False)
    op.create_table('needs',
    sa.Column('need_id', sa.String(length=100), nullable=False),
    sa.Column('title', sa.Text(), nullable=False),
    sa.Column('description', sa.Text(), nullable=False),
    sa.Column('requirements', sa.Text(), nullable=False),
    sa.Column('party_id', sa.String(length=100), nullable=True),
    sa.Column('centre', sa.String(length=40), nullable=True),
    sa.Column('county', sa.String(length=40), nullable=True),
    sa.Column('lang', sa.String(length=8), nullable=True),
    sa.Column('kinds', sa.JSON(), nullable=False),
    sa.Column('themes', sa.JSON(), nullable=False),
    sa.Column('trl_now', sa.Integer(), nullable=True),
    sa.Column('trl_target', sa.Integer(), nullable=True),
    sa.Column('budget_min_ntd', sa.BigInteger(), nullable=True),
    sa.Column('budget_max_ntd', sa.BigInteger(), nullable=True),
    sa.Column('valid_from', sa.Date(), nullable=True),
    sa.Column('valid_to', sa.Date(), nullable=True),
    sa.Column('modes', sa.JSON(), nullable=False),
    sa.PrimaryKeyConstraint('need_id', name=op.f('pk_needs'))
    )
    op.create_index(op.f('ix_needs_centre'), 'needs', ['centre'], unique=False)
    op.create_table('offers',
    sa.Column('offer_id', sa.String(length=100), nullable=False),
    sa.Column('title', sa.Text(), nullable=False),
    sa.Column('description', sa.Text(), nullable=False),
    sa.Column('kind', sa.String(length=40), nullable=False),
    sa.Column('party_id', sa.String(length=100), nullable=True),
    sa.Column('centre', sa.String(length=40), nullable=True),
    sa.Column('county', sa.String(length=40), nullable=True),
    sa.Column('lang', sa.String(length=8), nullable=True),
    sa.Column('themes', sa.JSON(), nullable=False),
    sa.Column('trl_now', sa.Integer(), nullable=True),
    sa.Column('modes', sa.JSON(), nullable=False),
    sa.Column('money_min_ntd', sa.BigInteger(), nullable=True),
    sa.Column('money_max_ntd', sa.BigInteger(), nullable=True),
    sa.Column('valid_from', sa.Date(), nullable=True),
    sa.Column('valid_to', sa.Date(), nullable=True),
    sa.Column('reach', sa.String(length=20), nullable=False),
    sa.PrimaryKeyConstraint('offer_id', name=op.f('pk_offers'))
    )
    op.create_index(op.f('ix_offers_centre'), 'offers', ['centre'], unique=False)
    op.create_table('outcomes',
    sa.Column('number', sa.Integer(), autoincrement=True, nullable=False),
    sa.Column('need_id', sa.String(length=100), nullable=False),
    sa.Column('offer_id', sa.String(length=100), nullable=False),
    sa.Column('stage', sa.String(length=40), nullable=False),
    sa.Column('time', sa.DateTime(timezone=True), nullable=False),
    sa.Column('who', sa.Text(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('run_id', sa.String(length=40), nullable=True),
    sa.PrimaryKeyConstraint('number', name=op.f('pk_outcomes'))
    )
    op.create_index(op.f('ix_outcomes_need_id'), 'outcomes', ['need_id'], unique=False)
    op.create_table('parties',
    sa.Column('party_id', sa.String(length=100), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('name_en', sa.Text(), nullable=True),
    sa.Column('kind', sa.String(length=40), nullable=False),
    sa.Column('county', sa.String(length=40), nullable=True),
    sa.Column('centre', sa.String(length=40), nullable=True),
    sa.Column('tax_id', sa.String(length=40), nullable=True),
    sa.Column('industry', sa.Text(), nullable=True),
    sa.Column('website', sa.Text(), nullable=True),
    sa.Column('address', sa.Text(), nullable=True),
    sa.Column('size', sa.String(length=40), nullable=True),
    sa.Column('lang', sa.String(length=8), nullable=True),
    sa.Column('source', sa.Text(), nullable=True),
    sa.Column('extra', sa.JSON(), nullable=False),
    sa.PrimaryKeyConstraint('party_id', name=op.f('pk_parties'))
    )
    op.create_table('revision',
    sa.Column('name', sa.String(length=20), nullable=False),
    sa.Column('number', sa.BigInteger(), nullable=False),
    sa.Column('stamp', sa.String(length=32), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_revision'))
    )
    op.create_table('vectors',
    sa.Column('encoder', sa.String(length=120), nullable=False),
    sa.Column('hash', sa.String(length=64), nullable=False),
    sa.Column('dimensions', sa.Integer(), nullable=False),
    sa.Column('content', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('encoder', 'hash', name=op.f('pk_vectors'))
    )
    op.create_table('evidence',
    sa.Column('evidence_id', sa.String(length=100), nullable=False),
    sa.Column('offer_id', sa.String(length=100), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('title', sa.Text(), nullable=False),
    sa.Column('kind', sa.String(length=40), nullable=False),
    sa.Column('lang', sa.String(length=8), nullable=True),
    sa.Column('year', sa.Integer(), nullable=True),
    sa.Column('source', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['offer_id'], ['offers.offer_id'], name=op.f('fk_evidence_offer_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('evidence_id', name=op.f('pk_evidence'))
    )
    op.create_index(op.f('ix_evidence_offer_id'), 'evidence', ['offer_id'], unique=False)
