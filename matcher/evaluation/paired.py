"""Two runs on the same judged set: kept as a file, compared need by need.

The interval of a difference is a paired percentile bootstrap: needs are drawn with both their
values (Efron 1979). The p-value is that of the sign-flip randomisation test: were both runs
alike, each need's difference might as well have had the other sign (Fisher 1935; Smucker, Allan
and Carterette 2007 recommend it for ranked lists); the found difference counts as one of the
draws (Phipson and Smyth 2010).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher.errors import FileFormatError, InputError
from matcher.evaluation.figures import (
    NOTHING,
    SEED,
    Floats,
    Interval,
    Units,
    ratio,
    resample,
)
from matcher.vocabulary import Message

FORMAT = 1
KEYS = ("format", "set", "data", "encoder", "ranker", "day", "metrics", "values")
FLIPS = 10_000
FLIPPED_AT_ONCE = 1000
CHANGES = 5
LOWER_IS_BETTER = frozenset({"loss"})
EQUAL = 1e-9


@dataclass(frozen=True, slots=True)
class Made:
    """What a measurement was made of; ``ranker`` None: the encoder alone."""

    name: str
    data: str
    encoder: str
    ranker: str | None
    day: date


@dataclass(frozen=True)
class Measurement:
    """What one run got on a judged set, need by need; ``titles`` are never written to a file."""

    made: Made
    units: Units
    titles: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Difference:
    """One metric of two runs: ``interval`` is of new − old; ``p`` in 0…1.

    ``wins`` counts the needs where the new run is better, which for a loss is lower.
    """

    metric: str
    old: float
    new: float
    interval: Interval
    p: float
    wins: int
    ties: int
    losses: int


@dataclass(frozen=True, slots=True)
class Change:
    """One need's value of the first metric in the old and in the new run."""

    need: str
    old: float
    new: float


@dataclass(frozen=True)
class Paired:
    """A comparison: every metric's difference, and the needs that changed most each way."""

    old: Made
    new: Made
    needs: int
    differences: tuple[Difference, ...]
    better: tuple[Change, ...]
    worse: tuple[Change, ...]


def fingerprint(*parts: object) -> str:
    """Name what was measured on by its content: the first 16 digits of a sha256."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(repr(_plain(part)).encode())
    return digest.hexdigest()[:16]


def _plain(part: object) -> object:
    """Give tables as lists of rows and mappings as plain ones: the others print in short."""
    if hasattr(part, "to_dict"):
        return part.to_dict("records")
    if isinstance(part, Mapping):
        return {key: _plain(value) for key, value in part.items()}
    return [_plain(value) for value in part] if isinstance(part, tuple | list) else part


def save(found: Measurement, file: Path) -> None:
    """Write a measurement as JSON: what made it, and each need's values, [part, whole] a metric."""
    units, made = found.units, found.made
    values = np.stack([units.parts, units.wholes], axis=-1).tolist()
    row = {"format": FORMAT, "set": made.name, "data": made.data, "encoder": made.encoder,
           "ranker": made.ranker, "day": made.day.isoformat(), "metrics": list(units.metrics),
           "values": dict(zip(units.ids, values, strict=True))}
    file.write_text(json.dumps(row, ensure_ascii=False, allow_nan=False, indent=1) + "\n", "utf-8")


def load(file: Path) -> Measurement:
    """Read what ``save`` wrote; raise ``FileFormatError`` for a file that is something else."""
    try:
        row = json.loads(file.read_text("utf-8"))
        return _measurement(row)
    except (ValueError, TypeError, AttributeError) as problem:
        raise FileFormatError("The file {file} was not written by `matcher evaluate --save`, or "
                              "has changed since: {problem}. Measure again with --save.",
                              file=str(file), problem=problem) from None


def _measurement(row: Any) -> Measurement:
    missing = [key for key in KEYS if not isinstance(row, dict) or key not in row]
    if missing:
        raise ValueError(f"without {', '.join(missing)}")
    if row["format"] != FORMAT:
        raise ValueError(f"format {row['format']}, wanted {FORMAT}")
    metrics, ids = tuple(row["metrics"]), tuple(row["values"])
    values = np.array(list(row["values"].values()), float)
    if values.shape != (len(ids), len(metrics), 2) or not np.isfinite(values).all():
        raise ValueError(f"values of shape {values.shape}, or not all of them finite numbers")
    made = Made(str(row["set"]), str(row["data"]), str(row["encoder"]), row["ranker"],
                date.fromisoformat(row["day"]))
    return Measurement(made, Units(ids, metrics, values[..., 0], values[..., 1]))


