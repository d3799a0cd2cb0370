"""The texts of records that have gone, taken out of stored reports.

A report is gathered at one instant and stored minutes later: what was erased meanwhile is blanked
as it is stored. Whoever erases and whoever stores lock the report's row first, so that one of them
sees what the other did.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, select, update

from matcher.store import schema
from matcher.store.audit import aware
from matcher.store.notes import empty_lists

Plain = Mapping[str, Any]
_table = schema.reports
_texts = (_table.c.report_id, _table.c.facts, _table.c.content)


def pack(value: Plain) -> bytes:
    """Give JSON values as bytes, the same for equal values."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"),
                      allow_nan=False)
    return zlib.compress(text.encode("utf-8", "surrogatepass"), 6)


def unpack(content: bytes) -> dict[str, Any]:
    """Read packed JSON values back."""
    return dict(json.loads(zlib.decompress(content).decode("utf-8", "surrogatepass")))


def blank_reports(connection: Connection, ids: Iterable[str], party_id: str | None = None
                  ) -> dict[str, datetime]:
    """Take the texts of some records, and a party's name, out of all stored reports.

    Ids, numbers and codes stay: the report's figures can still be derived. Gives the reports that
    never said any of it, with their instants.
    """
    gone = {*ids, *([party_id] if party_id else [])}
    said = _blank(connection, gone, select(*_texts).order_by(_table.c.report_id))
    rest = select(_table.c.report_id, _table.c.made).where(_table.c.report_id.not_in(said))
    rows = map(aware, map(dict, connection.execute(rest).mappings()))
    return {row["report_id"]: row["made"] for row in rows}


def _blank(connection: Connection, gone: set[str], query: Select[Any]) -> set[str]:
    """Blank the reports of a query; give those that said something of what has gone."""
    said = set()
    for report_id, facts, content in connection.execute(query.with_for_update()).all():
        values: dict[str, bytes] = {}
        if facts:
            values["facts"] = pack(_blank_facts(unpack(facts), gone))
        if content:
            values["content"] = pack(_blank_content(unpack(content), gone, _names(facts, gone)))
        if values.get("content") != content:
            said.add(report_id)
        if values and values != {"facts": facts, "content": content}:
            connection.execute(update(_table).filter_by(report_id=report_id).values(**values))
    return said


def blank_gone(connection: Connection, report_id: str) -> None:
    """Blank what a report, whose row this transaction holds, says of records that have gone."""
    facts = connection.scalar(select(_table.c.facts).filter_by(report_id=report_id))
    if not facts:
        return
    plain = unpack(facts)
    needs, offers, parties = (
        sorted(set(plain[part]) - set(connection.scalars(select(key))))
        for part, key in (("needs", schema.needs.c.need_id), ("offers", schema.offers.c.offer_id),
                          ("owners", schema.parties.c.party_id)))
    if needs or offers or parties:
        _blank(connection, {*needs, *offers, *parties},
               select(*_texts).filter_by(report_id=report_id))
        empty_lists(connection, needs, offers)


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
    for row in plain["skipped"]:
        if row["record_id"] in gone:
            row["problem"] = _nothing("id")
    return plain


def _nothing(name: str) -> dict[str, Any]:
    """Give a message that says nothing, as facts and contents write one."""
    return {name: "{problem}", "fields": {"problem": ""}}


def _blank_row(row: list[Any], kinds: list[str], is_skipped: bool) -> list[Any]:
    """Empty the texts of a row; of a record left out, why it was."""
    if is_skipped:
        return [*row[:-1], _nothing("say")]
    return ["" if kind == "text" and isinstance(cell, str) else cell
            for kind, cell in zip(kinds, row, strict=True)]


def _blank_content(plain: dict[str, Any], gone: set[str], names: set[str]) -> dict[str, Any]:
    """Empty the texts of every row that names one of the records."""
    for table in (t for section in plain["sections"] for t in section["tables"]):
        kinds = [column["kind"] for column in table["columns"]]
        table["rows"] = [
            _blank_row(row, kinds, table["key"] == "skipped")
            if any(isinstance(c, str) and (c in gone or c in names) for c in row) else row
            for row in table["rows"]]
    return plain
