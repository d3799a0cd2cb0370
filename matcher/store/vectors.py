"""Stored vectors as rows of a matrix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import compress, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from matcher.errors import StoreError
from matcher.store import schema

Floats = NDArray[np.float32]
AT_ONCE = 500  # are put together before they are copied: as many as the processor's cache holds


def stack_rows(encoder: str, hashes: Sequence[str], stored: Iterator[Any],
               dimensions: int | None) -> tuple[list[str], Floats]:
    """Put stored vectors in the order of text hashes, (n, d); give the hashes that have one.

    ``stored`` are hashes with vectors as bytes. A hash that stands there twice is given twice.
    Raises ``StoreError`` when the vectors are not all of one length, that of ``dimensions``.
    """
    places = {key: place for place, key in reversed(list(enumerate(hashes)))}
    rows, found = np.zeros((0, 0), np.float32), np.zeros(len(hashes), bool)
    while part := list(islice(stored, AT_ONCE)):
        if not found.any():  # filled in parts: to get memory for all twice takes long
            rows = np.empty((len(hashes), dimensions or len(part[0][1]) // 4), np.float32)
        own = [places[row[0]] for row in part]
        rows[own] = _to_rows(encoder, rows.shape[1], [row[1] for row in part])
        found[own] = True
    if not found.any():
        return [], rows
    first = np.array([places[key] for key in hashes], np.intp)
    again = np.flatnonzero(first != np.arange(len(first)))
    rows[again], found[again] = rows[first[again]], found[first[again]]
    return list(compress(hashes, found)), rows if found.all() else rows[found]


def _to_rows(encoder: str, dimensions: int, contents: Sequence[bytes]) -> Floats:
    """Give stored vectors as rows, (n, d); raise ``StoreError`` for one of another length."""
    sizes = {4 * dimensions, *map(len, contents)}
    if len(sizes) > 1:
        raise StoreError("The stored vectors of the encoder {encoder} are damaged: they have "
                         "lengths {found}.", encoder=encoder,
                         found=[size / 4 if size % 4 else size // 4 for size in sorted(sizes)])
    return np.frombuffer(b"".join(contents), "<f4").reshape(len(contents), dimensions)


def check_dimensions(connection: Connection, encoder: str, found: set[int]) -> None:
    """Raise ``StoreError`` for vectors of another length than those stored of an encoder."""
    stored = connection.scalar(select(schema.vectors.c.dimensions)
                               .where(schema.vectors.c.encoder == encoder).limit(1))
    wanted = {stored} if stored is not None else found
    if found and (len(wanted) > 1 or found != wanted):
        raise StoreError("The encoder {encoder} gave vectors of length {found}; those stored have "
                         "{stored}.", encoder=encoder, found=sorted(found), stored=stored)
