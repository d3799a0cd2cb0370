"""The need-quality coach: how well a need or a profile is written, and what to add.

Four criteria of five points, as partnering databases use them for publishing requests: advantages
and innovation; clarity; cooperation expectations; form and language. 17-20 points are excellent,
15-16 good, 10-14 sufficient, 5-9 poor (on hold), 0-4 rejected. The checks of a criterion share
its points; each finds its sign in the fields or in a sentence, so that the writer sees why.
What firms decide by (mission reference § 3) stands in the first criterion: the problem, the
advantage over today's solution, the economics. Nothing is learned: cue words and structure only,
so a sign says that a thing is spoken of, never that it is true.

Wording is judged in Chinese (either script) and English only; in another language such checks
are left out of the sum.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from matcher.cues import cue, plain_of
from matcher.integrity import read_fairly
from matcher.languages import detect, sentences
from matcher.vocabulary import Evidence, Message, Need, Offer

READ = 20_000  # characters; more is not read: no checked text may be longer
POINTS = 20
WORD = 1.7  # Chinese characters that say as much as one word
SHORT, LONG = 20, 60  # Chinese characters: form is judged from SHORT on, LONG explains a need
# Characters of each text, as partnering databases allow them (mission reference § 8.1).
LIMITS: Mapping[str, tuple[int, Mapping[str, str]]] = {
    "title": (256, {"zh": "標題", "en": "title"}),
    "summary": (500, {"zh": "摘要", "en": "summary"}),
    "description": (4000, {"zh": "說明", "en": "description"}),
    "requirements": (4000, {"zh": "規格要求", "en": "requirements"}),
}
JUDGED = ("zh", "en")
# English is what Latin text without a known mark looks like; the party's word goes before it.
LATIN = ("vi", "id", "ms")
DECISIVE = ("problem", "better", "economics")
GRADES: tuple[tuple[int, str, Mapping[str, str]], ...] = (
    (17, "excellent", {"zh": "優良", "en": "excellent"}),
    (15, "good", {"zh": "良好", "en": "good"}),
    (10, "sufficient", {"zh": "尚可", "en": "sufficient"}),
    (5, "poor", {"zh": "偏弱，宜先補充", "en": "poor, better on hold"}),
    (0, "rejected", {"zh": "不足以刊登", "en": "not fit to publish"}),
)


@dataclass(frozen=True, slots=True)
class Written:
    """A need or an offer as the checks read it.

    ``found`` are the sentences below the title (a title names, it does not say), without what only
    tries to please, each with the plain form that signs are looked for in; ``asked`` those of
    the requirements, plain. ``size`` is their length in Chinese characters; ``tricks`` is what was
    left out; ``worded`` False: neither Chinese nor English.
    """

    record: Need | Offer
    evidence: Sequence[Evidence]
    text: str
    found: tuple[tuple[str, str], ...]
    asked: frozenset[str]
    size: float
    worded: bool
    tricks: tuple[Message, ...]


Sign = Callable[[Written], "str | bool | None"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to say: ``sign`` gives the sentence (or True) that says it, ``add`` asks for it.

    ``side`` "need" or "offer" keeps a check to one side. ``wording`` checks read words.
    """

    key: str
    sign: Sign
    add: Message
    side: str = "both"
    wording: bool = False


@dataclass(frozen=True, slots=True)
class Criterion:
    """Five points, shared equally by the checks of a side."""

    key: str
    label: Mapping[str, str]
    checks: tuple[Check, ...]

    def of(self, side: str) -> list[Check]:
        """Give the checks of a side, "need" or "offer"."""
        return [check for check in self.checks if check.side in ("both", side)]


@dataclass(frozen=True, slots=True)
class Advice:
    """What the coach says.

    ``points`` by criterion (0-5) and ``total`` (0-20) are scaled up where checks of wording were
    left out (``worded`` False); a criterion that has no others is absent. ``said`` maps a check
    to the sentence that earned its points (None: a field or the form did). ``missing`` are things
    to add, the one with most points first; ``warnings`` are things to take out or shorten.
    """

    points: Mapping[str, float]
    total: int
    grade: str
    said: Mapping[str, str | None] = field(default_factory=dict)
    missing: tuple[Message, ...] = ()
    worded: bool = True
    warnings: tuple[Message, ...] = ()

    @property
    def decisive(self) -> dict[str, tuple[bool, str | None]]:
        """Say of the problem, the advantage and the economics: said or not, and where."""
        return {key: (key in self.said, self.said.get(key)) for key in DECISIVE}


