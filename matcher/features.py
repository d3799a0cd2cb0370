"""The catalogue of ranking features: one entry holds everything about one feature.

To add a feature: write its function, add one ``Feature`` row to ``FEATURES``
with its label, give it a weight in ``models/ranker.json``, and run the tests.

A function sees one need and the whole pool (``Context``) and gives (n_offers,)
float32 in the range its row states; where it cannot know, it gives the row's
``neutral`` value, whose contribution to the score is nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matcher.vocabulary import Need, Offer

Floats = NDArray[np.float32]
NEAR_KM = 45.0


@dataclass(frozen=True, slots=True)
class Context:
    """What a feature may look at: one need, all offers, and what was computed once.

    ``affinity`` (n,) is the text affinity; ``distance_km`` (n,) is NaN where a
    place is unknown.
    """

    need: Need
    offers: Sequence[Offer]
    affinity: Floats
    distance_km: Floats


@dataclass(frozen=True, slots=True)
class Feature:
    """One reason for a score: its key, computation, range, direction and label.

    ``direction`` is +1 where more is better for the match, -1 where less is.
    """

    key: str
    compute: Callable[[Context], Floats]
    low: float
    high: float
    neutral: float
    direction: int
    label: Mapping[str, str]


def affinity(context: Context) -> Floats:
    """Text affinity of need and offer with its evidence (see ranking.affinities)."""
    return np.clip(context.affinity, -1.0, 1.0)


def theme_overlap(context: Context) -> Floats:
    """Share of the need's themes that the offer has, 0…1; neutral when either names none."""
    wanted = set(context.need.themes)
    if not wanted:
        return np.full(len(context.offers), 0.5, np.float32)
    return np.array([len(wanted & set(o.themes)) / len(wanted) if o.themes else 0.5
                     for o in context.offers], np.float32)


def trl_fit(context: Context) -> Floats:
    """1 where the offer's TRL lies in the need's span, minus 0.2 for each level outside it."""
    need = context.need
    known = [level for level in (need.trl_now, need.trl_target) if level is not None]
    if not known:
        return np.full(len(context.offers), 0.5, np.float32)
    low, high = min(known), max(known)
    gap = np.array([np.nan if o.trl_now is None else max(low - o.trl_now, o.trl_now - high, 0)
                    for o in context.offers], np.float32)
    return np.where(np.isnan(gap), np.float32(0.5), np.clip(1 - 0.2 * gap, 0, 1))


def nearness(context: Context) -> Floats:
    """``1 / (1 + distance / 45 km)``: 1 next door, 0.5 at 45 km; neutral when unknown.

    45 km is the radius in which the national plan counts neighbouring parks.
    """
    return np.where(np.isnan(context.distance_km), np.float32(0.5),
                    1 / (1 + context.distance_km / NEAR_KM)).astype(np.float32)


def mode_overlap(context: Context) -> Floats:
    """1 where both sides accept a common way of working, 0 where they do not; else neutral."""
    wanted = set(context.need.modes)
    return np.array([0.5 if not wanted or not o.modes else float(bool(wanted & set(o.modes)))
                     for o in context.offers], np.float32)


FEATURES: tuple[Feature, ...] = (
    Feature("affinity", affinity, -1.0, 1.0, 0.0, +1, {"zh": "文意相近度", "en": "Text affinity"}),
    Feature("theme", theme_overlap, 0.0, 1.0, 0.5, +1, {"zh": "產業主題", "en": "Theme"}),
    Feature("trl", trl_fit, 0.0, 1.0, 0.5, +1, {"zh": "技術成熟度", "en": "TRL"}),
    Feature("nearness", nearness, 0.0, 1.0, 0.5, +1, {"zh": "地理鄰近", "en": "Nearness"}),
    Feature("mode", mode_overlap, 0.0, 1.0, 0.5, +1, {"zh": "合作方式", "en": "Way of working"}),
)


def compute_features(context: Context) -> dict[str, Floats]:
    """Compute every feature of the catalogue, each (n_offers,) float32."""
    return {f.key: f.compute(context).astype(np.float32) for f in FEATURES}
