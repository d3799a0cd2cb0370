"""The director's summary: five sentences with figures, then the figures as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from matcher.report.differences import CHANGES
from matcher.report.model import HIDDEN, SMALL, Cell, Column, Section, Table, Told
from matcher.report.month import (
    Month,
    counted_of,
    firms_of,
    is_hidden,
    share,
    stage_counts,
    term,
    total,
)
from matcher.report.sections.parts import COUNT
from matcher.vocabulary import STAGES, Message

STALE = timedelta(days=30)


def summary(month: Month) -> Section:
    """Say what a director has to know, in five sentences."""
    said = (_needs(month), _changes(month), _decisions(month), _results(month), _waiting(month))
    return Section("summary", "Director's summary", said, (_figures(month),))


def answered(month: Month) -> list[str]:
    """List the open needs that have a match this month."""
    return [need for need, offers in month.matches.items() if offers]


def _parts(month: Month) -> tuple[Cell, Cell]:
    """Count the needs with and without a match; readers see neither where one is of few firms."""
    parts = answered(month), unanswered(month)
    few = any(is_hidden(counted_of(month, part)) for part in parts)
    good, alone = (Told(len(part), HIDDEN) if few else len(part) for part in parts)
    return good, alone


def unanswered(month: Month) -> list[str]:
    """List the open needs that have no match this month."""
    return [need for need, offers in month.matches.items() if not offers]


def _needs(month: Month) -> Message:
    good, _ = _parts(month)
    said: Cell = percent(len(answered(month)), len(month.matches))
    return Message("The centre had {needs} open needs and {offers} offers of its own; {good} needs "
                   "({share}) had a match with a score of {threshold} or more.",
                   {"needs": len(month.matches), "offers": len(month.own_offers), "good": good,
                    "share": Told(said, HIDDEN) if is_hidden(good) else said,
                    "threshold": month.facts.rules.threshold})


def percent(part: float, whole: float) -> Message:
    """Say a share as a whole percentage."""
    found = share(part, whole)
    return Message("{number} %", {"number": 0 if found is None else round(100 * found)})


def _changes(month: Month) -> Message:
    if month.before is None:
        return Message("This is the centre's first report: it holds {count} matches, and there is "
                       "nothing to compare them with.", {"count": len(month.facts.chosen)})
    counts = Counter(d.change for d in month.differences)
    return Message("It holds {count} matches: {new} new, {risen} risen, {fallen} fallen and "
                   "{continuing} as they were since {month}; {gone} have gone.",
                   {"count": len(month.facts.chosen), "month": f"{month.before.first:%Y-%m}",
                    **{change: counts[change] for change in CHANGES}})


def _decisions(month: Month) -> Message:
    told = stage_counts(month, month.facts.first, STAGES)
    whole: Cell = len([e for e in month.events(month.facts.first) if e.stage != "contract"]) + len(
        month.contracts(month.facts.first))
    whole = Told(whole, HIDDEN) if any(isinstance(c, Told) for c in told.values()) else whole
    return Message("People decided {count} times: {shortlisted} shortlisted, {contacted} first "
                   "contacts, {meeting} meetings, {mou} MoUs, {contract} contracts, {declined} "
                   "declined.", {"count": whole, **told})


def _results(month: Month) -> Message:
    first = month.facts.first
    january = first.replace(month=1)
    return Message("Contracts signed this month are worth {value}, this year {year}, since the "
                   "start {every}; this year brought {licences} licences and {jobs} jobs.",
                   {"value": _money(total(month, "value_ntd", first)),
                    "year": _money(total(month, "value_ntd", january)),
                    "every": _money(total(month, "value_ntd", None)),
                    "licences": total(month, "licences", january),
                    "jobs": total(month, "jobs", january)})


def _money(cell: Cell) -> Cell:
    """Say an amount with its currency; what is hidden has none."""
    if isinstance(cell, Told):
        return Told(_money(cell.office), _money(cell.readers))
    is_amount = isinstance(cell, (int, float)) or (isinstance(cell, Message) and cell != HIDDEN)
    return Message("NT$ {amount}", {"amount": cell}) if is_amount else cell


def _waiting(month: Month) -> Message:
    alone = unanswered(month)
    stale = counted_of(month, [e.need for e in month.latest.values()
                               if e.stage not in ("contract", "declined")
                               and month.until - e.time > STALE])
    return Message("{alone} needs are without an offer{most}; {stale} matches have waited in their "
                   "stage for more than 30 days.",
                   {"alone": _parts(month)[1], "most": _most(month, alone), "stale": stale})


def _most(month: Month, needs: Sequence[str]) -> Cell:
    """Name the theme most of some needs have; readers hear of none that too few firms have."""
    themes = Counter(t for need in needs for t in month.facts.needs[need].themes)
    if not themes:
        return ""
    most = min(themes, key=lambda t: (-themes[t], t))
    said = Message(", most of them in {theme}", {"theme": term("themes", most)})
    has = [need for need in needs if most in month.facts.needs[need].themes]
    return said if firms_of(month, has) >= SMALL else Told(said, "")


def _figures(month: Month) -> Table:
    (good, alone), listed = _parts(month), {o for found in month.matches.values() for o in found}
    rows: tuple[tuple[Cell, ...], ...] = (
        (Message("Open needs"), len(month.matches)),
        (Message("Needs with a match"), good),
        (Message("Needs without an offer"), alone),
        (Message("Matches"), len(month.facts.chosen)),
        (Message("Different offers matched"), len(listed)),
        (Message("The centre's own offers"), len(month.own_offers)),
        (Message("All offers looked at"), sum(e.is_open(month.facts.day)
                                              for e in month.facts.offers.values())),
        (Message("Threshold of the score"), month.facts.rules.threshold),
    )
    return Table("figures", "Figures", (Column("what", "What"), COUNT), rows)
