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

        The rows are not to be written to afterwards.
        """
        if not keys:
            return
        with self._lock:
            new = {key: place for place, key in enumerate(keys) if key not in self._places}
            start, end = len(self._places), len(self._places) + len(new)
            if not start and len(new) == len(rows) and rows.shape[1] == self._matrix.shape[1]:
                # Not copied: these may be all the vectors of a store.
                self._matrix = np.asarray(rows, np.float32)
            else:
                self._make_room(end)
                self._matrix[start:end] = rows if len(new) == len(rows) else rows[[*new.values()]]
            self._places.update(zip(new, range(start, end), strict=True))

    def _make_room(self, size: int) -> None:
        """Grow the matrix; whoever reads now goes on reading the old one."""
        if size > len(self._matrix):
            grown = np.empty((max(size, len(self._matrix) * 5 // 4, FIRST_ROWS),
                              self._matrix.shape[1]), np.float32)
            grown[: len(self._matrix)] = self._matrix
            self._matrix = grown

    def rows(self, keys: Iterable[Hashable]) -> Floats:
        """Give the vectors of known keys as they come, (n, d); raise ``KeyError`` for others.

        Not to be written to: those that were put one after another are not copied.
        """
        places = np.fromiter(map(self._places.__getitem__, keys), np.intp)
        matrix = self._matrix  # after the places: a row stands in it before it has a place
        found = matrix[places[0] : places[-1] + 1] if _follow(places) else matrix[places]
        found.flags.writeable = False
        return found


def _follow(places: NDArray[np.intp]) -> bool:
    """Say whether places (n,) are some, each next to the one before."""
    return len(places) > 0 and bool((np.diff(places) == 1).all())
