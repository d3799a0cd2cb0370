"""A workspace that goes on without the records it cannot use, each named with what is wrong."""

from __future__ import annotations

from collections.abc import Sequence

from matcher.errors import MatcherError
from matcher.integrity import read_fairly
from matcher.report.facts import Skipped
from matcher.store import Store
from matcher.store.damage import Key
from matcher.vocabulary import Message
from matcher.workspace import Progress, Workspace, silent

SINGULAR = {"parties": "party", "needs": "need", "offers": "offer", "evidence": "evidence",
            "judged": "judged pair", "conflicts": "conflict", "outcomes": "decision"}
FAULTS = (MatcherError, ValueError)


def prepared(space: Workspace, store: Store, progress: Progress
             ) -> tuple[Workspace, tuple[Skipped, ...]]:
    """Encode everything; leave out what cannot be read or encoded, and name it."""
    batch = space.over(store)
    try:
        batch.pool(progress)
    except FAULTS:
        store = _without_faulty(batch)
        batch = space.over(store)
        batch.pool(progress)
    space.adopt(batch)
    skipped = tuple(Skipped(SINGULAR[what], _named(key), Message("{problem}", {"problem": problem}))
                    for what, faults in sorted(store.left_out.items())
                    for key, problem in sorted(faults.items(), key=repr))
    return batch, skipped


def _named(key: Key) -> str:
    """Name a record by its ids; who judged a pair is nobody's business."""
    return "/".join(str(part) for part in key[:2])


def _without_faulty(batch: Workspace) -> Store:
    """Leave out the offers and the evidence texts that the encoder cannot read."""
    store = batch.store
    for what, texts in (
            ("offers", {o.offer_id: o.text for o in store.offers()}),
            ("evidence", {e.evidence_id: e.full_text for e in store.evidence()})):
        faulty = _faulty(batch, list(texts.items()))
        store = store.without(what, {(key,): problem for key, problem in faulty.items()})
    return store


def _faulty(batch: Workspace, texts: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Find the texts that cannot be encoded, by halves."""
    try:
        batch.embed([read_fairly(text).text for _, text in texts], "document", silent)
    except FAULTS as problem:
        if len(texts) == 1:
            return {texts[0][0]: str(problem)}
        half = len(texts) // 2
        return _faulty(batch, texts[:half]) | _faulty(batch, texts[half:])
    return {}
