"""Expertise ratings: how well an encoder alone orders papers by what each reviewer knows.

Files: papers.jsonl[.gz] and profile_papers.jsonl[.gz] (id, title, abstract), profiles.tsv[.gz]
(dataset, reviewer, paper) and qrels.tsv[.gz] (reviewer, paper, expertise). The loss is the
weighted Kendall distance of Stelmakh, Wieting, Neubig & Shah (2023): each pair of papers that
one reviewer rated differently and the scores order wrongly costs the difference of the
ratings, a tie half of it; 0 is perfect, 0.5 chance.
"""

from __future__ import annotations

import gzip
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from matcher.encoding import Encoder
from matcher.errors import FileFormatError
from matcher.evaluation.beir import joined, read_jsonl
from matcher.evaluation.figures import RESAMPLES, Figure

Floats = NDArray[np.float64]
SHARPNESS = 10.0
Ratings = Mapping[str, Mapping[str, float]]


def is_expertise(folder: Path) -> bool:
    """Say whether a folder holds expertise ratings."""
    return any((folder / f"profile_papers.jsonl{end}").is_file() for end in ("", ".gz"))


def measure_expertise(encoder: Encoder, folder: Path) -> dict[str, Figure]:
    """Give the loss, mean over the samples of each reviewer's papers, interval over reviewers.

    A reviewer's score for a paper is log-mean-exp (sharpness 10) of the cosines with their own.
    Papers without text, and reviewers without ratings or papers, are left out.
    """
    papers = _encoded(encoder, folder, "papers")
    own = _encoded(encoder, folder, "profile_papers")
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
    ratings = complete
    losses = [_losses(ratings, profiles, papers, own) for profiles in samples.values()]
    return {"loss": _figure(np.mean(losses, axis=0))}


def _encoded(encoder: Encoder, folder: Path, name: str) -> dict[str, NDArray[np.float32]]:
    rows = list(read_jsonl(folder, name, "id"))
    texts = [joined(row.get("title"), row.get("abstract")) for row in rows]
    return dict(zip((row["id"] for row in rows), encoder.encode(texts), strict=True))


def _losses(ratings: Ratings, profiles: Mapping[str, Sequence[str]],
            papers: Mapping[str, NDArray[np.float32]],
            own: Mapping[str, NDArray[np.float32]]) -> Floats:
    """Give (reviewers, 2): the cost and the largest possible cost of each."""
    found = []
    for reviewer, grades in sorted(ratings.items()):
        mine = np.stack([own[paper] for paper in profiles[reviewer]])
        cosines = np.stack([papers[paper] for paper in grades]) @ mine.T
        scores = np.log(np.exp(SHARPNESS * cosines).mean(axis=1))
        found.append(kendall_cost(scores, np.array(list(grades.values()))))
    return np.array(found)


def kendall_cost(scores: Floats, grades: Floats) -> tuple[float, float]:
    """Give the cost of ordering by scores (n,) what grades (n,) order, and the largest cost."""
    i, j = np.triu_indices(grades.size, 1)
    weight = np.abs(grades[i] - grades[j])
    agree = np.sign(scores[i] - scores[j]) * np.sign(grades[i] - grades[j])
    return float((weight * (1 - agree) / 2).sum()), float(weight.sum())


def _figure(costs: Floats, seed: int = 20261124) -> Figure:
    random = np.random.default_rng(seed)
    draws = costs[random.integers(0, len(costs), (RESAMPLES, len(costs)))].sum(axis=1)
    low, high = np.percentile(draws[:, 0] / draws[:, 1], [2.5, 97.5])
    total = costs.sum(axis=0)
    return Figure(float(total[0] / total[1]), float(low), float(high), len(costs))


def _number(grade: str) -> float:
    try:
        return float(grade)
    except ValueError:
        raise FileFormatError("{file}: the rating “{found}” is no number.", file="qrels.tsv",
                              found=grade) from None


def _table(folder: Path, name: str) -> list[list[str]]:
    """Read the three columns of a TSV after its header."""
    plain, zipped = folder / f"{name}.tsv", folder / f"{name}.tsv.gz"
    if not (plain.is_file() or zipped.is_file()):
        raise FileFormatError("There is no file {file}.", file=str(plain))
    text = (plain.read_text("utf-8") if plain.is_file()
            else gzip.decompress(zipped.read_bytes()).decode())
    rows = [line.split("\t") for line in text.splitlines()[1:]]
    for number, row in enumerate(rows, start=2):
        if len(row) != 3:
            raise FileFormatError("{file}, line {line}: wanted three columns, found {found}",
                                  file=f"{name}.tsv", line=number, found=len(row))
    return rows
