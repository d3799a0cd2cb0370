"""Reports as rows: who is at work on one, what it is made of, what it says; and subscriptions.

What a report is made of (``facts``) and the lists of its run are written in one transaction, and
so is what it says (``content``): a job that is stopped at any point finds either all or nothing.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update

from matcher.store import schema
from matcher.store.audit import aware
from matcher.store.notes import put_list
from matcher.store.store import Store
from matcher.vocabulary import MatchList

Plain = Mapping[str, Any]
_table = schema.reports


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One report: ``owner`` is at work on it until ``lease_until``; ``made`` is its instant.

    ``mark`` names the state of the data at that instant.
    """

    report_id: str
    centre: str
    month: date
    made: datetime
    mark: str
    attempts: int
    owner: str | None
    lease_until: datetime | None
    finished: datetime | None


def claim_report(store: Store, report_id: str, centre: str, month: date, owner: str,
                 now: datetime, until: datetime, is_gone: Callable[[str], bool]) -> ReportRow:
    """Take a report for making, unless it is finished or another owner is at it.

    ``is_gone`` says of an owner that it surely works no more. Gives the row as it is then.
    """
    with store.writing() as connection:
        found = _find(connection, report_id)
        if found is None:
            connection.execute(insert(_table), {
                "report_id": report_id, "centre": centre, "month": month, "made": now, "mark": "",
                "attempts": 1, "owner": owner, "lease_until": until})
        elif found.finished is None and _is_free(found, owner, now, is_gone):
            connection.execute(update(_table).filter_by(report_id=report_id).values(
                owner=owner, lease_until=until, attempts=found.attempts + 1))
        row = _find(connection, report_id)
    assert row is not None
    return row


def _is_free(row: ReportRow, owner: str, now: datetime, is_gone: Callable[[str], bool]) -> bool:
    return (row.owner in (None, owner) or row.lease_until is None or row.lease_until <= now
            or is_gone(row.owner or ""))


def extend_lease(store: Store, report_id: str, owner: str, until: datetime) -> bool:
    """Keep a report for longer; False: another has taken it over."""
    return _write(store, report_id, owner, {"lease_until": until})


def put_instant(store: Store, report_id: str, owner: str, made: datetime, mark: str) -> bool:
    """Note the instant whose data the report shows."""
    return _write(store, report_id, owner, {"made": made, "mark": mark})


def put_facts(store: Store, report_id: str, owner: str, facts: Plain,
              lists: Iterable[MatchList]) -> bool:
    """Store what the report is made of, its lists with it; False where another took over."""
    with store.writing() as connection:
        if not _set(connection, report_id, owner, {"facts": pack(facts)}):
            return False
        for found in lists:
            put_list(connection, found)
    return True


def put_content(store: Store, report_id: str, owner: str, content: Plain) -> bool:
    """Store what the report says."""
    return _write(store, report_id, owner, {"content": pack(content)})


def finish_report(store: Store, report_id: str, owner: str, now: datetime) -> bool:
    """Mark a report as finished and free it."""
    return _write(store, report_id, owner, {"finished": now, "owner": None, "lease_until": None})


def free_report(store: Store, report_id: str, owner: str) -> bool:
    """Give a report up, so that another may go on with it at once."""
    return _write(store, report_id, owner, {"owner": None, "lease_until": None})


def report_rows(store: Store, centre: str | None = None) -> tuple[ReportRow, ...]:
    """Give all reports, or a centre's, by month and centre."""
    query = select(*_columns()).order_by(_table.c.month, _table.c.centre)
    if centre is not None:
        query = query.where(_table.c.centre == centre)
    with store.reading() as connection:
        return tuple(_to_row(row) for row in connection.execute(query).mappings())


def report_row(store: Store, report_id: str) -> ReportRow | None:
    """Find a report by its id."""
    with store.reading() as connection:
        return _find(connection, report_id)


def facts_of(store: Store, report_id: str) -> dict[str, Any] | None:
    """Give what a report is made of, once that is stored."""
    return _unpacked(store, report_id, "facts")


def content_of(store: Store, report_id: str) -> dict[str, Any] | None:
    """Give what a report says, once that is stored."""
    return _unpacked(store, report_id, "content")


