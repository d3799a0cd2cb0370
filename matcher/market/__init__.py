"""Both sides of a market: lists that take the other side's wish and its capacity into account.

Pure: interests and capacities are passed in; chance only as a numpy ``Generator``.

Mutual score
    √(p · q) of need's interest p and offer's interest q. p · q is the chance that both say yes
    when each decides alone, and orders pairs in the same way; the root keeps the scale of p and
    q. (RECON, Pizzato et al. 2010, takes the harmonic mean; in simulated markets it gives the
    same matches within 2 %, but has no such meaning.)

Market solution
    Matching with transferable utility (Choo and Siow 2006): of a surplus Φ for each pair, μ =
    exp(Φ / 2) · √(unused capacity of the need · unused capacity of the offer), where matches
    and unused capacity add up to the capacity on both sides. μ exists and is unique (Decker et
    al. 2013); iterated proportional fitting finds it (Galichon and Salanié 2022; for
    recommending: Tomita et al. 2022, 2023). Both sides are listed by μ. A capacity is what they
    call the number of a type.

Measures
    Position-based model: who lists somebody at position k looks with chance 1 / k (or
    1 / log2(k + 1)), and both must look and want. Expected matches and envy as in Tomita and
    Yokoyama 2024 (RecSys), exposure as in Singh and Joachims 2018.

    sides       what the two sides want of each other; simulated markets
    solution    surplus and equilibrium
    lists       POLICIES: one-sided, by mutual score, by the market solution
    measures    what lists would bring
"""

from matcher.market.lists import POLICIES, Lists, Policy, Scores, make_lists
from matcher.market.measures import (
    Measures,
    compare_lists,
    gini,
    logarithmic,
    measure,
    reciprocal,
)
from matcher.market.sides import Market, mutual_scores, simulate_preferences
from matcher.market.solution import (
    Equilibrium,
    additive_surplus,
    mutual_surplus,
    solve_market,
)

__all__ = [
    "POLICIES", "Equilibrium", "Lists", "Market", "Measures", "Policy", "Scores",
    "additive_surplus", "compare_lists", "gini", "logarithmic", "make_lists", "measure",
    "mutual_scores", "mutual_surplus", "reciprocal", "simulate_preferences", "solve_market",
]
