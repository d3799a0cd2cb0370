"""How results look on the command line: tables, JSON, CSV and XLSX of lists and imports."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from matcher.errors import InputError, UnknownRecordError
from matcher.features import FEATURES
from matcher.intake.templates import guard
from matcher.languages import render, translate
from matcher.vocabulary import MatchList, Offer

if TYPE_CHECKING:
    from matcher.advice import NeedTeam, Why
    from matcher.encoders import Compared, Listed
    from matcher.evaluation import Figure
    from matcher.store import Store
    from matcher.workflow import TakenIn

COLUMNS = ("centre", "need_id", "need_title", "rank", "offer_id", "offer_title", "party", "kind",
           "score", "distance_km", "need_sentence", "evidence", "evidence_id",
           *(f.key for f in FEATURES), "run_id")


def check_centre(code: str | None) -> None:
    """Raise ``UnknownRecordError`` for a centre code that is not in the reference data."""
    from matcher.reference import centres

    if code is not None and code not in centres():
        raise UnknownRecordError("centre", code)


def list_rows(lists: Iterable[MatchList], store: Store) -> list[dict[str, Any]]:
    """Flatten match lists to one row a match, with the names people look for."""
    offers = {offer.offer_id: offer for offer in store.offers()}
    parties = {key: party.name for key, party in store.parties().items()}
    return [_row(found, match, offers[match.offer_id], parties)
            for found in lists for match in found.matches]


def _row(found: MatchList, match: Any, offer: Offer, parties: Mapping[str, str]) -> dict[str, Any]:
    pair = match.evidence[0] if match.evidence else None
    return {
        "centre": found.need.centre, "need_id": match.need_id,
        "need_title": found.need.title or found.need.description[:60], "rank": match.rank,
        "offer_id": match.offer_id, "offer_title": offer.title or offer.description[:60],
        "party": parties.get(offer.party_id or "", ""), "kind": offer.kind,
        "score": round(match.score, 4),
        "distance_km": None if match.distance_km is None else round(match.distance_km, 1),
        "need_sentence": pair and pair.need_sentence, "evidence": pair and pair.offer_sentence,
        "evidence_id": pair and pair.evidence_id,
        **{key: round(value, 4) for key, value in match.features.items()},
        "run_id": found.run.run_id,
    }


def write_lists(lists: Sequence[MatchList], store: Store, fmt: str, out: Path | None,
                lang: str) -> None:
    """Write lists as table, json, csv or xlsx, to a file or to standard output.

    Raises ``InputError`` when xlsx has no file to go to.
    """
    if fmt == "xlsx" and out is None:
        raise InputError("An XLSX list needs a file: add --out FILE.xlsx")
    rows = list_rows(lists, store)
    content = {"table": lambda: lists_text(lists, rows, lang).encode(),
               "json": lambda: (lists_json(lists, rows) + "\n").encode(),
               "csv": lambda: to_csv(rows), "xlsx": lambda: to_xlsx(rows)}[fmt]()
    if out is None:
        click.echo(content, nl=False)
    else:
        out.write_bytes(content)


def lists_json(lists: Sequence[MatchList], rows: Sequence[Mapping[str, Any]]) -> str:
    """Give the lists as JSON: one object a need with its matches."""
    by_need: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_need.setdefault(row["need_id"], []).append(row)
    value = [{"need_id": found.need.need_id, "need_title": found.need.title,
              "centre": found.need.centre, "eligible": found.eligible,
              "scope": found.scope, "run": asdict(found.run),
              "matches": by_need.get(found.need.need_id, [])} for found in lists]
    return json.dumps(value, ensure_ascii=False, allow_nan=False, default=str, indent=1)


def lists_text(lists: Sequence[MatchList], rows: Sequence[Mapping[str, Any]], lang: str) -> str:
    """Give the lists as text for a terminal."""
    by_need: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_need.setdefault(row["need_id"], []).append(row)
    if not lists:
        return translate("No needs found. Import some, or try: matcher demo", lang) + "\n"
    parts = [_list_text(found, by_need.get(found.need.need_id, []), lang) for found in lists]
    return "\n".join(parts)


def _list_text(found: MatchList, rows: Sequence[Mapping[str, Any]], lang: str) -> str:
    need = found.need
    lines = [f"■ {need.need_id}  {need.title or need.description[:60]}"]
    if found.widened:
        lines.append("  " + render(found.widened, lang))
    if not rows:
        lines.append("  " + translate("No eligible offer: check kinds, dates and reach.", lang))
    for row in rows:
        distance = "" if row["distance_km"] is None else f"  {row['distance_km']:.0f} km"
        lines.append(f"  {row['rank']:>2}. {row['score']:.2f}  {row['offer_title']}"
                     f"（{row['party'] or row['offer_id']}）{distance}")
        if row["evidence"]:
            lines.append(f"        {translate('need', lang)}: {row['need_sentence']}")
            lines.append(f"        {translate('evidence', lang)}: {row['evidence']}")
    return "\n".join(lines) + "\n"


def to_csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = COLUMNS) -> bytes:
    """Give CSV that Excel opens rightly: UTF-8 with BOM, no cell that is a formula."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({key: guard(row.get(key)) for key in columns} for row in rows)
    return text.getvalue().encode("utf-8-sig")


