"""Help pages and usage errors of the command line in the reader's language.

Our own texts are keys of the catalogues; click's are looked up by gettext, in the same ones.
"""

from __future__ import annotations

import gettext
import os
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from inspect import cleandoc

import click

from matcher.languages import CATALOGUES, LANGUAGES, translate


@contextmanager
def clicks_words(lang: str) -> Iterator[None]:
    """Let click say its own words in a language; English ones stay where there is no other."""
    before = os.environ.get("LANGUAGE")
    gettext.bindtextdomain("messages", str(CATALOGUES))  # click asks for gettext's usual domain
    os.environ["LANGUAGE"] = LANGUAGES[lang].locale or "en"
    try:
        yield
    finally:
        if before is None:
            del os.environ["LANGUAGE"]
        else:
            os.environ["LANGUAGE"] = before


def worded(command: click.Command, lang: str) -> click.Command:
    """Give a command, with all below it, whose help is in a language."""
    own = copy(command)
    own.help = own.help and translate(cleandoc(own.help), lang)
    if own.help and lang == "zh":  # click looks for a full stop; these sentences have another
        own.short_help = own.help.split("。")[0].split("\n")[0]
    own.params = [_worded_option(p, lang) for p in own.params]
    if isinstance(own, click.Group):
        own.commands = {name: worded(c, lang) for name, c in own.commands.items()}
    return own


def _worded_option(param: click.Parameter, lang: str) -> click.Parameter:
    own = copy(param)
    if isinstance(own, click.Option) and own.help:
        own.help = translate(own.help, lang)
    return own
