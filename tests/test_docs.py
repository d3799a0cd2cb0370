"""README stays true: every command, setting, kind and centre is named in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from matcher.cli import main
from matcher.reference import centres
from matcher.settings import SETTINGS
from matcher.vocabulary import OFFER_KINDS

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")


@pytest.mark.parametrize("word", [
    *(f"| `{name}" for name in main.commands if name not in ("config", "report", "decisions")),
    "`config show`", "`decisions board`", "`report run`", *(f"`MATCHER_{row.name}`" for row in SETTINGS), *OFFER_KINDS,
    *centres(), "## 繁體中文",
])
def test_readme_names(word):
    assert word in README


def test_defaults_in_readme_are_those_of_the_table():
    for row in SETTINGS:
        if row.name in ("TOP", "THRESHOLD", "LANG", "HOME"):
            assert re.search(rf"`MATCHER_{row.name}` \| `{re.escape(row.default)}`", README), row.name


def test_the_two_commands_are_one_line_each():
    lines = README.splitlines()
    assert sum(line.endswith("/matcher demo") for line in lines) == 1
    assert sum(line.endswith("/pytest") for line in lines) == 1


def test_the_picture_is_there():
    picture = re.search(r"!\[.+\]\((.+)\)", README)[1]
    assert (Path(__file__).parent.parent / picture).stat().st_size > 10_000
