"""Read the embedded two-channel encoder with tokenizers and onnxruntime alone.

A text's vector is [√(1 − s) · context ; √s · bag]: the transformer's mean over tokens and the
mean of static rows, each of length one. The share s of the static channel grows from
``english`` to ``other`` with the part of the text's tokens that the English teacher did not
know, so that two English texts meet in the transformer and two languages in both channels.

Nothing is cut: a text of more than ``window`` tokens is read in windows of about equal
length, each without sight of the others, and its vector is the mean over all its tokens.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher.encoding.manifest import revision_of
from matcher.encoding.portions import clean_text, portions, read_tokenizer
from matcher.errors import ModelFileError

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
CONFIG = "channels.json"
FILES = ("model.onnx", "tokenizer.json", CONFIG)
CLS, SEP = 2, 3
# Part of the revision, as vectors of two readers are never mixed. 2: whole numbers do not overflow
# on any processor, so that all give the same vectors.
READER = 2
BATCH_TOKENS = 512  # as fast as 4,096 on two cores, and half the memory


@dataclass(frozen=True)
class Channels:
    """What channels.json says: row layout, window in tokens, shares of the static channel."""

    teacher: int
    rows: int
    window: int
    english: float
    other: float
    saturation: float

    def to_rows(self, ids: Ints) -> Ints:
        """Map token ids to rows: an id from ``rows`` up is a second name of a new piece."""
        return np.where(ids >= self.rows, ids - self.rows + self.teacher, ids)

    def shares(self, new: Floats) -> Floats:
        """Give the static channel's share of texts whose part of new tokens is ``new`` (n,)."""
        reach = np.minimum(new / self.saturation, 1)
        return np.asarray(self.english + (self.other - self.english) * reach, np.float32)

    def join(self, context: Floats, bag: Floats, new: Floats) -> Floats:
        """Join channel sums (n, 384) and (n, 256) to unit vectors (n, 640)."""
        share = self.shares(new)[:, None]
        both = np.hstack([unit_rows(context) * np.sqrt(1 - share), unit_rows(bag) * np.sqrt(share)])
        return unit_rows(both)


def unit_rows(rows: Floats) -> Floats:
    """Scale rows to length one; a row of zeros (a text without words) stays zero."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, 1e-9), np.float32)


@dataclass(frozen=True)
class Windows:
    """The windows of some texts, equal ones once.

    ``pieces`` are the rows of each different window; window w shows piece ``places[w]`` and
    belongs to text ``owners[w]``.
    """

    pieces: list[Ints]
    places: Ints
    owners: Ints

    def batches(self) -> Iterator[Ints]:
        """Give indexes of pieces of like length, at most ``BATCH_TOKENS`` padded tokens each."""
        lengths = np.array([len(piece) for piece in self.pieces])
        order = np.argsort(lengths, kind="stable")
        start = 0
        while start < len(order):
            end = start + 1
            while (end < len(order)
                   and (end + 1 - start) * (lengths[order[end]] + 2) <= BATCH_TOKENS):
                end += 1
            yield order[start:end]
            start = end


def is_channels(folder: Path) -> bool:
    """Say whether a folder holds an encoder of this kind."""
    return (folder / CONFIG).is_file()


class ChannelsEncoder:
    """The torch-free reader; see the module's text for what it promises."""

    def __init__(self, folder: Path, threads: int = 0) -> None:
        """Load tokenizer and graph; ``threads`` 0 means OMP_NUM_THREADS, or all cores."""
        self.channels = _read_channels(folder / CONFIG)
        self._tokenizer = read_tokenizer(folder / "tokenizer.json")
        self._session = _open_session(folder / "model.onnx", threads)
        self.revision = f"{revision_of(folder)}+{READER}"
        self.dimensions = sum(int(output.shape[1]) for output in self._session.get_outputs())

    def encode(self, texts: Sequence[str]) -> Floats:
        """Give (n, 640) float32 unit rows in the order of the texts."""
        parts = [self._encode_portion(part) for part in portions(texts)]
        return np.concatenate(parts) if parts else np.zeros((0, self.dimensions), np.float32)

    encode_query = encode
    encode_document = encode

    def _encode_portion(self, texts: Sequence[str]) -> Floats:
        rows = self._tokenise(texts)
        new = np.array([np.mean(r >= self.channels.teacher) if r.size else 0.0 for r in rows])
        context, bag = self._sums(_cut(rows, self.channels.window), len(texts))
        vectors = self.channels.join(context, bag, new.astype(np.float32))
        if not np.isfinite(vectors).all():
            raise ModelFileError("model.onnx", "a vector is not finite")
        return vectors

    def _tokenise(self, texts: Sequence[str]) -> list[Ints]:
        found = self._tokenizer.encode_batch_fast([clean_text(text) for text in texts],
                                                  add_special_tokens=False)
        return [self.channels.to_rows(np.array(e.ids, np.int64)) for e in found]

    def _sums(self, windows: Windows, texts: int) -> tuple[Floats, Floats]:
        """Add up the graph's two outputs over the windows of each text."""
        found: list[Floats] = []
        for batch in windows.batches():
            ids, mask = _padded([windows.pieces[i] for i in batch])
            parts = self._session.run(None, {"ids": ids, "mask": mask})
            found = found or [np.zeros((len(windows.pieces), part.shape[1]), np.float32)
                              for part in parts]
            for rows, part in zip(found, parts, strict=True):
                rows[batch] = part
        sums = [np.zeros((texts, rows.shape[1]), np.float32) for rows in found]
        for total, rows in zip(sums, found, strict=True):
            np.add.at(total, windows.owners, rows[windows.places])
        return sums[0], sums[1]


