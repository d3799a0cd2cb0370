"""Encoders: lists of texts → (n, d) float32 unit rows.

``load_encoder()`` gives the embedded encoder without torch; a folder or hub id gives
any sentence-transformers model through the extra ``st``.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from matcher.encoding.channels import ChannelsEncoder, is_channels
from matcher.encoding.manifest import check_manifest, revision_of
from matcher.encoding.protocol import Encoder
from matcher.encoding.static import StaticEncoder, is_static
from matcher.ranker import embedded_models

__all__ = ["ChannelsEncoder", "Encoder", "StaticEncoder", "check_manifest", "embedded_encoder",
           "load_encoder", "open_encoder", "revision_of"]


def embedded_encoder() -> Path:
    """Give the folder of the embedded encoder."""
    return embedded_models() / "encoder"


@cache
def load_encoder(source: str | None = None) -> Encoder:
    """Load an encoder once: None for the embedded one, else a folder or a hub id.

    Raises ``ModelFileError`` for a missing, cut or changed file and
    ``MissingExtraError`` when the model needs the extra ``st``.
    """
    return open_encoder(source)


def open_encoder(source: str | None = None) -> Encoder:
    """Load an encoder anew, as its files are now; like ``load_encoder``."""
    folder = embedded_encoder() if source is None else Path(source).expanduser()
    if source is None or (folder / "manifest.json").is_file():
        check_manifest(folder)
    if is_channels(folder):
        return ChannelsEncoder(folder)
    if is_static(folder):
        return StaticEncoder(folder)
    from matcher.encoding.transformers import SentenceTransformersEncoder

    return SentenceTransformersEncoder(str(folder) if folder.is_dir() else str(source))
