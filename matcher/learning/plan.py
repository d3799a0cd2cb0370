"""What a training run is, read from a TOML file; the card repeats it."""

from __future__ import annotations

import json
import tomllib
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

from matcher.errors import InputError

# Ranges of numbers; the others are 0 or more. A text of the transformer has 512 places.
LEAST = {"batch": 2, "pairs": 2, "tokens": 16, "longest": 8, "warmup": 1,
         "dimensions": 1, "held_papers": 1, "held_pairs": 1}
MOST = {"longest": 512, "dropout": 0.9, "english": 1.0, "english_spans": 1.0, "mixed": 1.0,
        "spans": 1.0, "average": 1.0, "papers": 4.0}


@dataclass(frozen=True)
class StaticPlan:
    """The static channel: symmetric InfoNCE on bags of tokens.

    A step draws ``batch`` translations of at most ``longest`` tokens, and ``papers`` × ``batch``
    pairs of two parts of one paper of at most ``longest_part``.
    """

    dimensions: int = 256
    steps: int = 3_600
    batch: int = 2_048
    rate: float = 5e-3
    scale: float = 20.0
    longest: int = 48
    dropout: float = 0.1
    papers: float = 0.0
    longest_part: int = 160


@dataclass(frozen=True)
class TransformerPlan:
    """The transformer channel: distillation with in-batch negatives.

    A step draws ``pairs`` items, takes the teacher's vectors of their English and then
    makes one optimiser step for each group of about ``tokens`` tokens. ``english`` is the share
    of English inputs among sentences, ``english_spans`` among spans of papers; ``mixed`` is the
    share of the English sentences whose words are swapped for other languages'.
    """

    steps: int = 1_000
    pairs: int = 1_024
    tokens: int = 4_096
    longest: int = 160
    layer_rate: float = 1e-4
    row_rate: float = 1e-3
    known_rate: float = 5e-5
    warmup: int = 30
    cooldown: int = 150
    scale: float = 20.0
    pull: float = 5.0
    english: float = 0.15
    english_spans: float = 0.5
    mixed: float = 0.0
    spans: float = 0.06
    average: float = 0.998
    checkpoint_minutes: float = 8.0


@dataclass(frozen=True)
class Plan:
    """The whole run. ``data``, ``work`` and ``out`` are folders, relative to the working one.

    ``start``, when given, is a published folder to go on from instead of from nothing; ``edict``
    a dictionary of Japanese words (matcher.learning.edict).
    """

    data: Path
    work: Path
    out: Path
    seed: int = 20261124
    pieces: int = 64_000
    sample: int = 1_200_000
    held_papers: int = 2_000
    held_pairs: int = 500
    start: str = ""
    edict: str = ""
    static: StaticPlan = field(default_factory=StaticPlan)
    transformer: TransformerPlan = field(default_factory=TransformerPlan)


def read_plan(file: Path) -> Plan:
    """Read a TOML file; raise ``InputError`` that names every unknown or ill-typed key at once."""
    problems: list[str] = []
    try:
        found = tomllib.loads(file.read_text("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise _refusal(file, [str(problem)]) from problem
    problems += [f"{key}: missing" for key in ("data", "work", "out") if key not in found]
    parts = {"static": StaticPlan, "transformer": TransformerPlan}
    problems += [f"{key}: wanted a table [{key}]" for key in parts
                 if not isinstance(found.get(key, {}), dict)]
    values = {key: _build(parts[key], value, f"{key}.", problems)
              if key in parts and isinstance(value, dict) else value
              for key, value in found.items()}
    for key in ("data", "work", "out"):
        values[key] = Path(str(values.get(key, "")))
    plan: Plan = _build(Plan, values, "", problems)
    if problems:
        raise _refusal(file, problems)
    return plan


def _refusal(file: Path, problems: list[str]) -> InputError:
    return InputError("The plan {file} cannot be used: {problems}", file=file.name,
                      problems="; ".join(problems))


def _build(kind: Any, values: Any, prefix: str, problems: list[str]) -> Any:
    """Make a plan of known keys; note unknown keys and values of another type."""
    defaults = {f.name: f.default for f in fields(kind)}
    kept = {}
    for key, value in dict(values).items():
        wanted = type(defaults.get(key))
        if key not in defaults:
            problems.append(f"{prefix}{key}: unknown, use one of {', '.join(sorted(defaults))}")
        elif wanted in (int, float) and not _is_number(value, wanted):
            problems.append(f"{prefix}{key}: {value!r} is no {wanted.__name__}")
        elif wanted in (int, float) and not LEAST.get(key, 0) <= value <= MOST.get(key, value):
            problems.append(f"{prefix}{key}: {value} is out of range")
        else:
            kept[key] = value if is_dataclass(value) or wanted is not float else float(value)
    return kind(**kept) if prefix or not problems else None


def _is_number(value: Any, wanted: type) -> bool:
    allowed = (int,) if wanted is int else (int, float)
    return isinstance(value, allowed) and not isinstance(value, bool)


def claim_work(plan: Plan) -> None:
    """Make the work folder, or refuse one that another plan began: its results would be mixed.

    The transformer's part may change between runs: its steps and rates are read anew.
    """
    plan.work.mkdir(parents=True, exist_ok=True)
    file = plan.work / "plan.json"
    mine = {key: str(value) for key, value in asdict(plan).items()
            if key not in ("transformer", "out", "work")}
    if file.is_file() and json.loads(file.read_text("utf-8")) != mine:
        raise InputError("The folder {folder} holds the work of another plan; give this one a "
                         "folder of its own.", folder=str(plan.work))
    file.write_text(json.dumps(mine, indent=1), "utf-8")
