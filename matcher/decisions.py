"""Verbs of what people decide about matches: stages, grades, undo, the board, the calendar.

Decisions are appended, never changed; undoing marks one as undone, and the decision before it
holds again. Who may decide: administrators of the need's centre.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from matcher.access import Viewer, demand
from matcher.errors import InputError, UnknownRecordError
from matcher.intake.convert import clean
from matcher.store import Store
from matcher.store.decisions import (
    Decision,
    Pair,
    Standing,
    decision,
    history,
    last_decision_of,
    last_runs,
    latest_decisions,
    put_decisions,
    standings,
    undo_decision,
)
from matcher.vocabulary import GRADES, REASONS, STAGES, JudgedPair, Message, Outcome
from matcher.workflow import TAIPEI

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
    """What is to be decided about a pair; the last three say what a contract brought."""

    need_id: str
    offer_id: str
    stage: str
    reason: str = ""
    note: str | None = None
    next_date: date | None = None
    value_ntd: int | None = None
    licences: int | None = None
    jobs: int | None = None


# What a contract brought, with its name for people and the most the store can hold of it.
BROUGHT: Mapping[str, tuple[str, int]] = {
    "value_ntd": ("Value of the contract, NT$", 10 ** 13), "licences": ("Licences", 2 ** 31 - 1),
    "jobs": ("Jobs", 2 ** 31 - 1),
}


def with_brought(store: Store, change: Change) -> Change:
    """Give a change of a contract with what is noted of it already, where it says nothing else."""
    present = next((d for d in latest_decisions(store, need_ids=[change.need_id])
                    if d.offer_id == change.offer_id), None)
    if change.stage != "contract" or present is None or present.stage != "contract":
        return change
    return replace(change, **{name: getattr(present, name) for name in BROUGHT
                              if getattr(change, name) is None})


def decide(store: Store, viewer: Viewer, change: Change, time: datetime, *, reopen: bool = False
           ) -> int:
    """Append one decision; give its number. What stands already is not said twice.

    Raises ``InputError`` for a stage or reason that is none, for declining without a reason, for
    a step back from a later stage unless it is a ``reopen``, and where somebody else decided in
    the same moment; ``UnknownRecordError`` for records that are not there or not the viewer's.
    """
    _demand(store, viewer, "record-outcome", change.need_id, change.offer_id,
            is_old=change.stage == "declined")
    pair, change = (change.need_id, change.offer_id), replace(change, note=tidy(change.note))
    present = next((d for d in latest_decisions(store, need_ids=[change.need_id])
                    if d.offer_id == change.offer_id), None)
    problems = check(change, present.stage if present else None, reopen)
    if problems:
        raise InputError(problems[0].id, **problems[0].fields)
    if present and says(present) == says(change):
        return present.number
    outcomes = to_outcomes(store, viewer, [change], time)
    numbers = put_decisions(store, outcomes, {pair: present.number if present else 0})
    if numbers is None:
        raise InputError("Somebody decided about this match in this moment; nothing was stored. "
                         "Look at it again.")
    return numbers[0]


def _demand(store: Store, viewer: Viewer, verb: str, need_id: str, offer_id: str,
            is_old: bool = False) -> None:
    """Refuse a pair that is not there or not the viewer's, both in the same words.

    ``is_old``: of a pair that was decided about, the offer may have gone since.
    """
    need = store.need(need_id)
    demand(viewer, verb, centre=need.centre, what="need", record_id=need_id)
    if not (is_old and history(store, need_id, offer_id)):
        store.offer(offer_id)


def tidy(note: str | None) -> str | None:
    """Give a note without control characters and with plain ends of lines; None where empty."""
    return clean((note or "").replace("\r\n", "\n").replace("\r", "\n")) or None


def says(found: Decision | Change | None) -> tuple[object, ...]:
    """Give what a decision says: stage, reason, note, next date, what it brought.

    Of none, nothing.
    """
    if found is None:
        return "", "", None, None, None, None, None
    return (found.stage, found.reason, tidy(found.note), found.next_date,
            *(getattr(found, name) for name in BROUGHT))


def fingerprint(pair: Pair, decided: Decision | Change | None) -> str:
    """Name what stands about a pair in ten hexadecimal digits; another pair's fits nothing here."""
    return hashlib.sha256(repr((pair, says(decided))).encode()).hexdigest()[:10]


def stands(decided: Decision | None, what: str) -> object:
    """Give the stage, reason, note or next date of a pair's decision for a sentence."""
    if decided is None:
        return Message("undecided")
    if what == "stage":
        return Message("{stage} since {day}", {"stage": STAGE_NAMES[decided.stage],
                                               "day": decided.time.astimezone(TAIPEI).date()})
    if what == "reason":
        return REASON_NAMES.get(decided.reason, Message("nothing"))
    found: object = getattr(decided, what)
    return Message("nothing") if found in (None, "") else found


