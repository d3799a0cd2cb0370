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
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote
from urllib.request import Request, urlopen

import numpy as np
from waitress.server import create_server

from matcher import accounts, sessions
from matcher.demonstration import read_sample
from matcher.encoding import load_encoder
from matcher.integrity import read_fairly
from matcher.pool import collect_texts
from matcher.settings import load_settings
from matcher.store import open_store, text_hash
from web import create_app
from web.lists import warm_up

NEEDS, OFFERS, EVIDENCE, CENTRE = 1_000, 5_000, 10, "STSP"
SEED = 20261125
ASKED = 60
PAGES = {
    "start": "/", "centre": "/centres/STSP", "needs": "/needs", "needs, searched": "/needs?q=溫室",
    "offers": "/offers", "offers, searched": "/offers?q=功率元件&kind=capability", "offer": "/offers/{offer}",
    "list, first time": "/needs/{need}", "list, again": "/needs/{need}",
    "slider": "/needs/N00001?w-theme={step}&w-trl={step}", "filter": "/needs/N00001?kinds=capability&trl=4-6",
    "why": "/needs/{need}/why?offer={offer}", "need typed": "/match?text=想找第{number}種溫室降溫的方法，夜溫要低於二十四度。",
    "board": "/board", "reports": "/reports", "accounts": "/accounts", "region": "/region",
}


def build(folder: Path) -> None:
    """Write the database into a folder."""
    chance = random.Random(SEED)
    sample = read_sample()
    sentences = [s for o in sample["offers"] for s in o.description.split("。") if s]
    store = open_store(f"sqlite:///{folder / 'matcher.db'}")
    asked = [s for n in sample["needs"] for s in n.text.split("。") if len(s) > 8]
    needs = [replace(chance.choice(sample["needs"]), need_id=f"N{i:05}", centre=CENTRE,
                     description="。".join(chance.sample(asked, 3))) for i in range(NEEDS)]
    offers = [replace(chance.choice(sample["offers"]), offer_id=f"O{i:05}", centre=CENTRE,
                      description="。".join(chance.sample(sentences, 3))) for i in range(OFFERS)]
    evidence = [replace(chance.choice(sample["evidence"]), evidence_id=f"{o.offer_id}-{j}",
                        offer_id=o.offer_id, text="。".join(chance.sample(sentences, 3)))
                for o in offers for j in range(EVIDENCE)]
    store.put(parties=sample["parties"], needs=needs, offers=offers, evidence=evidence)
    by_offer = [tuple(evidence[EVIDENCE * i : EVIDENCE * (i + 1)]) for i in range(OFFERS)]
    texts = [read_fairly(t.text).text for t in collect_texts(offers, by_offer)]
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


def run(folder: Path) -> None:
    """Serve the folder's database in this process and ask for each page sixty times."""
    settings = load_settings({"MATCHER_HOME": str(folder)})
    app, began = create_app(settings), time.perf_counter()
    warm_up(app).join()
    say(f"all lists made in the background within {time.perf_counter() - began:.0f} s")
    server = create_server(app, host="127.0.0.1", port=0, threads=2)
    threading.Thread(target=server.run, daemon=True).start()
    ask = _browser(settings, f"http://127.0.0.1:{server.effective_port}")
    for name, path in PAGES.items():
        times = []
        for i in range(ASKED):
            began = time.perf_counter()
            ask(quote(path.format(need=f"N{i + 1:05}", offer=f"O{i:05}", step=i % 12 / 4, number=i), safe="/?&=-"))
            times.append(time.perf_counter() - began)
        p50, p95 = np.quantile(times, [0.5, 0.95]) * 1000
        say(f"{name:24} p50 {p50:6.0f} ms   p95 {p95:6.0f} ms")


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _browser(settings, site: str):
    """Give a function that asks for a path as a system administrator."""
    store, now = sessions.store_of(settings), datetime.now(UTC)
    made = accounts.enter(store, accounts.entrance(store, now), now)
    sessions.put(settings, "measured", made.account_id, {"account": made.account_id}, now, now,
                 now + timedelta(days=1))

    def ask(path: str) -> None:
        request = Request(site + path, headers={"Cookie": "session=measured"})
        with urlopen(request) as answer:
            answer.read()

    return ask


if __name__ == "__main__":
    what, where = sys.argv[1], Path(sys.argv[2])
    where.mkdir(parents=True, exist_ok=True)
    os.environ["MATCHER_HOME"] = str(where)
    {"build": build, "run": run}[what](where)
