"""Lists of needs and offers: search that finds two-character words, facets with counts, pages.

A ``Catalogue`` is built once from a side's records; a list of it is made, and counted, of the
records its viewer may see and of no others. Text is folded (NFKC, case, Traditional and
Simplified alike); a Han term is found anywhere, a Latin one from the beginning of a word, so that
"gan" finds GaN, not organ. Each term reads the texts of the records that earlier terms left.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from matcher.access import Viewer, may, may_somewhere
from matcher.decisions import STAGE_NAMES
from matcher.errors import InputError
from matcher.languages import LANGUAGES, fold_han, normalise
from matcher.reference import centres, counties, fold_county, terms
from matcher.store import Store
from matcher.store.decisions import latest_decisions
from matcher.vocabulary import STAGES, Evidence, Need, Offer, Party
from matcher.workspace import Workspace

Mask = NDArray[np.bool_]
SORTS = ("newest", "deadline", "title")  # what a page offers; the others need more to be there
ORDERS = (*SORTS, "trl", "score")
LARGEST_PAGE, LONGEST_SEARCH, SNIPPET = 200, 500, 40
NONE = "none"
OWN_PARTS = 3
_NUMBER = re.compile("[1-9][0-9]{0,6}")
_HIDDEN = re.compile("[\u00ad\u061c\u180e\u200c-\u200f\ufe00-\ufe0f]")
_LINE = re.compile(r"\s")
_SPACES = re.compile(r"[^\S ]\s*|\s{2,}")
_WORD = re.compile(r"[a-z0-9\u00df-\u024f\u1e00-\u1eff]")
_TERMS = re.compile(r'(-?)(?:"([^"]+)"|(\S+))')
FACETS: Mapping[str, Mapping[str, str]] = {
    "centre": {"zh": "園區", "en": "Centre"}, "county": {"zh": "縣市", "en": "County"},
    "kind": {"zh": "供給類型", "en": "Kind of offer"}, "theme": {"zh": "產業主題", "en": "Theme"},
    "trl": {"zh": "技術成熟度", "en": "TRL"}, "language": {"zh": "語言", "en": "Language"},
    "stage": {"zh": "階段", "en": "Stage"}, "party": {"zh": "機構類型", "en": "Organisation"},
    "scale": {"zh": "規模", "en": "Size"}, "open": {"zh": "狀態", "en": "State"},
}
# The page's language travels in the same address; a facet called "lang" would filter by it.
PARAMETERS = frozenset({"q", "sort", "page", "size", "lang", *FACETS})
WORDS: Mapping[str, Mapping[str, str]] = {
    NONE: {"zh": "未填", "en": "not said"}, "open": {"zh": "開放中", "en": "open"},
    "closed": {"zh": "已截止", "en": "closed"}, "undecided": {"zh": "尚未處理", "en": "undecided"},
}


def fold(text: str) -> str:
    """Give a text as it is searched: one form of each character, nothing invisible, one line.

    >>> fold("臺南　ＧａＮ")
    '台南 gan'
    """
    return _SPACES.sub(" ", fold_han(normalise(_HIDDEN.sub("", text))).casefold())


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
    """Read an address's parameters; raise ``InputError`` naming everything that is wrong.

    An unknown filter is refused, since leaving it out would show more than was asked for.
    """
    usual, first = ListQuery(), {name: values[0] for name, values in args.items() if values}
    text, sort = first.get("q", "").strip(), first.get("sort") or usual.sort
    numbers = {name: first.get(name) or str(getattr(usual, name)) for name in ("page", "size")}
    wrong = {name: value for name, value in numbers.items() if not _NUMBER.fullmatch(value)}
    wrong |= {"sort": sort} if sort not in ORDERS else {}
    wrong |= {name: value for name, value in first.items() if name not in PARAMETERS}
    wrong |= {"q": text} if len(text) > LONGEST_SEARCH else {}
    if wrong:
        raise InputError("This list cannot be shown: {wrong}. Pages count from 1; orders: "
                         "{sorts}; filters: {facets}; a search has up to {most} characters.",
                         wrong=", ".join(f"{n[:20]}={v[:40]}" for n, v in wrong.items()),
                         sorts=", ".join(ORDERS), facets=", ".join(FACETS), most=LONGEST_SEARCH)
    chosen = {key: tuple(dict.fromkeys(args[key])) for key in FACETS if args.get(key)}
    return ListQuery(text, chosen, sort, int(numbers["page"]),
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
                 evidence: Iterable[Evidence] = ()) -> None:
        """Fold texts, sort facets out and records into their orders; ``day`` says what is open."""
        self.records = records
        self._backing: dict[str, list[Evidence]] = {}
        for item in evidence:
            self._backing.setdefault(item.offer_id, []).append(item)
        folded = [[fold(part) for part in self._parts(r)] for r in records]
        self._texts = ["\n".join(parts) for parts in folded]
        # Where each text's title and own words end; what follows is evidence.
        self._ends = [(len(p[0]), sum(map(len, p[:OWN_PARTS])) + OWN_PARTS - 1) for p in folded]
        values = [_facets(r, parties, day) for r in records]
        self._masks = {key: _masks([v.get(key, ()) for v in values]) for key in FACETS}
        keys = [_order_keys(r, day) for r in records]
        self._ranks = {sort: _ranks([k[sort] for k in keys]) for sort in ORDERS}

    def list(self, query: ListQuery, seen: Mask | None = None,
             stages: Mapping[str, str] | None = None,
             scores: Mapping[str, float] | None = None) -> Listed:
        """Search, filter, count, sort and cut.

        ``seen`` (n,) marks what the viewer may see (None: all): nothing else is searched or
        counted. ``stages`` maps record ids to their furthest stage, ``scores`` to the score of
        their best match, 0…1. Raises ``InputError`` for the order "score" without scores.
        """
        wanted = parse(query.text)
        found = self._search(wanted, seen)
        masks = self._masks | ({} if stages is None else {"stage": _masks(
            [(stages.get(record_id(r), "undecided"),) for r in self.records])})
        no_one = np.zeros(len(found), bool)
        passing = {key: np.logical_or.reduce([masks[key].get(value, no_one) for value in chosen])
                   for key, chosen in query.facets.items() if chosen}
        counts = {key: _count(masks[key], query.facets.get(key, ()), np.logical_and.reduce(
            [found, *(m for k, m in passing.items() if k != key)])) for key in FACETS}
        named = [term for term in wanted if not term.excluded]
        rows = np.flatnonzero(np.logical_and.reduce([found, *passing.values()]))
        start = (query.page - 1) * query.size
        order = self._sorted(rows, query.sort, named, scores)[start : start + query.size]
        return Listed(query, tuple(self._hit(i, named) for i in order.tolist()), len(rows),
                      {k: c for k, c in counts.items() if len(c) > 1 or k in query.facets})

    def _parts(self, record: Need | Offer) -> Sequence[str]:
        """Give what is searched of a record: title, own words (``OWN_PARTS``), each evidence."""
        more = record.requirements if isinstance(record, Need) else ""
        return (f"{record.title} {record_id(record)}", record.description, more,
                *(e.full_text for e in self._backing.get(record_id(record), ())))

    def _search(self, wanted: Sequence[Term], seen: Mask | None) -> Mask:
        """Mark the seen records that hold all terms and none of the excluded ones."""
        found = np.ones(len(self.records), bool) if seen is None else seen.copy()
        for term in sorted(wanted, key=lambda t: (t.excluded, -len(t.text))):
            rows = np.flatnonzero(found)
            found[rows] = [(term.place_in(self._texts[i]) < 0) == term.excluded
                           for i in rows.tolist()]
        return found

    def _sorted(self, rows: NDArray[np.intp], sort: str, named: Sequence[Term],
                scores: Mapping[str, float] | None) -> NDArray[np.intp]:
        """Put rows into order; the usual one has hits in titles first, in evidence last."""
        ahead: Sequence[float] = [0] * len(rows)
        if sort == "score" and scores is None:
            raise InputError("This list has no scores to be ordered by. Choose another order: "
                             "{sorts}.", sorts=", ".join(ORDERS[:-1]))
        if sort == "score" and scores is not None:
            ahead = [-scores.get(record_id(self.records[i]), -1.0) for i in rows.tolist()]
        elif sort == "newest" and named:
            ahead = [max(self._depth(i, term) for term in named) for i in rows.tolist()]
        return rows[np.lexsort((self._ranks[sort][rows], np.array(ahead)))]

    def _depth(self, i: int, term: Term) -> int:
        """Say where a record holds a term first: 0 title, 1 own words, 2 evidence."""
        place, (title, own) = term.place_in(self._texts[i]), self._ends[i]
        return (place > title) + (place > own)

    def _hit(self, i: int, named: Sequence[Term]) -> Hit:
        """Cut about eighty characters around the first hit outside the title."""
        text, record, after = self._texts[i], self.records[i], self._ends[i][0] + 1
        hits = [(place, len(term.text)) for term in named
                if (place := term.place_in(text, after)) >= 0]
        if not hits:
            return Hit(record, _LINE.sub(" ", record.description)[: 3 * SNIPPET] or record.title)
        place, length = min(hits)
        part = self._parts(record)[text.count("\n", 0, place)]
        offset = place - text.rfind("\n", 0, place) - 1
        start, end = _origin(part, offset), _origin(part, offset + length - 1) + 1
        left, right = max(0, start - SNIPPET), end + SNIPPET
        lead, tail = "…" if left else "", "…" if right < len(part) else ""
        shift = len(lead) - left
        return Hit(record, lead + _LINE.sub(" ", part[left:right]) + tail,
                   (start + shift, end + shift))


def _origin(plain: str, place: int) -> int:
    """Say which character of a text became the one at a place of its folded form."""
    if [len(fold(plain[: place + more])) for more in (0, 1)] == [place, place + 1]:  # usual
        return place
    return bisect_right(range(len(plain) + 1), place, key=lambda n: len(fold(plain[:n]))) - 1


def browse_needs(workspace: Workspace, viewer: Viewer, query: ListQuery, day: date,
                 scores: Mapping[str, float] | None = None) -> Listed:
    """List the needs that a viewer may see; who judges them sees their furthest stage too."""
    store = workspace.store
    needs = store.needs()  # read anew: the snapshot does not tell of needs
    catalogue = _kept(store, "needs", (needs, store.snapshot(), day),
                      lambda: Catalogue(needs, store.parties(), day))
    stages = _furthest_stages(store) if may_somewhere(viewer, "judge") else None
    return catalogue.list(query, _seen(viewer, "see-need", catalogue.records), stages, scores)


def browse_offers(workspace: Workspace, viewer: Viewer, query: ListQuery, day: date,
                  scores: Mapping[str, float] | None = None) -> Listed:
    """List the offers that a viewer may see, found by their evidence too."""
    store = workspace.store
    catalogue = _kept(store, "offers", (store.snapshot(), day), lambda: Catalogue(
        store.offers(), store.parties(), day, store.evidence()))
    return catalogue.list(query, _seen(viewer, "see-offer", catalogue.records), None, scores)


_catalogues: WeakKeyDictionary[Store, dict[str, tuple[object, Catalogue]]] = WeakKeyDictionary()
_building = Lock()


def _kept(store: Store, side: str, state: object, build: Callable[[], Catalogue]) -> Catalogue:
    """Give the catalogue of a side's present state; of each side only the newest is kept."""
    with _building:
        kept = _catalogues.setdefault(store, {})
        if side not in kept or kept[side][0] != state:
            kept[side] = (state, build())
        return kept[side][1]


