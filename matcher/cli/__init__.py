"""The command line: one command = parse, one verb, show. ``--json`` everywhere.

Exit codes: 0 done; 1 unexpected; 2 bad input or setting (also: bad rows in a file);
3 a model file or an optional part is missing; 4 the database; 130 interrupted.
"""

from __future__ import annotations

import gc
from datetime import UTC, datetime
from pathlib import Path

import click

from matcher import __version__
from matcher.cli.accounts import account, mail
from matcher.cli.advice import bundle, outcome, team, why
from matcher.cli.allocation import assign, market
from matcher.cli.base import Bar, Commands, json_option, language, say, show_json
from matcher.cli.coach import coach
from matcher.cli.decisions import decisions
from matcher.cli.evaluation import evaluate
from matcher.cli.listing import search
from matcher.cli.models import model, train
from matcher.cli.profiles import drafts, remind
from matcher.cli.ranker import ranker, what_if
from matcher.cli.report import report
from matcher.cli.works import works
from matcher.errors import InputError
from matcher.languages import translate
from matcher.settings import SETTINGS, Settings, load_settings

# When to look for cycles of objects that nobody holds. Lists are many small objects without any:
# Python's own (700, 10, 10) took a tenth of a month's time.
COLLECT = (100_000, 50, 50)
LISTS = ("table", "json", "csv", "xlsx")
RECORDS = ("parties", "needs", "offers", "evidence", "judged")


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Match needs and offers of regional innovation centres (產學媒合)."""
    gc.set_threshold(*COLLECT)


@main.command()
@json_option
def init(as_json: bool) -> None:
    """Make the home folder and the database."""
    from matcher.store import open_store

    settings = load_settings()
    open_store(settings.database_url)
    if as_json:
        show_json({"home": settings.home, "database": shown_url(settings.database_url)})
    else:
        say("Ready: {database}", database=shown_url(settings.database_url))


def shown_url(url: str) -> str:
    """Give a database URL without its password."""
    from matcher.store import without_password

    return without_password(url)


@main.command(name="import")
@click.argument("what", type=click.Choice(RECORDS))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--centre", help="Centre of rows that name none.")
@click.option("--keep-good", is_flag=True, help="Keep the good rows of a file with bad ones.")
@click.option("--dry-run", is_flag=True, help="Check only; store nothing.")
@click.option("--rejected", type=click.Path(dir_okay=False, path_type=Path),
              help="Write the rejected rows with their reasons to this CSV file.")
@json_option
@click.pass_context
def import_file(ctx: click.Context, what: str, file: Path, centre: str | None, keep_good: bool,
                dry_run: bool, rejected: Path | None, as_json: bool) -> None:
    """Read WHAT (parties, needs, offers, evidence, judged) from a CSV, XLSX or JSONL file."""
    from matcher import shows, workflow
    from matcher.intake import write_rejected
    from matcher.store import open_store

    shows.check_centre(centre)
    if rejected:
        _check_rejected(rejected, file)
    store = open_store(load_settings().database_url)
    taken = workflow.take_in(store, file, what, keep_good=keep_good, dry_run=dry_run,
                             centre=centre)
    if as_json:
        show_json(shows.taken_in_json(taken, language()))
    else:
        click.echo(shows.taken_in_text(taken, language()))
    if rejected:  # also without rows: an earlier file's would look like this one's
        write_rejected(taken.intake, rejected, language())
    ctx.exit(0 if taken.intake.ok else 2)


def _check_rejected(rejected: Path, file: Path) -> None:
    """Refuse a place for rejected rows that cannot be, before anything is stored."""
    if rejected.resolve() == file.resolve():
        raise InputError("The rejected rows would take the place of {file}; name another file.",
                         file=str(file))
    if not rejected.resolve().parent.is_dir():
        raise InputError("There is no folder {folder} for the rejected rows; nothing was stored.",
                         folder=str(rejected.parent))


@main.command()
@click.argument("what", type=click.Choice(RECORDS))
@click.option("--format", "fmt", type=click.Choice(("csv", "xlsx")), default="csv")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="File to write.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@json_option
def template(what: str, fmt: str, out: Path | None, force: bool, as_json: bool) -> None:
    """Write an empty table for WHAT with a bilingual header and one example row."""
    from matcher.intake import template as make

    path = out or Path(f"{what}.{fmt}")
    if path.exists() and not force:
        raise InputError("{file} is there and may hold your rows; it was left as it is. Name "
                         "another with --out, or write over it with --force.", file=str(path))
    path.write_bytes(make(what, language(), fmt))
    if as_json:
        show_json({"file": path})
    else:
        say("Written: {file}", file=path)


@main.command()
@click.option("--centre", help="Centre code, e.g. STSP; without it: all centres.")
@click.option("--need", "needs", multiple=True, help="Only this need (repeatable).")
@click.option("--text", help="A need typed here instead of stored ones.")
@click.option("--top", type=click.IntRange(1, 1000), help="Matches a need.")
@click.option("--format", "fmt", type=click.Choice(LISTS),
              help="Without it, as the file's ending says, else a table.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="File to write.")
@json_option
def match(centre: str | None, needs: tuple[str, ...], text: str | None,
          top: int | None, fmt: str | None, out: Path | None, as_json: bool) -> None:
    """Rank the offers for a centre's needs and show each match with its evidence."""
    from matcher import shows, workflow

    settings = load_settings()
    shows.check_centre(centre)
    if text is not None and (needs or not text.strip()):
        raise InputError("Give either --text with a need's words or --need ID.")
    space = workflow.open_workspace(settings)
    limit = top or settings.top
    if text:
        found = [workflow.match_text(space, text, centre=centre, top=limit, day=workflow.today())]
    else:
        found = list(workflow.match(space, centre=centre, needs=needs or None, top=limit,
                                    day=workflow.today(), progress=Bar()))
    shows.write_lists(found, space.store, "json" if as_json else fmt or _ending(out), out,
                      language())


