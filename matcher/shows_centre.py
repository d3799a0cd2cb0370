"""How results on a whole centre look on the command line: the market's table, an assignment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from matcher.advice import NeedBundles
from matcher.assignment import OPTIMAL, Assignment, Clash
from matcher.languages import render, translate
from matcher.market import POLICIES, Measures
from matcher.reference import terms
from matcher.store import Store

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
    return {"assigned": True, "state": found.state, "total": found.total, "worst": found.worst,
            "gap": found.gap, "pairs": [asdict(pair) for pair in found.pairs],
            "alternates": found.alternates, "prices": found.prices,
            "overruns": [asdict(o) for o in found.overruns]}


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
    if found.state != OPTIMAL:
        lines.append(translate("The time was up: these pairs may be up to {percent} % below the "
                               "best.", lang).format(percent=f"{100 * found.gap:.2g}"))
    lines += [translate("The rule “{rule}” costs {price} of the scores.", lang).format(
        rule=rule, price=f"{price:.2f}") for rule, price in found.prices.items()]
    return "\n".join(lines)


def bundles_json(found: NeedBundles, lang: str) -> dict[str, Any]:
    """Give a need's bundles as plain values."""
    return {"need_id": found.need.need_id, "bundles": [
        {"offers": dict(b.offers), "score": b.score, "cost_ntd": b.cost_ntd,
         "missing": [render(m, lang) for m in b.missing]} for b in found.bundles]}


def bundles_text(found: NeedBundles, store: Store, lang: str) -> str:
    """Give a need's bundles as lines; say so where no choice is within the budget."""
    lines = [f"{found.need.need_id} {found.need.title}"]
    if not found.bundles:
        lines.append(translate("No bundle of what must be there is within the budget.", lang))
    for number, bundle in enumerate(found.bundles, start=1):
        lines.append(translate("Bundle {number}: scores together {score}, cost NT$ {cost}",
                               lang).format(number=number, score=f"{bundle.score:.2f}",
                                            cost=f"{bundle.cost_ntd:,}"))
        lines += [f"  {terms('offer_kinds')[kind].name[lang]}: {offer_id} "
                  f"{store.offer(offer_id).title}" for kind, offer_id in bundle.offers.items()]
        lines += ["  " + render(message, lang) for message in bundle.missing]
    return "\n".join(lines)
