"""Write the encoder's folder: graph, tokenizer, settings, sha256 manifest last."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher.encoding.channels import CONFIG, Channels
from matcher.learning.vocabulary import SPECIAL, Vocabulary

MODULES = [{"idx": 0, "name": "0", "path": "", "type": "matcher.encoding.module.ChannelsModule"}]
SENTENCE_TRANSFORMERS = {
    "model_type": "SentenceTransformer", "prompts": {"query": "", "document": ""},
    "default_prompt_name": None, "similarity_fn_name": "cosine",
}


def write_channels(weights: Mapping[str, NDArray[np.float32]], static: NDArray[np.float32],
                   vocabulary: Vocabulary, channels: Channels, folder: Path,
                   exact: bool = False) -> None:
    """Write the student's state and the static rows (rows, d) as one folder.

    ``exact`` keeps float32, to measure what int8 loses.
    """
    from matcher.learning.graph import build_graph, write_graph

    folder.mkdir(parents=True, exist_ok=True)
    write_graph(build_graph(weights, static, exact), folder / "model.onnx")
    vocabulary.tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    _write_json(folder / CONFIG, asdict(channels))
    _write_json(folder / "modules.json", MODULES)
    _write_json(folder / "config_sentence_transformers.json", SENTENCE_TRANSFORMERS)
    write_manifest(folder)


def quiet_rows(static: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give the static rows (rows, d) with those of [PAD], [CLS] and [SEP] set to zero."""
    rows = static.copy()
    rows[[i for i, name in enumerate(SPECIAL) if name != "[UNK]"]] = 0
    return rows


def _write_json(file: Path, value: Any) -> None:
    file.write_text(json.dumps(value, indent=1) + "\n", "utf-8")


def write_manifest(folder: Path) -> None:
    """Write manifest.json: the sha256 of every file of the folder but itself."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "manifest.json")
    sums = {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in files}
    _write_json(folder / "manifest.json", sums)
