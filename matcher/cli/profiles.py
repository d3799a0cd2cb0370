"""Commands on drafts, for the people who support an office: list, show, accept, return."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from matcher.cli.base import json_option, language, say, show_json
from matcher.languages import render
from matcher.settings import load_settings

if TYPE_CHECKING:
    from matcher.access import Viewer
    from matcher.profiles import Review
    from matcher.store.profiles import Draft


def _staff() -> Viewer:
    """Give the person at the machine, who acts as system administrator."""
    from matcher.access import Viewer

    return Viewer("command line", "system-admin")


@click.group()
def drafts() -> None:
    """Drafts of needs and offers that wait for review."""


@drafts.command(name="list")
@click.option("--centre", help="Centre code; without it: all centres.")
@json_option
def list_drafts(centre: str | None, as_json: bool) -> None:
    """List the drafts that wait for review, the oldest first."""
    from matcher import profiles
    from matcher.sessions import store_of
    from matcher.shows import check_centre

    check_centre(centre)
    found = profiles.drafts_to_review(store_of(load_settings()), _staff(), centre)
    if as_json:
        show_json([asdict(draft) for draft in found])
        return
    for draft in found:
        title = draft.content.get("title") or draft.content.get("title_en") or "–"
        click.echo(f"{draft.draft_id}  {profiles.SIDES[draft.side][language()]}  "
                   f"{draft.centre or '–'}  {draft.changed:%Y-%m-%d}  {title}")
    if not found:
        say("No draft waits for review.")


@drafts.command()
@click.argument("draft_id")
@json_option
def show(draft_id: str, as_json: bool) -> None:
    """Show draft DRAFT_ID with what there is to say about it."""
    from matcher import profiles
    from matcher.sessions import store_of

    store = store_of(load_settings())
    found = profiles.show_draft(store, _staff(), draft_id)
    warned = [render(message, language()) for message in profiles.warnings(store, found)]
    if as_json:
        show_json({**asdict(found), "warnings": warned})
        return
    click.echo(f"{found.draft_id}  {profiles.STATES[found.status][language()]}  "
               f"v{found.version}")
    for field in profiles.FORM_FIELDS:
        value = found.content.get(field.key)
        if value:
            text = "；".join(value) if isinstance(value, list) else value
            click.echo(f"{field.label[language()]}: {text}")
    for text in warned:
        click.echo(f"! {text}")


@drafts.command()
@click.argument("draft_id")
@click.option("--version", type=int, help="Only if this is still the newest version.")
@json_option
def accept(draft_id: str, version: int | None, as_json: bool) -> None:
    """Accept draft DRAFT_ID, which publishes it."""
    from matcher.profiles import Review

    _show_done(_review(draft_id, Review("accept"), version), as_json)


@drafts.command(name="return")
@click.argument("draft_id")
@click.option("--reason", "codes", multiple=True, help="A reason, e.g. unclear (repeatable).")
@click.option("--text", default="", help="What to change, in words.")
@click.option("--version", type=int, help="Only if this is still the newest version.")
@json_option
def return_draft(draft_id: str, codes: tuple[str, ...], text: str, version: int | None,
                 as_json: bool) -> None:
    """Return draft DRAFT_ID to its writer with reasons."""
    from matcher.profiles import Review

    _show_done(_review(draft_id, Review("return", codes, text), version), as_json)


def _review(draft_id: str, decided: Review, version: int | None) -> Draft:
    from matcher import profiles
    from matcher.sessions import store_of

    store = store_of(load_settings())
    seen = profiles.show_draft(store, _staff(), draft_id).version
    return profiles.review(store, _staff(), draft_id, decided,
                           seen if version is None else version, datetime.now(UTC))


def _show_done(found: Draft, as_json: bool) -> None:
    from matcher.profiles import STATES

    if as_json:
        show_json({"draft_id": found.draft_id, "record_id": found.record_id,
                   "status": found.status, "version": found.version})
    else:
        say("{record}: {state}", record=found.record_id, state=STATES[found.status][language()])


@click.command()
@json_option
def remind(as_json: bool) -> None:
    """Queue mails to the owners of records that end in 30 and in 7 days, once each."""
    from matcher import profiles, workflow
    from matcher.sessions import address_of, store_of

    settings = load_settings()
    count = profiles.remind(store_of(settings), address_of(settings), settings.lang,
                            workflow.today(), datetime.now(UTC))
    if as_json:
        show_json({"queued": count})
    else:
        say("Reminders queued: {count}.", count=count)
