"""The walls: who may import whom, and where a library may be used."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = (
    "vocabulary", "errors", "forking", "settings", "languages", "reference", "access", "lexical", "integrity", "reading", "intake",
    "store", "passwords", "accounts", "sessions", "signon", "mail", "features", "ranker", "encoding", "vectors", "pool", "eligibility", "pasting", "ranking", "scope", "assignment", "market",
    "explanation", "cues", "coach", "insight", "frames", "evaluation", "learning", "workspace", "workflow", "judgements", "profiles", "viewing", "decisions", "sheets", "listing", "region", "advice",
    "allocation", "tuning", "encoders", "report", "shows", "shows_centre", "shows_coach", "shows_evaluation", "shows_ranker", "demonstration", "doctor", "cli",
)
ONLY_IN = {
    "store": {"sqlalchemy", "alembic", "sqlite3", "psycopg", "pgvector"},
    "web": {"flask", "flask_wtf", "flask_babel", "werkzeug"},
    "encoding learning": {"torch", "sentence_transformers", "tokenizers", "onnxruntime"},
    "jobs": {"dask", "distributed"},
    "signon": {"authlib", "joserfc"},
}
# The doctor names SQLite's version; the command line starts the page.
ALLOWED = {("doctor", "sqlite3"), ("cli", "web")}
PURE = ("access", "features", "eligibility", "integrity", "cues", "coach", "ranking", "ranker", "assignment", "market", "insight")


def room_of(path: Path) -> str:
    parts = path.relative_to(ROOT).parts
    return "web" if parts[0] == "web" else parts[1].removesuffix(".py")


def imports(source: str) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def breaches(room: str, source: str) -> list[str]:
    found = []
    for name in imports(source):
        top, second = name.split(".")[0], [*name.split("."), ""][1]
        for rooms, libraries in ONLY_IN.items():
            if top in libraries and room not in rooms.split() and (room, top) not in ALLOWED:
                found.append(f"{room} imports {name}")
        if top == "web" and room != "web" and (room, "web") not in ALLOWED:
            found.append(f"{room} imports {name}")
        if room == "web" and top == "matcher" and second in ("store", "encoding", "ranking"):
            found.append(f"web imports {name}")
        if (top == "matcher" and second in ROOMS and room in ROOMS
                and ROOMS.index(second) > ROOMS.index(room)):
            found.append(f"{room} imports {name}, which stands above it")
        if room in PURE and name in ("time", "random", "os", "datetime.datetime"):
            found.append(f"{room} is pure but imports {name}")
    return found


FILES = sorted(p for folder in ("matcher", "web") for p in (ROOT / folder).rglob("*.py")
               if p.name != "__init__.py" or len(p.relative_to(ROOT).parts) > 2)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_file_keeps_to_its_room(path):
    assert breaches(room_of(path), path.read_text("utf-8")) == []


@pytest.mark.parametrize(("room", "source", "breach"), [
    ("ranking", "import sqlalchemy", "ranking imports sqlalchemy"),
    ("features", "from matcher.workflow import match", "stands above"),
    ("workflow", "from flask import request", "workflow imports flask"),
    ("web", "from matcher.store import open_store", "web imports matcher.store"),
    ("ranking", "import time", "ranking is pure"),
    ("cli", "import torch", "cli imports torch"),
])
def test_a_planted_breach_is_found(room, source, breach):
    assert any(breach in found for found in breaches(room, source))


def functions(path: Path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def test_no_function_is_over_fifty_lines_and_no_file_over_four_hundred():
    own = [p for p in FILES if "versions" not in p.parts]
    long_functions = [f"{p.name}:{f.name}" for p in own for f in functions(p)
                      if f.end_lineno - f.lineno + 1 > 50]
    long_files = [p.name for p in own if len(p.read_text("utf-8").splitlines()) > 400]
    assert (long_functions, long_files) == ([], [])


def test_nothing_reads_or_writes_pickles():
    forbidden = ("import pickle", "joblib.load", "torch.load", "trust_remote_code=True",
                 "allow_pickle=True")
    found = [f"{p.name}: {word}" for p in FILES for word in forbidden
             if word in p.read_text("utf-8")]
    assert found == []


@pytest.mark.parametrize("code", [
    "import matcher",
    "from matcher.cli import main; main(['--help'], standalone_mode=False)",
    "from web import create_app; from matcher.settings import load_settings; "
    "create_app(load_settings({'MATCHER_HOME': HOME}))",
    "from matcher.lexical import count_terms; count_terms(['主軸', 'spindle'])",
])
def test_start_up_loads_neither_torch_nor_pandas(code, tmp_path):
    check = (f"HOME={str(tmp_path)!r}\n{code}\nimport sys\n"
             "print([m for m in ('torch', 'pandas', 'sklearn', 'sentence_transformers') if m in sys.modules])")
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True,
                          cwd=ROOT)
    assert done.stdout.splitlines()[-1] == "[]"
