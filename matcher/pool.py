"""The pool: all offers a need may be ranked against, with their texts side by side."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from matcher.errors import UnknownRecordError
from matcher.lexical import LexicalIndex, group_of
from matcher.reading import ReadText, read_texts, stack_terms
from matcher.vocabulary import Evidence, Message, Offer

Floats = NDArray[np.float32]
Place = tuple[float, float] | None
NEAR_COPY = 0.95
FIRST_PLACES = 10
COPIES_SHOWN = 2
Embed = Callable[[Sequence[str]], Floats]
Read = Callable[[Sequence[str]], Sequence[ReadText]]


class Text(NamedTuple):
    """One text of an offer, as far as it counts; ``evidence_id`` None: the offer's own words.

    ``warnings`` say what was left out of it; ``group`` is its language group, empty where it is
    still to be told from the text. A tuple: made in less than half the time, and there are many.
    """

    offer: int
    text: str
    evidence_id: str | None = None
    lang: str | None = None
    warnings: tuple[Message, ...] = ()
    group: str = ""


@dataclass(frozen=True)
class Pool:
    """Offers and their texts, the texts sorted by offer; every offer has at least one.

    ``vectors`` (n_texts, d) are unit rows, ``counts`` (n_texts, HASH_SIZE) the
    texts' term counts, ``places`` (lat, lng in degrees) or None, one an offer;
    ``evidence`` is each offer's.
    Derived once: ``starts`` and ``sizes`` (n_offers,) cut the texts by offer,
    ``indexes`` holds one lexical index a language group, ``by_id``
    (n_offers,) lists the offers by their ids, ``copies`` (n_offers,) names the first of the
    near-copies of one party, -1 where an offer has none; ``twins`` (2, k) are texts that say the
    same as an earlier one, and the first of these; ``kept`` is what features computed of
    the offers alone.
    """

    offers: tuple[Offer, ...]
    texts: tuple[Text, ...]
    vectors: Floats
    counts: Any
    places: tuple[Place, ...]
    evidence: tuple[tuple[Evidence, ...], ...] = ()
    starts: NDArray[np.intp] = field(init=False)
    sizes: NDArray[np.intp] = field(init=False)
    by_id: NDArray[np.intp] = field(init=False)
    indexes: dict[str, LexicalIndex] = field(init=False)
    copies: NDArray[np.intp] = field(init=False)
    twins: NDArray[np.intp] = field(init=False)
    kept: dict[object, Any] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        owner = np.array([t.offer for t in self.texts], np.intp)
        ids = np.array([o.offer_id for o in self.offers], dtype=str)
        starts = np.searchsorted(owner, np.arange(len(self.offers)))
        derived = {
            "starts": starts,
            "sizes": np.bincount(owner, minlength=len(self.offers)),
            "by_id": np.argsort(ids, kind="stable"),
            "indexes": _index(self.texts, self.counts),
            "copies": near_copies(self.offers, self.vectors[starts]),
            "twins": _twins(self.texts),
            "kept": {},
        }
        for name, value in derived.items():
            object.__setattr__(self, name, value)

    def place_of(self, offer_id: str) -> int:
        """Give the place of an offer; raise ``UnknownRecordError``."""
        for place, offer in enumerate(self.offers):
            if offer.offer_id == offer_id:
                return place
        raise UnknownRecordError("offer", offer_id)

    def texts_of(self, offer: int) -> range:
        """Give the positions of one offer's texts."""
        return range(int(self.starts[offer]), int(self.starts[offer] + self.sizes[offer]))


def _twins(texts: Sequence[Text]) -> NDArray[np.intp]:
    first: dict[str, int] = {}
    places = np.array([first.setdefault(t.text, place) for place, t in enumerate(texts)], np.intp)
    later = np.flatnonzero(places != np.arange(len(places)))
    return np.stack([later, places[later]])


def _index(texts: Sequence[Text], counts: Any) -> dict[str, LexicalIndex]:
    """Build one lexical index for each language group."""
    rows: dict[str, list[int]] = defaultdict(list)
    for position, text in enumerate(texts):
        rows[text.group or group_of(text.text)].append(position)
    return {group: LexicalIndex(np.array(r, np.intp), counts[r], len(texts))
            for group, r in rows.items()}


