"""Tables on paper: measured columns, wrapped cells, the header again on every page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matcher.report.files.paper import ACCENT, ACROSS, BOTTOM, INK, LEFT, RULE, SOFT, Paper
from matcher.report.files.wrapping import pieces
from matcher.report.model import Column, Table
from matcher.report.wording import Wording

MOST_ROWS = 200
_RIGHT = ("number", "score", "percent", "money", "change")
_PAD = 1.6
# A cell longer than this is cut on paper; the workbook has it whole.
_MOST_LINES = 24
_SHORT, _SHORT_HEAD = 90.0, 14.0


@dataclass(frozen=True, slots=True)
class Grid:
    """A table's columns on paper: widths in mm, and the size of its letters in points."""

    columns: tuple[Column, ...]
    widths: tuple[float, ...]
    size: float

    @property
    def step(self) -> float:
        """The height of a line."""
        return self.size * 0.52


Wrapped = list[list[str]]


@dataclass(frozen=True, slots=True)
class Laid:
    """A table laid out: its header and rows, each cell as its lines."""

    grid: Grid
    top: Wrapped
    rows: list[Wrapped]
    left_out: int

    @property
    def start(self) -> float:
        """The height that must be free to begin: a short table is not cut at all."""
        height = sum(_height(self.grid, row) for row in (self.top, *self.rows))
        return height if height <= _SHORT else 40.0


def lay_out(paper: Paper, table: Table, words: Wording) -> Laid:
    """Measure a table's columns and break its cells into lines."""
    rows = [[paper.fit(words.cell(cell, column)) for cell, column in
             zip(row, table.columns, strict=True)] for row in table.rows[:MOST_ROWS]]
    heads = [paper.fit(words.title(column.title)) for column in table.columns]
    grid = measured(paper, table.columns, heads, rows)
    return Laid(grid, [paper.lines(head, width - 2 * _PAD, grid.size, bold=True)
                       for head, width in zip(heads, grid.widths, strict=True)],
                [[_cut(paper.lines(cell, width - 2 * _PAD, grid.size))
                  for cell, width in zip(cells, grid.widths, strict=True)] for cells in rows],
                max(0, len(table.rows) - MOST_ROWS))


def write_table(paper: Paper, laid: Laid, words: Wording) -> None:
    """Write a table where the paper stands; a long one ends with the count of what is left out."""
    _header(paper, laid.grid, laid.top)
    for row in laid.rows:
        _row(paper, laid.grid, laid.top, row)
    paper.y += 2
    if laid.left_out:
        more = words.title("… and {count} more rows, in the workbook")
        paper.say(more.format(count=words.number(laid.left_out)), size=9, ink=SOFT)


def measured(paper: Paper, columns: tuple[Column, ...], heads: Sequence[str],
             rows: Sequence[Sequence[str]]) -> Grid:
    """Share the width: each column what its longest cell asks for, wide ones less."""
    size = 9.0 if len(columns) <= 6 else 8.0 if len(columns) <= 9 else 7.0
    natural, least = [], []
    most = min(34.0, ACROSS / (1.1 * max(1, len(columns))))
    for place, head in enumerate(heads):
        cells = [row[place] for row in rows]
        natural.append(max(paper.measure(head, size, True),
                           *(paper.measure(cell.replace("\n", ""), size) for cell in cells), 6.0)
                       + 2 * _PAD if cells else paper.measure(head, size, True) + 2 * _PAD)
        least.append(_least(paper, columns[place], head, cells, size, most))
    firm = [column.kind != "text" for column in columns]
    return Grid(columns, tuple(_shared(natural, least, firm)), size)


def _least(paper: Paper, column: Column, head: str, cells: Sequence[str], size: float,
           most: float) -> float:
    """Give the width below which words would be cut; numbers and dates are never broken."""
    whole = column.kind != "text"
    parts = [part for cell in cells for part in ([cell] if whole else pieces(cell)[:40])]
    widest = max((paper.measure(part.rstrip(), size) for part in parts), default=0.0)
    heads = [head] if paper.measure(head, size, True) <= _SHORT_HEAD else pieces(head)
    words = max((paper.measure(part.rstrip(), size, True) for part in heads), default=0.0)
    return max(min(widest, 34.0 if whole else most), min(words, 30.0), 5.0) + 2 * _PAD


def _shared(natural: list[float], least: list[float], firm: list[bool]) -> list[float]:
    """Give every column its least, and share what is left by what is still asked for."""
    if sum(natural) <= ACROSS:
        grow = min(ACROSS / sum(natural), 1.6)
        return [width * grow for width in natural]
    if sum(least) >= ACROSS:
        return _squeezed(least, firm)
    # The root: a column ten times as long gets about three times the room, not ten.
    asked = [max(0.0, wide - small) ** 0.5 for wide, small in zip(natural, least, strict=True)]
    left = ACROSS - sum(least)
    return [small + left * ask / sum(asked) for small, ask in zip(least, asked, strict=True)]


def _height(grid: Grid, row: Wrapped) -> float:
    return max(len(lines) for lines in row) * grid.step + 2 * _PAD


def _squeezed(least: list[float], firm: list[bool]) -> list[float]:
    """Break long words rather than numbers, ids and dates (``firm``), while these leave room."""
    kept = sum(width for width, stays in zip(least, firm, strict=True) if stays)
    if kept > ACROSS * 0.7:
        return [width * ACROSS / sum(least) for width in least]
    shrink = (ACROSS - kept) / (sum(least) - kept)
    return [width if stays else width * shrink for width, stays in zip(least, firm, strict=True)]


def _header(paper: Paper, grid: Grid, top: Wrapped) -> None:
    paper.block(LEFT, paper.y, sum(grid.widths), _height(grid, top))
    _cells(paper, grid, top, bold=True)
    paper.y += _height(grid, top)
    paper.rule(LEFT, paper.y, LEFT + sum(grid.widths), paper.y, ACCENT, 0.4)


def _row(paper: Paper, grid: Grid, top: Wrapped, row: Wrapped) -> None:
    if paper.y + _height(grid, row) > BOTTOM:
        paper.new_page()
        _header(paper, grid, top)
    _cells(paper, grid, row)
    paper.y += _height(grid, row)
    paper.rule(LEFT, paper.y, LEFT + sum(grid.widths), paper.y, RULE)


def _cut(lines: list[str]) -> list[str]:
    if len(lines) <= _MOST_LINES:
        return lines
    return [*lines[:_MOST_LINES - 1], lines[_MOST_LINES - 1][:-1] + "…"]


def _cells(paper: Paper, grid: Grid, wrapped: Wrapped, *, bold: bool = False) -> None:
    left = LEFT
    for column, width, lines in zip(grid.columns, grid.widths, wrapped, strict=True):
        align, x = ("end", left + width - _PAD) if column.kind in _RIGHT else ("start", left + _PAD)
        for place, line in enumerate(lines):
            paper.put(x, paper.y + _PAD + (place + 0.74) * grid.step, line, size=grid.size,
                      bold=bold, ink=INK, align=align)
        left += width
