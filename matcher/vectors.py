"""Vectors of texts by key, in one matrix: many rows are taken at once, not one by one."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from threading import Lock

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
FIRST_ROWS = 1024


class VectorCache:
    """Vectors (d,) float32 by key; threads may share it."""

    def __init__(self, dimensions: int) -> None:
        """Begin with none."""
        self._places: dict[Hashable, int] = {}
        self._keys: list[Hashable] = []  # of each row of the matrix
        self._matrix: Floats = np.empty((0, dimensions), np.float32)
        self._lock = Lock()

    def __contains__(self, key: Hashable) -> bool:
        """Say whether a key's vector is known."""
        return key in self._places

    def __len__(self) -> int:
        """Count the vectors."""
        return len(self._places)

    def put(self, keys: Sequence[Hashable], rows: Floats) -> None:
        """Keep rows (n, d) by their keys; a key known before keeps its first vector.

        The rows are not to be written to afterwards. Raises ``ValueError`` for another shape.
        """
        if keys and rows.shape != (len(keys), self._matrix.shape[1]):
            raise ValueError(f"{len(keys)} vectors of length {self._matrix.shape[1]} are wanted; "
                             f"found an array {rows.shape}")
        with self._lock:
            new = [place for place, key in enumerate(keys) if key not in self._places]
            if new:
                self._append([keys[place] for place in new],
                             rows if len(new) == len(rows) else rows[new])

    def _append(self, keys: Sequence[Hashable], rows: Floats) -> None:
        """Put rows behind those there are; the first are not copied: they may be a whole store."""
        start = len(self._keys)
        if start:
            self._make_room(start + len(rows))
            self._matrix[start : start + len(rows)] = rows
        else:
            self._matrix = np.asarray(rows, np.float32)
        self._keys.extend(keys)
        for place, key in enumerate(keys, start):
            self._places.setdefault(key, place)

    def _make_room(self, size: int) -> None:
        """Grow the matrix; whoever reads now goes on reading the old one."""
        if size > len(self._matrix):
            grown = np.empty((max(size, len(self._matrix) * 5 // 4, FIRST_ROWS),
                              self._matrix.shape[1]), np.float32)
            grown[: len(self._matrix)] = self._matrix
            self._matrix = grown

    def rows(self, keys: Iterable[Hashable]) -> Floats:
        """Give the vectors of known keys as they come, (n, d); raise ``KeyError`` for others.

        Not to be written to: most of the matrix, in the order in which it was put, is not copied.
        """
        wanted = list(keys)
        places = list(map(self._places.__getitem__, wanted))
        matrix = self._matrix  # after the places: a row stands in it before it has a place
        part = slice(places[0], places[0] + len(places)) if places else slice(0)
        # A small part is: it would keep the whole matrix from being freed.
        is_most = 2 * len(places) > len(matrix) and self._keys[part] == wanted
        found = matrix[part] if is_most else matrix[np.array(places, np.intp)]
        found.flags.writeable = False
        return found