def _seen(viewer: Viewer, verb: str, records: Sequence[Need | Offer]) -> Mask | None:
    return None if may(viewer, verb) else np.array([
        may(viewer, verb, centre=r.centre, party_id=r.party_id) for r in records], bool)


def _furthest_stages(store: Store) -> dict[str, str]:
    """Give each need's furthest stage; declined only where every match of it is."""
    steps = ("declined", *STAGES)  # the first "declined" counts: any other stage is further
    decided = sorted(latest_decisions(store), key=lambda d: steps.index(d.stage))
    return {d.need_id: d.stage for d in decided}


@dataclass(frozen=True)
class Term:
    """One folded search term; a Latin one must begin a word."""

    text: str
    excluded: bool = False

    def place_in(self, text: str, start: int = 0) -> int:
        """Give where a folded text holds the term first, from ``start`` on; -1 for nowhere."""
        place = text.find(self.text, start)
        while place > 0 and _WORD.match(self.text[0]) and _WORD.match(text[place - 1]):
            place = text.find(self.text, place + 1)
        return place


def parse(text: str) -> tuple[Term, ...]:
    """Cut a search into terms: words, "quoted phrases", -excluded ones."""
    folded = fold(text.replace("“", '"').replace("”", '"'))
    found = [(minus, (quoted or word).strip(' "')) for minus, quoted, word in
             _TERMS.findall(folded)]
    return tuple(dict.fromkeys(Term(t, bool(minus)) for minus, t in found if t.strip("-")))


