"""Every figure of a report once more, from the tables of the database alone.

Written from what the report's tables mean, with SQL and pandas; of matcher.report nothing is used.
The lists of the run are taken as stored, the scores of all pairs as the ranking gives them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.optimize import linprog

from matcher import workflow
from matcher.reference import centres, terms
from matcher.store.schema import metadata
from matcher.vocabulary import STAGES, THEMES

TABLES = ("parties", "needs", "offers", "evidence", "judged", "conflicts", "matches", "match_lists", "outcomes")
STAGE = {"shortlisted": "Shortlisted", "contacted": "Contacted", "meeting": "Meeting", "mou": "MoU", "contract": "Contract",
         "declined": "Declined"}
REASON = {"trl": "Wrong TRL", "far": "Too far", "budget": "Budget"}
YES = ("contacted", "meeting", "mou", "contract")
HIDDEN, Z = "not shown (fewer than 3 firms)", 1.959964


def taipei(text):
    """Times are stored in UTC; Taiwan is eight hours ahead."""
    return pd.to_datetime(text, format="ISO8601") + timedelta(hours=8)


def name_of(kind, key):
    found = terms(kind).get(key)
    return found.name["en"] if found else key


@dataclass
class Instant:
    """The database at one instant, as a centre's month sees it; ``before`` is the month before."""

    space: object
    centre: str
    first: date
    run_id: str
    rules: object
    made: object
    taken: frozenset
    before: Instant | None = None
    tables: dict = field(init=False)

    def __post_init__(self):
        with self.space.store.reading() as connection:
            self.tables = {name: pd.read_sql_query(f"SELECT * FROM {name}", connection.connection.dbapi_connection)
                           for name in TABLES if name in metadata.tables}
        self.full  # noqa: B018  as the ranking sees the data now

    def __getattr__(self, name):
        return self.__dict__["tables"][name]

    @property
    def last(self):
        return (self.first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)

    @property
    def end(self):
        return pd.Timestamp(self.last + timedelta(days=1))

    def is_open(self, frame):
        day = self.last.isoformat()
        return (frame.valid_from.isna() | (frame.valid_from <= day)) & (frame.valid_to.isna() | (frame.valid_to >= day))

    @cached_property
    def open_needs(self):
        return self.needs[(self.needs.centre == self.centre) & self.is_open(self.needs)].set_index("need_id").sort_index()

    @cached_property
    def own_offers(self):
        return self.offers[(self.offers.centre == self.centre) & self.is_open(self.offers)].set_index("offer_id").sort_index()

    @cached_property
    def lists(self):
        found = self.matches[self.matches.run_id == self.run_id]
        return {need: list(found[found.need_id == need].sort_values("rank").offer_id) for need in self.open_needs.index}

    @cached_property
    def rankings(self):
        needs = [n for n in self.space.store.needs(self.centre) if n.need_id in self.open_needs.index]
        return list(workflow.rank_all(self.space, needs, self.last))

    @cached_property
    def full(self):
        """Scores of all eligible pairs, need → offer → score."""
        ids = [o.offer_id for o in self.space.pool().offers]
        return {r.query.need.need_id: {i: float(s) for i, s, ok in zip(ids, r.scores, r.eligible, strict=True) if ok}
                for r in self.rankings}

    @cached_property
    def chosen(self):
        """The best pairs under the loads; of several equally good choices the one the report took.

        By a linear programme of its own: its corners are whole.
        """
        pairs = [(n, o, self.full[n][o]) for n, listed in self.lists.items() for o in listed
                 if self.full[n][o] >= self.rules.threshold]
        if not pairs:
            return []
        rows = np.array([[float(n == need) for n, _, _ in pairs] for need in {p[0] for p in pairs}]
                        + [[float(o == offer) for _, o, _ in pairs] for offer in {p[1] for p in pairs}])
        loads = np.repeat([self.rules.per_need, self.rules.per_offer], [len({p[i] for p in pairs}) for i in (0, 1)])
        answer = linprog([-s for _, _, s in pairs], A_ub=rows, b_ub=loads, bounds=(0, 1))
        taken = np.array([float((n, o) in self.taken) for n, o, _ in pairs])
        as_good = abs(sum(s * t for (*_, s), t in zip(pairs, taken, strict=True)) + answer.fun) < 1e-5
        if not (as_good and (rows @ taken <= loads).all() and taken.sum() == len(self.taken)):
            taken = answer.x
        return sorted((n, o) for (n, o, _), x in zip(pairs, taken, strict=True) if x > 0.5)

    def rank(self, need, offer):
        listed, scores = self.lists[need], self.full[need]
        return 1 + sum(round(scores[o], 6) > round(scores[offer], 6) for o in listed if o != offer)

    @cached_property
    def matched(self):
        """Each open need's matches, best first."""
        return {n: sorted((o for m, o in self.chosen if m == n), key=lambda o, n=n: (-round(self.full[n][o], 6), o)) for n in self.lists}

    @cached_property
    def known_needs(self):
        """The centre's needs, those that went since the first report with them."""
        own = set(self.needs[self.needs.centre == self.centre].need_id)
        return own | ((self.before.known_needs if self.before else set()) - set(self.needs.need_id))

    @cached_property
    def decided(self):
        """What was decided of the centre's needs up to the month's end, undone left out."""
        found = self.outcomes[self.outcomes.stage.isin(STAGES) & self.outcomes.undone.isna()].copy()
        found["when"] = taipei(found.time)
        found = found[(found.when < self.end) & found.need_id.isin(self.known_needs)].sort_values("number")
        firm = self.needs.set_index("need_id").party_id
        found["firm"] = [("gone" if n not in firm.index else firm[n] or n) for n in found.need_id]
        lists = self.matches.rename(columns={"rank": "place"})[["run_id", "need_id", "offer_id", "place", "score"]]
        return _fold(found.merge(lists, how="left", on=["run_id", "need_id", "offer_id"]).sort_values("number"))

    @cached_property
    def rows(self):
        """What matching reads of each need, and of each offer with its evidence: all but the dates."""
        backed = {}
        for row in self.evidence.astype(str).sort_values("evidence_id").to_dict("records"):
            backed.setdefault(row["offer_id"], []).append(row)
        frames = {side: self.tables[f"{side}s"].drop(columns=["valid_from", "valid_to"]).astype(str) for side in ("need", "offer")}
        return {side: {row[0]: (row[1:], backed.get(row[0])) for row in frame.itertuples(index=False, name=None)} for side, frame in frames.items()}

    def since(self, day):
        return self.decided[self.decided.when >= pd.Timestamp(day)] if day else self.decided

    @property
    def spans(self):
        return (self.first, self.first.replace(month=1), None)

    @cached_property
    def titles(self):
        return dict(zip(self.needs.need_id, self.needs.title, strict=True)) | dict(zip(self.offers.offer_id, self.offers.title, strict=True))

    def title(self, record_id):
        found = self.titles.get(record_id)
        return found or (self.before.titles.get(record_id, record_id) if self.before else record_id)

    @cached_property
    def owners(self):
        """The party of each offer as its row."""
        parties = {row["party_id"]: row for row in self.parties.to_dict("records")}
        return {offer: parties[party] for offer, party in zip(self.offers.offer_id, self.offers.party_id, strict=True)}

    def party(self, offer_id):
        return self.owners[offer_id]

    def themes(self, frame):
        return [(i, t) for i, text in frame.themes.items() for t in json.loads(text)]

    def firm(self, need_id):
        found = self.needs.set_index("need_id").party_id[need_id]
        return found or ""


