"""What lists showed, as pairs with their best score; for pictures of a centre."""

from __future__ import annotations

from sqlalchemy import func, select

from matcher.store import schema
from matcher.store.store import Store


def listed_pairs(store: Store, centre: str | None = None) -> tuple[tuple[str, str, float], ...]:
    """Give (need id, offer id, highest score) of every pair that a list showed to somebody.

    Lists that only a monthly report was made of showed nothing to anybody.
    """
    table, shown = schema.matches, schema.outcomes
    query = (select(table.c.need_id, table.c.offer_id, func.max(table.c.score))
             .join(shown, (shown.c.run_id == table.c.run_id) & (shown.c.need_id == table.c.need_id)
                   & (shown.c.offer_id == table.c.offer_id))
             .where(shown.c.stage == "shown").group_by(table.c.need_id, table.c.offer_id)
             .order_by(table.c.need_id, table.c.offer_id))
    if centre is not None:
        query = query.join(schema.needs, schema.needs.c.need_id == table.c.need_id).where(
            schema.needs.c.centre == centre)
    with store.reading() as connection:
        return tuple((row[0], row[1], float(row[2])) for row in connection.execute(query))


def best_of_last_lists(store: Store, centre: str) -> dict[str, float]:
    """Give the highest score in the list of each need of a centre that was shown last."""
    shown, rows = schema.outcomes, schema.matches
    last = select(shown.c.need_id, func.max(shown.c.number).label("number")).where(
        shown.c.stage == "shown", shown.c.run_id.is_not(None)).group_by(shown.c.need_id).subquery()
    query = (select(rows.c.need_id, func.max(rows.c.score))
             .join(shown, (shown.c.run_id == rows.c.run_id) & (shown.c.need_id == rows.c.need_id))
             .join(last, last.c.number == shown.c.number)
             .join(schema.needs, schema.needs.c.need_id == rows.c.need_id)
             .where(schema.needs.c.centre == centre).group_by(rows.c.need_id))
    with store.reading() as connection:
        return {row[0]: float(row[1]) for row in connection.execute(query)}
