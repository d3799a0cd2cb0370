"""Commands on decisions: the board, the workbook out and in, undo."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from matcher.cli.base import Bar, json_option, language, say, show_json
from matcher.languages import render
from matcher.settings import load_settings
from matcher.vocabulary import Message


def _staff() -> Any:
    """The person at the machine acts as system administrator."""
    from matcher.access import Viewer

    return Viewer("command line", "system-admin")


@click.group()
def decisions() -> None:
    """What people decided about matches: a board, a workbook for Excel, undo."""


@decisions.command()
@click.option("--centre", help="Centre code; without it: all centres.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True)
@json_option
def export(centre: str | None, out: Path, as_json: bool) -> None:
    """Write match lists as an XLSX workbook whose decisions can be typed in Excel."""
    from matcher import sheets, workflow
    from matcher.shows import check_centre

    check_centre(centre)
    settings = load_settings()
    space = workflow.open_workspace(settings)
    lists = list(workflow.match(space, centre=centre, top=settings.top, day=workflow.today(),
                                progress=Bar()))
    out.write_bytes(sheets.to_decision_sheet(lists, space.store, _staff(), language()))
    if as_json:
        show_json({"file": out, "lists": len(lists)})
    else:
        say("Written: {path}", path=out)


@decisions.command(name="import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Check only; store nothing.")
@json_option
@click.pass_context
def import_sheet(ctx: click.Context, file: Path, dry_run: bool, as_json: bool) -> None:
    """Take edited decisions of a workbook in: all of them, or none where a row does not fit."""
    from matcher import sheets
    from matcher.sessions import store_of

    store, content = store_of(load_settings()), file.read_bytes()
    found = sheets.apply_sheet(store, _staff(), content, datetime.now(UTC), dry_run=dry_run)
    if as_json:
        show_json({"rows": found.rows, "changes": [asdict(c) for c in found.changes],
                   "errors": [{**asdict(e), "wanted": render(e.wanted, language())}
                              for e in found.errors]})
    else:
        _say_read(found, dry_run)
    ctx.exit(2 if found.errors else 0)


def _say_read(found: Any, dry_run: bool) -> None:
    for error in found.errors:
        say("row {row}, {column}: found “{found}”; {wanted}", row=error.row, column=error.column,
            found=error.found, wanted=render(error.wanted, language()))
    if not found.errors:
        for change in found.changes:
            _say_change(change)
    if found.errors:
        say("Nothing was changed.")
    elif dry_run:
        say("{count} of {rows} rows would be changed.", count=len(found.changes), rows=found.rows)
    else:
        say("{count} of {rows} rows changed.", count=len(found.changes), rows=found.rows)


def _say_change(change: Any) -> None:
    from matcher.decisions import STAGE_NAMES

    need, offer = change.pair
    if change.change is not None:
        before = STAGE_NAMES[change.before] if change.before else Message("undecided")
        click.echo(render(Message("row {row}: {need} ↔ {offer}: {before} → {stage}", {
            "row": change.row, "need": need, "offer": offer, "before": before,
            "stage": STAGE_NAMES[change.change.stage]}), language()))
    if change.grade is not None:
        say("row {row}: {need} ↔ {offer}: grade {grade}", row=change.row, need=need, offer=offer,
            grade=change.grade)


@decisions.command()
@click.option("--centre", help="Centre code; without it: all centres.")
@json_option
def board(centre: str | None, as_json: bool) -> None:
    """Show every decided match by its stage."""
    from matcher import decisions as verbs
    from matcher.sessions import store_of
    from matcher.shows import check_centre
    from matcher.workflow import today

    check_centre(centre)
    found = verbs.board(store_of(load_settings()), _staff(), centre, today())
    if as_json:
        show_json({stage: [asdict(card) for card in cards]
                   for stage, cards in found.columns.items()})
        return
    for stage, cards in found.columns.items():
        click.echo(f"{verbs.STAGE_NAMES[stage][language()]} ({len(cards)})")
        for card in cards:
            due, note = card.decision.next_date, " ".join((card.last_note or "").split())
            click.echo(f"  {card.decision.number}  {card.decision.need_id} → "
                       f"{card.decision.offer_id}  {card.since}  {due or ''}"
                       f"{' !' if card.overdue else ''}  {note}".rstrip())


@decisions.command()
@click.argument("number", type=int, required=False)
@json_option
def undo(number: int | None, as_json: bool) -> None:
    """Take decision NUMBER back (numbers: matcher decisions board), or the last one made here."""
    from matcher import decisions as verbs
    from matcher.sessions import store_of

    store, now = store_of(load_settings()), datetime.now(UTC)
    found = (verbs.undo_last(store, _staff(), now) if number is None else
             verbs.undo(store, _staff(), number, now))
    if as_json:
        show_json(asdict(found))
    else:
        say("Undone: {need} ↔ {offer}: {stage}", need=found.need_id, offer=found.offer_id,
            stage=verbs.STAGE_NAMES[found.stage][language()])
