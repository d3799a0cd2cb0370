r"""LaTeX in titles and names → plain text: {\"o} → ö, \'{\^e} → ế, Al$_2$O$_3$ → Al₂O₃.

Only letters are decoded. No command is run and no file is read: ``\input{…}`` is dropped.
"""

from __future__ import annotations

import re
import unicodedata

_MARKS = {"`": "\u0300", "'": "\u0301", "^": "\u0302", "~": "\u0303", "=": "\u0304",
          "u": "\u0306", ".": "\u0307", '"': "\u0308", "r": "\u030a", "H": "\u030b",
          "v": "\u030c", "d": "\u0323", "c": "\u0327", "k": "\u0328", "b": "\u0331",
          "h": "\u0309"}
_ACCENT = re.compile(r"""\\(?:([`'^"~=.])\s?|([uvHcdkbrh])(?![A-Za-z])\s?)"""
                     r"(?:\{\s?(\\[ij]|[^\W\d_])\s?\}|(\\[ij](?![A-Za-z])|[^\W\d_]))")
_LETTERS = {
    "ss": "ß", "o": "ø", "O": "Ø", "l": "ł", "L": "Ł", "ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ",
    "aa": "å", "AA": "Å", "i": "ı", "j": "ȷ", "dh": "ð", "DH": "Ð", "th": "þ", "TH": "Þ",
    "dj": "đ", "DJ": "Đ", "ng": "ŋ", "NG": "Ŋ", "textendash": "–", "textemdash": "—",
    "textquoteright": "’", "textquoteleft": "‘", "textquotedblleft": "“",
    "textquotedblright": "”", "textregistered": "®", "texttrademark": "™", "copyright": "©",
    "textdegree": "°", "degree": "°", "circ": "°", "times": "×", "pm": "±", "cdot": "·",
    "leq": "≤", "le": "≤", "geq": "≥", "ge": "≥", "approx": "≈", "sim": "~", "rightarrow": "→",
    "to": "→", "infty": "∞", "ldots": "…", "dots": "…", "textmu": "µ", "micro": "µ",
    "textbackslash": "", "LaTeX": "LaTeX", "TeX": "TeX", "S": "§", "P": "¶", "quad": " ",
}
_DROPPED = re.compile(r"\\(?:input|include|cite[a-z]*|ref|label|footnote|href|includegraphics|write"
                      r"|openin|read|def|verbatiminput)\b\*?\s?(?:\[[^\]]{0,200}\])?\s?"
                      r"\{[^{}]{0,500}\}")
_COMMAND = re.compile(r"\\([A-Za-z]+)\*?(?:\s?\{\}|\s)?")
_MATH = re.compile(r"(?<!\\)\$([^$]{1,2000})\$")
_RAISED = re.compile(r"([_^])\s?(?:\{([0-9+\-−]{1,9})\}|([0-9]))")
_DIGITS = {"_": str.maketrans("0123456789+-−", "₀₁₂₃₄₅₆₇₈₉₊₋₋"),
           "^": str.maketrans("0123456789+-−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻")}
_TEXT_RAISED = re.compile(r"\\text(sub|super)script\s?\{([0-9+\-−]{1,9})\}")
_PLAIN = (("\\\\", " "), ("---", "—"), ("--", "–"), ("``", "“"), ("''", "”"), ("\\-", ""),
          ("\\/", ""), ("\\,", " "), ("\\;", " "), ("\\ ", " "))


def decode_latex(text: str) -> str:
    """Give the text as a person reads it; text without LaTeX comes back as it is."""
    if not re.search(r"[\\{}$~`]|--|''", text):
        return text
    for _ in range(3):  # an accent on an accented letter: inner ones first
        changed = _ACCENT.sub(_accented, text)
        if changed == text:
            break
        text = changed
    text = _TEXT_RAISED.sub(lambda m: m[2].translate(_DIGITS["_" if m[1] == "sub" else "^"]), text)
    text = _COMMAND.sub(_letter, _DROPPED.sub("", _MATH.sub(_formula, text)))
    for written, meant in _PLAIN:
        text = text.replace(written, meant)
    text = re.sub(r"(?<!\\)~", " ", re.sub(r"(?<!\\)[{}]", "", text))
    return unicodedata.normalize("NFC", re.sub(r"\\([%&_#${}~^])", r"\1", text))


def _accented(found: re.Match[str]) -> str:
    """Compose a letter and its mark; a dotless i takes its mark as i does."""
    letter = (found[3] or found[4]).removeprefix("\\")
    return unicodedata.normalize("NFC", letter + _MARKS[found[1] or found[2]])


def _formula(found: re.Match[str]) -> str:
    """Write raised and lowered digits as such; a degree sign needs no ^."""
    inner = re.sub(r"\^\s?(?:\{\s?\\circ\s?\}|\\circ\b)", r"\\circ ", found[1])
    return _RAISED.sub(lambda m: (m[2] or m[3]).translate(_DIGITS[m[1]]), inner)


def _letter(found: re.Match[str]) -> str:
    """Give a command's letter, Greek ones by their Unicode names; other commands vanish."""
    name = found[1]
    if name in _LETTERS:
        return _LETTERS[name]
    size = "CAPITAL" if name[0].isupper() else "SMALL"
    try:
        return unicodedata.lookup(f"GREEK {size} LETTER {name.removeprefix('var').upper()}")
    except KeyError:
        return ""
