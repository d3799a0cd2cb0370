"""Lists that people type: lines → items → proposals, one an item; the person confirms each.

An item begins at a number, bullet or the like; where a section has none, at a blank line or
where an author's name follows a year. Headings (期刊論文, Patents …) say the kind of what
follows; what stands before the first heading, or under 學歷 or Education, is no work.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from matcher.errors import FileFormatError
from matcher.intake.works.proposal import LONGEST_FIELD, Found, find_doi, propose
from matcher.intake.works.references import HAN, has_year, item_year, split_reference
from matcher.languages import fold_han, normalise

LONGEST_ITEM = 3_000
MOST_LINES = 50_000
_MARK = re.compile(
    r"\s{0,40}(?:\[(?P<a>[0-9]{1,4})\]|[(（](?P<b>[0-9]{1,3})[)）]|(?P<c>[0-9]{1,3})[.)、．](?![0-9])"
    r"|[(（]?[一二三四五六七八九十]{1,3}[)）、.．]|[–\-*※‧·▪▫○◇□]\s|[•●◆■])\s{0,40}")
# How far the numbers of a list may jump; what jumps further is a page or a volume.
_JUMP = 3
_HEADING_MARK = re.compile(r"\s*(?:[A-Za-z]|[IVX]{1,5})[.)、]\s")
_HEADINGS = {
    "publication": "publication publications papers articles references bibliography 著作 論文 "
                   "參考文獻 專書",
    "patent": "patent patents 專利",
    "project": "project projects grants 計畫 計劃",
    "case": "case cases transfer transfers licensing 技術移轉 技轉 案例 成果移轉",
    "certificate": "certificate certificates certification certifications 證書 證照 認證",
    "equipment": "equipment instruments facilities 設備 儀器",
    "": "education employment experience awards honors honours service services skills contact "
        "teaching membership acknowledgments acknowledgements appendix conclusion conclusions "
        "introduction abstract 學歷 經歷 獲獎 榮譽 服務 專長 聯絡 授課 致謝 附錄 個人資料",
}
_WORDS = {fold_han(word): kind for kind, words in _HEADINGS.items() for word in words.split()}
# What may stand beside those words in a heading; any other word makes it a sentence.
_BESIDE = frozenset(
    "journal conference selected recent refereed reviewed peer international domestic and of "
    "research the technology list my published granted invention academic work professional "
    "industry industrial cooperation collaboration main other book books chapters university "
    "key relevant representative sci ssci".split())
_BESIDE_HAN = tuple(sorted((fold_han(word) for word in (
    "期刊 研討會 會議 代表性 代表 學術 主要 近五年 近三年 近年 發表 產學 合作 研究 科技部 國科會 "
    "執行 獲證 發明 目錄 清單 一覽 列表 國內 國際 國外 中文 英文 技術 相關 重要 成果 研發 申請中 "
    "教育部 個人 服務 檢測 提供 已 與 及 和 之 的").split()), key=len, reverse=True))
_AUTHOR = re.compile(r"[A-Z][\w'’-]{0,40}(?: [A-Z][\w'’-]{1,40})?, (?:[A-Z]\.|[A-Z][a-z]{1,20}[,.])"
                     r"|[\u4e00-\u9fff]{2,4}[、，,(（]")
_PATENT = re.compile(r"專利|专利|\bpatents?\b|\b(?:US|EP|TW|CN|JP)\s?[I0-9]{1,3}[,0-9]{5,12}", re.I)


@dataclass(frozen=True, slots=True)
class Line:
    """One line and where it stands.

    ``marked`` where a list mark precedes it that is no text (DOCX), ``whole`` where it is a
    paragraph, which no other line continues.
    """

    place: int
    text: str
    marked: bool = False
    whole: bool = False


@dataclass
class _Section:
    """What stands under one heading; ``kind`` None: no heading yet, "" : no works here."""

    kind: str | None
    lines: list[Line] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a list, without its mark."""

    place: int
    text: str
    kind: str


def read_list(text: str) -> Found:
    """Give a proposal for each item of a plain text; ``place`` is its line."""
    _refuse_endless(text.count("\n"))
    lines = (Line(n, line) for n, line in enumerate(text.split("\n"), start=1))
    yield from propose_items("TXT", list(lines))


def _refuse_endless(lines: int) -> None:
    if lines > MOST_LINES:
        raise FileFormatError("The list has {lines} lines; at most {limit} are read. Split it.",
                              lines=lines, limit=MOST_LINES)


def propose_items(source: str, lines: Sequence[Line]) -> Found:
    """Give a proposal for each item that lines hold; titles are guessed, years found.

    Raises ``FileFormatError`` for more than 50,000 lines.
    """
    _refuse_endless(len(lines))
    for item in list_items(lines):
        title, rest = split_reference(item.text)
        kind = "patent" if item.kind == "publication" and _PATENT.search(item.text) else item.kind
        yield from propose(item.place, source, title=title, kind=kind, year=item_year(item.text),
                           venue=rest, doi=find_doi(item.text) or "")


