"""Nested cross-validation for expertise ratings, beside the fixed configuration.

What the ranking's two free choices, how an offer's texts are joined and what words weigh, bring
when they are chosen on some reviewers and measured on others: reviewers are dealt to five folds;
for each fold the configuration of least loss on the other four is taken, and the fold is measured
with it (Stone 1974; Varma and Simon 2006). The configurations have nothing else to fit, so the
four folds are scored directly. Dealing is repeated with 20 seeds; figures are means over them,
and their intervals resample reviewers with the choices as made.

The configuration that ships was fixed without this procedure; it is measured beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from matcher.encoding import Encoder
from matcher.errors import InputError
from matcher.evaluation.expertise import (
    Expertise,
    Scored,
    is_expertise,
    read_expertise,
    remember,
    units_of_scores,
)
from matcher.evaluation.figures import SEED, Figure, Floats, Units
from matcher.lexical import group_of
from matcher.pool import Floats as Floats32
from matcher.pool import Pool, build_pool
from matcher.ranker import Ranker
from matcher.ranking import TEMPERATURE, Query, filling, log_mean_exp, text_affinities
from matcher.vocabulary import Evidence, Need, Offer

FOLDS = 5
SEEDS = 20
BEST = 3
Join = Callable[[Floats32, Pool], Floats32]


def join_at(values: Floats32, pool: Pool, temperature: float) -> Floats32:
    """Join texts (n_texts,) by log-mean-exp at another temperature than the ranking's.

    Exact: ``t log mean exp(v / t)`` is the ranking's own join of values stretched by T / t.
    """
    stretch = np.float32(TEMPERATURE / temperature)
    return log_mean_exp(values * stretch, pool) / stretch


def join_mean(values: Floats32, pool: Pool) -> Floats32:
    """Join texts (n_texts,) by their mean, filled up as the ranking does."""
    fill = filling(values, pool)
    missing = np.maximum(fill.least - pool.sizes, 0)
    sums = np.add.reduceat(values.astype(float), pool.starts) + missing * fill.ordinary
    return np.asarray(sums / (pool.sizes + missing), np.float32)


def join_best(values: Floats32, pool: Pool) -> Floats32:
    """Join texts (n_texts,) by the mean of the best three, filled up as the ranking does."""
    fill = filling(values, pool)
    return np.array([_best(values[pool.texts_of(i)], fill.least, fill.ordinary)
                     for i in range(len(pool.offers))], np.float32)


def _best(values: Floats32, least: float, ordinary: float) -> float:
    missing = max(min(BEST, round(least)) - values.size, 0)
    return float(np.sort([*values.tolist(), *[ordinary] * missing])[-BEST:].mean())


JOINS: Mapping[str, Join] = {
    **{f"temperature {t}": partial(join_at, temperature=t) for t in (0.05, 0.1, 0.2, 0.3)},
    "mean": join_mean, "mean of the best three": join_best,
}
LEXICAL_WEIGHTS = (0.0, 0.5, 1.0, 1.5, 2.0)


@dataclass(frozen=True, slots=True)
class Configuration:
    """How texts are joined (a key of ``JOINS``) and what words weigh; None: as the ranker says."""

    join: str
    lexical_weight: float | None


GRID = tuple(Configuration(join, weight) for join in JOINS for weight in LEXICAL_WEIGHTS)
FIXED = Configuration(f"temperature {TEMPERATURE}", None)


@dataclass(frozen=True)
class Nested:
    """Figures with the configuration chosen on other reviewers, and with the fixed one.

    ``spread`` is the standard deviation of the loss over seeds; ``chosen`` says how often each
    configuration was taken, of ``folds`` times; ``hindsight`` is the best of the grid on all
    reviewers, which flatters and is shown for the distance only.
    """

    figures: Mapping[str, Figure]
    fixed: Mapping[str, Figure]
    hindsight: Mapping[str, Figure]
    spread: float
    chosen: Mapping[Configuration, int]
    folds: int


def read_rated(folder: Path) -> Expertise:
    """Read expertise ratings; raise ``InputError`` for a folder that has none."""
    if not is_expertise(folder):
        raise InputError("Nested cross-validation wants a folder of expertise ratings; {folder} "
                         "has no profile_papers.jsonl or profile_papers.jsonl.gz.",
                         folder=str(folder))
    return read_expertise(folder)


def measure_nested(found: Expertise, encoder: Encoder, ranker: Ranker,
                   progress: Callable[[str, int, int], None] = lambda *_: None) -> Nested:
    """Choose and measure in nested folds.

    Raises ``InputError`` with fewer reviewers than folds.
    """
    if len(found.ratings) < FOLDS:
        raise InputError("Nested cross-validation deals reviewers to {folds} folds; found only "
                         "{found} with ratings and papers.", folds=FOLDS, found=len(found.ratings))
    measured = score_grid(found, encoder, ranker, progress)
    grid = [measured[configuration] for configuration in GRID]
    return _nested(grid, measured[FIXED])


def score_grid(found: Expertise, encoder: Encoder, ranker: Ranker,
               progress: Callable[[str, int, int], None]) -> dict[Configuration, Units]:
    """Measure every configuration of the grid, and the fixed one, reviewer by reviewer."""
    known = remember(found, encoder)
    scored: dict[Configuration, list[Scored]] = {c: [] for c in (*GRID, FIXED)}
    for done, sample in enumerate(found.samples, start=1):
        for configuration, scores in _score_sample(found, sample, known, ranker):
            scored[configuration].append(scores)
        progress("match", done, len(found.samples))
    return {c: units_of_scores(found.ratings, samples) for c, samples in scored.items()}


def _score_sample(found: Expertise, sample: Mapping[str, Sequence[str]], encoder: Encoder,
                  ranker: Ranker) -> Iterator[tuple[Configuration, Scored]]:
    """Score each reviewer's rated papers in every configuration, for one sample of own papers."""
    people = sorted(found.ratings)
    rated = sorted({paper for grades in found.ratings.values() for paper in grades})
    places = {paper: place for place, paper in enumerate(rated)}
    pool = _pool(people, [[found.own[p] for p in sample[r]] for r in people], encoder)
    needs = [Need(paper, description=found.papers[paper]) for paper in rated]
    vectors = encoder.encode_query([need.text for need in needs])
    queries = [Query(*pair) for pair in zip(needs, vectors, strict=True)]
    weights = {c.lexical_weight for c in (*GRID, FIXED)}
    texts = {w: text_affinities(queries, pool, _weighed(ranker, pool, w)) for w in weights}
    for configuration in (*GRID, FIXED):
        join, values = JOINS[configuration.join], texts[configuration.lexical_weight]
        affinity = np.clip([join(row, pool) for row in values], -1, 1)
        yield configuration, {r: affinity[[places[p] for p in found.ratings[r]], column].astype(
            float) for column, r in enumerate(people)}