def _ending(out: Path | None) -> str:
    """Name the format that a file's ending says; a table where it says none."""
    ending = out.suffix.removeprefix(".").lower() if out else ""
    return ending if ending in LISTS else "table"


@main.command()
@click.option("--serve", is_flag=True, help="Open the page on the sample afterwards.")
@click.option("--centre", default="STSP", show_default=True, help="Centre to show.")
@json_option
def demo(serve: bool, centre: str, as_json: bool) -> None:
    """Load the embedded sample, print a match list, write a report, measure the ranking."""
    from matcher import demonstration, shows

    shows.check_centre(centre)
    space = demonstration.load_sample(load_settings(), Bar())
    shown = demonstration.show(space, load_settings(), centre, language(), Bar())
    if as_json:
        show_json(shown.as_json())
    else:
        click.echo(shown.as_text(language()))
    if serve:
        _serve(demonstration.sample_settings(load_settings()), entrance=True)


@main.command()
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on.")
def serve(host: str | None, port: int | None) -> None:
    """Serve the page with waitress."""
    _serve(load_settings(), host, port)


def _serve(settings: Settings, host: str | None = None, port: int | None = None,
           entrance: bool = False) -> None:
    """Listen; print a link that lets the first person in, where nobody has an account yet."""
    from waitress import serve as listen

    from matcher import accounts
    from matcher.sessions import store_of
    from web import create_app

    address, number = host or settings.address[0], port or settings.address[1]
    if entrance or not accounts.has_people(store_of(settings)):
        secret = accounts.entrance(store_of(settings), datetime.now(UTC))
        say("Open http://{host}:{port}/enter/{secret} to enter as system administrator (once)",
            host=address, port=number, secret=secret)
    say("Open http://{host}:{port} (stop with Ctrl+C)", host=address, port=number)
    listen(create_app(settings, warm=True), host=address, port=number, threads=4, ident="matcher")


@main.command()
@json_option
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Check settings, database, encoder, ranker and page; say what to do about each fault."""
    from matcher.doctor import examine

    findings = examine(load_settings())
    if as_json:
        show_json([f.as_json(language()) for f in findings])
    else:
        click.echo("\n".join(f.as_text(language()) for f in findings))
    ctx.exit(0 if all(f.ok for f in findings) else 1)


@main.group()
def config() -> None:
    """Settings."""


@config.command(name="show")
@json_option
def config_show(as_json: bool) -> None:
    """Show every setting, its value and where the value comes from."""
    settings = load_settings()
    rows = [{"name": f"MATCHER_{row.name}", "value": shown_value(row.name, settings),
             "origin": settings.origins[row.name], "unit": row.unit, "meaning": row.meaning}
            for row in SETTINGS]
    if as_json:
        show_json(rows)
    else:
        for row in rows:
            origin, meaning = (translate(row[key], language()) for key in ("origin", "meaning"))
            click.echo(f"{row['name']:<27} {row['value']:<40} {origin:<12} {meaning}")


def shown_value(name: str, settings: Settings) -> str:
    """Give a setting's value as it may be shown: secrets and passwords hidden."""
    value = settings.values[name]
    if name.endswith(("SECRET_KEY", "CLIENT_SECRET")) and value:
        return "•••"
    if name == "DB":
        return shown_url(settings.database_url)
    return value


main.add_command(account)
main.add_command(mail)
main.add_command(drafts)
main.add_command(remind)
main.add_command(search)
main.add_command(evaluate)
main.add_command(works)
main.add_command(why)
main.add_command(team)
main.add_command(bundle)
main.add_command(coach)
main.add_command(outcome)
main.add_command(decisions)
main.add_command(market)
main.add_command(assign)
main.add_command(ranker)
main.add_command(what_if)
main.add_command(model)
main.add_command(report)
main.add_command(train)
