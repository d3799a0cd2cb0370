"""The sections of a report: one function each, from a month to sentences, tables and charts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from matcher.errors import InputError
from matcher.report.model import Section
from matcher.report.month import Month
from matcher.report.sections.fairness import fairness
from matcher.report.sections.matches import differences, top_matches, unseen_offers, without_offer
from matcher.report.sections.method import method, skipped
from matcher.report.sections.pipeline import outcomes, pipeline
from matcher.report.sections.quality import quality
from matcher.report.sections.region import data_quality, gaps
from matcher.report.sections.summary import summary

# Key → function, in the order of the report. A new section is one function and its row here.
SECTIONS: Mapping[str, Callable[[Month], Section]] = {
    "summary": summary,
    "differences": differences,
    "matches": top_matches,
    "without_offer": without_offer,
    "unseen": unseen_offers,
    "pipeline": pipeline,
    "outcomes": outcomes,
    "quality": quality,
    "fairness": fairness,
    "gaps": gaps,
    "data_quality": data_quality,
    "skipped": skipped,
    "method": method,
}

# The titles, to choose sections by before there is a month.
SECTION_TITLES: Mapping[str, str] = {
    "summary": "Director's summary", "differences": "What changed",
    "matches": "Matches of each need", "without_offer": "Needs without an offer",
    "unseen": "Offers never shown", "pipeline": "Pipeline", "outcomes": "Outcomes",
    "quality": "Quality", "fairness": "Fairness", "gaps": "Themes and gaps",
    "data_quality": "Data quality", "skipped": "What the job left out", "method": "Method",
}


def check_sections(keys: Sequence[str]) -> tuple[str, ...]:
    """Give keys of sections; raise ``InputError`` naming those there are none of."""
    unknown = [key for key in keys if key not in SECTIONS]
    if unknown:
        raise InputError("There are no sections {found}; known: {known}.",
                         found=", ".join(unknown), known=", ".join(SECTIONS))
    return tuple(keys)


__all__ = ["SECTIONS", "SECTION_TITLES", "check_sections"]