def _fold(found):
    """A stage noted twice is one step: of its first time and place, with what was noted last."""
    pair, noted = ["need_id", "offer_id"], ["reason", "value_ntd", "licences", "jobs"]
    is_new = found.stage != found.groupby(pair).stage.shift()
    found = found.assign(step=is_new.groupby([found.need_id, found.offer_id]).cumsum())
    steps = found.groupby([*pair, "step"])
    return steps.head(1).drop(columns=noted).merge(steps.tail(1)[[*pair, "step", *noted]], on=[*pair, "step"]).sort_values("number")


# ---- the tables ----------------------------------------------------------------------------


def share(part, whole):
    return part / whole if whole else None


def figures(at):
    good = sum(map(bool, at.matched.values()))
    return [("Open needs", len(at.lists)), ("Needs with a match", good), ("Needs without an offer", len(at.lists) - good),
            ("Matches", len(at.chosen)), ("Different offers matched", len({o for _, o in at.chosen})),
            ("The centre's own offers", len(at.own_offers)), ("All offers looked at", int(at.is_open(at.offers).sum())),
            ("Threshold of the score", at.rules.threshold)]


def moves(at):
    """Each match of this or last month: (change, need, offer, rank, rank before)."""
    found = []
    for need, offer in sorted(set(at.chosen) | set(at.before.chosen)):
        now = at.rank(need, offer) if (need, offer) in at.chosen else None
        old = at.before.rank(need, offer) if (need, offer) in at.before.chosen else None
        change = ("New" if old is None else "Gone" if now is None else "Risen" if now < old else
                  "Fallen" if now > old else "Continuing")
        found.append((change, need, offer, now, old))
    return found


