"""The report as a PDF to print, sign and file: A4, embedded fonts, bookmarks, contents."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from matcher.report.files.charts import arranged, picture
from matcher.report.files.embedding import Producer
from matcher.report.files.grid import lay_out, write_table
from matcher.report.files.paper import (
    ACCENT,
    ACROSS,
    ALARM,
    INK,
    LACKING,
    LEFT,
    RIGHT,
    RULE,
    SOFT,
    Paper,
)
from matcher.report.files.plot import (
    COLOURS,
    DASHES,
    SIZE,
    WIDTH,
    Bar,
    Marker,
    Path,
    Picture,
    Rule,
    Text,
)
from matcher.report.model import Chart, Report, Section, Table
from matcher.report.wording import Wording

_SCALE = ACROSS / WIDTH
_THICK = 0.5
_POINTS = SIZE * _SCALE * 72 / 25.4


def write(report: Report, lang: str) -> bytes:
    """Give the report as PDF; raise ``MissingFontError`` where no font can write Chinese."""
    words = Wording(lang)
    paper = Paper(report, words)
    _cover(paper, report, words)
    paper.keep_contents(sum(1 + len(section.tables) for section in report.sections))
    paper.new_page()
    for section in report.sections:
        _section(paper, section, words)
    if paper.lacking:
        _lacking(paper, words)
    paper.write_contents(first=2)
    paper.finish_pages()
    return bytes(paper.output(output_producer_class=Producer))


def _cover(paper: Paper, report: Report, words: Wording) -> None:
    paper.new_page()
    paper.block(LEFT, 38, ACROSS, 1.6, ACCENT)
    paper.y = 50
    paper.say(words.cell(report.name), size=17, ink=SOFT, after=3)
    paper.say(words.title("Monthly match report"), size=28, bold=True, after=1)
    paper.say(words.month(report.first), size=20, ink=ACCENT, after=8)
    for key, value in (("As it stood at", words.day(report.made)), ("Run", report.run_id)):
        paper.say(f"{words.title(key)}  {words.cell(value)}", size=10.5, ink=SOFT, after=0)
    if report.draft:
        paper.y += 8
        paper.say(words.title("Draft"), size=22, bold=True, ink=ALARM)
    _signature(paper, words)


def _signature(paper: Paper, words: Wording) -> None:
    """Leave room for the director's seal or signature and the date."""
    for key, start, end in (("Signature of the director", LEFT, 126.0), ("Date", 136.0, RIGHT)):
        paper.put(start, 240, paper.fit(words.title(key)), size=10, ink=SOFT)
        paper.rule(start, 262, end, 262, INK, 0.3)


@dataclass(frozen=True, slots=True)
class _Block:
    """A part of a section; ``start`` is the height (mm) that must be free for it to begin."""

    start: float
    write: Callable[[], None]


def _section(paper: Paper, section: Section, words: Wording) -> None:
    nothing = _Block(6.0, partial(paper.say, words.title("Nothing this month."), ink=SOFT))
    blocks = list(_blocks(paper, section, words)) or [nothing]
    title = words.title(section.title)
    paper.y += 6
    paper.room(16 + blocks[0].start)
    paper.enter(title, 0)
    paper.say(title, size=15, bold=True, ink=ACCENT, after=0.5)
    paper.rule(LEFT, paper.y, RIGHT, paper.y, ACCENT, 0.5)
    paper.y += 3
    for block in blocks:
        paper.room(block.start)
        block.write()


def _blocks(paper: Paper, section: Section, words: Wording) -> Iterator[_Block]:
    """Give a section's sentences, then each table with its charts before it."""
    said = [partial(paper.say, words.sentence(sentence), indent=5, mark="•", after=0.8)
            for sentence in section.sentences]
    yield from (_Block(6.0, write) for write in said)
    for charts, table in arranged(section):
        for chart in charts:
            yield from _chart(paper, chart, table, words)
        if table is not None:
            yield _table(paper, table, words)


