"""Commands on one need: why an offer stands where it does, and which team covers it."""

from __future__ import annotations

import click

from matcher.cli.base import json_option, language, show_json
from matcher.settings import load_settings
from matcher.vocabulary import PARTY_KINDS


@click.command()
@click.argument("need")
@click.argument("offer")
@json_option
def why(need: str, offer: str, as_json: bool) -> None:
    """Say why OFFER stands where it stands for NEED, listed or not, and what would raise it."""
    from matcher import advice, shows, workflow

    space = workflow.open_workspace(load_settings())
    found = advice.why(space, need, offer, workflow.today())
    if as_json:
        show_json(shows.why_json(found, language()))
    else:
        click.echo(shows.why_text(found, language()))


@click.command()
@click.argument("need")
@click.option("--most", type=click.IntRange(1, 12), default=4, show_default=True,
              help="Largest number of members.")
@click.option("--kind", "kinds", multiple=True, type=click.Choice(PARTY_KINDS),
              help="A kind of party that must be in the team (repeatable).")
@json_option
def team(need: str, most: int, kinds: tuple[str, ...], as_json: bool) -> None:
    """Find the smallest team of offers that covers what NEED asks for, sentence by sentence."""
    from matcher import advice, shows, workflow

    space = workflow.open_workspace(load_settings())
    found = advice.team(space, need, workflow.today(), most, kinds)
    if as_json:
        show_json(shows.team_json(found))
    else:
        click.echo(shows.team_text(found, space.store, language()))
