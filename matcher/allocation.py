"""Verbs on a whole centre: what its lists would bring as a market, and who is assigned to whom."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher.assignment import Assignment, Clash, GroupRule, Limits, Problem, Side, solve
from matcher.eligibility import exclusions
from matcher.errors import InputError, UnknownRecordError
from matcher.market import Market, Measures, compare_lists
from matcher.ranking import Circumstances, Query, Ranking, rank
from matcher.reference import place
from matcher.store import Store
from matcher.vocabulary import Need, Offer, is_open
from matcher.workflow import circumstances_of
from matcher.workspace import Progress, Workspace, silent

CANDIDATES = 50


@dataclass(frozen=True)
class Centre:
    """A centre's needs ranked against all offers; the arrays are (n_needs, n_offers).

    ``interest`` is the score as the need sees the offer, ``welcome`` as the offer sees the
    need, both 0…1 and NaN where the pair is not eligible.
    """

    needs: tuple[Need, ...]
    offers: tuple[Offer, ...]
    interest: NDArray[np.float64]
    welcome: NDArray[np.float64]


def rank_centre(workspace: Workspace, centre: str | None, day: date,
                progress: Progress = silent) -> Centre:
    """Rank all offers for every need of a centre (None: of all centres)."""
    needs, pool = workspace.store.needs(centre), workspace.pool(progress)
    vectors = workspace.embed([need.text for need in needs], "query", progress)
    queries = [Query(n, v, place(n.centre, n.county)) for n, v in zip(needs, vectors, strict=True)]
    shape = (len(needs), len(pool.offers))
    interest, welcome = np.full(shape, np.nan), np.full(shape, np.nan)
    found = rank(queries, pool, workspace.ranker, circumstances_of(workspace, day))
    for row, ranking in enumerate(found):
        interest[row], welcome[row] = _both_sides(ranking)
        progress("match", row + 1, len(needs))
    return Centre(tuple(needs), pool.offers, interest, welcome)


def _both_sides(ranking: Ranking) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    ok = ranking.eligible
    return np.where(ok, ranking.scores, np.nan), np.where(ok, ranking.welcome, np.nan)


def compare_market(workspace: Workspace, centre: str | None, day: date, shown: int | None = 10,
                   capacity: int = 3, progress: Progress = silent) -> tuple[Measures, ...]:
    """Measure one-sided, product and market lists of a centre: matches, envies, exposure.

    ``capacity`` is how many needs one offer can serve; a need takes one offer.
    """
    found = rank_centre(workspace, centre, day, progress)
    market = Market(found.interest, found.welcome.T, 1, capacity)
    return compare_lists(market, shown)


@dataclass(frozen=True)
class Rules:
    """What an assignment must keep; loads are (least, most) pairs.

    ``verdicts`` maps (need id, offer id) to +1 (forced) or -1 (never); ``floor`` is the lowest
    sum of scores any need may end with.
    """

    per_need: tuple[int, int] = (0, 1)
    per_offer: tuple[int, int] = (0, 3)
    floor: float | None = None
    verdicts: Mapping[tuple[str, str], int] = field(default_factory=dict)
    groups: tuple[GroupRule, ...] = ()


def read_verdicts(forced: Iterable[tuple[str, str]], never: Iterable[tuple[str, str]]
                  ) -> dict[tuple[str, str], int]:
    """Give the verdict on each pair; raise ``InputError`` for one that must be and must not."""
    wanted, barred = set(forced), set(never)
    for need, offer in sorted(wanted & barred):
        raise InputError("Need {need} and offer {offer} cannot be forced together and kept apart "
                         "at once.", need=need, offer=offer)
    return dict.fromkeys(barred, -1) | dict.fromkeys(wanted, 1)


GROUPED_BY = ("county", "kind", "theme", "size", "party-kind")


def read_group(text: str) -> tuple[str, str, int, int | None]:
    """Read ``FIELD=VALUE:LEAST[-MOST]``; the value may hold colons and hyphens.

    Raises ``InputError`` for anything else, for an unknown field, and for LEAST above MOST.
    """
    found = re.fullmatch(r"([\w-]+)=(.+):(\d+)(?:-(\d+))?", text.strip())
    if not found:
        raise InputError("“{found}” is no group rule; wanted FIELD=VALUE:LEAST-MOST, e.g. "
                         "county=屏東縣:2-9", found=text)
    name, value, least, most = found.groups()
    _check_field(name)
    if most is not None and int(most) < int(least):
        raise InputError("“{found}”: at least {least} but at most {most}.", found=text,
                         least=least, most=most)
    return name, value, int(least), None if most is None else int(most)


def _check_field(name: str) -> None:
    if name not in GROUPED_BY:
        raise InputError("Offers are not grouped by “{found}”; wanted one of: {wanted}",
                         found=name, wanted=", ".join(GROUPED_BY))


def group_rule(store: Store, field_name: str, value: str, least: int, most: int | None = None,
               priced: bool = False) -> GroupRule:
    """Make a rule over all offers of one county, kind, theme, or kind or size of party.

    ``priced`` makes it an exposure floor whose price in score is told. Raises ``InputError``
    for an unknown field, and for a value that no offer has.
    """
    _check_field(field_name)
    parties = store.parties()
    values = {o.offer_id: grouped_values(o, parties.get(o.party_id or ""), field_name)
              for o in store.offers()}
    members = frozenset(offer_id for offer_id, found in values.items() if value in found)
    if not members:
        known = sorted({v for found in values.values() for v in found if v})
        raise InputError("No offer has {field} “{value}”; there are: {known}", field=field_name,
                         value=value, known=", ".join(known) or "–")
    return GroupRule(f"{field_name}={value}", "offer", members, least, most, priced=priced)


def grouped_values(offer: Any, party: Any, name: str) -> tuple[str, ...]:
    """Give what an offer is grouped by, one of ``GROUPED_BY``; "" where it is not known.

    ``offer`` has county, kind and themes, ``party`` (None: unknown) county, kind and size: records
    of the store, or a report's entries.
    """
    if name == "theme":
        return tuple(offer.themes)
    of_party = {key: getattr(party, key, None) for key in ("county", "kind", "size")}
    values = {"county": offer.county or of_party["county"], "kind": offer.kind,
              "size": of_party["size"], "party-kind": of_party["kind"]}
    return (values[name] or "",)


def assign(workspace: Workspace, centre: str | None, day: date, rules: Rules,
           seconds: float = 60.0, progress: Progress = silent) -> Assignment | Clash:
    """Assign offers to a centre's needs: the highest sum of mutual scores under every rule.

    Left out are only pairs that no best assignment needs. Raises ``UnknownRecordError`` for a
    verdict on records that are not there.
    """
    found = rank_centre(workspace, centre, day, progress)
    need, offer = _candidates(found, rules)
    _refuse_barred(found, rules.verdicts, circumstances_of(workspace, day))
    needs = Side(tuple(n.need_id for n in found.needs), *_loads(found.needs, rules.per_need, day))
    offers = Side(tuple(o.offer_id for o in found.offers),
                  *_loads(found.offers, rules.per_offer, day))
    mutual = np.sqrt(np.nan_to_num(found.interest * found.welcome))[need, offer]
    verdict = np.array([rules.verdicts.get((needs.ids[i], offers.ids[j]), 0)
                        for i, j in zip(need, offer, strict=True)], np.int64)
    return solve(Problem(needs, offers, need, offer, mutual, verdict, rules.groups, rules.floor),
                 Limits(seconds))


def _loads(records: Sequence[Need | Offer], load: tuple[int, int], day: date
           ) -> NDArray[np.int64]:
    """Give least and most of each record, (2, n): no rule asks for pairs of what is not open."""
    are_open = [is_open(r.valid_from, r.valid_to, day) for r in records]
    return np.outer(load, are_open).astype(np.int64)


def _refuse_barred(found: Centre, verdicts: Mapping[tuple[str, str], int],
                   circumstances: Circumstances) -> None:
    """Refuse to force a pair that must not be matched, with every reason."""
    needs, offers = ({n.need_id: n for n in found.needs}, {o.offer_id: o for o in found.offers})
    for (need_id, offer_id), verdict in verdicts.items():
        reasons = exclusions(needs[need_id], offers[offer_id], circumstances.day,
                             circumstances.banned) if verdict > 0 else ()
        if reasons:
            raise InputError("Need {need} and offer {offer} cannot be forced together: {reason}.",
                             need=need_id, offer=offer_id, reason=reasons[0])


def _candidates(found: Centre, rules: Rules) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give the pairs that may be assigned, as places of needs and offers, (n_pairs,) each."""
    score = np.nan_to_num(found.interest * found.welcome, nan=-1.0)
    kept, enough = np.zeros(score.shape, bool), _enough(score.shape, rules)
    for places in _treated_alike(found.offers, rules.groups):
        best = np.argsort(-score[:, places], axis=1, kind="stable")[:, :enough]
        np.put_along_axis(kept, places[best], True, axis=1)
    kept &= score >= 0
    needs = {n.need_id: i for i, n in enumerate(found.needs)}
    offers = {o.offer_id: j for j, o in enumerate(found.offers)}
    for need_id, offer_id in rules.verdicts:
        if need_id not in needs:
            raise UnknownRecordError("need", need_id)
        if offer_id not in offers:
            raise UnknownRecordError("offer", offer_id)
        kept[needs[need_id], offers[offer_id]] = True
    rows, columns = np.nonzero(kept)
    return rows.astype(np.int64), columns.astype(np.int64)


def _enough(shape: tuple[int, int], rules: Rules) -> int:
    """Say how many offers that every rule treats alike a need wants at most.

    However many are filled by the other needs, are never allowed or are its own: a better one that
    has load left could take the place of any offer beyond these. Where offers must have a load,
    any pair may be wanted.
    """
    needs, offers = shape
    barred = Counter(need_id for (need_id, _), verdict in rules.verdicts.items() if verdict < 0)
    filled = (needs - 1) * rules.per_need[1] // max(rules.per_offer[1], 1)
    wanted = rules.per_need[1] + filled + max(barred.values(), default=0)
    return offers if rules.per_offer[0] else max(CANDIDATES, wanted)


def _treated_alike(offers: tuple[Offer, ...], groups: tuple[GroupRule, ...]
                   ) -> list[NDArray[np.intp]]:
    """Give the places of offers that are members of just the same groups."""
    alike: dict[tuple[bool, ...], list[int]] = {}
    for spot, offer in enumerate(offers):
        alike.setdefault(tuple(offer.offer_id in g.members for g in groups), []).append(spot)
    return [np.array(places, np.intp) for places in alike.values()]
