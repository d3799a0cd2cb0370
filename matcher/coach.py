"""The need-quality coach: how well a need or a profile is written, and what to add.

Four criteria of five points, as partnering databases use them for publishing requests: advantages
and innovation; clarity; cooperation expectations; form and language. Each point is one check: a
row of ``CHECKS`` that finds its sign in the fields or in a sentence, so that the writer sees why.
17-20 points are excellent, 15-16 good, 10-14 sufficient, 5-9 poor (on hold), 0-4 rejected.

What a firm decides by (interviews with firms; mission reference § 3) stands in the first
criterion: the problem, the advantage over today's solution, the economics. Wording is judged in
Chinese and English only; in another language such checks are left out of the sum.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from matcher.integrity import read_fairly
from matcher.languages import detect, sentences
from matcher.vocabulary import Evidence, Message, Need, Offer

READ = 20_000  # characters; more is not read: no checked text may be longer
POINTS = 20
GRADES: tuple[tuple[int, str, Mapping[str, str]], ...] = (
    (17, "excellent", {"zh": "優良", "en": "excellent"}),
    (15, "good", {"zh": "良好", "en": "good"}),
    (10, "sufficient", {"zh": "尚可", "en": "sufficient"}),
    (5, "poor", {"zh": "偏弱，宜先補充", "en": "poor, better on hold"}),
    (0, "rejected", {"zh": "不足以刊登", "en": "not fit to publish"}),
)
CRITERIA: Mapping[str, Mapping[str, str]] = {
    "advantage": {"zh": "優勢與創新", "en": "Advantages and innovation"},
    "clarity": {"zh": "清楚與連貫", "en": "Clarity and coherence"},
    "cooperation": {"zh": "合作期待", "en": "Cooperation expectations"},
    "form": {"zh": "格式與文字", "en": "Form and language"},
}


@dataclass(frozen=True)
class Written:
    """A need or an offer as the checks read it; ``worded`` False: neither Chinese nor English."""

    record: Need | Offer
    evidence: Sequence[Evidence] = ()
    text: str = ""
    found: tuple[str, ...] = ()
    worded: bool = True

    def sentence_with(self, sign: re.Pattern[str]) -> str | None:
        """Give the first sentence with a sign."""
        return next((s for s in self.found if sign.search(s)), None)


Sign = Callable[[Written], "str | bool | None"]


@dataclass(frozen=True, slots=True)
class Check:
    """One point: ``sign`` gives the sentence (or True) that earns it; ``add`` says what is missing.

    ``side`` "need" or "offer" keeps a check to one side. ``wording`` checks read words.
    """

    key: str
    criterion: str
    sign: Sign
    add: Message
    side: str = "both"
    wording: bool = False


@dataclass(frozen=True, slots=True)
class Advice:
    """What the coach says.

    ``points`` by criterion (0-5) and ``total`` (0-20) are scaled up where checks of wording were
    left out, a criterion that has no others is absent; ``said`` maps a check to the sentence that
    earned its point (None: a field did); ``missing`` says what to add, most telling first.
    """

    points: Mapping[str, float]
    total: int
    grade: str
    said: Mapping[str, str | None] = field(default_factory=dict)
    missing: tuple[Message, ...] = ()
    worded: bool = True


def advise(record: Need | Offer, evidence: Sequence[Evidence] = ()) -> Advice:
    """Judge a need, or an offer with its evidence; linear in the length of the text."""
    written = _read(record, evidence)
    side = "need" if isinstance(record, Need) else "offer"
    checks = [c for c in CHECKS if c.side in ("both", side) and (written.worded or not c.wording)]
    signs = [(c, c.sign(written)) for c in checks]
    by_criterion = {key: [sign for c, sign in signs if c.criterion == key] for key in CRITERIA}
    points = {key: _points(found) for key, found in by_criterion.items() if found}
    total = round(POINTS / 5 * sum(points.values()) / len(points))
    said = {c.key: sign if isinstance(sign, str) else None for c, sign in signs if sign}
    missing = tuple(c.add for c, sign in signs if not sign)
    return Advice(points, total, grade_of(total), said, missing, written.worded)


def grade_of(total: int) -> str:
    """Name the grade of 0-20 points."""
    return next(key for least, key, _ in GRADES if total >= least)


def _read(record: Need | Offer, evidence: Sequence[Evidence]) -> Written:
    text = record.text[:READ]
    worded = detect(text) in ("zh", "en") or not text.strip()
    return Written(record, evidence, text, sentences(text), worded)


def _points(signs: Sequence[str | bool | None]) -> float:
    """Give 0-5 points: the share of checks that hold."""
    return 5 * sum(map(bool, signs)) / len(signs)


def _says(pattern: str) -> Sign:
    sign = re.compile(pattern, re.IGNORECASE)
    return lambda written: written.sentence_with(sign)


def _has(*names: str) -> Sign:
    return lambda written: any(getattr(written.record, n, None) not in (None, "", ())
                               for n in names)


def _either(*signs: Sign) -> Sign:
    return lambda written: next((s for sign in signs if (s := sign(written))), None)


def _has_title(written: Written) -> bool:
    title, body = written.record.title.strip(), written.record.description.strip()
    return bool(title) and title != body and len(title) <= 256


def _is_long_enough(written: Written) -> bool:
    """At least 60 Han characters or 35 words, counting a word as about two characters."""
    body = written.text.replace(written.record.title, "", 1)
    han = len(re.findall(r"[\u3040-\u9fff\uac00-\ud7af\u0e00-\u0e7f]", body))
    return han + 1.7 * len(re.findall(r"[A-Za-z\u00c0-\u1eff]{2,}", body)) >= 60


def _is_calm(written: Written) -> bool:
    letters = re.findall(r"[A-Za-z]", written.text)
    shouted = len(letters) > 40 and sum(c.isupper() for c in letters) > 0.6 * len(letters)
    return bool(written.found) and not shouted and not re.search(r"[!！?？]{2,}", written.text)


def _is_fair(written: Written) -> bool:
    return bool(written.found) and not read_fairly(written.text).warnings


def _is_within_limits(written: Written) -> bool:
    return bool(written.found) and len(written.record.description) <= 4000 and \
        len(written.record.title) <= 256


def _names_no_contact(written: Written) -> bool:
    return bool(written.found) and not CONTACT.search(written.text)


def _is_sentences(written: Written) -> bool:
    return bool(re.search(r"[。．.!?！？]\s*$", written.text.strip()))


NUMBER = (
    r"(?<![\w])[\d０-９][\d.,０-９]*\s*(?:%|％|‰|°C|℃|度|[µμnmk]?m\b|mm|cm|nm|kg|mg|"
    r"µg|公斤|公克|公噸|噸|公尺|公分|毫米|微米|奈米|秒|分鐘|小時|天|日|週|個月|月|年|倍|"
    r"次|片|台|件|組|Hz|[kMG]Hz|[kM]?W\b|[kM]?V\b|mA|A\b|ppm|ppb|L\b|mL|公升|毫升|dB|"
    r"rpm|hours?|days?|weeks?|months?|years?|times|CFU|log)"
)
CONTACT = re.compile(r"[\w.+-]+@[\w-]+\.\w+|https?://"
                     r"|(?<!\d)0\d{1,3}[- ]?\d{3,4}[- ]?\d{3,4}(?!\d)")
PROBLEM = (
    r"問題|困擾|不良|失效|損失|瓶頸|無法|不足|過高|過低|過長|太慢|太高|誤差|漂移|故障|"
    r"汙染|污染|變形|裂|斷線|耗時|耗能|難以|不易|不穩|缺乏|退化|衰減|problem|fail|loss|"
    r"lose|defect|drift|too \w+|cannot|can't|unable|unstable|bottleneck|error|reject|"
    r"downtime|contaminat|crack|waste|lack|suffer|degrad|difficult"
)
TODAY = (
    r"目前|現行|現有|以往|過去|曾|試過|傳統|人工|外購|進口|既有|仰賴|current|today|"
    r"so far|existing|tried|conventional|manual|import|at present|state of the art"
)
BETTER = (
    r"降低|減少|提高|提升|縮短|取代|改善|節省|優於|比.{1,12}[高低快好少多]|以內|以上|"
    r"以下|避免|即時|自動|小於|大於|低於|高於|reduc|lower|increas|improv|shorten|replac|"
    r"faster|better|cut|sav(?:e|ing)|avoid|below|above|within|at least|less than|"
    r"more than|real[- ]time|automat"
)
MONEY = (
    r"元|成本|費用|年產|產量|訂單|市場|售價|良率|產值|單價|預算|回收期|外銷|NT\$|USD|"
    r"cost|price|annual|per year|volume|market|yield|payback|budget|revenue|export"
)
DUE = (
    r"\d+\s*(?:個月|週|年)內|期限|截止|年底|季|時程|上線|量產時|deadline|"
    r"by (?:the end|Q\d|20\d\d)|within \d+ (?:months?|weeks?|years?)|quarter"
)
TESTED = (
    r"驗證|測試|試驗|實測|場域|試量產|認證|test|trial|validat|verif|pilot|field|certif|"
    r"measured"
)
USED_FOR = (
    r"用於|應用|適用|產品|製程|產線|設備|系統|養殖|栽培|場|廠|appl|product|process|line|"
    r"machine|system|device|farm|plant|used (?:for|in)"
)

CHECKS: tuple[Check, ...] = (
    Check("problem", "advantage", _says(PROBLEM),
          Message("Say what the problem is and what it costs you today (1 point)."), "both", True),
    Check("better", "advantage", _says(BETTER),
          Message("Say what shall be better than today's solution (1 point)."), "both", True),
    Check("number", "advantage", _says(NUMBER),
          Message("Give one target as a number with its unit (1 point)."), "both", True),
    Check("economics", "advantage", _either(_says(MONEY), _has("budget_max_ntd", "money_min_ntd",
                                                               "money_max_ntd")),
          Message("Say what it is worth: cost, volume, price or market (1 point)."), "both", True),
    Check("today", "advantage", _says(TODAY),
          Message("Say how it is done today, or what was tried already (1 point)."), "both", True),

    Check("title", "clarity", _has_title,
          Message("Give a title of its own, up to 256 characters (1 point).")),
    Check("length", "clarity", _is_long_enough,
          Message("Write at least 60 Chinese characters or 35 words (1 point).")),
    Check("sentences", "clarity", lambda w: len(w.found) >= 3,
          Message("Write three sentences or more, one thought each (1 point).")),
    Check("use", "clarity", _says(USED_FOR),
          Message("Say in which product, process or place it is to be used (1 point)."), "both",
          True),
    Check("themes", "clarity", _has("themes", "codes"),
          Message("Choose a theme or a code (1 point).")),

    Check("modes", "cooperation", _has("modes"),
          Message("Choose the ways of working you accept (1 point).")),
    Check("trl", "cooperation", _has("trl_now", "trl_target"),
          Message("Give the technology readiness level (1 point).")),
    Check("kinds", "cooperation", _has("kinds"),
          Message("Choose which kinds of offers may answer (1 point)."), "need"),
    Check("due", "cooperation", _either(_has("valid_to"), _says(DUE)),
          Message("Say until when you need it (1 point)."), "need"),
    Check("tests", "cooperation", _either(_has("requirements"), _says(TESTED)),
          Message("Say how success will be tested (1 point)."), "need"),
    Check("evidence", "cooperation", lambda w: bool(w.evidence),
          Message("Add evidence: a project, publication, patent or case (1 point)."), "offer"),
    Check("recent", "cooperation", lambda w: any(e.year for e in w.evidence),
          Message("Give the years of the evidence (1 point)."), "offer"),
    Check("tested", "cooperation", _says(TESTED),
          Message("Say where it was tested, and with what result (1 point)."), "offer", True),

    Check("calm", "form", _is_calm,
          Message("Write without capitals throughout and without !! or ?? (1 point).")),
    Check("fair", "form", _is_fair,
          Message("Write sentences in place of a list of keywords, without hidden or look-alike "
                  "characters (1 point).")),
    Check("limits", "form", _is_within_limits,
          Message("Keep the title within 256 characters, the text within 4,000 (1 point).")),
    Check("contact", "form", _names_no_contact,
          Message("Take contact data out of the text; they have a field of their own (1 point).")),
    Check("stop", "form", _is_sentences,
          Message("End with a full stop, so that nobody thinks the text was cut (1 point)."),
          "both", True),
)
