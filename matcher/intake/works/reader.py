"""Read one file of works: choose its format by content, then by ending; bound everything."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from pathlib import PurePath
from typing import Any

from matcher.errors import FileFormatError, InputError, RowError
from matcher.intake.formats import decode
from matcher.intake.works import bibtex, docx, exchange, lists, pdf, ris
from matcher.intake.works.merge import mark_known, merge
from matcher.intake.works.proposal import Found, Proposal, evidence_id_of, to_evidence
from matcher.vocabulary import Evidence, Message

LARGEST_BYTES = 10_000_000
MOST_WORKS = 2_000
MOST_ERRORS = 200
MOST_PROBLEMS = 20_000
_BINARY = ("PDF", "DOCX")
_TEXT_ENDINGS = (".bib", ".ris", ".enw", ".json", ".txt", ".md")


class WorkFile:
    """A file's bytes, and its text and JSON where it has them, each made when asked for."""

    def __init__(self, content: bytes, name: str) -> None:
        self.content = content
        self.ending = PurePath(name.replace("\\", "/").rpartition("/")[2]).suffix.lower()[:20]

    @cached_property
    def text(self) -> str:
        """Give the text with plain line ends; raises ``FileFormatError``."""
        text = _decode(self.content)
        return text.replace("\r\n", "\n").replace("\r", "\n")

    @cached_property
    def json(self) -> Any:
        """Give the JSON value, ``None`` for a text that does not begin as one.

        Raises ``FileFormatError`` for broken JSON.
        """
        begins = re.match(r"\s*[\[{]\s*[\"{\]}]", self.text[:1000])
        return exchange.load_json(self.text) if begins else None

    @cached_property
    def is_text(self) -> bool:
        """Say whether the file is text; raises ``FileFormatError`` if only its ending says so."""
        try:
            return "\0" not in self.text[:2000]
        except FileFormatError:
            if self.ending in _TEXT_ENDINGS:
                raise
            return False


@dataclass(frozen=True, slots=True)
class WorkFormat:
    """One format: endings, name for people, how to know it by content, its reader.

    ``place`` says what its places count: line, item, paragraph or page.
    """

    endings: tuple[str, ...]
    name: str
    place: str
    fits: Callable[[WorkFile], bool]
    read: Callable[[WorkFile], Found]


@dataclass(frozen=True, slots=True)
class Works:
    """What a file tells of: proposals in its order, every problem, and what ``place`` counts.

    ``joined`` counts the entries that told of a work once more.
    """

    proposals: tuple[Proposal, ...]
    errors: tuple[RowError, ...]
    format: str
    place: str
    joined: int = 0


WORK_FORMATS: tuple[WorkFormat, ...] = (
    WorkFormat((".pdf",), "PDF", "page", lambda f: b"%PDF-" in f.content[:1024],
               lambda f: pdf.read_pdf(f.content)),
    WorkFormat((".docx",), "DOCX", "paragraph", lambda f: docx.is_docx(f.content),
               lambda f: docx.read_docx(f.content)),
    WorkFormat((".json",), "ORCID", "item", lambda f: exchange.is_orcid(f.json),
               lambda f: exchange.read_orcid(f.json)),
    WorkFormat((".json",), "CSL-JSON", "item", lambda f: exchange.is_csl(f.json),
               lambda f: exchange.read_csl(f.json)),
    WorkFormat((".bib",), "BibTeX", "line",
               lambda f: re.search(r"^[ \t]*@\s?[A-Za-z]+\s?[{(]", f.text, re.M) is not None,
               lambda f: bibtex.read_bibtex(f.text)),
    WorkFormat((".ris",), "RIS", "line",
               lambda f: re.search(r"^\s{0,3}TY\s{1,2}-", f.text, re.M) is not None,
               lambda f: ris.read_ris(f.text)),
    WorkFormat((".enw",), "EndNote", "line",
               lambda f: re.search(r"^%0\s", f.text, re.M) is not None,
               lambda f: ris.read_endnote(f.text)),
    WorkFormat((".txt", ".md", ""), "TXT", "line", lambda f: f.ending in (".txt", ".md", "")
               and f.json is None, lambda f: lists.read_list(f.text)),
)


