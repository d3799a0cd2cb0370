"""The pages of a PDF as text, in a process of its own: PDF on standard input, JSON out.

Run by path (``python -I pages.py``), so that it imports nothing of ours. The parent bounds its
time, it bounds its own memory: a PDF made to exhaust a reader ends this process only.
"""

from __future__ import annotations

import io
import json
import logging
import sys
from typing import Any

MEMORY_BYTES = 1_500_000_000
MOST_PAGES = 300
MOST_CHARACTERS = 5_000_000


def extract(content: bytes) -> dict[str, Any]:
    """Give ``{"pages": [text, …]}`` or ``{"problem": "encrypted" | "damaged" | "pages"}``."""
    from pypdf import PdfReader
    from pypdf.errors import DependencyError, PyPdfError

    try:
        reader = PdfReader(io.BytesIO(content))
        # Many files may be read by anybody and only not changed: their password is empty.
        if reader.is_encrypted and not reader.decrypt(""):
            return {"problem": "encrypted"}
        if len(reader.pages) > MOST_PAGES:
            return {"problem": "pages", "found": len(reader.pages)}
        return {"pages": _texts(reader)}
    except DependencyError:
        return {"problem": "encrypted"}
    except (PyPdfError, ArithmeticError, AttributeError, LookupError, OSError, RecursionError,
            TypeError, ValueError, NotImplementedError, MemoryError):
        return {"problem": "damaged"}


def _texts(reader: Any) -> list[str]:
    texts: list[str] = []
    left = MOST_CHARACTERS
    for page in reader.pages:
        texts.append((page.extract_text() or "")[:max(left, 0)])
        left -= len(texts[-1])
    return texts


def main() -> None:
    """Read a PDF from standard input and write its pages to standard output."""
    import resource

    logging.disable(logging.CRITICAL)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    json.dump(extract(sys.stdin.buffer.read()), sys.stdout)


if __name__ == "__main__":
    main()
