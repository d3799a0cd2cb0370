"""Explanation: which sentence of an offer answers which sentence of the need, and what is missing.

The two texts of an offer that were nearest to the need are cut into
sentences; pairs of a need sentence and an offer sentence with the highest cosines
are the evidence. The vectors know no language border, so a Chinese need can
point at an English sentence. Influence is leave-one-out: the list is made again without one
text of the offer.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import compress
from math import isfinite
from typing import Any

import numpy as np

from matcher.features import FEATURES
from matcher.integrity import read_fairly
from matcher.languages import detect, sentences
from matcher.lexical import terms
from matcher.pool import Embed, Floats, Pool, Text
from matcher.ranker import Ranker
from matcher.ranking import Ranking, filling, log_odds, ranks_without
from matcher.vocabulary import EvidencePair, Influence, Match, Message, Need

TEXTS_READ = 2
SENTENCES_READ = 40
PAIRS_SHOWN = 3
# A need sentence counts as missing where an offer's best sentence is this part as near as that
# of the list's best offer: relative, so that no language pair is judged by another's cosines.
ANSWERED = 0.7
LEAST_RAISE = 0.1
# What a form is filled in with and headings answer each other perfectly, and tell nothing.
_ADDRESS = re.compile(r"(?<!\S)\S+@\S+|https?://\S+|www\.\S+|(?<![\d.,])(?:09\d{8}|\(?(?:\+\d{2,3}[-\s)]*|0)"
                      r"\d{1,3}[-\s)]\s*\d{3,4}[-\s]?\d{3,4})(?!\d)")
_EMPTY = re.compile(r".{0,12}[:：]|【[^】]*】|"
                    r"(?:無|略|不限|同上|如附件|待議|面議|n/?a|none|tbd)[.。]?", re.IGNORECASE)
LEAST_BESIDE_ADDRESS = 9
PASTED = Message("the need stands in this offer's text word for word; those sentences do not count")
MARKED = Message("the need stands in this offer's text word for word")
RAISES = {
    "theme": Message("the need's theme among the offer's themes"),
    "trl": Message("a technology readiness level within the need's span"),
    "mode": Message("a way of working that both sides accept"),
    "money": Message("a budget that meets the offer's"),
    "recency": Message("newer evidence"),
    "support": Message("more dated evidence from outside"),
    "complete": Message("a complete profile"),
}


@dataclass(frozen=True)
class Comparison:
    """A need's sentences against those of one offer; ``cosines`` (asked, found).

    ``titles`` (asked, k) are those with the offer's title, which answers but is not quoted.
    """

    asked: Sequence[str]
    found: Sequence[tuple[Text, str]]
    cosines: Floats
    titles: Floats

    @cached_property
    def best(self) -> Floats:
        """Give the nearest sentence's cosine for each need sentence, (asked,); -1 for none."""
        both = np.hstack([self.cosines, self.titles])
        return np.asarray(both.max(axis=1, initial=-1), np.float32)

    def pairs(self, most: int = PAIRS_SHOWN) -> tuple[EvidencePair, ...]:
        """Give the nearest pairs, best first, no sentence of either side twice."""
        left = self.cosines.copy()
        places: dict[str, list[int]] = defaultdict(list)
        for place, (_, sentence) in enumerate(self.found):
            places[sentence].append(place)
        pairs: list[EvidencePair] = []
        while left.size and len(pairs) < most:
            row, column = divmod(int(left.argmax()), left.shape[1])
            cosine = float(left[row, column])
            if not isfinite(cosine):
                break
            text, sentence = self.found[column]
            pairs.append(EvidencePair(self.asked[row], sentence, cosine, text.evidence_id,
                                      detect(sentence)))
            left[row, :] = -np.inf
            left[:, places[sentence]] = -np.inf
        return tuple(pairs)


