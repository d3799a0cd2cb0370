"""The sections: key, title, columns, and one function from a month to rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matcher.report.month import Month
from matcher.vocabulary import MatchList

Row = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """One section; ``title`` and ``columns`` are catalogue keys."""

    key: str
    title: str
    columns: tuple[str, ...]
    rows: Callable[[Month], Sequence[Row]]


def answered(found: MatchList, threshold: float) -> bool:
    """Say whether a need has an offer at or above the threshold."""
    return bool(found.matches) and found.matches[0].score >= threshold


def summary(month: Month) -> list[Row]:
    """Count needs, needs with and without an offer, matches and offers considered."""
    good = [found for found in month.lists if answered(found, month.threshold)]
    strong = sum(m.score >= month.threshold for found in month.lists for m in found.matches)
    shown = {m.offer_id for found in month.lists for m in found.matches}
    return [("Needs of the centre", len(month.lists)),
            ("Needs with an offer", len(good)),
            ("Needs without an offer", len(month.lists) - len(good)),
            ("Matches at or above the threshold", strong),
            ("Different offers shown", len(shown)),
            ("Threshold of the score", f"{month.threshold:.2f}")]


def needs(month: Month) -> list[Row]:
    """List every need with its best score and how many offers were eligible."""
    return [(f.need.need_id, f.need.title, "、".join(f.need.themes),
             f"{f.matches[0].score:.2f}" if f.matches else "–", f.eligible) for f in month.lists]


def matches(month: Month) -> list[Row]:
    """List the matches at or above the threshold, at most five a need, with their evidence."""
    rows: list[Row] = []
    for found in month.lists:
        for match in found.matches[:5]:
            if match.score < month.threshold:
                continue
            offer, pair = month.offers[match.offer_id], match.evidence[:1]
            rows.append((found.need.need_id, found.need.title, match.rank, offer.title,
                         month.parties.get(offer.party_id or "", "–"), f"{match.score:.2f}",
                         pair[0].need_sentence if pair else "–",
                         pair[0].offer_sentence if pair else "–"))
    return rows


def without_offer(month: Month) -> list[Row]:
    """List needs without an offer at the threshold, with the nearest miss."""
    rows: list[Row] = []
    for found in month.lists:
        if answered(found, month.threshold):
            continue
        best = found.matches[0] if found.matches else None
        rows.append((found.need.need_id, found.need.title,
                     month.offers[best.offer_id].title if best else "–",
                     f"{best.score:.2f}" if best else "–", found.eligible))
    return rows


def method(month: Month) -> list[Row]:
    """Say what made the report, so that every figure can be derived again."""
    run = month.run
    return [("Run", run.run_id), ("Encoder", run.encoder), ("Ranker", run.ranker),
            ("Data", run.data), ("Day of matching", run.day.isoformat())]


_PAIR = ("", "")
SECTIONS: tuple[Section, ...] = (
    Section("summary", "Summary", _PAIR, summary),
    Section("matches", "Matches", ("Need", "Title", "Rank", "Offer", "Party", "Score",
                                   "What is needed", "Evidence"), matches),
    Section("without_offer", "Needs without an offer",
            ("Need", "Title", "Nearest offer", "Score", "Eligible offers"), without_offer),
    Section("needs", "All needs", ("Need", "Title", "Theme", "Best score", "Eligible offers"),
            needs),
    Section("method", "Method", _PAIR, method),
)
