"""Figures of parts of a judged set: by language, language pair, centre, kind, theme."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from matcher.evaluation.figures import Figure, Grades, Lists, units_of

LEAST_NEEDS = 5
Values = tuple[str | None, ...]
Part = tuple[Sequence[str], Mapping[str, int]]


@dataclass(frozen=True)
class Slicing:
    """One way to cut a judged set; ``values`` names the parts a pair of ids belongs to.

    ``by_offer`` False: a part has some of the needs, each with its whole list, and ``values`` is
    asked with the need alone. True: a part has only some offers of every list, and only their
    grades count. The value None is for those that name none.
    """

    by: str
    values: Callable[[str, str], Values]
    by_offer: bool = False


@dataclass(frozen=True, slots=True)
class Slice:
    """One part: its judged needs, and its figures; None with fewer than five needs."""

    by: str
    value: str | None
    needs: int
    figures: Mapping[str, Figure] | None


def slice_all(lists: Lists, grades: Grades, slicings: Sequence[Slicing]) -> list[Slice]:
    """Measure every part of every slicing; those with most needs come first in each."""
    return [part for slicing in slicings for part in sorted(
        _slices(lists, grades, slicing), key=lambda s: (-s.needs, s.value is None, s.value or ""))]


def _slices(lists: Lists, grades: Grades, slicing: Slicing) -> list[Slice]:
    found: dict[str | None, dict[str, Part]] = defaultdict(dict)
    for need, row in grades.items():
        for value, part in _cut(need, (lists.get(need, ()), row), slicing).items():
            found[value][need] = part
    return [_measured(slicing.by, value, parts) for value, parts in found.items()]


def _measured(by: str, value: str | None, parts: Mapping[str, Part]) -> Slice:
    units = units_of({need: ranked for need, (ranked, _) in parts.items()},
                     {need: row for need, (_, row) in parts.items()})
    enough = len(units.ids) >= LEAST_NEEDS
    return Slice(by, value, len(units.ids), units.figures() if enough else None)


def _cut(need: str, whole: Part, slicing: Slicing) -> Mapping[str | None, Part]:
    """Give the parts a need falls into, each with what belongs there of its list and grades."""
    if not slicing.by_offer:
        return dict.fromkeys(slicing.values(need, ""), whole)
    lists: dict[str | None, list[str]] = defaultdict(list)
    grades: dict[str | None, dict[str, int]] = defaultdict(dict)
    for offer in whole[0]:
        for value in slicing.values(need, offer):
            lists[value].append(offer)
    for offer, grade in whole[1].items():
        for value in slicing.values(need, offer):
            grades[value][offer] = grade
    return {value: (lists[value], row) for value, row in grades.items()}
