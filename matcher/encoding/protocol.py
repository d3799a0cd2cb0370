"""What every encoder does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


class Encoder(Protocol):
    """Turns texts into unit vectors whose dot product is their affinity, -1…1.

    ``revision`` names the model's content: vectors of two revisions are never
    mixed. ``dimensions`` is d. Every method gives (n, d) float32 rows of length
    one, in the order of the texts; no texts give (0, d).
    """

    @property
    def revision(self) -> str:
        """Name of the model's content."""

    @property
    def dimensions(self) -> int:
        """Length d of a vector."""

    def encode(self, texts: Sequence[str]) -> Floats:
        """Encode texts without a role, e.g. sentences compared with each other."""

    def encode_query(self, texts: Sequence[str]) -> Floats:
        """Encode needs."""

    def encode_document(self, texts: Sequence[str]) -> Floats:
        """Encode offers and their evidence."""
