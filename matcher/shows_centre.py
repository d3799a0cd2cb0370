"""How results on a whole centre look on the command line: the market's table, an assignment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from matcher.assignment import Assignment, Clash
from matcher.languages import render, translate
from matcher.market import POLICIES, Measures

LABELS = {policy.key: policy.label for policy in POLICIES}


def market_json(found: Sequence[Measures], lang: str) -> list[dict[str, Any]]:
    """Give the measures as plain values."""
    return [{**asdict(row), "label": LABELS[row.policy][lang], "envies": row.envies,
             "note": row.note and render(row.note, lang)} for row in found]


def market_text(found: Sequence[Measures], lang: str) -> str:
    """Give the measures as a small table."""
    head = [translate(name, lang) for name in ("expected matches", "envies", "exposure Gini")]
    lines = [" " * 16 + "  ".join(f"{name:>16}" for name in head)]
    for row in found:
        unequal = "-" if row.exposure_gini is None else f"{row.exposure_gini:.3f}"
        lines.append(f"{LABELS[row.policy][lang]:<16}{row.expected_matches:>16.1f}  "
                     f"{row.envies:>16}  {unequal:>16}")
        if row.note:
            lines.append("  " + render(row.note, lang))
    return "\n".join(lines)


def is_assigned(found: Assignment | Clash) -> bool:
    """Say whether there is an assignment at all."""
    return isinstance(found, Assignment)


def assigned_json(found: Assignment | Clash, lang: str) -> dict[str, Any]:
    """Give an assignment, or the rules that clash and what would mend it, as plain values."""
    if isinstance(found, Clash):
        return {"assigned": False, "clash": [render(m, lang) for m in found.messages],
                "changes": [render(c.message, lang) for c in found.changes]}
    return {"assigned": True, "total": found.total, "worst": found.worst, "gap": found.gap,
            "pairs": [asdict(pair) for pair in found.pairs], "alternates": found.alternates,
            "prices": found.prices, "overruns": [asdict(o) for o in found.overruns]}


def assigned_text(found: Assignment | Clash, lang: str) -> str:
    """Give an assignment as lines, or the rules that clash and what would mend it."""
    if isinstance(found, Clash):
        lines = [translate("These rules cannot hold together:", lang)]
        lines += ["  " + render(message, lang) for message in found.messages]
        lines.append(translate("The smallest change that mends it:", lang))
        return "\n".join([*lines, *("  " + render(c.message, lang) for c in found.changes)])
    lines = [f"{pair.need_id} → {pair.offer_id}  {pair.score:.2f}" for pair in found.pairs]
    lines.append(translate("{count} pairs, scores together {total}", lang).format(
        count=len(found.pairs), total=f"{found.total:.2f}"))
    return "\n".join(lines)