def to_xlsx(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = COLUMNS) -> bytes:
    """Give an XLSX sheet with a frozen header, filters and readable widths."""
    import xlsxwriter

    buffer = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(buffer, options) as book:
        sheet = book.add_worksheet("matches")
        sheet.write_row(0, 0, columns, book.add_format({"bold": True}))
        for number, row in enumerate(rows, start=1):
            sheet.write_row(number, 0, [row.get(key) for key in columns])
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, max(len(rows), 1), len(columns) - 1)
        for place, key in enumerate(columns):
            sheet.set_column(place, place, 44 if "title" in key or "ence" in key else 14)
    return buffer.getvalue()


def taken_in_json(taken: TakenIn, lang: str) -> dict[str, Any]:
    """Give what became of a file as plain values."""
    checked = taken.intake
    return {
        "what": checked.what, "rows": checked.rows, "good": checked.rows - len(checked.rejected),
        "encoding": checked.encoding, "stored": asdict(taken.changes) if taken.changes else None,
        "problems": [{"row": p.row, "column": p.column, "found": p.found, "fatal": p.fatal,
                      "wanted": render(p.wanted, lang)} for p in checked.problems],
    }


def taken_in_text(taken: TakenIn, lang: str) -> str:
    """Give what became of a file as sentences: every problem, then what was kept."""
    checked = taken.intake
    lines = [problem_text(problem, lang) for problem in checked.problems]
    if taken.changes is None:
        lines.append(translate("{rows} rows read, {bad} rejected, nothing stored.", lang).format(
            rows=checked.rows, bad=len(checked.rejected)))
    else:
        lines.append(translate("{rows} rows read, {bad} rejected; {inserted} new, {updated} "
                               "changed, {unchanged} unchanged.", lang).format(
            rows=checked.rows, bad=len(checked.rejected), **asdict(taken.changes)))
    return "\n".join(lines)


def problem_text(problem: Any, lang: str) -> str:
    """Give one row's problem as one line: row, column, found, wanted."""
    text = translate("row {row}, column “{column}”: found “{found}”; {wanted}", lang).format(
        row=problem.row, column=problem.column, found=problem.found[:60],
        wanted=render(problem.wanted, lang))
    return text if problem.fatal else translate("warning", lang) + ": " + text


def figures_json(name: str, figures: Mapping[str, Figure]) -> dict[str, Any]:
    """Give measured figures as plain values."""
    return {"set": name, "metrics": {key: asdict(value) for key, value in figures.items()}}


def figures_text(name: str, figures: Mapping[str, Figure]) -> str:
    """Give measured figures as a small table."""
    queries = next(iter(figures.values())).queries if figures else 0
    lines = [f"{name} ({queries})"]
    return "\n".join(lines + [f"  {key:<12} {value}" for key, value in figures.items()])


