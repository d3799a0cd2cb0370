"""The verbs people use: take in, match, record an outcome.

The only place where store, encoder and ranking meet: the page, the command line
and the monthly job all call these, so they cannot disagree. Days are passed in;
:func:`today` is for the edges.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from datetime import date, datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from matcher import intake
from matcher.encoding import load_encoder
from matcher.errors import InputError
from matcher.explanation import explain
from matcher.features import Record
from matcher.learning.positions import shuffle_near_ties
from matcher.pool import Floats
from matcher.ranker import load_ranker
from matcher.ranking import Circumstances, Query, Ranking, rank
from matcher.scope import choose_scope
from matcher.settings import Settings
from matcher.store import Changes, Store, open_store
from matcher.vocabulary import MatchList, Need, Outcome, Run, together
from matcher.workspace import Progress, Workspace, place_of, silent

TAIPEI = timezone(timedelta(hours=8), "Asia/Taipei")
TYPED_NEED = "ad-hoc"
# Scores are near-ties within this difference of log-odds: at most 0.025 of a score.
NEAR_TIE = 0.1
SUCCESSES = frozenset({"meeting", "mou", "contract"})
DECIDED = SUCCESSES | {"contacted", "declined"}


def today() -> date:
    """Give the present day in Taiwan (UTC+8 all year since 1979)."""
    return datetime.now(TAIPEI).date()


def open_workspace(settings: Settings) -> Workspace:
    """Open the store and load the encoder and the ranker that the settings name."""
    return Workspace(open_store(settings.database_url), load_encoder(settings.encoder),
                     load_ranker(settings.ranker), settings.threshold)


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What became of one file: the checked rows, and what the store changed (None: nothing)."""

    intake: intake.Intake
    changes: Changes | None


def take_in(workspace_store: Store, path: Path, what: str, *, keep_good: bool = False,
            dry_run: bool = False, centre: str | None = None) -> TakenIn:
    """Read, check and store one file; ``centre`` fills in where a row names none.

    Raises ``FileFormatError`` for a file that cannot be read at all and
    ``InputError`` for evidence without its offer; in both cases nothing is kept.
    """
    checked = intake.read(path, what, keep_good=keep_good)
    records = [_with_centre(record, centre) for record in checked.records]
    if not (checked.ok or keep_good):
        return TakenIn(checked, None)
    records = _with_stored(workspace_store, checked, records)
    if dry_run:
        return TakenIn(checked, None)
    return TakenIn(checked, workspace_store.put(**{what: records})[what])


def _with_stored(store: Store, checked: intake.Intake, records: Sequence[Any]) -> list[Any]:
    """Keep what the store knows of a record in columns that the file does not have.

    Raises ``InputError`` naming every record that then contradicts itself.
    """
    what, keys = checked.what, intake.KEYS[checked.what]
    given = {*checked.columns.values(), "extra"}
    if "address" in given:  # the county follows from it
        given.add("county")
    if records and given >= {f.name for f in fields(records[0])}:
        return list(records)
    with store.frozen() as frozen:  # passes over damaged rows
        kept = getattr(frozen, what)()
    known = {tuple(getattr(r, key) for key in keys): r
             for r in (kept.values() if isinstance(kept, Mapping) else kept)}
    completed = [_completed(record, known.get(tuple(getattr(record, key) for key in keys)), given,
                            checked.header) for record in records]
    if wrong := [message for record in completed for message in intake.disorder(what, record)]:
        raise InputError("The file does not fit what is stored; nothing was changed: {problems}",
                         problems=together(wrong))
    return completed


def _completed(record: Any, stored: Any, given: Collection[str], header: Collection[str]) -> Any:
    """Fill fields that were not given, and have their usual value, from the stored record."""
    if stored is None:
        return record
    usual = {f.name: f.default for f in fields(record) if f.default is not MISSING}
    found = {name: getattr(stored, name) for name, value in usual.items()
             if name not in given and getattr(record, name) == value}
    if hasattr(record, "extra"):  # one field for many columns
        old = {name: cell for name, cell in stored.extra.items() if name not in header}
        found["extra"] = {**old, **record.extra}
    return replace(record, **found)


def _with_centre(record: Any, centre: str | None) -> Any:
    unplaced = centre and getattr(record, "centre", "") is None
    return replace(record, centre=centre) if unplaced else record


