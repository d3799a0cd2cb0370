"""Two parts of one paper as a pair: what a text is about, not how it says it.

A title with its abstract, or a paper's beginning with its end, each in English or in Chinese
(after Lee, Chang & Toutanova 2019, "inverse cloze task"). Only the static channel learns from
them: it sees long texts at no cost.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from matcher.learning.corpus import Corpus
from matcher.learning.heldout import find_papers
from matcher.learning.sides import Ints, Side

TITLE_FIRST = 0.5


@dataclass(frozen=True)
class Papers:
    """Papers as runs of rows: the title is row ``first``, the sentences go to ``last`` − 1."""

    first: Ints
    last: Ints

    def parts(self, count: int, random: np.random.Generator) -> tuple[Ints, Ints, Ints]:
        """Draw papers and cut each in two; give the three borders (count,) of the parts."""
        drawn = random.choice(len(self.first), count)
        first, last = self.first[drawn], self.last[drawn]
        more = random.integers(0, last - first - 1) * (random.random(count) >= TITLE_FIRST)
        return first, first + 1 + more, last

    def pairs(self, sides: tuple[Side, Side], count: int, keep: float, longest: int,
              random: np.random.Generator) -> Iterator[list[tuple[Any, Any]]]:
        """Give bags of the two parts for each of the four pairs of languages."""
        for left, right in product(sides, repeat=2):
            first, middle, last = self.parts(count // 4, random)
            yield [left.bag(first, middle, keep, longest, random),
                   right.bag(middle, last, keep, longest, random)]


def training_papers(corpus: Corpus) -> Papers:
    """Give the papers that were not held out, in no part."""
    found = [(title, rows[-1] + 1) for title, rows in find_papers(corpus)
             if (corpus.weights[[title, *rows]] > 0).all()]
    first, last = np.array(found, np.int64).reshape(-1, 2).T
    return Papers(first, last)
