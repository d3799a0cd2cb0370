"""Columns that many tables have."""

from __future__ import annotations

from matcher.report.model import Cell, Column
from matcher.report.month import Month

NEED = Column("need", "Need", "id")
NEED_TITLE = Column("need_title", "Title")
OFFER = Column("offer", "Offer", "id")
OFFER_TITLE = Column("offer_title", "Offer's title")
PARTY = Column("party", "Party")
RANK = Column("rank", "Rank", "number")
SCORE = Column("score", "Score", "score")
COUNT = Column("count", "Number", "number")
SHARE = Column("share", "Share", "percent")
LOW = Column("low", "Low, 95 %", "percent")
HIGH = Column("high", "High, 95 %", "percent")


def party_of(month: Month, offer: str) -> Cell:
    """Name the party of an offer."""
    owner = month.owner(offer)
    return owner.name if owner else None
