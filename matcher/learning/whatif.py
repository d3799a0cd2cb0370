"""What if last month's lists had been ranked by other weights? Estimated from the log alone.

Measured is the expected sum of targets of the offers looked at in a list ("helpful matches seen").
The new weights put every logged offer to a new rank; there it would be looked at with
another chance than where it stood (the position-based model; Li, Abbasi-Yadkori, Kveton,
Muthukrishnan, Vinay and Wen 2018). With ``after`` the chance at the new rank and ``before`` the
mean chance over the positions of its tie:

    self-normalised   Σ after/before · t  /  Σ after/before · chance  ×  Σ after (supported)
    doubly robust     Σ after · m  +  Σ after/before · (t − chance · m)

where ``m`` is the target predicted by a model of the log, fitted on the other half of the needs
(Dudík, Langford and Li 2011). The second is right if either the chances or the model are.
Offers that were not shown, or looked at too rarely, are not supported; their part of the looks is
``1 − support``. The first counts them as worth nothing and so errs downwards; the second trusts
the model for them. Intervals are normal, with the standard error over 100 resamples of the
needs, in each of which the chances of a look and the model are learned again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from matcher.evaluation.figures import Z95, Interval
from matcher.forking import on_one_thread
from matcher.learning.clicks import CLIP, Log, examination_of, labels_of_log
from matcher.learning.positions import Examination
from matcher.learning.ranker import NEUTRAL, Floats, prior_of, score_rows, solve
from matcher.ranker import Ranker
from matcher.vocabulary import Message

LEAST_NEEDS = 30
LEAST_REACTIONS = 50
LEAST_EFFECTIVE = 100
LEAST_SUPPORT = 0.8
RESAMPLES = 100


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What the log can say about other weights; figures are None where it is refused.

    ``effective`` is the number of looks the estimate rests on, (Σ after)² / Σ after² / before;
    ``support`` the share, 0…1, of the new lists' looks that fall on offers looked at before.
    ``logged`` is the value of the lists as they were; ``gain`` = doubly robust − logged.
    """

    lists: int
    needs: int
    reactions: int
    effective: float
    support: float
    refusals: tuple[Message, ...] = ()
    logged: Interval | None = None
    self_normalised: Interval | None = None
    doubly_robust: Interval | None = None
    gain: Interval | None = None


@dataclass(frozen=True)
class _Looks:
    """Chances of a look, (n,): where it stood, over its tie, at its new rank."""

    now: Floats
    before: Floats
    after: Floats

    @property
    def held(self) -> NDArray[np.bool_]:
        """Say which offers were looked at often enough to have a weight."""
        return (self.before >= CLIP) & (self.after > 0)


@on_one_thread
def estimate(log: Log, old: Ranker, new: Ranker, random: np.random.Generator) -> WhatIf:
    """Estimate what the logged lists would have brought under the weights of ``new``.

    ``old`` made the lists; the model of the log starts from it. Refused, with every reason, when
    needs, reactions, effective looks or support are fewer than the constants of this module.
    """
    ranks, once = new_ranks(log, new), np.ones(len(log.need))
    looks = _looks(log, ranks, examination_of(log))
    found = _support(log, looks)
    if found.refusals:
        return found

    def values(times: Floats) -> Floats:
        examination = examination_of(log, times)
        predicted = _predict(log, old, examination, times)
        again = _looks(log, ranks, examination)
        return _statistics(_parts(log, again, looks.held, predicted).T @ times)

    draws = random.multinomial(found.needs, np.full(found.needs, 1 / found.needs), RESAMPLES)
    drawn = np.array([values(times[log.need].astype(float)) for times in draws])
    logged, normalised, robust, gain = (
        Interval(value, value - Z95 * error, value + Z95 * error) for value, error in
        zip(values(once).tolist(), drawn.std(axis=0, ddof=1).tolist(), strict=True))
    return replace(found, logged=logged, self_normalised=normalised, doubly_robust=robust,
                   gain=gain)


def _looks(log: Log, ranks: NDArray[np.intp], examination: Examination) -> _Looks:
    now = np.where(log.shown, examination.at(log.position), 0.0)
    before = (np.bincount(log.tie, now) / np.bincount(log.tie))[log.tie]
    shown = np.bincount(log.cut, log.shown)
    after = np.where(ranks <= shown[log.cut], examination.at(ranks), 0.0)
    return _Looks(now, before, after)


def new_ranks(log: Log, ranker: Ranker) -> NDArray[np.intp]:
    """Rank each logged list anew, from 1; equal scores keep their logged order."""
    order = np.lexsort((log.position, -score_rows(ranker, log.features), log.cut))
    ranks = np.empty(len(order), np.intp)
    ranks[order] = log.position  # positions run 1, 2, … inside each list, sorted by list
    return ranks


def _support(log: Log, looks: _Looks) -> WhatIf:
    """Count what the estimate can rest on, and say why it is too little."""
    after, before = looks.after[looks.held], looks.before[looks.held]
    effective = float(after.sum() ** 2 / (after**2 / before).sum()) if after.size else 0.0
    support = float(after.sum() / looks.after.sum())
    needs, reactions = len(np.unique(log.need)), int((log.target > 0).sum())
    rules = (
        (needs, LEAST_NEEDS, Message("The log has {found} needs; at least {wanted} are wanted.")),
        (reactions, LEAST_REACTIONS,
         Message("The log has {found} helpful outcomes; at least {wanted} are wanted.")),
        (round(effective), LEAST_EFFECTIVE,
         Message("The estimate would rest on {found} looks; at least {wanted} are wanted.")),
        (round(support, 2), LEAST_SUPPORT,
         Message("Only {found} of the new lists was shown before; at least {wanted} is wanted.")),
    )
    refusals = tuple(replace(message, fields={"found": value, "wanted": least})
                     for value, least, message in rules if value < least)
    return WhatIf(len(np.unique(log.cut)), needs, reactions, effective, support, refusals)


def _predict(log: Log, old: Ranker, examination: Examination, times: Floats) -> Floats:
    """Predict each target (n,) by a model of the other half's rows, each counted ``times``."""
    predicted = np.zeros(len(log.need))
    told, half = ~np.isnan(log.target), log.need % 2
    labels = labels_of_log(log, examination)
    rows = log.features - NEUTRAL
    for side in (0, 1):
        other = half[told] != side
        found = solve(rows[told][other], labels.targets[other],
                      (labels.shares * times[told])[other], prior_of(old))
        predicted[half == side] = expit(rows[half == side] @ found.weights + found.intercept)
    return predicted


def _parts(log: Log, looks: _Looks, held: NDArray[np.bool_], predicted: Floats) -> Floats:
    """Give what the statistics are sums of, row by row: (n, 6)."""
    told = ~np.isnan(log.target)
    ratio = np.where(held, looks.after / np.where(held, looks.before, 1.0), 0.0)
    target = np.where(told, np.nan_to_num(log.target), looks.now * predicted)
    robust = looks.after * predicted + ratio * (target - looks.now * predicted)
    return np.column_stack([target, ratio * target * told, ratio * looks.now * told,
                            looks.after * held, robust, log.position == 1])


def _statistics(sums: Floats) -> Floats:
    """Give logged, self-normalised, doubly robust and gain, a list, of sums (6,)."""
    seen, weighed, normal, after, robust, lists = sums
    return np.asarray([seen / lists, weighed / normal * after / lists, robust / lists,
                       (robust - seen) / lists])
