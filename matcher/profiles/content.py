"""A form's content: what may be kept of it, everything wrong with it, and the record it makes.

Content is plain JSON: texts by field, lists of texts where several may be chosen, ``visibility``
(field → audience) and, for offers, ``evidence`` (a list of titles, texts, kinds, years).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from matcher.accounts import clean_email
from matcher.errors import InputError, RowError
from matcher.intake import check
from matcher.intake.convert import LONGEST_TEXT, clean
from matcher.intake.fields import FIELDS
from matcher.intake.works import Proposal, evidence_id_of
from matcher.languages import detect
from matcher.profiles.form import (
    AUDIENCES,
    CONTACT,
    EVIDENCE_PARTS,
    FIELDS_BY_KEY,
    MOST_EVIDENCE,
    FormField,
    form_fields,
)
from matcher.vocabulary import Evidence, Message, Need, Offer

Content = Mapping[str, Any]
LARGEST = 1_000_000  # characters of a whole draft
LONGEST_DAYS = 365
# The source of evidence that is the profile's own text: no outside proof.
OWN_WORDS = "profile"
WHAT = {"need": "needs", "offer": "offers"}
_PHONE = re.compile(r"\+?[0-9(][0-9()\-. #ext分機轉]{5,38}")
_URL = re.compile(r"https?://[^\s\"'<>\\]+\.[^\s\"'<>\\]+")
LONGEST_YEAR = 4
_EVIDENCE_KEY = re.compile(r"evidence\.([0-9]{1,3})\.([a-z]+)")


def keep(content: Content) -> dict[str, Any]:
    """Give what a draft keeps of a form's content: known fields, texts and lists of texts.

    Unknown fields are left out. Raises ``InputError`` naming all fields that hold something else
    than text, and where the whole is over a million characters.
    """
    known = {key: value for key, value in content.items()
             if key in FIELDS_BY_KEY or key in ("visibility", "evidence")}
    wrong = sorted(key for key, value in known.items() if not _has_shape(key, value))
    if wrong:
        raise InputError("The form holds something else than text in: {fields}.",
                         fields=", ".join(wrong))
    if len(repr(known)) > LARGEST:
        raise InputError("The form holds over {limit} characters; shorten it.", limit=LARGEST)
    kept: dict[str, Any] = _storable(known)
    return kept


def _has_shape(key: str, value: object) -> bool:
    if key == "visibility":
        return _is_texts(value, FIELDS_BY_KEY)
    if key == "evidence":
        return (isinstance(value, list) and len(value) <= MOST_EVIDENCE
                and all(_is_texts(item, EVIDENCE_PARTS) for item in value))
    several = FIELDS_BY_KEY[key].input == "choices"
    texts = value if several and isinstance(value, list) else [value]
    return all(isinstance(text, str) for text in texts)


def _is_texts(value: object, known: Mapping[str, object]) -> bool:
    return isinstance(value, Mapping) and all(
        key in known and isinstance(text, str) for key, text in value.items())


def _storable(value: Any) -> Any:
    """Give a value without what no database takes: NUL and halves of surrogate pairs."""
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, Mapping):
        return {key: _storable(item) for key, item in value.items()}
    return [_storable(item) for item in value]


def read_form(args: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Read a page's form: fields by key, ``show.FIELD`` audiences, ``evidence.0.title`` and so on.

    Lines of evidence that are all empty are left out.
    """
    content: dict[str, Any] = {
        field.key: list(args[field.key]) if field.input == "choices" else args[field.key][-1]
        for field in FIELDS_BY_KEY.values() if args.get(field.key)}
    content["visibility"] = {key[5:]: values[-1] for key, values in args.items()
                             if key.startswith("show.") and key[5:] in FIELDS_BY_KEY and values}
    lines: dict[int, dict[str, str]] = {}
    for key, values in args.items():
        found = _EVIDENCE_KEY.fullmatch(key)
        if found and found[2] in EVIDENCE_PARTS and values and values[-1].strip():
            lines.setdefault(int(found[1]), {})[found[2]] = values[-1]
    content["evidence"] = [lines[number] for number in sorted(lines)]
    return content


def with_works(content: Content, works: Sequence[Proposal]) -> dict[str, Any]:
    """Add confirmed works to a content's evidence; one that is there already is not added."""
    listed = list(content.get("evidence", ()))
    known = {evidence_id_of(_proposal(item), "") for item in listed}
    for work in works:
        if evidence_id_of(work, "") not in known:
            known.add(evidence_id_of(work, ""))
            source = "; ".join(filter(None, (work.venue, work.source)))
            item = {"title": work.title, "text": work.text, "kind": work.kind, "source": source,
                    "year": str(work.year or ""), "doi": work.doi or "", "lang": work.lang or ""}
            listed.append({key: text for key, text in item.items() if text})
    return {**content, "evidence": listed}


