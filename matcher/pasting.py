"""Texts into which a need was pasted: found among those near to it, and read again without it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher.integrity import (
    PASTED,
    SHINGLE,
    count_distinct,
    find_pasted,
    least_shared,
    without_pasted,
)
from matcher.lexical import HASH_SIZE, count_terms, run_places
from matcher.pool import Embed, Pool
from matcher.vocabulary import Need

ROUGH_SIZE = 2**16


def pasted_texts(need: Need, counts: Any, offers: NDArray[np.intp], pool: Pool) -> tuple[int, ...]:
    """Find the texts of some offers that repeat the need word for word; older ones cannot.

    ``counts`` (1, HASH_SIZE) are the need's terms, ``offers`` (k,) places in the pool; gives the
    positions of the texts.
    """
    rows = run_places(pool.starts[offers], pool.sizes[offers])
    if need.valid_from is not None:
        rows = rows[~(_years(pool)[rows] < need.valid_from.year)]
    likely = _sharing(rows, pool, need.text, counts)
    if not likely:
        return ()
    return tuple(likely[i] for i in find_pasted(need.text, [pool.texts[r].text for r in likely]))


def _sharing(rows: NDArray[np.intp], pool: Pool, text: str, counts: Any) -> list[int]:
    """Keep the rows (k,) of texts that share enough terms with a text for it to stand in them.

    ``counts`` (1, HASH_SIZE) are the text's.
    """
    if not len(rows):
        return []
    at_most = _shared(rows, pool, counts.indices, ROUGH_SIZE)
    if at_most.max() < fewest_shared(counts):  # nearly always: the text need not be cut
        return []
    shared = _shared(rows, pool, counts.indices, HASH_SIZE)
    least = least_shared(text)
    if least is None:
        return []
    least -= count_distinct(text) - counts.nnz  # two terms may have one hash
    return [int(row) for row in rows[shared >= least]]


def _shared(rows: NDArray[np.intp], pool: Pool, terms: NDArray[np.int32], size: int
            ) -> NDArray[np.intp]:
    """Count the terms of each text (k,) that are among some, of which only ``size`` are told apart.

    A table of few fits into the processor's cache; it may count too many.
    """
    asked = np.zeros(size, bool)
    asked[terms & (size - 1)] = True  # a size is a power of two
    starts = pool.counts.indptr[rows]
    sizes = pool.counts.indptr[rows + 1] - starts
    own = pool.counts.indices.take(run_places(starts, sizes)) & (size - 1)
    found = np.flatnonzero(asked.take(own))  # take: in half the time of an index
    return np.bincount(np.searchsorted(np.cumsum(sizes), found, side="right"), minlength=len(rows))


def fewest_shared(counts: Any) -> int:
    """Give a number of shared hashes that ``least_shared`` is not below, by term counts alone.

    Of k different hashes all but the last few begin a run of their own, and each begins as many
    runs as it stands in the text at most. It is less than ``NEARLY_ALL`` of them.
    """
    often = np.sort(np.rint(np.exp(counts.data - 1)))[::-1]
    runs = max(counts.nnz - SHINGLE + 1, 0)
    return int(np.searchsorted(np.cumsum(often), np.ceil(PASTED * runs))) + 1


def _years(pool: Pool) -> NDArray[np.float64]:
    """Give the year of each text, (n_texts,); NaN for an offer's own words and undated evidence."""
    if "years" not in pool.kept:
        known = {(place, e.evidence_id): e.year for place, own in enumerate(pool.evidence)
                 for e in own if e.year is not None}
        pool.kept["years"] = np.array([known.get((t.offer, t.evidence_id or ""), np.nan)
                                       for t in pool.texts], float)
    found: NDArray[np.float64] = pool.kept["years"]
    return found


def pool_without(need: Need, pool: Pool, rows: list[int], embed: Embed) -> Pool:
    """Give the pool as it would be without the sentences that repeat the need."""
    from scipy import sparse

    rests = [without_pasted(need.text, pool.texts[row].text) for row in rows]
    texts, vectors = list(pool.texts), pool.vectors.copy()
    for row, rest in zip(rows, rests, strict=True):
        texts[row] = texts[row]._replace(text=rest, group="")
    vectors[rows] = embed(rests)
    vectors[[row for row, rest in zip(rows, rests, strict=True) if not rest]] = 0
    kept = np.ones(len(texts), np.float32)
    kept[rows] = 0
    places = sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, range(len(rows)))),
                               (len(texts), len(rows)))
    counts = sparse.diags(kept) @ pool.counts + places @ count_terms(rests)
    return replace(pool, texts=tuple(texts), vectors=vectors, counts=counts.tocsr())