def _table(paper: Paper, table: Table, words: Wording) -> _Block:
    laid = lay_out(paper, table, words) if table.rows else None
    title = words.title(table.title)

    def write() -> None:
        paper.y += 3
        paper.enter(title, 1)
        paper.say(title, size=11.5, bold=True)
        if laid:
            write_table(paper, laid, words)
        else:
            paper.say(words.title("Nothing this month."), ink=SOFT)
        if table.note:
            paper.say(words.sentence(table.note), size=8.5, ink=SOFT)

    return _Block(12 + (laid.start if laid else 8.0), write)


def _chart(paper: Paper, chart: Chart, table: Table | None, words: Wording) -> Iterator[_Block]:
    """Give the block of a chart, none when it has no value."""
    laid_out = picture(chart, table, words)
    if laid_out is None:
        return
    height, left_out = laid_out.height * _SCALE + 2, laid_out.left_out

    def write() -> None:
        paper.y += 3
        paper.say(words.title(chart.title), size=11.5, bold=True)
        _draw(paper, laid_out)
        paper.y += height
        if left_out:
            more = words.title("… and {count} more, in the table")
            paper.say(more.format(count=words.number(left_out)), size=8.5, ink=SOFT)

    yield _Block(height + 12, write)


def _lacking(paper: Paper, words: Wording) -> None:
    """Say that characters are missing rather than leave readers to find out."""
    text = words.title("{count} characters could not be written with the fonts of this machine; "
                       "{sign} stands for them.")
    count = words.number(len(paper.lacking))
    paper.say(text.format(count=count, sign=LACKING), size=8.5, ink=ALARM)


def _draw(paper: Paper, drawn: Picture) -> None:
    top = paper.y
    for shape in drawn.shapes:
        _DRAWN[type(shape)](paper, shape, top)


def _at(x: float, y: float, top: float) -> tuple[float, float]:
    return LEFT + x * _SCALE, top + y * _SCALE


def _text(paper: Paper, shape: Text, top: float) -> None:
    ink = INK if shape.series is None else COLOURS[shape.series]
    paper.put(*_at(shape.x, shape.y, top), paper.fit(shape.text), size=_POINTS, ink=ink,
              align=shape.anchor)


def _bar(paper: Paper, shape: Bar, top: float) -> None:
    paper.block(*_at(shape.x, shape.y, top), shape.width * _SCALE, shape.height * _SCALE,
                COLOURS[shape.series])


def _path(paper: Paper, shape: Path, top: float) -> None:
    dash = DASHES[shape.series]
    if dash:
        # The ends of a dash stand out by half its width on both sides.
        paper.set_dash_pattern(max(0.05, dash[0] * _SCALE - _THICK), dash[1] * _SCALE + _THICK)
    paper.set_draw_color(COLOURS[shape.series])
    paper.set_line_width(_THICK)
    paper.polyline([_at(x, y, top) for x, y in shape.points])
    paper.set_dash_pattern()


def _marker(paper: Paper, shape: Marker, top: float) -> None:
    x, y = _at(shape.x, shape.y, top)
    paper.set_fill_color(COLOURS[shape.series])
    if shape.series % 4 == 0:
        paper.circle(x, y, 1.1, style="F")
        return
    paper.polygon([(x + dx, y + dy) for dx, dy in _CORNERS[shape.series % 4]], style="F")


def _rule(paper: Paper, shape: Rule, top: float) -> None:
    paper.rule(*_at(shape.x1, shape.y1, top), *_at(shape.x2, shape.y2, top),
               SOFT if shape.strong else RULE)


_CORNERS: Mapping[int, tuple[tuple[float, float], ...]] = {
    1: ((-1.1, -1.1), (1.1, -1.1), (1.1, 1.1), (-1.1, 1.1)),
    2: ((0, -1.5), (1.5, 0), (0, 1.5), (-1.5, 0)),
    3: ((0, -1.4), (1.4, 1.1), (-1.4, 1.1))}
_DRAWN: Mapping[type, Callable[[Paper, Any, float], None]] = {
    Text: _text, Bar: _bar, Path: _path, Marker: _marker, Rule: _rule}
