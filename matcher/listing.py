"""Lists of needs and offers: search that finds two-character words, facets with counts, pages.

A ``Catalogue`` is built once from the records that its reader may see; everything it counts comes
from those alone. Text is folded (NFKC, lower case, Traditional and Simplified alike); a Han term
is found anywhere, a Latin one from the beginning of a word, so that "gan" finds GaN, not organ.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher.access import Viewer, may
from matcher.decisions import STAGE_NAMES
from matcher.errors import InputError
from matcher.languages import LANGUAGES, fold_han, normalise
from matcher.reference import centres, terms
from matcher.store.decisions import latest_decisions
from matcher.vocabulary import STAGES, Evidence, Need, Offer, Party
from matcher.workflow import Workspace

Mask = NDArray[np.bool_]
SORTS = ("newest", "deadline", "title")
LARGEST_PAGE = 200
SNIPPET = 40
NONE = "none"
FACETS: Mapping[str, Mapping[str, str]] = {
    "centre": {"zh": "園區", "en": "Centre"}, "county": {"zh": "縣市", "en": "County"},
    "kind": {"zh": "供給類型", "en": "Kind of offer"}, "theme": {"zh": "產業主題", "en": "Theme"},
    "trl": {"zh": "技術成熟度", "en": "TRL"}, "lang": {"zh": "語言", "en": "Language"},
    "stage": {"zh": "階段", "en": "Stage"}, "party": {"zh": "機構類型", "en": "Organisation"},
    "open": {"zh": "狀態", "en": "State"},
}
WORDS: Mapping[str, Mapping[str, str]] = {
    NONE: {"zh": "未填", "en": "not said"}, "open": {"zh": "開放中", "en": "open"},
    "closed": {"zh": "已截止", "en": "closed"}, "undecided": {"zh": "尚未處理", "en": "undecided"},
}


def fold(text: str) -> str:
    """Give a text as it is searched."""
    return fold_han(normalise(text)).casefold()


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What is asked of a list: words, chosen facet values, order, page (one-based) and its size."""

    text: str = ""
    facets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sort: str = "newest"
    page: int = 1
    size: int = 25

    def to_args(self) -> list[tuple[str, str]]:
        """Give the parameters of an address that shows the same; what is usual is left out."""
        args = [("q", self.text)] if self.text else []
        args += [(key, v) for key in FACETS for v in self.facets.get(key, ())]
        usual = ListQuery()
        return args + [(name, str(getattr(self, name))) for name in ("sort", "page", "size")
                       if getattr(self, name) != getattr(usual, name)]


def read_query(args: Mapping[str, Sequence[str]]) -> ListQuery:
    """Read an address; raise ``InputError`` naming everything that is wrong. Others are ignored."""
    def one(name: str, usual: str) -> str:
        return (list(args.get(name, ())) or [usual])[0]

    numbers = {name: one(name, str(getattr(ListQuery(), name))) for name in ("page", "size")}
    wrong = [f"{name}={text}" for name, text in numbers.items()
             if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 10**6)]
    sort = one("sort", "newest")
    wrong += [f"sort={sort}"] if sort not in SORTS else []
    if wrong:
        raise InputError("This list cannot be shown: {wrong}. Pages count from 1; orders: {sorts}.",
                         wrong=", ".join(wrong), sorts=", ".join(SORTS))
    chosen = {key: tuple(dict.fromkeys(args[key])) for key in FACETS if args.get(key)}
    return ListQuery(one("q", "").strip()[:500], chosen, sort, int(numbers["page"]),
                     min(int(numbers["size"]), LARGEST_PAGE))


