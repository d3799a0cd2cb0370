"""``matcher doctor``: is everything in place, and if not, what to do."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from matcher.errors import MatcherError
from matcher.languages import INTERFACE_LANGUAGES, render, translate
from matcher.settings import Settings
from matcher.vocabulary import Message


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing examined: whether it is well, and a sentence."""

    thing: str
    ok: bool
    sentence: Message

    def as_text(self, lang: str) -> str:
        """Give the finding as one line."""
        return f"{'✓' if self.ok else '✗'} {translate(self.thing, lang)}: " + render(
            self.sentence, lang)

    def as_json(self, lang: str) -> dict[str, Any]:
        """Give the finding as plain values."""
        return {"thing": self.thing, "ok": self.ok, "sentence": render(self.sentence, lang)}


def examine(settings: Settings) -> list[Finding]:
    """Examine everything; a fault of one part never hides another."""
    return [_try(thing, check, settings) for thing, check in CHECKS]


def _try(thing: str, check: Callable[[Settings], Message], settings: Settings) -> Finding:
    try:
        return Finding(thing, True, check(settings))
    except MatcherError as problem:
        return Finding(thing, False, problem.message)
    except OSError as problem:
        return Finding(thing, False, Message("{problem}", {"problem": str(problem)}))


def _python(settings: Settings) -> Message:
    return Message("Python {version}, SQLite {sqlite}", {
        "version": ".".join(map(str, sys.version_info[:3])), "sqlite": sqlite3.sqlite_version})


def _home(settings: Settings) -> Message:
    settings.home.mkdir(parents=True, exist_ok=True)
    probe = settings.home / ".write-test"
    probe.write_text("ok", "utf-8")
    probe.unlink()
    return Message("{folder} can be written", {"folder": str(settings.home)})


def _database(settings: Settings) -> Message:
    from matcher.store import open_store

    store = open_store(settings.database_url)
    store.check_writable()
    counts = store.counts()
    return Message("{needs} needs, {offers} offers, {evidence} evidence texts",
                   {key: counts.get(key, 0) for key in ("needs", "offers", "evidence")})


def _encoder(settings: Settings) -> Message:
    from matcher.encoding import load_encoder

    encoder = load_encoder(settings.encoder)
    near = encoder.encode(["溫室濕度感測器", "greenhouse humidity sensor"])
    return Message("{revision}, {dimensions} dimensions, 溫室濕度感測器 ~ greenhouse humidity "
                   "sensor: {cosine}", {"revision": encoder.revision[:12],
                                        "dimensions": encoder.dimensions,
                                        "cosine": f"{float(near[0] @ near[1]):.2f}"})


def _ranker(settings: Settings) -> Message:
    from matcher.ranker import load_ranker

    return Message("revision {revision}", {"revision": load_ranker(settings.ranker).revision})


def _catalogues(settings: Settings) -> Message:
    return Message("languages of the page: {languages}",
                   {"languages": ", ".join(INTERFACE_LANGUAGES)})


def _sign_in(settings: Settings) -> Message:
    from matcher.signon import providers

    names = [provider.name for provider in providers(settings)]
    return Message("password, {names}", {"names": ", ".join(names)}) if names else Message(
        "password")


CHECKS: tuple[tuple[str, Callable[[Settings], Message]], ...] = (
    ("Python", _python), ("Home folder", _home), ("Database", _database),
    ("Encoder", _encoder), ("Ranker", _ranker), ("Languages", _catalogues),
    ("Sign-in", _sign_in),
)

