"""The command that searches needs and offers."""

from __future__ import annotations

import click

from matcher.cli.base import json_option, language, say, show_json
from matcher.errors import InputError
from matcher.settings import load_settings

# As matcher.listing names them; to read them there would load everything for --help.
FACETS = ("centre", "county", "kind", "theme", "trl", "language", "stage", "party", "scale", "open")


# An excluded word, -溫室, is no option.
@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("text")
@click.option("--needs", "side", flag_value="needs", help="Search needs, not offers.")
@click.option("--offers", "side", flag_value="offers", default="offers", help="Search offers.")
@click.option("--facet", "facets", multiple=True, type=(click.Choice(FACETS), str),
              metavar="FACET VALUE", help=f"Keep a value of {', '.join(FACETS)}.")
@click.option("--centre", multiple=True, help="Keep a centre, by its code.")
@click.option("--kind", multiple=True, help="Keep a kind of offer.")
@click.option("--theme", multiple=True, help="Keep a theme.")
@click.option("--sort", default="newest", help="Order: newest, deadline, title or trl.")
@click.option("--page", type=click.IntRange(1), default=1)
@json_option
def search(text: str, side: str, facets: tuple[tuple[str, str], ...], sort: str, page: int,
           as_json: bool, **short: tuple[str, ...]) -> None:
    """Search needs or offers for TEXT: words, "phrases", -excluded; two characters are enough."""
    from matcher import listing, shows, workflow
    from matcher.access import Viewer

    for code in short["centre"]:
        shows.check_centre(code)
    for name, known in (("kind", "offer_kinds"), ("theme", "themes")):
        _check_known(short[name], known)
    chosen: dict[str, list[str]] = {"q": [text], "sort": [sort], "page": [str(page)]}
    for facet, value in (*facets, *((key, v) for key, values in short.items() for v in values)):
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


def _check_known(values: tuple[str, ...], table: str) -> None:
    """Refuse a value that the reference does not know, as a search for it finds nothing."""
    from matcher.reference import terms

    if unknown := [value for value in values if value not in terms(table)]:
        raise InputError("Not known: {found}. Wanted one of: {known}.",
                         found=", ".join(unknown), known=", ".join(terms(table)))
