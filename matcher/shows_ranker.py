"""How results on the ranker look on the command line."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matcher.features import FEATURES
from matcher.languages import render, translate
from matcher.ranker import Ranker

if TYPE_CHECKING:
    from matcher.learning.whatif import WhatIf
    from matcher.tuning import Trained

FIGURES = ("logged", "self_normalised", "doubly_robust", "gain")


def ranker_json(found: Ranker, file: Path | None) -> dict[str, Any]:
    """Give the weights as plain values; ``file`` None: the embedded ranker."""
    return {"revision": found.revision, "file": file, "intercept": found.intercept,
            "weights": {f.key: found.weight(f) for f in FEATURES}}


def ranker_text(found: Ranker, file: Path | None, lang: str) -> str:
    """Give the weights as a small table."""
    head = f"{found.revision}  {file or translate('embedded', lang)}"
    return "\n".join([head, *(f"  {found.weight(f):>7.2f}  {f.key:<10} {f.label[lang]}"
                              for f in FEATURES)])


def trained_json(found: Trained) -> dict[str, Any]:
    """Give a training's result as plain values."""
    return {"installed": found.installed, "better": found.comparison.better,
            "judged_needs": found.judged_needs, "logged_lists": found.logged_lists,
            "kept_out_needs": found.comparison.needs, "old": found.comparison.old,
            "new": found.comparison.new, "difference": asdict(found.comparison.difference),
            "weights": dict(found.ranker.weights), "revision": found.ranker.revision}


def trained_text(found: Trained, old: Ranker, lang: str) -> str:
    """Give a training's result as sentences and the weights side by side."""
    lines = [translate("Learned from {needs} judged needs and {lists} shown lists.", lang).format(
        needs=found.judged_needs, lists=found.logged_lists)]
    lines += [f"  {old.weight(f):>7.2f} → {found.ranker.weight(f):>6.2f}  {f.label[lang]}"
              for f in FEATURES]
    compared = found.comparison
    lines.append(translate("nDCG@10 on {needs} needs kept out: {old} → {new}, difference "
                           "{difference}.", lang).format(
        needs=compared.needs, old=f"{compared.old:.3f}", new=f"{compared.new:.3f}",
        difference=compared.difference))
    outcome = ("The new ranker is in use; `matcher ranker back` goes back." if found.installed else
               "Better, but nothing was installed (--dry-run)." if compared.better else
               "Not surely better, so the old ranker stays.")
    return "\n".join([*lines, translate(outcome, lang)])


def what_if_json(found: WhatIf, lang: str) -> dict[str, Any]:
    """Give an estimate, or why there is none, as plain values."""
    return {**asdict(found), "refusals": [render(m, lang) for m in found.refusals]}


def what_if_text(found: WhatIf, lang: str) -> str:
    """Give an estimate, or why there is none, as lines."""
    lines = [translate("{lists} shown lists of {needs} needs, {reactions} helpful outcomes.",
                       lang).format(lists=found.lists, needs=found.needs,
                                    reactions=found.reactions)]
    lines += [render(message, lang) for message in found.refusals]
    lines += [f"  {translate(name.replace('_', ' '), lang)}: {getattr(found, name)}"
              for name in FIGURES if getattr(found, name) is not None]
    if not found.refusals:
        lines.append(translate("Only the offers of these lists count, in another order; what other "
                               "weights would list instead of them nobody has seen.", lang))
    return "\n".join(lines)
