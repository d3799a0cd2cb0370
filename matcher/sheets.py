"""The decision workbook: match lists as XLSX, whose decisions come back by id.

One row a match. Grey columns say which pair a row is and on which decision the sheet was made
(its stamp); white ones are typed in. A row counts as edited where its decision differs from the
one that stands in the store. All or nothing: one row that does not fit, and nothing is changed.
Text cells of XLSX are never run as formulas; what was typed stays as it was typed.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from matcher.access import Viewer, may
from matcher.decisions import REASON_NAMES, STAGE_NAMES, Change, check, to_outcome
from matcher.errors import FileFormatError, InputError, RowError
from matcher.intake.convert import Refused, as_date, as_grade
from matcher.intake.templates import guard
from matcher.store import Store
from matcher.store.decisions import Decision, latest_decisions, put_decisions
from matcher.vocabulary import JudgedPair, MatchList, Message
from matcher.workflow import TAIPEI

LARGEST = 20_000_000  # bytes of the file, and ten times as much unpacked
COLUMNS: tuple[tuple[str, str, str, int], ...] = (
    ("need_id", "需求編號", "Need id", 12), ("offer_id", "供給編號", "Offer id", 12),
    ("stamp", "版本", "Stamp", 8), ("need", "需求", "Need", 34), ("rank", "名次", "Rank", 7),
    ("offer", "供給", "Offer", 34), ("party", "機構", "Organisation", 26),
    ("score", "媒合分數", "Score", 9), ("evidence", "依據", "Evidence", 44),
    ("stage", "階段", "Stage", 14), ("reason", "婉拒原因", "Reason", 14),
    ("grade", "評分", "Grade", 8), ("note", "備註", "Note", 30),
    ("next_date", "下次日期", "Next date", 13),
)
TYPED = ("stage", "reason", "grade", "note", "next_date")
NEEDED = ("need_id", "offer_id", "stamp", *TYPED)


def to_decision_sheet(lists: Iterable[MatchList], store: Store, viewer: Viewer, lang: str
                      ) -> bytes:
    """Give a workbook of these lists with the decisions as they stand."""
    import xlsxwriter

    rows = list(_rows(lists, store, viewer, lang))
    buffer = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(buffer, options) as book:
        sheet = book.add_worksheet("媒合" if lang == "zh" else "Matches")
        bold, grey = book.add_format({"bold": True, "bg_color": "#E2F0EE"}), book.add_format(
            {"font_color": "#6B7580", "text_wrap": True, "valign": "top"})
        white = book.add_format({"locked": False, "text_wrap": True, "valign": "top",
                                 "num_format": "@"})
        for place, (key, zh, en, width) in enumerate(COLUMNS):
            sheet.set_column(place, place, width)
            sheet.write(0, place, zh if lang == "zh" else en, bold)
            for number, row in enumerate(rows, start=1):
                sheet.write(number, place, row[key], white if key in TYPED else grey)
        sheet.freeze_panes(1, 3)
        sheet.autofilter(0, 0, max(len(rows), 1), len(COLUMNS) - 1)
        _add_choices(sheet, max(len(rows), 1), lang)
    return buffer.getvalue()


def _rows(lists: Iterable[MatchList], store: Store, viewer: Viewer, lang: str
          ) -> Iterable[Mapping[str, Any]]:
    present, graded = _present(store), _graded(store, viewer)
    offers, parties = {o.offer_id: o for o in store.offers()}, store.parties()
    for found in lists:
        for match in found.matches:
            pair = (match.need_id, match.offer_id)
            offer, decided = offers[match.offer_id], present.get(pair)
            party = parties.get(offer.party_id or "")
            yield {
                "need_id": pair[0], "offer_id": pair[1],
                "stamp": str(decided.number if decided else 0),
                "need": guard(found.need.title or found.need.description[:60]),
                "rank": match.rank, "offer": guard(offer.title or offer.description[:60]),
                "party": guard(party.name if party else ""), "score": round(match.score, 2),
                "evidence": guard(match.evidence[0].offer_sentence if match.evidence else ""),
                **_typed(decided, graded.get(pair), lang)}


def _typed(decided: Decision | None, grade: int | None, lang: str) -> dict[str, str]:
    """Give the cells people type in, as they stand in the store."""
    return {"stage": STAGE_NAMES[decided.stage][lang] if decided else "",
            "reason": REASON_NAMES[decided.reason][lang] if decided and decided.reason else "",
            "grade": "" if grade is None else str(grade),
            "note": (decided.note or "") if decided else "",
            "next_date": decided.next_date.isoformat() if decided and decided.next_date else ""}


def _present(store: Store) -> dict[tuple[str, str], Decision]:
    return {(d.need_id, d.offer_id): d for d in latest_decisions(store)}


def _graded(store: Store, viewer: Viewer) -> dict[tuple[str, str], int]:
    return {(j.need_id, j.offer_id): j.grade for j in store.judged()
            if j.judge == (viewer.account_id or "")}


def _add_choices(sheet: Any, rows: int, lang: str) -> None:
    """Let Excel offer the stages, reasons and grades."""
    choices = {"stage": [n[lang] for n in STAGE_NAMES.values()],
               "reason": [n[lang] for n in REASON_NAMES.values()], "grade": ["0", "1", "2", "3"]}
    places = [key for key, *_ in COLUMNS]
    for key, values in choices.items():
        sheet.data_validation(1, places.index(key), rows, places.index(key),
                              {"validate": "list", "source": values, "error_type": "warning"})


@dataclass(frozen=True, slots=True)
class SheetChange:
    """An edited row: what is decided anew (None: only the grade changed) and the grade."""

    row: int
    change: Change | None
    pair: tuple[str, str]
    stamp: int
    grade: int | None = None


@dataclass(frozen=True, slots=True)
class ReadSheet:
    """What a workbook would change, every row that does not fit, and how many rows it has."""

    changes: tuple[SheetChange, ...]
    errors: tuple[RowError, ...]
    rows: int


def read_decision_sheet(store: Store, viewer: Viewer, content: bytes) -> ReadSheet:
    """Compare a workbook with the store; raise ``FileFormatError`` where it cannot be read."""
    header, rows = _table(content)
    reader = _Reader(store, viewer, header)
    for number, cells in rows:
        reader.read(number, cells)
    return ReadSheet(tuple(reader.changes), tuple(reader.errors), len(rows))


def apply_sheet(store: Store, viewer: Viewer, content: bytes, time: datetime) -> ReadSheet:
    """Store all changes of a workbook, or none where a row does not fit.

    Raises ``InputError`` when somebody decided in the very moment; nothing is stored then.
    """
    found = read_decision_sheet(store, viewer, content)
    if found.errors:
        return found
    decided = [c for c in found.changes if c.change is not None]
    outcomes = [to_outcome(store, viewer, c.change, time) for c in decided if c.change]
    if put_decisions(store, outcomes, {c.pair: c.stamp for c in decided}) is None:
        raise InputError("Somebody decided about one of these matches in this moment; nothing was "
                         "stored. Read the sheet in again.")
    day = time.astimezone(TAIPEI).date()
    store.put(judged=[JudgedPair(*c.pair, c.grade, viewer.account_id or "", day)
                      for c in found.changes if c.grade is not None])
    return found


def _table(content: bytes) -> tuple[dict[str, int], list[tuple[int, tuple[Any, ...]]]]:
    """Read the first sheet: the place of each known column, and numbered rows."""
    from openpyxl import load_workbook

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            if len(content) > LARGEST or sum(f.file_size for f in packed.infolist()) > 10 * LARGEST:
                raise FileFormatError("The workbook is larger than {most} MB; split it.",
                                      most=LARGEST // 1_000_000)
        sheet = load_workbook(io.BytesIO(content), read_only=True, data_only=True).worksheets[0]
        lines = [(number, cells) for number, cells in enumerate(
            sheet.iter_rows(values_only=True), start=1) if any(c is not None for c in cells)]
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, IndexError) as problem:
        raise FileFormatError("This is no XLSX workbook; save it as .xlsx in Excel.") from problem
    names = {name: key for key, zh, en, _ in COLUMNS for name in (key, zh, en)}
    header = {names[str(cell).strip()]: place for place, cell in enumerate(
        lines[0][1] if lines else ()) if str(cell).strip() in names}
    missing = [zh for key, zh, _, _ in COLUMNS if key in NEEDED and key not in header]
    if missing:
        raise FileFormatError("The sheet lacks the columns {columns}; export it again and type "
                              "into that file.", columns="、".join(missing))
    return header, lines[1:]


class _Reader:
    """Compares rows with the store, gathering changes and errors."""

    def __init__(self, store: Store, viewer: Viewer, header: Mapping[str, int]) -> None:
        self.header = header
        self.viewer = viewer
        self.needs = {n.need_id: n for n in store.needs()
                      if may(viewer, "record-outcome", centre=n.centre)}
        self.offers = {o.offer_id for o in store.offers()}
        self.present, self.graded = _present(store), _graded(store, viewer)
        self.changes: list[SheetChange] = []
        self.errors: list[RowError] = []
        self.seen: dict[tuple[str, str], int] = {}

    def read(self, number: int, cells: Sequence[Any]) -> None:
        """Take one row in."""
        values = {key: _text(cells[place]) if place < len(cells) else ""
                  for key, place in self.header.items()}
        pair = (values["need_id"], values["offer_id"])
        before = len(self.errors)
        self._check_pair(number, pair)
        if len(self.errors) > before:
            return
        decided = self.present.get(pair)
        now = _typed(decided, self.graded.get(pair), "zh")
        wanted = self._wanted(number, values, pair)
        if wanted is None:
            return
        change, grade = wanted
        same = decided is not None and _same(change, decided)
        idle = decided is None and not any(values[k] for k in ("stage", "reason", "note",
                                                                "next_date"))
        graded = grade is not None and str(grade) != now["grade"]
        if same or idle:
            if graded:
                self.changes.append(SheetChange(number, None, pair, 0, grade))
            return
        self._take(number, values, change, decided, grade if graded else None)

    def _take(self, number: int, values: Mapping[str, str], change: Change,
              decided: Decision | None, grade: int | None) -> None:
        """Take an edited decision, unless another was made since the sheet was written."""
        stamp = decided.number if decided else 0
        if values["stamp"] != str(stamp):
            stands = Message("{stage} since {day}", {
                "stage": STAGE_NAMES[decided.stage], "day": decided.time.date()}
                             ) if decided else Message("undecided")
            self._refuse(number, "stage", values["stage"], Message(
                "somebody decided since this sheet was exported; it stands at: {stands}",
                {"stands": stands}))
            return
        for problem in check(change, decided.stage if decided else None, reopen=True):
            self._refuse(number, "reason" if "reason" in problem.fields or "reasons" in
                         problem.fields else "stage", values["stage"], problem)
        self.changes.append(SheetChange(number, change, (change.need_id, change.offer_id), stamp,
                                        grade))

    def _check_pair(self, number: int, pair: tuple[str, str]) -> None:
        need_id, offer_id = pair
        if need_id not in self.needs:
            self._refuse(number, "need_id", need_id,
                         Message("there is no such need in your centre"))
        if offer_id not in self.offers:
            self._refuse(number, "offer_id", offer_id, Message("there is no such offer"))
        if pair in self.seen:
            self._refuse(number, "offer_id", offer_id, Message(
                "this match stands in row {row} already", {"row": self.seen[pair]}))
        self.seen.setdefault(pair, number)

    def _wanted(self, number: int, values: Mapping[str, str], pair: tuple[str, str]
                ) -> tuple[Change, int | None] | None:
        """Read the typed cells; None where one of them cannot be read."""
        before = len(self.errors)
        stage = self._one_of(number, "stage", values["stage"], STAGE_NAMES)
        reason = self._one_of(number, "reason", values["reason"], REASON_NAMES)
        grade = self._converted(number, "grade", values["grade"], as_grade)
        due = self._converted(number, "next_date", values["next_date"], as_date)
        if not stage and any(values[k] for k in ("reason", "note", "next_date")):
            self._refuse(number, "stage", "", Message("a reason, note or date needs a stage"))
        if not stage and pair in self.present:
            self._refuse(number, "stage", "", Message(
                "a decision is not taken back by emptying its cell; undo it on the page"))
        if len(self.errors) > before:
            return None
        return Change(*pair, stage, reason, values["note"] or None, due), grade

    def _one_of(self, number: int, column: str, text: str,
                names: Mapping[str, Mapping[str, str]]) -> str:
        if not text:
            return ""
        for key, labels in names.items():
            if text.casefold() in (key, *(label.casefold() for label in labels.values())):
                return key
        self._refuse(number, column, text, Message("wanted one of: {choices}", {
            "choices": "、".join(labels["zh"] for labels in names.values())}))
        return ""

    def _converted(self, number: int, column: str, text: str, convert: Any) -> Any:
        if not text:
            return None
        try:
            return convert(text)
        except Refused as problem:
            self._refuse(number, column, text, problem.wanted)
            return None

    def _refuse(self, number: int, column: str, found: str, wanted: Message) -> None:
        header = next(zh for key, zh, _, _ in COLUMNS if key == column)
        self.errors.append(RowError(number, header, found, wanted))


def _same(change: Change, decided: Decision) -> bool:
    return (change.stage, change.reason, change.note, change.next_date) == (
        decided.stage, decided.reason, decided.note or None, decided.next_date)


def _text(cell: Any) -> str:
    """Give a cell's text: dates as ISO days, whole numbers without their .0."""
    if cell is None:
        return ""
    if isinstance(cell, date):
        return cell.isoformat()[:10]
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()
