"""The same work told twice: one proposal of both, or one that is known already.

Two proposals of a kind are one work when they have one DOI, or one title (letters and digits
only) in years that differ by one at most. The one with an abstract is kept, then the newer, as
OpenReview does; what it lacks comes from the other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from matcher.intake.works.proposal import Proposal, find_doi, fold_title
from matcher.vocabulary import Evidence


def merge(proposals: Sequence[Proposal]) -> tuple[Proposal, ...]:
    """Join proposals of one work, at the place of its first; the order stays."""
    merged: list[Proposal] = []
    by_doi: dict[tuple[str, str], int] = {}
    by_title: dict[tuple[str, str], list[int]] = defaultdict(list)
    for proposal in proposals:
        title = (proposal.kind, fold_title(proposal.title))
        doi = (proposal.kind, proposal.doi or "")
        place = by_doi.get(doi) if proposal.doi else None
        if place is None and title[1]:
            place = next((n for n in by_title[title]
                          if _close(merged[n].year, proposal.year)), None)
        if place is None:
            place = len(merged)
            merged.append(proposal)
        else:
            merged[place] = _joined(merged[place], proposal)
        by_doi.setdefault(doi, place)
        if place not in by_title[title]:
            by_title[title].append(place)
    return tuple(merged)


def _close(one: int | None, other: int | None) -> bool:
    return one is None or other is None or abs(one - other) <= 1


def _joined(first: Proposal, other: Proposal) -> Proposal:
    """Keep the fuller of two; fill its gaps and join the sources."""
    better, lesser = sorted((first, other), key=lambda p: (not p.text, -(p.year or 0)))
    sources = dict.fromkeys(s for p in (first, other) for s in p.source.split(" + ") if s)
    return replace(better, year=better.year or lesser.year, place=first.place,
                   authors=better.authors or lesser.authors, doi=better.doi or lesser.doi,
                   venue=better.venue or lesser.venue, source=" + ".join(sources))


def mark_known(proposals: Iterable[Proposal], stored: Iterable[Evidence]) -> tuple[Proposal, ...]:
    """Mark each proposal that evidence already stored tells of with that evidence's id."""
    by_doi: dict[str, str] = {}
    by_title: dict[str, list[Evidence]] = defaultdict(list)
    for evidence in stored:
        doi = find_doi(evidence.source or "") or find_doi(evidence.text)
        if doi:
            by_doi.setdefault(doi, evidence.evidence_id)
        title = evidence.title or evidence.text.split("\n")[0]
        by_title[fold_title(title)].append(evidence)
    return tuple(replace(p, known=_known(p, by_doi, by_title)) for p in proposals)


def _known(proposal: Proposal, by_doi: dict[str, str],
           by_title: dict[str, list[Evidence]]) -> str | None:
    if proposal.doi in by_doi:
        return by_doi[proposal.doi]
    folded = fold_title(proposal.title)
    same = by_title.get(folded, []) if folded else []
    return next((e.evidence_id for e in same if _close(e.year, proposal.year)), None)
