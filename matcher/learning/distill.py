"""The transformer channel: the student's vector of a text ≈ the teacher's of its English.

Loss of a text: pull · (1 − cosine with the teacher's vector) + InfoNCE against the teacher's
vectors of the whole step (Reimers & Gurevych 2020 for the first, van den Oord et al. 2018 for
the second), negatives that the teacher finds near-identical left out. A share of the items is
English → English, so that the teacher's own language is kept.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from matcher.learning.heldout import PAPERS, HeldOut
from matcher.learning.mixing import Dictionary
from matcher.learning.plan import TransformerPlan
from matcher.learning.sides import Ints, Side
from matcher.learning.student import Student, teacher_student
from matcher.learning.vocabulary import Layout

log = logging.getLogger(__name__)
SAME = 0.9
UNKNOWN = 1


@dataclass(frozen=True)
class Items:
    """What a step is made of: rows first…last − 1 joined; ``english`` marks English inputs."""

    first: Ints
    last: Ints
    english: NDArray[np.bool_]

    @property
    def single(self) -> NDArray[np.bool_]:
        """Say which items are one row, not a span of a paper's sentences."""
        return np.asarray(self.last - self.first == 1)

    def take(self, index: Ints) -> Items:
        """Give some of the items."""
        return Items(self.first[index], self.last[index], self.english[index])


@dataclass(frozen=True)
class Material:
    """The sides, weights (n,), translations of words, and where spans may start and must end."""

    english: Side
    other: Side
    weights: NDArray[np.float64]
    dictionary: Dictionary
    span_starts: Ints
    paper_ends: Ints

    def draw(self, plan: TransformerPlan, random: np.random.Generator) -> Items:
        """Draw the items of a step: single rows by weight, and spans of papers' sentences."""
        spans = int(plan.pairs * plan.spans) if len(self.span_starts) else 0
        rows = np.unique(np.searchsorted(np.cumsum(self.weights),
                                         random.random(plan.pairs - spans)))
        rows = rows[rows < len(self.weights)]
        chosen = random.choice(len(self.span_starts), spans) if spans else np.zeros(0, np.int64)
        starts = self.span_starts[chosen]
        ends = np.minimum(self.paper_ends[chosen], starts + random.integers(2, 9, spans))
        while (long := self._is_long(starts, ends, plan.longest)).any():
            ends = ends - long
        first = np.concatenate([rows, starts])
        last = np.concatenate([rows + 1, ends])
        items = Items(first, last, np.zeros(len(first), bool))
        share = np.where(items.single, plan.english, plan.english_spans)
        return replace(items, english=random.random(len(first)) < share)

    def _is_long(self, starts: Ints, ends: Ints, longest: int) -> NDArray[np.bool_]:
        size = np.maximum(self.english.lengths(starts, ends), self.other.lengths(starts, ends))
        return np.asarray((size > longest - 2) & (ends - starts > 1))


def paper_spans(sources: NDArray[np.str_], weights: NDArray[np.float64]) -> tuple[Ints, Ints]:
    """Give rows that may start a span and, for each, the end of its unbroken run of rows."""
    usable = (sources == PAPERS) & (weights > 0)
    starts = np.flatnonzero(usable)
    stops = np.append(np.flatnonzero(~usable), len(usable))
    return starts, stops[np.searchsorted(stops, starts)]


class Teacher:
    """The frozen teacher over the student's row numbers; its vectors of single rows are cached."""

    def __init__(self, model: Any, layout: Layout, origin: Ints, rows: int, work: Path,
                 device: str) -> None:
        self._twin = teacher_student(model).to(device)
        self._origin = np.full(layout.rows, origin[UNKNOWN])
        self._origin[: layout.teacher] = origin
        self._device = device
        file = work / "teacher.f16"
        mode: Any = "r+" if file.is_file() else "w+"
        self._cache = np.memmap(file, np.float16, mode, shape=(rows, 384))

    def vectors(self, side: Side, items: Items, longest: int) -> NDArray[np.float32]:
        """Give (n, 384) unit vectors of the items' English; new ones are computed and kept."""
        single = items.single
        found = self._cache[items.first].astype(np.float32)
        missing = np.flatnonzero(~single | ~found.any(axis=1))
        lengths = np.minimum(side.lengths(items.first, items.last), longest)[missing]
        for part in by_length(lengths):
            chosen = missing[part]
            found[chosen] = self._compute(side, items.take(chosen), longest)
        kept = missing[single[missing]]
        self._cache[items.first[kept]] = found[kept].astype(np.float16)
        return found

    def _compute(self, side: Side, items: Items, longest: int) -> NDArray[np.float32]:
        ids, mask = side.padded(items.first, items.last, longest)
        with torch.inference_mode(), bfloat16_where_fast(self._device):
            vectors = self._twin(*tensors(self._origin[ids], mask, self._device))
        return np.asarray(vectors.float().cpu().numpy())


