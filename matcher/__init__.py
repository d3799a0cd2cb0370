"""Industry-academia matchmaking for regional innovation centres.

    >>> import matcher
    >>> matcher.__version__
    '0.1.0'

``matcher.match(needs, offers, evidence)`` takes and gives DataFrames; pandas is
imported only when it is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

__version__ = "0.1.0"
__all__ = ["__version__", "match"]


def match(needs: pd.DataFrame, offers: pd.DataFrame, evidence: pd.DataFrame | None = None,
          *, top: int | None = 10, **options: Any) -> pd.DataFrame:
    """Rank offers for every need; see :func:`matcher.frames.match`."""
    from matcher import frames

    return frames.match(needs, offers, evidence, top=top, **options)
