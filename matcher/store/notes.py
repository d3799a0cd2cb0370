"""Matches as rows: what is said about a match goes into one JSON column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from matcher.vocabulary import EvidencePair, Influence, Match, Message

PLAIN = ("need_id", "offer_id", "rank", "score", "features", "contributions", "distance_km",
         "propensity")


def match_row(match: Match) -> dict[str, Any]:
    """Give a match as the columns of its table."""
    notes = {"missing": list(match.missing), "influence": [asdict(i) for i in match.influence],
             "raises": [message_row(m) for m in match.raises],
             "warnings": [message_row(m) for m in match.warnings]}
    return {**{name: getattr(match, name) for name in PLAIN},
            "evidence": [asdict(pair) for pair in match.evidence], "notes": notes}


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