def pack(value: Plain) -> bytes:
    """Give JSON values as bytes, the same for equal values."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"),
                      allow_nan=False)
    return zlib.compress(text.encode("utf-8", "surrogatepass"), 6)


def unpack(content: bytes) -> dict[str, Any]:
    """Read packed JSON values back."""
    return dict(json.loads(zlib.decompress(content).decode("utf-8", "surrogatepass")))


def _unpacked(store: Store, report_id: str, name: str) -> dict[str, Any] | None:
    with store.reading() as connection:
        found = connection.scalar(select(_table.c[name]).filter_by(report_id=report_id))
    return unpack(found) if found else None


def _write(store: Store, report_id: str, owner: str, values: Plain) -> bool:
    with store.writing() as connection:
        return _set(connection, report_id, owner, values)


def _set(connection: Connection, report_id: str, owner: str, values: Plain) -> bool:
    """Change a row that is still its owner's."""
    done = connection.execute(update(_table).filter_by(report_id=report_id, owner=owner)
                              .values(**values))
    return bool(done.rowcount)


def _columns() -> list[Any]:
    return [_table.c[name] for name in ReportRow.__slots__]


def _find(connection: Connection, report_id: str) -> ReportRow | None:
    query = select(*_columns()).filter_by(report_id=report_id)
    row = connection.execute(query).mappings().first()
    return _to_row(row) if row else None


def _to_row(row: RowMapping) -> ReportRow:
    return ReportRow(**aware(dict(row)))


def state_of(store: Store) -> str:
    """Name the state of everything that a report is made of."""
    outcomes, judged = schema.outcomes.c, store.judged()
    query = select(func.count(), func.max(outcomes.number), func.count(outcomes.undone))
    with store.reading() as connection:
        happened = tuple(connection.execute(query).one())
    state = (store.snapshot(), store.needs(), judged, happened, store.left_out)
    return hashlib.sha256(repr(state).encode("utf-8", "surrogatepass")).hexdigest()


def drop_report(store: Store, report_id: str) -> None:
    """Forget a report, so that it is made anew."""
    with store.writing() as connection:
        connection.execute(delete(_table).filter_by(report_id=report_id))


def blank_reports(connection: Connection, ids: Iterable[str], party_id: str | None = None) -> None:
    """Take the texts of some records, and a party's name, out of all stored reports.

    Ids, numbers and codes stay: the report's figures can still be derived.
    """
    gone = {*ids, *([party_id] if party_id else [])}
    query = select(_table.c.report_id, _table.c.facts, _table.c.content)
    for report_id, facts, content in connection.execute(query).all():
        values: dict[str, bytes] = {}
        if facts:
            values["facts"] = pack(_blank_facts(unpack(facts), gone))
        if content:
            values["content"] = pack(_blank_content(unpack(content), gone, _names(facts, gone)))
        if values and values != {"facts": facts, "content": content}:
            connection.execute(update(_table).filter_by(report_id=report_id).values(**values))


def _names(facts: bytes | None, gone: set[str]) -> set[str]:
    """Give the titles and names that the facts know the records by."""
    plain = unpack(facts) if facts else {}
    found = {plain[part][key]["title"] for part in ("needs", "offers") if part in plain
             for key in gone & plain[part].keys()}
    found |= {plain["owners"][key]["name"] for key in gone & plain.get("owners", {}).keys()}
    return found - {""}


def _blank_facts(plain: dict[str, Any], gone: set[str]) -> dict[str, Any]:
    for part, name in (("needs", "title"), ("offers", "title"), ("owners", "name")):
        for key in gone & plain[part].keys():
            plain[part][key][name] = ""
    return plain


def _blank_content(plain: dict[str, Any], gone: set[str], names: set[str]) -> dict[str, Any]:
    """Empty the texts of every row that names one of the records."""
    for table in (t for section in plain["sections"] for t in section["tables"]):
        kinds = [column["kind"] for column in table["columns"]]
        table["rows"] = [
            ["" if kind == "text" and isinstance(cell, str) else cell
             for kind, cell in zip(kinds, row, strict=True)]
            if any(isinstance(c, str) and (c in gone or c in names) for c in row) else row
            for row in table["rows"]]
    return plain