def explain(ranking: Ranking, pool: Pool, ranker: Ranker, embed: Embed,
            top: int | None = None, least: float = 0.0) -> tuple[Match, ...]:
    """Turn the first ``top`` offers of a ranking into matches with evidence.

    Those scored below ``least`` are listed without explanation.
    """
    listed = ranking.order[:top].tolist()
    chosen = [offer for offer in listed if ranking.scores[offer] >= least]
    explainer = Explainer(ranking, pool, ranker, chosen, listed)
    compared = dict(zip(chosen, compare(ranking, explainer.pool, chosen, embed), strict=True))
    nearest = np.max([c.best for c in compared.values()], axis=0) if compared else None
    return tuple(explainer.match(offer, place, compared[offer], nearest) if offer in compared
                 else explainer.plain(offer, place) for place, offer in enumerate(listed, start=1))


class Explainer:
    """Explains offers of one ranking; what they share is computed once."""

    def __init__(self, ranking: Ranking, pool: Pool, ranker: Ranker, offers: Sequence[int],
                 listed: Sequence[int] | None = None) -> None:
        """Explain these offers, by the pool without pasted sentences, where there were any.

        ``listed`` are those of which figures are asked as well.
        """
        self.offers = offers
        self.listed = offers if listed is None else listed
        self.ranking = ranking
        self.pool = ranking.honest or pool
        self.ranker = ranker

    @cached_property
    def _figures(self) -> dict[int, tuple[dict[str, float], dict[str, float]]]:
        """Features and contributions of each listed offer, all taken at once."""
        own = {key: values[self.listed] for key, values in self.ranking.features.items()}
        both = [(list(part), np.array(list(part.values())).T.tolist())
                for part in (own, self.ranker.contributions(own))]
        rows = [[dict(zip(keys, row, strict=True)) for row in values] for keys, values in both]
        return dict(zip(self.listed, zip(*rows, strict=True), strict=True))

    @cached_property
    def _influences(self) -> dict[int, tuple[Influence, ...]]:
        """Say, for each text of the offers, which rank its offer would have without it."""
        several = [offer for offer in self.offers if self.pool.sizes[offer] > 1]
        if not several:
            return {}
        fill = self.ranking.fill or filling(self.ranking.text_affinity, self.pool)
        places = ranks_without(self.ranking, self.pool, self.ranker, several, fill,
                               log_odds(self.ranking))
        return {offer: tuple(Influence(self.pool.texts[row].evidence_id, place) for row, place
                             in zip(self.pool.texts_of(offer), own, strict=True))
                for offer, own in zip(several, places, strict=True)}

    @cached_property
    def _best(self) -> list[tuple[str, float, float]]:
        """Each feature that can be raised: key, weight, the best value of any eligible offer."""
        order = self.ranking.order
        return [(f.key, self.ranker.weight(f),
                 float(self.ranking.features[f.key][order].max(initial=f.low)))
                for f in FEATURES if f.key in RAISES]

    def match(self, offer: int, place: int, compared: Comparison,
              nearest: Floats | None) -> Match:
        """Give the match of one offer; ``nearest`` (asked,) are the list's best cosines."""
        ranking = self.ranking
        missing = () if nearest is None else tuple(compress(
            compared.asked, compared.best < np.minimum(nearest, ANSWERED * nearest)))
        return self.plain(offer, place, evidence=compared.pairs(), missing=missing,
                          influence=self._influences.get(offer, ()), raises=self.raises(offer),
                          warnings=find_warnings(ranking, self.pool, offer))

    def plain(self, offer: int, place: int, **said: Any) -> Match:
        """Give the match of one offer with its figures, and what else is ``said`` of it."""
        ranking, chances = self.ranking, self.ranking.propensities
        distance = float(ranking.distance_km[offer])
        return Match(
            ranking.query.need.need_id, self.pool.offers[offer].offer_id, place,
            float(ranking.scores[offer]), *self._figures[offer],
            distance_km=None if np.isnan(distance) else distance,
            propensity=None if chances is None or place > len(chances) else
            float(chances[place - 1]), **said)

    def raises(self, offer: int) -> tuple[Message, ...]:
        """Say in which features other offers do better by 0.1 or more of log-odds."""
        own = self._figures[offer][0]
        gains = [(weight * abs(best - own[key]), key) for key, weight, best in self._best]
        high = sorted((gain for gain in gains if gain[0] >= LEAST_RAISE), key=lambda g: -g[0])
        return tuple(RAISES[key] for _, key in high)


