"""Match lists as a workbook whose decisions can be typed in."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from matcher.access import Viewer, demand
from matcher.decisions import BROUGHT, REASON_NAMES, STAGE_NAMES, fingerprint, tidy
from matcher.intake.convert import clean
from matcher.intake.templates import guard
from matcher.languages import translate
from matcher.sheets.columns import COLUMNS, NAMING, SAID, TYPED, graded, present
from matcher.store import Store
from matcher.store.decisions import Decision
from matcher.vocabulary import MatchList

LONGEST_SHOWN = 1000


def to_decision_sheet(lists: Iterable[MatchList], store: Store, viewer: Viewer, lang: str
                      ) -> bytes:
    """Give a workbook of these lists with the decisions as they stand and the viewer's grades.

    Raises ``UnknownRecordError`` for a list of a need whose matches are not the viewer's to decide.
    """
    import xlsxwriter

    rows = list(_rows(list(lists), store, viewer, lang))
    buffer = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(buffer, options) as book:
        sheet = book.add_worksheet("媒合" if lang == "zh" else "Matches")
        _write_cells(book, sheet, rows, lang)
        last = max(len(rows), 1)
        sheet.freeze_panes(1, 3)
        sheet.autofilter(0, 0, last, len(COLUMNS) - 1)
        sheet.ignore_errors({"number_stored_as_text": f"A1:Q{last + 1}"})
        sheet.set_landscape(), sheet.fit_to_pages(1, 0), sheet.repeat_rows(0)
        _add_choices(sheet, last, lang)
    return buffer.getvalue()


def _write_cells(book: Any, sheet: Any, rows: Sequence[Mapping[str, Any]], lang: str) -> None:
    """Write header and rows: grey what only says what the row is, white what is typed in."""
    head = book.add_format({"bold": True, "bg_color": "#E2F0EE"})
    every = {"text_wrap": True, "valign": "top"}
    grey = book.add_format({**every, "font_color": "#5A646E", "bg_color": "#F3F4F5"})
    white = {**every, "locked": False}
    text = book.add_format({**white, "num_format": "@", "quote_prefix": True})
    number = book.add_format({**white, "num_format": "0"})
    for place, (key, zh, en, width) in enumerate(COLUMNS):
        sheet.set_column(place, place, width)
        sheet.write(0, place, zh if lang == "zh" else en, head)
        form = number if key in ("grade", *BROUGHT) else text if key in TYPED else grey
        for line, row in enumerate(rows, start=1):
            sheet.write(line, place, row[key], form)


def _rows(lists: Sequence[MatchList], store: Store, viewer: Viewer, lang: str
          ) -> Iterator[Mapping[str, Any]]:
    for need in (found.need for found in lists):
        demand(viewer, "record-outcome", centre=need.centre, what="need", record_id=need.need_id)
    standing = present(store, [found.need.need_id for found in lists])
    offers, parties = {o.offer_id: o for o in store.offers()}, store.parties()
    own = graded(store, viewer)
    for found in lists:
        for match in found.matches:
            pair, offer = (match.need_id, match.offer_id), offers.get(match.offer_id)
            if offer is None:  # taken out since the list was made: nothing to decide any more
                continue
            party = parties.get(offer.party_id or "")
            decided, grade = standing.get(pair), own.get(pair)
            yield {
                "need_id": pair[0], "offer_id": pair[1],
                "stamp": f"{fingerprint(pair, decided)}-{'n' if grade is None else grade}",
                "need": _shown(found.need.title or found.need.description[:60]),
                "rank": match.rank, "offer": _shown(offer.title or offer.description[:60]),
                "party": _shown(party.name if party else ""), "score": round(match.score, 2),
                "evidence": _shown(match.evidence[0].offer_sentence if match.evidence else ""),
                **_typed(decided, grade, lang)}


def _shown(text: str) -> str:
    """Give a text of others as a cell shows it: harmless, and no longer than people read."""
    return str(guard(clean(text)[:LONGEST_SHOWN]))


def _typed(decided: Decision | None, grade: int | None, lang: str) -> dict[str, Any]:
    """Give the cells people type in, as they stand in the store."""
    if decided is None:
        return {**dict.fromkeys(SAID, ""), "grade": grade}
    reason, due = decided.reason, decided.next_date
    return {"stage": STAGE_NAMES[decided.stage][lang],
            "reason": REASON_NAMES.get(reason, {}).get(lang, reason), "grade": grade,
            "note": tidy(decided.note) or "", "next_date": due.isoformat() if due else "",
            **{name: getattr(decided, name) for name in BROUGHT}}


def _add_choices(sheet: Any, last: int, lang: str) -> None:
    """Let Excel offer stages, reasons and grades, and keep people from typing over ids."""
    choices = {"stage": [n[lang] for n in STAGE_NAMES.values()],
               "reason": [n[lang] for n in REASON_NAMES.values()], "grade": ["0", "1", "2", "3"]}
    rules: dict[str, dict[str, Any]] = {
        key: {"validate": "list", "source": values, "error_type": "warning"}
        for key, values in choices.items()}
    # Not the sheet's protection: that would forbid sorting too.
    for key in NAMING:
        rules[key] = {"validate": "custom", "value": "=FALSE", "error_message": translate(
            "This cell says which match the row is. Type into the white cells.", lang)}
    for place, (key, *_) in enumerate(COLUMNS):
        if key in rules:
            sheet.data_validation(1, place, last, place, rules[key])