def encoders_json(rows: Sequence[Listed]) -> list[dict[str, Any]]:
    """Give the encoders as plain values."""
    return [asdict(row) for row in rows]


def encoders_text(rows: Sequence[Listed], lang: str) -> str:
    """Give the encoders as a small table, the one in use marked."""
    return "\n".join(
        f"{'*' if row.in_use else ' '} {row.source}  "
        + ("" if row.megabytes is None else f"{row.megabytes:.0f} MB  ")
        + translate("{count} vectors stored", lang).format(count=row.vectors) for row in rows)


def compared_json(name: str, found: Sequence[Compared]) -> dict[str, Any]:
    """Give a comparison as plain values."""
    return {"set": name, "encoders": [asdict(side) for side in found]}


def compared_text(name: str, found: Sequence[Compared], lang: str) -> str:
    """Give a comparison as a table with one column an encoder."""
    rows = [(name, *(side.source[-24:] for side in found)),
            ("dimensions", *(str(side.dimensions) for side in found)),
            ("MB", *("-" if s.megabytes is None else f"{s.megabytes:.0f}" for s in found)),
            ("load s", *(f"{side.load_seconds:.1f}" for side in found)),
            ("texts/s", *(f"{side.texts_per_second:.0f}" for side in found)),
            *((key, *(str(side.figures[key]) for side in found)) for key in found[0].figures)]
    return "\n".join(f"{translate(first, lang) if first else '':<28} "
                     + " ".join(f"{cell:<26}" for cell in rest) for first, *rest in rows)


def why_json(found: Why, lang: str) -> dict[str, Any]:
    """Give the explanation of one pair as plain values."""
    match = found.match
    return {"need_id": found.need.need_id, "offer_id": found.offer.offer_id,
            "reasons": [render(reason, lang) for reason in found.reasons],
            "around": dict(found.around), "match": match and {
                **asdict(match), "raises": [render(m, lang) for m in match.raises],
                "warnings": [render(m, lang) for m in match.warnings]}}


def why_text(found: Why, lang: str) -> str:
    """Give the explanation of one pair as sentences."""
    head = f"{found.need.need_id} {found.need.title} ↔ {found.offer.offer_id} {found.offer.title}"
    match = found.match
    if match is None:
        return "\n".join([head, *("  " + render(reason, lang) for reason in found.reasons)])
    labels = {f.key: f.label[lang] for f in FEATURES}
    around = "  ".join(f"{offer} {score:.2f}" for offer, score in found.around)
    lines = [head, "  " + translate("rank {rank}, score {score}", lang).format(
        rank=match.rank, score=f"{match.score:.2f}"), f"  {around}"]
    lines += [f"  {value:+.2f}  {labels[key]}" for key, value in match.contributions.items()]
    parts = (("evidence", [f"{p.need_sentence} → {p.offer_sentence}" for p in match.evidence]),
             ("What this offer does not answer, and others do", match.missing),
             ("What would raise the score", [render(m, lang) for m in match.raises]),
             ("warning", [render(m, lang) for m in match.warnings]))
    lines += [f"  {translate(name, lang)}: {line}" for name, found_ in parts for line in found_]
    return "\n".join(lines)


def team_json(found: NeedTeam) -> dict[str, Any]:
    """Give a team as plain values."""
    return {"need_id": found.need.need_id, "members": found.members, "value": found.value,
            "aspects": [{"aspect": aspect, "covered_by": who} for aspect, who in
                        zip(found.aspects, found.covered_by, strict=True)]}


def team_text(found: NeedTeam, store: Store, lang: str) -> str:
    """Give a team as text: who covers each sentence of the need, and what nobody covers."""
    titles = {offer.offer_id: offer.title for offer in store.offers()}
    lines = [f"■ {found.need.need_id}  {found.need.title}"]
    for aspect, who in zip(found.aspects, found.covered_by, strict=True):
        covered = f"{who} {titles[who]}" if who else translate("nobody covers this", lang)
        lines.append(f"  {aspect}\n      → {covered}")
    return "\n".join(lines)
