"""An encoder alone on a folder of judged data; what the folder holds is seen from its files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from matcher.encoding import Encoder
from matcher.errors import InputError
from matcher.evaluation.beir import JudgedSet, evaluate, joined, read_beir
from matcher.evaluation.expertise import (
    SHARPNESS,
    is_expertise,
    measure_expertise,
    rank_expertise,
)
from matcher.evaluation.figures import Figure, measure
from matcher.evaluation.sentences import (
    find_aligned,
    find_similar,
    measure_aligned,
    measure_similar,
)

LISTED = 100


def measure_lists(encoder: Encoder, folder: Path) -> dict[str, Figure]:
    """Rank a BEIR folder by cosine; owners by log-mean-exp (sharpness 10) over their documents."""
    judged = read_beir(folder)
    names, texts = _documents(judged)
    order = np.argsort(names, kind="stable")
    documents = encoder.encode_document([texts[i] for i in order])
    needs = [joined(row.title, row.description) for row in judged.needs.itertuples()]
    queries = encoder.encode_query(needs)
    owners, starts = np.unique(names[order], return_index=True)
    sizes = np.diff([*starts, len(names)])
    lists = {}
    for need, query in zip(judged.needs["need_id"], queries, strict=True):
        cosines = np.exp(SHARPNESS * (documents @ query).astype(float))
        scores = np.add.reduceat(cosines, starts) / sizes
        lists[str(need)] = owners[np.argsort(-scores, kind="stable")[:LISTED]].tolist()
    return measure(lists, judged.grades)


def _documents(judged: JudgedSet) -> tuple[np.ndarray, list[str]]:
    """Give the ranked id of each document, (n,), and its text."""
    if judged.evidence is None:
        rows = judged.offers
        texts = [joined(row.title, row.description) for row in rows.itertuples()]
    else:
        rows = judged.evidence
        texts = [joined(row.title, row.text) for row in rows.itertuples()]
    return np.array(rows["offer_id"], dtype=str), texts


KINDS: tuple[tuple[Callable[[Path], object], Callable[[Encoder, Path], dict[str, Figure]]], ...] = (
    (lambda folder: (folder / "qrels").is_dir(), measure_lists),
    (is_expertise, measure_expertise),
    (find_aligned, measure_aligned),
    (find_similar, measure_similar),
)


def evaluate_ranking(folder: Path, encoder: Encoder) -> dict[str, Figure]:
    """Measure the whole ranking on a folder: expertise ratings, or a BEIR folder."""
    if is_expertise(folder):
        return rank_expertise(folder, encoder)
    return evaluate(read_beir(folder), encoder=encoder)


def evaluate_encoder(encoder: Encoder, folder: Path) -> dict[str, Figure]:
    """Measure an encoder on everything a folder holds.

    BEIR folder → nDCG@10, MRR@10, recall@100, P@1; expertise ratings → loss; line-aligned
    files → accuracy and F1; TSV tables of graded pairs → Spearman. Raises ``InputError`` for a
    folder with none of these.
    """
    found = [kind for holds, kind in KINDS if holds(folder)]
    if not found:
        raise InputError("The folder {folder} holds nothing to measure an encoder on; wanted a "
                         "BEIR folder, expertise ratings, files xx-yy.xx.txt and xx-yy.yy.txt, "
                         "or TSV tables with a column “score”.", folder=str(folder))
    figures: dict[str, Figure] = {}
    for kind in found:
        figures |= kind(encoder, folder)
    return figures
