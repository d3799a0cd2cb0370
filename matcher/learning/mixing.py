"""Code-mixed text: English sentences in which words give way to their translations.

Languages short of natural sentences meet their words in them all the same (Qin et al. 2020,
"CoSDA-ML"). The dictionary is read off the static channel, which was trained before: an English
word and the piece nearest to it, each among the other's nearest.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matcher.encoding.channels import unit_rows
from matcher.learning.sides import Ints, Side
from matcher.learning.student import whole_words
from matcher.learning.vocabulary import Vocabulary

log = logging.getLogger(__name__)
# How many items of a step are mixed with each language: those short of sentences come first.
LANGUAGES: Mapping[str, float] = {"ja": 0.7, "ko": 0.1, "id": 0.1, "th": 0.05, "ms": 0.05}
COSINE = 0.55
MUTUAL = 3
OFTEN = 20
LEAST_SWAPPED = 0.3


@dataclass(frozen=True)
class Dictionary:
    """``rows`` (languages, rows): the row that translates an English word's row, 0 for none.

    ``tail`` (rows,) marks rows that go on with the word before; ``weights`` (languages,) sum to 1.
    """

    rows: Ints
    tail: NDArray[np.bool_]
    weights: NDArray[np.float64]

    def mix(self, ids: Ints, part: float | NDArray[np.float64],
            random: np.random.Generator) -> Ints:
        """Swap words in padded texts (n, length), each with one language.

        ``part`` is the chance that a text is mixed, one for all or (n,).
        """
        texts = len(ids)
        language = random.choice(len(self.weights), texts, p=self.weights)
        share = random.uniform(LEAST_SWAPPED, 1.0, texts) * (random.random(texts) < part)
        translated = self.rows[language[:, None], ids]
        cut = np.zeros(ids.shape, bool)
        cut[:, :-1] = self.tail[ids[:, 1:]]
        swapped = (translated > 0) & ~cut & (random.random(ids.shape) < share[:, None])
        return np.asarray(np.where(swapped, translated, ids))


def learn_dictionary(static: NDArray[np.float32], vocabulary: Vocabulary, other: Side,
                     languages: NDArray[np.str_]) -> Dictionary:
    """Read translations of English words off the static rows (rows, d).

    ``languages`` (n,) are those of the texts of ``other``; a piece belongs to each language
    whose texts hold it ``OFTEN`` times.
    """
    unit = unit_rows(static)
    words, first = whole_words(vocabulary), vocabulary.layout.teacher
    codes = [code for code in LANGUAGES if code in set(languages)]
    found = np.zeros((len(codes), len(static)), np.int64)
    for number, code in enumerate(codes):
        counts = _counts(other, languages == code, len(static))
        counts[:first] = 0
        pieces = np.flatnonzero(counts >= OFTEN)
        mine, piece = _mutual(unit[words] @ unit[pieces].T)
        found[number, words[mine]] = pieces[piece]
        log.info("code-mixed, %s: %d words", code, len(mine))
    tail = np.zeros(len(static), bool)
    tail[[number for name, number in vocabulary.tokenizer.get_vocab().items()
          if name.startswith("##") and number < first]] = True
    weights = np.array([LANGUAGES[code] for code in codes])
    return Dictionary(found, tail, weights / weights.sum())


def _counts(side: Side, chosen: NDArray[np.bool_], rows: int) -> NDArray[np.int64]:
    """Count the tokens of some texts of a side, (rows,)."""
    tokens = np.repeat(chosen, np.diff(side.offsets))
    return np.bincount(np.asarray(side.ids)[tokens], minlength=rows)


def _mutual(cosines: NDArray[np.float32]) -> tuple[Ints, Ints]:
    """Give (row, best column) where the row is among the column's ``MUTUAL`` best."""
    best = cosines.argmax(axis=1)
    value = cosines[np.arange(len(cosines)), best]
    least = np.partition(cosines, -MUTUAL, axis=0)[-MUTUAL]
    kept = np.flatnonzero((value >= COSINE) & (value >= least[best]))
    return kept, best[kept]
