"""Text held out of the corpus: what the training is steered by, instead of the evaluation sets.

Abstracts come from ``science_arxiv_daily``, where the rows of a paper follow each other:
a title (short, no full stop) and then its sentences.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matcher.learning.corpus import Corpus, pair_weights

PAPERS = "science_arxiv_daily"
LONGEST_TITLE = 200
# The draw has weights of its own: what is held out must stay so when the sampling changes.
REGISTERS = {"general": 5.0, "news": 5.0, "science": 2.0, "tech-doc": 0.8, "law": 0.4}
SOURCES = {"ms-cpp-docs": 0.3, "ms-d365-headings": 0.5, "odoo-addons": 0.6}


@dataclass(frozen=True)
class HeldOut:
    """Papers as (title row, rows of its sentences); pairs as language → rows."""

    papers: list[tuple[int, list[int]]]
    pairs: dict[str, NDArray[np.int64]]


def find_papers(corpus: Corpus) -> list[tuple[int, list[int]]]:
    """Cut the rows of the science source into papers of 5 to 15 sentences."""
    papers: list[tuple[int, list[int]]] = []
    for row in np.flatnonzero(corpus.sources == PAPERS).tolist():
        text = corpus.english[row].rstrip()
        if len(text) < LONGEST_TITLE and not text.endswith((".", "!", "?")):
            papers.append((row, []))
        elif papers:
            papers[-1][1].append(row)
    return [paper for paper in papers if 5 <= len(paper[1]) <= 15]


def hold_out(corpus: Corpus, papers: int, pairs: int, seed: int) -> tuple[HeldOut, Corpus]:
    """Choose papers and, per language, pairs; return them and the corpus without them.

    A row of any language leaves the corpus when its English is that of a held-out row, so
    that a sentence that stands twice in the data is not seen in training either.
    """
    random = np.random.default_rng(seed)
    found = find_papers(corpus)
    chosen = random.choice(len(found), min(papers, len(found)), replace=False)
    kept = [found[i] for i in sorted(chosen)]
    rows = {code: _draw_pairs(corpus, code, pairs, random) for code in np.unique(corpus.languages)}
    held = {r for title, sentences in kept for r in (title, *sentences)}
    held.update(int(r) for some in rows.values() for r in some)
    texts = {corpus.english[r] for r in held}
    marked = np.array([text in texts for text in corpus.english])
    return HeldOut(kept, rows), corpus.without(marked)


def _draw_pairs(corpus: Corpus, code: str, pairs: int,
                random: np.random.Generator) -> NDArray[np.int64]:
    """Draw pairs of one language by register, each English text once."""
    rows = np.flatnonzero((corpus.languages == code) & (corpus.weights > 0)
                          & (corpus.domains != "term"))
    first = {corpus.english[r]: r for r in rows.tolist()}
    rows = np.array(sorted(first.values()))
    weights = pair_weights(corpus.domains[rows].tolist(), corpus.sources[rows].tolist(),
                           REGISTERS, SOURCES)
    return np.sort(random.choice(rows, min(pairs, len(rows)), replace=False,
                                 p=weights / weights.sum()))
