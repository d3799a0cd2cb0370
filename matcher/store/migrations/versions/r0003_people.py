"""Accounts, sessions, invitations, mail, audit, cards, drafts, consents; outcomes can be undone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables of people and their doings, and four columns of outcomes."""
    op.create_table('accounts',
    sa.Column('account_id', sa.String(length=100), nullable=False),
    sa.Column('email', sa.String(length=254), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('role', sa.String(length=40), nullable=False),
    sa.Column('party_id', sa.String(length=100), nullable=True),
    sa.Column('centre', sa.String(length=40), nullable=True),
    sa.Column('lang', sa.String(length=8), nullable=True),
    sa.Column('password', sa.Text(), nullable=True),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('failures', sa.Integer(), nullable=False),
    sa.Column('locked_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_seen', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('account_id', name=op.f('pk_accounts'))
    )
    op.create_index('ix_accounts_email', 'accounts', ['email'], unique=True)
    op.create_table('audit',
    sa.Column('number', sa.Integer(), autoincrement=True, nullable=False),
    sa.Column('time', sa.DateTime(timezone=True), nullable=False),
    sa.Column('who', sa.String(length=100), nullable=False),
    sa.Column('act', sa.String(length=40), nullable=False),
    sa.Column('what', sa.String(length=40), nullable=False),
    sa.Column('record_id', sa.String(length=100), nullable=False),
    sa.Column('before', sa.JSON(), nullable=True),
    sa.Column('after', sa.JSON(), nullable=True),
    sa.PrimaryKeyConstraint('number', name=op.f('pk_audit'))
    )
    op.create_index('ix_audit_what', 'audit', ['what', 'record_id'], unique=False)
    op.create_table('cards',
    sa.Column('side', sa.String(length=10), nullable=False),
    sa.Column('record_id', sa.String(length=100), nullable=False),
    sa.Column('party_id', sa.String(length=100), nullable=True),
    sa.Column('account_id', sa.String(length=100), nullable=True),
    sa.Column('anonymous', sa.Boolean(), nullable=False),
    sa.Column('contact', sa.JSON(), nullable=False),
    sa.Column('visibility', sa.JSON(), nullable=False),
    sa.Column('published', sa.DateTime(timezone=True), nullable=True),
    sa.Column('renewed', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('side', 'record_id', name=op.f('pk_cards'))
    )
    op.create_index(op.f('ix_cards_party_id'), 'cards', ['party_id'], unique=False)
    op.create_table('consents',
    sa.Column('number', sa.Integer(), autoincrement=True, nullable=False),
    sa.Column('account_id', sa.String(length=100), nullable=False),
    sa.Column('record_id', sa.String(length=100), nullable=True),
    sa.Column('purpose', sa.String(length=40), nullable=False),
    sa.Column('version', sa.String(length=40), nullable=False),
    sa.Column('lang', sa.String(length=8), nullable=False),
    sa.Column('time', sa.DateTime(timezone=True), nullable=False),
    sa.Column('address', sa.String(length=64), nullable=True),
    sa.Column('withdrawn', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('number', name=op.f('pk_consents'))
    )
    op.create_index(op.f('ix_consents_account_id'), 'consents', ['account_id'], unique=False)
    op.create_table('drafts',
    sa.Column('draft_id', sa.String(length=100), nullable=False),
    sa.Column('side', sa.String(length=10), nullable=False),
    sa.Column('record_id', sa.String(length=100), nullable=True),
    sa.Column('account_id', sa.String(length=100), nullable=False),
    sa.Column('party_id', sa.String(length=100), nullable=True),
    sa.Column('centre', sa.String(length=40), nullable=True),
    sa.Column('status', sa.String(length=20), nullable=False),
    sa.Column('content', sa.JSON(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('reviewer', sa.String(length=100), nullable=True),
    sa.Column('created', sa.DateTime(timezone=True), nullable=False),
    sa.Column('changed', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('draft_id', name=op.f('pk_drafts'))
    )
    op.create_index(op.f('ix_drafts_account_id'), 'drafts', ['account_id'], unique=False)
    op.create_index(op.f('ix_drafts_centre'), 'drafts', ['centre'], unique=False)
    op.create_table('outbox',
    sa.Column('number', sa.Integer(), autoincrement=True, nullable=False),
    sa.Column('key', sa.String(length=200), nullable=False),
    sa.Column('recipient', sa.String(length=254), nullable=False),
    sa.Column('subject', sa.Text(), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('files', sa.JSON(), nullable=False),
    sa.Column('created', sa.DateTime(timezone=True), nullable=False),
    sa.Column('next_try', sa.DateTime(timezone=True), nullable=False),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('sent', sa.DateTime(timezone=True), nullable=True),
    sa.Column('problem', sa.Text(), nullable=True),
    sa.PrimaryKeyConstraint('number', name=op.f('pk_outbox'))
    )
    op.create_index('ix_outbox_key', 'outbox', ['key'], unique=True)
    op.create_table('tokens',
    sa.Column('token_hash', sa.String(length=64), nullable=False),
    sa.Column('purpose', sa.String(length=20), nullable=False),
    sa.Column('email', sa.String(length=254), nullable=False),
    sa.Column('content', sa.JSON(), nullable=False),
    sa.Column('created', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires', sa.DateTime(timezone=True), nullable=False),
    sa.Column('used', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('token_hash', name=op.f('pk_tokens'))
    )
    op.create_table('sessions',
    sa.Column('token_hash', sa.String(length=64), nullable=False),
    sa.Column('account_id', sa.String(length=100), nullable=True),
    sa.Column('content', sa.JSON(), nullable=False),
    sa.Column('created', sa.DateTime(timezone=True), nullable=False),
    sa.Column('seen', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['accounts.account_id'], name=op.f('fk_sessions_account_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('token_hash', name=op.f('pk_sessions'))
    )
    op.create_index(op.f('ix_sessions_account_id'), 'sessions', ['account_id'], unique=False)
    op.add_column('outcomes', sa.Column('note', sa.Text(), nullable=True))
    op.add_column('outcomes', sa.Column('next_date', sa.Date(), nullable=True))
    op.add_column('outcomes', sa.Column('undone', sa.DateTime(timezone=True), nullable=True))
    op.add_column('outcomes', sa.Column('undone_by', sa.Text(), nullable=True))