def _proposal(item: Mapping[str, str]) -> Proposal:
    year = item.get("year", "")
    return Proposal(item.get("title") or item.get("text", "")[:500], item.get("text", ""),
                    item.get("kind", "project"),
                    int(year) if year.isdecimal() and len(year) <= LONGEST_YEAR else None,
                    doi=item.get("doi") or None)


@dataclass(frozen=True, slots=True)
class Filled:
    """What a content makes: the record with its evidence, or every problem at once.

    ``record`` is None where a problem is fatal. A problem's column is the field's key, for
    evidence ``evidence.0.title``; its row is 0.
    """

    record: Need | Offer | None
    evidence: tuple[Evidence, ...]
    problems: tuple[RowError, ...]


def problems(side: str, content: Content, day: date) -> tuple[RowError, ...]:
    """Say everything that keeps a content from being submitted on a day, and all warnings."""
    return fill(side, keep(content), "-", None, day).problems


def fill(side: str, content: Content, record_id: str, party_id: str | None, day: date) -> Filled:
    """Make the record of a content, its evidence and every problem with either."""
    texts = {field.key: _text(content.get(field.key)) for field in
             form_fields(side, _text(content.get("kind")))}
    found = _form_problems(side, texts, content)
    names = [field.name for field in FIELDS[WHAT[side]]]
    main = _in_one_language(texts, side)
    row = {name: main.get(name, "")[: LONGEST_TEXT] for name in names}
    row |= {f"{side}_id": record_id, "party_id": party_id or ""}
    checked = check(WHAT[side], names, [(0, row)], keep_good=True)
    found += [p for p in checked.problems if p.column in texts
              and not any(p.column == other.column for other in found)]
    record, late = _dated(checked.records[0] if checked.records else None, day)
    found += late
    evidence, faults = _evidence(side, content, texts, record_id)
    found += faults
    fatal = any(problem.fatal for problem in found)
    return Filled(None if fatal else record, () if fatal else evidence, tuple(found))


def _text(value: object) -> str:
    return clean("；".join(value) if isinstance(value, list) else str(value or ""))


def _form_problems(side: str, texts: Mapping[str, str], content: Content) -> list[RowError]:
    """Find what is missing, too long, no contact datum, or shown to fewer than it must be."""
    found: list[RowError] = []
    for field in form_fields(side, texts.get("kind") or None):
        text = texts[field.key]
        if field.required and not text and not texts.get(field.twin or ""):
            found.append(_problem(field.key, "", Message("this field must not be empty")))
        if len(text) > field.limit and field.input not in ("choice", "choices"):
            found.append(_problem(field.key, text[:40], Message(
                "wanted at most {limit} characters, this has {found}",
                {"limit": field.limit, "found": len(text)})))
        elif text and field.key in CONTACT:
            found += _contact_problems(field, text)
    order = tuple(AUDIENCES)
    for key, audience in content.get("visibility", {}).items():
        least = order.index(FIELDS_BY_KEY[key].least)
        if audience not in order[least:]:
            found.append(_problem(f"show.{key}", audience, Message(
                "wanted one of: {choices}", {"choices": ", ".join(order[least:])})))
    return found


def _problem(column: str, found: str, wanted: Message, fatal: bool = True) -> RowError:
    return RowError(0, column, found, wanted, fatal)


def _contact_problems(field: FormField, text: str) -> list[RowError]:
    if field.input == "email":
        try:
            clean_email(text)
        except InputError as problem:
            return [_problem(field.key, text, problem.message)]
    if field.input == "phone" and not _PHONE.fullmatch(text):
        return [_problem(field.key, text, Message("wanted a telephone number, e.g. 06-505-1001"))]
    if field.input == "url" and not _URL.fullmatch(text):
        return [_problem(field.key, text, Message(
            "wanted a web address that begins with https:// or http://"))]
    return []


def _in_one_language(texts: Mapping[str, str], side: str) -> dict[str, str]:
    """Put the English texts where they count: in place of missing ones; a need's behind its own."""
    found = dict(texts)
    for key, english in ((key, f"{key}_en") for key in ("title", "description", "requirements")):
        added = texts.get(english, "")
        if side == "need" and key != "title" and added:
            found[key] = "\n".join(filter(None, (texts[key], added)))
        elif not texts.get(key):
            found[key] = added
    if side == "need" and texts["title"] and texts["title_en"]:
        found["description"] = "\n".join(filter(None, (
            texts["description"], texts["title_en"], texts["description_en"])))
    found["lang"] = detect(f"{found['title']}\n{found['description']}")
    return found


