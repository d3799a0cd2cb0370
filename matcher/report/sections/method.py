"""The method page: what made the report, and what the job had to leave out."""

from __future__ import annotations

from matcher.report.facts import quota_text
from matcher.report.model import Cell, Column, Section, Table
from matcher.report.month import Month
from matcher.vocabulary import Message


def skipped(month: Month) -> Section:
    """Name every record the job could not use, and why."""
    columns = (Column("what", "What"), Column("record", "Id", "id"), Column("problem", "Why"))
    rows = tuple((Message(s.what), s.record_id, s.problem) for s in month.facts.skipped)
    said = Message("The job left out {count} records and used all others.", {"count": len(rows)})
    return Section("skipped", "What the job left out", (said,), (
        Table("skipped", "Records left out", columns, rows, internal=True),))


def method(month: Month) -> Section:
    """Say what made the report, so that every figure can be derived again."""
    facts, rules = month.facts, month.facts.rules
    rows: tuple[tuple[Cell, ...], ...] = (
        (Message("Run"), facts.run.run_id), (Message("Encoder"), facts.run.encoder),
        (Message("Ranker"), facts.run.ranker), (Message("Data"), facts.run.data),
        (Message("Rules of the lists"), facts.run.rules),
        (Message("Day of matching"), facts.day), (Message("As it stood at"), facts.made),
        (Message("Compared with"), month.before.first.strftime("%Y-%m") if month.before else None),
        (Message("Run before"), month.before.run.run_id if month.before else None),
        (Message("Threshold of the score"), f"{rules.threshold:.2f}"),
        (Message("Matches a need, at most"), rules.per_need),
        (Message("Needs an offer, at most"), rules.per_offer),
        *((Message("Quota"), quota_text(quota)) for quota in rules.quotas),
        (Message("Needs scored"), facts.rescored),
        (Message("Texts of offers looked at"), facts.texts),
        (Message("Needs new or edited since"), _changed(month, "needs")),
        (Message("Offers new or edited since"), _changed(month, "offers")),
    )
    return Section("method", "Method", METHOD, (
        Table("method", "What made this report", (Column("what", "What"), Column("value", "Value")),
              rows),))


def _changed(month: Month, side: str) -> int | None:
    """Count the records whose text or fields were not the same in the report before."""
    if month.before is None:
        return None
    old, new = getattr(month.before, side), getattr(month.facts, side)
    return len([key for key, entry in new.items()
                if key not in old or old[key].mark != entry.mark])


METHOD = (
    Message("Needs and offers are compared by sentence vectors and, within one language, by "
            "words; a logistic score joins this with theme, TRL, place and the other features."),
    Message("A match is a pair of a need's list with a score at the threshold or above; of all "
            "such pairs those with the highest sum are taken that keep the loads of both sides and "
            "the quotas."),
    Message("A match's rank is one more than the number of offers with a higher score in the "
            "list. Causes are changes that the data of both months show."),
)
