"""Lists, matches and outcomes as rows; what is said about a match goes into one JSON column."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import UTC
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, null, or_, select, update

from matcher.store import schema
from matcher.store.records import field_names, portions, read_rows, to_noun
from matcher.vocabulary import (
    EvidencePair,
    Influence,
    Match,
    MatchList,
    Message,
    Need,
    Outcome,
    Run,
)

PLAIN = ("need_id", "offer_id", "rank", "score", "features", "contributions", "distance_km",
         "propensity")


def _fields(record: Any) -> dict[str, Any]:
    """Give a record of plain values as a dict; ``asdict`` would copy each of them."""
    kind: Any = type(record)
    return {name: getattr(record, name) for name in field_names(kind)}


def match_row(match: Match) -> dict[str, Any]:
    """Give a match as the columns of its table."""
    notes = {"missing": list(match.missing),
             "influence": [_fields(i) for i in match.influence],
             "raises": [message_row(m) for m in match.raises],
             "warnings": [message_row(m) for m in match.warnings]}
    return {**{name: getattr(match, name) for name in PLAIN},
            "evidence": [_fields(pair) for pair in match.evidence], "notes": notes}


def to_match(row: Mapping[str, Any]) -> Match:
    """Make a match of its columns; one stored before there were notes has none."""
    notes = row["notes"] or {}
    return Match(
        **{name: row[name] for name in PLAIN},
        evidence=tuple(EvidencePair(**pair) for pair in row["evidence"]),
        missing=tuple(notes.get("missing", ())),
        influence=tuple(Influence(**i) for i in notes.get("influence", ())),
        raises=tuple(map(to_message, notes.get("raises", ()))),
        warnings=tuple(map(to_message, notes.get("warnings", ()))),
    )


def message_row(message: Message) -> dict[str, Any]:
    """Give a message as plain values, messages inside its fields too."""
    return {"id": message.id, "fields": {
        name: message_row(value) if isinstance(value, Message) else value
        for name, value in message.fields.items()}}


def to_message(row: Mapping[str, Any]) -> Message:
    """Make a message of plain values."""
    return Message(row["id"], {
        name: to_message(value) if isinstance(value, dict) else value
        for name, value in row["fields"].items()})


def put_lists(connection: Connection, lists: Iterable[MatchList]) -> None:
    """Write lists, each in the place of the same one."""
    for part in portions(list(lists)):
        for table in (schema.match_lists, schema.matches):
            for run_id, needs in _needs_by_run(part).items():
                connection.execute(delete(table).where(table.c.run_id == run_id,
                                                       table.c.need_id.in_(needs)))
        connection.execute(insert(schema.match_lists), [_list_row(found) for found in part])
        rows = [{"run_id": found.run.run_id, **match_row(m)} for found in part
                for m in found.matches]
        if rows:
            connection.execute(insert(schema.matches), rows)


def read_lists(connection: Connection, run_id: str, needs: Sequence[str]) -> dict[str, MatchList]:
    """Read the lists of one run, by need."""
    heads, matches = schema.match_lists, schema.matches
    found: dict[str, MatchList] = {}
    for part in portions(list(needs)):
        rows: dict[str, list[Match]] = defaultdict(list)
        query = select(matches).where(matches.c.run_id == run_id, matches.c.need_id.in_(part))
        for row in read_rows(connection, query.order_by(matches.c.need_id, matches.c.rank)):
            rows[row["need_id"]].append(to_match(row))
        query = select(heads).where(heads.c.run_id == run_id, heads.c.need_id.in_(part))
        found |= {row["need_id"]: _to_list(row, rows[row["need_id"]])
                  for row in read_rows(connection, query)}
    return found


def _to_list(row: Mapping[str, Any], matches: Sequence[Match]) -> MatchList:
    run = Run(**{f.name: row[f.name] for f in fields(Run)})
    return MatchList(to_noun(Need, row["need"]), tuple(matches), run, row["eligible"],
                     row["scope"] or "", row["widened"] and to_message(row["widened"]))


def _needs_by_run(lists: Sequence[MatchList]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for one in lists:
        found[one.run.run_id].append(one.need.need_id)
    return found


def _list_row(found: MatchList) -> dict[str, Any]:
    return {**_fields(found.run), "eligible": found.eligible, "scope": found.scope,
            "widened": found.widened and message_row(found.widened),
            "need_id": found.need.need_id, "need": plain(_fields(found.need))}


def empty_lists(connection: Connection, needs: Sequence[str], offers: Sequence[str]) -> None:
    """Reduce lists of needs, and matches of needs and offers, to ids and numbers."""
    for need_id in needs:
        connection.execute(update(schema.match_lists).filter_by(need_id=need_id).values(
            need=plain(asdict(Need(need_id))), widened=null()))
    clear(connection, schema.matches, needs, offers, {"evidence": [], "notes": null()})


def clear(connection: Connection, table: Table, needs: Sequence[str], offers: Sequence[str],
          cleared: Mapping[str, Any]) -> None:
    """Clear some columns of all pairs of these needs and offers."""
    connection.execute(update(table).where(or_(
        table.c.need_id.in_(needs), table.c.offer_id.in_(offers))).values(cleared))


def outcome_row(outcome: Outcome) -> dict[str, Any]:
    """Give an outcome as columns, its time in UTC."""
    return {**asdict(outcome), "time": outcome.time.astimezone(UTC)}


def to_outcome(row: Mapping[str, Any]) -> Outcome:
    """Make an outcome of its columns."""
    values = {f.name: row[f.name] for f in fields(Outcome)}
    time = values["time"]
    return Outcome(**{**values, "time": time if time.tzinfo else time.replace(tzinfo=UTC)})


def plain(value: Mapping[str, Any]) -> dict[str, Any]:
    """Make a record fit for JSON: tuples to lists, dates to ISO text."""
    return {k: list(v) if isinstance(v, tuple) else v.isoformat() if hasattr(v, "isoformat") else v
            for k, v in value.items()}
