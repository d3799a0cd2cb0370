"""What all commands share: errors as sentences, ``--json``, progress, kinds of arguments."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from datetime import date
from typing import Any

import click

from matcher.cli.help import clicks_words, worded
from matcher.errors import SYSTEM_PROBLEMS, InputError, MatcherError, SettingError, system_message
from matcher.languages import render, translate


class Commands(click.Group):
    """A group whose help, and whose known errors as one sentence, are in the reader's language."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the program with help pages and usage errors in the reader's language."""
        lang = language()
        with clicks_words(lang):
            return click.Group.main(worded(self, lang), *args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; print the sentence of a ``MatcherError`` and leave with its code."""
        try:
            return super().invoke(ctx)
        except MatcherError as problem:
            click.echo(render(problem.message, language()), err=True)
            ctx.exit(problem.exit_code)
        except KeyboardInterrupt:
            click.echo(translate("Interrupted.", language()), err=True)
            ctx.exit(130)
        except OSError as problem:
            if problem.errno not in SYSTEM_PROBLEMS:
                raise
            click.echo(render(system_message(problem), language()), err=True)
            ctx.exit(1)


def language() -> str:
    """Give the language of the command line."""
    from matcher.settings import load_settings

    try:
        return load_settings().lang
    except SettingError:
        value = os.environ.get("MATCHER_LANG", "")
        return value if value in ("zh", "en") else "zh"


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--json``: one JSON document on standard output, nothing else."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(command)


def show_json(value: Any) -> None:
    """Print a value as JSON; NaN and infinity are refused, never printed."""
    click.echo(json.dumps(value, ensure_ascii=False, allow_nan=False, default=str, indent=1))


def say(text: str, **fields: object) -> None:
    """Print a catalogue sentence in the reader's language."""
    click.echo(translate(text, language()).format(**fields))


class Bar:
    """A progress line on standard error with the time left, only where a person watches."""

    def __init__(self) -> None:
        self._begun: dict[str, tuple[float, int]] = {}

    def __call__(self, step: str, done: int, total: int) -> None:
        """Show how far a step is; the line ends when the step does."""
        if sys.stderr.isatty():
            label, left = translate(step, language()), self.seconds_left(step, done, total)
            rest = "" if left is None else "  " + translate("{seconds} s left", language()).format(
                seconds=left)
            click.echo(f"\r{label} {done}/{total}{rest}\x1b[K", nl=done >= total, err=True)

    def seconds_left(self, step: str, done: int, total: int, now: float | None = None
                     ) -> int | None:
        """Estimate the time left from the step's pace so far; None at its beginning and end."""
        now = time.monotonic() if now is None else now
        begun, before = self._begun.setdefault(step, (now, done))
        if done >= total:
            del self._begun[step]
            return None
        pace = (now - begun) / (done - before) if done > before else 0.0
        return round(pace * (total - done)) if pace else None


class Month(click.ParamType[date]):
    """A month written YYYY-MM."""

    name = "YYYY-MM"

    def convert(self, value: Any, param: Any, ctx: Any) -> date:
        """Give the month's first day; refuse anything but YYYY-MM from 2000 to 2099."""
        try:
            first = date.fromisoformat(f"{value}-01")
        except ValueError:
            first = date.min
        if not 2000 <= first.year <= 2099 or len(str(value)) != 7:
            raise InputError("“{value}” is no month; wanted YYYY-MM, e.g. 2026-10.", value=value)
        return first


class Span(click.ParamType[tuple[int, int]]):
    """Two whole numbers, least and most, written 0-3; one number stands for both."""

    name = "LEAST-MOST"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, int]:
        """Give (least, most); refuse anything else, and a least above the most."""
        if isinstance(value, tuple):
            return value
        parts = str(value).split("-")
        if len(parts) > 2 or not all(part.isdecimal() for part in parts):
            raise InputError("“{value}” is no span; wanted least-most, e.g. 0-3.", value=value)
        least, most = int(parts[0]), int(parts[-1])
        if least > most:
            raise InputError("“{value}” is no span; wanted least-most, e.g. 0-3.", value=value)
        return least, most
