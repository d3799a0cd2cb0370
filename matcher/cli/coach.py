"""The command that coaches writers of needs and offers."""

from __future__ import annotations

import click

from matcher.cli.base import json_option, language, show_json
from matcher.errors import InputError
from matcher.settings import load_settings
from matcher.vocabulary import Evidence, Need, Offer


@click.command()
@click.option("--need", "need_id", help="A stored need.")
@click.option("--offer", "offer_id", help="A stored offer, with its evidence.")
@click.option("--centre", help="All needs of a centre, the weakest first.")
@click.option("--text", help="A need as it would be typed.")
@json_option
def coach(need_id: str | None, offer_id: str | None, centre: str | None, text: str | None,
          as_json: bool) -> None:
    """Say how well a need or an offer is written, out of 20 points, and what to add."""
    from matcher import coach as coaching
    from matcher import shows_coach

    if sum(v is not None for v in (need_id, offer_id, centre, text)) != 1:
        raise InputError("Give one of --need, --offer, --centre and --text.")
    found = [(record, coaching.advise(record, evidence))
             for record, evidence in _records(need_id, offer_id, centre, text)]
    found.sort(key=lambda pair: pair[1].total)
    if as_json:
        show_json([shows_coach.advice_json(*pair, language()) for pair in found])
    else:
        click.echo("\n\n".join(shows_coach.advice_text(*pair, language()) for pair in found))


def _records(need_id: str | None, offer_id: str | None, centre: str | None, text: str | None
             ) -> list[tuple[Need | Offer, tuple[Evidence, ...]]]:
    from matcher.shows import check_centre
    from matcher.store import open_store

    if text is not None:
        return [(Need("–", description=text), ())]
    store = open_store(load_settings().database_url)
    if offer_id is not None:
        return [(store.offer(offer_id), store.evidence(offer_id))]
    if need_id is not None:
        return [(store.need(need_id), ())]
    check_centre(centre)
    return [(need, ()) for need in store.needs(centre)]
