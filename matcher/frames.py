"""The DataFrame interface: ``matcher.match(needs, offers, evidence)``.

Only ids and one text column are required; columns are named as the fields of
the nouns. No store and no centre is needed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, TypeVar

from matcher.encoding import Encoder, load_encoder
from matcher.errors import InputError
from matcher.explanation import find_evidence
from matcher.features import FEATURES
from matcher.pool import Pool, build_pool
from matcher.ranker import Ranker, load_ranker
from matcher.ranking import Circumstances, Query, Ranking, rank
from matcher.reference import place
from matcher.vocabulary import Evidence, Need, Offer

if TYPE_CHECKING:
    import pandas as pd

Noun = TypeVar("Noun", Need, Offer, Evidence)
_LISTS = ("kinds", "themes", "modes")
_TEXTS: Mapping[type, tuple[str, ...]] = {
    Need: ("title", "description", "requirements"), Offer: ("title", "description"),
    Evidence: ("text", "title"),
}
COLUMNS = ("need_id", "rank", "offer_id", "score", "evidence", *(f.key for f in FEATURES))


def match(needs: pd.DataFrame, offers: pd.DataFrame, evidence: pd.DataFrame | None = None, *,
          top: int | None = 10, encoder: Encoder | str | None = None, ranker: Ranker | None = None,
          day: date | None = None, with_evidence: bool | None = None) -> pd.DataFrame:
    """Rank the offers for every need.

    Args:
        needs: columns need_id and at least one of title, description, requirements.
        offers: columns offer_id and title or description (or evidence for the offer).
        evidence: columns offer_id and text; optional evidence_id, title, kind, year.
        top: matches a need; None gives every eligible pair.
        encoder: an encoder, a folder or hub id; None for the embedded one.
        ranker: weights; None for the embedded ones.
        day: the day on which dates must be open; None for no day at all, so that
            every record counts as open.
        with_evidence: fill the evidence column; by default only when ``top`` is set.

    Returns:
        One row a match, need by need in the given order: need_id, rank (1…),
        offer_id (both as given), score (0…1), evidence (the offer's sentence), then one column a
        feature.

    Raises:
        InputError: a column is missing or an id stands twice.
    """
    chosen = load_encoder(encoder) if encoder is None or isinstance(encoder, str) else encoder
    weights = ranker or load_ranker()
    listed = tuple(_read(needs, Need, "need_id"))
    pool = _pool(offers, evidence, chosen)
    queries = _queries(listed, chosen)
    show = with_evidence if with_evidence is not None else top is not None
    # Without a day nobody can say what was written after the need: pasted texts are only marked.
    circumstances = Circumstances(day, embed=chosen.encode_document if day else None)
    parts = [_rows(found, pool, top, chosen if show else None)
             for found in rank(queries, pool, weights, circumstances)]
    return _with_given_ids(_table(parts), need_id=needs, offer_id=offers)


def _pool(offers: pd.DataFrame, evidence: pd.DataFrame | None, encoder: Encoder) -> Pool:
    supports = [] if evidence is None else list(_read(evidence, Evidence, "evidence_id"))
    supported = {e.offer_id for e in supports}
    listed = tuple(_read(offers, Offer, "offer_id", text_optional=bool(supported)))
    return build_pool(listed, supports, encoder.encode_document,
                      lambda offer: place(offer.centre, offer.county))


def _queries(needs: tuple[Need, ...], encoder: Encoder) -> list[Query]:
    vectors = encoder.encode_query([need.text for need in needs])
    return [Query(need, vector, place(need.centre, need.county))
            for need, vector in zip(needs, vectors, strict=True)]


def _rows(found: Ranking, pool: Pool, top: int | None, encoder: Encoder | None) -> dict[str, Any]:
    """Give the columns of one need's matches."""
    order = found.order[:top]
    pairs = find_evidence(found, pool, order.tolist(), encoder.encode) if encoder else []
    columns = {
        "need_id": [found.query.need.need_id] * len(order),
        "rank": range(1, len(order) + 1),
        "offer_id": [pool.offers[i].offer_id for i in order],
        "score": found.scores[order],
        "evidence": [p.offer_sentence if p else None for p in pairs] or [None] * len(order),
    }
    return columns | {key: values[order] for key, values in found.features.items()}


def _with_given_ids(table: pd.DataFrame, **sources: pd.DataFrame) -> pd.DataFrame:
    """Give ids back as they came: a number stays a number, so that tables can be joined."""
    for column, source in sources.items():
        given = {str(value): value for value in source[column]}
        table[column] = [given.get(value, value) for value in table[column]]
    return table


def _table(parts: list[dict[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    filled = [pd.DataFrame(part) for part in parts if len(part["need_id"])]
    if not filled:
        return pd.DataFrame(columns=list(COLUMNS))
    return pd.concat(filled, ignore_index=True)[list(COLUMNS)]


def _read(frame: pd.DataFrame, noun: type[Noun], key: str, *,
          text_optional: bool = False) -> Iterator[Noun]:
    """Turn rows into nouns; columns that are no field of the noun are left alone."""
    _check_columns(frame, noun, key, text_optional)
    fields = [f.name for f in dataclasses.fields(noun) if f.name in frame.columns]
    for number, row in enumerate(frame[fields].itertuples(index=False)):
        values = {n: _value(n, v) for n, v in zip(fields, row, strict=True) if not _missing(v)}
        values.setdefault(key, f"{key}-{number}")
        if noun is Evidence:
            values.setdefault("text", "")
        yield noun(**values)


def _check_columns(frame: pd.DataFrame, noun: type, key: str, text_optional: bool) -> None:
    """Refuse a frame without its id or any text column, or with an id twice."""
    required = "offer_id" if noun is Evidence else key
    if required not in frame.columns:
        raise InputError("The {noun} table has no column {column}; it has: {columns}",
                         noun=noun.__name__, column=required,
                         columns=", ".join(map(str, frame.columns)))
    if not text_optional and not set(_TEXTS[noun]) & set(frame.columns):
        raise InputError("The {noun} table has no text column; wanted one of: {columns}",
                         noun=noun.__name__, columns=", ".join(_TEXTS[noun]))
    if key in frame.columns and frame[key].duplicated().any():
        raise InputError("The {noun} table has the id “{id}” twice.", noun=noun.__name__,
                         id=str(frame[key][frame[key].duplicated()].iloc[0]))


def _missing(value: Any) -> bool:
    import pandas as pd

    if isinstance(value, str):
        return not value.strip()
    return value is None or (not isinstance(value, (list, tuple)) and bool(pd.isna(value)))


def _value(name: str, value: Any) -> Any:
    """Convert one cell: lists from ``;`` text, ids to text, dates and numbers as given."""
    if name in _LISTS:
        return tuple(value.split(";")) if isinstance(value, str) else tuple(value)
    if name.endswith("_id"):
        return str(value)
    if name.startswith("valid_"):
        return value.date() if hasattr(value, "date") else date.fromisoformat(str(value))
    return int(value) if name.startswith(("trl", "budget", "money", "year")) else value