@dataclass(frozen=True, slots=True)
class Hit:
    """A record of the page, with text around its first hit; ``marked`` are its offsets there."""

    record: Need | Offer
    snippet: str = ""
    marked: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of a list; ``counts`` maps facets to their values with how many records each has.

    Each facet is counted under the other facets' choices, not its own.
    """

    query: ListQuery
    hits: tuple[Hit, ...]
    total: int
    counts: Mapping[str, Mapping[str, int]]

    @property
    def pages(self) -> int:
        """Give how many pages there are."""
        return max(1, -(-self.total // self.query.size))


class Catalogue:
    """Needs or offers, ready to be searched; build it again when they change."""

    def __init__(self, records: Sequence[Need | Offer], parties: Mapping[str, Party], day: date,
                 evidence: Iterable[Evidence] = (),
                 stages: Mapping[str, str] | None = None) -> None:
        """Fold texts and sort out facets; ``stages`` maps record ids to their best stage."""
        self.records = records
        backing: dict[str, list[str]] = {}
        for item in evidence:
            backing.setdefault(item.offer_id, []).append(item.full_text)
        self._plain = ["\n".join((r.title, r.text, *backing.get(record_id(r), ())))
                       for r in records]
        self._titles = [fold(f"{r.title} {record_id(r)}") for r in records]
        self._texts = [fold(text) for text in self._plain]
        values = [_facets(r, parties, day, stages) for r in records]
        self._masks = {key: _masks([v.get(key, ()) for v in values]) for key in FACETS}

    def list(self, query: ListQuery) -> Listed:
        """Search, filter, count, sort and cut."""
        found, in_title = self._search(query.text)
        passing = {key: self._passing(key, chosen) for key, chosen in query.facets.items()}
        counts = {key: self._count(key, query, found, passing) for key in FACETS}
        rows = np.flatnonzero(np.logical_and.reduce([found, *passing.values()]))
        order = sorted(rows.tolist(),
                       key=lambda i: (not in_title[i], self._sort_key(query.sort, i)))
        start = (query.page - 1) * query.size
        hits = tuple(self._hit(i, query.text) for i in order[start : start + query.size])
        return Listed(query, hits, len(rows), {k: c for k, c in counts.items() if len(c) > 1
                                               or k in query.facets})

    def _search(self, text: str) -> tuple[Mask, Mask]:
        """Mark records that hold all terms, and those that hold one in their title."""
        wanted = parse(text)
        every = np.ones(len(self.records), bool)
        for term in wanted:
            has = np.array([term.is_in(t) or term.is_in(h) for t, h in
                            zip(self._texts, self._titles, strict=True)], bool)
            every &= ~has if term.excluded else has
        named = [t for t in wanted if not t.excluded]
        titled = np.array([any(t.is_in(title) for t in named) for title in self._titles], bool)
        return every, titled if named else np.ones(len(self.records), bool)

    def _passing(self, key: str, chosen: Sequence[str]) -> Mask:
        masks = self._masks[key]
        empty = np.zeros(len(self.records), bool)
        return np.asarray(np.logical_or.reduce([empty, *(masks[v] for v in chosen if v in masks)]))

    def _count(self, key: str, query: ListQuery, found: Mask, passing: Mapping[str, Mask]
               ) -> dict[str, int]:
        others = np.logical_and.reduce([found, *(m for k, m in passing.items() if k != key)])
        counts = {value: int((mask & others).sum()) for value, mask in self._masks[key].items()}
        chosen = query.facets.get(key, ())
        kept = {v: n for v, n in counts.items() if n or v in chosen}
        return dict(sorted(kept.items(), key=lambda item: (-item[1], item[0])))

    def _sort_key(self, sort: str, i: int) -> tuple[object, ...]:
        record = self.records[i]
        if sort == "title":
            return (self._titles[i],)
        if sort == "deadline":
            return (record.valid_to or date.max, record_id(record))
        return (-(record.valid_from or date.min).toordinal(), record_id(record))

    def _hit(self, i: int, text: str) -> Hit:
        """Cut about eighty characters around the first hit outside the title."""
        record, plain = self.records[i], self._plain[i].partition("\n")[2]
        first = next((t for t in parse(text) if not t.excluded), None)
        place = first.place_in(fold(plain)) if first and len(fold(plain)) == len(plain) else -1
        if first is None or place < 0:
            return Hit(record, record.text.partition("\n")[2][: 3 * SNIPPET] or record.title)
        start = max(0, place - SNIPPET)
        lead = "…" if start else ""
        piece = plain[start : place + len(first.text) + SNIPPET].replace("\n", " ")
        at = place - start + len(lead)
        return Hit(record, lead + piece + "…", (at, at + len(first.text)))


def browse_needs(workspace: Workspace, viewer: Viewer, query: ListQuery, day: date) -> Listed:
    """List the needs that a viewer may see, with the stage of their furthest match."""
    store = workspace.store
    seen = [n for n in store.needs() if may(viewer, "see-need", centre=n.centre,
                                            party_id=n.party_id)]
    stages: dict[str, str] = {}
    for decided in latest_decisions(store):
        best = stages.get(decided.need_id)
        if best in (None, "declined") or (decided.stage != "declined" and
                                          STAGES.index(decided.stage) > STAGES.index(str(best))):
            stages[decided.need_id] = decided.stage
    return Catalogue(seen, store.parties(), day, (), stages).list(query)


def browse_offers(workspace: Workspace, viewer: Viewer, query: ListQuery, day: date) -> Listed:
    """List the offers that a viewer may see, found by their evidence too."""
    store = workspace.store
    key = ("offers", store.snapshot(), day)
    whole = workspace.remember(key, lambda: Catalogue(
        store.offers(), store.parties(), day, store.evidence()))
    if may(viewer, "see-offer"):
        return whole.list(query)
    seen = [o for o in whole.records if may(viewer, "see-offer", centre=o.centre,
                                            party_id=o.party_id)]
    return Catalogue(seen, store.parties(), day, store.evidence()).list(query)


@dataclass(frozen=True)
class Term:
    """One folded search term; a Latin one must begin a word."""

    text: str
    excluded: bool = False

    def is_in(self, text: str) -> bool:
        """Say whether a folded text holds the term."""
        return self.place_in(text) >= 0

    def place_in(self, text: str) -> int:
        """Give where a folded text holds the term first; -1 for nowhere."""
        place = text.find(self.text)
        while place > 0 and _WORD.match(self.text[0]) and _WORD.match(text[place - 1]):
            place = text.find(self.text, place + 1)
        return place


_WORD = re.compile(r"[a-z0-9\u00df-\u024f\u1e00-\u1eff]")
_TERMS = re.compile(r'(-?)(?:"([^"]+)"|(\S+))')


def parse(text: str) -> tuple[Term, ...]:
    """Cut a search into terms: words, "quoted phrases", -excluded ones."""
    found = [(minus, fold(quoted or word).strip(' "')) for minus, quoted, word in
             _TERMS.findall(text.replace("“", '"').replace("”", '"').replace("\x00", ""))]
    return tuple(Term(term, bool(minus)) for minus, term in found if term)


def record_id(record: Need | Offer) -> str:
    """Give the id of a need or an offer."""
    return record.need_id if isinstance(record, Need) else record.offer_id


def _facets(record: Need | Offer, parties: Mapping[str, Party], day: date,
            stages: Mapping[str, str] | None) -> dict[str, tuple[str, ...]]:
    party = parties.get(record.party_id or "")
    kinds = (record.kind,) if isinstance(record, Offer) else record.kinds
    found = {"centre": (record.centre or NONE,), "county": (record.county or NONE,),
             "kind": kinds or (NONE,), "theme": record.themes or (NONE,),
             "trl": (_band(record.trl_now),), "lang": (record.lang or NONE,),
             "party": (party.kind if party else NONE,),
             "open": ("closed" if record.valid_to and record.valid_to < day else "open",)}
    if stages is not None:
        found["stage"] = (stages.get(record_id(record), "undecided"),)
    return found


def _band(trl: int | None) -> str:
    return NONE if trl is None else "1-3" if trl <= 3 else "4-6" if trl <= 6 else "7-9"


def _masks(values: Sequence[tuple[str, ...]]) -> dict[str, Mask]:
    masks: dict[str, Mask] = {}
    for i, found in enumerate(values):
        for value in found:
            if value not in masks:
                masks[value] = np.zeros(len(values), bool)
            masks[value][i] = True
    return masks


def label(facet: str, value: str, lang: str) -> str:
    """Name a facet's value in a language."""
    tables = {"kind": "offer_kinds", "theme": "themes", "party": "party_kinds"}
    if value in WORDS:
        return WORDS[value][lang]
    if facet in tables and value in terms(tables[facet]):
        return terms(tables[facet])[value].name[lang]
    if facet == "centre" and value in centres():
        return centres()[value].name[lang]
    if facet == "lang" and value in LANGUAGES:
        return LANGUAGES[value].name
    if facet == "stage" and value in STAGE_NAMES:
        return STAGE_NAMES[value][lang]
    return f"TRL {value}" if facet == "trl" else value


def listed_json(found: Listed, lang: str) -> dict[str, Any]:
    """Give a page of a list as plain values, the same for page, command and address .json."""
    return {"total": found.total, "page": found.query.page, "pages": found.pages,
            "query": dict(found.query.to_args()),
            "facets": {key: [{"value": v, "label": label(key, v, lang), "count": n}
                             for v, n in counts.items()] for key, counts in found.counts.items()},
            "rows": [listed_row(hit) for hit in found.hits]}


def listed_row(hit: Hit) -> dict[str, Any]:
    """Give one hit as plain values."""
    record = hit.record
    return {"id": record_id(record), "title": record.title, "snippet": hit.snippet,
            "centre": record.centre, "county": record.county, "lang": record.lang,
            "themes": list(record.themes), "trl": record.trl_now,
            "kinds": [record.kind] if isinstance(record, Offer) else list(record.kinds),
            "valid_to": record.valid_to and record.valid_to.isoformat()}
