"""Ranking: eligible offers → affinity → features → score, for one centre's needs.

Pure: vectors, day and places are passed in; no store, clock, file or chance.

Affinity of a need and an offer
    Every text of the offer (its own and each evidence text) gets one value:
    where need and text share a language group, ``dense_weight * cosine +
    lexical_weight[group] * TF-IDF cosine``; where they do not, a line through the cosine
    alone, ``cross_slope * cosine + cross_offset``, fitted so that both kinds
    of value mean the same (README, decisions). The texts of an offer are joined by
    the length-normalised log-mean-exp ``log(mean(exp(a / 0.2))) * 0.2``: not the
    maximum, which rewards many texts, nor the mean, which punishes breadth. An offer with
    fewer texts than the median offer is filled up with ordinary ones (the lower quartile of
    all texts), so that nobody gains by hiding all but the one best text. A text into
    which the need was pasted counts without the sentences that repeat it.

Order
    By score; of near-copies that one party offers, at most two stand among the first ten.

Score
    ``1 / (1 + exp(-(intercept + Σ weight · (feature - neutral))))``, 0…1.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher.eligibility import eligible
from matcher.features import FEATURES, Context, Record, compute_features, mirror_features
from matcher.lexical import count_terms, group_of, run_places
from matcher.pasting import pasted_texts, pool_without
from matcher.pool import Embed, Floats, Place, Pool, spread_copies
from matcher.ranker import Ranker
from matcher.vocabulary import Conflict, Need

# Needs that are compared at once: many, because a product of few rows takes longer; of many texts
# fewer, so that their values take 32 MB, or those of the least number.
BLOCK, LEAST_BLOCK = 128, 32
BLOCK_VALUES = 8_000_000
EARTH_KM = 6371.0
TEMPERATURE = 0.2  # 0.1 for cosines; the affinity adds words to them and spreads twice as far
ORDINARY = 0.25
CHECKED = 100
FEW_TIES = 100  # put in order run by run, more take longer than to sort 4,000 offers again
AFFINITY = next(f for f in FEATURES if f.key == "affinity")


@dataclass(frozen=True, slots=True)
class Query:
    """A need as the ranking sees it: unit vector (d,), place, or None when unknown."""

    need: Need
    vector: Floats
    place: Place = None


@dataclass(frozen=True, slots=True)
class Ranking:
    """One need against the pool; arrays are (n_offers,), aligned with ``Pool.offers``.

    ``text_affinity`` is (n_texts,); ``order`` lists the eligible offers, best
    first, ties by offer id. ``pasted`` are the positions of texts that repeat the need;
    ``welcome`` (n_offers,) is the score as each offer sees the need, 0…1; ``propensities`` are
    the chances of the first places of ``order``, where near-ties were put into random order;
    ``honest`` is the pool without pasted sentences, where there were any; ``fill`` what offers
    with few texts were filled up with.
    """

    query: Query
    eligible: NDArray[np.bool_]
    features: dict[str, Floats]
    distance_km: Floats
    scores: NDArray[np.float64]
    text_affinity: Floats
    order: NDArray[np.intp]
    welcome: NDArray[np.float64]
    pasted: tuple[int, ...] = ()
    propensities: NDArray[np.float64] | None = None
    honest: Pool | None = None
    fill: Filling | None = None


@dataclass(frozen=True)
class Circumstances:
    """What else decides: the day (None: no date counts), conflicts, and earlier matches.

    ``embed`` reads a text again without the sentences that repeat the need; without it, and
    where nobody knows when the need was published, such texts are only marked.
    """

    day: date | None = None
    conflicts: Sequence[Conflict] = ()
    records: Mapping[str, Record] = field(default_factory=dict)
    embed: Embed | None = None

    @property
    def banned(self) -> Set[tuple[str, str]]:
        """Give the pairs of parties in conflict."""
        return {(c.party_id, c.other_party_id) for c in self.conflicts}


def rank(queries: Sequence[Query], pool: Pool, ranker: Ranker,
         circumstances: Circumstances = Circumstances(), terms: Any = None,
         only: Container[int] | None = None) -> Iterator[Ranking]:
    """Rank the pool for every need, in blocks, so that memory stays O(block · texts).

    ``terms`` (n_queries, HASH_SIZE) are the needs', where they are counted already. ``only`` names
    places of queries to be ranked, with the others beside them: a product's last digits may change
    with its shape.
    """
    size = block_size(pool)
    for start in range(0, len(queries), size):
        block = queries[start : start + size]
        counts = (count_terms([query.need.text for query in block]) if terms is None else
                  terms[start : start + size])
        affinities = text_affinities(block, pool, ranker, counts)
        for row, (query, texts) in enumerate(zip(block, affinities, strict=True)):
            if only is None or start + row in only:
                yield _rank_one(query, texts, counts[row], pool, ranker, circumstances)


def block_size(pool: Pool) -> int:
    """Say how many needs are compared with a pool at once."""
    return max(LEAST_BLOCK, min(BLOCK, BLOCK_VALUES // max(len(pool.texts), 1)))


def _rank_one(query: Query, texts: Floats, counts: Any, pool: Pool, ranker: Ranker,
              circumstances: Circumstances) -> Ranking:
    """Score every offer for one need and sort the eligible ones."""
    found = _scored(query, texts, pool, ranker, circumstances)
    pasted = pasted_texts(query.need, counts, found.order[:CHECKED], pool)
    if not pasted:
        return found
    if circumstances.embed is None or query.need.valid_from is None:
        return replace(found, pasted=pasted)
    honest = pool_without(query.need, pool, list(pasted), circumstances.embed)
    texts = text_affinities([query], honest, ranker)[0]
    return replace(_scored(query, texts, honest, ranker, circumstances), pasted=pasted,
                   honest=honest)


def _scored(query: Query, texts: Floats, pool: Pool, ranker: Ranker,
            circumstances: Circumstances) -> Ranking:
    ok = eligible(query.need, pool.offers, circumstances.day, circumstances.banned, pool.kept)
    distance = distances_km(query.place, pool.places, pool.kept)
    fill = filling(texts, pool) if pool.texts else None
    context = Context(query.need, pool.offers, log_mean_exp(texts, pool, fill), distance,
                      pool.evidence, circumstances.records, circumstances.day, pool.kept)
    features = compute_features(context)
    scores = ranker.score(features)
    welcome = ranker.score(mirror_features(context, features))
    return Ranking(query, ok, features, distance, scores, texts, _ordered(ok, scores, pool),
                   welcome, fill=fill)


def _ordered(ok: NDArray[np.bool_], scores: NDArray[np.float64], pool: Pool) -> NDArray[np.intp]:
    """Sort the eligible offers by score and id, near-copies spread; (k,) places in the pool."""
    rows = pool.by_id[ok[pool.by_id]]
    return spread_copies(rows[_falling(scores[rows])], pool.copies)


def _falling(values: NDArray[np.float64]) -> NDArray[np.intp]:
    """Give the places of values without NaN, the highest first, ties as they come."""
    order = np.argsort(-values)  # in half the time of a stable one
    ties = np.flatnonzero(np.diff(values[order]) == 0)
    if len(ties) > FEW_TIES:
        return np.argsort(-values, kind="stable")
    for run in np.split(ties, np.flatnonzero(np.diff(ties) > 1) + 1) if len(ties) else ():
        order[run[0] : run[-1] + 2].sort()
    return order


def rescore(ranking: Ranking, pool: Pool, ranker: Ranker) -> Ranking:
    """Give the same ranking with the weights of another ranker, the features as they are.

    The weights inside the affinity, and ``welcome``, stay those of the ranking.
    """
    scores = ranker.score(ranking.features)
    return replace(ranking, scores=scores, propensities=None,
                   order=_ordered(ranking.eligible, scores, pool))


@dataclass(frozen=True, slots=True)
class Odds:
    """Log-odds of all offers (n_offers,), and those of the eligible ones, rising (k,)."""

    of_offers: NDArray[np.float64]
    rising: NDArray[np.float64]


def log_odds(ranking: Ranking) -> Odds:
    """Give the log-odds of a ranking's scores."""
    odds = np.log(ranking.scores) - np.log1p(-ranking.scores)
    return Odds(odds, np.sort(odds[ranking.order]))


