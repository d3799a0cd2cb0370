"""What a report says, made of its facts: the same bytes in whatever process, and however often."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from matcher.reference import centres
from matcher.report.facts import Facts, from_json, to_json
from matcher.report.model import Names, Report, to_plain
from matcher.report.month import Month
from matcher.report.sections import SECTIONS
from matcher.store.blanking import pack, unpack
from matcher.vocabulary import MatchList


@dataclass(frozen=True)
class Earlier:
    """A centre's last report and what it was made of, packed as it is stored.

    Empty: there was none.
    """

    report_id: str = ""
    packed: bytes = b""

    @property
    def by_id(self) -> dict[str, bytes]:
        """The packed facts by the report's id."""
        return {self.report_id: self.packed} if self.report_id else {}

    @cached_property
    def facts(self) -> Facts | None:
        """The facts, read when they are asked for: that takes long."""
        return read(self.packed) if self.packed else None


@dataclass(frozen=True, slots=True)
class PackedReport:
    """A report as it is stored, packed: its facts, and what it says.

    ``before`` are the packed facts with which it was compared; empty: with none.
    """

    facts: bytes
    content: bytes
    before: bytes


def write(facts: Facts, lists: Iterable[MatchList], before: Earlier) -> PackedReport:
    """Write a report whose lists are at hand."""
    packed = pack(to_json(facts))
    return PackedReport(packed, content_from(read(packed), lists, before), before.packed)


def read(packed: bytes) -> Facts:
    """Read packed facts."""
    return from_json(unpack(packed))


def content_from(facts: Facts, lists: Iterable[MatchList], before: Earlier) -> bytes:
    """Say what a report of facts as they are stored says, packed; of lists, those matched count."""
    known = {found.need.need_id: found for found in lists}
    kept = {need: known[need] for need in matched(facts) if need in known}
    return pack(to_plain(build_report(Month(facts, kept, before.facts))))


def matched(facts: Facts) -> list[str]:
    """Name the needs that have a match, each once, as they come."""
    return list(dict.fromkeys(need for need, _ in facts.chosen))


def build_report(month: Month, draft: bool = False) -> Report:
    """Put the sections of a month together."""
    facts, name = month.facts, centres()[month.facts.centre].name
    return Report(facts.centre, Names(name["zh"], name["en"]), facts.first, facts.end, facts.made,
                  facts.run.run_id, tuple(make(month) for make in SECTIONS.values()), draft)
