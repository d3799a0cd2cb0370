"""The command that measures: folders of judged data, judged pairs, comparisons, nested choices."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from matcher.cli.base import Bar, json_option, language, say, show_json
from matcher.errors import InputError
from matcher.settings import Settings, load_settings

if TYPE_CHECKING:
    from matcher.evaluation import Measurement
    from matcher.judgements import Judged

Files = tuple[Path | None, Path | None]


@click.command()
@click.argument("folder", required=False, metavar="[DIR]",
                type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--judged", is_flag=True, help="The judged pairs in the store; so without DIR.")
@click.option("--sample", is_flag=True, help="The judged pairs of the embedded sample.")
@click.option("--encoder", "alone", is_flag=True,
              help="Measure the encoder alone: also translations, similarity, expertise ratings.")
@click.option("--nested", is_flag=True, help="Expertise ratings: nested cross-validation of how "
              "texts are joined and what words weigh, beside the fixed configuration.")
@click.option("--model", "name", help="Another encoder: a folder or hub id, or “embedded”.")
@click.option("--save", type=click.Path(dir_okay=False, path_type=Path),
              help="Write each need's values and what made them to this JSON file.")
@click.option("--against", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Compare with a saved run: paired interval, randomisation test, needs.")
@json_option
def evaluate(folder: Path | None, judged: bool, sample: bool, alone: bool, nested: bool,
             name: str | None, save: Path | None, against: Path | None, as_json: bool) -> None:
    """Measure ranking on DIR or judged pairs: nDCG@10, MRR@10, recall@100, P@1 with intervals.

    DIR is a BEIR folder or a folder of expertise ratings. Without DIR the judged pairs in the
    store are measured, also by language, language pair, centre, offer kind and theme.
    """
    if sum((folder is not None, judged, sample)) > 1:
        raise InputError("Give one of DIR, --judged and --sample.")
    if folder is None and (alone or nested):
        raise InputError("--encoder and --nested measure a folder: give DIR.")
    if nested and (alone or save or against):
        raise InputError("--nested goes without --encoder, --save and --against.")
    settings = _settings(name)
    if folder is None:
        _show_judged(settings, sample, (save, against), as_json)
    elif nested:
        _show_nested(folder, settings, as_json)
    elif alone and not (save or against):
        _show_encoder(folder, settings, as_json)
    else:
        _show_folder(folder, settings, alone, (save, against), as_json)


def _settings(name: str | None) -> Settings:
    """Give the settings, with another encoder where one is named."""
    from matcher.encoders import source_of

    settings = load_settings()
    if name is None:
        return settings
    return replace(settings, values={**settings.values, "ENCODER": source_of(name) or ""})


def _show_judged(settings: Settings, sample: bool, files: Files, as_json: bool) -> None:
    from matcher import demonstration, judgements, workflow

    space = (demonstration.load_sample(settings, Bar()) if sample
             else workflow.open_workspace(settings))
    old = _load(files)
    found = judgements.measure_judged(space, "Sample" if sample else "Judged pairs",
                                      workflow.today(), against=old, progress=Bar())
    _show(found, old, files, as_json)


def _show_folder(folder: Path, settings: Settings, alone: bool, files: Files, as_json: bool
                 ) -> None:
    from matcher.encoding import load_encoder
    from matcher.evaluation import measure_folder
    from matcher.judgements import Judged
    from matcher.workflow import today

    old = _load(files)
    found = measure_folder(folder, load_encoder(settings.encoder), today(), alone=alone,
                           against=old)
    _show(Judged(found, ()), old, files, as_json)


def _load(files: Files) -> Measurement | None:
    from matcher.evaluation import paired

    return paired.load(files[1]) if files[1] else None


def _show(found: Judged, old: Measurement | None, files: Files, as_json: bool) -> None:
    """Show a measurement and its comparison; write it last, so that a full disk loses nothing."""
    from matcher import shows_evaluation as shows
    from matcher.evaluation import paired

    compared = paired.compare(found.measurement, old) if old else None
    parts = (found.measurement, found.slices, compared)
    if as_json:
        show_json(shows.measurement_json(*parts))
    else:
        click.echo(shows.measurement_text(*parts, language()))
    if files[0]:
        paired.save(found.measurement, files[0])
        if not as_json:
            say("Written: {file}", file=files[0])


def _show_encoder(folder: Path, settings: Settings, as_json: bool) -> None:
    from matcher import shows
    from matcher.encoding import load_encoder
    from matcher.evaluation import evaluate_encoder

    figures = evaluate_encoder(load_encoder(settings.encoder), folder)
    if as_json:
        show_json(shows.figures_json(folder.resolve().name, figures))
    else:
        click.echo(shows.figures_text(folder.resolve().name, figures))


def _show_nested(folder: Path, settings: Settings, as_json: bool) -> None:
    from matcher import shows_evaluation as shows
    from matcher.encoding import load_encoder
    from matcher.evaluation.nested import measure_nested, read_rated
    from matcher.ranker import load_ranker

    found = measure_nested(read_rated(folder), load_encoder(settings.encoder), load_ranker(), Bar())
    if as_json:
        show_json(shows.nested_json(folder.resolve().name, found))
    else:
        click.echo(shows.nested_text(folder.resolve().name, found, language()))
