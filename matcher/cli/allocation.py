"""Commands on a whole centre: the market of its lists, and its assignment."""

from __future__ import annotations

from typing import Any

import click

from matcher.cli.base import Bar, Span, json_option, language, show_json
from matcher.settings import load_settings


@click.command()
@click.option("--centre", help="Centre code; without it: all centres as one market.")
@click.option("--capacity", type=click.IntRange(1, 100), default=3, show_default=True,
              help="Needs that one offer can serve.")
@json_option
def market(centre: str | None, capacity: int, as_json: bool) -> None:
    """Compare one-sided, product and market lists: expected matches, envies, exposure."""
    from matcher import allocation, shows_centre, workflow
    from matcher.shows import check_centre

    check_centre(centre)
    space = workflow.open_workspace(load_settings())
    found = allocation.compare_market(space, centre, workflow.today(), capacity=capacity,
                                      progress=Bar())
    if as_json:
        show_json(shows_centre.market_json(found, language()))
    else:
        click.echo(shows_centre.market_text(found, language()))


@click.command()
@click.option("--centre", help="Centre code; without it: all centres.")
@click.option("--per-need", type=Span(), default="0-1", show_default=True,
              help="Offers for each need, least-most.")
@click.option("--per-offer", type=Span(), default="0-3", show_default=True,
              help="Needs for each offer, least-most.")
@click.option("--floor", type=click.FloatRange(0), help="Lowest sum of scores for any need.")
@click.option("--force", "forced", multiple=True, nargs=2, metavar="NEED OFFER",
              help="A pair that must be (repeatable).")
@click.option("--never", "never", multiple=True, nargs=2, metavar="NEED OFFER",
              help="A pair that must not be (repeatable).")
@click.option("--group", "groups", multiple=True, metavar="FIELD=VALUE:LEAST-MOST",
              help="Pairs that offers of one county, kind, theme, size or party-kind get "
                   "together, e.g. county=屏東縣:2-9 (repeatable).")
@click.option("--exposure", "exposures", multiple=True, metavar="FIELD=VALUE:LEAST",
              help="The same as a floor whose price in score is told, e.g. size=1-10:5.")
@click.option("--seconds", type=click.FloatRange(0.1), default=60, show_default=True,
              help="Time limit of the search.")
@json_option
@click.pass_context
def assign(ctx: click.Context, centre: str | None, per_need: tuple[int, int],
           per_offer: tuple[int, int], floor: float | None, forced: Any, never: Any,
           groups: tuple[str, ...], exposures: tuple[str, ...], seconds: float,
           as_json: bool) -> None:
    """Assign offers to a centre's needs under loads and rules; say which rules clash."""
    from matcher import allocation, shows_centre, workflow
    from matcher.shows import check_centre

    check_centre(centre)
    space = workflow.open_workspace(load_settings())
    verdicts = allocation.read_verdicts(forced, never)
    rules = allocation.Rules(per_need, per_offer, floor, verdicts, (
        *(allocation.group_rule(space.store, *allocation.read_group(text)) for text in groups),
        *(allocation.group_rule(space.store, *allocation.read_group(text), priced=True)
          for text in exposures)))
    found = allocation.assign(space, centre, workflow.today(), rules, seconds, Bar())
    if as_json:
        show_json(shows_centre.assigned_json(found, language()))
    else:
        click.echo(shows_centre.assigned_text(found, language()))
    ctx.exit(0 if shows_centre.is_assigned(found) else 2)