def check(change: Change, present: str | None, reopen: bool = False) -> list[Message]:
    """Say everything that is wrong with a change to a pair that stands at a stage."""
    found = []
    if change.stage not in STAGES:
        found.append(Message("There is no stage “{stage}”.", {"stage": change.stage}))
    elif not reopen and present and STAGES.index(change.stage) < STAGES.index(present):
        found.append(Message("This match stands at “{present}” already; undo that first, or reopen "
                             "it on the board.", {"present": STAGE_NAMES[present]}))
    if change.stage == "declined" and change.reason not in REASONS:
        found.append(Message("Say why it is declined: {reasons}",
                             {"reasons": choices_of(REASON_NAMES)}))
    if change.stage != "declined" and change.reason:
        found.append(Message("Only a declined match has a reason, found “{reason}”.",
                             {"reason": REASON_NAMES.get(change.reason, change.reason)}))
    told = {name: getattr(change, name) for name in BROUGHT}
    if change.stage != "contract" and any(value is not None for value in told.values()):
        found.append(Message("Only a contract has a value, licences or jobs.",
                             {"brought": next(n for n, v in told.items() if v is not None)}))
    found += [_beyond(name) for name, value in told.items()
              if value is not None and not 0 <= value <= BROUGHT[name][1]]
    if change.next_date and not 1900 <= change.next_date.year <= 2100:
        found.append(Message("wanted a year from 1900 to 2100, e.g. 2026 or 民國115"))
    if change.note and len(change.note) > LONGEST_NOTE:
        found.append(Message("A note has up to {most} characters; this has {found}.",
                             {"most": LONGEST_NOTE, "found": len(change.note)}))
    return found


def _beyond(name: str) -> Message:
    """Say within which numbers a contract's value, licences or jobs must lie."""
    label, most = BROUGHT[name]
    return Message("{what}: wanted a whole number from 0 to {most}",
                   {"brought": name, "what": Message(label), "most": f"{most:,}"})


