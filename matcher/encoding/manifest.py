"""The sha256 manifest of a model folder, checked before any byte of it is used."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from matcher.errors import ModelFileError

MANIFEST = "manifest.json"


def read_manifest(folder: Path) -> dict[str, str]:
    """Read file name → sha256; raise ``ModelFileError`` when there is none or it says else."""
    file = folder / MANIFEST
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as problem:
        raise ModelFileError(str(file), str(problem)) from problem
    if not isinstance(found, dict):
        raise ModelFileError(str(file), "it does not map file names to sha256")
    return found


def check_manifest(folder: Path) -> None:
    """Compare every file with the manifest; ``ModelFileError`` names the first that differs."""
    for name, wanted in read_manifest(folder).items():
        try:
            content = (folder / name).read_bytes()
        except OSError:
            raise ModelFileError(name, "the file is missing") from None
        found = hashlib.sha256(content).hexdigest()
        if found != wanted:
            raise ModelFileError(name, f"sha256 {found}, expected {wanted}")


def revision_of(folder: Path) -> str:
    """Name the content of a model folder: the hash of its manifest, or of samples of its files.

    What is only read by people (``*.md``) does not count: a mended card makes no other vectors.
    """
    digest = hashlib.sha256()
    if (folder / MANIFEST).is_file():
        rows = {k: v for k, v in read_manifest(folder).items() if not k.endswith(".md")}
        digest.update(json.dumps(rows, sort_keys=True).encode())
    else:
        for file in sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix != ".md"):
            digest.update(f"{file.relative_to(folder)}:{file.stat().st_size}".encode())
            for block in _samples(file):
                digest.update(block)
    return digest.hexdigest()[:16]


def _samples(file: Path, count: int = 64, size: int = 65_536) -> Iterator[bytes]:
    """Read blocks spread over a file: training changes weights all over."""
    room = file.stat().st_size
    with file.open("rb") as content:
        for place in sorted({room * i // count for i in range(count)}):
            content.seek(place)
            yield content.read(size)