def bfloat16_where_fast(device: str) -> torch.autocast:
    """Compute in bfloat16, but on processors where float32 is several times as fast.

    Those have no AVX-512: float32 7 × as fast on a Zen 3.
    """
    is_fast = device != "cpu" or "AVX512" in torch.backends.cpu.get_cpu_capability()
    return torch.autocast(device, torch.bfloat16, enabled=is_fast)


def tensors(ids: Ints, mask: NDArray[np.float32], device: str) -> tuple[Tensor, Tensor]:
    """Move a padded batch to the device."""
    return torch.from_numpy(ids).to(device), torch.from_numpy(mask).to(device)


def by_length(lengths: NDArray[Any], tokens: int = 4096) -> list[Ints]:
    """Cut items (n,) in the order of their lengths into groups of about ``tokens`` tokens."""
    order = np.argsort(lengths, kind="stable")
    padded = np.cumsum(lengths[order] + 2)
    return [part for part in np.split(order, np.flatnonzero(np.diff(padded // tokens)) + 1)
            if part.size]


def groups(lengths: Ints, tokens: int, random: np.random.Generator) -> Iterator[Ints]:
    """Cut items into groups of like length and about ``tokens`` tokens, in random order."""
    parts = by_length(lengths + random.random(len(lengths)), tokens)
    for index in random.permutation(len(parts)):
        if len(parts[index]) > 1:
            yield parts[index]


def distillation_loss(student: Tensor, targets: Tensor, own: Tensor, plan: TransformerPlan
                      ) -> Tensor:
    """Compute the loss of student rows (m, d) against targets (n, d); row i's is ``own[i]``."""
    mine = targets[own]
    pull = (1 - (student * mine).sum(1)).mean()
    same = mine @ targets.T > SAME
    same[torch.arange(len(own)), own] = False
    logits = (student @ targets.T * plan.scale).masked_fill(same, -1e4)
    back = (mine @ student.T * plan.scale).masked_fill(same[:, own], -1e4)
    return (plan.pull * pull + cross_entropy(logits, own)
            + cross_entropy(back, torch.arange(len(own), device=own.device))) / 2


def rate(step: int, plan: TransformerPlan) -> float:
    """Give the share of the full learning rate: warm-up, constant, linear cool-down."""
    return min(1.0, (step + 1) / plan.warmup, max(plan.steps - step, 0) / max(plan.cooldown, 1))


def heldout_pairs(student: Student, teacher: Teacher, material: Material, held: HeldOut,
                  device: str) -> dict[str, float]:
    """Give top-1 accuracy of held-out pairs by language; ``en``: mean cosine with the teacher."""
    scores, drift = {}, []
    for code, rows in held.pairs.items():
        items = Items(rows, rows + 1, np.zeros(len(rows), bool))
        targets = teacher.vectors(material.english, items, 160)
        own = student_vectors(student, material.other, items, device)
        sims = own @ targets.T
        place = np.arange(len(rows))
        there, back = ((sims.argmax(axis) == place).mean() for axis in (0, 1))
        scores[code] = float((there + back) / 2)
        english = student_vectors(student, material.english, items, device)
        drift.append(float((english * targets).sum(1).mean()))
    return scores | {"en": float(np.mean(drift))}


def student_vectors(student: Student, side: Side, items: Items, device: str,
                    longest: int = 160) -> NDArray[np.float32]:
    """Encode items with the student in groups of like length; (n, 384) unit vectors."""
    lengths = np.minimum(side.lengths(items.first, items.last), longest)
    found = np.zeros((len(lengths), 384), np.float32)
    for part in by_length(lengths):
        batch = side.padded(items.first[part], items.last[part], longest)
        with torch.inference_mode(), bfloat16_where_fast(device):
            found[part] = student(*tensors(*batch, device)).float().cpu().numpy()
    return found
