"""Texts as matching reads them: the part that counts, what was left out of it, and its terms.

Reading a text takes far longer than fetching what was read before. So a store may keep readings of
texts that count as they stand (nearly all): ``pack`` and ``unpack`` turn them into bytes and
back, and ``rules`` names what they were read by.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from matcher import integrity, languages, lexical
from matcher.integrity import read_fairly
from matcher.lexical import HASH_SIZE, count_terms, group_of
from matcher.vocabulary import Message


class ReadText(NamedTuple):
    """The part of a text that counts, warnings about the rest, and its terms.

    ``terms`` are k hashed terms, 0…HASH_SIZE - 1, as int32, and then their weights, ``1 + ln tf``,
    as float32, little-endian, as they are stored: there are many texts, and all are stacked at
    once. ``group`` is the language group whose texts may share words with this one; ``key`` the
    hash of the whole text, where a store knows it by one. A tuple: made in less than half the time.
    """

    text: str
    group: str
    warnings: tuple[Message, ...]
    terms: bytes
    key: str = ""


def read_texts(texts: Sequence[str]) -> list[ReadText]:
    """Read texts."""
    fair = [read_fairly(text) for text in texts]
    found = split_terms([reading.text for reading in fair])
    return [ReadText(reading.text, group_of(reading.text), reading.warnings, counted)
            for reading, counted in zip(fair, found, strict=True)]


def split_terms(texts: Sequence[str]) -> list[bytes]:
    """Give the terms of each text and their weights, as ``ReadText`` keeps them."""
    if not texts:
        return []
    counts = count_terms(texts)
    ends = counts.indptr[1:-1]
    return [terms.astype("<i4").tobytes() + weights.astype("<f4").tobytes() for terms, weights in
            zip(np.split(counts.indices, ends), np.split(counts.data, ends), strict=True)]


def stack_terms(read: Sequence[ReadText]) -> Any:
    """Give the terms of texts as sparse CSR, (n, HASH_SIZE) float32, as ``count_terms`` does."""
    from scipy import sparse

    if not read:
        return count_terms(())
    halves = [len(found.terms) // 2 for found in read]
    pairs = [(found.terms[:half], found.terms[half:])
             for found, half in zip(read, halves, strict=True)]
    terms, weights = (bytearray().join(parts) for parts in zip(*pairs, strict=True))
    return sparse.csr_matrix((np.frombuffer(weights, "<f4").astype(np.float32, copy=False),
                              np.frombuffer(terms, "<i4").astype(np.int32, copy=False),
                              np.cumsum([0, *halves]) // 4), (len(read), HASH_SIZE))


def pack(read: ReadText) -> bytes:
    """Give what was read of a text that counts as it stands: group, NUL, terms, weights."""
    return read.group.encode() + b"\0" + read.terms


def unpack(key: str, text: str, content: bytes) -> ReadText | None:
    """Make the reading of a text that counts as it stands, by its hash, of what was packed.

    None where that has no group, or not as many weights as terms: it is damaged.
    """
    group, mark, terms = content.partition(b"\0")
    is_whole = mark and len(terms) % 8 == 0
    return ReadText(text, group.decode(), (), terms, key) if is_whole else None


@cache
def rules() -> str:
    """Name what texts are read by: this program's own files and the libraries they use."""
    own = (__file__, *(str(module.__file__) for module in (integrity, languages, lexical)))
    files = (Path(name).read_bytes() for name in own)
    versions = [metadata.version(name) for name in
                ("snowballstemmer", "opencc-python-reimplemented")]
    known = (*(hashlib.sha256(content).hexdigest() for content in files), *versions,
             unicodedata.unidata_version)
    return hashlib.sha256("|".join(known).encode()).hexdigest()[:16]
