"""The region: themes with needs and without offers, centre by centre, and how good the data are."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import timedelta

from matcher.report.facts import Entry
from matcher.report.model import HIDDEN, SMALL, Cell, Chart, Column, Row, Section, Table, Told
from matcher.report.month import (
    Month,
    centre_name,
    counted,
    counted_of,
    firms_of,
    is_hidden,
    share,
    term,
    without_zeros,
)
from matcher.report.sections.parts import COUNT, SHARE, height
from matcher.vocabulary import THEMES, Message

SHORT = 60
SOON = timedelta(days=60)
NAMED = 20


def gaps(month: Month) -> Section:
    """Count needs, matches and offers of each theme, and needs by centre and theme."""
    asked = _by_theme(month, month.matches)
    alone = _by_theme(month, [n for n, offers in month.matches.items() if not offers])
    given = Counter(t for e in month.own_offers.values() for t in e.themes)
    columns = (Column("theme", "Theme"), Column("needs", "Needs", "number"),
               Column("alone", "Without an offer", "number"),
               Column("share", "Share without", "percent"),
               Column("offers", "The centre's offers", "number"))
    told = [without_zeros(cells) for cells in zip(*(
        _told(month, asked[t], alone[t]) for t in THEMES), strict=True)]
    rows = tuple((term("themes", t), wanted, left, _share(wanted, left), given[t])
                 for t, wanted, left in sorted(zip(THEMES, *told, strict=True), key=_gap))
    chart = Chart("gaps_chart", "Needs and offers by theme", "bar", tuple(r[0] for r in rows), (
        (Message("Needs"), tuple(height(r[1]) for r in rows)),
        (Message("Without an offer"), tuple(height(r[2]) for r in rows)),
        (Message("The centre's offers"), tuple(float(r[4]) for r in rows))), "gaps")
    return Section("gaps", "Themes and gaps", (), (
        Table("gaps", "Themes with needs and without offers", columns, rows, Message(
            "Cells of fewer than {least} firms are not shown.", {"least": SMALL})),
        _matrix(month)), (chart,))


def _gap(row: tuple[str, Cell, Cell]) -> tuple[float, float, str]:
    """Order themes by what readers see: an order by more would tell them the rest."""
    theme, *cells = row
    asked, alone = (0.0 if isinstance(c, Told) else float(str(c)) for c in cells)
    return -alone, -asked, theme


def _by_theme(month: Month, needs: Iterable[str]) -> dict[str, list[str]]:
    """Put needs together by theme."""
    found: dict[str, list[str]] = defaultdict(list)
    for need in needs:
        for theme in month.facts.needs[need].themes:
            found[theme].append(need)
    return found


def _told(month: Month, asked: list[str], alone: list[str]) -> tuple[Cell, Cell]:
    """Count needs and those without an offer; readers see neither where few firms have one."""
    few = firms_of(month, set(asked) - set(alone))
    left = counted_of(month, alone)
    return counted_of(month, asked), (Told(len(alone), HIDDEN) if 0 < few < SMALL else left)


def _share(asked: Cell, alone: Cell) -> Cell:
    """Give the share of needs without an offer, hidden where one of the two is."""
    whole, part = (c.office if isinstance(c, Told) else c for c in (asked, alone))
    found = share(float(str(part)), float(str(whole)))
    return Told(found, HIDDEN) if is_hidden(asked) or is_hidden(alone) else found


def _matrix(month: Month) -> Table:
    """Count open needs by centre and theme; cells of fewer than three firms are hidden."""
    cells = {(centre, theme): (needs, firms) for centre, theme, needs, firms in month.facts.themes}
    found = sorted({centre for centre, _ in cells})
    columns = (Column("centre", "Centre"),
               *(Column(theme, _english(theme), "number") for theme in THEMES))
    rows: list[Row] = []
    for centre in found:
        own: list[Cell] = []
        for theme in THEMES:
            needs, firms = cells.get((centre, theme), (0, 0))
            own.append(counted(needs, firms))
        own = without_zeros(own)
        if centre != month.facts.centre:  # of other centres the office sees no more than readers
            own = [cell.readers if isinstance(cell, Told) else cell for cell in own]
        rows.append((centre_name(centre), *own))
    return Table("matrix", "Open needs by centre and theme", columns, tuple(rows), Message(
        "Cells of fewer than {least} firms are not shown.", {"least": SMALL}))


def _english(theme: str) -> str:
    found = term("themes", theme)
    return found if isinstance(found, str) else found.en  # type: ignore[union-attr]


Check = tuple[str, Callable[[Entry], bool]]
NEED_CHECKS: tuple[Check, ...] = (
    ("without a firm", lambda e: e.party is None),
    ("without a theme", lambda e: not e.themes),
    ("described in fewer than 60 characters", lambda e: e.length < SHORT),
    ("without a target TRL", lambda e: e.trl is None),
    ("without a last day", lambda e: e.until is None),
)
OFFER_CHECKS: tuple[Check, ...] = (
    ("without a party", lambda e: e.party is None),
    ("without a theme", lambda e: not e.themes),
    ("described in fewer than 60 characters", lambda e: e.length < SHORT),
    ("without evidence", lambda e: not e.texts),
    ("without a TRL", lambda e: e.trl is None),
)


def data_quality(month: Month) -> Section:
    """Count what is missing in the centre's own needs and offers, and what ends soon."""
    day, needs = month.facts.day, {n: month.facts.needs[n] for n in month.matches}
    ends: Check = ("ending within 60 days",
                   lambda e: e.until is not None and e.until <= day + SOON)
    rows = [_checked("Needs", check, needs) for check in (*NEED_CHECKS, ends)]
    rows += [_checked("Offers", check, month.own_offers) for check in (*OFFER_CHECKS, ends)]
    columns = (Column("side", "Side"), Column("check", "Finding"), COUNT, SHARE)
    named = Table("data_quality_ids", "The same, by id",
                  (*columns[:2], Column("ids", "Ids", "id")),
                  tuple((row[0], row[1], row[4]) for row in rows if row[2]), internal=True)
    return Section("data_quality", "Data quality", (), (
        Table("data_quality", "What is missing", columns, tuple(row[:4] for row in rows)), named))


def _checked(side: str, check: Check, entries: dict[str, Entry]) -> Row:
    found = [key for key, entry in sorted(entries.items()) if check[1](entry)]
    ids = ", ".join(found[:NAMED]) + (" …" if len(found) > NAMED else "")
    return (Message(side), Message(check[0]), len(found), share(len(found), len(entries)), ids)
