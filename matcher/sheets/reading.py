"""A workbook read back: what its edited rows change, and which do not fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from matcher.access import Viewer, may
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
    to_outcomes,
)
from matcher.errors import InputError, RowError
from matcher.intake.convert import Refused, as_date, as_grade, as_integer
from matcher.sheets.columns import NEEDED, SAID, graded, present
from matcher.sheets.table import read_table
from matcher.store import Store
from matcher.store.decisions import Decision, Pair, put_decisions
from matcher.vocabulary import JudgedPair, Message
from matcher.workflow import TAIPEI

T = TypeVar("T")
# Which column a sentence of ``decisions.check`` is about, by a field of it.
_ABOUT = {"stage": "stage", "reason": "reason", "reasons": "reason", "most": "note"}


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
    labels, rows = read_table(content)
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


class _Reader:
    """Compares rows with the store, gathering changes and errors."""

    def __init__(self, store: Store, viewer: Viewer, labels: Mapping[str, str]) -> None:
        self.labels = labels
        self.needs = {n.need_id for n in store.needs()
                      if may(viewer, "record-outcome", centre=n.centre)}
        self.offers = {o.offer_id for o in store.offers()}
        self.present, self.graded = present(store, sorted(self.needs)), graded(store, viewer)
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