def match(workspace: Workspace, *, centre: str | None = None, needs: Iterable[str] | None = None,
          top: int | None = 10, day: date, progress: Progress = silent) -> Iterator[MatchList]:
    """Rank the offers for the needs of a centre, or for the named needs, ordered by id.

    Raises ``UnknownRecordError`` for a need that is not in the store.
    """
    listed = ([workspace.store.need(i) for i in needs] if needs is not None
              else list(workspace.store.needs(centre)))
    yield from match_needs(workspace, listed, top=top, day=day, progress=progress)


def match_needs(workspace: Workspace, needs: Sequence[Need], *, top: int | None = 10, day: date,
                progress: Progress = silent) -> Iterator[MatchList]:
    """Rank the offers for stored needs; their vectors are kept."""
    vectors = workspace.embed([need.text for need in needs], "query", progress)
    yield from _rank_needs(workspace, needs, vectors, top, day, progress)


def _rank_needs(workspace: Workspace, needs: Sequence[Need], vectors: Floats, top: int | None,
                day: date, progress: Progress) -> Iterator[MatchList]:
    """Rank the offers for needs with their vectors (n, d), and explain the first ``top``."""
    pool = workspace.pool(progress)
    queries = [Query(n, v, place_of(n)) for n, v in zip(needs, vectors, strict=True)]
    circumstances = circumstances_of(workspace, day)
    run = make_run(workspace, needs, day, top, circumstances.records)
    found = rank(queries, pool, workspace.ranker, circumstances)
    for done, ranking in enumerate(found, start=1):
        progress("match", done, len(needs))
        yield list_of(workspace, ranking, run, top)


def list_of(workspace: Workspace, ranking: Ranking, run: Run, top: int | None,
            least: float = 0.0) -> MatchList:
    """Turn a ranking into a list: scope, near-ties in random order, explanation.

    ``top`` None lists every eligible offer as it was scored; matches scored below ``least`` are
    not explained.
    """
    pool, scope = workspace.pool(), None
    if top is not None:
        order, scope = choose_scope(ranking, pool, top, workspace.threshold)
        ranking = shuffle(replace(ranking, order=order), run, top)
    is_stored = ranking.query.need.need_id != TYPED_NEED  # of a typed need nothing is kept
    matches = explain(ranking, pool, workspace.ranker,
                      partial(workspace.embed_sentences, keep=is_stored), top, least)
    return MatchList(ranking.query.need, matches, run, int(ranking.eligible.sum()),
                     scope.step if scope else "", scope.reason if scope else None)


def shuffle(ranking: Ranking, run: Run, top: int) -> Ranking:
    """Put near-ties of a list into random order, the same one whenever the list is the same.

    Without chance nobody could tell later whether an offer was passed over for its place or for
    its worth. Offers beyond ``top`` and near-copies keep their places.
    """
    head = ranking.order[:top]
    # Of the list alone: a seed that knew of other needs would show that they are there.
    visible = (ranking.query.need.need_id, run.day, run.encoder, run.ranker, head.tolist(),
               ranking.scores[head].round(6).tolist())
    seed = hashlib.sha256(repr(visible).encode()).digest()
    random = np.random.default_rng(np.frombuffer(seed[:16], np.uint8).astype(np.uint32))
    chances = np.clip(ranking.scores[head], 1e-12, 1 - 1e-12)
    odds = np.log(chances) - np.log1p(-chances)
    if (np.diff(odds) > 0).any():  # near-copies were moved: the order is not that of the scores
        return ranking
    places, propensities = shuffle_near_ties(odds, NEAR_TIE, random)
    order = np.concatenate([head[places], ranking.order[top:]])
    return replace(ranking, order=order, propensities=propensities)


def circumstances_of(workspace: Workspace, day: date) -> Circumstances:
    """Give what decides beside texts on a day: conflicts and what became of earlier matches."""
    return Circumstances(day, workspace.store.conflicts(), track_records(workspace.store, day),
                         workspace.encode_rest)


def rank_one(workspace: Workspace, need: Need, day: date) -> Ranking:
    """Rank all offers for one stored need."""
    return next(rank_all(workspace, [need], day))