def changes(at):
    told = [m[0] for m in moves(at)]
    return [(c, told.count(c)) for c in ("New", "Risen", "Fallen", "Continuing", "Gone")]


def differences(at):
    return [(c, n, at.title(n), o, at.title(o), now, old, at.full[n][o] if now else None,
                   at.before.full[n][o] if old else None) for c, n, o, now, old in moves(at) if c != "Continuing"]


def matches(at):
    stored = at.matches[at.matches.run_id == at.run_id].set_index(["need_id", "offer_id"])
    rows = []
    for need, offers in at.matched.items():
        for offer in offers:
            pair = next(iter(json.loads(stored.evidence[need, offer])), {})
            rows.append((need, at.title(need), at.rank(need, offer), offer, at.title(offer), at.party(offer)["name"], at.full[need][offer],
                         pair.get("need_sentence"), pair.get("offer_sentence")))
    return rows


def without_offer(at):
    rows = []
    for need, offers in at.matched.items():
        if offers:
            continue
        scores = at.full[need]
        best = min(scores, key=lambda o, s=scores: (-round(s[o], 6), o))
        full = sum(o == best for _, o in at.chosen) >= at.rules.per_offer
        why = ("its score is below the threshold" if scores[best] < at.rules.threshold else
               "the offer is at its load with better matches" if full else "it lies outside the list")
        themes = ", ".join(name_of("themes", t) for t in json.loads(at.open_needs.themes[need])) or None
        rows.append((need, at.title(need), themes, best, at.title(best), scores[best], why))
    return rows


def unseen(at):
    shown = at.outcomes[(at.outcomes.stage == "shown") & (taipei(at.outcomes.time) < at.end)]
    seen, month, rows = set(shown.offer_id), at, []
    while month:
        seen |= {o for listed in month.lists.values() for o in listed}
        month = month.before
    for offer, row in at.own_offers.iterrows():
        if offer not in seen:
            scores = {n: round(s[offer], 6) for n, s in at.full.items() if offer in s}
            rows.append((offer, row.title, at.party(offer)["name"], name_of("offer_kinds", row.kind),
                         int((at.evidence.offer_id == offer).sum()), min(scores, key=lambda n, s=scores: (-s[n], n)) if scores else None))
    return rows


def funnel(at):
    latest = at.decided.groupby(["need_id", "offer_id"]).stage.last()
    steps = STAGES[:-1]
    return [(STAGE[s], int(latest.isin(steps[i:]).sum())) for i, s in enumerate(steps)]


def decided(at):
    return [(STAGE[s], count_of(at, s, at.first)) for s in STAGES]


def _steps(at):
    """Each pair's stages in turn, a stage said twice once: stage, days it lasted, or days so far."""
    rows = []
    for pair, found in at.decided.groupby(["need_id", "offer_id"]):
        turns = found[found.stage != found.stage.shift()]
        ends = [*turns.when.iloc[1:], None]
        rows += [(*pair, s, b, (e - b) / timedelta(days=1) if e is not None else None)
                 for s, b, e in zip(turns.stage, turns.when, ends, strict=True)]
    return pd.DataFrame(rows, columns=["need", "offer", "stage", "start", "days"])