def record_id(record: Need | Offer) -> str:
    """Give the id of a need or an offer."""
    return record.need_id if isinstance(record, Need) else record.offer_id


def _facets(record: Need | Offer, parties: Mapping[str, Party], day: date
            ) -> dict[str, tuple[str, ...]]:
    party = parties.get(record.party_id or "")
    kinds = (record.kind,) if isinstance(record, Offer) else record.kinds
    county = record.county and (fold_county(record.county) or record.county)
    return {"centre": (record.centre or NONE,), "county": (county or NONE,),
            "kind": kinds or (NONE,), "theme": record.themes or (NONE,),
            "trl": (_band(record.trl_now),), "language": (record.lang or NONE,),
            "party": (party.kind if party else NONE,), "scale": ((party and party.size) or NONE,),
            "open": ("closed" if _is_closed(record, day) else "open",)}


def _is_closed(record: Need | Offer, day: date) -> bool:
    return record.valid_to is not None and record.valid_to < day


def _order_keys(record: Need | Offer, day: date) -> dict[str, tuple[Any, ...]]:
    """Give a record's key in each order; deadlines to come, then none, then those gone by."""
    newest = (-(record.valid_from or date.min).toordinal(), record_id(record))
    return {"newest": newest, "score": newest, "trl": (-(record.trl_now or 0), *newest),
            "deadline": (_is_closed(record, day), record.valid_to or date.max, *newest),
            "title": (not record.title, fold(record.title), *newest)}


