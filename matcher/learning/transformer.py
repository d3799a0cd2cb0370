"""The training loop of the transformer channel, with checkpoints, averaging and a progress line."""

from __future__ import annotations

import copy
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from matcher.learning.distill import (
    Items,
    Material,
    Teacher,
    bfloat16_where_fast,
    distillation_loss,
    groups,
    heldout_pairs,
    rate,
    tensors,
)
from matcher.learning.heldout import HeldOut
from matcher.learning.plan import TransformerPlan
from matcher.learning.student import Student

log = logging.getLogger(__name__)
AVERAGE_EVERY = 8
COUNTS = ("step", "updates", "tokens")


@dataclass
class Run:
    """All that a checkpoint holds."""

    student: Student
    average: Student
    layers: torch.optim.Optimizer
    rows: torch.optim.Optimizer
    step: int = 0
    updates: int = 0
    tokens: int = 0

    def save(self, file: Path) -> None:
        """Write the checkpoint whole or not at all."""
        from safetensors.torch import save_file

        tensors = {f"{name}/{key}": value for name in ("student", "average")
                   for key, value in getattr(self, name).state_dict().items()}
        for name in ("layers", "rows"):
            for number, state in getattr(self, name).state_dict()["state"].items():
                tensors |= {f"{name}/{number}/{key}": torch.as_tensor(value)
                            for key, value in state.items()}
        part = file.with_suffix(".part")
        counts = {key: str(getattr(self, key)) for key in COUNTS}
        save_file({key: value.contiguous() for key, value in tensors.items()}, str(part), counts)
        part.replace(file)

    def load(self, file: Path) -> None:
        """Go on from a checkpoint."""
        from safetensors import safe_open

        with safe_open(str(file), "pt") as found:
            kept = {key: found.get_tensor(key) for key in found.keys()}  # noqa: SIM118
            for key, value in found.metadata().items():
                setattr(self, key, int(value))
        for name in ("student", "average"):
            getattr(self, name).load_state_dict(_below(kept, name))
        for name in ("layers", "rows"):
            optimiser = getattr(self, name)
            wanted = optimiser.state_dict()
            for place, value in _below(kept, name).items():
                number, key = place.split("/")
                is_count = key == "step" and name == "rows"  # SparseAdam counts with an int
                wanted["state"].setdefault(int(number), {})[key] = int(value) if is_count else value
            optimiser.load_state_dict(wanted)
        log.info("resumed at step %d", self.step)


def _below(tensors: dict[str, torch.Tensor], name: str) -> dict[str, torch.Tensor]:
    """Give the tensors whose names begin with ``name/``, without it."""
    return {key.removeprefix(f"{name}/"): value for key, value in tensors.items()
            if key.startswith(f"{name}/")}


def start_run(student: Student, plan: TransformerPlan) -> Run:
    """Make the optimisers: AdamW for the layers, sparse Adam for the rows.

    The teacher's rows move slowly: Adam's steps have one size whatever the gradient, and a
    frequent English word would drift. What has no rate stays as it is, at less cost.
    """
    for part in student.dense_parameters():
        part.requires_grad_(plan.layer_rate > 0)
    student.rows.known.weight.requires_grad_(plan.known_rate > 0)
    student.rows.new.weight.requires_grad_(plan.row_rate > 0)
    layers = torch.optim.AdamW([{"params": student.dense_parameters(), "full": plan.layer_rate}],
                               weight_decay=0.01)
    rows = torch.optim.SparseAdam([
        {"params": [student.rows.known.weight], "full": plan.known_rate},
        {"params": [student.rows.new.weight], "full": plan.row_rate}])
    return Run(student, copy.deepcopy(student), layers, rows)


def train_transformer(student: Student, teacher: Teacher, material: Material, held: HeldOut,
                      plan: TransformerPlan, seed: int, work: Path, device: str) -> Student:
    """Train to the plan's last step and give the averaged student."""
    run = start_run(student.to(device), plan)
    file = work / "transformer.safetensors"
    if file.is_file():
        run.load(file)
    saved = began = time.monotonic()
    begun = run.tokens
    while run.step < plan.steps:
        loss = train_step(run, teacher, material, plan, seed, device)
        if run.step % 5 == 0:
            speed = (run.tokens - begun) / (time.monotonic() - began)
            log.info("step %d of %d, loss %.4f, %.2f M tokens, %.0f tokens/s, %.0f min left",
                     run.step, plan.steps, loss, run.tokens / 1e6, speed,
                     (plan.steps - run.step) / run.step * run.tokens / speed / 60)
        if time.monotonic() - saved > plan.checkpoint_minutes * 60 or run.step == plan.steps:
            run.save(file)
            scores = heldout_pairs(run.average, teacher, material, held, device)
            log.info("held out: %s", " ".join(f"{k} {v:.3f}" for k, v in scores.items()))
            saved = time.monotonic()
    run.average.to("cpu")
    return run.average


def train_step(run: Run, teacher: Teacher, material: Material, plan: TransformerPlan, seed: int,
               device: str) -> float:
    """Draw a step's items, learn from each group of them, return the mean loss."""
    random = np.random.default_rng((seed, 7, run.step))
    items = material.draw(plan, random)
    targets = torch.from_numpy(teacher.vectors(material.english, items, plan.longest)).to(device)
    lengths = np.where(items.english, material.english.lengths(items.first, items.last),
                       material.other.lengths(items.first, items.last))
    share = rate(run.step, plan)
    losses = []
    for own in groups(np.minimum(lengths, plan.longest), plan.tokens, random):
        losses.append(_update(run, material, items, own, targets, plan, share, random, device))
        run.tokens += int(lengths[own].sum())
    run.step += 1
    return float(np.mean(losses))


def _update(run: Run, material: Material, items: Items, own: Any, targets: torch.Tensor,
            plan: TransformerPlan, share: float, random: np.random.Generator,
            device: str) -> float:
    """Make one optimiser step on a group of items."""
    for optimiser in (run.layers, run.rows):
        for part in optimiser.param_groups:
            part["lr"] = part["full"] * share
        optimiser.zero_grad()
    vectors, order = [], []
    for side, chosen in ((material.english, items.english), (material.other, ~items.english)):
        mine = own[chosen[own]]
        if mine.size:
            ids, mask = side.padded(items.first[mine], items.last[mine], plan.longest)
            if side is material.english and plan.mixed:
                part = np.where(items.single[mine], plan.mixed, 0.0)
                ids = material.dictionary.mix(ids, part, random)
            with bfloat16_where_fast(device):
                vectors.append(run.student(*tensors(ids, mask, device)))
            order.append(mine)
    place = torch.from_numpy(np.concatenate(order)).to(device)
    loss = distillation_loss(torch.cat(vectors), targets, place, plan)
    if loss.requires_grad:  # not where all rows of a group stay as they are
        loss.backward()
    torch.nn.utils.clip_grad_norm_(run.student.dense_parameters(), 1.0)
    run.layers.step()
    run.rows.step()
    run.updates += 1
    if run.updates % AVERAGE_EVERY == 0:
        _average(run, plan.average ** AVERAGE_EVERY)
    return float(loss.detach())


@torch.no_grad()
def _average(run: Run, keep: float) -> None:
    """Move the averaged weights towards the student's; early on they follow it closely."""
    keep = min(keep, run.updates / (run.updates + 10 * AVERAGE_EVERY))
    for mean, new in zip(run.average.parameters(), run.student.parameters(), strict=True):
        mean.lerp_(new, 1 - keep)