def _cut(rows: Sequence[Ints], window: int) -> Windows:
    """Cut each text into as few windows as possible, of about equal length."""
    known: dict[bytes, int] = {}
    pieces: list[Ints] = []
    places: list[int] = []
    owners: list[int] = []
    for text, ids in enumerate(rows):
        for piece in np.array_split(ids, max(1, -(-len(ids) // window))):
            place = known.setdefault(piece.tobytes(), len(pieces))
            if place == len(pieces):
                pieces.append(piece)
            places.append(place)
            owners.append(text)
    return Windows(pieces, np.array(places), np.array(owners))


def _padded(pieces: Sequence[Ints]) -> tuple[Ints, Floats]:
    """Put pieces between [CLS] and [SEP] into (n, length) with their mask."""
    sizes = np.array([len(piece) + 2 for piece in pieces])
    ids = np.zeros((len(pieces), int(sizes.max())), np.int64)
    for place, piece in enumerate(pieces):
        ids[place, : len(piece) + 2] = [CLS, *piece, SEP]
    return ids, (np.arange(ids.shape[1]) < sizes[:, None]).astype(np.float32)


def _read_channels(file: Path) -> Channels:
    try:
        return Channels(**json.loads(file.read_text("utf-8")))
    except (OSError, ValueError, TypeError) as problem:
        raise ModelFileError(file.name, str(problem)) from problem


def _usual_threads() -> int:
    """Give OMP_NUM_THREADS where it is a plain number, else 0: all cores."""
    value = os.environ.get("OMP_NUM_THREADS", "")
    return int(value) if value.isdigit() else 0


def _open_session(file: Path, threads: int) -> Any:
    """Open the graph; the memory arena is off, so that one long batch is not kept for ever."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or _usual_threads()
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3
    # Without it a processor short of VNNI adds in 16 bits, which overflow (see READER).
    options.add_session_config_entry("session.x64quantprecision", "1")
    try:
        return onnxruntime.InferenceSession(str(file), options,
                                            providers=["CPUExecutionProvider"])
    except Exception as problem:  # onnxruntime's errors share no public base class
        raise ModelFileError(file.name, str(problem)) from problem
