"""Any sentence-transformers model, a folder or a hub id, through the extra ``st``."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher.encoding.manifest import revision_of
from matcher.errors import MissingExtraError, ModelFileError

Floats = NDArray[np.float32]
BATCH = 64


# Families of models that were trained with prompts but whose folders do not name them: part of
# the model's name, prompt of a query, prompt of a document (as their authors' cards say).
PROMPTS = (
    ("e5-", "query: ", "passage: "),
    ("bge-small-zh", "为这个句子生成表示以用于检索相关文章：", ""),
    ("bge-base-zh", "为这个句子生成表示以用于检索相关文章：", ""),
    ("bge-large-zh", "为这个句子生成表示以用于检索相关文章：", ""),
    ("bge-small-en", "Represent this sentence for searching relevant passages: ", ""),
    ("bge-base-en", "Represent this sentence for searching relevant passages: ", ""),
    ("bge-large-en", "Represent this sentence for searching relevant passages: ", ""),
)


def usual_prompt(source: str, role: str) -> str:
    """Give the prompt that a model's family is used with, by its name; empty for others."""
    name = source.rstrip("/").rsplit("/", 1)[-1].lower()
    for part, query, document in PROMPTS:
        if part in name:
            return query if role == "query" else document
    return ""


class SentenceTransformersEncoder:
    """Runs the model with its own prompts; rows that are not finite raise ``ModelFileError``."""

    def __init__(self, source: str) -> None:
        self._model = _load(source)
        self._source = source
        folder = Path(source)
        self.revision = (revision_of(folder) if folder.is_dir() else f"hub:{source}") + self._mark()
        self.dimensions = int(self._model.get_embedding_dimension())

    def encode(self, texts: Sequence[str]) -> Floats:
        """Give (n, d) float32 unit rows."""
        return self._run(self._model.encode, texts)

    def encode_query(self, texts: Sequence[str]) -> Floats:
        """Give (n, d) float32 unit rows, with the model's query prompt if it has one."""
        return self._run(self._model.encode_query, texts, self._prompt("query"))

    def encode_document(self, texts: Sequence[str]) -> Floats:
        """Give (n, d) float32 unit rows, with the model's document prompt if it has one."""
        return self._run(self._model.encode_document, texts, self._prompt("document"))

    def _mark(self) -> str:
        """Mark the revision where prompts come from here: other prompts give other vectors."""
        prompts = [self._prompt(role) or "" for role in ("query", "document")]
        return f"+{hashlib.sha256(repr(prompts).encode()).hexdigest()[:6]}" if any(prompts) else ""

    def _prompt(self, role: str) -> str | None:
        """Give the prompt to use where the model's own settings name none; None: its own."""
        own = any((self._model.prompts or {}).values())
        return None if own else usual_prompt(self._source, role) or None

    def _run(self, method: Any, texts: Sequence[str], prompt: str | None = None) -> Floats:
        if not texts:
            return np.zeros((0, self.dimensions), np.float32)
        rows = np.asarray(method(list(texts), batch_size=BATCH, normalize_embeddings=True,
                                 show_progress_bar=False, prompt=prompt), np.float32)
        norms = np.linalg.norm(rows, axis=1)
        if not (np.isfinite(norms).all() and (np.abs(norms - 1) < 1e-2).all()):
            raise ModelFileError(self._source, "it gave vectors that are not of length one")
        return rows


def _load(source: str) -> Any:
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as problem:
        raise MissingExtraError(
            "st", f"The encoder {source} needs sentence-transformers.") from problem
    try:
        return SentenceTransformer(source)
    except (OSError, ValueError) as problem:
        raise ModelFileError(source, str(problem).strip().split("\n")[0]) from problem
