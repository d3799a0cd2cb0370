"""The embedded encoder as a module of sentence-transformers (extra ``st``).

``modules.json`` of the encoder's folder names this class, so ``SentenceTransformer(folder)``
with its flag ``trust_remote_code`` set runs the same graph as the torch-free reader and gives
the same vectors. sentence-transformers 6 asks for the flag before it imports any class from
outside its own package; earlier releases import this one without.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from sentence_transformers.base.modules import InputModule

from matcher.encoding.channels import ChannelsEncoder
from matcher.encoding.manifest import check_manifest, read_manifest


class ChannelsModule(InputModule):
    """Texts → unit vectors (n, d), computed by onnxruntime on the processor."""

    def __init__(self, folder: str) -> None:
        super().__init__()
        check_manifest(Path(folder))
        self.folder = Path(folder)
        self.encoder = ChannelsEncoder(self.folder)

    def preprocess(self, inputs: Sequence[str], prompt: str | None = None,
                   **options: Any) -> dict[str, torch.Tensor]:
        """Encode the texts, each with the prompt before it."""
        texts = [f"{prompt or ''}{text}" for text in inputs]
        return {"vectors": torch.from_numpy(self.encoder.encode(texts))}

    def forward(self, features: dict[str, torch.Tensor], **options: Any) -> dict[str, torch.Tensor]:
        """Hand the vectors on."""
        features["sentence_embedding"] = features["vectors"]
        return features

    def get_embedding_dimension(self) -> int:
        """Give d."""
        return self.encoder.dimensions

    @property
    def max_seq_length(self) -> float:
        """No text is cut."""
        return float("inf")

    def save(self, output_path: str, *_: Any, **options: Any) -> None:
        """Copy the folder's files."""
        for name in read_manifest(self.folder):
            target = Path(output_path) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(self.folder / name, target)

    @classmethod
    def load(cls, model_name_or_path: str, *_: Any, **options: Any) -> ChannelsModule:
        """Load the folder."""
        return cls(model_name_or_path)
