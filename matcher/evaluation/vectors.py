"""A folder of judged data; what it holds is seen from its files.

Everything of it is measured for an encoder alone; ranked lists and expertise ratings also for the
whole ranking, and so that the values of each need (or reviewer) can be kept and compared.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np

from matcher.encoding import Encoder
from matcher.errors import InputError
from matcher.evaluation.beir import JudgedSet, joined, rank_set, read_beir
from matcher.evaluation.expertise import (
    SHARPNESS,
    Expertise,
    encode_expertise,
    is_expertise,
    measure_expertise,
    rank_expertise,
    read_expertise,
)
from matcher.evaluation.figures import LISTED, Figure, Lists, Units, measure, units_of
from matcher.evaluation.paired import Made, Measurement, check_same, fingerprint
from matcher.evaluation.sentences import (
    find_aligned,
    find_similar,
    measure_aligned,
    measure_similar,
)
from matcher.ranker import load_ranker

TITLE_LENGTH = 60


def measure_lists(encoder: Encoder, folder: Path) -> dict[str, Figure]:
    """Rank a BEIR folder by cosine and measure the lists."""
    judged = read_beir(folder)
    return measure(encode_set(encoder, judged), judged.grades)


def encode_set(encoder: Encoder, judged: JudgedSet) -> Lists:
    """Rank by cosine; owners by log-mean-exp (sharpness 10) over their documents."""
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
    return lists


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
    return _units(read_set(folder), encoder, alone=False).figures()


def read_set(folder: Path) -> JudgedSet | Expertise:
    """Read expertise ratings or a BEIR folder; raise ``FileFormatError`` for anything else."""
    return read_expertise(folder) if is_expertise(folder) else read_beir(folder)


def measure_folder(folder: Path, encoder: Encoder, day: date, *, alone: bool = False,
                   against: Measurement | None = None) -> Measurement:
    """Measure a folder need by need (or reviewer by reviewer) on a day, to keep and to compare.

    ``alone``: the encoder by itself. Raises ``InputError`` before anything is encoded when
    ``against`` was measured on other data, ``FileFormatError`` for a folder without ranked lists
    and expertise ratings.
    """
    found = read_set(folder)
    ranker = None if alone else load_ranker().revision
    content = (part for name, part in vars(found).items() if name != "name")
    made = Made(folder.resolve().name, fingerprint(*content), encoder.revision, ranker, day)
    if against:
        check_same(made, against.made)
    return Measurement(made, _units(found, encoder, alone), _titles(found))


def _units(found: JudgedSet | Expertise, encoder: Encoder, alone: bool) -> Units:
    if isinstance(found, Expertise):
        return encode_expertise(encoder, found) if alone else rank_expertise(found, encoder)
    lists = encode_set(encoder, found) if alone else rank_set(found, encoder=encoder)
    return units_of(lists, found.grades)


def _titles(found: JudgedSet | Expertise) -> dict[str, str]:
    """Give the first words of each need; reviewers have none."""
    if isinstance(found, Expertise):
        return {}
    return {str(row.need_id): (row.title or row.description)[:TITLE_LENGTH]
            for row in found.needs.itertuples()}


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
