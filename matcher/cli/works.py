"""Command on a file of works: what it tells of, and which of it becomes evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from matcher.cli.base import json_option, language, show_json
from matcher.errors import InputError, RowError
from matcher.languages import render, translate
from matcher.reference import terms
from matcher.settings import load_settings

if TYPE_CHECKING:
    from matcher.intake.works import Proposal, Works

Stored = Mapping[str, int] | None


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--offer", help="Offer that the works support; works it has already are marked.")
@click.option("--confirm", metavar="1,3,5-7|all", help="Numbers to store as the offer's evidence.")
@json_option
@click.pass_context
def works(ctx: click.Context, file: Path, offer: str | None, confirm: str | None,
          as_json: bool) -> None:
    """List the works that FILE tells of (BibTeX, RIS, ORCID, CSL-JSON, DOCX, PDF, text)."""
    from matcher.intake.works import LARGEST_BYTES, read_works

    if confirm and not offer:
        raise InputError("--confirm also needs --offer ID.")
    with file.open("rb") as content:
        found = read_works(content.read(LARGEST_BYTES + 1), file.name)
    stored: Stored = None
    if offer:
        found, stored = confirm_works(found, offer, confirm)
    if as_json:
        show_json(works_json(found, stored, language()))
    else:
        click.echo(works_text(found, stored, language()))
    ctx.exit(2 if any(problem.fatal for problem in found.errors) else 0)


def confirm_works(found: Works, offer: str, numbers: str | None) -> tuple[Works, Stored]:
    """Mark what the offer has already; store the works of these numbers as its evidence."""
    from matcher.intake.works import choose, evidence_of, with_known
    from matcher.store import open_store

    store = open_store(load_settings().database_url)
    marked = with_known(found, store.evidence(store.offer(offer).offer_id))
    if not numbers:
        return marked, None
    chosen = evidence_of(choose(marked.proposals, numbers), offer)
    return marked, asdict(store.put(evidence=chosen)["evidence"])


def works_json(found: Works, stored: Stored, lang: str) -> dict[str, Any]:
    """Give the proposals with their numbers, the problems and what was stored as plain values."""
    return {
        "format": found.format, "place": found.place, "joined": found.joined,
        "proposals": [{"number": n, **asdict(p)} for n, p in enumerate(found.proposals, start=1)],
        "problems": [{"row": p.row, "column": p.column, "found": p.found, "fatal": p.fatal,
                      "wanted": render(p.wanted, lang)} for p in found.errors],
        "stored": stored,
    }


def works_text(found: Works, stored: Stored, lang: str) -> str:
    """Give the problems, the numbered proposals and what was stored, each on its line."""
    lines = [_problem_line(problem, found.place, lang) for problem in found.errors]
    lines += [_proposal_line(n, p, lang) for n, p in enumerate(found.proposals, start=1)]
    lines.append(translate("{works} works found ({format}); {joined} more told of the same works.",
                           lang).format(works=len(found.proposals), format=found.format,
                                        joined=found.joined))
    lines.append(translate("Nothing was stored.", lang) if stored is None else translate(
        "{inserted} works stored as evidence, {updated} changed, {unchanged} unchanged.",
        lang).format(**stored))
    return "\n".join(lines)


def _problem_line(problem: RowError, place: str, lang: str) -> str:
    text = translate("{place} {row}, {column}: found “{found}”; {wanted}", lang).format(
        place=translate(place, lang), row=problem.row, column=problem.column,
        found=problem.found[:60], wanted=render(problem.wanted, lang))
    return text if problem.fatal else translate("warning", lang) + ": " + text


def _proposal_line(number: int, proposal: Proposal, lang: str) -> str:
    marks = [terms("evidence_kinds")[proposal.kind].name[lang], str(proposal.year or ""),
             f"doi:{proposal.doi}" if proposal.doi else "",
             translate("with abstract", lang) if proposal.text else "",
             translate("already known as {id}", lang).format(id=proposal.known)
             if proposal.known else ""]
    return f"{number:>4}  {proposal.title}  ({', '.join(filter(None, marks))})"