def check_same(new: Made, old: Made) -> None:
    """Raise ``InputError`` unless two runs were measured on the same data."""
    if new.data != old.data:
        raise InputError("The saved run was measured on “{old}” ({old_data}), this one on “{new}” "
                         "({new_data}). Needs, offers and grades must be the same: measure both "
                         "on the same data.", old=Message(old.name), old_data=old.data,
                         new=Message(new.name), new_data=new.data)


def compare(new: Measurement, old: Measurement) -> Paired:
    """Compare two runs on the same data, paired by need.

    Raises ``InputError`` for runs on other data or of other metrics.
    """
    check_same(new.made, old.made)
    if (new.units.metrics, set(new.units.ids)) != (old.units.metrics, set(old.units.ids)):
        raise InputError("The saved run has {old} and {old_needs} needs, this one {new} and "
                         "{new_needs} needs, so there is nothing to compare.",
                         old=", ".join(old.units.metrics), old_needs=len(old.units.ids),
                         new=", ".join(new.units.metrics), new_needs=len(new.units.ids))
    before = _in_order(old.units, new.units.ids)
    chances = flip_signs(new.units.parts - before.parts)
    differences = tuple(_difference(new.units, before, i, float(chances[i]))
                        for i in range(len(new.units.metrics)))
    better, worse = _changes(new.units, before)
    return Paired(old.made, new.made, len(new.units.ids), differences, better, worse)


def _in_order(units: Units, ids: tuple[str, ...]) -> Units:
    places = {name: place for place, name in enumerate(units.ids)}
    rows = [places[name] for name in ids]
    return Units(ids, units.metrics, units.parts[rows], units.wholes[rows])


def flip_signs(differences: Floats) -> Floats:
    """Give the two-sided p-value of each column's sum, (m,), by flipping signs of rows (n, m).

    10,000 draws with a fixed seed; all columns share the draws.
    """
    random = np.random.default_rng(SEED)
    least = np.abs(differences.sum(axis=0)) - EQUAL
    reached = np.zeros(differences.shape[1])
    for _ in range(FLIPS // FLIPPED_AT_ONCE):
        signs = random.integers(0, 2, (FLIPPED_AT_ONCE, len(differences)), np.int8) * 2.0 - 1
        reached += (np.abs(signs @ differences) >= least).sum(axis=0)
    return np.asarray((reached + 1) / (FLIPS + 1))


def _difference(new: Units, old: Units, i: int, p: float) -> Difference:
    """Compare one metric; whoever counts ties must not count rounding."""
    name, whole = new.metrics[i], new.wholes[:, i]
    found = resample(np.column_stack([new.parts[:, i] - old.parts[:, i], whole]), ratio,
                     np.random.default_rng(SEED))
    gains = _gains(new, old, i)
    wins, losses = int((gains > EQUAL).sum()), int((gains < -EQUAL).sum())
    totals = max(float(whole.sum()), NOTHING)
    return Difference(name, float(old.parts[:, i].sum() / totals),
                      float(new.parts[:, i].sum() / totals), found, p, wins,
                      len(gains) - wins - losses, losses)


def _gains(new: Units, old: Units, i: int) -> Floats:
    """Give how much better each unit is in the new run, (n,)."""
    sign = -1.0 if new.metrics[i] in LOWER_IS_BETTER else 1.0
    return np.asarray(sign * (new.parts[:, i] - old.parts[:, i]))


def _changes(new: Units, old: Units) -> tuple[tuple[Change, ...], tuple[Change, ...]]:
    """Name the five units whose first metric gained most, and the five that lost most."""
    whole = np.maximum(new.wholes[:, 0], NOTHING)
    gains = _gains(new, old, 0) / whole
    values = np.column_stack([old.parts[:, 0], new.parts[:, 0]]) / whole[:, None]

    def listed(order: NDArray[np.intp], sign: float) -> Iterator[Change]:
        for i in order[:CHANGES].tolist():
            if sign * gains[i] > EQUAL:
                yield Change(new.ids[i], float(values[i, 0]), float(values[i, 1]))

    return (tuple(listed(np.argsort(-gains, kind="stable"), 1.0)),
            tuple(listed(np.argsort(gains, kind="stable"), -1.0)))
