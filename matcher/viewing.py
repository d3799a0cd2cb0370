"""A need's list as somebody looks at it: with other weights, and with some offers only.

The list stays what ``workflow.match`` gives; a view turns the weights of its features up or down
and leaves offers out, and says which offers moved. What was computed for the list is kept, so
that a slider costs no more than a new order. Nothing that is only looked at is logged as shown.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from matcher.errors import InputError, MatcherError
from matcher.features import FEATURES
from matcher.pool import Pool
from matcher.ranker import Ranker
from matcher.ranking import Ranking, rescore
from matcher.vocabulary import MatchList, Need, Offer
from matcher.workflow import list_of, make_run, rank_one, track_records
from matcher.workspace import Workspace

STRONGEST = 3.0
ORDERS = ("", "near")
_KM = re.compile("[1-9][0-9]{0,4}")
TRL_BANDS: Mapping[str, tuple[int, int]] = {"1-3": (1, 3), "4-6": (4, 6), "7-9": (7, 9)}


@dataclass(frozen=True, slots=True)
class View:
    """How a list is looked at.

    ``strengths`` multiply the weights of features, 0…3 (1: as they are). An empty filter lets
    every offer through; ``trl`` are bands, "1-3", "4-6" or "7-9". ``within_km`` hides what is
    farther away or nobody knows where; the order "near" puts the shown offers, chosen by score,
    nearest first, each with its rank by score.
    """

    strengths: Mapping[str, float] = field(default_factory=dict)
    kinds: tuple[str, ...] = ()
    themes: tuple[str, ...] = ()
    counties: tuple[str, ...] = ()
    langs: tuple[str, ...] = ()
    trl: tuple[str, ...] = ()
    within_km: int | None = None
    order: str = ""

    @property
    def is_plain(self) -> bool:
        """Say whether this view shows the list as it is."""
        return self == View() or (not any(v != 1 for v in self.strengths.values())
                                  and replace(self, strengths={}) == View())


    @property
    def is_of_place(self) -> bool:
        """Say whether this view asks where offers are, or lets their nearness weigh otherwise."""
        return bool(self.counties or self.within_km or self.order == "near" or self.strengths)


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


def read_view(strengths: Mapping[str, str], within_km: str = "", order: str = "",
              **filters: tuple[str, ...]) -> View:
    """Make a view of what a form sent; raise ``InputError`` naming everything that is wrong."""
    wrong = [key for key in strengths if key not in {f.key for f in FEATURES}]
    numbers = {key: _number(text) for key, text in strengths.items()}
    wrong += [f"{key}={strengths[key]}" for key, number in numbers.items()
              if number is None or not 0 <= number <= STRONGEST]
    wrong += [band for band in filters.get("trl", ()) if band not in TRL_BANDS]
    wrong += [f"order={order}"] if order not in ORDERS else []
    wrong += [f"km={within_km}"] if within_km and not _KM.fullmatch(within_km) else []
    if wrong:
        raise InputError("This view cannot be shown: {wrong}. Strengths go from 0 to {most}, "
                         "distances from 1 to 99999 km.",
                         wrong=", ".join(wrong), most=STRONGEST)
    return View({key: number for key, number in numbers.items() if number is not None}, **filters,
                within_km=int(within_km) if within_km else None, order=order)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def view_list(workspace: Workspace, need: Need, view: View, *, top: int, day: date,
              placeless: Set[str] = frozenset()) -> Viewed:
    """Show a need's list under a view, explained, with the places of the plain list.

    Filters, order and strengths treat ``placeless`` offers as those whose place nobody knows.
    """
    ranking = kept_ranking(workspace, need, day)
    run = make_run(workspace, [need], day, top)
    plain = list_of(workspace, ranking, run, top)
    places: dict[str, int | None] = {m.offer_id: m.rank for m in plain.matches}
    if view.is_plain:
        return Viewed(plain, places)
    other = workspace.with_ranker(strengthen(workspace.ranker, view.strengths))
    seen = _without_places(ranking, workspace.pool(), placeless)
    shown = _passes(workspace.pool().offers, seen.distance_km, view, placeless)
    changed = rescore(seen, workspace.pool(), other.ranker)
    changed = replace(changed, order=changed.order[shown[changed.order]])
    found = _ordered(list_of(other, changed, run, top), view.order)
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


def _without_places(ranking: Ranking, pool: Pool, placeless: Set[str]) -> Ranking:
    """Give a ranking that knows no place of some offers: scores and order would tell it."""
    if not placeless:
        return ranking
    hidden = np.array([offer.offer_id in placeless for offer in pool.offers], bool)
    nearness = np.where(hidden, np.float32(0.5), ranking.features["nearness"])
    distance = np.where(hidden, np.float32(np.nan), ranking.distance_km)
    return replace(ranking, features={**ranking.features, "nearness": nearness},
                   distance_km=distance)


def _passes(offers: tuple[Offer, ...], distance_km: NDArray[np.float32], view: View,
            placeless: Set[str]) -> NDArray[np.bool_]:
    passing = np.array([_passes_one(offer, view) for offer in offers], bool)
    if view.within_km is not None:
        passing &= distance_km <= view.within_km
    if view.counties:
        passing &= np.array([offer.offer_id not in placeless for offer in offers], bool)
    return passing


def _ordered(found: MatchList, order: str) -> MatchList:
    """Put the nearest first, those of unknown place last; of two as near the better one."""
    if order != "near":
        return found
    return replace(found, matches=tuple(sorted(found.matches, key=lambda m: (
        math.inf if m.distance_km is None else m.distance_km, m.rank))))


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
