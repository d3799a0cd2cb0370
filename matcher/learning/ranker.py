"""Learn the ranker's weights: a logistic model that starts from good weights and stays monotone.

The log-odds are ``intercept + Σ weight · (feature − neutral)``, as ``matcher.ranker`` scores.
The best weights minimise, over rows with target t, share s and log-odds z,

    Σ s · (log(1 + exp z) − t · z)  +  ½ Σ ((weight − start) / scale)²

where no weight may have another sign than its feature's direction. The sum is the logistic
loss, the rest a Gaussian prior around the starting weights (maximum a posteriori): without labels
the start itself is the answer, and few labels move it little. Both are convex in the weights
for any target, also one above 1 as inverse propensities give. Solved by L-BFGS-B (Byrd, Lu, Nocedal
and Zhu 1995) in units of the scales, then by Newton's steps.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from matcher.features import FEATURES
from matcher.forking import on_one_thread
from matcher.ranker import Ranker

Floats = NDArray[np.float64]
KEYS = tuple(f.key for f in FEATURES)
NEUTRAL = np.array([f.neutral for f in FEATURES])
DIRECTIONS = np.array([f.direction for f in FEATURES])
# One standard deviation of the prior is half the starting weight, or half of 1 for a smaller one.
SPREAD = 0.5
NEWTON_STEPS = 5
# How far outcomes may be rarer or commoner than helpful judgements, in log-odds: almost anything.
OFFSET_SCALE = 20.0


@dataclass(frozen=True, slots=True)
class Prior:
    """What is believed before any label; arrays are (k,).

    ``scales`` are standard deviations; ``directions`` +1, -1, or 0 for a weight of any sign.
    """

    weights: Floats
    scales: Floats
    directions: NDArray[np.int_]
    intercept: float
    intercept_scale: float


@dataclass(frozen=True, slots=True)
class Solution:
    """The best weights (k,) and intercept; ``settled`` False when the steps ran out."""

    weights: Floats
    intercept: float
    steps: int
    settled: bool


@dataclass(frozen=True)
class Labels:
    """Rows to learn from: features (n, k) in the catalogue's order, targets and shares (n,).

    A target is the chance that the offer helps, an inverse-propensity one may exceed 1;
    a share says how many rows the row counts for, 0 or more.
    """

    features: Floats
    targets: Floats
    shares: Floats


@on_one_thread
def solve(rows: Floats, targets: Floats, shares: Floats, prior: Prior, *, tol: float = 1e-8,
          max_iter: int = 1000) -> Solution:
    """Minimise the loss above; ``rows`` (n, k) are features minus neutral values, n may be 0."""
    start = np.append(prior.weights, prior.intercept)
    scales = np.append(prior.scales, prior.intercept_scale)
    design = np.column_stack([rows, np.ones(len(rows))])
    from_start, scaled = design @ start, design * scales

    def loss(moves: Floats) -> tuple[float, Floats]:
        odds = from_start + scaled @ moves
        value = shares @ (np.logaddexp(0, odds) - targets * odds) + moves @ moves / 2
        return float(value), scaled.T @ (shares * (expit(odds) - targets)) + moves

    bounds = _bounds(prior)
    found = minimize(loss, np.zeros(start.size), jac=True, method="L-BFGS-B", bounds=bounds,
                     options={"maxiter": max_iter, "gtol": tol, "ftol": 0.0})
    moves = _polished(found.x, loss, lambda x: _curvature(scaled, shares, from_start + scaled @ x),
                      bounds)
    weights = start[:-1] + scales[:-1] * moves[:-1]
    wrong = weights * prior.directions < 0  # by a rounding error at the bound
    return Solution(np.where(wrong, 0.0, weights), float(start[-1] + scales[-1] * moves[-1]),
                    int(found.nit), found.status != 1)


def _curvature(scaled: Floats, shares: Floats, odds: Floats) -> Floats:
    """Give the second derivatives of the loss, (k, k)."""
    chance = expit(odds)
    curved = scaled.T @ (scaled * (shares * chance * (1 - chance))[:, None])
    return np.asarray(curved + np.eye(scaled.shape[1]))


def _polished(moves: Floats, loss: Callable[[Floats], tuple[float, Floats]],
              curvature: Callable[[Floats], Floats], bounds: Floats) -> Floats:
    """Go on by Newton's steps while they help; what stands at a bound (k, 2) stays there.

    L-BFGS-B ends where the loss changes no more in its last digits, on another processor elsewhere.
    """
    free = ~(moves[:, None] == bounds).any(axis=1)
    slope = loss(moves)[1]
    for _ in range(NEWTON_STEPS):
        step = np.zeros(moves.size)
        step[free] = np.linalg.solve(curvature(moves)[np.ix_(free, free)], slope[free])
        tried = np.clip(moves - step, bounds[:, 0], bounds[:, 1])
        after = loss(tried)[1]
        if np.abs(after[free]).max(initial=0.0) >= np.abs(slope[free]).max(initial=0.0):
            break
        moves, slope = tried, after
    return moves


def _bounds(prior: Prior) -> Floats:
    """Bound each move, in scales, so that no weight crosses 0; the intercept is free; (k, 2)."""
    ends = -prior.weights / prior.scales
    low = np.where(prior.directions > 0, ends, -np.inf)
    high = np.where(prior.directions < 0, ends, np.inf)
    return np.append(np.column_stack([low, high]), [[-np.inf, np.inf]], axis=0)


def train_ranker(start: Ranker, judged: Labels | None = None,
                 outcomes: Labels | None = None) -> Ranker:
    """Learn new weights from judged pairs and outcomes; without labels they are the start's.

    The affinity's own numbers stay. Outcomes may be rarer or commoner than helpful
    judgements: they get an offset of their own, learned and left out of the new ranker, so
    that its score stays the chance that a judge calls the offer helpful.
    """
    parts = [part for part in (judged, outcomes) if part is not None and len(part.targets)]
    if not parts:
        return start
    rows = np.vstack([part.features for part in parts]) - NEUTRAL
    offset = np.concatenate([np.full(len(p.targets), float(p is outcomes)) for p in parts])
    found = solve(np.column_stack([rows, offset]), np.concatenate([p.targets for p in parts]),
                  np.concatenate([p.shares for p in parts]), _with_offset(prior_of(start)))
    weights = dict(zip(KEYS, found.weights[:-1].tolist(), strict=True))
    return replace(start, intercept=found.intercept, weights=weights, revision="unsaved")


def prior_of(start: Ranker) -> Prior:
    """Centre the prior on a ranker; one standard deviation is half of each number."""
    weights = np.array([start.weight(feature) for feature in FEATURES])
    return Prior(weights, SPREAD * np.maximum(np.abs(weights), 1.0), DIRECTIONS,
                 start.intercept, SPREAD * max(abs(start.intercept), 1.0))


def _with_offset(prior: Prior) -> Prior:
    return replace(prior, weights=np.append(prior.weights, 0.0),
                   scales=np.append(prior.scales, OFFSET_SCALE),
                   directions=np.append(prior.directions, 0))


def score_rows(ranker: Ranker, features: Floats) -> Floats:
    """Score rows of features (n, k) in the catalogue's order; gives (n,) in 0…1."""
    columns = features.astype(np.float32)
    return ranker.score({key: columns[:, j] for j, key in enumerate(KEYS)})


