"""The catalogue of ranking features: one entry holds everything about one feature.

To add a feature: write its function and add one ``Feature`` row to ``FEATURES`` with its label
and starting weight. The contract test takes it up; a ranker that was trained before uses the
starting weight, and the next training learns a better one.

A function sees one need and the whole pool (``Context``) and gives (n_offers,)
float32 in the range its row states; where it cannot know, it gives the row's
``neutral`` value, whose contribution to the score is nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import takewhile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher.vocabulary import Evidence, Need, Offer

Floats = NDArray[np.float32]
NEAR_KM = 45.0
HALF_LIFE_YEARS = 6
OFFERS_OWN = frozenset({"recency", "support", "record"})
MONEY = ("money_min_ntd", "money_max_ntd")
EVIDENCE_COUNTS = {"patent": 1.0, "publication": 1.0, "project": 1.0, "case": 1.0}


@dataclass(frozen=True, slots=True)
class Context:
    """What a feature may look at: one need, all offers, and what was computed once.

    ``affinity`` (n,) is the text affinity; ``distance_km`` (n,) is NaN where a
    place is unknown. ``evidence`` lists each offer's, ``records`` what became of its earlier
    matches; ``day`` None means that nothing is old. ``kept`` outlives the context: what depends
    on the offers alone is put there by the first need and found there by the next.
    """

    need: Need
    offers: Sequence[Offer]
    affinity: Floats
    distance_km: Floats
    evidence: Sequence[Sequence[Evidence]] = ()
    records: Mapping[str, Record] = field(default_factory=dict)
    day: date | None = None
    kept: dict[object, Any] = field(default_factory=dict)

    def by_value(self, names: tuple[str, ...], of_value: Callable[..., float]) -> Floats:
        """Give ``of_value(*values)`` for these fields of every offer, (n,), each value once."""
        if names not in self.kept:
            found: dict[tuple[object, ...], int] = {}
            places = [found.setdefault(tuple(getattr(o, n) for n in names), len(found))
                      for o in self.offers]
            self.kept[names] = (list(found), np.array(places, np.intp))
        values, places = self.kept[names]
        of_values = np.array([of_value(*value) for value in values], np.float32)
        return np.asarray(of_values[places], np.float32)

    def once(self, key: object, compute: Callable[[], Floats]) -> Floats:
        """Give what depends on the offers and ``key`` alone, computed for the first need."""
        if key not in self.kept:
            self.kept[key] = compute()
        found: Floats = self.kept[key]
        return found


@dataclass(frozen=True, slots=True)
class Record:
    """What became of an offer's matches: firms it met, and those where it came to a meeting."""

    firms: int
    successes: int


@dataclass(frozen=True, slots=True)
class Feature:
    """One reason for a score: its key, computation, range, direction and label.

    ``direction`` is +1 where more is better for the match, -1 where less is; ``weight`` is
    what the log-odds gain from a step of 1 before any ranker was trained. ``mirror`` computes the
    feature as the offer sees the need, where that is something else; None: both see the same.
    """

    key: str
    compute: Callable[[Context], Floats]
    low: float
    high: float
    neutral: float
    direction: int
    label: Mapping[str, str]
    weight: float
    mirror: Callable[[Context], Floats] | None = None


def affinity(context: Context) -> Floats:
    """Text affinity of need and offer with its evidence (see ranking.affinities)."""
    return np.clip(context.affinity, -1.0, 1.0)


def theme_overlap(context: Context) -> Floats:
    """Share of the need's themes that the offer has, 0…1; neutral when either names none."""
    wanted = set(context.need.themes)
    return context.by_value(("themes",), lambda themes: len(wanted & set(themes)) / len(wanted)
                            if wanted and themes else 0.5)


def theme_welcome(context: Context) -> Floats:
    """Share of the offer's themes that the need has, 0…1; neutral when either names none."""
    asked = set(context.need.themes)
    return context.by_value(("themes",), lambda themes: len(asked & set(themes)) / len(set(themes))
                            if asked and themes else 0.5)


def trl_fit(context: Context) -> Floats:
    """1 where the offer's TRL lies in the need's span, minus 0.2 for each level outside it."""
    need = context.need
    known = [level for level in (need.trl_now, need.trl_target) if level is not None]
    return context.by_value(("trl_now",), lambda trl: 0.5 if trl is None or not known else
                            max(0.0, 1 - 0.2 * max(min(known) - trl, trl - max(known), 0)))


