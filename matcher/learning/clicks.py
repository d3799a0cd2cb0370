"""What was shown at which position and what became of it, as labels for the ranker.

A pair nobody reacted to may never have been looked at. Its target is therefore 0 only on average:
a reaction at a position looked at with chance p gets the target t / p (inverse propensity,
Joachims et al. 2017), p never taken below ``CLIP``, and every row counts for p rows, because that
is how often somebody looked. In expectation this is the loss of the pairs looked at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from matcher.errors import InputError
from matcher.learning.positions import Examination, fit_examination, ties_of
from matcher.learning.ranker import KEYS, Floats, Labels
from matcher.vocabulary import MatchList, Outcome

# The chance that a second judge would call the offer helpful.
GRADE_TARGETS: Mapping[int, float] = {0: 0.0, 1: 0.2, 2: 0.8, 3: 1.0}
# How sure the stage reached makes us that the offer helps.
STAGE_TARGETS: Mapping[str, float] = {
    "shown": 0.0, "shortlisted": 0.6, "contacted": 0.8, "meeting": 0.9, "mou": 1.0, "contract": 1.0,
}
# Why somebody declined; None says nothing about the fit. Other words count as a plain "no".
REASON_TARGETS: Mapping[str, float | None] = {
    "off-topic": 0.0, "trl": 0.0, "mode": 0.0, "far": 0.0,
    "budget": None, "busy": None, "dates": None, "known": None,
}
DECLINED = "declined"
# Shown, but decided about from another list of its need: here it says nothing about the fit.
ELSEWHERE = "elsewhere"
CLIP = 0.05


@dataclass(frozen=True, slots=True)
class LoggedMatch:
    """One offer of one logged list.

    ``position`` counts from 1; ``stage`` is the last reached, None where the list was cut before
    the offer, ``ELSEWHERE`` where another list tells it; ``propensity`` (0…1] is the chance that it
    stood there (``shuffle_near_ties``).
    """

    run_id: str
    need_id: str
    offer_id: str
    position: int
    features: Mapping[str, float]
    stage: str | None = None
    reason: str = ""
    propensity: float = 1.0


@dataclass(frozen=True)
class Log:
    """Logged matches sorted by list and position, as arrays (n,); ``features`` is (n, k).

    ``need``, ``cut`` (the list) and ``tie`` are numbers from 0; ``target`` is NaN where the
    outcome says nothing about the fit or the offer was not shown.
    """

    need: NDArray[np.intp]
    cut: NDArray[np.intp]
    tie: NDArray[np.intp]
    position: NDArray[np.intp]
    features: Floats
    shown: NDArray[np.bool_]
    reacted: NDArray[np.bool_]
    target: Floats


def target_of(stage: str | None, reason: str = "") -> float | None:
    """Give the target of an outcome, 0…1, or None when it says nothing about the fit."""
    if stage == DECLINED:
        return REASON_TARGETS.get(reason, 0.0)
    return None if stage in (None, ELSEWHERE) else STAGE_TARGETS[stage]


def tell_once(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Put every decision about a pair under the run of the first of them that names one.

    Whoever looks at a need again on another day has a new list before them, and a later stage or
    a decline is noted under that: one pair's story would be told in parts, and denied between.
    """
    listed = sorted(outcomes, key=lambda o: o.time)
    first: dict[tuple[str, str], str] = {}
    for outcome in listed:
        if outcome.stage != "shown" and outcome.run_id:
            first.setdefault((outcome.need_id, outcome.offer_id), outcome.run_id)
    return [outcome if outcome.stage == "shown" else
            replace(outcome, run_id=first.get((outcome.need_id, outcome.offer_id)))
            for outcome in listed]


def log_lists(lists: Iterable[MatchList], outcomes: Iterable[Outcome]) -> list[LoggedMatch]:
    """Join shown lists with their outcomes; what became of a pair is told in one of them."""
    told = tell_once(outcomes)
    decided = {(o.need_id, o.offer_id) for o in told if o.stage != "shown"}
    rows = (row for found in lists for row in
            log_list(found, told, [m.propensity or 1.0 for m in found.matches]))
    return [replace(row, stage=ELSEWHERE) if row.stage == "shown"
            and (row.need_id, row.offer_id) in decided else row for row in rows]


def log_list(found: MatchList, outcomes: Iterable[Outcome], propensities: Sequence[float] = (),
             shown: int | None = None) -> Iterator[LoggedMatch]:
    """Join a list with its outcomes; those of other runs are passed over.

    ``propensities`` in order of rank (none: nothing was shuffled); the first ``shown`` were
    shown (None: all). A decline that is the last word counts, else the furthest stage.
    """
    mine: dict[str, list[Outcome]] = {}
    for outcome in sorted(outcomes, key=lambda o: o.time):
        if (outcome.run_id, outcome.need_id) == (found.run.run_id, found.need.need_id):
            mine.setdefault(outcome.offer_id, []).append(outcome)
    for match in found.matches:
        seen = shown is None or match.rank <= shown
        stage, reason = _reached(mine.get(match.offer_id, ())) if seen else (None, "")
        yield LoggedMatch(found.run.run_id, match.need_id, match.offer_id, match.rank,
                          match.features, stage, reason,
                          propensities[match.rank - 1] if propensities else 1.0)