def _shares(given: Any, count: int) -> Floats:
    """Check sample weights (n,); None stands for equal ones."""
    if given is None:
        return np.ones(count)
    shares = np.asarray(check_array(given, ensure_2d=False, dtype=np.float64,
                                    input_name="sample_weight"))
    if shares.shape != (count,) or (shares < 0).any() or not shares.any():
        raise ValueError(f"sample_weight must hold {count} numbers of 0 or more, at least one "
                         f"number non-zero; found {shares.shape}, from {shares.min()} to "
                         f"{shares.max()}")
    return shares


class RankerEstimator(ClassifierMixin, BaseEstimator):
    """Monotone logistic classifier of two classes around starting weights.

    Parameters (k = number of features; one number stands for k equal ones):
    ``start`` (k,) starting weights, None for zeros; ``start_intercept``; ``neutral`` (k,) values
    that contribute nothing, None for zeros; ``directions`` +1, -1 or 0 (any sign); ``scale`` > 0,
    how far labels may move a weight (standard deviation of the prior), ``intercept_scale``
    likewise; ``tol`` largest gradient at the end; ``max_iter`` steps.

    Learned: ``weights_`` (k,), ``intercept_``, ``classes_`` (2,), the second being the one whose
    chance rises with the log-odds, ``n_iter_``, ``n_features_in_``.

    Errors are ``ValueError``, as scikit-learn's own checks demand.
    """

    def __init__(self, start: Any = None, start_intercept: float = 0.0, neutral: Any = None,
                 directions: Any = 1, scale: Any = 10.0, intercept_scale: float = 10.0,
                 tol: float = 1e-8, max_iter: int = 1000) -> None:
        self.start = start
        self.start_intercept = start_intercept
        self.neutral = neutral
        self.directions = directions
        self.scale = scale
        self.intercept_scale = intercept_scale
        self.tol = tol
        self.max_iter = max_iter

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> RankerEstimator:  # noqa: N803
        """Learn from rows (n, k), labels (n,) of two classes and weights (n,) or None."""
        X, y = validate_data(self, X, y, dtype=np.float64)  # noqa: N806
        kind = type_of_target(y, input_name="y", raise_unknown=True)
        self.classes_, targets = np.unique(y, return_inverse=True)
        if kind != "binary" or len(self.classes_) != 2:
            raise ValueError("Only binary classification is supported, with two classes present. "
                             f"The type of the target is {kind}, with {len(self.classes_)} class.")
        found = solve(X - self._wide("neutral", 0.0), targets.astype(float),
                      _shares(sample_weight, len(X)), self._prior(), tol=self.tol,
                      max_iter=self.max_iter)
        if not found.settled:
            warnings.warn(f"not settled after {self.max_iter} steps (max_iter)",
                          ConvergenceWarning, stacklevel=2)
        self.weights_, self.intercept_ = found.weights, found.intercept
        self.n_iter_ = found.steps
        return self

    def decision_function(self, X: Any) -> Floats:  # noqa: N803
        """Give the log-odds of the second class, (n,)."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)  # noqa: N806
        return np.asarray((X - self._wide("neutral", 0.0)) @ self.weights_ + self.intercept_)

    def predict_proba(self, X: Any) -> Floats:  # noqa: N803
        """Give the chances of the two classes, (n, 2)."""
        chance = expit(self.decision_function(X))
        return np.column_stack([1 - chance, chance])

    def predict(self, X: Any) -> NDArray[Any]:  # noqa: N803
        """Give the likelier class, (n,)."""
        odds = self.decision_function(X)
        return np.asarray(self.classes_[(odds > 0).astype(int)])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        # The checks' clouds fall along one axis, which a rising weight may not follow.
        tags.classifier_tags.poor_score = bool(np.any(np.asarray(self.directions) != 0))
        return tags

    def _prior(self) -> Prior:
        """Read the parameters, every fault named at once."""
        start, scale = self._wide("start", 0.0), self._wide("scale", 10.0)
        directions = self._wide("directions", 1.0)
        rules = (("scale must be above 0", (scale > 0).all() and self.intercept_scale > 0),
                 ("directions must be -1, 0 or 1", np.isin(directions, (-1, 0, 1)).all()),
                 ("start must not have another sign than directions",
                  (start * directions >= 0).all()))
        broken = [rule for rule, kept in rules if not kept]
        if broken:
            raise ValueError("; ".join(broken))
        return Prior(start, scale, directions.astype(int), self.start_intercept,
                     self.intercept_scale)

    def _wide(self, name: str, default: float) -> Floats:
        """Give a parameter as (k,) numbers."""
        given = getattr(self, name)
        values = np.asarray(default if given is None else given, dtype=float)
        if values.shape not in ((), (self.n_features_in_,)):
            raise ValueError(f"{name} must be one number or {self.n_features_in_} of them, "
                             f"found {values.shape}")
        return np.broadcast_to(values, self.n_features_in_)
