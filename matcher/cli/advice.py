"""Commands on one need: why an offer stands where it does, a team, what became of a match."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime

import click

from matcher.cli.base import json_option, language, say, show_json
from matcher.settings import load_settings
from matcher.vocabulary import OFFER_KINDS, PARTY_KINDS, REASONS, STAGES


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


@click.command()
@click.argument("need")
@click.option("--must", multiple=True, type=click.Choice(OFFER_KINDS),
              help="A kind that no bundle leaves out, where somebody offers it (repeatable).")
@click.option("--most", type=click.IntRange(1, 20), default=3, show_default=True,
              help="Bundles to show.")
@json_option
def bundle(need: str, must: tuple[str, ...], most: int, as_json: bool) -> None:
    """Bundle one offer of each kind that NEED names, within its budget and dates."""
    from matcher import advice, shows_centre, workflow

    space = workflow.open_workspace(load_settings())
    found = advice.bundles(space, need, workflow.today(), must, most)
    if as_json:
        show_json(shows_centre.bundles_json(found, language()))
    else:
        click.echo(shows_centre.bundles_text(found, space.store, language()))


@click.command()
@click.argument("need")
@click.argument("offer")
@click.argument("stage", type=click.Choice(STAGES))
@click.option("--reason", type=click.Choice(REASONS), help="Why it was declined.")
@click.option("--who", default="", help="Who says so.")
@click.option("--value", type=int, help="Of a contract: its value in NT$.")
@click.option("--licences", type=int, help="Of a contract: licences granted.")
@click.option("--jobs", type=int, help="Of a contract: jobs made.")
@json_option
def outcome(need: str, offer: str, stage: str, reason: str | None, who: str, value: int | None,
            licences: int | None, jobs: int | None, as_json: bool) -> None:
    """Record what became of a match: STAGE reached, or declined with a reason."""
    from matcher import decisions
    from matcher.access import Viewer
    from matcher.store import open_store
    from matcher.store.decisions import decision

    store = open_store(load_settings().database_url)
    # The person at the machine acts as system administrator, under the name given.
    staff = Viewer(decisions.tidy(who) or "command line", "system-admin")
    change = decisions.Change(need, offer, stage, reason or "", value_ntd=value,
                              licences=licences, jobs=jobs)
    number = decisions.decide(store, staff, decisions.with_brought(store, change),
                              datetime.now(UTC))
    found = decision(store, number)
    if as_json and found:
        show_json(asdict(found))
    else:
        say("Recorded: {need} ↔ {offer}: {stage}", need=need, offer=offer, stage=stage)
