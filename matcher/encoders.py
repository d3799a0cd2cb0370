"""Choosing the encoder: which there are, switching to another, comparing two.

Vectors are stored by encoder, so a switch mixes nothing: everything is encoded anew while the
old vectors go on serving, then the setting is written, and running pages change over whole.
"""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Thread

from matcher.encoding import Encoder, embedded_encoder, open_encoder, revision_of
from matcher.errors import InputError, MatcherError, SettingError
from matcher.evaluation import Figure, evaluate_encoder
from matcher.ranker import load_ranker
from matcher.reference import embedded_data
from matcher.settings import Settings, save_setting
from matcher.store import Store, open_store
from matcher.workspace import Progress, Workspace

log = logging.getLogger(__name__)
EMBEDDED = "embedded"
TIMED_TEXTS = 200
RETRY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Listed:
    """An encoder that can be used: ``source`` as ``matcher model use`` takes it.

    ``megabytes`` is None for a model that is not a folder; ``vectors`` counts what the store
    holds of it.
    """

    source: str
    revision: str
    megabytes: float | None
    vectors: int
    in_use: bool


def list_encoders(settings: Settings, store: Store) -> list[Listed]:
    """List the embedded encoder, the folders in ``HOME/models`` and the one in use."""
    folders = sorted((settings.home / "models").resolve().glob("*/modules.json"))
    sources = [None, *(str(file.parent) for file in folders)]
    sources += [] if settings.encoder in sources else [settings.encoder]
    stored = store.vector_counts()
    return [_listed(source, settings.encoder, stored) for source in sources]


def _listed(source: str | None, used: str | None, stored: dict[str, int]) -> Listed:
    folder = folder_of(source)
    revision = revision_of(folder) if folder else f"hub:{source}"
    vectors = sum(n for name, n in stored.items()
                  if name.rsplit("/", 1)[0].split("+")[0] == revision)
    return Listed(source or EMBEDDED, revision, _megabytes(folder), vectors, source == used)


def folder_of(source: str | None) -> Path | None:
    """Give the folder of an encoder, None for a hub id."""
    folder = embedded_encoder() if source is None else Path(source).expanduser()
    return folder if folder.is_dir() else None


def _megabytes(folder: Path | None) -> float | None:
    if folder is None:
        return None
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) / 1e6


def source_of(name: str) -> str | None:
    """Turn what a person types into a source: ``embedded`` into None, a folder into its path.

    Raises ``InputError`` for what looks like a path and is no folder.
    """
    if name == EMBEDDED:
        return None
    if name and Path(name).expanduser().is_dir():
        return str(Path(name).expanduser().resolve())
    if not name or name.startswith((".", "/", "~")):
        raise InputError("There is no model folder {folder}.", folder=name)
    return name


def card(source: str | None) -> str:
    """Give the README of an encoder's folder; raises ``InputError`` when it has none."""
    folder = folder_of(source)
    file = folder / "README.md" if folder else None
    if file is None or not file.is_file():
        raise InputError("The model {model} has no card (README.md).", model=source or EMBEDDED)
    return file.read_text("utf-8", errors="replace")  # somebody else's, in whatever encoding


def use_encoder(settings: Settings, source: str | None, progress: Progress) -> Encoder:
    """Encode everything with another encoder, then write it into the settings file.

    What is encoded is stored portion by portion, so an interrupted switch goes on where it was
    and changes nothing. The encoder used until now is not needed: it may be broken. Raises
    ``SettingError`` while MATCHER_ENCODER decides.
    """
    if settings.origins["ENCODER"] == "environment":
        raise SettingError("The environment variable MATCHER_ENCODER decides which encoder is "
                           "used; unset it first.")
    encoder = open_encoder(source)
    Workspace(open_store(settings.database_url), encoder,
              load_ranker(settings.ranker)).prepare(progress)
    save_setting(settings.file, "ENCODER", source or "")
    return encoder


class ServingWorkspace:
    """The workspace of a running page, which follows the settings file to another encoder.

    While the new one is made ready in the background the old one goes on serving; a request
    keeps the workspace it began with, so vectors of two encoders never meet. An encoder that
    cannot be used is tried again after a minute.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = Lock()
        self._space: Workspace | None = None
        self._seen: tuple[int, ...] | None = None
        self._next_try = 0.0
        self._change: Thread | None = None

    def get(self) -> Workspace:
        """Give the workspace to use for one request."""
        with self._lock:
            if self._space is None:
                self._seen = self._stamp()
                self._space = Workspace(open_store(self._settings.database_url),
                                        open_encoder(self._wanted()),
                                        load_ranker(self._settings.ranker),
                                        self._settings.threshold)
            elif (self._change is None and self._stamp() != self._seen
                  and time.monotonic() >= self._next_try):
                self._change = Thread(target=self._switch, daemon=True,
                                      args=(self._space, self._wanted(), self._stamp()))
                self._change.start()
            return self._space

    def _stamp(self) -> tuple[int, ...]:
        """Say when the settings file and the site's ranker were written, 0 without a file."""
        files = (self._settings.file, self._settings.home / "models" / "ranker.json")
        return tuple(file.stat().st_mtime_ns if file.is_file() else 0 for file in files)

    def _wanted(self) -> str | None:
        """Read the encoder's setting again; a file that cannot be read changes nothing."""
        if self._settings.origins["ENCODER"] == "environment":
            return self._settings.encoder
        try:
            return self._settings.again().encoder
        except SettingError:
            return self._settings.encoder

    def _switch(self, old: Workspace, source: str | None, stamp: tuple[int, ...]) -> None:
        """Make the new workspace ready, then put it in the old one's place."""
        new, seen = old, self._seen
        try:
            encoder = open_encoder(source)
            new = old.with_ranker(load_ranker(self._settings.ranker))
            if encoder.revision != old.encoder.revision:
                new = new.with_encoder(encoder)
                new.prepare()
            seen = stamp
        except (MatcherError, OSError):
            new = old
            log.exception("the encoder %s or the ranker cannot be used; the old one goes on",
                          source)
        finally:
            with self._lock:
                self._space, self._seen, self._change = new, seen, None
                self._next_try = 0.0 if seen == stamp else time.monotonic() + RETRY_SECONDS


@dataclass(frozen=True, slots=True)
class Compared:
    """One side of a comparison; speed on texts of the sample, all cores, after one warm-up."""

    source: str
    dimensions: int
    megabytes: float | None
    load_seconds: float
    texts_per_second: float
    figures: dict[str, Figure]


def compare(sources: tuple[str | None, str | None], folder: Path) -> list[Compared]:
    """Measure two encoders on one folder of judged data, and their size and speed."""
    return [_measure(source, folder) for source in sources]


def _measure(source: str | None, folder: Path) -> Compared:
    began = time.perf_counter()
    encoder = open_encoder(source)
    loaded = time.perf_counter() - began
    size = _megabytes(folder_of(source))
    return Compared(source or EMBEDDED, encoder.dimensions, size, loaded, speed(encoder),
                    evaluate_encoder(encoder, folder))


def speed(encoder: Encoder) -> float:
    """Give texts per second on evidence texts of the embedded sample."""
    lines = (embedded_data() / "sample" / "evidence.jsonl").read_text("utf-8").splitlines()
    texts = [str(json.loads(line)["text"]) for line in lines[:TIMED_TEXTS]]
    encoder.encode_document(texts[:16])
    began = time.perf_counter()
    encoder.encode_document(texts)
    return len(texts) / (time.perf_counter() - began)
