"""Expertise ratings: how well an encoder alone orders papers by what each reviewer knows.

Files: papers.jsonl[.gz] and profile_papers.jsonl[.gz] (id, title, abstract), profiles.tsv[.gz]
(dataset, reviewer, paper) and qrels.tsv[.gz] (reviewer, paper, expertise). The loss is the
weighted Kendall distance of Stelmakh, Wieting, Neubig & Shah (2023): each pair of papers that
one reviewer rated differently and the scores order wrongly costs the difference of the
ratings, a tie half of it; 0 is perfect, 0.5 chance. Easy pairs are a paper rated 4 or more against
one rated 2 or less, hard pairs two different ratings of 4 or more (their definitions).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from matcher.encoding import Encoder
from matcher.errors import FileFormatError
from matcher.evaluation.beir import joined, read_jsonl
from matcher.evaluation.figures import Figure, Units
from matcher.evaluation.files import whole_text

Floats = NDArray[np.float64]
SHARPNESS = 10.0
Ratings = Mapping[str, Mapping[str, float]]
Part = Callable[[Floats, Floats], tuple[float, float]]
Scored = Mapping[str, Floats]


def is_expertise(folder: Path) -> bool:
    """Say whether a folder holds expertise ratings."""
    return any((folder / f"profile_papers.jsonl{end}").is_file() for end in ("", ".gz"))


@dataclass(frozen=True)
class Expertise:
    """Papers and reviewers' own papers as (id → text), ratings, and samples of own papers."""

    papers: Mapping[str, str]
    own: Mapping[str, str]
    ratings: Ratings
    samples: Sequence[Mapping[str, Sequence[str]]]


def read_expertise(folder: Path) -> Expertise:
    """Read a folder; papers without text, and reviewers without ratings or papers, are left out.

    Raises ``FileFormatError`` when no reviewer has both.
    """
    papers, own = _texts(folder, "papers"), _texts(folder, "profile_papers")
    ratings: dict[str, dict[str, float]] = defaultdict(dict)
    for reviewer, paper, grade in _table(folder, "qrels"):
        if paper in papers:
            ratings[reviewer][paper] = _number(grade)
    samples: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for sample, reviewer, paper in _table(folder, "profiles"):
        if paper in own:
            samples[sample][reviewer].append(paper)
    complete = {r: g for r, g in ratings.items() if all(r in s for s in samples.values())}
    if not (complete and samples):
        raise FileFormatError("The folder {folder} has no reviewer with both ratings and papers.",
                              folder=str(folder))
    return Expertise(papers, own, complete, tuple(samples.values()))


def measure_expertise(encoder: Encoder, folder: Path) -> dict[str, Figure]:
    """Measure an encoder alone: loss, easy and hard pairs; mean over samples, interval over people.

    A reviewer's score for a paper is log-mean-exp (sharpness 10) of the cosines with their own.
    """
    return encode_expertise(encoder, read_expertise(folder)).figures()


def encode_expertise(encoder: Encoder, found: Expertise) -> Units:
    """Measure an encoder alone, reviewer by reviewer."""
    papers, own = (_encoded(encoder, texts) for texts in (found.papers, found.own))

    def score(reviewer: str, rated: Sequence[str], mine: Sequence[str]) -> Floats:
        cosines = np.stack([papers[p] for p in rated]) @ np.stack([own[p] for p in mine]).T
        return np.asarray(np.log(np.exp(SHARPNESS * cosines).mean(axis=1)))

    return units_of_scores(found.ratings, [
        {r: score(r, list(found.ratings[r]), sample[r]) for r in found.ratings}
        for sample in found.samples])


def rank_expertise(found: Expertise, encoder: Encoder) -> Units:
    """Measure the ranking: papers are needs, reviewers offers, their own papers the evidence."""
    known = remember(found, encoder)
    return units_of_scores(found.ratings, [_ranked(found, sample, known)
                                           for sample in found.samples])


