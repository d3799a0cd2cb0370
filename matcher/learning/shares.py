"""How much of the static channel a text's vector takes, chosen on held-out text.

Every choice is measured by top-1 accuracy: translations of each language, a paper's title
against all abstracts in English, in Chinese, and from one to the other. The best mean is taken
among the choices that leave English nearly as the transformer orders it: the static channel
helps across languages and blurs English, where the transformer is as good as its teacher. Of
choices that are nearly as good, the one with the least of it in other languages: it finds
translations, but knows no word order.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher.encoding.channels import Channels, unit_rows
from matcher.learning.distill import Items, student_vectors
from matcher.learning.heldout import HeldOut
from matcher.learning.sides import Side
from matcher.learning.student import POSITIONS, Student

log = logging.getLogger(__name__)
Floats = NDArray[np.float32]
ENGLISH = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3)
OTHER = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
SATURATION = (0.2, 0.35, 0.5)
AGREEMENT = 0.97
NEARLY = 0.002


@dataclass(frozen=True)
class Parts:
    """Texts before joining: vectors (n, 384) and (n, 256), and the part of new tokens (n,)."""

    context: Floats
    bag: Floats
    new: Floats

    def joined(self, channels: Channels) -> Floats:
        """Join to unit vectors (n, 640)."""
        return channels.join(self.context, self.bag, self.new)


@dataclass(frozen=True)
class Reader:
    """The trained channels and the first new row."""

    student: Student
    static: Floats
    teacher: int

    def read(self, side: Side, first: Any, last: Any) -> Parts:
        """Read rows first…last − 1 of a side as one text each, cut at the transformer's length."""
        items = Items(first, last, np.zeros(len(first), bool))
        context = student_vectors(self.student, side, items, "cpu", POSITIONS)
        ids = [np.asarray(side.ids[a:b], np.int64)
               for a, b in zip(side.offsets[first], side.offsets[last], strict=True)]
        bag = np.stack([self.static[row].sum(axis=0) for row in ids])
        new = np.array([np.mean(row >= self.teacher) for row in ids])
        return Parts(context, bag.astype(np.float32), new.astype(np.float32))


def heldout_parts(reader: Reader, held: HeldOut, sides: tuple[Side, Side]
                  ) -> dict[str, tuple[Parts, Parts]]:
    """Read all held-out text: name of a task → (questions, answers), matched row by row."""
    english, other = sides
    tasks = {code: (reader.read(other, rows, rows + 1), reader.read(english, rows, rows + 1))
             for code, rows in held.pairs.items()}
    if not held.papers:
        return tasks
    titles = np.array([title for title, _ in held.papers])
    ends = np.array([rows[-1] + 1 for _, rows in held.papers])
    title = {name: reader.read(side, titles, titles + 1)
             for name, side in (("en", english), ("zh", other))}
    text = {name: reader.read(side, titles + 1, ends)
            for name, side in (("en", english), ("zh", other))}
    for ask, answer in product(("en", "zh"), repeat=2):
        tasks[f"title {ask} → abstract {answer}"] = (title[ask], text[answer])
    tasks["abstract zh → abstract en"] = (text["zh"], text["en"])
    return tasks


def accuracies(tasks: dict[str, tuple[Parts, Parts]], channels: Channels) -> dict[str, float]:
    """Give the top-1 accuracy of each task, translations as the mean of both directions."""
    found = {}
    for name, (questions, answers) in tasks.items():
        cosines = questions.joined(channels) @ answers.joined(channels).T
        place = np.arange(len(cosines))
        there = (cosines.argmax(axis=1) == place).mean()
        back = (cosines.argmax(axis=0) == place).mean()
        found[name] = float(there if name.startswith("title") else (there + back) / 2)
    return found


def agreement(parts: Parts, channels: Channels) -> float:
    """Correlate the cosines between texts (n) as joined with those of the transformer alone."""
    upper = np.triu_indices(len(parts.new), 1)
    both, alone = parts.joined(channels), unit_rows(parts.context)
    return float(np.corrcoef((both @ both.T)[upper], (alone @ alone.T)[upper])[0, 1])


def choices(first: Channels) -> Iterator[Channels]:
    """Give every choice of the grid."""
    for english, other, saturation in product(ENGLISH, OTHER, SATURATION):
        if english <= other:
            yield replace(first, english=english, other=other, saturation=saturation)


def choose_shares(tasks: dict[str, tuple[Parts, Parts]], first: Channels,
                  grid: Sequence[Channels] | None = None) -> Channels:
    """Give the channels with nearly the best mean accuracy among those that keep English."""
    english = next(iter(tasks.values()))[1]
    kept = [c for c in grid or list(choices(first)) if agreement(english, c) >= AGREEMENT]
    scored = [(float(np.mean(list(accuracies(tasks, c).values()))), number, c)
              for number, c in enumerate(kept)]
    least = max(scored)[0] - NEARLY
    mean, _, chosen = min((row for row in scored if row[0] >= least),
                          key=lambda row: (row[2].other, -row[0], row[1]))
    log.info("shares: %s, mean accuracy %.4f, English agreement %.4f", chosen, mean,
             agreement(english, chosen))
    for name, value in accuracies(tasks, chosen).items():
        log.info("held out, %s: %.4f", name, value)
    return chosen