def _reached(outcomes: Sequence[Outcome]) -> tuple[str, str]:
    """Give the stage reached and its reason; outcomes are in order of time."""
    if outcomes and outcomes[-1].stage == DECLINED:
        return DECLINED, outcomes[-1].reason
    order = list(STAGE_TARGETS)
    stages = [o.stage for o in outcomes if o.stage != DECLINED]
    unknown = [stage for stage in stages if stage not in order]  # ``_faults`` will name it
    return unknown[0] if unknown else max(stages, key=order.index, default="shown"), ""


def read_log(rows: Iterable[LoggedMatch]) -> Log:
    """Check logged matches and put them side by side; ``InputError`` names every fault at once."""
    listed = sorted(rows, key=lambda r: (r.run_id, r.need_id, r.position))
    faults = [*_faults(listed)]
    if faults or not listed:
        raise InputError("The log cannot be used: {faults}",
                         faults="; ".join(faults[:20]) or "it has no rows")
    _, need = np.unique([r.need_id for r in listed], return_inverse=True)
    lists = {key: number for number, key in enumerate(dict.fromkeys(map(_list_key, listed)))}
    cut = np.array([lists[_list_key(r)] for r in listed], np.intp)
    targets = [target_of(r.stage, r.reason) for r in listed]
    return Log(
        need, cut, _number_ties(cut, np.array([r.propensity for r in listed])),
        np.array([r.position for r in listed], np.intp),
        np.array([[r.features[key] for key in KEYS] for r in listed], float),
        np.array([r.stage is not None for r in listed]),
        np.array([r.stage not in (None, "shown", ELSEWHERE) for r in listed]),
        np.array([np.nan if t is None else t for t in targets]),
    )


def _list_key(row: LoggedMatch) -> tuple[str, str]:
    return row.run_id, row.need_id


def _faults(rows: Sequence[LoggedMatch]) -> Iterator[str]:
    """Name what is wrong in single rows and in the positions of each list."""
    known = {*STAGE_TARGETS, DECLINED, ELSEWHERE, None}
    for row in rows:
        name = f"{row.run_id}/{row.need_id}/{row.offer_id}"
        if row.stage not in known:
            yield f"{name}: there is no stage “{row.stage}”"
        if not 0 < row.propensity <= 1:
            yield f"{name}: propensity {row.propensity}, wanted above 0 and at most 1"
        if set(KEYS) - set(row.features):
            yield f"{name}: no value of {', '.join(sorted(set(KEYS) - set(row.features)))}"
    sizes = Counter(map(_list_key, rows))
    last = {_list_key(row): row.position for row in rows}
    places = Counter((_list_key(row), row.position) for row in rows)
    for key, size in sizes.items():
        if last[key] != size or any(places[key, p] != 1 for p in range(1, size + 1)):
            yield f"{'/'.join(key)}: positions are not 1 to {size}"


def _number_ties(cut: NDArray[np.intp], propensities: Floats) -> NDArray[np.intp]:
    """Number the ties over all lists, so that none spans two."""
    starts = np.flatnonzero(np.diff(cut, prepend=-1))
    ties = np.zeros(len(cut), np.intp)
    used = 0
    for part, values in zip(np.split(ties, starts[1:]), np.split(propensities, starts[1:]),
                            strict=True):
        part += ties_of(values) + used
        used = int(part[-1]) + 1
    return ties


def examination_of(log: Log, times: Floats | None = None) -> Examination:
    """Learn the chance that each position is looked at, from every reaction, declines too.

    ``times`` (n,) says how often each row counts, for resampling; None: once.
    """
    if not log.shown.any():
        raise InputError("The log cannot be used: {faults}", faults="no offer was shown")
    reactions = log.reacted.astype(float) if times is None else log.reacted * times
    return fit_examination(log.position[log.shown], log.tie[log.shown], reactions[log.shown])


def labels_of_log(log: Log, examination: Examination) -> Labels:
    """Make labels of the shown offers whose outcome says something (see the top of this file)."""
    told = ~np.isnan(log.target)
    looks = examination.at(log.position[told])
    return Labels(log.features[told], log.target[told] / np.maximum(looks, CLIP), looks)


def labels_of_judged(features: Floats, grades: NDArray[np.int_]) -> Labels:
    """Make labels of judged pairs: features (n, k) in the catalogue's order, grades (n,) 0…3."""
    return Labels(features, np.array([GRADE_TARGETS[g] for g in grades.tolist()], float),
                  np.ones(len(grades)))
