"""A centre at a glance: themes with needs and without offers, which themes meet, stages, scores.

Pure counts over records that the caller may see; each is a table first, a picture second.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from matcher.vocabulary import STAGES, THEMES, Need, Offer

BINS = 10


@dataclass(frozen=True, slots=True)
class Gap:
    """One theme: needs, offers that can be had, and needs for each offer (None: no offer)."""

    theme: str
    needs: int
    offers: int

    @property
    def pressure(self) -> float | None:
        """Give needs for each offer."""
        return self.needs / self.offers if self.offers else None


def theme_gaps(needs: Sequence[Need], offers: Sequence[Offer]) -> tuple[Gap, ...]:
    """Count needs and offers of each theme, the theme with most needs for each offer first."""
    asked = Counter(theme for need in needs for theme in need.themes)
    given = Counter(theme for offer in offers for theme in offer.themes)
    gaps = [Gap(theme, asked[theme], given[theme]) for theme in THEMES]
    return tuple(sorted(gaps, key=lambda g: (-(g.needs / (g.offers + 0.5)), g.theme)))


def theme_matrix(pairs: Iterable[tuple[Need, Offer]]) -> Mapping[tuple[str, str], int]:
    """Count pairs by (theme of the need, theme of the offer); many themes count in each."""
    return Counter((asked, given) for need, offer in pairs
                   for asked in need.themes for given in offer.themes)


def funnel(reached: Iterable[str]) -> tuple[tuple[str, int], ...]:
    """Count pairs that came to each stage or beyond, given each pair's present stage."""
    steps = STAGES[: STAGES.index("declined")]
    counts = Counter(reached)
    return tuple((stage, sum(counts[later] for later in steps[place:]))
                 for place, stage in enumerate(steps))


def histogram(scores: Iterable[float]) -> tuple[tuple[float, float, int], ...]:
    """Count scores in ten equal bins over 0…1, as (low, high, count)."""
    counts = Counter(min(int(score * BINS), BINS - 1) for score in scores)
    return tuple((i / BINS, (i + 1) / BINS, counts[i]) for i in range(BINS))