def ranks_without(ranking: Ranking, pool: Pool, ranker: Ranker, offers: Sequence[int],
                  fill: Filling, odds: Odds) -> list[list[int]]:
    """Give the places (one-based) that offers would take without each of their texts.

    Offers have two or more texts each.
    """
    sizes = pool.sizes[offers]
    of_text = np.repeat(np.array(offers, np.intp), sizes)
    ends, rows = np.cumsum(sizes), run_places(pool.starts[offers], sizes)
    values = np.exp(ranking.text_affinity[rows].astype(float) / TEMPERATURE)
    others = np.repeat(sizes - 1, sizes)
    missing = np.maximum(fill.least - others, 0)
    rest = np.repeat(np.add.reduceat(values, ends - sizes), sizes) - values
    rest += missing * np.exp(fill.ordinary / TEMPERATURE)
    joined = np.log(rest / (others + missing)) * TEMPERATURE
    change = np.clip(joined, -1, 1) - ranking.features["affinity"][of_text]
    own = odds.of_offers[of_text]
    lowered = own + ranker.weight(AFFINITY) * change
    better = len(odds.rising) - np.searchsorted(odds.rising, lowered, side="right")
    places = better - (ranking.eligible[of_text] & (own > lowered)) + 1
    return [part.tolist() for part in np.split(places, ends[:-1])]


