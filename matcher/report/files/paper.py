"""A4 pages to write and draw on: fonts, measured lines, contents, headers and page numbers."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from itertools import groupby
from pathlib import Path
from typing import cast

from fpdf import FPDF
from fpdf.fonts import TTFFont

from matcher.report.files.embedding import number_characters
from matcher.report.files.fonts import find_face, find_spares
from matcher.report.files.wrapping import wrap
from matcher.report.model import Report
from matcher.report.wording import Wording, in_taiwan

LEFT, RIGHT, TOP, BOTTOM = 16.0, 194.0, 24.0, 279.0
ACROSS = RIGHT - LEFT
INK, SOFT, ACCENT = "#1c2128", "#57606a", "#0b5d57"
FILL, RULE, ALARM = "#eef5f4", "#d0d7de", "#a40e26"
# Stands for a character that no font of this machine has.
LACKING = "□"
_ENTRIES, _ENTRY = 40, 5.9
_MM = 25.4 / 72


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the contents."""

    title: str
    level: int
    page: int
    y: float


class Paper(FPDF):
    """A document that is written from top to bottom; ``y`` is the top of what comes next (mm)."""

    def __init__(self, report: Report, words: Wording) -> None:
        super().__init__("portrait", "mm", "A4")
        self.report, self.words = report, words
        self.entries: list[Entry] = []
        self.lacking: set[str] = set()
        self.set_auto_page_break(False)
        self.alias_nb_pages("")
        face = find_face()
        self.add_font("face", "", face.regular, collection_font_number=face.number)
        self.add_font("face", "B", face.bold, collection_font_number=face.number)
        number_characters(self)
        self._spares = find_spares()
        self._families: dict[str, str | None] = {}
        self._describe()

    def _describe(self) -> None:
        made = in_taiwan(self.report.made).astimezone(UTC)
        self.set_title(f"{self.heading()} – {self.words.cell(self.report.name)}")
        self.set_author(self.words.cell(self.report.name))
        self.set_lang(self.words.tag)
        self.set_creation_date(made)

    def heading(self) -> str:
        """Name the report and its month."""
        month = self.words.month(self.report.first)
        return f"{self.words.title('Monthly match report')} {month}"

    # letters

    def _family(self, char: str) -> str | None:
        """Find the font that has a character; None: no font of this machine has it."""
        if char not in self._families:
            self._families[char] = next(
                (name for name in self._loaded() if ord(char) in self._font(name).cmap), None)
        return self._families[char]

    def _loaded(self) -> Iterator[str]:
        """Name the fonts at hand, then load the spare ones, one by one, as long as asked."""
        yield from [name for name in self.fonts if name != "faceB"]
        for path in self._spares:
            yield self._load(path)

    def _load(self, path: Path) -> str:
        name = f"spare{len(self.fonts)}"
        self.add_font(name, "", path)
        return name

    def fit(self, text: str) -> str:
        """Drop what has no shape, and put □ for what no font has, and keep note of it."""
        kept = []
        for char in text:
            if char == "\n" or self._family(char):
                kept.append(char)
            elif unicodedata.category(char) not in ("Cf", "Mn", "Cc"):
                kept.append(LACKING)
                self.lacking.add(char)
        return "".join(kept)

    def measure(self, text: str, size: float, bold: bool = False) -> float:
        """Give the width of fitted text in mm, at a size in points."""
        total = 0.0
        for char in text:
            family = self._family(char) or "face"
            total += self._font("faceB" if bold and family == "face" else family).cw[ord(char)]
        return total * size * _MM / 1000

    def _font(self, name: str) -> TTFFont:
        return cast(TTFFont, self.fonts[name])

    def lines(self, text: str, width: float, size: float, bold: bool = False) -> list[str]:
        """Break a text into lines of a width."""
        # A column made for its longest word must hold it: sums of widths differ in the last digit.
        return wrap(self.fit(text), width + 0.02, lambda part: self.measure(part, size, bold))

    def put(self, x: float, y: float, text: str, *, size: float = 10, bold: bool = False,
            ink: str = INK, align: str = "start") -> None:
        """Write one fitted line with its foot at ``y``; start, middle or end stands at ``x``."""
        if align != "start":
            x -= self.measure(text, size, bold) / (2 if align == "middle" else 1)
        self.set_text_color(ink)
        for family, run in groupby(text, key=lambda char: self._family(char) or "face"):
            part = "".join(run)
            self.set_font(family, "B" if bold and family == "face" else "", size)
            self.text(x, y, part)
            x += self.measure(part, size, bold)

    # down the page

    def room(self, height: float) -> None:
        """Start a new page when less than ``height`` is left."""
        if self.y + height > BOTTOM:
            self.new_page()

    def new_page(self) -> None:
        """Start a page."""
        self.add_page()
        self.y = TOP

    def say(self, text: str, *, size: float = 10, bold: bool = False, ink: str = INK,
            indent: float = 0, after: float = 1.5, mark: str = "") -> None:
        """Write a paragraph over as many lines and pages as it needs."""
        step = size * _MM * 1.6
        for place, line in enumerate(self.lines(text, ACROSS - indent, size, bold)):
            self.room(step)
            if mark and not place:
                self.put(LEFT + indent - 4, self.y + step * 0.72, mark, size=size, ink=ACCENT)
            self.put(LEFT + indent, self.y + step * 0.72, line, size=size, bold=bold, ink=ink)
            self.y += step
        self.y += after

    def rule(self, x1: float, y1: float, x2: float, y2: float, ink: str = RULE,
             width: float = 0.2) -> None:
        """Draw a straight line."""
        self.set_draw_color(ink)
        self.set_line_width(width)
        self.line(x1, y1, x2, y2)

    def block(self, x: float, y: float, width: float, height: float, ink: str = FILL) -> None:
        """Fill a rectangle."""
        self.set_fill_color(ink)
        self.rect(x, y, width, height, style="F")

    # contents, headers, numbers

    def enter(self, title: str, level: int) -> None:
        """Note a title for the contents and the bookmarks, at this place."""
        title = self.fit(title).replace("\n", " ")
        self.entries.append(Entry(title, level, self.page, self.y))
        self.start_section(title, level)

    def keep_contents(self, count: int) -> None:
        """Keep the pages that ``count`` entries will need."""
        for _ in range(max(1, -(-count // _ENTRIES))):
            self.new_page()

    def write_contents(self, first: int) -> None:
        """Write the entries on the pages kept from page ``first`` on."""
        for place, entry in enumerate(self.entries):
            page, row = divmod(place, _ENTRIES)
            if not row:
                self._turn_to(first + page)
                title = self.fit(self.words.title("Contents"))
                self.put(LEFT, TOP + 6, title, size=15, bold=True, ink=ACCENT)
                self.rule(LEFT, TOP + 9, RIGHT, TOP + 9, ACCENT, 0.5)
            self._entry(entry, TOP + 18 + row * _ENTRY)

    def _entry(self, entry: Entry, y: float) -> None:
        x, bold = LEFT + entry.level * 7, entry.level == 0
        size = 10.5 if bold else 9.5
        title = self.lines(entry.title, RIGHT - 14 - x, size, bold)[0]
        self.put(x, y, title, size=size, bold=bold)
        self.put(RIGHT, y, str(entry.page), size=size, align="end")
        start = x + self.measure(title, size, bold) + 2
        self.set_dash_pattern(0.3, 1.2)
        self.rule(start, y - 0.5, RIGHT - 9, y - 0.5, SOFT)
        self.set_dash_pattern()
        self.link(LEFT, y - 4.4, ACROSS, _ENTRY, self.add_link(y=entry.y, page=entry.page))

    def finish_pages(self) -> None:
        """Write header and page number on every page, when it is known how many there are."""
        last = self.pages_count
        for page in range(1, last + 1):
            self._turn_to(page)
            self._foot(f"{page} / {last}")
            if page > 1:
                self._head()

    def _turn_to(self, page: int) -> None:
        """Go on on a page made before.

        What it was drawn with last is unknown by now, and a setter that changes nothing writes
        nothing; so each is set twice.
        """
        self.page = page
        self.font_family = ""
        for ink, width in ((ALARM, 1.0), (RULE, 0.2)):
            self.set_draw_color(ink)
            self.set_fill_color(ink)
            self.set_line_width(width)

    def _foot(self, number: str) -> None:
        stood = f"{self.words.title('As it stood at')} {self.words.day(self.report.made)}"
        self.put(LEFT, 288, self.fit(stood), size=8, ink=SOFT)
        self.put((LEFT + RIGHT) / 2, 288, number, size=8, ink=SOFT, align="middle")
        self.put(RIGHT, 288, self.fit(self.report.run_id), size=8, ink=SOFT, align="end")

    def _head(self) -> None:
        self.put(LEFT, 14, self.fit(self.words.cell(self.report.name)), size=8.5, ink=SOFT)
        self.put(RIGHT, 14, self.fit(self.heading()), size=8.5, ink=SOFT, align="end")
        self.rule(LEFT, 16, RIGHT, 16)
        if self.report.draft:
            self.put((LEFT + RIGHT) / 2, 14, self.fit(self.words.title("Draft")), size=9, bold=True,
                     ink=ALARM, align="middle")