@dataclass(frozen=True, slots=True)
class _Mark:
    criterion: str
    add: Message
    key: str
    worth: float
    sign: str | bool | None


def advise(record: Need | Offer, evidence: Sequence[Evidence] = ()) -> Advice:
    """Judge a need, or an offer with its evidence; linear in the length of the text."""
    written = _read(record, evidence)
    marks = _marks(written)
    points = {row.key: _share(m for m in marks if m.criterion == row.key) for row in RUBRIC
              if any(m.criterion == row.key for m in marks)}
    scale = POINTS / sum(mark.worth for mark in marks)
    total = round(scale * sum(mark.worth for mark in marks if mark.sign))
    said = {m.key: m.sign if isinstance(m.sign, str) else None for m in marks if m.sign}
    return Advice(points, total, grade_of(total), said, _missing(marks, scale), written.worded,
                  _warnings(written))


def grade_of(total: int) -> str:
    """Name the grade of 0-20 points."""
    return next(key for least, key, _ in GRADES if total >= least)


def size_of(text: str) -> float:
    """Measure a text in Chinese characters; a word of Latin letters counts as 1.7."""
    return len(_CHARACTER.findall(text)) + WORD * len(_LATIN_WORD.findall(text))


def _read(record: Need | Offer, evidence: Sequence[Evidence]) -> Written:
    requirements = getattr(record, "requirements", "")[:READ]
    body = read_fairly(f"{record.description[:READ]}\n{requirements}".strip()).text
    found = tuple((shown, plain_of(shown)) for shown in sentences(body))
    asked = frozenset(map(plain_of, sentences(requirements)))
    text = record.text[:READ]
    worded = (detect(text) in JUDGED and record.lang not in LATIN) or not text.strip()
    return Written(record, evidence, text, found, asked, sum(size_of(plain) for _, plain in found),
                   worded, read_fairly(text).warnings)


def _marks(written: Written) -> list[_Mark]:
    side = "need" if isinstance(written.record, Need) else "offer"
    return [_mark(row.key, check, 5 / len(row.of(side)), written) for row in RUBRIC
            for check in row.of(side) if written.worded or not check.wording]


def _mark(criterion: str, check: Check, worth: float, written: Written) -> _Mark:
    """Judge one check; of a text too short to tell, the form is not judged but asked for."""
    if criterion == "form" and written.size < SHORT:
        return _Mark(criterion, TOO_SHORT, check.key, worth, None)
    return _Mark(criterion, check.add, check.key, worth, check.sign(written))


def _share(marks: Iterable[_Mark]) -> float:
    """Give 0-5 points: the share of what could be judged that is there."""
    found = list(marks)
    return 5 * sum(bool(mark.sign) for mark in found) / len(found)


def _missing(marks: Sequence[_Mark], scale: float) -> tuple[Message, ...]:
    gains: dict[str, float] = {}
    asks = {mark.add.id: mark.add for mark in marks if not mark.sign}
    for mark in marks:
        if not mark.sign:
            gains[mark.add.id] = gains.get(mark.add.id, 0.0) + mark.worth * scale
    return tuple(Message("{advice} (+{points} of {all} points)",
                         {"advice": asks[key], "points": f"{gain:.2g}", "all": POINTS})
                 for key, gain in sorted(gains.items(), key=lambda pair: -round(pair[1], 6)))


def _warnings(written: Written) -> tuple[Message, ...]:
    """Say what should be taken out or shortened."""
    long = [Message("The {field} has {found} characters; at most {limit} are wanted",
                    {"field": label, "found": found, "limit": limit})
            for name, (limit, label) in LIMITS.items()
            if (found := _length(written.record, name)) > limit]
    contact = [CONTACT_INSIDE] if _CONTACT.search(plain_of(written.text)) else []
    return (*contact, *long, *written.tricks)


