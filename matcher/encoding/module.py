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

from matcher.encoding.channels import FILES, ChannelsEncoder
from matcher.encoding.manifest import MANIFEST, check_manifest


class ChannelsModule(InputModule):
    """Texts → unit vectors (n, d), computed by onnxruntime on the processor."""

    def __init__(self, folder: str) -> None:
        super().__init__()
        self.folder = Path(folder)
        if (self.folder / MANIFEST).is_file():  # a copy that sentence-transformers saved has none
            check_manifest(self.folder)
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
        """Copy the model's own files; sentence-transformers writes the others."""
        for name in FILES:
            shutil.copy(self.folder / name, Path(output_path) / name)

    @classmethod
    def load(cls, model_name_or_path: str, *_: Any, **options: Any) -> ChannelsModule:
        """Load the folder."""
        return cls(model_name_or_path)