def _dated(record: Need | Offer | None, day: date) -> tuple[Need | Offer | None, list[RowError]]:
    """Fill in the days of a record, and refuse an end that has passed or is over a year ahead."""
    if record is None:
        return None, []
    last = day + timedelta(days=LONGEST_DAYS)
    start, end = record.valid_from or day, record.valid_to or last
    if day <= end <= last and start <= end:
        return replace(record, valid_from=start, valid_to=end), []
    return None, [_problem("valid_to", end.isoformat(), Message(
        "wanted a day from {first} to {last}",
        {"first": max(start, day).isoformat(), "last": last.isoformat()}))]


def _evidence(side: str, content: Content, texts: Mapping[str, str], offer_id: str
              ) -> tuple[tuple[Evidence, ...], list[RowError]]:
    """Make an offer's evidence: what is listed, the texts of its kind, its English text."""
    if side != "offer":
        return (), []
    listed, faults = _listed_evidence(content, offer_id)
    own = [(f.key, "", texts[f.key], f.evidence_kind, detect(texts[f.key]))
           for f in form_fields(side, texts.get("kind")) if f.evidence_kind and texts[f.key]]
    title, text = (texts[f"{key}_en"] if texts[key] else "" for key in ("title", "description"))
    if title or text:
        own.append(("en", title, text, "case", "en"))
    made = {item.evidence_id: item for item in listed}
    for key, heading, words, kind, lang in own:
        name = evidence_id_of(Proposal(key, kind=OWN_WORDS), offer_id)
        made[name] = Evidence(name, offer_id, words or heading, heading if words else "",
                              str(kind), lang, None, OWN_WORDS)
    return tuple(made.values()), faults


def _listed_evidence(content: Content, offer_id: str) -> tuple[list[Evidence], list[RowError]]:
    """Check the lines of evidence as rows of a file; ids are made, never taken from a form."""
    rows: list[tuple[int, dict[str, str]]] = []
    faults: list[RowError] = []
    for number, item in enumerate(content.get("evidence", ()), start=1):
        parts = {key: _text(item.get(key)) for key in EVIDENCE_PARTS}
        faults += [_problem(f"evidence.{number - 1}.{key}", parts[key][:40], Message(
            "wanted at most {limit} characters, this has {found}",
            {"limit": limit, "found": len(parts[key])}))
            for key, limit in EVIDENCE_PARTS.items() if len(parts[key]) > limit]
        rows.append((number, _evidence_row(parts, offer_id)))
    unique = {row["evidence_id"]: (number, row) for number, row in reversed(rows)}
    if faults or not rows:
        return [], faults
    checked = check("evidence", [f.name for f in FIELDS["evidence"]],
                    sorted(unique.values(), key=lambda pair: pair[0]), keep_good=True)
    return list(checked.records), [
        replace(p, row=0, column=f"evidence.{p.row - 1}.{p.column}") for p in checked.problems]


def _evidence_row(parts: Mapping[str, str], offer_id: str) -> dict[str, str]:
    text, title = parts["text"] or parts["title"], parts["title"] if parts["text"] else ""
    source = parts["source"]
    if parts["doi"] and parts["doi"] not in source:
        source = "; ".join(filter(None, (f"doi:{parts['doi']}", source)))
    return {"evidence_id": evidence_id_of(_proposal(parts), offer_id), "offer_id": offer_id,
            "text": text, "title": title, "kind": parts["kind"] or "project",
            "lang": parts["lang"] or detect(f"{title}\n{text}"), "year": parts["year"],
            "source": source}


def content_of(record: Need | Offer, evidence: Sequence[Evidence] = ()) -> dict[str, Any]:
    """Give the content that makes a record that came without a form, e.g. from a file."""
    side = "need" if isinstance(record, Need) else "offer"
    content: dict[str, Any] = {}
    for field in FIELDS_BY_KEY.values():
        value = getattr(record, field.key, None) if side in field.sides else None
        if value not in (None, "", ()):
            content[field.key] = list(value) if field.input == "choices" else _text(
                list(value) if isinstance(value, tuple) else value)
    content["evidence"] = [
        {key: str(value) for key, value in (
            ("title", e.title), ("text", e.text), ("kind", e.kind), ("year", e.year),
            ("source", e.source), ("lang", e.lang)) if value}
        for e in evidence if e.source != OWN_WORDS][:MOST_EVIDENCE]
    return content

