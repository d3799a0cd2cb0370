"""Read a sentence-transformers StaticEmbedding folder with tokenizers and numpy alone.

A text's vector is the mean of its tokens' rows, scaled to length one. A text that
says nothing (empty, only spaces or signs the vocabulary lacks) gets the row of the
unknown token, so NaN and zero rows never leave the encoder. Nothing is cut: a text of
a megabyte is averaged whole.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher.encoding.manifest import revision_of
from matcher.encoding.portions import clean_text, portions, read_tokenizer
from matcher.errors import ModelFileError

Floats = NDArray[np.float32]
_WEIGHT_NAMES = ("embedding.weight", "embeddings")


def is_static(folder: Path) -> bool:
    """Say whether a folder is StaticEmbedding, with or without a Normalize module after it."""
    if not (folder / "modules.json").is_file():
        return False
    kinds = [module["type"].rsplit(".", 1)[-1] for module in _modules(folder)]
    return kinds in (["StaticEmbedding"], ["StaticEmbedding", "Normalize"])


def _modules(folder: Path) -> list[dict[str, str]]:
    """Read modules.json; ``ModelFileError`` when it does not list modules."""
    file = folder / "modules.json"
    try:
        return [{"type": str(row["type"]), "path": str(row["path"])}
                for row in json.loads(file.read_text("utf-8"))]
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise ModelFileError(file.name, f"{type(problem).__name__}: {problem}") from problem


class StaticEncoder:
    """The torch-free reader; see the module's text for what it promises."""

    def __init__(self, folder: Path) -> None:
        inner = folder / _modules(folder)[0]["path"]
        self._tokenizer = read_tokenizer(inner / "tokenizer.json")
        self._rows = _read_rows(inner / "model.safetensors", self._tokenizer.get_vocab_size())
        self._unknown = self._tokenizer.token_to_id("[UNK]") or 0
        self._nothing = _unit(self._rows[self._unknown].astype(np.float32))
        self.revision = revision_of(folder)
        self.dimensions = int(self._rows.shape[1])

    def encode(self, texts: Sequence[str]) -> Floats:
        """Give (n, d) float32 unit rows in the order of the texts."""
        parts = [self._encode_portion(part) for part in portions(texts)]
        return np.concatenate(parts) if parts else np.zeros((0, self.dimensions), np.float32)

    encode_query = encode
    encode_document = encode

    def _encode_portion(self, texts: Sequence[str]) -> Floats:
        clean = [clean_text(text) for text in texts]
        found = self._tokenizer.encode_batch_fast(clean, add_special_tokens=False)
        ids = [encoding.ids or [self._unknown] for encoding in found]
        lengths = np.array([len(row) for row in ids])
        flat = np.fromiter((i for row in ids for i in row), np.int64, int(lengths.sum()))
        return self._average(flat, lengths)

    def _average(self, flat: NDArray[np.int64], lengths: NDArray[np.int64]) -> Floats:
        """Average rows text by text and scale to length one; a zero mean gets the unknown row."""
        starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        sums = np.add.reduceat(self._rows[flat].astype(np.float32), starts, axis=0)
        norms = np.linalg.norm(sums, axis=1, keepdims=True)
        empty = (norms < 1e-12).ravel()
        sums[empty] = self._nothing
        norms[empty] = 1
        return np.asarray(sums / norms, np.float32)


def _unit(row: Floats) -> Floats:
    """Scale a row (d,) to length one; a row of zeros becomes the first axis."""
    length = np.linalg.norm(row)
    return row / length if length > 1e-12 else np.eye(1, row.size, dtype=np.float32)[0]


def _read_rows(file: Path, vocabulary: int) -> NDArray[Any]:
    """Read the matrix (vocabulary, d) as stored (float16 or float32), a finite row a token."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        tensors = load_file(str(file))
    except (OSError, SafetensorError) as problem:
        raise ModelFileError(file.name, str(problem)) from problem
    for name in _WEIGHT_NAMES:
        if name in tensors:
            return _checked(file, np.asarray(tensors[name]), vocabulary)
    raise ModelFileError(file.name, f"no tensor named {' or '.join(_WEIGHT_NAMES)}")


def _checked(file: Path, rows: NDArray[Any], vocabulary: int) -> NDArray[Any]:
    if rows.ndim != 2 or len(rows) < vocabulary or not rows.shape[1]:
        raise ModelFileError(file.name, f"it has the shape {rows.shape}, expected a row for each "
                                        f"of {vocabulary} tokens")
    if not np.isfinite(rows).all():
        raise ModelFileError(file.name, "a row is not finite")
    return rows
