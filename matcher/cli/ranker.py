"""Commands on the ranker: train it, ask what other weights would do, go back."""

from __future__ import annotations

import math

import click

from matcher.cli.base import Bar, json_option, language, say, show_json
from matcher.cli.models import train
from matcher.errors import InputError
from matcher.settings import load_settings


@train.command(name="ranker")
@click.option("--dry-run", is_flag=True, help="Compare only; install nothing.")
@json_option
def train_ranker(dry_run: bool, as_json: bool) -> None:
    """Learn weights from judged pairs and outcomes; used only if better on needs kept out."""
    from matcher import shows_ranker, tuning, workflow

    settings = load_settings()
    space = workflow.open_workspace(settings)
    found = tuning.train(space, settings.home / "models", workflow.today(), dry_run=dry_run,
                         progress=Bar())
    if as_json:
        show_json(shows_ranker.trained_json(found))
    else:
        click.echo(shows_ranker.trained_text(found, space.ranker, language()))


@click.command(name="what-if")
@click.argument("weights", nargs=-1, required=True, metavar="FEATURE=WEIGHT...")
@json_option
def what_if(weights: tuple[str, ...], as_json: bool) -> None:
    """Estimate from the log what the shown lists would have brought with other weights."""
    from matcher import shows_ranker, tuning, workflow

    space = workflow.open_workspace(load_settings())
    found = tuning.what_if(space, dict(_weight(text) for text in weights))
    if as_json:
        show_json(shows_ranker.what_if_json(found, language()))
    else:
        click.echo(shows_ranker.what_if_text(found, language()))


def _weight(text: str) -> tuple[str, float]:
    """Read FEATURE=WEIGHT."""
    name, _, value = text.partition("=")
    try:
        if math.isfinite(weight := float(value)):
            return name, weight
    except ValueError:
        pass
    raise InputError("“{value}” is no weight; wanted FEATURE=NUMBER, e.g. theme=2.5.", value=text)


@click.group()
def ranker() -> None:
    """The ranker in use."""


@ranker.command(name="show")
@json_option
def ranker_show(as_json: bool) -> None:
    """Show the weights in use and where they come from."""
    from matcher import shows_ranker
    from matcher.ranker import load_ranker

    settings = load_settings()
    found = load_ranker(settings.ranker)
    if as_json:
        show_json(shows_ranker.ranker_json(found, settings.ranker))
    else:
        click.echo(shows_ranker.ranker_text(found, settings.ranker, language()))


@ranker.command(name="back")
@json_option
def ranker_back(as_json: bool) -> None:
    """Exchange the present ranker and the one before; a second call undoes the first."""
    from matcher.learning.release import go_back

    found = go_back(load_settings().home / "models")
    if as_json:
        show_json({"revision": found.revision})
    else:
        say("The ranker is now {revision}.", revision=found.revision)
