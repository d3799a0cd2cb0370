"""Position bias: near-ties in random order, and the chance that a position is looked at.

A reaction needs two things: the offer was looked at, and it was wanted. Only the first depends
on the position (Joachims, Swaminathan and Schnabel 2017). Offers of nearly equal score are
put into random order, so that inside such a tie the positions alone make the difference:
intervention harvesting (Agarwal et al. 2019). Where ``m`` offers share a tie, each stands at each
of its positions with chance 1/m; the reactions of a tie spread over its positions in proportion
to the chances of a look, whatever the offers are worth. Those chances make the likeliest
spread (a conditional logit); they fall with the position, and a prior holds them near
1 / position where there are few reactions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp

from matcher.errors import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
LONGEST = 4
# The prior on the steps, log(chance at a position / chance at the next): those of 1 / position,
# all together up to flat or twice as steep, and each one off by 0.2 (one standard deviation).
STEEPNESS_SCALE = 1.0
STEP_SCALE = 0.2


def shuffle_near_ties(scores: Floats, width: float, random: np.random.Generator,
                      longest: int = LONGEST) -> tuple[Ints, Floats]:
    """Order scores (n,), best first, near-ties at random.

    Going down from the best, a tie takes in scores at most ``width`` below its first, and at
    most ``longest`` of them (the first tie a random number up to ``longest``, so that in the
    long run every position is tied with the next). Gives the order (n,) and the propensity of
    each place of it (n,): the exact chance, given where the ties were cut, that this offer stood
    there: 1 / size of its tie. Width 0 shuffles equal scores only. Equal scores keep their order
    before the shuffle. Raises ``InputError`` for a width below 0 or a ``longest`` below 1.
    """
    if not (width >= 0 and longest >= 1):
        raise InputError("Near-ties want a width of 0 or more and at least 1 place; found "
                         "{width} and {longest}.", width=width, longest=longest)
    order = np.argsort(-scores, kind="stable")
    room = int(random.integers(1, longest + 1))
    propensities = np.ones(len(order))
    start = 0
    while start < len(order):
        near = scores[order[start : start + room]] >= scores[order[start]] - width
        tie = slice(start, start + int(near.sum()))
        order[tie] = random.permutation(order[tie])
        propensities[tie] = 1 / near.sum()
        start, room = tie.stop, longest
    return order, propensities


def ties_of(propensities: Floats) -> Ints:
    """Number the ties of one list from its propensities (n,) in order of position, from 0.

    The last tie may be cut off. Raises ``InputError`` where the propensities are not those of
    ties of 1, 2, 3 … positions.
    """
    numbers = np.zeros(len(propensities), np.intp)
    start = number = 0
    while start < len(propensities):
        size = round(1 / propensities[start])
        tie = propensities[start : start + size]
        if not np.allclose(tie, 1 / size, atol=1e-6):
            raise InputError("From position {position} on a tie of {size} is logged, but its "
                             "propensities are {found}.", position=start + 1, size=size,
                             found=", ".join(f"{p:.4g}" for p in tie))
        numbers[start : start + size] = number
        start, number = start + size, number + 1
    return numbers


@dataclass(frozen=True)
class Examination:
    """The chance that each position is looked at, (depth,), the first being 1 by definition.

    ``reactions`` (0 …) is what it was learned from: reactions in ties of at least two shown.
    """

    chances: Floats
    reactions: int

    def at(self, positions: Ints) -> Floats:
        """Give the chance at positions from 1; 0 beyond the last."""
        inside = positions <= len(self.chances)
        return np.where(inside, self.chances[np.where(inside, positions - 1, 0)], 0.0)


def fit_examination(positions: Ints, ties: Ints, reactions: Floats) -> Examination:
    """Learn the chances from shown offers: position from 1, number of the tie, reactions 0 ….

    All (n,), at least one row; numbers of ties differ between lists. Only the spread inside
    ties counts. Without reactions there the answer is the prior, 1 / position.
    """
    depth = int(positions.max())
    places = (ties, positions - 1)
    where = np.zeros((int(ties.max()) + 1, depth), bool)
    where[places] = True
    counts = np.zeros(where.shape)
    np.add.at(counts, places, reactions)
    told = (where.sum(axis=1) > 1) & counts.any(axis=1)
    masks, kinds = np.unique(where[told], axis=0, return_inverse=True)
    summed = np.zeros(masks.shape)
    np.add.at(summed, kinds.ravel(), counts[told])
    return Examination(_likeliest(masks, summed), round(float(summed.sum())))


def _likeliest(masks: NDArray[np.bool_], counts: Floats) -> Floats:
    """Find the chances (depth,) under which reactions (kinds of tie, depth) are likeliest."""
    depth = masks.shape[1]
    expected = np.log1p(1 / np.arange(1, depth))
    spread = STEP_SCALE**2 * np.eye(depth - 1) + STEEPNESS_SCALE**2 * np.outer(expected, expected)
    precision = np.linalg.inv(spread)
    closed = np.where(masks, 0.0, -np.inf)
    totals = counts.sum(axis=1)

    def loss(steps: Floats) -> tuple[float, Floats]:
        logs = -np.concatenate([[0.0], np.cumsum(steps)])
        sums = logsumexp(logs + closed, axis=1)
        shares = np.exp(logs + closed - sums[:, None])
        pull = precision @ (steps - expected)
        value = totals @ sums - counts.sum(axis=0) @ logs + pull @ (steps - expected) / 2
        slopes = totals @ shares - counts.sum(axis=0)
        return float(value), -np.cumsum(slopes[::-1])[::-1][1:] + pull

    if depth == 1:
        return np.ones(1)
    found = minimize(loss, expected, jac=True, method="L-BFGS-B", bounds=[(0, None)] * (depth - 1))
    return np.asarray(np.exp(-np.concatenate([[0.0], np.cumsum(found.x)])))