def times(at):
    steps, rows = _steps(at), []
    for stage in STAGES:
        mine = steps[steps.stage == stage]
        went, here = mine.days.dropna(), mine[mine.days.isna()]
        so_far = (at.end - here.start) / timedelta(days=1)
        rows.append((STAGE[stage], len(went), went.median() if len(went) else None, len(here),
                     so_far.median() if len(here) and stage not in ("contract", "declined") else None))
    return rows


def reasons(at):
    told = at.since(at.first)
    counts = told[told.stage == "declined"].reason.value_counts()
    return [(REASON[r], int(n)) for r, n in sorted(counts.items(), key=lambda i: (-i[1], i[0]))]


def waiting(at):
    steps = _steps(at)
    here = steps[steps.days.isna() & ~steps.stage.isin(["contract", "declined"])]
    rows = [(r.need, at.title(r.need), r.offer, at.title(r.offer), STAGE[r.stage], int((at.end - r.start) / timedelta(days=1)))
            for r in here.itertuples() if at.end - r.start > timedelta(days=30)]
    return sorted(rows, key=lambda r: (-r[5], r[0], r[2]))


def total(at, name, day):
    return int(standing(at, day)[name].fillna(0).sum())


def standing(at, day):
    """Contracts since a day that were not declined, or begun anew, afterwards."""
    last = at.decided.groupby(["need_id", "offer_id"]).tail(1)
    last = last[last.stage == "contract"]
    return last[last.when >= pd.Timestamp(day)] if day else last


def count_of(at, stage, day):
    return len(standing(at, day)) if stage == "contract" else int((at.since(day).stage == stage).sum())


def outcomes(at):
    rows = [(STAGE[s], *(count_of(at, s, d) for d in at.spans)) for s in ("meeting", "mou", "contract")]
    return rows + [(title, *(total(at, name, d) for d in at.spans)) for title, name in (
        ("Value of contracts, NT$", "value_ntd"), ("Licences", "licences"), ("Jobs", "jobs"))]


def contracts(at):
    return [(r.when.date().isoformat(), r.need_id, at.title(r.need_id), r.offer_id, at.title(r.offer_id), r.value_ntd, r.licences, r.jobs)
            for r in standing(at, at.first.replace(month=1)).sort_values("number").itertuples()]


def _ndcg(listed, grades):
    gain = lambda values: sum(g / np.log2(i + 2) for i, g in enumerate(values[:10]))  # noqa: E731
    return gain([grades.get(o, 0) for o in listed]) / gain(sorted(grades.values(), reverse=True))


def judged_values(at):
    found = at.judged[at.judged.date.isna() | (at.judged.date <= at.last.isoformat())]
    best = found.groupby(["need_id", "offer_id"]).grade.max()
    values = []
    for need in at.lists:
        grades = best[need].to_dict() if need in best.index.get_level_values(0) else {}
        if any(grades.values()):
            values.append(_ndcg(at.lists[need], grades))
    return values


def judged(at):
    """The interval is a resampling with a seed: that it holds the mean is checked, not its ends."""
    values = judged_values(at)
    return [("nDCG@10", float(np.mean(values)), len(values))] if values else []


def _answers(at):
    told = at.decided[at.decided.stage.isin([*YES, "declined"])]
    return told.groupby(["need_id", "offer_id"]).head(1).assign(yes=lambda f: f.stage.isin(YES).astype(float))


def wilson(yes, count):
    """Wilson's interval (1927)."""
    p = yes / count
    middle, half = p + Z**2 / (2 * count), Z * np.sqrt(p * (1 - p) / count + Z**2 / (4 * count**2))
    return p, max((middle - half) / (1 + Z**2 / count), 0), min((middle + half) / (1 + Z**2 / count), 1), count


def acceptance(at):
    told = _answers(at)
    parts = [(depth, told[told.place <= depth]) for depth in (1, 3, 10)]
    return [(f"Places up to {d}", *wilson(part.yes.sum(), len(part))) for d, part in parts if len(part)]


