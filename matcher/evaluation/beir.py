"""BEIR folders: corpus.jsonl[.gz], queries.jsonl[.gz], qrels/test.tsv.

Where documents carry ``owner`` and set.json says ``"unit": "owner"``, owners are
ranked and their documents are evidence. A query whose text is not in queries.jsonl
is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matcher.errors import FileFormatError
from matcher.evaluation.figures import Figure, Grades, Lists, measure
from matcher.evaluation.files import open_lines, whole_text

if TYPE_CHECKING:
    import pandas as pd

TEXTS = ("title", "text", "abstract")


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
    return measure(rank_set(judged, **options), judged.grades)


def rank_set(judged: JudgedSet, **options: Any) -> Lists:
    """Rank a judged set through ``matcher.match``: need → offer ids, best first."""
    from matcher.frames import match

    found = match(judged.needs, judged.offers, judged.evidence, top=100, with_evidence=False,
                  **options)
    return {str(need): rows["offer_id"].tolist() for need, rows in found.groupby("need_id")}


def read_beir(folder: Path) -> JudgedSet:
    """Read a BEIR folder; raise ``FileFormatError`` naming file and line of what is wrong."""
    import pandas as pd

    unit = _unit(folder)
    corpus = list(read_jsonl(folder, "corpus"))
    needs = [_renamed(row, "need_id") for row in read_jsonl(folder, "queries")]
    asked = {row["need_id"] for row in needs}
    grades = {need: row for need, row in _read_grades(folder / "qrels" / "test.tsv").items()
              if need in asked}
    if not (grades and corpus):
        raise FileFormatError("The folder {folder} has no judged query with a text, or no "
                              "documents.", folder=str(folder))
    if not any(grade > 0 for row in grades.values() for grade in row.values()):
        raise FileFormatError("No judged query of the folder {folder} has a document with a grade "
                              "above 0, so there is nothing to measure.", folder=str(folder))
    if unit != "owner":
        offers = pd.DataFrame([_renamed(row, "offer_id") for row in corpus])
        return JudgedSet(folder.name, _judged_only(needs, grades), offers, None, grades)
    if lost := next((row["_id"] for row in corpus if row.get("owner") in (None, "")), None):
        raise FileFormatError("The document {id} has no owner, and set.json says that owners are "
                              "ranked.", id=lost)
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
    if not file.is_file():
        return ""
    try:
        found = json.loads(whole_text(file))
    except json.JSONDecodeError as problem:
        raise FileFormatError("{file}, line {line}: not a JSON object ({problem}).", file=file.name,
                              line=problem.lineno, problem=problem.msg) from None
    if not isinstance(found, dict):
        raise FileFormatError("{file}, line {line}: not a JSON object with “{key}”.",
                              file=file.name, line=1, key="unit")
    return str(found.get("unit", "document"))


def joined(*parts: str | None) -> str:
    """Put a title and a text on lines of their own, as needs and offers have them."""
    return "\n".join(part for part in parts if part)


def read_jsonl(folder: Path, name: str, key: str = "_id") -> Iterator[dict[str, Any]]:
    """Read name.jsonl or name.jsonl.gz line by line; every line is an object with ``key``."""
    path = next((p for p in (folder / f"{name}.jsonl", folder / f"{name}.jsonl.gz")
                 if p.is_file()), None)
    if path is None:
        raise FileFormatError("The folder {folder} has no {name}.jsonl or {name}.jsonl.gz.",
                              folder=str(folder), name=name)
    for number, line in enumerate(open_lines(path), start=1):
        try:
            row = json.loads(line)
        except json.JSONDecodeError as problem:
            raise FileFormatError("{file}, line {line}: not a JSON object ({problem}).",
                                  file=path.name, line=number, problem=problem.msg) from None
        if not isinstance(row, dict) or row.get(key) in (None, ""):
            raise FileFormatError("{file}, line {line}: not a JSON object with “{key}”.",
                                  file=path.name, line=number, key=key)
        if odd := next((name for name in TEXTS if not isinstance(row.get(name), str | None)), ""):
            raise FileFormatError("{file}, line {line}: “{key}” is no text.",
                                  file=path.name, line=number, key=odd)
        yield row


def _read_grades(path: Path) -> dict[str, dict[str, int]]:
    """Read query id, document id, grade, separated by tabs, with or without a header line."""
    if not path.is_file():
        raise FileFormatError("There is no file {file}.", file=str(path))
    grades: dict[str, dict[str, int]] = {}
    for number, line in enumerate(whole_text(path).splitlines(), start=1):
        need, offer, grade = _graded(line) or ("", "", None)
        if grade is None and number == 1:  # a header
            continue
        if grade is None:
            raise FileFormatError("{file}, line {line}: wanted need, offer, grade; found {found}",
                                  file=path.name, line=number, found=line[:80])
        if (before := grades.setdefault(need, {}).setdefault(offer, grade)) != grade:
            raise FileFormatError("{file}, line {line}: {need} and {offer} have the grade {found}, "
                                  "further up they have {before}.", file=path.name, line=number,
                                  need=need, offer=offer, found=grade, before=before)
    return grades


def _graded(line: str) -> tuple[str, str, int] | None:
    """Read one line of grades; None where it is none."""
    try:
        need, offer, grade = line.split("\t")
        return need, offer, int(grade)
    except ValueError:
        return None
