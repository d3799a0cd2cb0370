"""Verbs on the ranker: learn from judgements and outcomes, what if, go back.

A new ranker is written to the site's own folder only if it ranks judged needs better that it
has not seen; the interval of the difference is always shown.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np

from matcher.errors import InputError
from matcher.features import FEATURES
from matcher.judgements import days_of, grades_of, rank_on_days
from matcher.learning.clicks import (
    examination_of,
    labels_of_judged,
    labels_of_log,
    log_lists,
    read_log,
)
from matcher.learning.ranker import KEYS, Labels, train_ranker
from matcher.learning.release import Comparison, HeldOut, compare, install
from matcher.learning.whatif import WhatIf, estimate
from matcher.ranker import Ranker
from matcher.store import Store
from matcher.vocabulary import MatchList
from matcher.workspace import Progress, Workspace, silent

KEPT_OUT = 3  # one need in three is kept out of training
SEED = 20261125


@dataclass(frozen=True)
class Trained:
    """A new ranker, what it learned from, and how it compares with the old one."""

    ranker: Ranker
    judged_needs: int
    logged_lists: int
    comparison: Comparison
    installed: bool


def train(workspace: Workspace, folder: Path, day: date, *, dry_run: bool = False,
          progress: Progress = silent) -> Trained:
    """Train on judged needs and shown lists; install if better on the needs kept out.

    Raises ``InputError`` with fewer than 20 judged needs kept out (60 in all).
    """
    judged = judged_needs(workspace, day, progress)
    kept = [need for need in judged if _is_kept_out(need.need_id)]
    seen = [need for need in judged if not _is_kept_out(need.need_id)]
    outcomes, lists = labels_of_shown(workspace, {need.need_id for need in kept})
    new = train_ranker(workspace.ranker, _labels(seen), outcomes)
    found = compare(workspace.ranker, new, kept, np.random.default_rng(SEED))
    installed = found.better and not dry_run
    if installed:
        if not (folder / "ranker.json").is_file():
            install(folder, workspace.ranker)  # so that there is a way back to the embedded one
        new = install(folder, new, {"day": day.isoformat(), "judged_needs": len(seen),
                                    "logged_lists": lists, "difference": str(found.difference)})
    return Trained(new, len(seen), lists, found, installed)


def judged_needs(workspace: Workspace, day: date, progress: Progress = silent) -> list[HeldOut]:
    """Give each judged need with the features and grades of every eligible offer.

    Eligible as on the day it was last judged (today where none was given): by the time that
    enough needs are judged many have closed.
    A pair that nobody judged counts as not helpful, as the score is defined; one that several
    judged has the lower median of their grades, as where the ranking is measured.
    """
    pairs = workspace.store.judged()
    grades = grades_of(pairs)
    needs = [need for need in workspace.store.needs() if need.need_id in grades]
    found = []
    offers = workspace.pool(progress).offers
    for ranking in rank_on_days(workspace, needs, days_of(pairs), day, progress):
        need = ranking.query.need
        rows = np.column_stack([ranking.features[key][ranking.order] for key in KEYS])
        given = [grades[need.need_id].get(offers[i].offer_id, 0) for i in ranking.order.tolist()]
        found.append(HeldOut(need.need_id, rows.astype(float), np.array(given)))
    return found


def _is_kept_out(need_id: str) -> bool:
    """Choose one need in three by its id, the same ones every month."""
    return int(hashlib.sha256(need_id.encode()).hexdigest(), 16) % KEPT_OUT == 0


def _labels(needs: list[HeldOut]) -> Labels | None:
    if not needs:
        return None
    return labels_of_judged(np.vstack([need.features for need in needs]),
                            np.concatenate([need.grades for need in needs]))


def labels_of_shown(workspace: Workspace, kept_out: set[str]) -> tuple[Labels | None, int]:
    """Make labels of shown lists, those of needs kept out left aside; and count the lists."""
    lists = [found for found in _shown(workspace.store) if found.need.need_id not in kept_out]
    if not lists:
        return None, 0
    log = read_log(log_lists(lists, workspace.store.outcomes()))
    return labels_of_log(log, examination_of(log)), len(lists)


def _shown(store: Store) -> list[MatchList]:
    """Give the shown lists but for those made with an older catalogue of features."""
    return [found for found in store.shown_lists()
            if not any(set(KEYS) - set(match.features) for match in found.matches)]


def what_if(workspace: Workspace, weights: Mapping[str, float]) -> WhatIf:
    """Estimate what the shown lists would have brought with other weights.

    Raises ``InputError`` for a feature there is none of, or when no list was shown yet.
    """
    unknown = sorted(set(weights) - set(KEYS))
    if unknown:
        raise InputError("There is no feature {name}; wanted one of: {names}",
                         name=", ".join(unknown), names=", ".join(KEYS))
    rows = log_lists(_shown(workspace.store), workspace.store.outcomes())
    if not rows:
        raise InputError("No list has been shown yet, so there is nothing to judge weights by.")
    now = {f.key: workspace.ranker.weight(f) for f in FEATURES}
    new = replace(workspace.ranker, weights={**now, **weights}, revision="what-if")
    return estimate(read_log(rows), workspace.ranker, new, np.random.default_rng(SEED))
