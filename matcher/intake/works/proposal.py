"""One work that a file tells of, as a proposal: cleaned, bounded, not yet stored."""

from __future__ import annotations

import hashlib
import html
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from matcher.errors import RowError
from matcher.intake.convert import clean
from matcher.languages import detect, fold_han, normalise
from matcher.vocabulary import Evidence, Message

LONGEST_TITLE = 500
LONGEST_TEXT = 20_000
MOST_AUTHORS = 100
# Longer fields are cut before any work is done on them.
LONGEST_FIELD = 40_000
_UNWANTED = re.compile("[\u007f-\u0084\u0086-\u009f\ud800-\udfff]")
_TAGS = re.compile(r"</?(?:jats:|mml:)?(?:p|i|b|u|em|strong|sub|sup|br|span|scp|tt|title|sec|div|"
                   r"math|mi|mn|mo|mrow|msub|msup|italic|bold)(?:\s[^<>]{0,200})?/?>", re.I)
_DOI = re.compile(r"\b10\.[0-9]{4,9}/[^\s\"'<>{}|\\^`\u3000-\uffef]{1,200}", re.ASCII)
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\uac00-\ud7af\u3040-\u30ff]")


@dataclass(frozen=True, slots=True)
class Proposal:
    """A work to confirm. ``text`` is its abstract or description, empty when there is none.

    ``source`` names the formats that told of it, ``key`` what the file calls it, ``place`` where
    it stands (see ``Works.place``). ``known`` is the id of stored evidence that says the same,
    ``None`` when there is none.
    """

    title: str
    text: str = ""
    kind: str = "publication"
    year: int | None = None
    authors: tuple[str, ...] = ()
    venue: str = ""
    doi: str | None = None
    source: str = ""
    lang: str | None = None
    key: str = ""
    place: int = 1
    known: str | None = None


Found = Iterator[Proposal | RowError]


def propose(place: int, source: str, *, title: str, text: str = "", kind: str = "publication",
            year: str = "", authors: Iterable[str] = (), venue: str = "", doi: str = "",
            key: str = "") -> Found:
    """Make a proposal of raw fields; a fault is a ``RowError`` beside it, or instead of it.

    Without a title there is no proposal. A year that is none is left out with a warning; texts
    over 20,000 and titles over 500 characters are cut with a warning.
    """
    name, words, called = tidy(title), tidy(text), tidy(key)[:100]
    if not name:
        yield RowError(place, "title", called, Message(
            "this work has no title; it was left out"))
        return
    for field, found, longest in (("title", name, LONGEST_TITLE), ("text", words, LONGEST_TEXT)):
        if len(found) > longest:
            yield RowError(place, field, found[:40], Message(
                "wanted at most {limit} characters; the rest was cut", {"limit": longest}), False)
    if "\ufffd" in name + words:
        yield RowError(place, "title" if "\ufffd" in name else "text", name[:40], Message(
            "the character � says that a letter was lost before; compare with the original"),
            False)
    when = find_year(year)
    if when is None and tidy(year):
        yield RowError(place, "year", tidy(year)[:40], Message(
            "this is no year from 1900 to 2100; it was left out"), False)
    people = tuple(filter(None, (tidy(author)[:200] for author in authors)))[:MOST_AUTHORS]
    name, words = name[:LONGEST_TITLE].rstrip(), words[:LONGEST_TEXT].rstrip()
    yield Proposal(name, words, kind, when, people, tidy(venue)[:300], find_doi(doi), source,
                   detect(f"{name}\n{words}"), called, place)


def tidy(text: str) -> str:
    """Give one line without markup, entities, control and direction characters."""
    found = html.unescape(text[:LONGEST_FIELD])
    if "<" in found:
        found = _TAGS.sub("", found)
    return " ".join(clean(_UNWANTED.sub("", found)).split())


def find_doi(text: str) -> str | None:
    """Find the first DOI of a text, in lower case and without what only ends the sentence."""
    found = _DOI.search(unicodedata.normalize("NFKC", text[:LONGEST_FIELD]))
    if found is None:
        return None
    doi = found[0].rstrip(".,;:")
    while doi.endswith(")") and doi.count(")") > doi.count("("):
        doi = doi[:-1].rstrip(".,;:")
    return doi.lower()


def find_year(text: str) -> int | None:
    """Find a year in a field for years: 2024, 2024-05-01, c2020, 民國113年, 113/08/01."""
    found = unicodedata.normalize("NFKC", text[:200])
    western = re.search(r"(?<![0-9])(19|20)[0-9]{2}(?![0-9])", found)
    if western is not None:
        return int(western[0])
    compact = re.match(r"\s*((?:19|20)[0-9]{2})(?:0[1-9]|1[0-2])(?:[0-3][0-9])?\s*$", found)
    if compact is not None:
        return int(compact[1])
    roc = re.search(r"民國\s*([0-9]{2,3})(?![0-9])|(?<![0-9])([0-9]{2,3})\s*年"
                    r"|^\s*([0-9]{2,3})(?:[./-][0-9]{1,2}){0,2}\s*(?:$|[~～至-])", found)
    year = 1911 + int(next(filter(None, roc.groups()))) if roc else 0
    return year if 1930 <= year <= 2100 else None


def person(family: str, given: str) -> str:
    """Write a name in its own order: 王小明, José García."""
    parts = (family.strip(), given.strip())
    return "".join(parts) if _HAN.search("".join(parts)) else " ".join(filter(None, parts[::-1]))


def fold_title(title: str) -> str:
    """Fold a title to what two spellings of it share: letters and digits without accents."""
    plain = unicodedata.normalize("NFKD", fold_han(normalise(title)))
    return "".join(c for c in plain if c.isalnum())


def evidence_id_of(proposal: Proposal, offer_id: str) -> str:
    """Name the evidence a proposal becomes: the same work of an offer has always the same id."""
    work = proposal.doi or f"{fold_title(proposal.title) or proposal.title}|{proposal.year}"
    name = f"{offer_id}|{proposal.kind}|{work}"
    return "W-" + hashlib.sha256(name.encode("utf-8")).hexdigest()[:16]


def to_evidence(proposal: Proposal, offer_id: str, evidence_id: str) -> Evidence:
    """Make the evidence of a confirmed proposal; its source names DOI, venue and format."""
    doi = f"doi:{proposal.doi}" if proposal.doi else ""
    source = "; ".join(filter(None, (doi, proposal.venue, proposal.source)))
    return Evidence(evidence_id, offer_id, proposal.text, proposal.title, proposal.kind,
                    proposal.lang, proposal.year, source or None)
