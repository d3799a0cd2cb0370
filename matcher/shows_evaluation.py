"""How measurements look on the command line: figures, parts, comparisons, nested choices."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING, Any

from matcher.languages import LANGUAGES, translate
from matcher.reference import centres, terms

if TYPE_CHECKING:
    from matcher.evaluation import Figure, Measurement, Paired, Slice
    from matcher.evaluation.nested import Nested
    from matcher.evaluation.paired import Change, Made

HEADINGS = {
    "language": "By the need's language", "pair": "By language pair: offers in the need's "
    "language alone, and in others alone", "centre": "By the need's centre",
    "kind": "By offer kind: offers of one kind alone", "theme": "By the need's theme",
}
PAIRS = {"same": "same language", "other": "other languages"}
NOT_CHOSEN_BY_IT = ("The fixed configuration was not chosen by this procedure: it is what the "
                    "ranking ships with.")
CELL = 22


def measurement_json(found: Measurement, slices: Sequence[Slice], paired: Paired | None
                     ) -> dict[str, Any]:
    """Give a measurement as plain values; figures of parts are null where needs are too few."""
    value: dict[str, Any] = {"set": found.made.name, "made": asdict(found.made),
                             "metrics": _figures_json(found.units.figures())}
    if slices:
        value["slices"] = [{"by": s.by, "value": s.value, "needs": s.needs,
                            "metrics": _figures_json(s.figures) if s.figures else None}
                           for s in slices]
    return value | ({"comparison": asdict(paired)} if paired else {})


def _figures_json(figures: Mapping[str, Figure]) -> dict[str, Any]:
    return {key: asdict(value) for key, value in figures.items()}


def measurement_text(found: Measurement, slices: Sequence[Slice], paired: Paired | None,
                     lang: str) -> str:
    """Give a measurement as text: figures, parts as tables, the comparison."""
    lines = [f"{translate(found.made.name, lang)} ({len(found.units.ids)})",
             *(f"  {_pad(translate(key, lang), 12)}{value}"
               for key, value in found.units.figures().items())]
    lines += slices_lines(slices, found.units.metrics, lang)
    lines += paired_lines(paired, found.titles, lang) if paired else []
    return "\n".join(lines)


def slices_lines(slices: Sequence[Slice], metrics: Sequence[str], lang: str) -> list[str]:
    """Give one table for each way of cutting."""
    head = _pad(translate("needs", lang), 6) + "".join(_pad(m, CELL) for m in metrics)
    lines = []
    for by, parts in groupby(slices, key=lambda s: s.by):
        rows = [(value_name(by, s.value, lang), _pad(str(s.needs), 6) + _cells(s, lang))
                for s in parts]
        lines += ["", translate(HEADINGS[by], lang), *_table([("", head), *rows])]
    return lines


def _table(rows: Sequence[tuple[str, str]]) -> list[str]:
    """Put labels above each other, and what follows them."""
    width = max(_columns(label) for label, _ in rows)
    return [f"  {_pad(label, width)} {rest}".rstrip() for label, rest in rows]


def _cells(part: Slice, lang: str) -> str:
    if part.figures is None:
        return translate("too few", lang)
    return "".join(_pad(str(figure), CELL) for figure in part.figures.values())


def value_name(by: str, value: str | None, lang: str) -> str:
    """Name a part in the reader's language."""
    if value is None:
        return translate("not named", lang)
    if by == "language":
        return LANGUAGES[value].name if value in LANGUAGES else value
    if by == "pair":
        return translate(PAIRS[value], lang)
    if by == "centre":
        return centres()[value].name[lang] if value in centres() else value
    term = terms({"kind": "offer_kinds", "theme": "themes"}[by]).get(value)
    return term.name[lang] if term else value


def _pad(text: str, width: int) -> str:
    """Fill a text up to a width of columns and one more."""
    return text + " " * (max(width - _columns(text), 0) + 1)


def _columns(text: str) -> int:
    """Count the columns of a terminal a text takes: Han two, a mark above a letter none."""
    return sum(0 if unicodedata.combining(c) or unicodedata.category(c) == "Mn" else
               1 + (unicodedata.east_asian_width(c) in "WF") for c in text)


def paired_lines(found: Paired, titles: Mapping[str, str], lang: str) -> list[str]:
    """Give a comparison: each metric's difference, then the needs that changed most."""
    head = translate("Against {old} ({needs} paired; difference = now − saved)", lang)
    lines = ["", head.format(old=made_name(found.old, lang), needs=found.needs)]
    lines += ["  " + translate("{metric} {old} → {new}  difference {difference}  p {p}  better "
                               "{wins}, equal {ties}, worse {losses}", lang).format(
        metric=_pad(translate(d.metric, lang), 10), old=f"{d.old:.3f}", new=f"{d.new:.3f}",
        difference=d.interval, p=f"{d.p:.4f}", wins=d.wins, ties=d.ties, losses=d.losses)
        for d in found.differences]
    metric = translate(found.differences[0].metric, lang)
    for words, changes in (("Gained most ({metric}):", found.better),
                           ("Lost most ({metric}):", found.worse)):
        lines += [translate(words, lang).format(metric=metric)] if changes else []
        lines += _changes(changes, titles)
    return lines


def made_name(made: Made, lang: str) -> str:
    """Name what made a measurement: set, encoder, ranker, day."""
    ranker = made.ranker or translate("encoder alone", lang)
    return f"{translate(made.name, lang)} · {made.encoder} · {ranker} · {made.day}"


def _changes(changes: Iterable[Change], titles: Mapping[str, str]) -> list[str]:
    return [f"  {c.old:.3f} → {c.new:.3f}  {c.need}  {titles.get(c.need, '')}".rstrip()
            for c in changes]


def nested_json(name: str, found: Nested) -> dict[str, Any]:
    """Give a nested cross-validation as plain values."""
    return {"set": name, "nested": _figures_json(found.figures),
            "fixed": _figures_json(found.fixed), "hindsight": _figures_json(found.hindsight),
            "spread": found.spread, "fixed_chosen_by_nested": False,
            "chosen": [{**asdict(c), "times": n} for c, n in found.chosen.items()],
            "folds": found.folds}


def nested_text(name: str, found: Nested, lang: str) -> str:
    """Give a nested cross-validation as text: three rows of figures, and what was chosen."""
    rows = (("chosen on other reviewers", found.figures), ("fixed configuration", found.fixed),
            ("best in hindsight (flatters)", found.hindsight))
    count = next(iter(found.fixed.values())).queries
    lines = [f"{name} ({count})",
             *_table([("", "".join(_pad(translate(m, lang), CELL) for m in found.fixed)),
                      *((translate(label, lang), "".join(_pad(str(f), CELL)
                         for f in figures.values())) for label, figures in rows)]),
             translate("The loss varies by {spread} (standard deviation) with how reviewers are "
                       "dealt to folds.", lang).format(spread=f"{found.spread:.4f}"),
             translate(NOT_CHOSEN_BY_IT, lang),
             translate("Chosen, of {folds} folds:", lang).format(folds=found.folds)]
    return "\n".join(lines + [
        f"  {n:>4}  " + translate("{join}, words × {weight}", lang).format(
            join=translate(c.join, lang), weight=c.lexical_weight)
        for c, n in found.chosen.items()])
