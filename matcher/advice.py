"""Verbs on one need: why an offer stands where it stands, and which team covers the need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from matcher.eligibility import exclusions, reaches, reaches_centre
from matcher.errors import InputError
from matcher.explanation import Explainer, compare, need_sentences
from matcher.insight import (
    Bundle,
    Facet,
    Team,
    aspect_coverage,
    form_bundles,
    form_team,
)
from matcher.pool import Pool
from matcher.ranking import Ranking
from matcher.vocabulary import Match, Message, Need, Offer
from matcher.workflow import circumstances_of, match_text, rank_one
from matcher.workspace import Workspace

CANDIDATES = 60


@dataclass(frozen=True, slots=True)
class Why:
    """One offer for one need: the match, or why there can be none; and the offers around it.

    ``match.rank`` counts among all eligible offers; ``around`` are the offers just above and
    below, best first, with their scores.
    """

    need: Need
    offer: Offer
    match: Match | None
    reasons: tuple[Message, ...] = ()
    around: tuple[tuple[str, float], ...] = ()

    @property
    def is_out_of_reach(self) -> bool:
        """Say whether the offer is kept to another centre than the need's."""
        return not reaches(self.offer, self.need)


def found_by(workspace: Workspace, draft: Need, centre: str | None, top: int, day: date
             ) -> tuple[Match, ...]:
    """List what a draft would find among the offers that reach ``centre``: it may name any."""
    found = match_text(workspace, draft.text, centre=draft.centre, top=top, day=day)
    offers = {offer.offer_id: offer for offer in workspace.pool().offers}
    return tuple(m for m in found.matches if reaches_centre(offers[m.offer_id], centre))


def why(workspace: Workspace, need_id: str, offer_id: str, day: date) -> Why:
    """Explain one pair, whether it was listed or not; raise ``UnknownRecordError``."""
    need, offer = workspace.store.need(need_id), workspace.store.offer(offer_id)
    ranking = rank_one(workspace, need, day)
    pool = ranking.honest or workspace.pool()
    place = pool.place_of(offer_id)
    if not ranking.eligible[place]:
        conflicts = circumstances_of(workspace, day).banned
        return Why(need, offer, None, exclusions(need, offer, day, conflicts))
    order = ranking.order.tolist()
    rank = order.index(place) + 1
    compared = compare(ranking, pool, [place, *order[:10]], workspace.embed_sentences)
    nearest = compared[1].best
    for other in compared[2:]:
        nearest = nearest.clip(other.best)
    match = Explainer(ranking, pool, workspace.ranker, [place]).match(place, rank, compared[0],
                                                                      nearest)
    return Why(need, offer, match, (), _around(ranking, pool, rank))


def _around(ranking: Ranking, pool: Pool, rank: int, each_side: int = 2
            ) -> tuple[tuple[str, float], ...]:
    near = ranking.order[max(0, rank - 1 - each_side) : rank + each_side].tolist()
    return tuple((pool.offers[i].offer_id, float(ranking.scores[i])) for i in near)


@dataclass(frozen=True, slots=True)
class NeedTeam:
    """A team for a need: its aspects, members' offer ids, and who covers each aspect."""

    need: Need
    aspects: tuple[str, ...]
    members: tuple[str, ...]
    covered_by: tuple[str | None, ...]
    value: float

    @property
    def uncovered(self) -> tuple[str, ...]:
        """Give the aspects nobody of the team covers."""
        return tuple(a for a, who in zip(self.aspects, self.covered_by, strict=True) if not who)


def team(workspace: Workspace, need_id: str, day: date, most: int = 4,
         kinds: Sequence[str] = ()) -> NeedTeam:
    """Find the smallest team of at most ``most`` offers that covers a need's sentences.

    ``kinds`` are kinds of party that must be in it where there is one (firm, university …).
    """
    need = workspace.store.need(need_id)
    ranking = rank_one(workspace, need, day)
    pool = ranking.honest or workspace.pool()
    aspects = need_sentences(need)
    coverage = aspect_coverage(workspace.embed_sentences(aspects), pool)
    parties = workspace.store.parties()
    chosen = ranking.order[:CANDIDATES].tolist()
    owners = {i: parties.get(pool.offers[i].party_id or "") for i in chosen}
    found = form_team(coverage, chosen, most, wanted=kinds, conflicts=_conflicts(workspace, pool,
                      chosen), kinds={i: p.kind for i, p in owners.items() if p})
    return _named(need, aspects, found, pool)


def _conflicts(workspace: Workspace, pool: Pool, chosen: Sequence[int]) -> list[tuple[int, int]]:
    """Give the pairs of offers whose parties declared a conflict, or are one and the same."""
    banned = {frozenset((c.party_id, c.other_party_id)) for c in workspace.store.conflicts()}
    party = {i: pool.offers[i].party_id for i in chosen}
    return [(i, j) for i in chosen for j in chosen if i < j and party[i] and party[j]
            and (party[i] == party[j] or frozenset((party[i], party[j])) in banned)]


def _named(need: Need, aspects: tuple[str, ...], found: Team, pool: Pool) -> NeedTeam:
    ids = {i: pool.offers[i].offer_id for i in found.members}
    return NeedTeam(need, aspects, tuple(ids.values()),
                    tuple(None if i is None else ids[i] for i in found.covered_by), found.value)


@dataclass(frozen=True, slots=True)
class NeedBundles:
    """The best bundles of offers, one for each kind a need asks for, within its budget."""

    need: Need
    bundles: tuple[Bundle, ...]


def bundles(workspace: Workspace, need_id: str, day: date, must: Sequence[str] = (),
            most: int = 3) -> NeedBundles:
    """Find the best bundles for a need: one offer of each kind it names, in budget and open.

    ``must`` are kinds without which there is no bundle; the others are left out where the
    budget does not reach. Raises ``InputError`` for a need that names no kind, or for a kind
    in ``must`` that it does not name.
    """
    need = workspace.store.need(need_id)
    strange = [kind for kind in must if kind not in need.kinds]
    if strange or not need.kinds:
        raise InputError("A bundle takes one offer of each kind that the need names; need {need} "
                         "names: {kinds}; asked for besides: {strange}", need=need_id,
                         kinds=", ".join(need.kinds) or "–", strange=", ".join(strange) or "–")
    ranking = rank_one(workspace, need, day)
    pool = workspace.pool()
    scores = {pool.offers[i].offer_id: float(ranking.scores[i]) for i in ranking.order}
    offers = {o.offer_id: o for o in pool.offers if o.offer_id in scores}
    facets = [Facet(kind, kind in must, {key: score for key, score in scores.items()
                                         if offers[key].kind == kind}) for kind in need.kinds]
    return NeedBundles(need, form_bundles(facets, offers, need.budget_max_ntd, day, most))
