"""Verbs of what people decide about matches: stages, grades, undo, the board, the calendar.

Decisions are appended, never changed; undoing marks one as undone, and the decision before it
holds again. Who may decide: administrators of the need's centre.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from matcher.access import Viewer, demand
from matcher.errors import InputError, UnknownRecordError
from matcher.store import Store
from matcher.store.decisions import (
    Decision,
    decision,
    history,
    latest_decisions,
    put_decisions,
    undo_decision,
)
from matcher.vocabulary import GRADES, REASONS, STAGES, JudgedPair, Message, Outcome
from matcher.workflow import TAIPEI, last_run

STAGE_NAMES: Mapping[str, Mapping[str, str]] = {
    "shortlisted": {"zh": "列入", "en": "Shortlisted"},
    "contacted": {"zh": "已聯繫", "en": "Contacted"},
    "meeting": {"zh": "會議", "en": "Meeting"},
    "mou": {"zh": "合作備忘錄", "en": "MoU"},
    "contract": {"zh": "合約", "en": "Contract"},
    "declined": {"zh": "婉拒", "en": "Declined"},
}
REASON_NAMES: Mapping[str, Mapping[str, str]] = {
    "off-topic": {"zh": "主題不符", "en": "Off topic"},
    "trl": {"zh": "成熟度不合", "en": "Wrong TRL"},
    "mode": {"zh": "合作方式不合", "en": "Way of working"},
    "far": {"zh": "距離太遠", "en": "Too far"},
    "budget": {"zh": "經費不合", "en": "Budget"},
    "busy": {"zh": "沒有餘力", "en": "No capacity"},
    "dates": {"zh": "時程不合", "en": "Dates"},
    "known": {"zh": "早已認識", "en": "Known already"},
}
LONGEST_NOTE = 2000


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be decided about a pair."""

    need_id: str
    offer_id: str
    stage: str
    reason: str = ""
    note: str | None = None
    next_date: date | None = None


def decide(store: Store, viewer: Viewer, change: Change, time: datetime, *, reopen: bool = False
           ) -> int:
    """Append one decision; give its number.

    Raises ``InputError`` for a stage or reason that is none, for declining without a reason, and
    for a step back from a later stage unless it is a ``reopen``; ``UnknownRecordError`` for
    records that are not there or not the viewer's.
    """
    need = store.need(change.need_id)
    demand(viewer, "record-outcome", centre=need.centre, what="need", record_id=need.need_id)
    store.offer(change.offer_id)
    present = next((d.stage for d in latest_decisions(store, need_id=need.need_id)
                    if d.offer_id == change.offer_id), None)
    problems = check(change, present, reopen)
    if problems:
        raise InputError(problems[0].id, **problems[0].fields)
    (number,) = put_decisions(store, [to_outcome(store, viewer, change, time)]) or [0]
    return number


def check(change: Change, present: str | None, reopen: bool = False) -> list[Message]:
    """Say everything that is wrong with a change to a pair that stands at a stage."""
    found = []
    if change.stage not in STAGES:
        found.append(Message("There is no stage “{stage}”.", {"stage": change.stage}))
    elif not reopen and _is_step_back(change.stage, present):
        found.append(Message("This match stands at “{present}” already; undo that first, or reopen "
                             "it on the board.", {"present": STAGE_NAMES[present or ""]}))
    if change.stage == "declined" and change.reason not in REASONS:
        found.append(Message("Say why it is declined: {reasons}",
                             {"reasons": ", ".join(REASONS)}))
    if change.stage != "declined" and change.reason:
        found.append(Message("Only a declined match has a reason, found “{reason}”.",
                             {"reason": change.reason}))
    if change.note and len(change.note) > LONGEST_NOTE:
        found.append(Message("A note has up to {most} characters; this has {found}.",
                             {"most": LONGEST_NOTE, "found": len(change.note)}))
    return found


def _is_step_back(stage: str, present: str | None) -> bool:
    if present in (None, "declined") or stage == "declined":
        return False
    return STAGES.index(stage) < STAGES.index(str(present))


def to_outcome(store: Store, viewer: Viewer, change: Change, time: datetime) -> Outcome:
    """Give a change as an outcome, under the run that last showed the pair."""
    return Outcome(change.need_id, change.offer_id, change.stage, time, viewer.account_id or "",
                   change.reason, last_run(store, change.need_id, change.offer_id), change.note,
                   change.next_date)