def nearness(context: Context) -> Floats:
    """``1 / (1 + distance / 45 km)``: 1 next door, 0.5 at 45 km; neutral when unknown.

    45 km is the radius in which the national plan counts neighbouring parks.
    """
    return np.where(np.isnan(context.distance_km), np.float32(0.5),
                    1 / (1 + context.distance_km / NEAR_KM)).astype(np.float32)


def mode_overlap(context: Context) -> Floats:
    """1 where both sides accept a common way of working, 0 where they do not; else neutral."""
    wanted = set(context.need.modes)
    return context.by_value(("modes",), lambda modes: float(bool(wanted & set(modes)))
                            if wanted and modes else 0.5)


def money_fit(context: Context) -> Floats:
    """1 where the two spans of money meet, else the ratio of their nearest ends; else neutral."""
    asked = _span(context.need.budget_min_ntd, context.need.budget_max_ntd)
    return context.by_value(MONEY, lambda low, high: _meeting(asked, _span(low, high)))


def _span(low: int | None, high: int | None) -> tuple[float, float] | None:
    return None if low is None and high is None else (low or 0, np.inf if high is None else high)


def _meeting(one: tuple[float, float] | None, other: tuple[float, float] | None) -> float:
    """Give 1 where spans overlap, else lower end over higher end of the gap, 0…1."""
    if one is None or other is None:
        return 0.5
    low, high = min(one[1], other[1]), max(one[0], other[0])
    return 1.0 if high <= low else low / high


def budget_reaches(context: Context) -> Floats:
    """1 where the need's budget reaches the offer's least amount, else their ratio; else neutral.

    A fund gives money: it is content with any need whose budget it may carry.
    """
    budget = context.need.budget_max_ntd
    return context.by_value(MONEY, lambda low, _high: 0.5 if budget is None or not low else
                            min(1.0, budget / low))


def clarity(context: Context) -> Floats:
    """Share of what an offer must know of a need that the need says, 0…1."""
    need = context.need
    said = [bool(v) for v in (need.description, need.requirements, need.trl_target, need.modes,
                              need.budget_max_ntd, need.party_id)]
    return np.full(len(context.offers), np.mean(said), np.float32)


def code_overlap(context: Context) -> Floats:
    """How far the need's codes agree with the offer's, 0…1; neutral where no scheme is common.

    Codes of industries, disciplines, patents and goods are trees written from the left: two of
    one scheme agree by the share of the need's characters they begin with alike.
    """
    return context.by_value(("codes",), lambda codes: _agreement(context.need.codes, codes))


def code_welcome(context: Context) -> Floats:
    """How far the offer's codes agree with the need's, 0…1; neutral where no scheme is common."""
    return context.by_value(("codes",), lambda codes: _agreement(codes, context.need.codes))


def _agreement(asked: Sequence[str], given: Sequence[str]) -> float:
    """Give the mean over asked codes of their best agreement with given ones of their scheme."""
    found = [[_shared_start(code, other) for other in given if _scheme(other) == _scheme(code)]
             for code in asked]
    comparable = [max(values) for values in found if values]
    return float(np.mean(comparable)) if comparable else 0.5


def _scheme(code: str) -> str:
    return code.partition(" ")[0]


def _shared_start(one: str, other: str) -> float:
    first, second = (code.partition(" ")[2] for code in (one, other))
    alike = takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False))
    return len(list(alike)) / max(len(first), 1)


def shared_language(context: Context) -> Floats:
    """1 where both write one language or one writes English, 0 otherwise; else neutral."""
    asked = context.need.lang
    return context.by_value(("lang",), lambda lang: 0.5 if not asked or not lang else
                            float(asked == lang or "en" in (asked, lang)))


def recency(context: Context) -> Floats:
    """Mean of ``0.5 ** (age / 6 years)`` over dated evidence, 0…1; neutral where none is dated."""
    if context.day is None or not context.evidence:
        return np.full(len(context.offers), 0.5, np.float32)
    year = context.day.year
    return context.once(("recency", year), lambda: np.array(
        [_freshness([year - e.year for e in own if e.year is not None])
         for own in context.evidence], np.float32))


def _freshness(ages: Sequence[int]) -> float:
    return float(np.mean([0.5 ** (max(age, 0) / HALF_LIFE_YEARS) for age in ages])) if ages else 0.5


def support(context: Context) -> Floats:
    """How much dated, outside evidence stands behind the offer: ``n / (n + 3)``, 0…1.

    A patent, publication, project or case counts 1, a certificate or device half, undated half
    of that. A profile's own claims give 0, also where they stand as evidence (source "profile"),
    and so does no evidence; where no offer at all shows any, all are neutral.
    """
    return context.once("support", lambda: _support(context))


