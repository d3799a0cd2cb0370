"""Converters: the text of one cell → a value, or ``Refused`` with what was wanted.

Each takes text that is not empty. Numbers and dates accept full-width digits,
thousands commas, 萬 and 億, and years of the Republic of China (民國).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date

from matcher.reference import centre_code, fold, fold_county, spellings
from matcher.vocabulary import Message

LONGEST_TEXT = 20_000
LARGEST_NTD = 10**15
LONGEST_NUMBER = 40
ROC_YEAR_ZERO = 1911
_HIDDEN = re.compile("[\u0000-\u0008\u000b\u000c\u000e-\u001f\u200b\u2060-\u2069\u202a-\u202e\ufeff"
                     "\U000e0000-\U000e007f]")
_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "兩": 2}
# Digits by their place (二五〇), and a last digit whose unit is left out (兩萬五): no sum of units.
_BY_PLACE = re.compile("[一二兩三四五六七八九][零〇一二兩三四五六七八九]"
                       "|[百千萬億][一二兩三四五六七八九]$")
_UNITS = {"十": 10, "百": 100, "千": 1000}
_LANGUAGES = {
    "zh": ("zh", "zhtw", "zhhant", "中文", "繁體中文", "chinese", "華語"),
    "en": ("en", "英文", "英語", "english"),
    "ja": ("ja", "jp", "日文", "日語", "japanese"),
    "ko": ("ko", "kr", "韓文", "韓語", "korean"),
    "vi": ("vi", "越南文", "越南語", "vietnamese"),
    "id": ("id", "印尼文", "印尼語", "indonesian"), "th": ("th", "泰文", "泰語", "thai"),
    "ms": ("ms", "馬來文", "馬來語", "malay"),
}
_REACHES = {"centre": ("centre", "園區內", "本園區"), "national": ("national", "全國", "國內"),
            "international": ("international", "國際", "海外")}

_CODES = {"DGBAS": r"[A-S]|\d{2,4}", "ISCED": r"\d{2,5}", "CCC": r"\d{4,11}",
          "IPC": r"[A-H]\d{2}([A-Z](\d{1,4}(/\d{2,6})?)?)?"}


class Refused(Exception):  # noqa: N818 - not an error of the program but of a cell
    """A cell's text cannot be used; ``wanted`` is the sentence for people."""

    def __init__(self, wanted: str, **fields: object) -> None:
        super().__init__(wanted)
        self.wanted = Message(wanted, fields)


def clean(text: str) -> str:
    """Drop invisible control characters and outer white space (also U+3000); keep the rest."""
    return _HIDDEN.sub("", text).strip()


def has_hidden(text: str) -> bool:
    """Say whether a text has characters that :func:`clean` drops inside it."""
    return bool(_HIDDEN.search(text.strip("\ufeff")))


def as_text(text: str) -> str:
    """Give the text itself; refuse more than 20,000 characters."""
    if len(text) > LONGEST_TEXT:
        raise Refused("wanted at most {limit} characters, this has {found}", limit=LONGEST_TEXT,
                      found=len(text))
    return text


def as_id(text: str) -> str:
    """Give an id as text, in half-width characters; leading zeros stay."""
    found = unicodedata.normalize("NFKC", text).strip()
    if len(found) > 100 or any(unicodedata.category(c) == "Cc" for c in found):
        raise Refused("wanted an id of at most 100 characters on one line")
    return found


def as_integer(text: str) -> int:
    """Read a whole number ≥ 0: 1,000,000 · NT$1,000,000 · 100萬 · 1.5億 · 一百萬 · １００."""
    found = unicodedata.normalize("NFKC", text).replace(" ", "").lower()
    found = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", found)  # the comma of 1,000, not that of 1,5
    found = re.sub(r"^(nt\$|ntd|twd|新臺幣|新台幣|\$)|(元|nt\$|ntd|twd)$", "", found)
    number = _plain_number(found) if len(found) <= LONGEST_NUMBER else None
    if number is None:
        raise Refused("wanted a whole number ≥ 0, e.g. 1000000 or 100萬")
    if number > LARGEST_NTD:
        raise Refused("wanted a number up to {limit}", limit=LARGEST_NTD)
    return number


def _plain_number(text: str) -> int | None:
    """Read digits or Chinese numerals with 萬 and 億; None when it is no number ≥ 0."""
    found = re.fullmatch(r"([0-9]{1,18}(?:\.[0-9]{1,6})?)(萬|億|千|百萬|千萬)?", text)
    if found:
        unit = {"萬": 10**4, "億": 10**8, "千": 1000, "百萬": 10**6, "千萬": 10**7}.get(
            found[2] or "", 1)
        value = round(float(found[1]) * unit, 4) if "." in found[1] else int(found[1]) * unit
        return int(value) if value == int(value) else None
    if text and all(c in _DIGITS or c in _UNITS or c in "萬億" for c in text) and not (
            _BY_PLACE.search(text)):
        return _chinese_number(text)
    return None


def _chinese_number(text: str) -> int:
    """Read 一百二十萬 by its units."""
    for mark, size in (("億", 10**8), ("萬", 10**4)):
        if mark in text:
            head, tail = text.split(mark, 1)
            return (_chinese_number(head) or 1) * size + _chinese_number(tail)
    total = digit = 0
    for character in text:
        if character in _UNITS:
            total, digit = total + (digit or 1) * _UNITS[character], 0
        else:
            digit = _DIGITS.get(character, 0)
    return total + digit


def as_trl(text: str) -> int:
    """Read a technology readiness level, a whole number 1-9, also written TRL 6."""
    found = unicodedata.normalize("NFKC", text).upper().removeprefix("TRL").strip()
    if not re.fullmatch(r"[1-9](\.0)?", found):
        raise Refused("wanted a TRL from 1 to 9")
    return int(found[0])


