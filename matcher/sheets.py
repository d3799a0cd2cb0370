"""The decision workbook: match lists as XLSX, whose decisions come back by id.

One row a match. Grey cells say which match a row is and, as its stamp, how the decision stood when
the sheet was made; white ones are typed in. A row counts as edited where its decision differs from
the stamp, so what others decided about a row nobody touched is left alone; an edited row that no
longer stands as its stamp says is a conflict. All or nothing: one row that does not fit, and
nothing is changed. Text cells of XLSX are never run as formulas; what was typed stays as typed.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar

from matcher.access import Viewer, demand, may
from matcher.decisions import (
    BROUGHT,
    REASON_NAMES,
    STAGE_NAMES,
    Change,
    check,
    choices_of,
    fingerprint,
    says,
    stands,
    tidy,
    to_outcomes,
)
from matcher.errors import FileFormatError, InputError, RowError
from matcher.intake.convert import Refused, as_date, as_grade, as_integer, clean
from matcher.intake.templates import guard
from matcher.languages import translate
from matcher.store import Store
from matcher.store.decisions import Decision, Pair, latest_decisions, put_decisions
from matcher.vocabulary import JudgedPair, MatchList, Message
from matcher.workflow import TAIPEI

T = TypeVar("T")
LARGEST = 20_000_000  # bytes of the file, and ten times as much unpacked
MOST_ROWS = 100_000
MOST_COLUMNS = 60
LONGEST_SHOWN = 1000
COLUMNS: tuple[tuple[str, str, str, int], ...] = (
    ("need_id", "需求編號", "Need id", 12), ("offer_id", "供給編號", "Offer id", 12),
    ("stamp", "版本", "Stamp", 8), ("need", "需求", "Need", 34), ("rank", "名次", "Rank", 7),
    ("offer", "供給", "Offer", 34), ("party", "機構", "Organisation", 26),
    ("score", "媒合分數", "Score", 9), ("evidence", "依據", "Evidence", 44),
    ("stage", "階段", "Stage", 14), ("reason", "婉拒原因", "Reason", 14),
    ("grade", "評分", "Grade", 8), ("note", "備註", "Note", 30),
    ("next_date", "下次日期", "Next date", 13),
    ("value_ntd", "合約金額（新臺幣）", "Contract, NT$", 15),
    ("licences", "授權件數", "Licences", 9), ("jobs", "新增就業", "Jobs", 9),
)
NAMING = ("need_id", "offer_id", "stamp")
SAID = ("stage", "reason", "note", "next_date", *BROUGHT)  # in the order of ``decisions.says``
TYPED = (*SAID, "grade")
NEEDED = NAMING + TYPED
# Which column a sentence of ``decisions.check`` is about, by a field of it.
_ABOUT = {"stage": "stage", "reason": "reason", "reasons": "reason", "most": "note"}


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
    present = _present(store, [found.need.need_id for found in lists])
    offers, parties = {o.offer_id: o for o in store.offers()}, store.parties()
    graded = _graded(store, viewer)
    for found in lists:
        for match in found.matches:
            pair, offer = (match.need_id, match.offer_id), offers.get(match.offer_id)
            if offer is None:  # taken out since the list was made: nothing to decide any more
                continue
            party = parties.get(offer.party_id or "")
            decided, grade = present.get(pair), graded.get(pair)
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


def _present(store: Store, need_ids: Sequence[str]) -> dict[Pair, Decision]:
    few = need_ids if len(need_ids) <= 100 else None  # of many it is quicker to read all
    return {(d.need_id, d.offer_id): d for d in latest_decisions(store, need_ids=few)}


def _graded(store: Store, viewer: Viewer) -> dict[Pair, int]:
    return {(j.need_id, j.offer_id): j.grade for j in store.judged()
            if j.judge == (viewer.account_id or "")}


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


@dataclass(frozen=True, slots=True)
class SheetChange:
    """An edited row: what is decided anew (None: only the grade changed) and the grade.

    ``made_on`` numbers the decision that stood before (0: none), ``before`` is its stage.
    """

    row: int
    change: Change | None
    pair: Pair
    made_on: int
    grade: int | None = None
    before: str | None = None


@dataclass(frozen=True, slots=True)
class ReadSheet:
    """What a workbook would change, every row that does not fit, and how many rows it has."""

    changes: tuple[SheetChange, ...]
    errors: tuple[RowError, ...]
    rows: int


def read_decision_sheet(store: Store, viewer: Viewer, content: bytes) -> ReadSheet:
    """Compare a workbook with the store; raise ``FileFormatError`` where it cannot be read."""
    labels, rows = _table(content)
    reader = _Reader(store, viewer, labels)
    for number, cells in rows:
        reader.read(number, cells)
    return ReadSheet(tuple(reader.changes), tuple(reader.errors), len(rows))


def apply_sheet(store: Store, viewer: Viewer, content: bytes, time: datetime, *,
                dry_run: bool = False) -> ReadSheet:
    """Store all changes of a workbook in one transaction, or none where a row does not fit.

    Raises ``InputError`` when somebody decided in the very moment; nothing is stored then.
    """
    found = read_decision_sheet(store, viewer, content)
    if dry_run or found.errors or not found.changes:
        return found
    day, who = time.astimezone(TAIPEI).date(), viewer.account_id or ""
    decided = [c for c in found.changes if c.change is not None]
    outcomes = to_outcomes(store, viewer, [c.change for c in decided if c.change], time)
    judged = [JudgedPair(*c.pair, c.grade, who, day) for c in found.changes if c.grade is not None]
    if put_decisions(store, outcomes, {c.pair: c.made_on for c in decided}, judged) is None:
        raise InputError("Somebody decided about one of these matches in this moment; nothing was "
                         "stored. Read the sheet in again.")
    return found


def _table(content: bytes) -> tuple[dict[str, str], list[tuple[int, dict[str, str | Message]]]]:
    """Read the first sheet: known columns as the file spells them, and numbered rows by column."""
    lines = _lines(content)
    header = [_text(cell) for cell in lines[0][1]] if lines else []
    known = {name.casefold(): key for key, zh, en, _ in COLUMNS for name in (key, zh, en)}
    places: dict[str, int] = {}
    for place, name in enumerate(header):
        key = known.get(str(name).casefold())
        if key in places:
            raise FileFormatError("The column {column} stands twice in the sheet; take one out.",
                                  column=name)
        places |= {key: place} if key else {}
    missing = [zh for key, zh, _, _ in COLUMNS if key in NEEDED and key not in places]
    if missing:
        raise FileFormatError("The sheet lacks the columns {columns}; export it again and type "
                              "into that file.", columns="、".join(missing))
    return ({key: str(header[place]) for key, place in places.items()},
            [(number, {key: _text(cells[place]) if place < len(cells) else ""
                       for key, place in places.items()}) for number, cells in lines[1:]])


def _lines(content: bytes) -> list[tuple[int, tuple[Any, ...]]]:
    """Read the rows that hold anything, numbered as a spreadsheet numbers them."""
    from openpyxl import load_workbook

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            unpacked = sum(f.file_size for f in packed.infolist())
        if len(content) > LARGEST or unpacked > 10 * LARGEST:
            raise FileFormatError("The workbook is larger than {most} MB; split it.",
                                  most=LARGEST // 1_000_000)
        book = load_workbook(io.BytesIO(content), read_only=True, keep_links=False)
        lines = [(number, cells) for number, cells in enumerate(book.worksheets[0].iter_rows(
                     max_row=MOST_ROWS + 1, max_col=MOST_COLUMNS), start=1)
                 if any(cell.value is not None for cell in cells)]
    # What openpyxl, its XML parser and the unpacking raise on files that are damaged or locked.
    except (zipfile.BadZipFile, zlib.error, SyntaxError, EOFError, LookupError, ValueError,
            TypeError, AttributeError, OSError, RuntimeError) as problem:
        raise FileFormatError("This is no XLSX workbook; save it as .xlsx in Excel.") from problem
    if lines and lines[-1][0] > MOST_ROWS:
        raise FileFormatError("The sheet has more than {most} rows; split it.", most=MOST_ROWS)
    return lines


def _text(cell: Any) -> str | Message:
    """Give a cell's text: dates as ISO days, whole numbers without .0; what has none, in words."""
    if cell.data_type == "f":
        return Message("this cell holds a formula; paste its value instead")
    if cell.data_type == "e":
        return Message("this cell holds a spreadsheet error")
    if cell.value is None:
        return ""
    if isinstance(cell.value, date):
        return cell.value.isoformat()[:10]
    if isinstance(cell.value, float) and cell.value.is_integer():
        return str(int(cell.value))
    return tidy(str(cell.value)) or ""


