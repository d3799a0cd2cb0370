"""Evaluation on judged sets: nDCG@10, MRR@10, recall@100 and P@1 with intervals.

Reads BEIR folders (corpus.jsonl[.gz], queries.jsonl[.gz], qrels/test.tsv). Where
documents carry ``owner`` and set.json says ``"unit": "owner"``, owners are
ranked and their documents are evidence. Gains are linear in the grade and the
discount is log2(rank + 1), as in trec_eval; a query without a relevant document,
or whose text is not in queries.jsonl, is left out.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matcher.errors import FileFormatError

if TYPE_CHECKING:
    import pandas as pd

Grades = Mapping[str, Mapping[str, int]]
METRICS = ("nDCG@10", "MRR@10", "recall@100", "P@1")
RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean over queries with its 95 % percentile bootstrap interval; all in 0…1."""

    mean: float
    low: float
    high: float
    queries: int

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True)
class JudgedSet:
    """Needs, offers, evidence as DataFrames for ``matcher.match``, and the grades."""

    name: str
    needs: pd.DataFrame
    offers: pd.DataFrame
    evidence: pd.DataFrame | None
    grades: Grades


def evaluate(judged: JudgedSet, **options: Any) -> dict[str, Figure]:
    """Rank a judged set through ``matcher.match`` and measure the lists."""
    from matcher.frames import match

    found = match(judged.needs, judged.offers, judged.evidence, top=100, with_evidence=False,
                  **options)
    lists = {str(need): rows["offer_id"].tolist() for need, rows in found.groupby("need_id")}
    return measure(lists, judged.grades)


def measure(lists: Mapping[str, Sequence[str]], grades: Grades) -> dict[str, Figure]:
    """Measure ranked ids (best first) against grades; a need without a list scores 0."""
    judged = [need for need, row in sorted(grades.items()) if any(g > 0 for g in row.values())]
    values = np.array([_measure_one(lists.get(need, ()), grades[need]) for need in judged])
    return {name: bootstrap(values[:, i]) for i, name in enumerate(METRICS)} if judged else {}


def _measure_one(ranked: Sequence[str], grades: Mapping[str, int]) -> tuple[float, ...]:
    """Give the four metrics of one list, in the order of ``METRICS``."""
    gains = np.array([grades.get(offer, 0) for offer in ranked[:100]], float)
    relevant = sum(g > 0 for g in grades.values())
    hits = np.flatnonzero(gains > 0)
    first = float(hits[0]) if hits.size else np.inf
    ideal = np.array(sorted(grades.values(), reverse=True), float)
    return (dcg(gains[:10]) / dcg(ideal[:10]), 1 / (first + 1) if first < 10 else 0.0,
            hits.size / relevant, float(first == 0))


def dcg(gains: NDArray[np.float64]) -> float:
    """Sum gains (k,) in rank order, each divided by log2(rank + 1)."""
    return float((gains / np.log2(np.arange(2, gains.size + 2))).sum())


def bootstrap(values: NDArray[np.float64], seed: int = 20261124) -> Figure:
    """Give mean and 95 % interval of values (n,) by resampling queries, with a fixed seed."""
    draws = np.random.default_rng(seed).integers(0, values.size, (RESAMPLES, values.size))
    low, high = np.percentile(values[draws].mean(axis=1), [2.5, 97.5])
    return Figure(float(values.mean()), float(low), float(high), values.size)


def read_beir(folder: Path) -> JudgedSet:
    """Read a BEIR folder; raise ``FileFormatError`` naming file and line of what is wrong."""
    import pandas as pd

    corpus = list(_read_jsonl(folder, "corpus"))
    needs = [_renamed(row, "need_id") for row in _read_jsonl(folder, "queries")]
    asked = {row["need_id"] for row in needs}
    grades = {need: row for need, row in _read_grades(folder / "qrels" / "test.tsv").items()
              if need in asked}
    if _unit(folder) != "owner":
        offers = pd.DataFrame([_renamed(row, "offer_id") for row in corpus])
        return JudgedSet(folder.name, _judged_only(needs, grades), offers, None, grades)
    offers = pd.DataFrame({"offer_id": sorted({str(row["owner"]) for row in corpus})})
    evidence = pd.DataFrame([{"evidence_id": str(row["_id"]), "offer_id": str(row["owner"]),
                              "title": row.get("title") or "", "text": row.get("text") or ""}
                             for row in corpus])
    return JudgedSet(folder.name, _judged_only(needs, grades), offers, evidence, grades)


def _judged_only(needs: Iterable[Mapping[str, str]], grades: Grades) -> pd.DataFrame:
    """Keep the needs that were judged: the others cannot be measured."""
    import pandas as pd

    return pd.DataFrame([row for row in needs if row["need_id"] in grades])


def _renamed(row: Mapping[str, Any], key: str) -> dict[str, str]:
    return {key: str(row["_id"]), "title": row.get("title") or "",
            "description": row.get("text") or ""}


def _unit(folder: Path) -> str:
    file = folder / "set.json"
    return json.loads(file.read_text("utf-8")).get("unit", "document") if file.is_file() else ""


def _read_jsonl(folder: Path, name: str) -> Iterable[dict[str, Any]]:
    """Read name.jsonl or name.jsonl.gz line by line."""
    path = next((p for p in (folder / f"{name}.jsonl", folder / f"{name}.jsonl.gz")
                 if p.is_file()), None)
    if path is None:
        raise FileFormatError("The folder {folder} has no {name}.jsonl or {name}.jsonl.gz.",
                              folder=str(folder), name=name)
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                yield json.loads(line)
            except json.JSONDecodeError as problem:
                raise FileFormatError("{file}, line {line}: not a JSON object ({problem}).",
                                      file=path.name, line=number, problem=problem.msg) from None


def _read_grades(path: Path) -> dict[str, dict[str, int]]:
    """Read query id, document id, grade, separated by tabs, after one header line."""
    if not path.is_file():
        raise FileFormatError("There is no file {file}.", file=str(path))
    grades: dict[str, dict[str, int]] = {}
    for number, line in enumerate(path.read_text("utf-8").splitlines()[1:], start=2):
        parts = line.split("\t")
        if len(parts) != 3 or not parts[2].strip().lstrip("-").isdigit():
            raise FileFormatError("{file}, line {line}: wanted need, offer, grade; found {found}",
                                  file=path.name, line=number, found=line[:80])
        grades.setdefault(parts[0], {})[parts[1]] = int(parts[2])
    return grades
