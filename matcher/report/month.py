"""What the sections read: a month's facts, those before, the run's lists, the differences."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from matcher.decisions import REASON_NAMES, STAGE_NAMES
from matcher.reference import centres, terms
from matcher.report.calendar import starts
from matcher.report.differences import Difference, compare_months
from matcher.report.facts import Entry, Event, Facts, Owner, Pair
from matcher.report.model import HIDDEN, SMALL, Cell, Names, Told, at_least
from matcher.vocabulary import MatchList
from matcher.workflow import TAIPEI


@dataclass(frozen=True)
class Month:
    """One centre's month with everything its sections read.

    ``lists`` are those of the needs that have a match; ``before`` None: the first report.
    """

    facts: Facts
    lists: Mapping[str, MatchList]
    before: Facts | None = None

    @cached_property
    def differences(self) -> tuple[Difference, ...]:
        """Compare the month's matches with those before; the first report has nothing to."""
        return compare_months(self.before, self.facts) if self.before else ()

    @cached_property
    def matches(self) -> dict[str, tuple[str, ...]]:
        """Give the offers matched with each open need, best first; none for those without."""
        chosen = set(self.facts.chosen)
        return {need: tuple(sorted((o for o in listed if (need, o) in chosen),
                                   key=lambda o, n=need: (-self.score(n, o), o)))  # type: ignore[misc]
                for need, listed in sorted(self.facts.listed.items())}

    @cached_property
    def own_offers(self) -> dict[str, Entry]:
        """Give the centre's own offers that are open on the month's last day."""
        return {key: entry for key, entry in sorted(self.facts.offers.items())
                if entry.centre == self.facts.centre and entry.is_open(self.facts.day)}

    @property
    def until(self) -> datetime:
        """Give the moment up to which time is counted: the month's end, in a draft its making."""
        return min(starts(self.facts.end), self.facts.made)

    def score(self, need: str, offer: str) -> float:
        """Give a pair's score; 0 where it is not among the need's best fifty."""
        return self.facts.scores.get(need, {}).get(offer, 0.0)

    def title(self, record_id: str) -> str:
        """Give the title of a need or offer, also of one that has gone since the last month."""
        for facts in (self.facts, self.before):
            if facts is not None:
                for entries in (facts.needs, facts.offers):
                    if record_id in entries:
                        return entries[record_id].title
        return record_id

    def owner(self, offer: str) -> Owner | None:
        """Give the party of an offer."""
        entry = self.facts.offers.get(offer)
        return self.facts.owners.get(entry.party or "") if entry else None

    def firm(self, need: str) -> str:
        """Name the firm of a need.

        Needs without one, and needs that have gone, count as one firm together: they might all
        be one's.
        """
        entry = self.facts.needs.get(need)
        return entry.party or "" if entry else ""

    def events(self, since: date | None = None) -> tuple[Event, ...]:
        """Give the decisions taken from a day on up to the month's end."""
        return tuple(e for e in self.facts.events if since is None or e.time >= starts(since))

    def contracts(self, since: date | None = None) -> tuple[Event, ...]:
        """Give the contracts signed from a day on that still stand, each pair's once."""
        return tuple(sorted((e for e in self.latest.values() if e.stage == "contract"
                             and (since is None or e.time >= starts(since))),
                            key=lambda e: e.number))

    @property
    def latest(self) -> dict[Pair, Event]:
        """Give each decided pair's last decision."""
        return {(event.need, event.offer): event for event in self.facts.events}


def stage_name(stage: str) -> Cell:
    """Name a stage."""
    return Names(**STAGE_NAMES[stage]) if stage in STAGE_NAMES else stage


def reason_name(reason: str) -> Cell:
    """Name a reason of declining."""
    return Names(**REASON_NAMES[reason]) if reason in REASON_NAMES else reason or None


def term(name: str, key: str) -> Cell:
    """Name a term of the reference, e.g. a theme or a kind of offer."""
    found = terms(name).get(key)
    return Names(found.name["zh"], found.name["en"]) if found else key


def centre_name(code: str) -> Cell:
    """Name a centre."""
    found = centres().get(code)
    return Names(found.name["zh"], found.name["en"]) if found else code


def counted(number: float, firms: int) -> Cell:
    """Give a figure; report readers do not see one of too few firms."""
    return number if firms >= SMALL or not number else Told(number, HIDDEN)


def is_hidden(cell: Cell) -> bool:
    """Say whether report readers do not see a cell."""
    return isinstance(cell, Told) and cell.readers == HIDDEN


def without_zeros(cells: Sequence[Cell]) -> list[Cell]:
    """Hide from readers the zeros too where a cell is hidden: else it could be told from a sum."""
    if not any(map(is_hidden, cells)):
        return list(cells)
    return [Told(0, HIDDEN) if cell == 0 else cell for cell in cells]


def share(part: float, whole: float) -> float | None:
    """Give part of whole, 0…1; None of nothing."""
    return part / whole if whole else None


def counted_of(month: Month, needs: Collection[str]) -> Cell:
    """Count needs; readers do not see them where they are of too few firms."""
    return counted(len(needs), firms_of(month, needs))


def stage_counts(month: Month, since: date | None, stages: Sequence[str]) -> dict[str, Cell]:
    """Count decisions of each stage from a day on; of contracts those that still stand."""
    cells = without_zeros([count_since(month, stage, since) for stage in stages])
    return dict(zip(stages, cells, strict=True))


def count_since(month: Month, stage: str, since: date | None) -> Cell:
    """Count decisions of a stage from a day on; readers see those of whole groups of firms."""
    events = month.contracts() if stage == "contract" else [
        e for e in month.events() if e.stage == stage]
    return _told_since(month, events, since, lambda event: 1)


def firms_of(month: Month, needs: Iterable[str]) -> int:
    """Count the different firms of some needs."""
    return len({month.firm(need) for need in needs})


def total(month: Month, name: str, since: date | None) -> Cell:
    """Sum up what contracts since a day brought; readers see that of whole groups of firms."""
    told = [e for e in month.contracts() if getattr(e, name)]
    return _told_since(month, told, since, lambda event: int(getattr(event, name)))


def _told_since(month: Month, events: Sequence[Event], since: date | None,
                value: Callable[[Event], int]) -> Cell:
    """Sum up events from a day on.

    Readers see events once those of three firms have come together, month by month since the
    start: a figure that is larger by less, than last month's or than another span's, would tell
    what one firm did.
    """
    start = starts(since) if since else None
    whole = sum(value(e) for e in events if start is None or e.time >= start)
    released = sum(value(e) for group in _groups(month, events)
                   if start is None or group[0].time >= start for e in group)
    return whole if released == whole else Told(whole, at_least(released) if released else HIDDEN)


def _groups(month: Month, events: Sequence[Event]) -> Iterator[Sequence[Event]]:
    """Give the events of whole months, together as soon as they are of three firms or more."""
    waiting: list[Event] = []
    ordered = sorted(events, key=lambda e: (_month_of(e), e.number))
    for place, event in enumerate(ordered):
        waiting.append(event)
        is_last = place + 1 == len(ordered) or _month_of(ordered[place + 1]) != _month_of(event)
        if is_last and firms_of(month, [e.need for e in waiting]) >= SMALL:
            yield waiting
            waiting = []


def _month_of(event: Event) -> tuple[int, int]:
    time = event.time.astimezone(TAIPEI)
    return time.year, time.month