def list_items(lines: Sequence[Line]) -> Iterator[Item]:
    """Give the items under their headings; without any heading, all items of the text."""
    sections = list(_sections(lines))
    headed = any(section.kind for section in sections)
    for section in sections:
        if section.kind or (section.kind is None and not headed):
            yield from _items(section)


def _sections(lines: Iterable[Line]) -> Iterator[_Section]:
    section = _Section(None)
    for line in lines:
        kind = heading_kind(line.text)
        if kind is None:
            section.lines.append(line)
        else:
            yield section
            section = _Section(kind)
    yield section


def heading_kind(text: str) -> str | None:
    """Tell which kind of works a heading announces; "" for none of them, None: no heading."""
    plain = _without(_HEADING_MARK, _without(_MARK, text[:200]))
    plain = re.sub(r"[(（][^()（）]{0,30}[)）]", " ", plain).strip().rstrip(":：")
    if not plain or len(plain) > 50 or has_year(plain):
        return None
    folded = fold_han(normalise(plain))
    words = [w for w in re.split(r"[\s&,/、]+", folded) if w]
    if not plain.isascii():
        return _han_heading("".join(words))
    kinds = [_WORDS[word] for word in reversed(words) if word in _WORDS]
    return kinds[0] if kinds and plain[0].isupper() and all(
        word in _WORDS or word in _BESIDE for word in words) else None


def _without(mark: re.Pattern[str], text: str) -> str:
    """Give a text without the mark it begins with."""
    found = mark.match(text)
    return text[found.end() if found else 0:].strip()


def _han_heading(folded: str) -> str | None:
    """Tell a Chinese heading: nothing but the known words, up to two characters."""
    kinds = [kind for word, kind in _WORDS.items() if not word.isascii() and word in folded]
    for word in (*(w for w in _WORDS if not w.isascii()), *_BESIDE_HAN):
        folded = folded.replace(word, "")
    return kinds[0] if kinds and sum(c.isalnum() and not c.isascii() for c in folded) <= 2 else None


def _items(section: _Section) -> Iterator[Item]:
    """Cut one section into items by its marks, else by paragraphs."""
    kind = section.kind or "publication"
    marked = list(_marks(section.lines))
    blocks = (_marked_blocks(section.lines, marked) if any(marked)
              else _unmarked_blocks(section.lines))
    for place, text in blocks:
        plain = _without(_MARK, text)
        if sum(c.isalnum() for c in plain) >= 4 and (
                any(marked) or _is_work(plain, section.kind)):
            yield Item(place, plain[:LONGEST_ITEM], kind)


def _marks(lines: Iterable[Line]) -> Iterator[bool]:
    """Say of each line whether it begins an item; numbers must follow each other."""
    last: int | None = None
    for line in lines:
        mark = _MARK.match(line.text)
        digits = mark and (mark["a"] or mark["b"] or mark["c"])
        if not digits:
            yield line.marked or mark is not None
            continue
        number = int(digits)
        follows = last is None or number == 1 or 0 < abs(number - last) <= _JUMP
        last = number if follows else last
        yield line.marked or follows


def _is_work(text: str, kind: str | None) -> bool:
    """Say whether an unmarked paragraph is a work: it has a year, or its heading says so."""
    if kind not in (None, "publication"):
        return bool(text)
    return len(text) >= 12 and bool(has_year(text) or find_doi(text))


def _marked_blocks(lines: Sequence[Line], marked: Sequence[bool]) -> Iterator[tuple[int, str]]:
    """Give each marked line with the lines that continue it, up to a blank line."""
    place, parts = 0, list[str]()
    for line, begins in zip(lines, marked, strict=True):
        if begins or not line.text.strip() or line.whole:
            if parts:
                yield place, join(parts)
            place, parts = line.place, [line.text] if begins else []
        elif parts:
            parts.append(line.text)
    if parts:
        yield place, join(parts)


def _unmarked_blocks(lines: Sequence[Line]) -> Iterator[tuple[int, str]]:
    """Give paragraphs; without blank lines a new one begins where an author follows a year."""
    blanks = any(not line.text.strip() for line in lines[1:-1])
    place, parts = 0, list[str]()
    for line in lines:
        empty = not line.text.strip()
        if parts and (empty or line.whole or (not blanks and _begins(line.text, parts))):
            yield place, join(parts)
            parts = []
        if not empty:
            place = place if parts else line.place
            parts.append(line.text)
    if parts:
        yield place, join(parts)


def _begins(text: str, parts: Sequence[str]) -> bool:
    """Say whether a line begins a new reference rather than continuing the one before."""
    so_far = " ".join(parts[-20:])
    ended = parts[-1].rstrip().endswith((".", "。", "；")) or find_doi(parts[-1]) is not None
    return bool(has_year(so_far) and ended and _AUTHOR.match(text.strip()))


def join(parts: Sequence[str]) -> str:
    """Join lines of one paragraph: words cut by a hyphen are mended, Han needs no space."""
    text = "\n".join(part.strip() for part in parts)[:LONGEST_FIELD]
    text = re.sub(r"(?<=[a-z])[-\u00ad]\n(?=[a-z])", "", text)
    return re.sub(rf"(?<={HAN})\n(?={HAN})", "", text).replace("\n", " ")