def judge(store: Store, viewer: Viewer, need_id: str, offer_id: str, grade: int, day: date,
          reason: str = "") -> None:
    """Grade a pair from 0 (does not help) to 3 (answers the need); a new grade replaces it."""
    need = store.need(need_id)
    demand(viewer, "judge", centre=need.centre, what="need", record_id=need_id)
    store.offer(offer_id)
    if grade not in GRADES:
        raise InputError("A grade is a whole number from 0 to 3, found “{found}”.", found=grade)
    store.put(judged=[JudgedPair(need_id, offer_id, grade, viewer.account_id or "", day, reason)])


def undo(store: Store, viewer: Viewer, number: int, time: datetime) -> Decision:
    """Take a decision back; raise ``InputError`` where it was undone before or overtaken."""
    found = decision(store, number)
    if found is None:
        raise UnknownRecordError("decision", str(number))
    demand(viewer, "record-outcome", centre=store.need(found.need_id).centre, what="decision",
           record_id=str(number))
    last = [d.number for d in history(store, found.need_id, found.offer_id) if d.undone is None]
    if last[-1:] != [number] or not undo_decision(store, number, viewer.account_id or "", time):
        raise InputError("This decision was undone before, or a later one stands upon it.")
    return found


@dataclass(frozen=True, slots=True)
class Card:
    """One pair on the board: its present decision, days in the stage, and whether it is due."""

    decision: Decision
    days: int
    overdue: bool


@dataclass(frozen=True, slots=True)
class Board:
    """Pairs by stage, oldest first."""

    columns: Mapping[str, tuple[Card, ...]]

    @property
    def overdue(self) -> tuple[Card, ...]:
        """Give the pairs whose next date has passed."""
        return tuple(card for column in self.columns.values() for card in column if card.overdue)


def board(store: Store, viewer: Viewer, centre: str | None, day: date) -> Board:
    """Show every decided pair of a centre (None: of all) by its present stage."""
    demand(viewer, "record-outcome", centre=centre)
    cards = [_card(found, day) for found in latest_decisions(store, centre)]
    return Board({stage: tuple(c for c in cards if c.decision.stage == stage)
                  for stage in STAGES})


def _card(found: Decision, day: date) -> Card:
    since = found.time.astimezone(TAIPEI).date()
    closed = found.stage in ("declined", "contract")
    return Card(found, (day - since).days,
                not closed and found.next_date is not None and found.next_date < day)


def latest_stages(store: Store, centre: str | None = None) -> tuple[str, ...]:
    """Give the present stage of every decided pair of a centre, or of all."""
    return tuple(d.stage for d in latest_decisions(store, centre))


def stages_of(store: Store, need_id: str) -> dict[str, str]:
    """Give the present stage of each decided offer of a need."""
    return {d.offer_id: d.stage for d in latest_decisions(store, need_id=need_id)}


def calendar(items: Iterable[tuple[Decision, str]], made: datetime) -> bytes:
    """Give the next dates of decisions as an iCalendar file (RFC 5545), all-day events.

    ``items`` are (decision, title) pairs; the same pair keeps its UID, so that a calendar
    replaces an event that moved.
    """
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//matcher//board//ZH", "CALSCALE:GREGORIAN"]
    for found, title in items:
        if found.next_date is not None:
            lines += _event(found, found.next_date, title, made)
    lines.append("END:VCALENDAR")
    return "".join(_fold(line) + "\r\n" for line in lines).encode()


def _event(found: Decision, day: date, title: str, made: datetime) -> Sequence[str]:
    return ["BEGIN:VEVENT", f"UID:{found.need_id}.{found.offer_id}@matcher",
            f"DTSTAMP:{made:%Y%m%dT%H%M%SZ}", f"SEQUENCE:{found.number}",
            f"DTSTART;VALUE=DATE:{day:%Y%m%d}",
            f"DTEND;VALUE=DATE:{day + timedelta(days=1):%Y%m%d}", f"SUMMARY:{_escape(title)}",
            f"DESCRIPTION:{_escape(found.note or '')}", "END:VEVENT"]


def _escape(text: str) -> str:
    for mark in "\\;,":
        text = text.replace(mark, "\\" + mark)
    return "\\n".join(text.splitlines())


def _fold(line: str) -> str:
    """Cut a line into pieces of at most 75 octets, never inside a character."""
    pieces, size = [""], 0
    for character in line:
        width = len(character.encode())
        if size + width > 74:
            pieces.append("")
            size = 1
        pieces[-1] += character
        size += width
    return "\r\n ".join(pieces)
