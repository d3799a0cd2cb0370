"""Finds the fonts of this machine that can write a report."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from matcher.errors import MissingFontError

FOLDERS: Sequence[Path] = (
    *(Path("/usr/share/fonts") / name for name in (
        "opentype/noto", "truetype/noto", "noto-cjk", "google-noto-cjk", "noto", "truetype/tlwg",
        "truetype/dejavu", "truetype/ancient-scripts", "TTF", "OTF", "")),
    Path.home() / ".local/share/fonts", Path.home() / ".fonts",
    Path("/System/Library/Fonts"), Path("/System/Library/Fonts/Supplemental"),
    Path("/Library/Fonts"), Path("C:/Windows/Fonts"),
)


@dataclass(frozen=True, slots=True)
class Face:
    """A font for Traditional Chinese, upright and bold; ``number`` is its place in a collection."""

    regular: str
    bold: str
    number: int = 0


# Noto's and Source Han's collections hold JP, KR, SC, TC, HK in this order.
FACES: Sequence[Face] = (
    Face("NotoSansCJK-Regular.ttc", "NotoSansCJK-Bold.ttc", 3),
    Face("NotoSansTC-Regular.otf", "NotoSansTC-Bold.otf"),
    Face("NotoSansTC-Regular.ttf", "NotoSansTC-Bold.ttf"),
    Face("NotoSansCJKtc-Regular.otf", "NotoSansCJKtc-Bold.otf"),
    Face("SourceHanSans.ttc", "SourceHanSans.ttc", 3),
    Face("msjh.ttc", "msjhbd.ttc"),
    Face("STHeiti Light.ttc", "STHeiti Medium.ttc"),
    Face("Arial Unicode.ttf", "Arial Unicode.ttf"),
)
# For what a Chinese font lacks: Thai, then signs and emoji without colour.
SPARES: Sequence[str] = (
    "NotoSansThai-Regular.ttf", "Loma.ttf", "Garuda.ttf", "tahoma.ttf", "Thonburi.ttc",
    "DejaVuSans.ttf", "NotoEmoji-Regular.ttf", "Symbola.ttf", "Symbola_hint.ttf", "seguisym.ttf",
)


@dataclass(frozen=True, slots=True)
class Found:
    """The files of a face on this machine."""

    regular: Path
    bold: Path
    number: int


def find_face() -> Found:
    """Find the first known font for Chinese; raise ``MissingFontError``."""
    for face in FACES:
        regular, bold = _file(face.regular), _file(face.bold)
        if regular:
            return Found(regular, bold or regular, face.number)
    asked = _ask_fontconfig()
    if asked is None:
        raise MissingFontError
    return asked


def find_spares() -> Iterator[Path]:
    """Give the fonts there are for what the face lacks, the likeliest first."""
    yield from (path for path in map(_file, SPARES) if path)


def _file(name: str) -> Path | None:
    return next((folder / name for folder in FOLDERS if (folder / name).is_file()), None)


@cache
def _ask_fontconfig() -> Found | None:
    """Ask the system for any font that declares Traditional Chinese (Linux and BSD)."""
    program = shutil.which("fc-list")
    if program is None:
        return None
    done = subprocess.run([program, ":lang=zh-tw:weight=80", "--format", "%{file}\t%{index}\n"],
                          capture_output=True, text=True, timeout=20, check=False)
    for line in sorted(done.stdout.splitlines()):
        name, _, number = line.partition("\t")
        if Path(name).suffix.lower() in (".ttf", ".otf", ".ttc") and number.isdigit():
            return Found(Path(name), Path(name), int(number) & 0xFFFF)
    return None