def near_copies(offers: Sequence[Offer], vectors: Floats) -> NDArray[np.intp]:
    """Group offers of one party whose first texts (n, d) have a cosine of 0.95 or more.

    Gives (n,): the place of the first of each group, -1 for an offer without near-copies.
    """
    groups = np.full(len(offers), -1, np.intp)
    owned: dict[str, list[int]] = defaultdict(list)
    for place, offer in enumerate(offers):
        if offer.party_id:
            owned[offer.party_id].append(place)
    for places in (np.array(p) for p in owned.values() if len(p) > 1):
        alike = vectors[places] @ vectors[places].T >= NEAR_COPY
        copied = alike.sum(axis=1) > 1
        groups[places[copied]] = places[alike.argmax(axis=1)[copied]]
    return groups


def spread_copies(order: NDArray[np.intp], copies: NDArray[np.intp]) -> NDArray[np.intp]:
    """Let at most two of each group of near-copies into the first ten places.

    ``order`` (k,) are offers, best first; ``copies`` (n_offers,) their groups, -1 for none.
    """
    if (copies[order[:FIRST_PLACES]] < 0).all():
        return order
    first = np.flatnonzero(first_copies(order, copies))[:FIRST_PLACES]
    return np.concatenate([order[first], np.delete(order, first)])


def first_copies(order: NDArray[np.intp], copies: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Mark, in order (k,), offers that have no near-copies or are the first two of theirs."""
    marks = np.ones(len(order), bool)
    seen: dict[int, int] = {}
    for place in np.flatnonzero(copies[order] >= 0).tolist():
        group = int(copies[order[place]])
        seen[group] = seen.get(group, 0) + 1
        marks[place] = seen[group] <= COPIES_SHOWN
    return marks


def build_pool(offers: Iterable[Offer], evidence: Iterable[Evidence], embed: Embed,
               places: Callable[[Offer], Place], read: Read = read_texts) -> Pool:
    """Put offers and evidence together; ``embed`` gives (n, d) unit rows for n texts.

    Evidence of offers that are not in ``offers`` is left out. An offer without
    any text keeps its place with one empty text, so that nobody is dropped unseen.
    """
    listed = tuple(offers)
    supports = _by_offer(listed, evidence)
    found = list(_as_written(listed, supports))
    reading = read([text for _, text, _, _ in found])
    texts = tuple([Text(offer, own.text, evidence_id, lang, own.warnings, own.group)
                   for (offer, _, evidence_id, lang), own in zip(found, reading, strict=True)])
    words = [t.text for t in texts]
    vectors = np.asarray(embed(words), np.float32).reshape(len(words), -1 if words else 1)
    if silent := [place for place, word in enumerate(words) if not word.strip()]:
        vectors = vectors.copy()
        vectors[silent] = 0  # says nothing: near to nothing
    return Pool(listed, texts, vectors, stack_terms(reading), tuple(places(o) for o in listed),
                supports)


def _by_offer(offers: Sequence[Offer], evidence: Iterable[Evidence]
              ) -> tuple[tuple[Evidence, ...], ...]:
    """Give each offer's evidence that says anything."""
    found: dict[str, list[Evidence]] = defaultdict(list)
    for item in evidence:
        if item.text.strip() or item.full_text.strip():
            found[item.offer_id].append(item)
    return tuple(tuple(found.get(offer.offer_id, ())) for offer in offers)


def collect_texts(offers: Sequence[Offer], evidence: Sequence[Sequence[Evidence]]
                  ) -> tuple[Text, ...]:
    """List every text of every offer as written, the offer's own first, sorted by offer."""
    return tuple(Text(*written) for written in _as_written(offers, evidence))


def _as_written(offers: Sequence[Offer], evidence: Sequence[Sequence[Evidence]]
                ) -> Iterator[tuple[int, str, str | None, str | None]]:
    """Give the offer, words, evidence id and language of every text."""
    for position, (offer, found) in enumerate(zip(offers, evidence, strict=True)):
        if offer.text.strip() or not found:
            yield position, offer.text, None, offer.lang
        for item in found:
            yield position, item.full_text, item.evidence_id, item.lang
