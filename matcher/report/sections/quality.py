"""Quality: how good the lists are, whether they are accepted, what a score is worth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from matcher.evaluation.figures import bootstrap, ndcg
from matcher.learning.reliability import ReliabilityBin, calibration_error, reliability_curve
from matcher.report.facts import Event
from matcher.report.model import HIDDEN, SMALL, Cell, Chart, Column, Row, Section, Table, Told
from matcher.report.month import Month, counted_of, firms_of, is_hidden
from matcher.report.sections.parts import COUNT, FEW, HIGH, LOW, SHARE, height
from matcher.vocabulary import Message

DEPTHS = (1, 3, 10)
ACCEPTED = frozenset({"contacted", "meeting", "mou", "contract"})
LEAST = 20
BINS = 5


def quality(month: Month) -> Section:
    """Measure the month's lists on judged pairs, their acceptance, and the scores."""
    first = first_answers(month.facts.events)
    tables = [_judged(month), _acceptance(month, first)]
    scored = sorted(((e.score, e) for e in first if e.score is not None), key=lambda pair: pair[0])
    if len(scored) < LEAST:
        return Section("quality", "Quality", (Message(
            "Scores are compared with what people accepted from {least} decided matches on; there "
            "are {count}.", {"least": LEAST, "count": counted_of(
                month, [e.need for _, e in scored])}),), tuple(tables))
    curve = reliability_curve(np.array([score for score, _ in scored]),
                              np.array([float(e.stage in ACCEPTED) for _, e in scored]), BINS)
    few = _has_few(month, [e for _, e in scored], curve)
    tables.append(_calibration(curve, few))
    said = Message("Scores and shares accepted lie {error} apart on average.",
                   {"error": _hidden_if(few, round(calibration_error(curve), 3))})
    return Section("quality", "Quality", (said,), tuple(tables), (_chart(curve, few),))


def _has_few(month: Month, answers: Sequence[Event], curve: Sequence[ReliabilityBin]) -> bool:
    """Say whether a bin of answers, ordered by score, is of too few firms for readers.

    They see no bin then: one could be told from the others and the shares accepted.
    """
    ends = np.cumsum([b.pairs for b in curve]).tolist()
    return any(firms_of(month, [e.need for e in answers[end - b.pairs : end]]) < SMALL
               for b, end in zip(curve, ends, strict=True))


def _hidden_if(few: bool, cell: Cell) -> Cell:
    return Told(cell, HIDDEN) if few else cell


def first_answers(events: Sequence[Event]) -> list[Event]:
    """Give, for each pair, the first decision that says yes or no to it."""
    found: dict[tuple[str, str], Event] = {}
    for event in events:
        if event.stage in ACCEPTED or event.stage == "declined":
            found.setdefault((event.need, event.offer), event)
    return list(found.values())


def _judged(month: Month) -> Table:
    """Measure nDCG@10 of the lists over needs with a helpful judged offer."""
    values = {}
    for need, grades in sorted(month.facts.grades.items()):
        listed = month.facts.listed.get(need)
        if listed is not None and any(grades.values()):
            gains = np.array([grades.get(offer, 0) for offer in listed])
            values[need] = ndcg(gains, np.array(list(grades.values())))
    columns = (Column("measure", "Measure"), Column("value", "Value", "score"),
               Column("value_low", "Low, 95 %", "score"),
               Column("value_high", "High, 95 %", "score"), COUNT)
    if not values:
        return Table("judged", "Judged lists", columns, ())
    figure, few = bootstrap(np.array(list(values.values()))), firms_of(month, values) < SMALL
    cells = (figure.mean, figure.low, figure.high, len(values))
    return Table("judged", "Judged lists", columns, (
        ("nDCG@10", *(_hidden_if(few, cell) for cell in cells)),),
        Message("Number: judged needs that are open."))


def _acceptance(month: Month, answers: Sequence[Event]) -> Table:
    """Share of decided matches that were accepted, by their place in the list."""
    rows: list[Row] = []
    seen: set[int] = set()  # what the last row told readers: no row may exceed it by few firms'
    for depth in DEPTHS:
        mine = [e for e in answers if e.rank is not None and e.rank <= depth]
        if mine:
            told = np.array([float(e.stage in ACCEPTED) for e in mine])
            found = reliability_curve(np.zeros(len(told)), told, 1)[0]
            cells = (found.share, found.low, found.high, len(told))
            few = is_hidden(counted_of(month, [e.need for e in mine if e.number not in seen]))
            seen = seen if few else {e.number for e in mine}
            rows.append((Message("Places up to {depth}", {"depth": depth}),
                         *(_hidden_if(few, cell) for cell in cells)))
    return Table("acceptance", "Accepted, of decided matches",
                 (Column("place", "Place in the list"), SHARE, LOW, HIGH, COUNT), tuple(rows),
                 Message("Accepted: contacted or further. Each match counts once, by its first "
                         "answer since the start."))


def _calibration(curve: Sequence[ReliabilityBin], few: bool) -> Table:
    columns = (Column("score", "Mean score", "score"), Column("share", "Accepted", "percent"), LOW,
               HIGH, COUNT)
    return Table("calibration", "Scores and acceptance", columns, tuple(
        (b.score, *(_hidden_if(few, cell) for cell in (b.share, b.low, b.high, b.pairs)))
        for b in curve), FEW)


def _chart(curve: Sequence[ReliabilityBin], few: bool) -> Chart:
    return Chart("calibration_chart", "Scores and acceptance", "bar",
                 tuple(f"{b.score:.2f}" for b in curve),
                 ((Message("Mean score"), tuple(b.score for b in curve)),
                  (Message("Accepted"), tuple(height(_hidden_if(few, b.share)) for b in curve))),
                 "calibration")
