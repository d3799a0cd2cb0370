"""Columns that many tables have."""

from __future__ import annotations

from matcher.report.model import SMALL, Cell, Column, Told
from matcher.report.month import Month
from matcher.vocabulary import Message

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


FEW = Message("Figures of fewer than {least} firms are shown to the office only.",
              {"least": SMALL})


def height(cell: Cell) -> float | Told | None:
    """Give a cell's number for a chart; what readers do not see is not drawn for them."""
    if isinstance(cell, Told):
        return Told(height(cell.office), height(cell.readers))
    return float(cell) if isinstance(cell, (int, float)) else None


def party_of(month: Month, offer: str) -> Cell:
    """Name the party of an offer."""
    owner = month.owner(offer)
    return owner.name if owner else None
