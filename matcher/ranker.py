"""The ranker: the few numbers that turn features into a score, read from a checked file.

``models/ranker.json`` holds them in plain JSON; its sha256 stands in
``models/manifest.json`` and is checked on load. No pickle, no code in the file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from matcher.errors import ModelFileError
from matcher.features import FEATURES, Feature

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Ranker:
    """Weights of the affinity and of the features; ``revision`` names their file's content.

    A feature that ``weights`` does not name has its starting weight.
    """

    dense_weight: float
    lexical_weights: Mapping[str, float]
    cross_slope: float
    cross_offset: float
    intercept: float
    weights: Mapping[str, float]
    revision: str = "unsaved"

    def weight(self, feature: Feature) -> float:
        """Give the weight of a feature in log-odds a step of 1."""
        return self.weights.get(feature.key, feature.weight)

    def contributions(self, features: Mapping[str, Floats]) -> dict[str, Floats]:
        """Give each feature's addend to the log-odds, (n,) a feature."""
        return {f.key: self.weight(f) * (features[f.key] - np.float32(f.neutral))
                for f in FEATURES}

    def score(self, features: Mapping[str, Floats]) -> NDArray[np.float64]:
        """Give the score of each pair, (n,) float64 in 0…1 (float32 would tie near 1)."""
        total = np.float64(self.intercept) + sum(self.contributions(features).values())
        return np.asarray(1 / (1 + np.exp(-total)))


def load_ranker(file: Path | None = None) -> Ranker:
    """Read a ranker; raise ``ModelFileError`` when its bytes differ from the manifest.

    A file that was not written since is not read again.
    """
    path = file or embedded_models() / "ranker.json"
    try:
        return _read_ranker(path, path.stat().st_mtime_ns)
    except OSError as problem:
        raise ModelFileError(path.name, str(problem)) from problem


@lru_cache(maxsize=8)
def _read_ranker(path: Path, _written: int) -> Ranker:
    content = _checked(path)
    row = json.loads(content)
    unknown = set(row["weights"]) - {f.key for f in FEATURES}
    if unknown:
        raise ModelFileError(path.name, f"unknown features {sorted(unknown)}")
    affinity = row["affinity"]
    return Ranker(affinity["dense_weight"], affinity["lexical_weights"], affinity["cross_slope"],
                  affinity["cross_offset"], row["intercept"], row["weights"],
                  hashlib.sha256(content).hexdigest()[:12])


def _checked(path: Path) -> bytes:
    """Read the file and compare it with the manifest beside it."""
    try:
        content = path.read_bytes()
        wanted = [json.loads(file.read_text("utf-8")).get(path.name) for file in _manifests(path)]
    except (OSError, ValueError, KeyError) as problem:
        raise ModelFileError(path.name, str(problem)) from problem
    found = hashlib.sha256(content).hexdigest()
    if found not in wanted:
        raise ModelFileError(path.name, f"sha256 {found}, expected {wanted[0]}")
    return content


def _manifests(path: Path) -> list[Path]:
    """Give the manifest, and the next one where a change was cut short between two files."""
    following = path.parent / "manifest.json.next"
    return [path.parent / "manifest.json", *([following] if following.is_file() else [])]


def embedded_models() -> Path:
    """Find the folder of model files: in the installed package, or beside it in a checkout."""
    beside = Path(__file__).parent.parent / "models"
    try:
        inside = Path(str(resources.files("matcher._models")))
    except ModuleNotFoundError:
        inside = beside
    return inside if (inside / "ranker.json").is_file() else beside
