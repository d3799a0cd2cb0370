"""Embeds a Chinese font so that every reader of PDF finds its text again.

The fonts' characters have numbers of their own (CID). Written under these numbers, with the
standard encoding ``Identity-H``, text is found by readers that know no other encoding; fpdf2 alone
would count characters in order of use and embed a table of that.
"""

from __future__ import annotations

from typing import Any

from fpdf import FPDF
from fpdf.fonts import Glyph, SubsetMap, TTFFont
from fpdf.output import OutputProducer, PDFFont, PDFType3Font
from fpdf.syntax import Name
from fpdf.util import escape_parens


class ByNumber(SubsetMap):
    """The characters in use, each under its own number in the font."""

    def __init__(self, font: TTFFont) -> None:
        super().__init__(font)
        self._char_id_per_glyph.clear()

    def pick_glyph(self, glyph: Glyph | None) -> int | None:
        """Give the code a glyph is written under; None for none."""
        return None if glyph is None else self._char_id_per_glyph.setdefault(glyph, _number(glyph))


def _number(glyph: Glyph) -> int:
    digits = glyph.glyph_name.removeprefix("cid")
    return int(digits) if digits.isdigit() else int(glyph.glyph_id)


class Numbered(TTFFont):
    """A font whose text is numbers of two bytes, those that Unicode keeps for pairs as well."""

    __slots__ = ()

    def escape_text(self, text: str) -> str:
        """Give numbers as the characters of a PDF string."""
        return escape_parens(text.encode("utf-16-be", "surrogatepass").decode("latin-1"))


class Producer(OutputProducer):
    """Writes the document with the standard encoding."""

    def _add_fonts(self, *parts: Any, **named: Any) -> dict[int, PDFFont | PDFType3Font]:
        fonts = super()._add_fonts(*parts, **named)
        for font in fonts.values():
            if isinstance(font, PDFFont):
                font.encoding = Name("Identity-H")
        return fonts


def number_characters(document: FPDF) -> None:
    """Let the fonts that number their characters be written under these numbers."""
    for font in document.fonts.values():
        if isinstance(font, TTFFont) and font.is_cid_keyed:
            font.subset = ByNumber(font)
            font.__class__ = Numbered
