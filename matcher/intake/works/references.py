"""One reference as people write it → its year, its title and what follows.

Guesses by punctuation: quotation marks, what follows a year in parentheses (APA), else the first
part that does not look like names. Where no guess is safe the whole text is the title.
"""

from __future__ import annotations

import re
import unicodedata

from matcher.intake.works.proposal import tidy

HAN = r"[\u3400-\u9fff\uf900-\ufaff]"
_YEAR = re.compile(r"(?<![\d./:])(19[5-9]\d|20\d\d)(?!\d)")
_YEAR_ALONE = re.compile(r"(?<![\d./:–-])(19[5-9]\d|20\d\d)(?![\d/–-])")
_ROC = re.compile(r"民國\s*\d{2,3}\s*年?|(?<!\d)\d{2,3}\s*年")
_ROC_YEAR = re.compile(r"(?<!\d)\(([89]\d|1[01]\d)年?\)|民國\s*(\d{2,3})|(?<!\d)(\d{2,3})\s?年"
                       r"|(?<![\d/.])([89]\d|1[01]\d)[/.]\d{1,2}[/.]\d{1,2}(?!\d)")
_CLOSING_BRACKETS = re.compile(r"(.{4,400}?)\s?[(（]([^()（）]{4,200})[)）][.。]?")
_QUOTES = (re.compile(r"〈([^〈〉]{4,400})〉"), re.compile(r"「([^「」]{4,400})」"),
           re.compile(r"[“\"]([^“”\"]{8,400}?)[,.]?[”\"]"), re.compile(r"《([^《》]{4,400})》"))
_IN_BRACKETS = re.compile(r"\((?:c\.? ?)?((?:19[5-9]|20\d)\d)[a-z]?(?:[,/ 年-][^)]{0,20})?\)")
_AFTER_YEAR = re.compile(r"(?<!\d)[(（](?:(?:19|20)\d\d[a-z]?|民國\s?\d{2,3}|[89]\d|1[01]\d)年?"
                         r"(?:[,，/年][^)）]{0,20})?[)）]"
                         r"\s?[.,:：。，、]?\s?")
# A shorter part of a Latin reference is no title.
_SHORT = 12
_PARTICLES = frozenset("and & et al van der den de del della di da dos von la le el bin".split())
# Names that begin with initials, each closed by a comma or "and": K. Lee, J. A. van Dam, …
_INITIALS = re.compile(r"(?:(?:[A-Z]\.[ -]?){1,4}(?:(?:van|der|den|de|von|la|di) ){0,3}"
                       r"[^\W\d_][\w'’-]{1,40}(?:, (?:and |& )?| and | & )){1,30}(?![A-Z]\. )")
_LATIN_END = re.compile(r"[.?!](?=\s|$)")
_HAN_END = re.compile(r"[。，？！]|[.,](?=\s|$)")


def has_year(text: str) -> bool:
    """Say whether a text names a year, western or of the Republic of China."""
    return bool(_YEAR.search(text) or _ROC.search(text))


def item_year(text: str) -> str:
    """Find the year of a reference: in parentheses first, else the last that stands alone."""
    plain = unicodedata.normalize("NFKC", text)
    bracketed = _IN_BRACKETS.search(plain)
    if bracketed is not None:
        return bracketed[1]
    roc = _ROC_YEAR.search(plain)
    plain = re.sub(r"10\.\d{4,9}/\S+", "", plain)
    found = _YEAR_ALONE.findall(plain) or _YEAR.findall(plain)
    if found:
        return str(found[-1])
    return f"民國{next(filter(None, roc.groups()))}年" if roc else ""


def split_reference(text: str) -> tuple[str, str]:
    """Guess (title, what follows it) of a reference; (all of it, "") where no guess is safe."""
    text = tidy(text)
    for quotes in _QUOTES:
        found = quotes.search(text)
        if found is not None:
            return found[1].strip(" ,.，。"), text[found.end():].strip(" ,.，。")
    dated = _AFTER_YEAR.search(text)
    if dated is not None and dated.start() > 1 and len(text) - dated.end() >= 8:
        return _first_sentence(text[dated.end():])
    return _segment(text)


def _first_sentence(text: str) -> tuple[str, str]:
    """Cut at the end of the first sentence; a Chinese one may end with a comma."""
    ends = _HAN_END if re.search(HAN, text[:12]) else _LATIN_END
    for end in ends.finditer(text, 4):
        if end.start() >= 8 or ends is _HAN_END:
            stop = end.end() if end[0] in "?!？！" else end.start()
            return text[:stop].strip(), text[end.end():].strip(" ,.，。")
    return text.strip(" ,.，。"), ""


def _segment(text: str) -> tuple[str, str]:
    """Take the first segment that does not look like authors, where there are several."""
    named = _INITIALS.match(text)
    if named is not None:
        title, _, rest = text[named.end():].partition(", ")
        if len(title) >= _SHORT:
            return title.rstrip("."), rest.rstrip(" .")
    han = len(re.findall(HAN, text)) * 3 > len(text)
    parts = [p.strip() for p in re.split(r"[。，,]\s?" if han else r"[.?!]\s+", text) if p.strip()]
    for number, part in enumerate(parts if len(parts) > 2 else ()):
        if not _like_authors(part, han) and not _YEAR.fullmatch(part):
            return part, (" " if not han else "，").join(parts[number + 1:]).strip(" .。")
    bracketed = _CLOSING_BRACKETS.fullmatch(text)
    return (bracketed[1], bracketed[2]) if bracketed else (text.rstrip(" .。"), "")


def _like_authors(part: str, han: bool) -> bool:
    """Tell names from a title: short or joined by 、 in Chinese; initials and commas in Latin."""
    if han:
        return len(part) <= 4 or ("、" in part and max(map(len, part.split("、"))) <= 4)
    words = part.split()
    names = all(word[:1].isupper() or word.strip(",") in _PARTICLES for word in words)
    return len(part) < _SHORT or (names and ("," in part or len(words) <= 4))
