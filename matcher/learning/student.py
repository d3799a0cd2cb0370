"""The transformer that is trained: the teacher's six layers over the joint vocabulary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import gelu, normalize, softmax

from matcher.learning.vocabulary import Vocabulary

HEADS = 12
POSITIONS = 512


class Block(nn.Module):
    """One BERT layer (post-norm), the three projections of attention in one matrix."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm1 = nn.LayerNorm(width, eps=1e-12)
        self.up = nn.Linear(width, inner)
        self.down = nn.Linear(inner, width)
        self.norm2 = nn.LayerNorm(width, eps=1e-12)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """Map (n, length, width) to the same shape; ``bias`` (n, 1, 1, length) hides padding."""
        n, length, width = x.shape
        q, k, v = self.qkv(x).view(n, length, 3, HEADS, width // HEADS).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-1, -2) * (width // HEADS) ** -0.5 + bias
        mixed = (softmax(scores, -1).to(v.dtype) @ v).transpose(1, 2).reshape(n, length, width)
        x = self.norm1(x + self.out(mixed))
        result: Tensor = self.norm2(x + self.down(gelu(self.up(x))))
        return result


class TokenRows(nn.Module):
    """The rows of all tokens: the teacher's own and the new ones, which learn at other rates."""

    def __init__(self, known: int, new: int, width: int) -> None:
        super().__init__()
        self.known = nn.Embedding(known, width, sparse=True)
        self.new = nn.Embedding(new, width, sparse=True)

    def forward(self, ids: Tensor) -> Tensor:
        """Look up ids of any shape; ids from ``known`` up are new."""
        known, new = self.known.num_embeddings, self.new.num_embeddings
        if not new:
            found: Tensor = self.known(ids)
            return found
        is_new = (ids >= known)[..., None]
        return torch.where(is_new, self.new((ids - known).clamp(min=0)),
                           self.known(ids.clamp(max=known - 1)))


class Student(nn.Module):
    """Rows → layers → mean over tokens → unit vector."""

    def __init__(self, known: int, new: int = 0, width: int = 384, inner: int = 1536,
                 layers: int = 6) -> None:
        super().__init__()
        self.rows = TokenRows(known, new, width)
        self.positions = nn.Parameter(torch.zeros(POSITIONS, width))
        self.norm = nn.LayerNorm(width, eps=1e-12)
        self.blocks = nn.ModuleList(Block(width, inner) for _ in range(layers))

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Give (n, width) unit vectors of row numbers (n, length) with a 0/1 mask."""
        x = self.norm(self.rows(ids) + self.positions[: ids.shape[1]])
        bias = (1.0 - mask[:, None, None, :].to(x.dtype)) * -1e4
        for block in self.blocks:
            x = block(x, bias)
        kept = mask[:, :, None].float()
        return normalize((x.float() * kept).sum(1) / kept.sum(1))

    def dense_parameters(self) -> list[nn.Parameter]:
        """Give every weight but the rows, which have their own sparse optimiser."""
        return [p for name, p in self.named_parameters() if not name.startswith("rows.")]

    def take(self, weights: Mapping[str, NDArray[np.float32]]) -> None:
        """Take over what ``weights`` gave, here or in a published folder."""
        state = {name: torch.from_numpy(value) for name, value in weights.items()}
        known = self.rows.known.num_embeddings
        rows = state.pop("rows.weight")
        self.load_state_dict(state | {"rows.known.weight": rows[:known],
                                      "rows.new.weight": rows[known:]})

    def weights(self) -> dict[str, NDArray[np.float32]]:
        """Give every weight by name, the rows joined to one ``rows.weight``."""
        found = {name: value.float().cpu().numpy() for name, value in self.state_dict().items()}
        found["rows.weight"] = np.concatenate([found.pop("rows.known.weight"),
                                               found.pop("rows.new.weight")])
        return found


def copy_teacher(student: Student, teacher: dict[str, Tensor]) -> None:
    """Copy layers and positions of a BERT state dict; the rows are left to the caller.

    The one token type's vector is added to the positions: it is the same for every token.
    """
    def take(module: Any, name: str) -> None:
        module.weight.data.copy_(teacher[f"{name}.weight"])
        module.bias.data.copy_(teacher[f"{name}.bias"])

    kind = teacher["embeddings.token_type_embeddings.weight"][0]
    student.positions.data.copy_(
        teacher["embeddings.position_embeddings.weight"][:POSITIONS] + kind)
    take(student.norm, "embeddings.LayerNorm")
    for number, block in enumerate(student.blocks):
        layer = f"encoder.layer.{number}"
        parts = [f"{layer}.attention.self.{p}" for p in ("query", "key", "value")]
        block.qkv.weight.data.copy_(torch.cat([teacher[f"{p}.weight"] for p in parts]))
        block.qkv.bias.data.copy_(torch.cat([teacher[f"{p}.bias"] for p in parts]))
        take(block.out, f"{layer}.attention.output.dense")
        take(block.norm1, f"{layer}.attention.output.LayerNorm")
        take(block.up, f"{layer}.intermediate.dense")
        take(block.down, f"{layer}.output.dense")
        take(block.norm2, f"{layer}.output.LayerNorm")


def teacher_student(model: Any) -> Student:
    """Build a ``Student`` that computes what the teacher computes, over the teacher's own rows."""
    state = model.state_dict()
    rows = state["embeddings.word_embeddings.weight"]
    twin = Student(len(rows))
    copy_teacher(twin, state)
    twin.rows.known.weight.data.copy_(rows)
    twin.eval()
    return twin


def starting_student(model: Any, vocabulary: Vocabulary, static: NDArray[np.float32]) -> Student:
    """Build the student before training: the teacher's layers, its rows, and mixed new rows."""
    state = model.state_dict()
    known = state["embeddings.word_embeddings.weight"].numpy()[vocabulary.origin]
    new = mixed_rows(known, static, whole_words(vocabulary))
    student = Student(len(known), len(new))
    copy_teacher(student, state)
    student.rows.known.weight.data.copy_(torch.from_numpy(known))
    student.rows.new.weight.data.copy_(torch.from_numpy(new))
    return student


def whole_words(vocabulary: Vocabulary) -> NDArray[np.int64]:
    """Give the ids of the teacher's tokens that are words of three letters or more."""
    found = [number for name, number in vocabulary.tokenizer.get_vocab().items()
             if number < vocabulary.layout.teacher and name.isalpha() and len(name) > 2]
    return np.array(sorted(found))


def mixed_rows(known: NDArray[np.float32], static: NDArray[np.float32],
               words: NDArray[np.int64], nearest: int = 8, temperature: float = 0.05,
               portion: int = 4096) -> NDArray[np.float32]:
    """Start each new row as a mix of the teacher's rows of the words nearest to it.

    Nearness is the cosine in the static bilingual space (rows, d); weights are its softmax.
    Mixing shortens a row, so it is scaled back to the usual length of ``known`` (teacher, 384).
    """
    unit = static / np.maximum(np.linalg.norm(static, axis=1, keepdims=True), 1e-9)
    usual = np.median(np.linalg.norm(known[words], axis=1))
    mixed = []
    for start in range(len(known), len(static), portion):
        cosines = unit[start : start + portion] @ unit[words].T
        best = np.argpartition(-cosines, nearest, axis=1)[:, :nearest]
        top = np.take_along_axis(cosines, best, 1) / temperature
        weights = np.exp(top - top.max(1, keepdims=True))
        rows = np.einsum("nk,nkd->nd", weights / weights.sum(1, keepdims=True), known[words[best]])
        mixed.append(rows * (usual / np.linalg.norm(rows, axis=1, keepdims=True)))
    return np.concatenate(mixed).astype(np.float32)