def _support(context: Context) -> Floats:
    if not any(context.evidence):
        return np.full(len(context.offers), 0.5, np.float32)
    counts = np.array([sum(EVIDENCE_COUNTS.get(e.kind, 0.5) * (0.5 if e.year is None else 1)
                           for e in own if e.source != "profile") for own in context.evidence],
                      np.float32)
    return counts / (counts + 3)


def track_record(context: Context) -> Floats:
    """Share of firms with which it came to a meeting or more, shrunk to 0.5 by a hundred, 0…1.

    Each firm counts once, so that five friends who accept each other move a pair by no more
    than three places (measured on the sample).
    """
    known = context.kept.get("record")
    if known is None or known[0] is not context.records:  # the same for every need of a run
        known = context.records, _shrunk(context.records, context.offers)
        context.kept["record"] = known
    found: Floats = known[1]
    return found


def _shrunk(records: Mapping[str, Record], offers: Sequence[Offer]) -> Floats:
    shrunk = {offer_id: (r.successes + 50) / (r.firms + 100) for offer_id, r in records.items()}
    return np.array([shrunk.get(o.offer_id, 0.5) for o in offers], np.float32)


def completeness(context: Context) -> Floats:
    """Share of what a profile should say that the offer says, 0…1."""
    return context.once("complete", lambda: np.array([sum(bool(value) for value in (
        o.title, o.description, o.themes, o.modes, o.trl_now, o.centre or o.county)) / 6
        for o in context.offers], np.float32))


def _both(zh: str, en: str) -> Mapping[str, str]:
    return {"zh": zh, "en": en}


FEATURES: tuple[Feature, ...] = (
    Feature("affinity", affinity, -1.0, 1.0, 0.0, +1, _both("文意相近度", "Text affinity"), 17.5),
    Feature("theme", theme_overlap, 0.0, 1.0, 0.5, +1, _both("產業主題", "Theme"), 3.0,
            theme_welcome),
    Feature("trl", trl_fit, 0.0, 1.0, 0.5, +1, _both("技術成熟度", "TRL"), 1.5),
    Feature("nearness", nearness, 0.0, 1.0, 0.5, +1, _both("地理鄰近", "Nearness"), 1.2),
    Feature("mode", mode_overlap, 0.0, 1.0, 0.5, +1, _both("合作方式", "Way of working"), 1.2),
    Feature("money", money_fit, 0.0, 1.0, 0.5, +1, _both("經費相符", "Money"), 0.5,
            budget_reaches),
    Feature("codes", code_overlap, 0.0, 1.0, 0.5, +1, _both("分類代碼", "Codes"), 1.0,
            code_welcome),
    Feature("language", shared_language, 0.0, 1.0, 0.5, +1,
            _both("語言相通", "Shared language"), 0.2),
    Feature("recency", recency, 0.0, 1.0, 0.5, +1, _both("依據新近", "Recent evidence"), 0.3),
    Feature("support", support, 0.0, 1.0, 0.5, +1, _both("依據多寡", "Outside evidence"), 0.3),
    Feature("record", track_record, 0.0, 1.0, 0.5, +1, _both("媒合紀錄", "Track record"), 1.0),
    Feature("complete", completeness, 0.0, 1.0, 1.0, +1, _both("檔案完整", "Full profile"), 0.3,
            clarity),
)


def compute_features(context: Context) -> dict[str, Floats]:
    """Compute every feature as the need sees the offers, each (n_offers,) float32.

    Not to be written to: what depends on the offers alone is the same for every need.
    """
    return {f.key: f.compute(context).astype(np.float32, copy=False) for f in FEATURES}


def mirror_features(context: Context, features: Mapping[str, Floats]) -> dict[str, Floats]:
    """Give every feature as each offer sees the need, from those of the same context.

    What speaks for an offer (its evidence, its record) says nothing of the need: neutral there.
    Not to be written to: what both see alike is the same array.
    """
    return {f.key: _mirrored(f, context, features).astype(np.float32, copy=False)
            for f in FEATURES}


def _mirrored(feature: Feature, context: Context, features: Mapping[str, Floats]) -> Floats:
    if feature.key in OFFERS_OWN:
        return np.full(len(context.offers), feature.neutral, np.float32)
    return feature.mirror(context) if feature.mirror else features[feature.key]