def _pool(people: Sequence[str], texts: Sequence[Sequence[str]], encoder: Encoder) -> Pool:
    evidence = [Evidence(f"{r}/{n}", r, text) for r, own in zip(people, texts, strict=True)
                for n, text in enumerate(own)]
    return build_pool([Offer(r) for r in people], evidence, encoder.encode_document,
                      lambda offer: None)


def _weighed(ranker: Ranker, pool: Pool, weight: float | None) -> Ranker:
    """Give the ranker with one weight of words for every language group of the pool."""
    if weight is None:
        return ranker
    groups = {group_of(text.text) for text in pool.texts}
    return replace(ranker, lexical_weights=dict.fromkeys(groups, weight))


def _nested(grid: Sequence[Units], fixed: Units) -> Nested:
    """Choose by the loss, the first metric, on four folds and measure on the fifth."""
    losses = np.stack([units.parts[:, 0] for units in grid])
    outer, chosen = [], Counter[Configuration]()
    for seed in range(SEEDS):
        parts = np.empty_like(fixed.parts)
        for fold, taken in _choices(losses, np.random.default_rng(SEED + seed)):
            parts[fold] = grid[taken].parts[fold]
            chosen[GRID[taken]] += 1
        outer.append(parts)
    spread = np.std([parts[:, 0].sum() for parts in outer], ddof=1) / fixed.wholes[:, 0].sum()
    best = grid[int(losses.sum(axis=1).argmin())]
    return Nested(replace(fixed, parts=np.mean(outer, axis=0)).figures(), fixed.figures(),
                  best.figures(), float(spread), dict(chosen.most_common()), FOLDS * SEEDS)


def _choices(losses: Floats, random: np.random.Generator
             ) -> Iterator[tuple[NDArray[np.intp], int]]:
    """Deal reviewers to folds; give each fold and the configuration the others would take.

    ``losses`` (configurations, reviewers) are costs; their wholes do not depend on the
    configuration, so the least sum is the least loss. The first of equals is taken.
    """
    everybody = losses.sum(axis=1)
    for fold in np.array_split(random.permutation(losses.shape[1]), FOLDS):
        yield fold, int((everybody - losses[:, fold].sum(axis=1)).round(9).argmin())