def calibration(at):
    told = _answers(at).dropna(subset="score")
    if len(told) < 20:
        return None
    edges = np.unique(np.quantile(told.score, np.linspace(0, 1, 6)[1:-1]))
    groups = told.groupby(np.searchsorted(edges, told.score, side="right"))
    return [(g.score.mean(), *wilson(g.yes.sum(), len(g))) for _, g in groups]


def eligible(at):
    kept = at.offers[at.is_open(at.offers)]
    return kept[(kept.reach != "centre") | kept.centre.isna() | (kept.centre == at.centre)].set_index("offer_id")


def exposure(at):
    found = {}
    for listed in at.lists.values():
        for place, offer in enumerate(listed, start=1):
            found[offer] = found.get(offer, 0) + 1 / place
    return pd.Series(found, dtype=float)


def _by(at, group):
    offers, seen = eligible(at), exposure(at)
    found = {o: group(at, o, row) for o, row in offers.iterrows()}
    groups = pd.Series({o: name if isinstance(name, str) else "" for o, name in found.items()})
    rows = []
    for name in sorted(groups.unique(), key=lambda g: (not g, int("".join(filter(str.isdigit, g.split("-")[0])) or 0), g)):
        ids = groups.index[groups == name]
        rows.append((name or "not stated", len(ids), len(ids) / len(offers), float(seen.reindex(ids).fillna(0).sum() / seen.sum())))
    return rows


def exposure_size(at):
    return _by(at, lambda at, offer, row: at.party(offer)["size"])


def exposure_county(at):
    return _by(at, lambda at, offer, row: row.county if isinstance(row.county, str) else at.party(offer)["county"])


def gini(values):
    """Half the mean difference of all pairs over the mean."""
    values = np.asarray(values, float)
    return float(np.abs(values[:, None] - values).mean() / (2 * values.mean()))


def market(at):
    """The Gini of one-sided lists: the ten best of each need, looked at with chance 1 / place."""
    looks = {}
    for scores in at.full.values():
        for place, offer in enumerate(sorted(scores, key=lambda o, s=scores: -s[o])[:10], start=1):
            looks[offer] = looks.get(offer, 0) + 1 / place
    seen_by_any = {o for scores in at.full.values() for o in scores}
    return gini([looks.get(o, 0) for o in sorted(seen_by_any)])


def gaps(at):
    asked, given = pd.DataFrame(at.themes(at.open_needs), columns=["id", "theme"]), at.themes(at.own_offers)
    rows = []
    for theme in THEMES:
        ids = list(asked[asked.theme == theme].id)
        alone = [n for n in ids if not at.matched[n]]
        rows.append((name_of("themes", theme), len(ids), len(alone), share(len(alone), len(ids)), sum(t == theme for _, t in given)))
    return rows


def matrix(at):
    needs = at.needs[at.needs.centre.notna() & at.is_open(at.needs)].set_index("need_id")
    cells = pd.DataFrame([(needs.centre[i], t, at.firm(i)) for i, t in at.themes(needs)], columns=["centre", "theme", "firm"])
    rows = []
    for centre in sorted(cells.centre.unique()):
        parts = [cells[(cells.centre == centre) & (cells.theme == theme)] for theme in THEMES]
        few = [not p.empty and p.firm.nunique() < 3 for p in parts]
        rows.append((centres()[centre].name["en"], *(
            len(p) if centre == at.centre or (len(p) and not hidden) or not any(few) else HIDDEN for p, hidden in zip(parts, few, strict=True))))
    return rows


def data_quality(at):
    soon, needs, offers = (at.last + timedelta(days=60)).isoformat(), at.open_needs, at.own_offers
    backed = set(at.evidence.offer_id)
    rows = [("Needs", "without a firm", needs.party_id.isna()), ("Needs", "without a theme", needs.themes == "[]"),
            ("Needs", "described in fewer than 60 characters", needs.description.str.len() < 60),
            ("Needs", "without a target TRL", needs.trl_target.isna()), ("Needs", "without a last day", needs.valid_to.isna()),
            ("Needs", "ending within 60 days", needs.valid_to.notna() & (needs.valid_to.fillna("") <= soon)),
            ("Offers", "without a party", offers.party_id.isna()), ("Offers", "without a theme", offers.themes == "[]"),
            ("Offers", "described in fewer than 60 characters", offers.description.str.len() < 60),
            ("Offers", "without evidence", ~offers.index.isin(backed)), ("Offers", "without a TRL", offers.trl_now.isna()),
            ("Offers", "ending within 60 days", offers.valid_to.notna() & (offers.valid_to.fillna("") <= soon))]
    return [(side, check, int(np.sum(found)), float(np.mean(found)) if len(found) else None) for side, check, found in rows]


