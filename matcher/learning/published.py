"""Go on from a published folder: its int8 graph and its tokenizer become a student again.

Work folders are large and get lost; what was published is at hand.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher.encoding import check_manifest
from matcher.encoding.channels import CONFIG
from matcher.errors import ModelFileError
from matcher.learning.vocabulary import Layout, Vocabulary

Weights = dict[str, NDArray[np.float32]]


def read_weights(folder: Path) -> tuple[Weights, NDArray[np.float32]]:
    """Give the student's weights by name and the static rows (rows, d) of a published folder.

    Raises ``ModelFileError`` when the folder is not of this kind or was changed.
    """
    import onnx
    from onnx import numpy_helper

    check_manifest(folder)
    if not (folder / CONFIG).is_file():
        raise ModelFileError(CONFIG, "the folder holds no encoder of two channels")
    graph = onnx.load(str(folder / "model.onnx")).graph
    stored = {value.name: numpy_helper.to_array(value) for value in graph.initializer}
    found = {name: value for name, value in stored.items() if "." in name or name == "positions"}
    weights: Weights = {name: value.astype(np.float32) for name, value in found.items()
                        if not name.endswith((".int8", ".scale"))}
    for name in (n.removesuffix(".int8") for n in found if n.endswith(".int8")):
        weights[f"{name}.weight"] = _restored(found[f"{name}.int8"], found[f"{name}.scale"])
    return weights, weights.pop("static.weight")


def _restored(small: NDArray[np.int8], scale: NDArray[np.float32]) -> NDArray[np.float32]:
    """Undo ``quantise_rows``; matrices are stored turned, with one scale a column."""
    whole = small.astype(np.float32) * scale
    return whole if scale.ndim == 2 else np.ascontiguousarray(whole.T)


def read_vocabulary(folder: Path, teacher: Any) -> Vocabulary:
    """Give the vocabulary of a published folder; ``teacher`` is the teacher's tokenizer."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    channels = json.loads((folder / CONFIG).read_text("utf-8"))
    ids = tokenizer.get_vocab()
    names = sorted(ids, key=ids.__getitem__)
    known = teacher.get_vocab()
    layout = Layout(channels["teacher"], channels["rows"], max(ids.values()) + 1)
    kept = {ids[name]: known[name] for name in names if ids[name] < layout.teacher}
    pieces = [name for name in names if layout.teacher <= ids[name] < layout.rows]
    return Vocabulary(tokenizer, layout, np.array([kept[i] for i in range(layout.teacher)]), pieces)