def text_affinities(queries: Sequence[Query], pool: Pool, ranker: Ranker,
                    counts: Any = None) -> Floats:
    """Give the affinity of each need with each single text, (n_queries, n_texts) float32.

    ``counts`` (n_queries, HASH_SIZE) are the needs' terms, where they are counted already.
    """
    matrix = np.stack([q.vector for q in queries]) if queries else np.zeros((0, 1), np.float32)
    if not pool.texts:
        return np.zeros((len(queries), 0), np.float32)
    values = np.asarray(matrix @ pool.vectors.T, np.float32)
    later, first = pool.twins
    values[:, later] = values[:, first]  # a product's last digit may change with the column
    counts = count_terms([q.need.text for q in queries]) if counts is None else counts
    groups = np.array([group_of(q.need.text) for q in queries])
    for group in np.unique(groups):
        mine = np.flatnonzero(groups == group)
        slope, offset = _line(group, pool, ranker)
        rows = [values[place] for place in mine]
        for own in rows:  # row by row and in place: a row fits into the processor's cache
            own *= slope
            own += offset
        if group in pool.indexes:
            pool.indexes[group].add_cosines(counts[mine], ranker.lexical_weights.get(group, 1.0),
                                            rows)
    return values


def _line(group: str, pool: Pool, ranker: Ranker) -> tuple[Floats, Floats]:
    """Give slope and offset (n_texts,) of the cosine with each text for a need of a group."""
    key = ("line", group, ranker.dense_weight, ranker.cross_slope, ranker.cross_offset)
    if key not in pool.kept:
        slope = np.full(len(pool.texts), ranker.cross_slope, np.float32)
        offset = np.full(len(pool.texts), ranker.cross_offset, np.float32)
        if group in pool.indexes:
            own = pool.indexes[group].rows
            slope[own], offset[own] = ranker.dense_weight, 0
        pool.kept[key] = slope, offset
    line: tuple[Floats, Floats] = pool.kept[key]
    return line


@dataclass(frozen=True, slots=True)
class Filling:
    """What offers with few texts are filled up with: to ``least`` texts, of value ``ordinary``."""

    least: float
    ordinary: float


def filling(values: Floats, pool: Pool) -> Filling:
    """Say what offers are filled up with, given the affinity of every text (n_texts,)."""
    if "usual size" not in pool.kept:
        pool.kept["usual size"] = float(np.median(pool.sizes))
    place = ORDINARY * (len(values) - 1)
    low = int(place)
    cut = np.partition(values, low)  # for one place ten times as fast as for two
    first, second = float(cut[low]), float(cut[low + 1 :].min(initial=np.inf))
    above = (second - first) * (place - low) if place > low else 0.0
    return Filling(pool.kept["usual size"], first + above)


def log_mean_exp(values: Floats, pool: Pool, fill: Filling | None = None) -> Floats:
    """Join the values (n_texts,) of each offer's texts, filled up to the median number.

    Gives (n_offers,); between mean and maximum. ``fill``, where it is known already.
    """
    if not len(pool.offers):
        return np.zeros(0, np.float32)
    grown = np.exp(values / np.float32(TEMPERATURE))  # float32 is 15 × as fast, and exact enough
    sums = np.add.reduceat(grown, pool.starts, dtype=np.float64)
    fill = fill or filling(values, pool)
    missing = np.maximum(fill.least - pool.sizes, 0)
    sums += missing * np.exp(fill.ordinary / TEMPERATURE)
    return np.asarray(np.log(sums / (pool.sizes + missing)) * TEMPERATURE, np.float32)


def distances_km(place: Place, places: Sequence[Place],
                 kept: dict[object, Any] | None = None) -> Floats:
    """Great-circle distances on a sphere of 6371 km, (n,); NaN where a place is unknown.

    ``kept`` outlives the call: each place is measured from once, and there are few.
    """
    if place is None:
        return np.full(len(places), np.nan, np.float32)
    kept = {} if kept is None else kept
    key = ("distance", place)
    if key not in kept:
        there = np.radians(np.array([p or (np.nan, np.nan) for p in places], float).reshape(-1, 2))
        lat, lng = np.radians(place)
        half = (np.sin((there[:, 0] - lat) / 2) ** 2
                + np.cos(lat) * np.cos(there[:, 0]) * np.sin((there[:, 1] - lng) / 2) ** 2)
        kept[key] = np.asarray(2 * EARTH_KM * np.arcsin(np.sqrt(half)), np.float32)
    found: Floats = kept[key]
    return found

