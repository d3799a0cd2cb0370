"""What every torch-free reader does before the model: clean, cut into portions, tokenise."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matcher.errors import ModelFileError

PORTION = 1024
PORTION_CHARACTERS = 2_000_000


def clean_text(text: str) -> str:
    """Replace NUL by a space and lone surrogates by a question mark."""
    return text.replace("\0", " ").encode("utf-8", "replace").decode()


def portions(texts: Sequence[str]) -> list[list[str]]:
    """Cut texts into portions of bounded count and length, so that memory stays bounded."""
    found: list[list[str]] = []
    room = 0
    for text in texts:
        if not found or len(found[-1]) >= PORTION or room < len(text):
            found.append([])
            room = PORTION_CHARACTERS
        found[-1].append(text)
        room -= len(text)
    return found


def read_tokenizer(file: Path) -> Any:
    """Read a tokenizer.json without padding or truncation; ``ModelFileError`` if it is none."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as problem:  # the library raises bare Exception for any unreadable file
        raise ModelFileError(file.name, str(problem)) from problem
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer
