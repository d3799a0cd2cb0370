"""The lexical leg: TF-IDF cosine between texts of one language group.

Terms are stemmed words of the Latin script (Snowball, English rules), Han
character bigrams after folding to Simplified, and bigrams of kana, hangul and
Thai runs. Term weights are ``(1 + ln tf) * idf`` with unit rows, the usual
sublinear TF-IDF (Manning, Raghavan & Schuetze 2008, ch. 6). A term belongs to
the language group of its text, so texts of two groups share nothing by
construction; document frequencies come from the offers' texts alone, never from
needs, so a hidden need cannot leak through them.

BM25F (Robertson, Zaragoza & Taylor 2004; k1 1.2, b .75, titles twice) was tried on 2,000 abstracts
kept out of the encoder's training: better for titles as queries (MRR .946 → .962 in English,
.873 → .890 in Chinese), worse for sentences (.690 → .683 and .703 → .670), which needs are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from matcher.languages import detect, fold_han, lexical_group, normalise

Floats = NDArray[np.float32]
HASH_SIZE = 2**20
# How many entries of an index are added up at once: 32 bytes each for a moment.
ENTRIES = 4_000_000
_RUNS = re.compile(
    r"(?P<latin>[a-z\u00df-\u024f\u1e00-\u1eff\u0370-\u03ff]+|\d+(?:[.,]\d+)*)"
    r"|(?P<run>[\u3400-\u9fff\uf900-\ufaff]+|[\u3040-\u30fa\u30fc-\u30ff]+|[\uac00-\ud7af]+|[\u0e00-\u0e7f]+)"
)
_COMMA = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")  # of 1,000, which others write 1000
FUNCTION_WORDS = frozenset(
    "a an and are as at be been being but by can could do does for from had has have how i if in "
    "into is it its may might more most must no not of on or other our shall should so some such "
    "than that the their them then there these they this those to under was we were what when "
    "where which while who will with within would you your also both each only over per up out "
    "any all about between through during use used using".split()
)


def group_of(text: str) -> str:
    """Name the language group of a text by its own characters."""
    return lexical_group(detect(text))


def terms(text: str) -> list[str]:
    """Cut a text into lexical terms, in order, with repetitions.

    >>> terms("功率元件 GaN testing")
    ['功率', '率元', '元件', 'gan', 'test']
    """
    found: list[str] = []
    for run in _RUNS.finditer(_COMMA.sub("", fold_han(normalise(text)))):
        if run["latin"]:
            if run["latin"] not in FUNCTION_WORDS:
                found.append(_stem(run["latin"]))
        else:
            found.extend(_bigrams(run["run"]))
    return found


def _bigrams(run: str) -> list[str]:
    return [run[i : i + 2] for i in range(len(run) - 1)] or [run]


@lru_cache(maxsize=200_000)
def _stem(word: str) -> str:
    return str(_stemmer().stemWord(word))


@lru_cache(maxsize=1)
def _stemmer() -> Any:
    import snowballstemmer

    return snowballstemmer.stemmer("english")


@lru_cache(maxsize=200_000)
def _column(term: str) -> int:
    """Give the column of a term, 0…HASH_SIZE - 1.

    The hashing trick (Weinberger et al. 2009). scikit-learn's HashingVectorizer does the same, but
    takes longer to import than a list takes to make.
    """
    return crc32(term.encode()) % HASH_SIZE


def count_terms(texts: Sequence[str]) -> Any:
    """Count terms: (n, HASH_SIZE) sparse CSR, float32, rows ``1 + ln tf``.

    Stateless, so a text's row can be kept while the collection around it changes.
    """
    from scipy import sparse

    found = [np.unique(np.array([_column(term) for term in terms(text)], np.int32),
                       return_counts=True) for text in texts]
    ends = np.cumsum([0, *(len(columns) for columns, _ in found)])
    columns = np.concatenate([np.zeros(0, np.int32), *(columns for columns, _ in found)])
    counts = np.concatenate([np.zeros(0, np.intp), *(counts for _, counts in found)])
    weights = np.float32(1) + np.log(counts.astype(np.float32))
    return sparse.csr_matrix((weights, columns, ends), (len(texts), HASH_SIZE))


class LexicalIndex:
    """TF-IDF of the texts of one language group.

    ``rows`` (n,) are the positions of these texts in the caller's collection of ``size`` texts;
    ``counts`` is their slice of :func:`count_terms`.
    """

    def __init__(self, rows: NDArray[np.intp], counts: Any, size: int) -> None:
        from scipy import sparse

        self.rows = rows
        frequency = np.bincount(counts.indices, minlength=HASH_SIZE)
        frequencies = np.arange(frequency.max(initial=0) + 1)  # few, where terms are a million
        weights = np.log((1 + counts.shape[0]) / (1 + frequencies)) + 1
        self._idf = weights.astype(np.float32)[frequency]
        turned = self._weigh(counts).T.tocsr()  # once: that costs more than a query
        self._terms = sparse.csr_matrix((turned.data, rows[turned.indices], turned.indptr),
                                        (HASH_SIZE, size))

    def _weigh(self, counts: Any) -> Any:
        """Multiply by idf and give every row unit length (an empty row stays zero)."""
        data = counts.data * self._idf[counts.indices]
        squares = np.asarray(_with_data(counts, data * data).sum(axis=1)).ravel()
        length = np.sqrt(np.where(squares > 0, squares, 1.0))
        data /= np.repeat(length, np.diff(counts.indptr)).astype(np.float32)
        return _with_data(counts, data)

    def add_cosines(self, query_counts: Any, weight: float, values: Sequence[Floats]) -> None:
        """Add ``weight`` times the cosine of each query with each text to the query's values.

        ``query_counts`` (q, HASH_SIZE); ``values`` are q rows (size,) of the whole collection, in
        which texts of other language groups stay as they are.
        """
        weighed = self._weigh(query_counts)
        for own, start, end in zip(values, weighed.indptr, weighed.indptr[1:], strict=False):
            own += self._dots(weighed.indices[start:end], weighed.data[start:end] * weight)

    def _dots(self, terms: NDArray[np.int32], weights: Floats) -> Floats:
        """Give the product of one query's terms (k,) with each text of the collection, (size,)."""
        starts = self._terms.indptr[terms]
        sizes = self._terms.indptr[terms + 1] - starts
        sums = np.zeros(self._terms.shape[1])
        for part in _portions(sizes):
            found = run_places(starts[part], sizes[part])
            sums += np.bincount(self._terms.indices.take(found),  # in half the time of an index
                                np.repeat(weights[part], sizes[part])
                                * self._terms.data.take(found), len(sums))
        return sums.astype(np.float32)


def _with_data(matrix: Any, data: Floats) -> Any:
    """Give a sparse matrix with other values in the same places, which are not copied."""
    from scipy import sparse

    return sparse.csr_matrix((data, matrix.indices, matrix.indptr), matrix.shape)


def _portions(sizes: NDArray[Any]) -> list[slice]:
    """Cut terms with these numbers of entries (k,) into parts of not too many entries."""
    ends = np.cumsum(sizes)
    cuts = np.searchsorted(ends, np.arange(ENTRIES, int(sizes.sum()), ENTRIES)) + 1
    edges = [0, *cuts.tolist(), len(sizes)]
    return [slice(one, other) for one, other in pairwise(edges) if other > one]


def run_places(starts: NDArray[Any], sizes: NDArray[Any]) -> NDArray[np.intp]:
    """Give all places (n,) of runs that begin at ``starts`` (k,); ``sizes`` (k,) sum to n."""
    before = np.cumsum(sizes) - sizes
    return np.asarray(np.arange(int(sizes.sum())) + np.repeat(starts - before, sizes), np.intp)