def as_grade(text: str) -> int:
    """Read a grade, a whole number 0-3."""
    found = unicodedata.normalize("NFKC", text).strip()
    if not re.fullmatch(r"[0-3](\.0)?", found):
        raise Refused("wanted a grade from 0 to 3")
    return int(found[0])


def as_year(text: str) -> int:
    """Read a year: 2024, 民國113, 113年; below 200 it is a year of the Republic of China."""
    found = re.fullmatch(r"(?:民國|西元)?\s*([0-9]{2,4})(?:\.0)?\s*年?",
                         unicodedata.normalize("NFKC", text).strip())
    year = _western(found[1]) if found else 0
    if not 1900 <= year <= 2100:
        raise Refused("wanted a year from 1900 to 2100, e.g. 2026 or 民國115")
    return year


def _western(year: str) -> int:
    """Read a year's digits: four are western, two or three are 民國."""
    return int(year) + (ROC_YEAR_ZERO if len(year) < 4 else 0)


def as_date(text: str) -> date:
    """Read a day: 2026-02-28, 2026/2/28, 民國115年2月28日, 115/2/28, 1150228, 20260228.

    Refused: days that do not exist and two-digit years (02/03/04), whose order nobody knows, but
    where 民國 stands before them.
    """
    whole = unicodedata.normalize("NFKC", text).strip()
    found = re.sub(r"\s*([年月])\s*|\s+(?=日)", r"\1", re.sub(r"^((中華)?民國|西元)\s*", "", whole))
    found = re.sub(r"[ T]00:00(:00(\.0+)?)?$", "", found)
    years = "{2,4}" if "民國" in whole else "{3,4}"
    parts = (re.fullmatch(rf"([0-9]{years})[-/.年]([0-9]{{1,2}})[-/.月]([0-9]{{1,2}})日?", found)
             or re.fullmatch(r"([0-9]{3,4})([0-9]{2})([0-9]{2})", found))
    if parts is None:
        raise Refused("wanted a day as YYYY-MM-DD, e.g. 2026-02-28 (民國115/2/28 also works)")
    try:
        day = date(_western(parts[1]), int(parts[2]), int(parts[3]))
    except ValueError:
        raise Refused("there is no such day; wanted YYYY-MM-DD") from None
    if not 1900 <= day.year <= 2100:
        raise Refused("wanted a year from 1900 to 2100, e.g. 2026 or 民國115")
    return day


def as_county(text: str) -> str:
    """Read a county name, an ISO code, or an address that begins with one."""
    found = fold_county(unicodedata.normalize("NFKC", text))
    if found is None:
        raise Refused("wanted one of the 22 counties, e.g. 臺南市")
    return found


def as_centre(text: str) -> str:
    """Read a centre's code or name."""
    found = centre_code(text)
    if found is None:
        raise Refused("wanted a centre code, e.g. STSP (list: README)")
    return found


def one_of(name: str) -> Callable[[str], str]:
    """Make a converter for a list of terms (offer_kinds, party_kinds, evidence_kinds …)."""

    def convert(text: str) -> str:
        found = spellings(name).get(fold(unicodedata.normalize("NFKC", text)))
        if found is None:
            raise Refused("wanted one of: {choices}",
                          choices=", ".join(sorted(set(spellings(name).values()))))
        return found

    return convert


def many_of(name: str) -> Callable[[str], tuple[str, ...]]:
    """Make a converter for several terms separated by ; ； 、 , or |."""
    convert = one_of(name)

    def convert_many(text: str) -> tuple[str, ...]:
        parts = [part for part in re.split(r"[;；、,，|]", text) if part.strip()]
        return tuple(dict.fromkeys(convert(part) for part in parts))

    return convert_many


def as_codes(text: str) -> tuple[str, ...]:
    """Read codes of industries (DGBAS), disciplines (ISCED), patents (IPC) or goods (CCC).

    Each is its scheme and its code, e.g. ``IPC B23Q11/00``; dots and spaces inside are dropped.
    """
    parts = [part for part in re.split(r"[;；、,，|]", text) if part.strip()]
    return tuple(dict.fromkeys(map(_as_code, parts)))


def _as_code(text: str) -> str:
    scheme, _, rest = unicodedata.normalize("NFKC", text).strip().upper().partition(" ")
    code = re.sub(r"[\s.]", "", rest)
    if scheme not in _CODES or not re.fullmatch(_CODES[scheme], code):
        raise Refused("wanted a scheme and its code: DGBAS 2912, ISCED 0713, IPC B23Q11/00 or "
                      "CCC 06031100")
    return f"{scheme} {code}"


def as_language(text: str) -> str:
    """Read a language by code or name."""
    return _spelling(text, _LANGUAGES)


def as_reach(text: str) -> str:
    """Read how far an offer reaches: centre, national, international."""
    return _spelling(text, _REACHES)


def _spelling(text: str, table: Mapping[str, tuple[str, ...]]) -> str:
    wanted = fold(text)
    for key, names in table.items():
        if wanted in (fold(name) for name in names):
            return key
    raise Refused("wanted one of: {choices}", choices=", ".join(table))


def tax_id_fits(text: str) -> bool:
    """Check a 統一編號: 8 digits, weights 1,2,1,2,1,2,4,1, digit sums divisible by 5.

    The rule of 2023-04-01; where the seventh digit is 7, one more may be added.
    """
    if not re.fullmatch(r"[0-9]{8}", text):
        return False
    products = [int(d) * w for d, w in zip(text, (1, 2, 1, 2, 1, 2, 4, 1), strict=True)]
    total = sum(p // 10 + p % 10 for p in products)
    return total % 5 == 0 or (text[6] == "7" and (total + 1) % 5 == 0)
