"""A new ranker in the place of the old one: only if better, and with a way back.

The folder holds ``ranker.json`` and ``manifest.json`` (name → sha256), as ``matcher.ranker``
reads them, and after the first change ``ranker.previous.json``. A change is first written
beside the files; ``manifest.json.next`` appears last and marks it as complete. Should the
machine stop while the files are moved, the next ``install`` or ``go_back`` ends the work.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher.errors import InputError, ModelFileError
from matcher.evaluation.figures import Interval, ndcg, resample
from matcher.learning.ranker import Floats, score_rows
from matcher.ranker import Ranker, load_ranker

CURRENT, PREVIOUS, MANIFEST = "ranker.json", "ranker.previous.json", "manifest.json"
LEAST_NEEDS = 20


@dataclass(frozen=True)
class HeldOut:
    """One need kept out of training: its offers' features (n, k) and their grades (n,)."""

    need_id: str
    features: Floats
    grades: NDArray[np.int_]


@dataclass(frozen=True, slots=True)
class Comparison:
    """nDCG@10 of two rankers on the same needs; ``better`` says that the new one may replace.

    The rule: the lower end of the paired 95 % interval of new − old is above 0.
    """

    old: float
    new: float
    difference: Interval
    needs: int

    @property
    def better(self) -> bool:
        """Say whether the whole interval of the difference lies above 0."""
        return self.difference.low > 0


def compare(old: Ranker, new: Ranker, held_out: Sequence[HeldOut],
            random: np.random.Generator) -> Comparison:
    """Compare by nDCG@10, paired by need; needs without a helpful offer are left out.

    Raises ``InputError`` with fewer than 20 needs: an interval of so few means nothing.
    """
    useful = [need for need in held_out if (need.grades > 0).any()]
    if len(useful) < LEAST_NEEDS:
        raise InputError("Two rankers are compared on at least {wanted} judged needs that were not "
                         "trained on; found {found}.", wanted=LEAST_NEEDS, found=len(useful))
    values = np.array([[ndcg(_ranked(r, need), need.grades) for r in (old, new)]
                       for need in useful])
    difference = resample(values, lambda means: means[..., 1] - means[..., 0], random)
    return Comparison(float(values[:, 0].mean()), float(values[:, 1].mean()), difference,
                      len(useful))


def _ranked(ranker: Ranker, need: HeldOut) -> NDArray[np.int_]:
    """Give a need's grades (n,) in the order of a ranker's scores, ties in given order."""
    return need.grades[np.argsort(-score_rows(ranker, need.features), kind="stable")]


def install(folder: Path, ranker: Ranker, about: Mapping[str, Any] | None = None) -> Ranker:
    """Write a ranker and keep the present one as previous; give it as loaded from the file.

    ``about`` says what it was made of (day, counts); it is kept in the file and not read.
    Raises ``ModelFileError`` when the present ranker is damaged: it would be no way back.
    """
    _finish(folder)
    content = {CURRENT: _to_json(ranker, about or {})}
    if (folder / CURRENT).exists():
        content[PREVIOUS] = _checked(folder, CURRENT)
    _replace(folder, content)
    return load_ranker(folder / CURRENT)


def go_back(folder: Path) -> Ranker:
    """Exchange the present and the previous ranker; a second call undoes the first.

    Raises ``InputError`` when there is no previous ranker, ``ModelFileError`` when it is damaged.
    """
    _finish(folder)
    if not (folder / PREVIOUS).exists() and PREVIOUS not in _manifest(folder):
        raise InputError("There is no earlier ranker; the one in use stays.")
    content = {CURRENT: _checked(folder, PREVIOUS)}
    if (folder / CURRENT).exists():
        content[PREVIOUS] = (folder / CURRENT).read_bytes()
    _replace(folder, content)
    return load_ranker(folder / CURRENT)


def _to_json(ranker: Ranker, about: Mapping[str, Any]) -> bytes:
    row = {"affinity": {"dense_weight": ranker.dense_weight,
                        "lexical_weights": dict(ranker.lexical_weights),
                        "cross_slope": ranker.cross_slope, "cross_offset": ranker.cross_offset},
           "intercept": ranker.intercept, "weights": dict(ranker.weights)}
    return (json.dumps(row | ({"about": dict(about)} if about else {}), indent=2) + "\n").encode()


def _checked(folder: Path, name: str) -> bytes:
    """Read a file whose sha256 stands in the manifest."""
    wanted = _manifest(folder).get(name)
    try:
        content = (folder / name).read_bytes()
    except OSError as problem:
        raise ModelFileError(name, str(problem)) from problem
    if hashlib.sha256(content).hexdigest() != wanted:
        raise ModelFileError(name, f"its sha256 is not {wanted}, as the manifest says")
    return content


def _manifest(folder: Path) -> dict[str, str]:
    file = folder / MANIFEST
    return dict(json.loads(file.read_text("utf-8"))) if file.exists() else {}


def _replace(folder: Path, content: Mapping[str, bytes]) -> None:
    """Write everything beside the files, mark it complete, then move it into place."""
    folder.mkdir(parents=True, exist_ok=True)
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in content.items()}
    for name, data in content.items():
        _write(folder / f"{name}.next", data)
    _write(folder / "manifest.json.part",
           (json.dumps(_manifest(folder) | sums, indent=1) + "\n").encode())
    (folder / "manifest.json.part").replace(folder / f"{MANIFEST}.next")
    _finish(folder)


def _write(file: Path, data: bytes) -> None:
    """Write a file so that it is on the disk before anything is renamed."""
    with file.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _finish(folder: Path) -> None:
    """Move a complete change into place, the manifest last; an incomplete one is left alone."""
    if (folder / f"{MANIFEST}.next").exists():
        for name in (CURRENT, PREVIOUS, MANIFEST):
            waiting = folder / f"{name}.next"
            if waiting.exists():
                waiting.replace(folder / name)
