"""What lists showed, as pairs with their best score; for pictures of a centre."""

from __future__ import annotations

from sqlalchemy import func, select

from matcher.store import schema
from matcher.store.store import Store


def listed_pairs(store: Store, centre: str | None = None) -> tuple[tuple[str, str, float], ...]:
    """Give (need id, offer id, highest score) of every pair that a stored list holds."""
    table = schema.matches
    query = select(table.c.need_id, table.c.offer_id, func.max(table.c.score)).group_by(
        table.c.need_id, table.c.offer_id).order_by(table.c.need_id, table.c.offer_id)
    if centre is not None:
        query = query.join(schema.needs, schema.needs.c.need_id == table.c.need_id).where(
            schema.needs.c.centre == centre)
    with store.reading() as connection:
        return tuple((row[0], row[1], float(row[2])) for row in connection.execute(query))