def _ranks(keys: Sequence[tuple[Any, ...]]) -> NDArray[np.intp]:
    """Give each record's place, from 0, in the order of these keys."""
    return np.argsort(np.array(sorted(range(len(keys)), key=keys.__getitem__), np.intp))


def _band(trl: int | None) -> str:
    return NONE if trl is None else "1-3" if trl <= 3 else "4-6" if trl <= 6 else "7-9"


def _masks(values: Sequence[tuple[str, ...]]) -> dict[str, Mask]:
    """Mark, for each value, the rows that have it."""
    return {value: np.array([value in row for row in values])
            for value in {value for row in values for value in row}}


def _count(masks: Mapping[str, Mask], chosen: Sequence[str], within: Mask) -> dict[str, int]:
    """Count each value's records, most first; a value of none is left out unless chosen."""
    held = {value: int(np.count_nonzero(mask & within)) for value, mask in masks.items()}
    kept = dict.fromkeys(chosen, 0) | {v: n for v, n in held.items() if n or v in chosen}
    return dict(sorted(kept.items(), key=lambda item: (-item[1], item[0])))


def label(facet: str, value: str, lang: str) -> str:
    """Name a facet's value in a language; a value nobody named is its own name."""
    named: dict[str, Mapping[str, Any]] = {
        "centre": centres(), "county": counties(), "kind": terms("offer_kinds"),
        "theme": terms("themes"), "party": terms("party_kinds")}
    if value in WORDS:
        return WORDS[value][lang]
    if value in named.get(facet, ()):
        return str(named[facet][value].name[lang])
    if facet == "language" and value in LANGUAGES:
        return LANGUAGES[value].name
    if facet == "stage" and value in STAGE_NAMES:
        return STAGE_NAMES[value][lang]
    return f"TRL {value}" if facet == "trl" else value


def listed_json(found: Listed, lang: str) -> dict[str, Any]:
    """Give a page of a list as plain values, the same for page, command and address .json."""
    asked = found.query.to_args()
    return {"total": found.total, "page": found.query.page, "pages": found.pages,
            "query": {name: [v for n, v in asked if n == name] for name, _ in asked},
            "facets": {key: [{"value": v, "label": label(key, v, lang), "count": n}
                             for v, n in counts.items()] for key, counts in found.counts.items()},
            "rows": listed_rows(found, lang)}


def listed_rows(found: Listed, lang: str) -> list[dict[str, Any]]:
    """Give the hits of a page as plain values, with the names of their codes in a language."""
    return [{**row, "centre_name": row["centre"] and label("centre", row["centre"], lang),
             "kind_names": [label("kind", kind, lang) for kind in row["kinds"]],
             "theme_names": [label("theme", theme, lang) for theme in row["themes"]]}
            for row in map(listed_row, found.hits)]


def listed_row(hit: Hit) -> dict[str, Any]:
    """Give one hit as plain values."""
    record = hit.record
    return {"id": record_id(record), "title": record.title, "snippet": hit.snippet,
            "centre": record.centre, "county": record.county, "lang": record.lang,
            "themes": list(record.themes), "trl": record.trl_now,
            "kinds": [record.kind] if isinstance(record, Offer) else list(record.kinds),
            "valid_to": record.valid_to and record.valid_to.isoformat()}
