"""The director's summary: five sentences with figures, then the figures as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from matcher.report.calendar import starts
from matcher.report.differences import CHANGES
from matcher.report.model import SMALL, Cell, Column, Section, Table
from matcher.report.month import Month, firms_of, share, term, total
from matcher.report.sections.parts import COUNT
from matcher.vocabulary import Message

STALE = timedelta(days=30)


def summary(month: Month) -> Section:
    """Say what a director has to know, in five sentences."""
    said = (_needs(month), _changes(month), _decisions(month), _results(month), _waiting(month))
    return Section("summary", "Director's summary", said, (_figures(month),))


def answered(month: Month) -> list[str]:
    """List the open needs that have a match this month."""
    return [need for need, offers in month.matches.items() if offers]


def _needs(month: Month) -> Message:
    good = len(answered(month))
    return Message("The centre had {needs} open needs and {offers} offers of its own; {good} needs "
                   "({share}) had a match with a score of {threshold} or more.",
                   {"needs": len(month.matches), "offers": len(month.own_offers), "good": good,
                    "share": percent(good, len(month.matches)),
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
    stages = Counter(e.stage for e in month.events(month.facts.first))
    return Message("People decided {count} times: {contacted} first contacts, {meeting} meetings, "
                   "{mou} MoUs, {contract} contracts, {declined} declined.",
                   {"count": stages.total(), **{s: stages[s] for s in (
                       "contacted", "meeting", "mou", "contract", "declined")}})


def _results(month: Month) -> Message:
    first = month.facts.first
    january = first.replace(month=1)
    return Message("Contracts noted this month are worth NT$ {value}, this year NT$ {year}, since "
                   "the start NT$ {every}; this year brought {licences} licences and {jobs} jobs.",
                   {"value": total(month, "value_ntd", first),
                    "year": total(month, "value_ntd", january),
                    "every": total(month, "value_ntd", None),
                    "licences": total(month, "licences", january),
                    "jobs": total(month, "jobs", january)})


def _waiting(month: Month) -> Message:
    alone = [need for need, offers in month.matches.items() if not offers]
    most = _most(month, alone)
    end = starts(month.facts.end)
    stale = sum(e.stage not in ("contract", "declined") and end - e.time > STALE
                for e in month.latest.values())
    return Message("{alone} needs are without an offer, most of them in {theme}; {stale} matches "
                   "have waited in their stage for more than 30 days.",
                   {"alone": len(alone), "theme": most, "stale": stale})


def _most(month: Month, needs: Sequence[str]) -> Cell:
    """Name the theme most of some needs have, unless too few firms have it to be told."""
    themes = Counter(t for need in needs for t in month.facts.needs[need].themes)
    if not themes:
        return "–"
    most = min(themes, key=lambda t: (-themes[t], t))
    has = [need for need in needs if most in month.facts.needs[need].themes]
    return term("themes", most) if firms_of(month, has) >= SMALL else "–"


def _figures(month: Month) -> Table:
    good, listed = len(answered(month)), {o for found in month.matches.values() for o in found}
    rows: tuple[tuple[Cell, ...], ...] = (
        (Message("Open needs"), len(month.matches)),
        (Message("Needs with a match"), good),
        (Message("Needs without an offer"), len(month.matches) - good),
        (Message("Matches"), len(month.facts.chosen)),
        (Message("Different offers matched"), len(listed)),
        (Message("The centre's own offers"), len(month.own_offers)),
        (Message("All offers looked at"), sum(e.is_open(month.facts.day)
                                              for e in month.facts.offers.values())),
        (Message("Threshold of the score"), month.facts.rules.threshold),
    )
    return Table("figures", "Figures", (Column("what", "What"), COUNT), rows)