def read_works(content: bytes, name: str) -> Works:
    """Read what works a file tells of, as proposals; nothing is stored.

    ``name`` serves its ending only. Faulty entries never raise: they are in ``errors``. Raises
    ``FileFormatError`` for a file that is empty, over 10 MB, of unknown kind, cannot be read as a
    whole, or tells of more than 2,000 works.
    """
    if not content.strip():
        raise FileFormatError("The file is empty.")
    if len(content) > LARGEST_BYTES:
        raise FileFormatError("The file has {size} MB; at most {limit} MB are read. Split it.",
                              size=-(-len(content) // 1_000_000), limit=LARGEST_BYTES // 1_000_000)
    file = WorkFile(content, name)
    chosen = format_of(file)
    proposals, errors = _collect(chosen.read(file))
    if not proposals and not errors:
        raise FileFormatError("No work was found in this {format} file. Wanted a list with one "
                              "work an item, each with its year.", format=chosen.name)
    merged = merge(proposals)
    return Works(merged, tuple(sorted(errors, key=lambda e: e.row)), chosen.name, chosen.place,
                 len(proposals) - len(merged))


def _collect(found: Iterable[Proposal | RowError]) -> tuple[list[Proposal], list[RowError]]:
    """Part proposals from problems; of many problems the first are told and that there are more.

    Raises ``FileFormatError`` for more than 2,000 works or 20,000 problems.
    """
    proposals: list[Proposal] = []
    errors: list[RowError] = []
    for one in found:
        kept: list[Any] = proposals if isinstance(one, Proposal) else errors
        kept.append(one)
        if len(proposals) > MOST_WORKS:
            raise FileFormatError("The file tells of more than {limit} works. Split it.",
                                  limit=MOST_WORKS)
        if len(errors) > MOST_PROBLEMS:
            raise FileFormatError("The file has more than {limit} faulty entries. Export it again. "
                                  "Nothing was stored.", limit=MOST_PROBLEMS)
    if len(errors) > MOST_ERRORS:
        last = errors[MOST_ERRORS]
        errors[MOST_ERRORS:] = [RowError(last.row, last.column, last.found, Message(
            "from here on are {more} more problems", {"more": len(errors) - MOST_ERRORS}),
            any(error.fatal for error in errors))]
    return proposals, errors


def format_of(file: WorkFile) -> WorkFormat:
    """Choose the format by content, then by ending; raises ``FileFormatError`` in words."""
    _refuse_known(file)
    for row in WORK_FORMATS:
        if (row.name in _BINARY or file.is_text) and row.fits(file):
            return row
    meant = [row.name for row in WORK_FORMATS if file.ending and file.ending in row.endings]
    if meant:
        raise FileFormatError("The file's ending says {format}, but its content is damaged or of "
                              "another kind. Export it again. Nothing was stored.",
                              format=" / ".join(meant))
    known = dict.fromkeys(f"{row.name} ({' '.join(filter(None, row.endings))})"
                          for row in WORK_FORMATS)
    raise FileFormatError("This kind of file is not known. Accepted are: {known}.",
                          known=", ".join(known))


def _decode(content: bytes) -> str:
    """Decode text as tables are, also UTF-16 without its mark; the sentence names no CSV."""
    zeros = content[:200].count(0)
    if zeros * 4 > len(content[:200]) and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        little = content[1:200:2].count(0) > content[:200:2].count(0)
        content = (b"\xff\xfe" if little else b"\xfe\xff") + content
    try:
        return decode(content)[0]
    except FileFormatError as problem:
        raise FileFormatError("The text is neither UTF-8, UTF-16 nor Big5 (cp950): line {line}, "
                              "byte {byte}. Save it as UTF-8 and try again. Nothing was stored.",
                              **problem.message.fields) from None


def _refuse_known(file: WorkFile) -> None:
    """Refuse what people mistake for a list of works, saying what to do instead."""
    start = file.content[:512].lstrip().lower()
    if file.content.startswith(b"\xd0\xcf\x11\xe0"):
        raise FileFormatError("This is an old .doc or an encrypted document. Remove the password "
                              "and save it as .docx.")
    if start.startswith((b"<!doctype html", b"<html")):
        raise FileFormatError("This is a web page, whatever its name says. Export the list as "
                              "BibTeX, RIS or JSON.")
    if file.ending in (".csv", ".tsv", ".xlsx"):
        raise FileFormatError("A table is read by `matcher import evidence`; `matcher template "
                              "evidence` writes one to fill in.")


def with_known(works: Works, stored: Iterable[Evidence]) -> Works:
    """Mark what the offer's stored evidence tells of already."""
    return replace(works, proposals=mark_known(works.proposals, stored))


def choose(proposals: Sequence[Proposal], wanted: str) -> tuple[Proposal, ...]:
    """Pick proposals by their numbers from 1: ``1,3,5-7``, or ``all``; known ones are left out.

    Raises ``InputError`` naming every part that is no number of a proposal.
    """
    parts = [part.strip() for part in wanted.replace("，", ",").split(",") if part.strip()]
    if wanted.strip().lower() == "all":
        parts = [f"1-{len(proposals)}"] if proposals else []
    spans = [re.fullmatch(r"([0-9]{1,4})(?:-([0-9]{1,4}))?", part) for part in parts]
    numbers = [range(int(s[1]), int(s[2] or s[1]) + 1) if s else range(0) for s in spans]
    wrong = [part for part, span in zip(parts, numbers, strict=True)
             if not span or span[0] < 1 or span[-1] > len(proposals)]
    if wrong or not parts:
        raise InputError("“{found}” is no number of a work in this list; wanted 1 to {last}, e.g. "
                         "1,3,5-7, or all.", found=", ".join(wrong), last=len(proposals))
    picked = dict.fromkeys(chain.from_iterable(numbers))
    return tuple(proposals[n - 1] for n in picked if proposals[n - 1].known is None)


def evidence_of(proposals: Iterable[Proposal], offer_id: str) -> tuple[Evidence, ...]:
    """Make the evidence of confirmed proposals; confirming twice gives the same ids."""
    return tuple(to_evidence(p, offer_id, evidence_id_of(p, offer_id)) for p in proposals)
