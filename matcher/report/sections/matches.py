"""Matches: what changed and why, the best of each need, needs without an offer, unseen offers."""

from __future__ import annotations

from collections import Counter

from matcher.report.causes import CAUSES
from matcher.report.differences import CHANGES, Difference, rank_among
from matcher.report.model import Cell, Chart, Column, Row, Section, Table
from matcher.report.month import Month, term
from matcher.report.sections.parts import (
    COUNT,
    NEED,
    NEED_TITLE,
    OFFER,
    OFFER_TITLE,
    PARTY,
    RANK,
    SCORE,
    party_of,
)
from matcher.vocabulary import Message

CHANGE_NAMES = {"new": "New", "risen": "Risen", "fallen": "Fallen", "continuing": "Continuing",
                "gone": "Gone"}


def differences(month: Month) -> Section:
    """List every match beside last month's, with the cause of each difference."""
    if month.before is None:
        return Section("differences", "What changed", (
            Message("This is the first report; next month's will say what changed and why."),))
    counts = Counter(d.change for d in month.differences)
    causes = Counter(c.key for d in month.differences for c in d.causes)
    by_change = Table("changes", "Matches by change", (Column("change", "Change"), COUNT),
                      tuple((Message(CHANGE_NAMES[c]), counts[c]) for c in CHANGES))
    by_cause = Table("causes", "Differences by cause", (Column("cause", "Cause"), COUNT),
                     tuple((_cause_name(key), count) for key, count in
                           sorted(causes.items(), key=lambda item: (-item[1], item[0]))),
                     Message("A difference with two causes counts in both."))
    return Section("differences", "What changed", (), (by_change, by_cause, _all(month)),
                   (_chart(by_change),))


def _chart(table: Table) -> Chart:
    return Chart("changes_chart", table.title, "bar", tuple(row[0] for row in table.rows),
                 ((Message("Matches"), tuple(float(str(row[1])) for row in table.rows)),),
                 table.key)


def _cause_name(key: str) -> Message:
    return Message(CAUSES[key], {"offers": "…", "day": "…"})


def _all(month: Month) -> Table:
    columns = (Column("change", "Change"), NEED, NEED_TITLE, OFFER, OFFER_TITLE, RANK,
               Column("rank_before", "Rank before", "number"), SCORE,
               Column("score_before", "Score before", "score"), Column("cause", "Cause"))
    rows = tuple(_row(month, d) for d in month.differences if d.change != "continuing")
    return Table("differences", "Differences and their causes", columns, rows, internal=True)


def _row(month: Month, found: Difference) -> Row:
    return (Message(CHANGE_NAMES[found.change]), found.need, month.title(found.need), found.offer,
            month.title(found.offer), found.rank, found.rank_before, found.score,
            found.score_before, Message("{causes}", {
                "causes": tuple(c.message for c in found.causes)}))


def top_matches(month: Month) -> Section:
    """List the month's matches of each need, with the sentence that earned the rank."""
    columns = (NEED, NEED_TITLE, RANK, OFFER, OFFER_TITLE, PARTY, SCORE,
               Column("asked", "What is needed"), Column("evidence", "Evidence"))
    rows = tuple(_match(month, need, offer) for need, offers in month.matches.items()
                 for offer in offers)
    return Section("matches", "Matches of each need", (), (
        Table("matches", "Matches", columns, rows),), internal=True)


def _match(month: Month, need: str, offer: str) -> Row:
    """Give a match's row; its rank is that of the whole list, as in the differences."""
    others = {o: month.score(need, o) for o in month.facts.listed[need] if o != offer}
    rank = rank_among(month.score(need, offer), others)
    found = next((m for m in month.lists[need].matches if m.offer_id == offer), None)
    pair = found.evidence[0] if found and found.evidence else None
    return (need, month.title(need), rank, offer, month.title(offer), party_of(month, offer),
            month.score(need, offer), pair.need_sentence if pair else None,
            pair.offer_sentence if pair else None)


def without_offer(month: Month) -> Section:
    """List needs without a match, with the nearest miss."""
    rows = []
    for need, offers in month.matches.items():
        if offers:
            continue
        scores = month.facts.scores.get(need, {})
        best = min(scores, key=lambda o: (-scores[o], o)) if scores else None
        themes = month.facts.needs[need].themes
        rows.append((need, month.title(need), _themes(themes), best,
                     month.title(best) if best else None, scores[best] if best else None,
                     _why(month, need, best)))
    columns = (NEED, NEED_TITLE, Column("theme", "Theme"), Column("nearest", "Nearest offer", "id"),
               OFFER_TITLE, SCORE, Column("why", "Why not"))
    return Section("without_offer", "Needs without an offer", (), (
        Table("without_offer", "Needs without an offer", columns, tuple(rows)),), internal=True)


def _themes(keys: tuple[str, ...]) -> Cell:
    return Message("{themes}", {"themes": tuple(term("themes", k) for k in keys)}) if keys else None


def _why(month: Month, need: str, best: str | None) -> Message:
    """Say why the nearest offer is no match."""
    if best is None:
        return Message("no offer may be matched with it")
    if month.score(need, best) < month.facts.rules.threshold:
        return Message("its score is below the threshold")
    if best not in month.facts.listed.get(need, ()):
        return Message("it lies outside the list")
    if best in month.facts.full:
        return Message("the offer is at its load with better matches")
    return Message("loads and quotas gave its place to other matches")


def unseen_offers(month: Month) -> Section:
    """List the centre's own offers that no list has ever shown."""
    listed = {offer for found in month.facts.listed.values() for offer in found}
    seen, nearest = listed | set(month.facts.shown), _best_needs(month)
    rows = tuple((key, entry.title, party_of(month, key), term("offer_kinds", entry.kind),
                  entry.texts, nearest.get(key))
                 for key, entry in month.own_offers.items() if key not in seen)
    columns = (OFFER, OFFER_TITLE, PARTY, Column("kind", "Kind"),
               Column("texts", "Evidence texts", "number"),
               Column("nearest", "Nearest need", "id"))
    return Section("unseen", "Offers never shown", (
        Message("{count} of the centre's {offers} own offers stood in no list, this month or "
                "before.", {"count": len(rows), "offers": len(month.own_offers)}),),
        (Table("unseen", "Offers never shown", columns, rows, internal=True),))


def _best_needs(month: Month) -> dict[str, str]:
    """Name for each offer the need among whose best offers it stands highest."""
    best: dict[str, tuple[float, str]] = {}
    for need, found in month.facts.scores.items():
        for offer, score in found.items():
            best[offer] = min(best.get(offer, (1.0, need)), (-score, need))
    return {offer: need for offer, (_, need) in best.items()}
