"""A small region that lives through a year: two centres, a few firms, and a log of every edit.

Texts are made of a few words a theme, in Chinese and English, so that anybody can see which pairs
ought to match; everything follows from one seed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from random import Random

import numpy as np

from matcher.lexical import terms
from matcher.ranker import load_ranker
from matcher.report.facts import Rules
from matcher.store.decisions import latest_decisions, put_decisions, undo_decision
from matcher.vocabulary import STAGES, Conflict, Evidence, JudgedPair, Need, Offer, Outcome, Party
from matcher.workflow import TAIPEI, last_run, log_shown
from matcher.workspace import Workspace

CENTRES = {"CTSP": "臺中市", "STSP": "臺南市"}
COUNTIES = ("臺中市", "臺南市", "高雄市", "彰化縣")
WORDS = {
    "smart-machinery": (("主軸熱變位", "刀具磨耗", "機聯網", "震動感測"),
                        ("spindle drift", "tool wear", "machine data", "vibration sensing")),
    "green-energy": (("儲能電池", "太陽能模組", "電網調度", "氫燃料"),
                     ("battery storage", "solar modules", "grid dispatch", "hydrogen fuel")),
    "biomedicine": (("疫苗佐劑", "細胞培養", "快篩試劑", "醫材塗層"),
                    ("vaccine adjuvants", "cell culture", "rapid assays", "implant coating")),
    "circular-economy": (("廢水回收", "塑膠再生", "貴金屬萃取", "污泥減量"),
                         ("water recovery", "plastic recycling", "metal extraction", "sludge reduction")),
}
THEMES = tuple(WORDS)
TEMPLATES = {
    "zh": ("以{a}改善{b}，不良率由百分之 {n} 降到百分之 {m}。", "提供{a}與{b}的量測，{n} 天完成。", "{a}的產線驗證，含{b}。"),
    "en": ("We improve {b} by {a}; rejects fell from {n} to {m} percent.", "Measurement of {a} and {b} within {n} days.",
           "Line tests of {a}, with {b}."),
}
ON_THE_WAY = ("shortlisted", "contacted", "meeting", "mou", "contract")
CANARY = "CANARYSECRET"


class Concepts:
    """A deterministic encoder: a text is the sum of its terms' vectors and of its themes'."""

    revision, dimensions = "concepts-1", 48

    def encode(self, texts):
        rows = [sum(map(_vector, terms(text)), np.full(48, 1e-6)) + 0.8 * _themes_of(text) for text in texts]
        found = np.array(rows, float).reshape(-1, 48)
        return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)

    encode_query = encode_document = encode


def _vector(term):
    seed = list(hashlib.sha256(term.encode()).digest()[:8])
    return np.random.default_rng(seed).normal(size=48) / 7


def _themes_of(text):
    said = [sum(text.count(word) for words in WORDS[theme] for word in words) for theme in THEMES]
    return sum((n * _vector(f"theme {i}") for i, n in enumerate(said)), np.zeros(48))


@dataclass
class Log:
    """What was really edited between two reports: ids of needs and offers, pairs of parties."""

    new: set = field(default_factory=set)
    edited: set = field(default_factory=set)
    dated: set = field(default_factory=set)
    gone: set = field(default_factory=set)
    declared: set = field(default_factory=set)
    lifted: set = field(default_factory=set)
    decided: set = field(default_factory=set)
    weights: bool = False
    rules: bool = False

    @property
    def touched(self):
        """Every need and offer whose own record was edited, or that came, went or was dated."""
        return self.new | self.edited | self.dated | self.gone | self.decided


class Year:
    """The region: ``space`` holds its data, ``rules`` those of the reports, ``log`` this month's edits."""

    def __init__(self, store, seed=7, needs=12, offers=40, evidence=90):
        self.random = Random(seed)
        self.space = Workspace(store, Concepts(), replace(load_ranker(), intercept=-6.0, revision="base",
                               weights={**load_ranker().weights, "affinity": 7.0}))
        self.rules = Rules(0.3, 4, 2, 10)
        self.log, self.count = Log(), {"N": 0, "O": 0, "E": 0}
        store.put(parties=self._parties())
        store.put(needs=[self.need() for _ in range(needs)], offers=[self.offer() for _ in range(offers)])
        owners = [o.offer_id for o in store.offers()]
        store.put(evidence=[self.evidence(self.random.choice(owners)) for _ in range(evidence)])

    @property
    def store(self):
        return self.space.store

    def _parties(self):
        firms = [Party(f"F{i:02}", f"範例公司{i}（樣本）", kind="firm", county=COUNTIES[i % 4], size=("small", "large")[i % 2])
                 for i in range(12)]
        labs = [Party(f"L{i:02}", f"範例實驗室{i}（樣本）", kind="university", county=COUNTIES[i % 3 if i < 10 else 3],
                      size=("small", "medium", "medium", None)[i % 4]) for i in range(13)]
        return firms + labs

    def _id(self, letter):
        self.count[letter] += 1
        return f"{letter}{self.count[letter]:03}"

    def words(self, theme, lang, sentences=2):
        pick, said = self.random, []
        for _ in range(sentences):
            a, b = pick.sample(WORDS[theme][lang == "en"], 2)
            said.append(pick.choice(TEMPLATES[lang]).format(a=a, b=b, n=pick.randint(11, 40), m=pick.randint(1, 9)))
        return " ".join(said)

    def need(self):
        number = self.count["N"]
        theme, lang = THEMES[number % 4 if self.random.random() < 0.7 else 0], self.random.choice(("zh", "zh", "en"))
        centre = "STSP" if number % 3 == 2 else "CTSP"
        title = self.random.choice(WORDS[theme][lang == "en"])
        text = self.words(theme, lang) if number not in (8, 9) else "The tide gauge under the old pier reads low after storms."
        if number == 0:
            title, text = f"{title} {CANARY}", f"{text} {CANARY}."
        return Need(self._id("N"), title, text, CANARY if number == 0 else "",
                    f"F{number % 11:02}" if number != 5 else None, centre, CENTRES[centre], lang, (), (theme,) if number not in (8, 9) else (),
                    3 if number % 2 else None, 6 if number % 4 else None,
                    valid_to=date(2027, 3, 14) if number == 4 else None, valid_from=date(2027, 2, 5) if number == 7 else None)

    def offer(self):
        number = self.count["O"]
        theme, lang = self.random.choice(THEMES), self.random.choice(("zh", "zh", "en"))
        centre = ("CTSP", "STSP", "CTSP", "STSP", None)[number % 5]
        title = self.random.choice(WORDS[theme][lang == "en"])
        return Offer(self._id("O"), title, self.words(theme, lang, 1 + number % 2), ("capability", "equipment", "site")[number % 3],
                     f"L{number % 13:02}", centre, CENTRES.get(centre), lang, (theme,) if number % 7 else (),
                     self.random.choice((None, 3, 5, 7)), reach="centre" if number % 9 == 0 else "national",
                     valid_to=date(2027, 1 + number % 9, 20) if number % 6 == 1 else None,
                     valid_from=date(2027, 1 + number % 8, 10) if number % 11 == 2 else None)

    def evidence(self, offer_id):
        offer = self.store.offer(offer_id)
        theme = next(iter(offer.themes), THEMES[0])
        return Evidence(self._id("E"), offer_id, self.words(theme, offer.lang, 1), year=self.random.randint(2021, 2026))

    # ---- one month ------------------------------------------------------------------------

    def live(self, first, busy=True):
        """Edit the region for a month; ``log`` says afterwards what was really done."""
        self.log, last = Log(), _last(first)
        self._edit()
        if busy:
            self._come_and_go(first)
            self._rule(first.month)
        self._decide(first, last)
        self._judge(first)

    def _edit(self):
        pick, store = self.random, self.store
        for offer in pick.sample(store.offers(), 3):
            theme = pick.choice(offer.themes or THEMES) if pick.random() < 0.6 else pick.choice(THEMES)
            self._put(offers=[replace(offer, description=self.words(theme, offer.lang))])
        backed = pick.choice(store.offers()).offer_id
        store.put(evidence=[self.evidence(backed)])
        self.log.edited.add(backed)
        need = pick.choice(store.needs())
        self._put(needs=[replace(need, description=self.words((need.themes or THEMES)[0], need.lang, 3))])

    def _put(self, needs=(), offers=()):
        self.store.put(needs=needs, offers=offers)
        self.log.edited |= {n.need_id for n in needs} | {o.offer_id for o in offers}

    def _come_and_go(self, first):
        pick, store = self.random, self.store
        gone = pick.choice(store.offers()).offer_id
        fresh = self.offer()
        store.delete("offers", [gone])
        store.put(offers=[fresh])
        self.log.gone.add(gone), self.log.new.add(fresh.offer_id)
        if pick.random() < 0.5:
            need, old = self.need(), pick.choice(store.needs())
            store.delete("needs", [old.need_id])
            store.put(needs=[need])
            self.log.gone.add(old.need_id), self.log.new.add(need.need_id)
        self._date(first)

    def _date(self, first):
        """Open a record again, end it or put it off."""
        later = (first + timedelta(days=70)).replace(day=1)
        for what, records in (("needs", self.store.needs()), ("offers", self.store.offers())):
            record = self.random.choice([r for r in records if id_of(r) not in self.log.new])
            if record.valid_to or record.valid_from:
                dated = replace(record, valid_from=None, valid_to=None)
            elif first.month % 2:
                dated = replace(record, valid_from=later)
            else:
                dated = replace(record, valid_to=first)
            self.store.put(**{what: [dated]})
            self.log.dated.add(id_of(record))

    def _owners(self, shown):
        """Give the parties of a pair in some list; None for one that has gone."""
        needs, offers = {n.need_id: n.party_id for n in self.store.needs()}, {o.offer_id: o.party_id for o in self.store.offers()}
        return needs.get(shown.need_id), offers.get(shown.offer_id)

    def _rule(self, month):
        pick, store = self.random, self.store
        if month % 3 == 1 and store.conflicts():
            lifted = store.conflicts()[0].party_id
            self.log.lifted |= {(c.party_id, c.other_party_id) for c in store.conflicts() if c.party_id == lifted}
            store.delete("conflicts", [lifted])
        if month % 2 == 0:
            pair = self._owners(pick.choice(store.outcomes(stages=("shown",))[-40:]))
            if None not in pair and pair not in {(c.party_id, c.other_party_id) for c in store.conflicts()}:
                store.put(conflicts=[Conflict(*pair, "樣本")])
                self.log.declared.add(pair)
        if month == 5:
            self.space = self.space.with_ranker(replace(
                self.space.ranker, intercept=-6.3, revision="sharper"))
            self.log.weights = True
        if month == 8:
            self.rules = replace(self.rules, threshold=0.35, per_offer=1)
            self.log.rules = True

    # ---- what people do ---------------------------------------------------------------------

    def show(self, lists, at):
        """Log that lists were looked at."""
        for found in lists:
            log_shown(self.store, found, at)

    def _decide(self, first, last):
        open_pairs, fresh = self._pairs()
        moments = sorted(_moment(self.random, first, last) for _ in range(14))
        moments[0], moments[-1] = datetime.combine(first, time(), TAIPEI), datetime.combine(last, time(23, 59, 59), TAIPEI)
        for at in moments:
            if open_pairs and self.random.random() < 0.55:
                found = open_pairs.pop(self.random.randrange(len(open_pairs)))
                self._step(found.need_id, found.offer_id, found.stage, at)
            elif fresh:
                self._step(*fresh.pop(self.random.randrange(len(fresh))), None, at)
        self._undo(last)

    def _pairs(self):
        """Give the standing decisions that may go on, and the pairs shown that nobody decided about."""
        there = {r.need_id for r in self.store.needs()} | {r.offer_id for r in self.store.offers()}
        going = [d for d in latest_decisions(self.store) if d.stage not in ("contract", "declined") and {d.need_id, d.offer_id} <= there]
        decided = {(o.need_id, o.offer_id) for o in self.store.outcomes(stages=STAGES)}
        shown = dict.fromkeys((o.need_id, o.offer_id) for o in self.store.outcomes(stages=("shown",)))
        return going, [pair for pair in shown if set(pair) <= there and pair not in decided]

    def _step(self, need, offer, stage, at):
        pick = self.random
        declines = pick.random() < 0.3
        place = ON_THE_WAY.index(stage) + 1 if stage else pick.choice((0, 0, 1))
        again = stage is not None and pick.random() < 0.15
        to = stage if again else "declined" if declines else ON_THE_WAY[min(place, 4)]
        brought = {"value_ntd": 100_000 * pick.randint(1, 60), "licences": pick.randint(0, 2), "jobs": pick.randint(0, 3)} if to == "contract" else {}
        put_decisions(self.store, [Outcome(need, offer, to, at, "office", pick.choice(("trl", "far", "budget")) if to == "declined" else "",
                                           last_run(self.store, need, offer), **brought)])
        self.log.decided.add(offer)

    def _undo(self, last):
        held = self.random.choice(latest_decisions(self.store)) if latest_decisions(self.store) else None
        if held and undo_decision(self.store, held.number, "office", datetime.combine(last, time(12), TAIPEI)):
            self.log.decided.add(held.offer_id)

    def _judge(self, first):
        needs, offers = self.store.needs(), self.store.offers()
        for judge in ("a", "b"):
            need, offer = self.random.choice(needs).need_id, self.random.choice(offers).offer_id
            self.store.put(judged=[JudgedPair(need, offer, self.random.randint(0, 3), judge, first.replace(day=9))])


def id_of(record):
    return record.need_id if isinstance(record, Need) else record.offer_id


def _last(first):
    return (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def _moment(random, first, last):
    return datetime.combine(first, time(9), TAIPEI) + timedelta(minutes=random.randint(0, (last - first).days * 24 * 60))