def _length(record: Need | Offer, name: str) -> int:
    return len(getattr(record, name, ""))


def _says(name: str, least: int = 6) -> Sign:
    """Look for the first sentence with a cue word, at least ``least`` characters long."""
    return lambda written: next((shown for shown, plain in written.found
                                 if cue(name).search(plain) and size_of(plain) >= least), None)


def _has(*names: str) -> Sign:
    """Look for fields that are all filled in."""
    return lambda written: all(getattr(written.record, name, None) not in (None, "", ())
                               for name in names)


def _any(*signs: Sign) -> Sign:
    return lambda written: next((found for sign in signs if (found := sign(written))), None)


def _target(written: Written) -> str | None:
    """Find a number with its unit among the requirements, or beside a word of wanting.

    In a language whose words are not read any number with its unit will do.
    """
    asked_first = sorted(written.found, key=lambda pair: pair[1] not in written.asked)
    return next((shown for shown, plain in asked_first if cue("number").search(plain)
                 and (not written.worded or plain in written.asked
                      or cue("asks").search(plain) or cue("bound").search(plain))), None)


def _requires(written: Written) -> str | None:
    """Find a whole sentence among the requirements."""
    return next((shown for shown, plain in written.found
                 if plain in written.asked and size_of(plain) >= 10), None)


def _has_title(written: Written) -> bool:
    """Say whether there is a title that is more than a word and not the text over again."""
    record, first = written.record, [plain for _, plain in written.found[:1]]
    title, text = plain_of(record.title[:READ]), plain_of(record.description[:READ])
    return (size_of(title) >= 3 and len(record.title) <= LIMITS["title"][0]
            and _letters(title) not in map(_letters, [text, *first]))


def _is_long(written: Written) -> bool:
    """Say whether the text, an offer's with its evidence, is long enough to explain itself."""
    shown = sum(size_of(plain_of(entry.text[:READ])) for entry in written.evidence)
    return written.size + shown >= LONG


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def _is_calm(written: Written) -> bool:
    letters = [c for c in written.text if c.isascii() and c.isalpha()]
    shouted = len(letters) > 40 and sum(map(str.isupper, letters)) > 0.6 * len(letters)
    return not shouted and not re.search(r"[!?]{2}", plain_of(written.text))


def _is_clean(written: Written) -> bool:
    """Say whether characters and words came through whole: none broken, glued or left open."""
    plain = plain_of(written.text)
    opened = sum(max(plain.count(a) - plain.count(b), 0) for a, b in ("()", "「」", "《》", "[]"))
    return not opened and not _BROKEN.search(written.text)


def _is_within_limits(written: Written) -> bool:
    return all(_length(written.record, name) <= limit for name, (limit, _) in LIMITS.items())


def _is_in_sentences(written: Written) -> bool:
    """Say whether there are two sentences or more and the last one ends."""
    return len(written.found) >= 2 and bool(_END.search(plain_of(written.text)))


_CHARACTER = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_LATIN_WORD = re.compile(r"[a-z\u00c0-\u024f\u1e00-\u1eff]{2,}")
_END = re.compile(r"[。.!?][」』)”\"]?$")
_BROKEN = re.compile(r"[\x00-\x08\x0e-\x1f\ufffd]|锟斤拷|â€|Ã[\u0080-\u00bf]|[A-Za-z]{41}"
                     r"|</?(?:p|br|div|span|li|b)\s*/?>")
_CONTACT = re.compile(
    r"[a-z0-9._%+-]@[a-z0-9-]{1,63}\.[a-z]{2}|https?://|\bwww\.|\bline\s?id\b"
    r"|(?<![\d.])(?:\+\d{1,3}[- ]?\(?\d{1,4}|\(?0\d{1,3})\)?[- ]?\d{3,4}[- ]?\d{3,4}(?!\d)")

TOO_SHORT = Message("Write two sentences or more; so short a text cannot be judged for its form")
CONTACT_INSIDE = Message("Take contact data out of the text; they have a field of their own")