def method(at):
    row = at.match_lists[at.match_lists.run_id == at.run_id].iloc[0]
    before = at.before
    return [("Run", at.run_id), ("Encoder", row.encoder), ("Ranker", row.ranker), ("Data", row.data), ("Rules of the lists", row.rules),
            ("Day of matching", at.last.isoformat()), ("As it stood at", at.made.isoformat()),
            ("Compared with", f"{before.first:%Y-%m}" if before else None), ("Run before", before.run_id if before else None),
            ("Threshold of the score", f"{at.rules.threshold:.2f}"), ("Matches a need, at most", at.rules.per_need),
            ("Needs an offer, at most", at.rules.per_offer), ("Needs scored", len(at.lists)),
            ("Texts of offers looked at", len(at.offers) + len(at.evidence)), ("Needs new or edited since", edited(at, "need")),
            ("Offers new or edited since", edited(at, "offer"))]


def edited(at, side):
    """Count records whose row, but its dates, or whose evidence is not as it was."""
    if at.before is None:
        return None
    old, new = at.before.rows[side], at.rows[side]
    mine = at.tables[f"{side}s"]
    kept = mine if side == "offer" else mine[mine.centre == at.centre]
    return sum(old.get(i) != new[i] for i in kept[f"{side}_id"])


def sentences(at):
    """The director's summary in English, figure by figure."""
    good, first = sum(map(bool, at.matched.values())), at.first
    count = lambda s: count_of(at, s, first)  # noqa: E731
    alone = [n for n, offers in at.matched.items() if not offers]
    themes = {t: {n for n in alone if t in json.loads(at.open_needs.themes[n])} for t in THEMES}
    most = min((t for t in themes if themes[t]), key=lambda t: (-len(themes[t]), t), default=None)
    yes = [f"The centre had {len(at.lists)} open needs and {len(at.own_offers)} offers of its own; {good} needs "
           f"({round(100 * good / len(at.lists)) if at.lists else 0} %) had a match with a score of {at.rules.threshold} or more."]
    if at.before:
        c = dict(changes(at))
        yes.append(f"It holds {len(at.chosen)} matches: {c['New']} new, {c['Risen']} risen, {c['Fallen']} fallen and {c['Continuing']} "
                   f"as they were since {at.before.first:%Y-%m}; {c['Gone']} have gone.")
    else:
        yes.append(f"This is the centre's first report: it holds {len(at.chosen)} matches, and there is nothing to compare them with.")
    yes.append(f"People decided {sum(map(count, STAGES))} times: {count('shortlisted')} shortlisted, {count('contacted')} first "
               f"contacts, {count('meeting')} meetings, {count('mou')} MoUs, {count('contract')} contracts, {count('declined')} declined.")
    january = first.replace(month=1)
    yes.append(f"Contracts signed this month are worth NT$ {total(at, 'value_ntd', first)}, this year NT$ {total(at, 'value_ntd', january)}, "
               f"since the start NT$ {total(at, 'value_ntd', None)}; this year brought {total(at, 'licences', january)} licences and "
               f"{total(at, 'jobs', january)} jobs.")
    clause = f", most of them in {name_of('themes', most)}" if most else ""
    yes.append(f"{len(alone)} needs are without an offer{clause}; {len(waiting(at))} "
               "matches have waited in their stage for more than 30 days.")
    return yes


ORACLE = {f.__name__: f for f in (
    figures, changes, differences, matches, without_offer, unseen, funnel, decided, times, reasons, waiting, outcomes, contracts,
    acceptance, calibration, exposure_size, exposure_county, gaps, matrix, data_quality, method)}
