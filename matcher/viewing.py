"""A need's list as somebody looks at it: with other weights, and with some offers only.

The list stays what ``workflow.match`` gives; a view turns the weights of its features up or down
and leaves offers out, and says which offers moved. What was computed for the list is kept, so
that a slider costs no more than a new order. Nothing that is only looked at is logged as shown.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from matcher.errors import InputError, MatcherError
from matcher.features import FEATURES
from matcher.ranker import Ranker
from matcher.ranking import Ranking, rescore
from matcher.vocabulary import MatchList, Need, Offer
from matcher.workflow import Workspace, list_of, make_run, rank_one, track_records

STRONGEST = 3.0
TRL_BANDS: Mapping[str, tuple[int, int]] = {"1-3": (1, 3), "4-6": (4, 6), "7-9": (7, 9)}


@dataclass(frozen=True, slots=True)
class View:
    """How a list is looked at.

    ``strengths`` multiply the weights of features, 0…3 (1: as they are). An empty filter lets
    every offer through; ``trl`` are bands, "1-3", "4-6" or "7-9".
    """

    strengths: Mapping[str, float] = field(default_factory=dict)
    kinds: tuple[str, ...] = ()
    themes: tuple[str, ...] = ()
    counties: tuple[str, ...] = ()
    langs: tuple[str, ...] = ()
    trl: tuple[str, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Say whether this view shows the list as it is."""
        return self == View() or (not any(v != 1 for v in self.strengths.values())
                                  and replace(self, strengths={}) == View())


@dataclass(frozen=True, slots=True)
class Viewed:
    """A list under a view; ``places`` maps each listed offer to its place in the plain list.

    A place is None where the plain list's first ``top`` do not hold the offer; ``left_out``
    counts eligible offers that the filters hide.
    """

    found: MatchList
    places: Mapping[str, int | None]
    left_out: int = 0

    def moved(self, offer_id: str, rank: int) -> int | None:
        """Say by how many places an offer rose (> 0) or fell; None where it is new."""
        place = self.places[offer_id]
        return None if place is None else place - rank


def read_view(strengths: Mapping[str, str], **filters: tuple[str, ...]) -> View:
    """Make a view of what a form sent; raise ``InputError`` naming everything that is wrong."""
    wrong = [key for key in strengths if key not in {f.key for f in FEATURES}]
    numbers = {key: _number(text) for key, text in strengths.items()}
    wrong += [f"{key}={strengths[key]}" for key, number in numbers.items()
              if number is None or not 0 <= number <= STRONGEST]
    wrong += [band for band in filters.get("trl", ()) if band not in TRL_BANDS]
    if wrong:
        raise InputError("This view cannot be shown: {wrong}. Strengths go from 0 to {most}.",
                         wrong=", ".join(wrong), most=STRONGEST)
    return View({key: number for key, number in numbers.items() if number is not None}, **filters)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def view_list(workspace: Workspace, need: Need, view: View, *, top: int, day: date) -> Viewed:
    """Show a need's list under a view, explained, with the places of the plain list."""
    ranking = kept_ranking(workspace, need, day)
    run = make_run(workspace, [need], day, top)
    plain = list_of(workspace, ranking, run, top)
    places: dict[str, int | None] = {m.offer_id: m.rank for m in plain.matches}
    if view.is_plain:
        return Viewed(plain, places)
    other = workspace.with_ranker(strengthen(workspace.ranker, view.strengths))
    shown = _passes(workspace.pool().offers, view)
    changed = rescore(ranking, workspace.pool(), other.ranker)
    changed = replace(changed, order=changed.order[shown[changed.order]])
    found = list_of(other, changed, run, top)
    return Viewed(found, {m.offer_id: places.get(m.offer_id) for m in found.matches},
                  int((ranking.eligible & ~shown).sum()))


def kept_ranking(workspace: Workspace, need: Need, day: date) -> Ranking:
    """Rank all offers for a need, or find the ranking made before from the same data."""
    key = (workspace.store.snapshot(), workspace.encoder.revision, workspace.ranker.revision, need,
           day, repr(sorted(track_records(workspace.store, day).items())))
    return workspace.remember(key, lambda: rank_one(workspace, need, day))


def strengthen(ranker: Ranker, strengths: Mapping[str, float]) -> Ranker:
    """Give a ranker whose weights are multiplied; the intercept stays."""
    weights = {f.key: ranker.weight(f) * strengths.get(f.key, 1.0) for f in FEATURES}
    return replace(ranker, weights=weights)


def _passes(offers: tuple[Offer, ...], view: View) -> NDArray[np.bool_]:
    return np.array([_passes_one(offer, view) for offer in offers], bool)


def _passes_one(offer: Offer, view: View) -> bool:
    bands = [TRL_BANDS[band] for band in view.trl]
    return ((not view.kinds or offer.kind in view.kinds)
            and (not view.themes or bool(set(view.themes) & set(offer.themes)))
            and (not view.counties or offer.county in view.counties)
            and (not view.langs or offer.lang in view.langs)
            and (not bands or any(offer.trl_now is not None and low <= offer.trl_now <= high
                                  for low, high in bands)))


def warm(workspace: Workspace, top: int, day: date, pause_s: float = 0.05) -> int:
    """Make every need's list once, so that the first look at it is as quick as the second.

    Fills the pool, the search and the sentences in memory; gives how many lists were made. A list
    that cannot be made is left to the page that asks for it.
    """
    made = 0
    for need in workspace.store.needs():
        try:
            view_list(workspace, need, View(), top=top, day=day)
            made += 1
        except MatcherError:
            continue
        time.sleep(pause_s)  # people come first
    return made
