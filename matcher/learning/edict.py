"""Japanese words with their English from EDICT, the dictionary that Debian packages as ``edict``.

A line is ``headword [reading] /(marks) gloss/gloss/(2) gloss of the next sense/(P)/``, in EUC-JP;
``(P)`` marks common words and ``(uk)`` words that are usually written by their reading. Format:
edict_doc.html in the package (Electronic Dictionary Research and Development Group).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from matcher.errors import InputError

COMMON, RARE = "edict-common", "edict"
SENSES = 3
LONGEST_GLOSS = 60
_LINE = re.compile(r"(?P<word>\S+)(?: \[(?P<reading>[^\]]+)\])? /(?P<rest>.+)/")
_MARKS = re.compile(r"(?:\([^)]*\)|\{[^}]*\}|\s)+")
_NOTE = re.compile(r"\s*\([^)]*\)")
_SENSE = re.compile(r"\((\d+)\)")
# Marks of words that nobody writes today.
_OLD = frozenset({"arch", "obs", "obsc", "oK", "oik", "ok", "iK", "io"})


@dataclass(frozen=True, slots=True)
class Word:
    """A sense of a word: English, Japanese, and whether the word is common."""

    english: str
    japanese: str
    is_common: bool


def read_edict(file: Path) -> list[Word]:
    """Read a dictionary's senses, at most three a word; raise ``InputError`` where it is none."""
    try:
        text = file.read_bytes().decode("euc-jp")
    except (OSError, UnicodeDecodeError) as problem:
        raise InputError("The dictionary {file} cannot be read: {problem}", file=str(file),
                         problem=str(problem)) from problem
    found = [word for line in text.splitlines() for word in _words(line)]
    if not found:
        raise InputError("The dictionary {file} cannot be read: {problem}", file=str(file),
                         problem="no line of the form 漢字 [かんじ] /Chinese character/")
    return found


def _words(line: str) -> Iterator[Word]:
    """Give the first gloss of each of a line's first senses."""
    parts = _LINE.fullmatch(line.strip())
    if parts is None or not any(map(str.isalpha, parts["word"])):  # the heading has a word of marks
        return
    glosses = parts["rest"].split("/")
    senses = [g for number, g in enumerate(glosses) if not number or _SENSE.search(_marks(g))]
    for gloss in senses[:SENSES]:
        marks = set(re.findall(r"\w+", _marks(gloss)))
        english = _NOTE.sub("", gloss[len(_marks(gloss)):]).strip()
        if english.isascii() and any(map(str.isalpha, english)) and not marks & _OLD and (
                len(english) <= LONGEST_GLOSS):
            japanese = parts["reading"] if "uk" in marks and parts["reading"] else parts["word"]
            yield Word(english, japanese, "(P)" in glosses)


def _marks(gloss: str) -> str:
    found = _MARKS.match(gloss)
    return found[0] if found else ""
