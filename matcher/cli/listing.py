"""The command that searches needs and offers."""

from __future__ import annotations

import click

from matcher.cli.base import json_option, language, say, show_json
from matcher.settings import load_settings


@click.command()
@click.argument("text")
@click.option("--needs", "side", flag_value="needs", help="Search needs, not offers.")
@click.option("--offers", "side", flag_value="offers", default="offers", help="Search offers.")
@click.option("--facet", "facets", multiple=True, nargs=2, metavar="FACET VALUE",
              help="Keep a value of centre, county, kind, theme, trl, lang, stage, party, open.")
@click.option("--page", type=click.IntRange(1), default=1)
@json_option
def search(text: str, side: str, facets: tuple[tuple[str, str], ...], page: int,
           as_json: bool) -> None:
    """Search needs or offers for TEXT: words, "phrases", -excluded; two characters are enough."""
    from matcher import listing, workflow
    from matcher.access import Viewer

    chosen: dict[str, list[str]] = {"q": [text], "page": [str(page)]}
    for facet, value in facets:
        chosen.setdefault(facet, []).append(value)
    browse = listing.browse_needs if side == "needs" else listing.browse_offers
    found = browse(workflow.open_workspace(load_settings()),
                   Viewer("command line", "system-admin"), listing.read_query(chosen),
                   workflow.today())
    if as_json:
        show_json(listing.listed_json(found, language()))
        return
    say("{total} found, page {page} of {pages}", total=found.total, page=page, pages=found.pages)
    for hit in found.hits:
        click.echo(f"{listing.record_id(hit.record)}  {hit.record.title}\n    {hit.snippet}")
