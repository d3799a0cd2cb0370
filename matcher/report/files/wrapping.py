"""Breaks text into lines as Chinese typesetting does: no line begins with 。 or ends with 「."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator

_HAN = ("\u1100-\u11ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff01-\uffef"
        "\U00020000-\U0003ffff")
_OPEN = "（「『《〈【〔“‘(\\["
_CLOSE = "，。、；：！？」』）》〉】〕”’…·,.;:!?)\\]%％"
_PIECE = re.compile(f"[{_OPEN}]*(?:[{_HAN}](?<![{_OPEN}{_CLOSE}])|[^\\s{_HAN}{_OPEN}{_CLOSE}]+)?"
                    f"[{_CLOSE}]*\\s*|\\s+")


def wrap(text: str, width: float, measure: Callable[[str], float]) -> list[str]:
    """Give the lines of a text, none wider than ``width``; measures of parts add up."""
    return [line for paragraph in text.split("\n") for line in _lines(paragraph, width, measure)]


def _lines(text: str, width: float, measure: Callable[[str], float]) -> Iterator[str]:
    line, used = "", 0.0
    for piece in pieces(text):
        if used and used + measure(piece.rstrip()) > width:
            yield line.rstrip()
            line, used = "", 0.0
        while measure(piece.rstrip()) > width and len(piece) > 1:
            head = _fitting(piece, width, measure)
            yield piece[:head]
            piece = piece[head:]
        line, used = line + piece, used + measure(piece)
    yield line.rstrip()


def pieces(text: str) -> list[str]:
    """Split into what must stay together: a word or a Han character with its punctuation."""
    return [piece for piece in _PIECE.findall(text) if piece]


def _fitting(piece: str, width: float, measure: Callable[[str], float]) -> int:
    """Count the characters that fit, at least one, and never part a letter from its marks."""
    count, used = 1, measure(piece[0])
    while count < len(piece) and (used := used + measure(piece[count])) <= width:
        count += 1
    while count < len(piece) and unicodedata.category(piece[count]).startswith("M"):
        count += 1
    return count