def choices_of(names: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Give the names of stages or reasons as one list, in each language."""
    return {lang: mark.join(labels[lang] for labels in names.values())
            for lang, mark in (("zh", "、"), ("en", ", "))}


def to_outcomes(store: Store, viewer: Viewer, changes: Sequence[Change], time: datetime
                ) -> list[Outcome]:
    """Give changes as outcomes, each under the run that last showed its pair."""
    runs = last_runs(store, {change.need_id for change in changes})
    return [Outcome(c.need_id, c.offer_id, c.stage, time, viewer.account_id or "", c.reason,
                    runs.get((c.need_id, c.offer_id)), c.note, c.next_date,
                    *(getattr(c, name) for name in BROUGHT)) for c in changes]


def judge(store: Store, viewer: Viewer, need_id: str, offer_id: str, grade: int, day: date,
          reason: str = "") -> None:
    """Grade a pair from 0 (does not help) to 3 (answers the need); a new grade replaces it."""
    _demand(store, viewer, "judge", need_id, offer_id)
    if grade not in GRADES:
        raise InputError("A grade is a whole number from 0 to 3, found “{found}”.", found=grade)
    store.put(judged=[JudgedPair(need_id, offer_id, grade, viewer.account_id or "", day,
                                 tidy(reason) or "")])


def undo(store: Store, viewer: Viewer, number: int, time: datetime) -> Decision:
    """Take a decision back; raise ``InputError`` where it was undone before or overtaken.

    Raises ``UnknownRecordError`` alike for one that is not there and one of another centre.
    """
    found = decision(store, number)
    unknown = UnknownRecordError("decision", str(number))
    if found is None:
        raise unknown
    try:
        _demand(store, viewer, "record-outcome", found.need_id, found.offer_id, is_old=True)
    except UnknownRecordError:
        raise unknown from None
    if not undo_decision(store, number, viewer.account_id or "", time):
        raise InputError("This decision was undone before, or a later one stands upon it.")
    return found


def undo_last(store: Store, viewer: Viewer, time: datetime) -> Decision:
    """Take the viewer's own last decision back; raise ``InputError`` where there is none."""
    found = last_decision_of(store, viewer.account_id) if viewer.account_id else None
    if found is None:
        raise InputError("You have made no decision that could be undone.")
    return undo(store, viewer, found.number, time)


def history_of(store: Store, viewer: Viewer, need_id: str, offer_id: str) -> tuple[Decision, ...]:
    """Give all decisions about a pair in order, undone ones with the time they were undone."""
    _demand(store, viewer, "record-outcome", need_id, offer_id, is_old=True)
    return history(store, need_id, offer_id)


@dataclass(frozen=True, slots=True)
class Card:
    """One pair on the board: its present decision, days in the stage, and whether it is due.

    ``since`` is the day it came to the stage; ``last_note`` the last note, also of an earlier
    stage.
    """

    decision: Decision
    days: int
    overdue: bool
    since: date
    last_note: str | None = None


@dataclass(frozen=True, slots=True)
class Board:
    """Pairs by stage, oldest first."""

    columns: Mapping[str, tuple[Card, ...]]

    @property
    def counts(self) -> dict[str, int]:
        """Count the pairs of each stage."""
        return {stage: len(cards) for stage, cards in self.columns.items()}

    @property
    def overdue(self) -> tuple[Card, ...]:
        """Give the pairs whose next date has passed."""
        return tuple(card for column in self.columns.values() for card in column if card.overdue)


def board(store: Store, viewer: Viewer, centre: str | None, day: date) -> Board:
    """Show every decided pair of a centre (None: of all) by its present stage."""
    demand(viewer, "record-outcome", centre=centre)
    columns: dict[str, list[Card]] = {stage: [] for stage in STAGES}
    for found in standings(store, centre):
        columns[found.decision.stage].append(_card(found, day))
    return Board({stage: tuple(cards) for stage, cards in columns.items()})


def _card(found: Standing, day: date) -> Card:
    since, due = found.since.astimezone(TAIPEI).date(), found.decision.next_date
    closed = found.decision.stage in ("declined", "contract")
    return Card(found.decision, (day - since).days, not closed and due is not None and due < day,
                since, found.note)


def latest_stages(store: Store, centre: str | None = None) -> tuple[str, ...]:
    """Give the present stage of every decided pair of a centre, or of all."""
    return tuple(d.stage for d in latest_decisions(store, centre))


def stages_of(store: Store, need_id: str) -> dict[str, str]:
    """Give the present stage of each decided offer of a need."""
    return {d.offer_id: d.stage for d in latest_decisions(store, need_ids=[need_id])}


# A calendar has to have one component, and there may be no event. UTC+8 all year since 1979.
_ZONE = ("BEGIN:VTIMEZONE", "TZID:Asia/Taipei", "BEGIN:STANDARD", "DTSTART:19791001T000000",
         "TZOFFSETFROM:+0800", "TZOFFSETTO:+0800", "TZNAME:CST", "END:STANDARD", "END:VTIMEZONE")


def calendar(items: Iterable[tuple[Decision, str]], made: datetime) -> bytes:
    """Give the next dates of decisions as an iCalendar file (RFC 5545), all-day events.

    ``items`` are (decision, title) pairs; a declined match has nothing next. The same pair keeps
    its UID, so that a calendar replaces an event that moved.
    """
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//matcher//board//ZH", "CALSCALE:GREGORIAN",
             *_ZONE]
    for found, title in items:
        if found.next_date is not None and found.stage != "declined":
            lines += _event(found, found.next_date, title, made.astimezone(UTC))
    lines.append("END:VCALENDAR")
    return "".join(_fold(line) + "\r\n" for line in lines).encode()


def _event(found: Decision, day: date, title: str, made: datetime) -> Sequence[str]:
    uid = hashlib.sha256(repr((found.need_id, found.offer_id)).encode()).hexdigest()[:32]
    # Not the decision's number as SEQUENCE: after an undo it would fall, and calendars would not
    # take the event that holds again.
    return ["BEGIN:VEVENT", f"UID:{uid}@matcher", f"DTSTAMP:{made:%Y%m%dT%H%M%SZ}",
            f"SEQUENCE:{int(made.timestamp()) // 60}", f"DTSTART;VALUE=DATE:{day:%Y%m%d}",
            f"DTEND;VALUE=DATE:{day + timedelta(days=1):%Y%m%d}", "TRANSP:TRANSPARENT",
            f"SUMMARY:{_escape(title)}", f"DESCRIPTION:{_escape(found.note or '')}", "END:VEVENT"]


def _escape(text: str) -> str:
    for mark in "\\;,":
        text = text.replace(mark, "\\" + mark)
    return "\\n".join(map(clean, text.splitlines()))


def _fold(line: str) -> str:
    """Cut a line into pieces of at most 75 octets, never inside a character."""
    pieces, size = [""], 0
    for character in line:
        width = len(character.encode())
        if size + width > 75:
            pieces.append("")
            size = 1  # the space before a continued line
        pieces[-1] += character
        size += width
    return "\r\n ".join(pieces)
