"""The workspace: a store with its encoder and ranker, and what was computed from them.

Vectors and readings of texts come from the store where it has them, and go there once made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import RLock
from typing import Any, TypeVar

import numpy as np

from matcher.encoding import Encoder
from matcher.forking import stay_here
from matcher.pool import Floats, Pool, build_pool
from matcher.ranker import Ranker
from matcher.reading import (
    ReadText,
    pack,
    read_texts,
    rules,
    split_terms,
    stack_terms,
    unpack,
)
from matcher.reference import place
from matcher.store import Store, text_hash
from matcher.store.readings import SENTENCE, put_readings, put_sentences, readings
from matcher.vectors import VectorCache
from matcher.vocabulary import Need, Offer

PORTION = 2000
ROLES = ("document", "query")
SENTENCES_KEPT = 100_000
REMEMBERED = 64
ATTEMPTS = 5
Progress = Callable[[str, int, int], None]
T = TypeVar("T")


def silent(step: str, done: int, total: int) -> None:
    """Report no progress."""


@dataclass
class _Sentences:
    """Vectors of sentences in memory by text hash; copies of a workspace share all of this.

    ``unkept`` are not stored yet; ``recalled`` says that those stored were taken into memory.
    """

    vectors: VectorCache
    unkept: set[str]
    recalled: bool = False


class Workspace:
    """A store with its encoder and ranker, and what was computed from them.

    Keeps vectors, readings of texts and the pool of the last snapshot in memory, so that
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
        self._vectors = {role: VectorCache(encoder.dimensions) for role in ROLES}
        self._read: dict[str, ReadText] = {}
        self._pool: tuple[object, Pool] | None = None
        self._sentences = _Sentences(VectorCache(encoder.dimensions), set())
        self._unstored: set[tuple[str, str]] = set()
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
            self._pool, self._read = other._pool, other._read

    def with_encoder(self, encoder: Encoder) -> Workspace:
        """Give a workspace of another encoder over the same store, texts read kept."""
        other = Workspace(self.store, encoder, self.ranker, self.threshold)
        other._read = dict(self._read)
        return other

    def with_ranker(self, ranker: Ranker) -> Workspace:
        """Give a workspace of another ranker over the same store, all that was computed kept."""
        other = self.with_encoder(self.encoder)
        other.ranker, other._vectors, other._pool = ranker, self._vectors, self._pool
        other._sentences = self._sentences
        other._unstored = self._unstored
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
        """Encode everything stored, offers with their evidence and needs.

        Once more where something was erased meanwhile: see ``Store.put_vectors``.
        """
        for _ in range(ATTEMPTS):
            since = self.store.last_erasure()
            if self._unstored:
                self._pool = None
            self.pool(progress)
            self.embed([need.text for need in self.store.needs()], "query", progress)
            if self.store.last_erasure() == since:
                self._unstored.clear()  # what nobody asked for again is of texts that are gone
                return

    def pool(self, progress: Progress = silent) -> Pool:
        """Give all offers with their texts as of the store's present snapshot."""
        with self._lock:
            without = [(what, sorted(ids)) for what, ids in self.store.left_out.items() if ids]
            snapshot = (self.store.snapshot(), repr(sorted(without)))
            if self._pool is None or self._pool[0] != snapshot:
                since = self.store.last_erasure()
                built = build_pool(self.store.offers(), self.store.evidence(),
                                   lambda texts: self.embed(texts, "document", progress, since),
                                   place_of, lambda texts: self.read(texts, progress, since))
                self._pool = (snapshot, built)
            return self._pool[1]

    def embed(self, texts: Sequence[str], role: str, progress: Progress = silent,
              since: str | None = None) -> Floats:
        """Give (n, d) unit rows; only texts never seen by this encoder are encoded.

        ``role`` is ``document`` or ``query``: some encoders treat them differently. ``since`` is
        the last erasure when the texts were read from the store, by default the present one.
        The rows are not to be written to.
        """
        if not texts:
            return np.zeros((0, self.encoder.dimensions), np.float32)
        hashes = self._hashes(texts)
        keys = dict(zip(hashes, texts, strict=True))
        with self._lock:
            known = self._vectors[role]
            # Texts that say the same each have a row: what is put as it is asked is not copied.
            known.put(*self._stored(f"/{role}", [key for key in hashes if key not in known]))
            new = {key: text for key, text in keys.items() if key not in known}
            late = [key for key in keys if (role, key) in self._unstored]
            if late or new:
                since = self.store.last_erasure() if since is None else since
                self._store(role, late, since)
                self._encode(role, new, progress, since)
        return known.rows(hashes)

    def _hashes(self, texts: Sequence[str]) -> list[str]:
        """Name texts by their hashes, which those read before have already."""
        read = map(self._read.get, texts)
        return [known.key if known and known.key else text_hash(text)
                for text, known in zip(texts, read, strict=True)]

    def _stored(self, role: str, hashes: Sequence[str]) -> tuple[list[str], Floats]:
        """Give the hashes that have stored vectors, and these; as ``Store.vector_rows``."""
        encoder = self.encoder.revision + role
        return self.store.vector_rows(encoder, hashes, self.encoder.dimensions)

    def _encode(self, role: str, texts: Mapping[str, str], progress: Progress, since: str) -> None:
        """Encode new texts in portions, each stored at once, so that a stop loses little."""
        encode = self.encoder.encode_query if role == "query" else self.encoder.encode_document
        waiting = sorted(texts)
        for start in range(0, len(waiting), PORTION):
            portion = waiting[start : start + PORTION]
            fresh = encode([texts[key] for key in portion])
            self._vectors[role].put(portion, fresh)
            self._store(role, portion, since)
            self.encoded += len(fresh)
            progress("encode", min(start + PORTION, len(waiting)), len(waiting))

    def _store(self, role: str, hashes: Sequence[str], since: str) -> None:
        """Store vectors; those kept back after an erasure are tried again when asked for anew."""
        if not hashes:
            return
        names = {(role, key) for key in hashes}
        rows = dict(zip(hashes, self._vectors[role].rows(hashes), strict=True))
        if self.store.put_vectors(f"{self.encoder.revision}/{role}", rows, since):
            self._unstored -= names
        else:
            self._unstored |= names

    def read(self, texts: Sequence[str], progress: Progress = silent,
             since: str | None = None) -> list[ReadText]:
        """Read texts; those read before, now or by an earlier process, are not read again.

        Only these are kept in memory afterwards. ``since``: as :meth:`embed`.
        """
        with self._lock:
            self._read = self._readings(texts, progress, since)
            return list(map(self._read.__getitem__, texts))

    def count(self, texts: Sequence[str], progress: Progress = silent) -> Any:
        """Count the terms of stored needs as written, (n, HASH_SIZE) sparse; as :meth:`read`."""
        with self._lock:
            found = list(map(self._readings(texts, progress).__getitem__, texts))
        whole = [count if count.text == text else ReadText(text, "", (), split_terms([text])[0])
                 for count, text in zip(found, texts, strict=True)]
        return stack_terms(whole)

    def _readings(self, texts: Sequence[str], progress: Progress, since: str | None = None
                  ) -> dict[str, ReadText]:
        """Give the readings of texts from memory, from the store, or new ones."""
        found = {text: self._read[text] for text in texts if text in self._read}
        new = {text_hash(text): text for text in texts if text not in found}
        for key, content in readings(self.store, rules(), list(new)).items():
            if (read := unpack(key, new[key], content)) is not None:
                found[new[key]] = read
        rest = {key: text for key, text in new.items() if text not in found}
        return found | self._read_new(rest, progress, since)

    def _read_new(self, texts: Mapping[str, str], progress: Progress, since: str | None
                  ) -> dict[str, ReadText]:
        """Read new texts in portions, each stored at once, but for those with parts left out."""
        since = self.store.last_erasure() if texts and since is None else since
        waiting: list[str] = sorted(texts)
        found: dict[str, ReadText] = {}
        for start in range(0, len(waiting), PORTION):
            portion = waiting[start : start + PORTION]
            fresh = dict(zip(portion, read_texts([texts[key] for key in portion]), strict=True))
            found.update((texts[key], read) for key, read in fresh.items())
            put_readings(self.store, rules(), {
                key: pack(read) for key, read in fresh.items() if not read.warnings}, since)
            progress("reading", min(start + PORTION, len(waiting)), len(waiting))
        return found

    def embed_sentences(self, found: Sequence[str], keep: bool = True) -> Floats:
        """Give (n, d) vectors of sentences shown as evidence, remembered in memory.

        :meth:`keep_sentences` stores them later, but for those said not to be kept. They are not
        to be written to.
        """
        if not found:
            return np.zeros((0, self.encoder.dimensions), np.float32)
        hashes = list(map(text_hash, found))
        with self._lock:
            if len(self._sentences.vectors) > SENTENCES_KEPT:
                self._sentences.vectors = VectorCache(self.encoder.dimensions)
                self._sentences.unkept.clear()
                self._sentences.recalled = False
            vectors = self._sentences.vectors  # another thread may begin a new one meanwhile
            if new := {key: s for key, s in zip(hashes, found, strict=True) if key not in vectors}:
                vectors.put(*self._stored(SENTENCE, list(new)))
            if new := {key: s for key, s in new.items() if key not in vectors}:
                vectors.put(list(new), self.encoder.encode(list(new.values())))
                self._sentences.unkept.update(new if keep else ())
            return vectors.rows(hashes)

    def recall_sentences(self) -> None:
        """Take stored vectors of sentences into memory, all at once: up to half of those kept."""
        with self._lock:
            if not self._sentences.recalled:
                self._sentences.vectors.put(*self.store.first_vectors(
                    self.encoder.revision + SENTENCE, SENTENCES_KEPT // 2,
                    self.encoder.dimensions))
                self._sentences.recalled = True

    def encode_rest(self, texts: Sequence[str]) -> Floats:
        """Encode what is left of offers' texts without some sentences, (n, d); not kept."""
        stay_here()
        return self.encoder.encode_document(texts)

    def keep_sentences(self, is_unchanged: Callable[[], bool]) -> None:
        """Store the vectors of sentences encoded so far, if nothing they stand in has gone.

        Asked again once they are stored: what was erased in between must leave no vector behind.
        """
        with self._lock:
            vectors, unkept = self._sentences.vectors, self._sentences.unkept
            known = [key for key in unkept if key in vectors]
            fresh = dict(zip(known, vectors.rows(known), strict=True))
            unkept.clear()
        if fresh and is_unchanged():
            put_sentences(self.store, self.encoder.revision, rules(), fresh)
            if not is_unchanged():
                self.store.drop_vectors(fresh)


def place_of(record: Need | Offer) -> tuple[float, float] | None:
    """Give latitude and longitude of a need or offer, by its centre or county."""
    return place(record.centre, record.county)
