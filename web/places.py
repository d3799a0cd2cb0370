"""Where a need and the offers of its list are, as points for the map."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from matcher.languages import translate
from matcher.reference import place
from matcher.vocabulary import Need
from web.shell import page_language


def points(need: Need, cards: Sequence[dict[str, Any]]) -> str:
    """Give the need's place and those of its offers as JSON, one point a place and side.

    ``lines`` are what a point tells; ``size`` grows with the offers at it; ``id`` is the card it
    leads to. What has no known place, or one the viewer may not see, is on no point.
    """
    found = _of_need(need)
    at: dict[tuple[float, float], list[tuple[int, dict[str, Any]]]] = {}
    for number, card in enumerate(cards, start=1):
        where = place(card["offer"].centre, card["offer"].county)
        if where is not None:
            at.setdefault(where, []).append((number, card))
    found += [_of_offers(where, listed) for where, listed in at.items()]
    return json.dumps(found, ensure_ascii=False)


def _of_need(need: Need) -> list[dict[str, Any]]:
    where, word = place(need.centre, need.county), translate("Need", page_language())
    return [] if where is None else [{
        "lat": where[0], "lng": where[1], "kind": "need", "size": 1, "lines": [
            f"{word}: {need.title}" if need.title else word]}]


def _of_offers(where: tuple[float, float], listed: Sequence[tuple[int, dict[str, Any]]]
               ) -> dict[str, Any]:
    """Give one place with the offers at it, each with its place in the list."""
    first = listed[0][1]
    about = " · ".join(filter(None, (first["county"], first["distance"])))
    return {"lat": where[0], "lng": where[1], "kind": "offer", "size": len(listed),
            "id": f"m-{first['offer'].offer_id}",
            "lines": [about, *(f"{number}. {card['title']}" for number, card in listed)]}