def rank_all(workspace: Workspace, needs: Sequence[Need], day: date) -> Iterator[Ranking]:
    """Rank all offers for stored needs, without scope, chance or explanation."""
    asked = ask(workspace, needs, day)
    yield from asked.rank(slice(0, len(needs)))


@dataclass(frozen=True)
class Asked:
    """Stored needs ready to be ranked in parts: what the store and the encoder know of them."""

    workspace: Workspace
    queries: Sequence[Query]
    terms: Any
    circumstances: Circumstances

    def rank(self, part: slice, only: Container[int] | None = None) -> Iterator[Ranking]:
        """Rank all offers for some of the needs, without scope, chance or explanation.

        ``only`` names places in the part: as ``ranking.rank``.
        """
        yield from rank(self.queries[part], self.workspace.pool(), self.workspace.ranker,
                        self.circumstances, self.terms[part], only)


def ask(workspace: Workspace, needs: Sequence[Need], day: date) -> Asked:
    """Make stored needs ready to be ranked."""
    texts = [need.text for need in needs]
    vectors, terms = workspace.embed(texts, "query"), workspace.count(texts)
    queries = [Query(n, v, place_of(n)) for n, v in zip(needs, vectors, strict=True)]
    return Asked(workspace, queries, terms, circumstances_of(workspace, day))


def track_records(store: Store, day: date) -> dict[str, Record]:
    """Count, for each offer, the firms it was brought to and those that met it or went on.

    Only what happened up to the end of ``day`` in Taiwan counts, so that an old list can be
    made again. A need without a party counts as a firm of its own.
    """
    decided = store.outcomes(stages=DECIDED)
    needs = store.needs() if decided else ()
    firms = {need.need_id: need.party_id or need.need_id for need in needs}
    known: dict[str, set[str]] = defaultdict(set)
    good: dict[str, set[str]] = defaultdict(set)
    for outcome in decided:
        if outcome.time.astimezone(TAIPEI).date() > day:
            continue
        firm = firms.get(outcome.need_id, outcome.need_id)
        known[outcome.offer_id].add(firm)
        if outcome.stage in SUCCESSES:
            good[outcome.offer_id].add(firm)
    return {offer: Record(len(who), len(good[offer])) for offer, who in known.items()}


def match_text(workspace: Workspace, text: str, *, centre: str | None = None, top: int = 10,
               day: date) -> MatchList:
    """Rank the offers for a need somebody has just typed; nothing of it is stored."""
    need = Need(TYPED_NEED, description=text.strip(), centre=centre)
    vectors = workspace.encoder.encode_query([need.text])
    return next(_rank_needs(workspace, [need], vectors, top, day, silent))


def make_run(workspace: Workspace, needs: Iterable[Need], day: date, top: int | None,
             records: Mapping[str, Record] | None = None, least: float = 0.0) -> Run:
    """Name what makes the lists of some needs; equal inputs give an equal run id.

    Only these needs count, so that the name does not tell of others; ``least`` as in
    :func:`list_of`.
    """
    known = track_records(workspace.store, day) if records is None else records
    digest = hashlib.sha256(repr(sorted(known.items())).encode()).hexdigest()
    asked = hashlib.sha256(repr(sorted(map(repr, needs))).encode()).hexdigest()
    rules = f"top {top}; threshold {workspace.threshold}; records {digest[:8]}"
    rules += f"; explained from {least}" if least else ""
    parts = (workspace.encoder.revision, workspace.ranker.revision,
             f"{workspace.store.snapshot()}-{asked[:8]}")
    run = hashlib.sha256("|".join((*parts, rules, day.isoformat())).encode()).hexdigest()
    return Run(run[:16], *parts, day, rules)


def last_run(store: Store, need_id: str, offer_id: str) -> str | None:
    """Name the run that last showed a pair; None where none did."""
    shown = [o.run_id for o in store.outcomes(need_id, ("shown",)) if o.offer_id == offer_id]
    return shown[-1] if shown else None


def log_shown(store: Store, found: MatchList, time: datetime) -> None:
    """Remember a list of a stored need and that it was shown; a list shown before is known.

    Typed needs are never stored.
    """
    if found.need.need_id != TYPED_NEED and found.matches:
        store.put_shown(found, [Outcome(m.need_id, m.offer_id, "shown", time,
                                        run_id=found.run.run_id) for m in found.matches])