class _Reader:
    """Compares rows with the store, gathering changes and errors."""

    def __init__(self, store: Store, viewer: Viewer, labels: Mapping[str, str]) -> None:
        self.labels = labels
        self.needs = {n.need_id for n in store.needs()
                      if may(viewer, "record-outcome", centre=n.centre)}
        self.offers = {o.offer_id for o in store.offers()}
        self.present, self.graded = _present(store, sorted(self.needs)), _graded(store, viewer)
        self.changes: list[SheetChange] = []
        self.errors: list[RowError] = []
        self.seen: dict[Pair, int] = {}

    def read(self, number: int, cells: Mapping[str, str | Message]) -> None:
        """Take one row in."""
        before, values = len(self.errors), {}
        for key in NEEDED:
            if isinstance(cell := cells[key], str):
                values[key] = cell
            else:
                self._refuse(number, key, "", cell)
        if len(self.errors) == before:
            self._check_pair(number, (values["need_id"], values["offer_id"]))
        if len(self.errors) > before:
            return
        wanted, grade = self._wanted(number, values)
        if len(self.errors) == before:
            self._compare(number, values, wanted, grade)

    def _compare(self, number: int, values: Mapping[str, str], wanted: Change, grade: int | None
                 ) -> None:
        """Keep what a row says anew, if it may."""
        pair, before = (wanted.need_id, wanted.offer_id), len(self.errors)
        decided = self.present.get(pair)
        digest, _, graded = values["stamp"].rpartition("-")
        edited = fingerprint(pair, wanted) != digest and says(wanted) != says(decided)
        if edited:
            self._check_change(number, values, wanted, decided, digest)
        base = int(graded) if graded in ("0", "1", "2", "3") else None
        anew = self._check_grade(number, values, pair, grade, base)
        if len(self.errors) == before and (edited or anew is not None):
            self.changes.append(SheetChange(
                number, wanted if edited else None, pair, decided.number if decided else 0, anew,
                decided.stage if decided else None))

    def _check_change(self, number: int, values: Mapping[str, str], wanted: Change,
                      decided: Decision | None, digest: str) -> None:
        """Refuse an edited decision that does not fit, or that another was made before."""
        if fingerprint((wanted.need_id, wanted.offer_id), decided) != digest:
            differs = next(key for key, mine, theirs in zip(
                SAID, says(wanted), says(decided), strict=True) if mine != theirs)
            self._refuse(number, differs, values[differs], _overtaken(stands(decided, differs)))
        elif not wanted.stage:
            self._refuse(number, "stage", "", Message(
                "a decision is not taken back by emptying its cell; undo it on the page"
                if decided else "a reason, note or date needs a stage"))
        else:
            # To a sheet that knew the later stage, an earlier one was typed on purpose: reopened.
            for problem in check(wanted, decided.stage if decided else None, reopen=True):
                about = str(problem.fields.get("brought") or next(
                    (_ABOUT[name] for name in problem.fields if name in _ABOUT), "next_date"))
                self._refuse(number, about, values[about], problem)

    def _check_grade(self, number: int, values: Mapping[str, str], pair: Pair, grade: int | None,
                     base: int | None) -> int | None:
        """Give a grade to be stored; the sheet of another judge shows grades that stay theirs."""
        now = self.graded.get(pair)
        if grade in (base, now):
            return None
        if grade is None:
            if now is not None:
                self._refuse(number, "grade", "", Message(
                    "a grade is not taken back by emptying its cell; type another"))
        elif now not in (None, base):
            self._refuse(number, "grade", values["grade"], _overtaken(now))
        return grade

    def _check_pair(self, number: int, pair: Pair) -> None:
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

    def _wanted(self, number: int, values: Mapping[str, str]) -> tuple[Change, int | None]:
        """Read the typed cells; one that cannot be read is refused and left empty."""
        stage = self._one_of(number, "stage", values["stage"], STAGE_NAMES)
        reason = self._one_of(number, "reason", values["reason"], REASON_NAMES)
        grade = self._converted(number, "grade", values["grade"], as_grade)
        due = self._converted(number, "next_date", values["next_date"], as_date)
        brought = [self._converted(number, name, values[name], as_integer) for name in BROUGHT]
        return Change(values["need_id"], values["offer_id"], stage, reason,
                      values["note"] or None, due, *brought), grade

    def _one_of(self, number: int, column: str, text: str,
                names: Mapping[str, Mapping[str, str]]) -> str:
        for key, labels in names.items():
            if text.casefold() in (key, *(label.casefold() for label in labels.values())):
                return key
        if text:
            self._refuse(number, column, text,
                         Message("wanted one of: {choices}", {"choices": choices_of(names)}))
        return ""

    def _converted(self, number: int, column: str, text: str, convert: Callable[[str], T]
                   ) -> T | None:
        try:
            return convert(text) if text else None
        except Refused as problem:
            self._refuse(number, column, text, problem.wanted)
            return None

    def _refuse(self, number: int, column: str, found: str, wanted: Message) -> None:
        self.errors.append(RowError(number, self.labels[column], found[:100], wanted))


def _overtaken(by: object) -> Message:
    return Message("somebody decided since this sheet was exported; it stands at: {stands}",
                   {"stands": by})