RUBRIC: tuple[Criterion, ...] = (
    Criterion("advantage", {"zh": "優勢與創新", "en": "Advantages and innovation"}, (
        Check("problem", _says("problem"),
              Message("Say what the problem is and what it does to you"), "need", True),
        Check("problem", _says("problem"),
              Message("Say which problem it solves"), "offer", True),
        Check("better", _says("better"),
              Message("Say what shall be better than today's solution"), "need", True),
        Check("better", _says("better"),
              Message("Say what it does better than today's solutions"), "offer", True),
        Check("economics", _says("economics", least=4),
              Message("Say what it is worth: cost, volume, price or market"), "need", True),
        Check("economics", _any(_says("economics", least=4), _has("money_min_ntd"),
                                _has("money_max_ntd")),
              Message("Say what it costs or saves, or give the amounts"), "offer"),
        Check("target", _target,
              Message("Give one target as a number with its unit"), "need"),
        Check("result", _says("number", least=0),
              Message("Give one result as a number with its unit"), "offer"),
        Check("today", _says("today"),
              Message("Say how it is done today and what was tried already"), "need", True),
        Check("evidence", lambda written: bool(written.evidence),
              Message("Add evidence: a project, publication, patent or case"), "offer"),
    )),
    Criterion("clarity", {"zh": "清楚與連貫", "en": "Clarity and coherence"}, (
        Check("title", _has_title,
              Message("Give a title of its own, not the text's first sentence")),
        Check("length", _is_long,
              Message("Write at least 60 Chinese characters or 35 words")),
        Check("asks", _any(_says("asks", least=10), _requires),
              Message("Say which technology or help you ask for"), "need", True),
        Check("gives", _says("gives", least=10),
              Message("Say what exactly you can do or supply"), "offer", True),
        Check("themes", _any(_has("themes"), _has("codes")), Message("Choose a theme or a code")),
        Check("kinds", _has("kinds"),
              Message("Choose which kinds of offers may answer"), "need"),
        Check("use", _says("use"), Message("Say for whom or in which product it is used"),
              "offer", True),
    )),
    Criterion("cooperation", {"zh": "合作期待", "en": "Cooperation expectations"}, (
        Check("modes", _any(_has("modes"), _says("modes")),
              Message("Choose the ways of working you accept")),
        Check("trl", _any(_has("trl_now", "trl_target"), _says("trl")),
              Message("Give the technology readiness level today and the one wanted"), "need"),
        Check("trl", _any(_has("trl_now"), _says("trl")),
              Message("Give the technology readiness level"), "offer"),
        Check("budget", _any(_has("budget_max_ntd"), _has("budget_min_ntd"), _says("budget")),
              Message("Give a budget, if only its upper bound"), "need"),
        Check("price", _any(_has("money_max_ntd"), _has("money_min_ntd")),
              Message("Give the amounts you work for or give"), "offer"),
        Check("due", _any(_has("valid_to"), _says("due")),
              Message("Say until when you need it"), "need"),
        Check("until", _has("valid_to"), Message("Say until when the offer stands"), "offer"),
        Check("tests", _says("tests"),
              Message("Say under which conditions success will be tested"), "need", True),
        Check("tested", _any(_says("tests"), lambda written: any(
            entry.year for entry in written.evidence)),
              Message("Say where and when it was tested, or give the years of the evidence"),
              "offer"),
    )),
    Criterion("form", {"zh": "格式與文字", "en": "Form and language"}, (
        Check("sentences", _is_in_sentences,
              Message("Write two full sentences or more and end with a full stop"), "both", True),
        Check("calm", _is_calm, Message("Write without capitals throughout and without !! or ??")),
        Check("fair", lambda written: not written.tricks,
              Message("Write sentences: no keyword lists, repetitions or hidden characters")),
        Check("clean", _is_clean,
              Message("Mend broken characters, glued words, tags and open brackets")),
        Check("limits", _is_within_limits,
              Message("Shorten the texts that are over their limit")),
    )),
)
CRITERIA: Mapping[str, Mapping[str, str]] = {row.key: row.label for row in RUBRIC}
CHECKS: tuple[Check, ...] = tuple(check for row in RUBRIC for check in row.checks)
