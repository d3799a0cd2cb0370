"""Write a static encoder as a sentence-transformers folder, with a sha256 manifest written last."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

MODULES = [
    {"idx": 0, "name": "0", "path": "0_StaticEmbedding",
     "type": "sentence_transformers.sentence_transformer.modules.static_embedding.StaticEmbedding"},
    {"idx": 1, "name": "1", "path": "1_Normalize",
     "type": "sentence_transformers.sentence_transformer.modules.normalize.Normalize"},
]
CONFIG = {"model_type": "SentenceTransformer", "prompts": {"query": "", "document": ""},
          "default_prompt_name": None, "similarity_fn_name": "cosine"}


def write_folder(rows: NDArray[np.float32], tokenizer: Any, folder: Path) -> None:
    """Write rows (vocabulary, d) as float16 with their tokenizer; an old folder is replaced.

    Rows are centred scales only: nothing is lost but float16 rounding (about 5e-4 relative).
    """
    from safetensors.numpy import save_file

    inner = folder / "0_StaticEmbedding"
    inner.mkdir(parents=True, exist_ok=True)
    (folder / "1_Normalize").mkdir(exist_ok=True)
    (folder / "1_Normalize" / "config.json").write_text("{}\n", "utf-8")
    tokenizer.save(str(inner / "tokenizer.json"), pretty=False)
    save_file({"embedding.weight": rows.astype(np.float16)}, str(inner / "model.safetensors"))
    _write_json(folder / "modules.json", MODULES)
    _write_json(folder / "config_sentence_transformers.json", CONFIG)
    write_manifest(folder)


def _write_json(file: Path, value: Any) -> None:
    file.write_text(json.dumps(value, indent=1) + "\n", "utf-8")


def write_manifest(folder: Path) -> None:
    """Write manifest.json: the sha256 of every file of the folder but itself."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "manifest.json")
    sums = {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in files}
    _write_json(folder / "manifest.json", sums)
