"""Measure pages on one big centre: 1,000 needs × 5,000 offers × 50,000 evidence texts.

    python tests/measure_pages.py build FOLDER     # makes the database (about 2 minutes)
    python tests/measure_pages.py run FOLDER       # serves it, asks, prints p50 and p95 by page

The texts are sentences of the sample in random order, their vectors random unit rows: what a page
costs depends on their number alone. Not collected by pytest; nothing here is a test.
"""

from __future__ import annotations

import os
import random
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from matcher.demonstration import read_sample
from matcher.encoding import load_encoder
from matcher.pool import collect_texts
from matcher.store import open_store, text_hash

NEEDS, OFFERS, EVIDENCE, CENTRE = 1_000, 5_000, 10, "STSP"
SEED = 20261125


def build(folder: Path) -> None:
    """Write the database into a folder."""
    chance = random.Random(SEED)
    sample = read_sample()
    sentences = [s for o in sample["offers"] for s in o.description.split("。") if s]
    store = open_store(f"sqlite:///{folder / 'matcher.db'}")
    needs = [replace(chance.choice(sample["needs"]), need_id=f"N{i:05}", centre=CENTRE,
                     description="。".join(chance.sample(sentences, 3))) for i in range(NEEDS)]
    offers = [replace(chance.choice(sample["offers"]), offer_id=f"O{i:05}", centre=CENTRE,
                      description="。".join(chance.sample(sentences, 3))) for i in range(OFFERS)]
    evidence = [replace(chance.choice(sample["evidence"]), evidence_id=f"{o.offer_id}-{j}",
                        offer_id=o.offer_id, text="。".join(chance.sample(sentences, 3)))
                for o in offers for j in range(EVIDENCE)]
    store.put(parties=sample["parties"], needs=needs, offers=offers, evidence=evidence)
    by_offer = [tuple(evidence[EVIDENCE * i : EVIDENCE * (i + 1)]) for i in range(OFFERS)]
    texts = [t.text for t in collect_texts(offers, by_offer)]
    _store_vectors(store, "document", texts)
    _store_vectors(store, "query", [n.text for n in needs])


def _store_vectors(store, role: str, texts: list[str]) -> None:
    encoder, noise = load_encoder(), np.random.default_rng(SEED)
    keys = list(dict.fromkeys(map(text_hash, texts)))
    rows = noise.standard_normal((len(keys), encoder.dimensions)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    for start in range(0, len(keys), 2000):
        store.put_vectors(f"{encoder.revision}/{role}",
                          dict(zip(keys[start : start + 2000], rows[start : start + 2000], strict=True)))


if __name__ == "__main__":
    what, where = sys.argv[1], Path(sys.argv[2])
    where.mkdir(parents=True, exist_ok=True)
    os.environ["MATCHER_HOME"] = str(where)
    {"build": build}[what](where)