def compare(ranking: Ranking, pool: Pool, offers: Sequence[int], embed: Embed
            ) -> list[Comparison]:
    """Compare the need's sentences with those of each of these offers."""
    asked = need_sentences(ranking.query.need)
    read = [[(text, s) for text in _nearest_texts(ranking, pool, i)
             for s in _quotable(_body(text, pool))] for i in offers]
    titles = [_title(pool, i) for i in offers]
    vectors = embed([*asked, *(s for found, title in zip(read, titles, strict=True)
                               for s in (*(s for _, s in found), *title))])
    cosines = np.asarray(vectors[: len(asked)] @ vectors[len(asked) :].T)
    sizes = [size for pair in zip(map(len, read), map(len, titles), strict=True) for size in pair]
    parts = np.split(cosines, np.cumsum(sizes, dtype=int)[:-1], axis=1) if sizes else []
    return [Comparison(asked, *row) for row in zip(read, parts[::2], parts[1::2], strict=True)]


def find_evidence(ranking: Ranking, pool: Pool, offers: Sequence[int],
                  embed: Embed) -> list[EvidencePair | None]:
    """Find the best sentence pair for each of these offers; None where there is no text."""
    return [next(iter(c.pairs(1)), None) for c in compare(ranking, pool, offers, embed)]


def find_warnings(ranking: Ranking, pool: Pool, offer: int) -> tuple[Message, ...]:
    """Say what of an offer's text was left out, and whether the need was pasted into it."""
    pasted = set(ranking.pasted) & set(pool.texts_of(offer))
    found = [warning for row in pool.texts_of(offer) for warning in pool.texts[row].warnings]
    said = PASTED if ranking.honest else MARKED
    return (*([said] if pasted else ()), *found)


def need_sentences(need: Need) -> tuple[str, ...]:
    """List the need's sentences, each once; the title only where there is nothing else."""
    body = "\n".join(part for part in (need.description, need.requirements) if part)
    found = _telling(body) or _telling(need.title) or sentences(need.text)
    return tuple(dict.fromkeys(found))[:SENTENCES_READ]


@lru_cache(maxsize=20_000)  # the best offers of a centre stand in many lists
def _quotable(text: str) -> tuple[str, ...]:
    return (_telling(text) or sentences(text))[:SENTENCES_READ]


def _telling(text: str) -> tuple[str, ...]:
    """List a text's sentences without headings, lines of telephone or mail, and “none”."""
    return tuple(s for s in sentences(text) if not _EMPTY.fullmatch(s) and not (
        _ADDRESS.search(s) and len(terms(_ADDRESS.sub(" ", s))) < LEAST_BESIDE_ADDRESS))


def _nearest_texts(ranking: Ranking, pool: Pool, offer: int) -> list[Text]:
    """Give the texts of an offer that lie nearest to the need, evidence before own words."""
    rows = pool.texts_of(offer)
    nearest = np.argsort(-ranking.text_affinity[rows.start : rows.stop], kind="stable")
    return [pool.texts[rows[place]] for place in nearest[:TEXTS_READ].tolist()]


def _title(pool: Pool, offer: int) -> tuple[str, ...]:
    """Give the sentences of an offer's title that counts, where a description stands beside it."""
    own, title = pool.texts[pool.starts[offer]], pool.offers[offer].title
    is_read = own.evidence_id is None and pool.offers[offer].description and title in own.text
    return sentences(title) if is_read else ()


def _body(text: Text, pool: Pool) -> str:
    """Give what may be quoted: of the offer's own words the description, a title only alone."""
    own = pool.offers[text.offer]
    body = own.description or own.title
    if text.evidence_id or text.text != (read_fairly(own.text).text if text.warnings else own.text):
        return text.text  # less than its own words
    return read_fairly(body).text if text.warnings else body
