"""What changed between two months that can move a match: of a need, of an offer, of everything.

Each cause is a fact that both months' data show; nothing is guessed from a score alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from matcher.eligibility import in_conflict
from matcher.report.facts import Entry, Facts
from matcher.vocabulary import Message

# Cause → what is said of it. {offers} and {day} are filled in where the sentence has them.
CAUSES: Mapping[str, str] = {
    "need-new": "the need is new",
    "need-opened": "the need opened on {day}",
    "need-reopened": "the need was opened again",
    "need-postponed": "the need was put off to {day}",
    "need-edited": "the need was edited",
    "need-expired": "the need ended on {day}",
    "need-withdrawn": "the need was withdrawn",
    "need-moved": "the need went to another centre",
    "offer-new": "the offer is new",
    "offer-opened": "the offer opened on {day}",
    "offer-reopened": "the offer was opened again",
    "offer-postponed": "the offer was put off to {day}",
    "offer-edited": "the profile was edited",
    "offer-expired": "the offer ended on {day}",
    "offer-withdrawn": "the offer was withdrawn",
    "conflict": "a conflict of interest was declared",
    "conflict-lifted": "a conflict of interest was lifted",
    "record": "the offer's track record changed",
    "weights": "the weights of the ranking changed",
    "encoder": "the encoder changed",
    "rules": "the threshold, the loads or the quotas changed",
    "year": "the evidence is a year older",
    "capacity": "the offer is at its load with better matches",
    "capacity-freed": "the offer has room again",
    "came": "better offers came before it: {offers}",
    "left": "offers before it fell back or left: {offers}",
    "scope": "the list looks less far or farther than before",
    "shared": "the loads of both sides were shared out otherwise",
    "pool": "other profiles changed how much its words weigh",
    "text-skipped": "the job had to leave a text of the profile out",
    "text-restored": "the job can use a text of the profile again",
    "skipped": "the job had to leave the record out",
    "restored": "the job can use the record again",
}


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause: its key in ``CAUSES``, and the other offers or the day it speaks of."""

    key: str
    offers: tuple[str, ...] = ()
    day: str = ""

    @property
    def message(self) -> Message:
        """Give the cause as a sentence."""
        return Message(CAUSES[self.key], {"offers": ", ".join(self.offers), "day": self.day})


@dataclass(frozen=True)
class Months:
    """Two months of one centre, the earlier one first."""

    before: Facts
    now: Facts

    def general(self) -> list[Cause]:
        """Give what changed for every pair alike."""
        old, new = self.before, self.now
        changed = (("weights", old.run.ranker != new.run.ranker),
                   ("encoder", old.run.encoder != new.run.encoder),
                   ("rules", old.rules != new.rules),
                   ("year", old.day.year != new.day.year))
        return [Cause(key) for key, is_so in changed if is_so]

    def of_need(self, need: str) -> list[Cause]:
        """Give what changed of a need; first whether it is there at all."""
        old, new = self.before.needs.get(need), self.now.needs.get(need)
        if presence := self._presence("need", old, new, need):
            return [presence]
        assert old is not None
        assert new is not None
        return [Cause("need-edited")] if old.mark != new.mark else []

    def of_offer(self, need: str, offer: str) -> list[Cause]:
        """Give what changed of an offer, as a need sees it."""
        old, new = self.before.offers.get(offer), self.now.offers.get(offer)
        if presence := self._presence("offer", old, new, offer):
            return [presence]
        assert old is not None
        assert new is not None
        found = [self._rewritten(offer)] if old.mark != new.mark else []
        barred = [_in_conflict(month, need, offer) for month in (self.before, self.now)]
        if barred == [False, True]:
            found.append(Cause("conflict"))
        if barred == [True, False]:
            found.append(Cause("conflict-lifted"))
        if self.before.records.get(offer) != self.now.records.get(offer):
            found.append(Cause("record"))
        return found

    def _rewritten(self, offer: str) -> Cause:
        """Say how what matching reads of an offer came to be another."""
        was, is_now = (offer in month.torn for month in (self.before, self.now))
        if was != is_now:
            return Cause("text-skipped" if is_now else "text-restored")
        return Cause("offer-edited")

    def _presence(self, what: str, old: Entry | None, new: Entry | None, record_id: str
                  ) -> Cause | None:
        """Say whether a record came or went."""
        left_out = [_is_left_out(month, what, record_id) for month in (self.before, self.now)]
        if old is not None and new is not None and any(left_out):
            return Cause("skipped" if left_out[1] else "restored")
        was = old is not None and old.is_open(self.before.day)
        is_now = new is not None and new.is_open(self.now.day)
        if was == is_now and (was or old == new):
            return None
        if new is None:
            gone = "moved" if what == "need" and record_id in self.now.moved else "withdrawn"
            return Cause("skipped" if left_out[1] else f"{what}-{gone}")
        if not is_now:
            return _closed(what, new, self.now.day)
        if old is None and left_out[0]:
            return Cause("restored")
        return self._came(what, old, new)

    def _came(self, what: str, old: Entry | None, new: Entry) -> Cause:
        """Say how a record came: new, on its first day, or opened again by a change of its days."""
        if old is None:
            return Cause(f"{what}-new")
        if new.since is not None and self.before.day < new.since:
            return Cause(f"{what}-opened", day=str(new.since))
        return Cause(f"{what}-reopened")


def _closed(what: str, entry: Entry, day: date) -> Cause:
    """Say why a record is not open on a day: it ended, or was put off."""
    if entry.until is not None and entry.until < day:
        return Cause(f"{what}-expired", day=str(entry.until))
    return Cause(f"{what}-postponed", day=str(entry.since))


def _is_left_out(month: Facts, what: str, record_id: str) -> bool:
    return any((s.what, s.record_id) == (what, record_id) for s in month.skipped)


def _in_conflict(month: Facts, need: str, offer: str) -> bool:
    asks, gives = month.needs.get(need), month.offers.get(offer)
    return in_conflict(asks.party if asks else None, gives.party if gives else None,
                       month.conflicts)
