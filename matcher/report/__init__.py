"""The monthly match report of a centre: HTML for people, CSV for spreadsheets.

``SECTIONS`` is the catalogue: one function a section, from a :class:`Month` to rows.
"""

from __future__ import annotations

from matcher.report.month import Month, month_of
from matcher.report.sections import SECTIONS, Section
from matcher.report.writers import write_reports

__all__ = ["SECTIONS", "Month", "Section", "month_of", "write_reports"]
