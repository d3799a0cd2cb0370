"""Explanation: which sentence of an offer answers which sentence of the need.

The two texts of an offer that were nearest to the need are cut into
sentences; the pair of need sentence and offer sentence with the highest cosine
is the evidence. The vectors know no language border, so a Chinese need can
point at an English sentence.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from matcher.languages import detect, sentences
from matcher.pool import Embed, Floats, Pool, Text
from matcher.ranker import Ranker
from matcher.ranking import Ranking
from matcher.vocabulary import EvidencePair, Match, Need

TEXTS_READ = 2
SENTENCES_READ = 40


def explain(ranking: Ranking, pool: Pool, ranker: Ranker, embed: Embed,
            top: int | None = None) -> tuple[Match, ...]:
    """Turn the first ``top`` offers of a ranking into matches with evidence."""
    chosen = ranking.order[:top]
    contributions = ranker.contributions(ranking.features)
    pairs = find_evidence(ranking, pool, chosen.tolist(), embed)
    return tuple(
        Match(ranking.query.need.need_id, pool.offers[i].offer_id, place, float(ranking.scores[i]),
              {key: float(values[i]) for key, values in ranking.features.items()},
              {key: float(values[i]) for key, values in contributions.items()},
              (pair,) if pair else (), _known(ranking.distance_km[i]))
        for place, (i, pair) in enumerate(zip(chosen.tolist(), pairs, strict=True), start=1)
    )


def _known(distance: float) -> float | None:
    return None if np.isnan(distance) else float(distance)


def find_evidence(ranking: Ranking, pool: Pool, offers: Sequence[int],
                  embed: Embed) -> list[EvidencePair | None]:
    """Find the best sentence pair for each of these offers; None where there is no text."""
    asked = need_sentences(ranking.query.need)
    read = [[(text, s) for text in _nearest_texts(ranking, pool, i)
             for s in sentences(_body(text, pool))[:SENTENCES_READ]] for i in offers]
    vectors = embed([*asked, *(s for found in read for _, s in found)])
    results, start = [], len(asked)
    for found in read:
        results.append(_best_pair(asked, found, vectors[: len(asked)],
                                  vectors[start : start + len(found)]))
        start += len(found)
    return results


def need_sentences(need: Need) -> tuple[str, ...]:
    """List the need's sentences; the title only where there is nothing else."""
    body = "\n".join(part for part in (need.description, need.requirements) if part)
    return (sentences(body) or sentences(need.title))[:SENTENCES_READ]


def _nearest_texts(ranking: Ranking, pool: Pool, offer: int) -> list[Text]:
    """Give the texts of an offer that lie nearest to the need, evidence before own words."""
    rows = sorted(pool.texts_of(offer), key=lambda row: -ranking.text_affinity[row])
    return [pool.texts[row] for row in rows[:TEXTS_READ]]


def _body(text: Text, pool: Pool) -> str:
    """Give what may be quoted: of the offer's own words the description, a title only alone."""
    own = pool.offers[text.offer]
    return text.text if text.evidence_id else own.description or own.title


def _best_pair(asked: Sequence[str], found: Sequence[tuple[Text, str]], need_vectors: Floats,
               offer_vectors: Floats) -> EvidencePair | None:
    if not asked or not found:
        return None
    cosines = need_vectors @ offer_vectors.T
    row, column = np.unravel_index(int(np.argmax(cosines)), cosines.shape)
    text, sentence = found[int(column)]
    return EvidencePair(asked[int(row)], sentence, float(cosines[row, column]), text.evidence_id,
                        detect(sentence))
