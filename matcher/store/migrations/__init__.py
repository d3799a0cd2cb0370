"""Alembic revisions; they only append."""
