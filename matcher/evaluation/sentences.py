"""Sentence pairs: translations (accuracy and F1 both ways) and similarity (Spearman)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from matcher.encoding import Encoder
from matcher.errors import FileFormatError
from matcher.evaluation.figures import RESAMPLES, Figure, bootstrap
from matcher.evaluation.files import open_lines, whole_text

Floats = NDArray[np.float64]
PORTION = 2048


def find_aligned(folder: Path) -> list[tuple[Path, Path]]:
    """Find files whose lines translate each other: ``xx-yy.yy.txt`` beside ``xx-yy.xx*.txt``."""
    found = []
    for second in sorted(folder.glob("*-*.*.txt")):
        pair, side = second.name.removesuffix(".txt").split(".", 1)
        first, _, last = pair.partition("-")
        if side == last:
            found += [(other, second) for other in sorted(folder.glob(f"{pair}.{first}*.txt"))
                      if other != second]
    return found


def measure_aligned(encoder: Encoder, folder: Path) -> dict[str, Figure]:
    """Give accuracy and F1 of every pair of files, each the mean of both directions, 0…1."""
    figures: dict[str, Figure] = {}
    for first, second in find_aligned(folder):
        left, right = _lines(first), _lines(second)
        if len(left) != len(right):
            raise FileFormatError("{first} has {left} lines and {second} has {right}; they must "
                                  "translate each other line by line.", first=first.name,
                                  left=len(left), second=second.name, right=len(right))
        name = "-".join(path.name.removesuffix(".txt").split(".", 1)[1] for path in (first, second))
        figures |= score_aligned(name, encoder.encode(left), encoder.encode(right))
    return figures


def score_aligned(name: str, left: NDArray[np.float32], right: NDArray[np.float32]
                  ) -> dict[str, Figure]:
    """Score unit rows (n, d) that translate each other row by row."""
    ways = [_nearest(left, right), _nearest(right, left)]
    accuracy = [(found == np.arange(len(found))).astype(float) for found in ways]
    f1 = [_f1(found) for found in ways]
    return {f"{name} accuracy": bootstrap(np.mean(accuracy, axis=0)),
            f"{name} F1": bootstrap(np.mean(f1, axis=0))}


def _nearest(queries: NDArray[np.float32], rows: NDArray[np.float32]) -> NDArray[np.intp]:
    """Give the nearest row's place of each query (n,)."""
    parts = [(queries[start : start + PORTION] @ rows.T).argmax(axis=1)
             for start in range(0, len(queries), PORTION)]
    return np.concatenate(parts) if parts else np.zeros(0, np.intp)


def _f1(found: NDArray[np.intp]) -> Floats:
    """Give each row's F1 as the MTEB benchmark counts it: found 2 / (1 + times chosen), else 0."""
    chosen = np.bincount(found, minlength=len(found))
    right = found == np.arange(len(found))
    return np.asarray(np.where(right, 2 / (1 + chosen), 0.0))


def _lines(file: Path) -> list[str]:
    """Read the lines of a file; only line feeds end one. Raises ``FileFormatError`` for none."""
    text = whole_text(file).removesuffix("\n")
    if not text:
        raise FileFormatError("The file {file} has no rows.", file=file.name)
    return [line.removesuffix("\r") for line in text.split("\n")]


def find_similar(folder: Path) -> list[Path]:
    """Find the tables of graded sentence pairs: TSV files whose header ends in, or has, a score."""
    return [file for file in sorted(folder.glob("*.tsv")) if "score" in _header(file)]


def _header(file: Path) -> list[str]:
    return next(open_lines(file), "").rstrip("\r\n").split("\t")


def measure_similar(encoder: Encoder, folder: Path) -> dict[str, Figure]:
    """Give Spearman's correlation of cosine and grade of every table, −1…1."""
    figures = {}
    for file in find_similar(folder):
        rows = list(_graded(file))
        if not rows:
            raise FileFormatError("The file {file} has no rows.", file=file.name)
        first, second, scores = zip(*rows, strict=True)
        left, right = encoder.encode(first), encoder.encode(second)
        grades = np.array(scores)
        figures[f"{file.stem} Spearman"] = score_similar((left * right).sum(axis=1), grades)
    return figures


def score_similar(cosines: NDArray[np.float32], grades: Floats, seed: int = 20261124) -> Figure:
    """Correlate the ranks of cosines (n,) and grades (n,), with a bootstrap interval over pairs."""
    random = np.random.default_rng(seed)
    draws = random.integers(0, grades.size, (RESAMPLES // 4, grades.size))
    low, high = np.percentile([_spearman(cosines[d], grades[d]) for d in draws], [2.5, 97.5])
    return Figure(_spearman(cosines, grades), float(low), float(high), grades.size)


def _spearman(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """Correlate ranks, ties shared; 0 where one side is constant and has no order."""
    from scipy.stats import rankdata

    left, right = (rankdata(side) - (side.size + 1) / 2 for side in (one, other))
    scale = np.sqrt((left @ left) * (right @ right))
    return float(left @ right / scale) if scale else 0.0


def _graded(file: Path) -> Iterator[tuple[str, str, float]]:
    """Read the first two columns and the score of every row; name file and line of a bad one."""
    place = _header(file).index("score")
    for number, line in enumerate(_lines(file)[1:], start=2):
        row = line.split("\t")
        try:
            score = float(row[place])
            if not math.isfinite(score):
                raise ValueError(score)
            yield row[0], row[1], score
        except (IndexError, ValueError):
            raise FileFormatError("{file}, line {line}: wanted two sentences and a score, found "
                                  "{found}", file=file.name, line=number,
                                  found=line[:80]) from None