@dataclass(frozen=True)
class Remembered:
    """An encoder that has read these texts before: ten samples share most of theirs."""

    encoder: Encoder
    known: Mapping[str, NDArray[np.float32]]

    @property
    def revision(self) -> str:
        """Give the encoder's."""
        return self.encoder.revision

    @property
    def dimensions(self) -> int:
        """Give the encoder's."""
        return self.encoder.dimensions

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Give (n, d) unit rows; only new texts are encoded."""
        new = _encoded(self.encoder, {t: t for t in texts if t not in self.known})
        return np.stack([self.known[t] if t in self.known else new[t] for t in texts])

    encode_query = encode
    encode_document = encode


def remember(found: Expertise, encoder: Encoder) -> Remembered:
    """Encode every text of a set once."""
    texts = {text: text for side in (found.papers, found.own) for text in side.values()}
    return Remembered(encoder, _encoded(encoder, texts))


def _ranked(found: Expertise, sample: Mapping[str, Sequence[str]], encoder: Encoder
            ) -> dict[str, Floats]:
    """Score each reviewer's rated papers through ``matcher.match``."""
    import pandas as pd

    from matcher.frames import match

    rated = sorted({paper for grades in found.ratings.values() for paper in grades})
    needs = pd.DataFrame({"need_id": rated, "description": [found.papers[p] for p in rated]})
    people = sorted(found.ratings)
    evidence = pd.DataFrame([{"offer_id": r, "evidence_id": f"{r}/{n}", "text": found.own[paper]}
                             for r in people for n, paper in enumerate(sample[r])])
    table = match(needs, pd.DataFrame({"offer_id": people}), evidence, top=None, encoder=encoder,
                  with_evidence=False)
    scores = dict(zip(zip(table["offer_id"], table["need_id"], strict=True), table["score"],
                      strict=True))
    return {r: np.array([scores[r, p] for p in found.ratings[r]]) for r in people}


def _texts(folder: Path, name: str) -> dict[str, str]:
    return {str(row["id"]): joined(row.get("title"), row.get("abstract"))
            for row in read_jsonl(folder, name, "id")}


def _encoded(encoder: Encoder, texts: Mapping[str, str]) -> dict[str, NDArray[np.float32]]:
    return dict(zip(texts, encoder.encode(list(texts.values())), strict=True)) if texts else {}


def kendall_cost(scores: Floats, grades: Floats) -> tuple[float, float]:
    """Give the cost of ordering by scores (n,) what grades (n,) order, and the largest cost."""
    i, j = np.triu_indices(grades.size, 1)
    weight = np.abs(grades[i] - grades[j])
    agree = np.sign(scores[i] - scores[j]) * np.sign(grades[i] - grades[j])
    return float((weight * (1 - agree) / 2).sum()), float(weight.sum())


def right_pairs(scores: Floats, grades: Floats, hard: bool) -> tuple[float, float]:
    """Count pairs ordered rightly, and pairs: hard ones (both 4 or more) or easy (4+ and 2-)."""
    i, j = np.triu_indices(grades.size, 1)
    low, high = np.minimum(grades[i], grades[j]), np.maximum(grades[i], grades[j])
    counted = (low < high) & ((low >= 4) if hard else (high >= 4) & (low <= 2))
    right = (scores[i] - scores[j]) * (grades[i] - grades[j]) > 0
    return float((right & counted).sum()), float(counted.sum())


MEASURES: Mapping[str, Part] = {
    "loss": kendall_cost, "easy pairs": partial(right_pairs, hard=False),
    "hard pairs": partial(right_pairs, hard=True)}


def units_of_scores(ratings: Ratings, scored: Sequence[Scored]) -> Units:
    """Measure each reviewer: parts and wholes are means over the samples ``scored``.

    Each of them gives every reviewer's scores in the order of their ``ratings``.
    """
    grades = {r: np.array(list(g.values())) for r, g in sorted(ratings.items())}
    values = np.mean([[[part(sample[r], g) for part in MEASURES.values()]
                       for r, g in grades.items()] for sample in scored], axis=0)
    return Units(tuple(grades), tuple(MEASURES), values[..., 0], values[..., 1])


def _number(grade: str) -> float:
    try:
        if math.isfinite(number := float(grade)):
            return number
    except ValueError:
        pass
    raise FileFormatError("{file}: the rating “{found}” is no number.", file="qrels.tsv",
                          found=grade)


def _table(folder: Path, name: str) -> list[list[str]]:
    """Read the three columns of a TSV after its header."""
    plain, zipped = folder / f"{name}.tsv", folder / f"{name}.tsv.gz"
    if not (plain.is_file() or zipped.is_file()):
        raise FileFormatError("There is no file {file}.", file=str(plain))
    text = whole_text(plain if plain.is_file() else zipped)
    rows = [line.split("\t") for line in text.splitlines()[1:]]
    for number, row in enumerate(rows, start=2):
        if len(row) != 3:
            raise FileFormatError("{file}, line {line}: wanted three columns, found {found}",
                                  file=f"{name}.tsv", line=number, found=len(row))
    return rows
