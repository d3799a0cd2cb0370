"""Intake: files and forms → Party, Need, Offer, Evidence, JudgedPair, or every RowError at once.

``read(path, what)`` reads a file; ``check(what, rows)`` does the same checks for rows
from anywhere else, e.g. a form; ``template`` and ``write_rejected`` write files.
"""

from __future__ import annotations

from matcher.intake.checks import Intake, check, disorder
from matcher.intake.fields import FIELDS, KEYS, Field
from matcher.intake.formats import FORMATS, Format
from matcher.intake.reader import read
from matcher.intake.templates import template, write_rejected

__all__ = ["FIELDS", "FORMATS", "KEYS", "Field", "Format", "Intake", "check", "disorder", "read",
           "template", "write_rejected"]
