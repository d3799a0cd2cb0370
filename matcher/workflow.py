"""The verbs people use: take in, match, record an outcome.

The only place where store, encoder and ranking meet: the page, the command line
and the monthly job all call these, so they cannot disagree. Days are passed in;
:func:`today` is for the edges.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from threading import RLock
from typing import Any, TypeVar

import numpy as np

from matcher import intake
from matcher.encoding import Encoder, load_encoder
from matcher.explanation import explain
from matcher.features import Record
from matcher.learning.positions import shuffle_near_ties
from matcher.lexical import count_terms
from matcher.pool import Floats, Pool, build_pool
from matcher.ranker import Ranker, load_ranker
from matcher.ranking import Circumstances, Query, Ranking, rank
from matcher.reference import place
from matcher.scope import choose_scope
from matcher.settings import Settings
from matcher.store import Changes, Store, open_store, text_hash
from matcher.vocabulary import MatchList, Need, Offer, Outcome, Run

TAIPEI = timezone(timedelta(hours=8), "Asia/Taipei")
PORTION = 2000
SENTENCES_KEPT = 100_000
REMEMBERED = 64
TYPED_NEED = "ad-hoc"
# Scores are near-ties within this difference of log-odds: at most 0.025 of a score.
NEAR_TIE = 0.1
SUCCESSES = frozenset({"meeting", "mou", "contract"})
DECIDED = SUCCESSES | {"contacted", "declined"}
Progress = Callable[[str, int, int], None]
T = TypeVar("T")


def today() -> date:
    """Give the present day in Taiwan (UTC+8 all year since 1979)."""
    return datetime.now(TAIPEI).date()


def silent(step: str, done: int, total: int) -> None:
    """Report no progress."""


class Workspace:
    """A store with its encoder and ranker, and what was computed from them.

    Keeps vectors, term counts and the pool of the last snapshot in memory, so that
    a list after an edit costs one text, not all; ``encoded`` counts texts that had to be encoded.
    Threads may share it.
    """

    def __init__(self, store: Store, encoder: Encoder, ranker: Ranker,
                 threshold: float = 0.2) -> None:
        """Keep what lists are made of; an offer scored below ``threshold`` does not fit well."""
        self.store = store
        self.threshold = threshold
        self.encoder = encoder
        self.ranker = ranker
        self._vectors: dict[tuple[str, str], Floats] = {}
        self._counts: dict[str, Any] = {}
        self._pool: tuple[object, Pool] | None = None
        self._sentences: dict[str, Floats] = {}
        self._remembered: dict[object, Any] = {}
        self._lock = RLock()
        self.encoded = 0

    def over(self, store: Store) -> Workspace:
        """Give a workspace over another view of the same store; what was computed goes along."""
        other = self.with_ranker(self.ranker)
        other.store = store
        return other

    def adopt(self, other: Workspace) -> None:
        """Take over the pool that a workspace over another view has made."""
        with self._lock:
            self._pool, self._counts = other._pool, other._counts

    def with_encoder(self, encoder: Encoder) -> Workspace:
        """Give a workspace of another encoder over the same store, counted terms kept."""
        other = Workspace(self.store, encoder, self.ranker, self.threshold)
        other._counts = dict(self._counts)
        return other

    def with_ranker(self, ranker: Ranker) -> Workspace:
        """Give a workspace of another ranker over the same store, all that was computed kept."""
        other = self.with_encoder(self.encoder)
        other.ranker, other._vectors, other._pool = ranker, self._vectors, self._pool
        other._sentences = self._sentences
        return other

    def remember(self, key: object, make: Callable[[], T]) -> T:
        """Give what was made for a key, or make it; the 64 made last are kept."""
        with self._lock:
            if key not in self._remembered:
                self._remembered[key] = make()
                while len(self._remembered) > REMEMBERED:
                    del self._remembered[next(iter(self._remembered))]
            return self._remembered[key]  # type: ignore[no-any-return]

    def prepare(self, progress: Progress = silent) -> None:
        """Encode everything stored, offers with their evidence and needs."""
        self.pool(progress)
        self.embed([need.text for need in self.store.needs()], "query", progress)

    def pool(self, progress: Progress = silent) -> Pool:
        """Give all offers with their texts as of the store's present snapshot."""
        with self._lock:
            without = [(what, sorted(ids)) for what, ids in self.store.left_out.items() if ids]
            snapshot = (self.store.snapshot(), repr(sorted(without)))
            if self._pool is None or self._pool[0] != snapshot:
                built = build_pool(self.store.offers(), self.store.evidence(),
                                   lambda texts: self.embed(texts, "document", progress),
                                   _place_of, self._count)
                self._pool = (snapshot, built)
                self._counts = {t.text: self._counts[t.text] for t in built.texts}
            return self._pool[1]

    def embed(self, texts: Sequence[str], role: str, progress: Progress = silent) -> Floats:
        """Give (n, d) unit rows; only texts never seen by this encoder are encoded.

        ``role`` is ``document`` or ``query``: some encoders treat them differently.
        """
        if not texts:
            return np.zeros((0, self.encoder.dimensions), np.float32)
        keys = {text_hash(text): text for text in texts}
        with self._lock:
            missing = [key for key in keys if (role, key) not in self._vectors]
            self._recall(role, missing)
            new = {key: keys[key] for key in missing if (role, key) not in self._vectors}
            self._encode(role, new, progress)
        return np.stack([self._vectors[role, text_hash(text)] for text in texts])

    def _recall(self, role: str, hashes: Sequence[str]) -> None:
        """Take stored vectors into memory."""
        found = self.store.vectors(f"{self.encoder.revision}/{role}", hashes)
        self._vectors.update({(role, key): vector for key, vector in found.items()})

    def _encode(self, role: str, texts: Mapping[str, str], progress: Progress) -> None:
        """Encode new texts in portions, each stored at once, so that a stop loses little."""
        encode = self.encoder.encode_query if role == "query" else self.encoder.encode_document
        waiting = sorted(texts)
        for start in range(0, len(waiting), PORTION):
            portion = waiting[start : start + PORTION]
            fresh = dict(zip(portion, encode([texts[k] for k in portion]), strict=True))
            self.store.put_vectors(f"{self.encoder.revision}/{role}", fresh)
            self._vectors.update({(role, key): vector for key, vector in fresh.items()})
            self.encoded += len(fresh)
            progress("encode", min(start + PORTION, len(waiting)), len(waiting))

    def _count(self, texts: Sequence[str]) -> Any:
        """Count terms, keeping the rows of texts already seen."""
        from scipy import sparse

        new = [text for text in dict.fromkeys(texts) if text not in self._counts]
        for text, row in zip(new, count_terms(new) if new else (), strict=True):
            self._counts[text] = row
        if not texts:
            return count_terms(())
        return sparse.vstack([self._counts[text] for text in texts], format="csr")

    def embed_sentences(self, found: Sequence[str]) -> Floats:
        """Give (n, d) vectors of sentences shown as evidence, remembered in memory only."""
        if not found:
            return np.zeros((0, self.encoder.dimensions), np.float32)
        with self._lock:
            if len(self._sentences) > SENTENCES_KEPT:
                self._sentences.clear()
            new = [s for s in dict.fromkeys(found) if s not in self._sentences]
            if new:
                self._sentences.update(zip(new, self.encoder.encode(new), strict=True))
            return np.stack([self._sentences[sentence] for sentence in found])


