"""Is a named cause true? Each is checked against the log of real edits, or against the lists."""

from __future__ import annotations

from report_oracle import taipei

from matcher.report.causes import CAUSES
from matcher.workflow import DECIDED

KEYS = {sentence: key for key, sentence in CAUSES.items()}


class Judge:
    """Judges the causes of one month's differences: ``at`` is the month, ``log`` what was edited."""

    def __init__(self, at, log):
        self.at, self.old, self.log = at, at.before, log

    def wrong(self, need, offer, causes):
        """Name the causes that are not so, and what the causes should have named; empty: all is right."""
        told = {KEYS[c.id]: c.fields for c in causes}
        found = [key for key, fields in told.items() if not self.is_true(key, fields, need, offer)]
        own = self.own(need, offer)
        if not told:
            found.append("no cause")
        if "pool" in told and own:
            found.append("pool, though the pair was edited")
        if own and self.nothing_else(need, offer) and not own & set(told) and not {"capacity", "capacity-freed", "shared"} & set(told):
            found.append(f"wanted one of {sorted(own)}")
        return found

    def is_true(self, key, fields, need, offer):
        side, _, what = key.partition("-")
        if side in ("need", "offer"):
            return self.of_record(side, what, need if side == "need" else offer, fields["day"])
        named = [o for o in fields["offers"].split(", ") if o]
        return {
            "conflict": lambda: self.parties(need, offer) & self.log.declared, "record": lambda: self.record(offer),
            "conflict-lifted": lambda: self.parties(need, offer) & self.log.lifted,
            "weights": lambda: self.log.weights, "rules": lambda: self.log.rules, "encoder": lambda: False,
            "year": lambda: self.at.first.month == 1, "scope": lambda: scope(self.at, need) != scope(self.old, need),
            "capacity": lambda: full(self.at, offer) and good(self.at, need, offer),
            "capacity-freed": lambda: full(self.old, offer) and good(self.old, need, offer),
            "shared": lambda: good(self.at, need, offer) and good(self.old, need, offer),
            "came": lambda: named and all(self.passed(self.old, self.at, need, offer, o) for o in named),
            "left": lambda: named and all(self.passed(self.at, self.old, need, offer, o) for o in named),
            "pool": lambda: any(i[0] == "O" for i in self.log.touched), "skipped": lambda: False, "restored": lambda: False, "text": lambda: False,
        }[key if key in ("conflict-lifted", "capacity-freed") else side]()

    def of_record(self, side, what, record_id, day):
        table = f"{side}s"
        now, old = (frame.set_index(f"{side}_id") for frame in (self.at.tables[table], self.old.tables[table]))
        dates = {k: now[k].get(record_id) for k in ("valid_from", "valid_to")}
        return {
            "new": record_id in self.log.new, "edited": record_id in self.log.edited, "withdrawn": record_id in self.log.gone, "moved": False,
            "opened": dates["valid_from"] == day and self.old.last.isoformat() < day <= self.at.last.isoformat(),
            "expired": dates["valid_to"] == day and day < self.at.last.isoformat(),
            "reopened": record_id in self.log.dated and record_id in old.index, "postponed": record_id in self.log.dated,
        }[what]

    def parties(self, need, offer):
        one, other = (frame.set_index(key).party_id.get(i) for frame, key, i in (
            (self.at.needs, "need_id", need), (self.at.offers, "offer_id", offer)))
        return {(one, other), (other, one)}

    def record(self, offer):
        """Decided or undone this month; or a need it was decided about went, and its firm counts anew."""
        told = self.at.outcomes[(self.at.outcomes.offer_id == offer) & self.at.outcomes.stage.isin(DECIDED)]
        known = set(told[taipei(told.time) < self.at.end].need_id)
        return offer in self.log.decided or bool(known & self.log.gone)

    def passed(self, then, there, need, offer, other):
        """The other stands before the pair there, did not then, and something became of it."""
        before = {o for o in then.lists.get(need, ()) if higher(then, need, o, offer)}
        return other in there.lists[need] and higher(there, need, other, offer) and other not in before and self.moved(need, other)

    def moved(self, need, offer):
        opened = [o for at in (self.old, self.at) for o in [bool(at.is_open(at.offers)[at.offers.offer_id == offer].any())]]
        return (offer in self.log.touched or opened[0] != opened[1] or self.record(offer)
                or bool(self.parties(need, offer) & (self.log.declared | self.log.lifted)))

    def own(self, need, offer):
        """What was edited of the pair itself."""
        return ({"need-edited"} if need in self.log.edited else set()) | ({"offer-edited"} if offer in self.log.edited else set())

    def nothing_else(self, need, offer):
        """Nothing of the others in the lists, nor of everything, was edited."""
        others = {o for at in (self.old, self.at) for o in at.lists.get(need, ())} - {offer}
        return not (self.log.weights or self.log.rules or self.at.first.month == 1 or any(self.moved(need, o) for o in others))


def scope(at, need):
    found = at.match_lists[(at.match_lists.run_id == at.run_id) & (at.match_lists.need_id == need)]
    return None if found.empty else found.scope.iloc[0]


def good(at, need, offer):
    return offer in at.lists.get(need, ()) and at.full[need][offer] >= at.rules.threshold


def full(at, offer):
    return sum(o == offer for _, o in at.chosen) >= at.rules.per_offer


def higher(at, need, one, other):
    return at.full[need].get(one, 0) > at.full[need].get(other, 0)
