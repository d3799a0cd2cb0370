"""What of a text counts as evidence, and what only tries to please the ranking.

Ranking by text similarity invites keyword lists, repetitions, hidden signs and the need pasted
into a profile (Hsieh, Raghunathan & Shah 2023; Eisenhofer et al. 2023). Such parts are left
out before a text is encoded and counted, and said to people in a sentence each.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from matcher.languages import detect, normalise, sentences
from matcher.lexical import FUNCTION_WORDS, terms
from matcher.vocabulary import Message

# Cyrillic and Greek letters that look like Latin ones. Greek letters that science writes beside
# Latin ones and that look like none of them (μm, α-SiC) are not here.
_TWINS = str.maketrans("аеорсухіјѕԁһԛԝАВЕКМНОРСТУХІЈЅΑΒΕΖΗΙΚΜΝΟΡΤΥΧο",
                       "aeopcyxijsdhqwABEKMHOPCTYXIJSABEZHIKMNOPTYXo")
_LETTERS = re.compile(r"[^\W\d_]+")
_MIXED = re.compile(r"[a-zA-Z][\u0370-\u03ff\u0400-\u04ff]|[\u0370-\u03ff\u0400-\u04ff][a-zA-Z]")
_HIDDEN = re.compile(r"[\u200b\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]")
_AGAIN = re.compile(r"([^\W\d_].{1,60}?)(?:[\s,，、;；]*\1){3,}", re.DOTALL)
_PAUSES = re.compile(r"[\s,，、;；]+")
LONGEST_AGAIN = 61
# Neither the comma of 1,000 nor the stroke of mg/L ends an item.
_MARKS = (r"(?<!\d),|,(?!\d)|[，、;；|•·\t]"
          r"|/(?!(?:m?L|h|hr|min|s|d|m[23²³]?|g|kg|km|ha)(?![a-zA-Z]))")
_ITEM_END = re.compile(rf"(?:{_MARKS})+")
_ITEM_OR_SPACE = re.compile(rf"(?:{_MARKS}|\s)+")
_HAN = re.compile(r"[\u3400-\u9fff]")
_PAIR = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")
_LATIN_WORD = _WORDS = re.compile(r"[^\W_]+")
LIST_ITEMS = 10
BARE_WORDS = 14
LONGEST_ITEM = 4
SHINGLE = 6
PASTED = 0.5
LEAST_SHINGLES = 4
LONG_NEED = 25
NEARLY_ALL = 0.7


@dataclass(frozen=True, slots=True)
class Reading:
    """The part of a text that counts, and what was left out of it."""

    text: str
    warnings: tuple[Message, ...] = ()


@lru_cache(maxsize=100_000)
def read_fairly(text: str) -> Reading:
    """Leave hidden signs, look-alike letters, repetitions and keyword lists out of a text.

    A text that holds nothing of the kind comes back as it was, character for character.
    """
    warnings: list[Message] = []
    kept = _without_hidden(text, warnings)
    kept = _without_repetitions(kept, warnings)
    kept = _without_lists(kept, warnings)
    return Reading(kept, tuple(warnings)) if warnings else Reading(text)


def _without_hidden(text: str, warnings: list[Message]) -> str:
    hidden = len(_HIDDEN.findall(text))
    if hidden:
        warnings.append(Message("{count} hidden characters were left out", {"count": hidden}))
        text = _HIDDEN.sub("", text)
    twins = [word for word in _LETTERS.findall(text) if _unmasked(word) != word]
    if twins:
        warnings.append(Message("letters of another script were read as the Latin letters they "
                                "look like: {words}", {"words": ", ".join(twins[:5])}))
        text = _LETTERS.sub(lambda found: _unmasked(found[0]), text)
    return text


def _unmasked(word: str) -> str:
    """Read the look-alikes of a word that mixes scripts as Latin letters."""
    return word.translate(_TWINS) if _MIXED.search(word) else word


def _without_repetitions(text: str, warnings: list[Message]) -> str:
    """Leave out words said again and again without a pause; of equal sentences keep the first."""
    once = _AGAIN.sub("", text) if may_repeat(text) else text
    parts = sentences(once)
    if once == text and len(parts) - len(set(map(_first_letter, parts))) < 2:
        return text
    first: dict[str, str] = {}
    for part in parts:
        first.setdefault(_key(part), part)
    if once == text and len(parts) - len(first) < 2:
        return text
    warnings.append(Message("words repeated over and over do not count, repeated sentences "
                            "count once"))
    return "\n".join(first.values())


def may_repeat(text: str) -> bool:
    """Say whether words may be said four times without a pause; False only where they are not.

    Quick, where the search itself would take most of a long job: without pauses, what is
    repeated begins with the same two characters at three places of equal distance.
    """
    dense = _PAUSES.sub("", text)
    places: dict[str, list[int]] = defaultdict(list)
    for place in range(len(dense) - 1):
        places[dense[place : place + 2]].append(place)
    return any(_four_times(dense, found) for found in places.values() if len(found) > 2)


def _first_letter(sentence: str) -> str:
    """Give what equal sentences have in common at least: the sign they begin with."""
    return next((found[0][:1] for size in (8, len(sentence))
                 if (found := _WORDS.findall(normalise(sentence[:size])))), "")


def _four_times(dense: str, places: Sequence[int]) -> bool:
    """Say whether what begins at one of some places and ends at another stands four times."""
    known = set(places)
    for number, first in enumerate(places):
        for second in places[number + 1 :]:
            size = second - first
            if size > LONGEST_AGAIN:
                break
            if second + size in known and (dense[first : second + 2 * size]
                                           == dense[second : second + 3 * size]):
                return True
    return False


def _key(sentence: str) -> str:
    return "".join(_WORDS.findall(normalise(sentence)))


def _without_lists(text: str, warnings: list[Message]) -> str:
    """Leave sentences out that only list ten or more keywords."""
    parts = sentences(text, longest=len(text) + 1)
    kept = [part for part in parts if not is_keyword_list(part)]
    if len(kept) == len(parts):
        return text
    warnings.append(Message("a list of keywords does not count as evidence; say it in sentences"))
    return "\n".join(kept)


@lru_cache(maxsize=64)
def is_keyword_list(sentence: str) -> bool:
    """Say whether a sentence is ten or more short items, or as many words without grammar.

    Items end at commas and the like; in Chinese, which writes no spaces, at spaces too.
    """
    is_han = len(_HAN.findall(sentence)) * 2 > len(sentence)
    parts = (_ITEM_OR_SPACE if is_han else _ITEM_END).split(sentence)
    return _is_mostly_short(parts) or (detect(sentence) == "en" and _is_bare(sentence))


def _is_mostly_short(parts: Sequence[str]) -> bool:
    """Say whether ten or more parts, and four of five of those that say anything, are short."""
    short = long = 0
    for part in sorted(parts, key=len, reverse=True) if len(parts) >= LIST_ITEMS else ():
        count = len(terms(part))
        short += 0 < count <= LONGEST_ITEM
        long += count > LONGEST_ITEM
        if 4 * long > len(parts) - long:  # too many already, and to cut into terms takes long
            return False
    return short >= max(LIST_ITEMS, 0.8 * (short + long))


def _is_bare(sentence: str) -> bool:
    """Say whether most of a sentence is one stretch of words without any function word."""
    words = _LATIN_WORD.findall(sentence.lower())
    longest = here = 0
    for word in words:
        here = 0 if word in FUNCTION_WORDS or word.isdigit() else here + 1
        longest = max(longest, here)
    return longest >= max(BARE_WORDS, 0.7 * len(words))


def find_pasted(need: str, texts: Sequence[str]) -> list[int]:
    """Give the places of texts that repeat half of a need, or nearly every word of a long one.

    Runs of six terms are compared; a need of fewer than nine words is too short to tell pasting
    from speaking of the same thing, and so is a list of keywords for single words.
    """
    runs, words = _shingles(need), _distinct(need)
    has_runs = _has_runs(need)
    is_long = len(words) >= LONG_NEED and not is_keyword_list(need)
    if not has_runs and not is_long:
        return []
    return [place for place, text in enumerate(texts)
            if (has_runs
                and len(runs & _shingles(text)) >= PASTED * len(runs))
            or (is_long and len(words & _distinct(text)) >= NEARLY_ALL * len(words))]


def least_shared(need: str) -> int | None:
    """Give how many different terms a text shares at least in which ``find_pasted`` finds a need.

    None: it would find the need nowhere. Half of the runs begin with terms of the text; these are
    fewest where the need says its commonest terms again and again.
    """
    runs, words = _shingles(need), _distinct(need)
    least = []
    if _has_runs(need):
        often = sorted(Counter(_terms(need)).values(), reverse=True)
        least.append(int(np.searchsorted(np.cumsum(often), np.ceil(PASTED * len(runs)))) + 1)
    if len(words) >= LONG_NEED and not is_keyword_list(need):
        least.append(int(np.ceil(NEARLY_ALL * len(words))))
    return min(least, default=None)


def _has_runs(need: str) -> bool:
    """Say whether a need has nine words; where terms are pairs of letters, two make a word."""
    pairs = sum(bool(_PAIR.match(term)) for term in _terms(need))
    return (len(_shingles(need)) >= LEAST_SHINGLES
            and len(_terms(need)) - pairs / 2 >= LEAST_SHINGLES + SHINGLE - 1)


def without_pasted(need: str, text: str) -> str:
    """Leave out the sentences of a text that repeat a need, word for word or word by word."""
    runs, words = _shingles(need), _distinct(need)
    return "\n".join(s for s in sentences(text, longest=len(text) + 1)
                     if not _repeats(s, runs, words))


def _repeats(sentence: str, runs: frozenset[tuple[str, ...]], words: frozenset[str]) -> bool:
    own_runs, own_words = _shingles(sentence), _distinct(sentence)
    return (len(own_runs & runs) > PASTED * len(own_runs)
            or len(own_words & words) > NEARLY_ALL * len(own_words))


@lru_cache(maxsize=64)
def _terms(text: str) -> tuple[str, ...]:
    """Cut a text into terms; whoever asks for one thing about a text asks for others next."""
    return tuple(terms(text))


def count_distinct(text: str) -> int:
    """Count the different terms of a text."""
    return len(_distinct(text))


@lru_cache(maxsize=20_000)
def _shingles(text: str) -> frozenset[tuple[str, ...]]:
    found = _terms(text)
    return frozenset(tuple(found[i : i + SHINGLE]) for i in range(len(found) - SHINGLE + 1))


@lru_cache(maxsize=20_000)
def _distinct(text: str) -> frozenset[str]:
    return frozenset(_terms(text))