def open_workspace(settings: Settings) -> Workspace:
    """Open the store and load the encoder and the ranker that the settings name."""
    return Workspace(open_store(settings.database_url), load_encoder(settings.encoder),
                     load_ranker(settings.ranker), settings.threshold)


def _place_of(record: Need | Offer) -> tuple[float, float] | None:
    return place(record.centre, record.county)


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
    if dry_run or not (checked.ok or keep_good):
        return TakenIn(checked, None)
    return TakenIn(checked, workspace_store.put(**{what: records})[what])


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
    queries = [Query(n, v, _place_of(n)) for n, v in zip(needs, vectors, strict=True)]
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
    matches = explain(ranking, pool, workspace.ranker, workspace.embed_sentences, top, least)
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
    random = np.random.default_rng(list(seed[:16]))
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
                         workspace.encoder.encode_document)


def rank_one(workspace: Workspace, need: Need, day: date) -> Ranking:
    """Rank all offers for one stored need."""
    return next(rank_all(workspace, [need], day))


def rank_all(workspace: Workspace, needs: Sequence[Need], day: date) -> Iterator[Ranking]:
    """Rank all offers for stored needs, without scope, chance or explanation."""
    vectors = workspace.embed([need.text for need in needs], "query")
    queries = [Query(n, v, _place_of(n)) for n, v in zip(needs, vectors, strict=True)]
    yield from rank(queries, workspace.pool(), workspace.ranker, circumstances_of(workspace, day))


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
