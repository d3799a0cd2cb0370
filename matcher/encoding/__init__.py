"""Encoders: lists of texts → (n, d) float32 unit rows.

``load_encoder()`` gives the embedded encoder without torch; a folder or hub id gives
any sentence-transformers model through the extra ``st``.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from matcher.encoding.manifest import check_manifest
from matcher.encoding.protocol import Encoder
from matcher.encoding.static import StaticEncoder, is_static
from matcher.ranker import embedded_models

__all__ = ["Encoder", "StaticEncoder", "check_manifest", "load_encoder"]


@cache
def load_encoder(source: str | None = None) -> Encoder:
    """Load an encoder: None for the embedded one, else a folder or a hub id.

    Raises ``ModelFileError`` for a missing, cut or changed file and
    ``MissingExtraError`` when the model needs the extra ``st``.
    """
    folder = embedded_models() / "encoder" if source is None else Path(source)
    if source is None or (folder / "manifest.json").is_file():
        check_manifest(folder)
    if is_static(folder):
        return StaticEncoder(folder)
    from matcher.encoding.transformers import SentenceTransformersEncoder

    return SentenceTransformersEncoder(source or str(folder))
