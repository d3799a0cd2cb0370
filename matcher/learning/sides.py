"""The two sides of all pairs as row numbers: flat arrays, memory-mapped, cut into batches."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher.learning.corpus import Corpus
from matcher.learning.tokens import encode_flat
from matcher.learning.vocabulary import Vocabulary

log = logging.getLogger(__name__)
Ints = NDArray[np.int64]
LONGEST = 160
CLS, SEP = 2, 3


def save_array(file: Path, values: NDArray[Any]) -> None:
    """Write an array whole or not at all: a file that stands counts as finished."""
    part = file.with_suffix(".part")
    with part.open("wb") as out:
        np.save(out, values)
    part.replace(file)


@dataclass(frozen=True)
class Side:
    """One side of all pairs as tokens: ``ids`` (total,), ``offsets`` (n + 1,)."""

    ids: NDArray[np.uint32]
    offsets: Ints

    def bag(self, first: Ints, last: Ints, keep: float, longest: int,
            random: np.random.Generator) -> tuple[Any, Any]:
        """Give ids and starts of rows first…last − 1, joined, for an EmbeddingBag.

        Each token is kept with ``keep``; the first always stays, so that no bag is empty.
        """
        import torch

        lengths = np.minimum(self.lengths(first, last), longest)
        starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        place = np.arange(lengths.sum()) - np.repeat(starts, lengths)
        ids = self.ids[np.repeat(self.offsets[first], lengths) + place].astype(np.int64)
        kept = (random.random(ids.size) < keep) | (place == 0)
        counts = np.add.reduceat(kept.astype(np.int64), starts)
        cut = np.concatenate([[0], np.cumsum(counts)[:-1]])
        return torch.from_numpy(ids[kept]), torch.from_numpy(cut)

    def lengths(self, first: Ints, last: Ints) -> Ints:
        """Give the number of tokens of the rows first…last − 1 together, (n,)."""
        return np.asarray(self.offsets[last] - self.offsets[first])

    def padded(self, first: Ints, last: Ints, longest: int) -> tuple[Ints, NDArray[np.float32]]:
        """Give [CLS] … [SEP] of joined rows as (n, length) with its mask, at most ``longest``."""
        sizes = np.minimum(self.lengths(first, last), longest - 2)
        ids = np.zeros((len(first), int(sizes.max()) + 2), np.int64)
        ids[:, 0] = CLS
        for place, (start, size) in enumerate(zip(self.offsets[first], sizes, strict=True)):
            ids[place, 1 : size + 1] = self.ids[start : start + size]
            ids[place, size + 1] = SEP
        mask = np.arange(ids.shape[1])[None, :] < sizes[:, None] + 2
        return ids, mask.astype(np.float32)


def prepare_sides(corpus: Corpus, vocabulary: Vocabulary, work: Path) -> tuple[Side, Side]:
    """Tokenise both sides to row numbers, or map the finished arrays into memory."""
    return (_prepare("english", corpus.english, vocabulary, work),
            _prepare("other", corpus.other, vocabulary, work))


def _prepare(name: str, texts: Sequence[str], vocabulary: Vocabulary, work: Path) -> Side:
    ids_file, offsets_file = work / f"{name}.ids.npy", work / f"{name}.offsets.npy"
    if not offsets_file.is_file():
        log.info("tokenising %s", name)
        ids, offsets = encode_flat(vocabulary.tokenizer, texts, LONGEST)
        save_array(ids_file, vocabulary.layout.to_rows(ids.astype(np.int64)).astype(np.uint32))
        save_array(offsets_file, offsets)
    return Side(np.load(ids_file, mmap_mode="r"), np.load(offsets_file))
