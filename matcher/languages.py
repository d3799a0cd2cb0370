"""The languages we serve: normalise, detect, split into sentences, translate.

Detection goes by script first (kana, hangul, Thai, Han), then by Vietnamese
letters, then by Malay function words; what is left of the Latin script is
English. Two texts share words only inside one ``lexical_group``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path

from matcher.vocabulary import Message

CATALOGUES = Path(__file__).parent / "locale"
DEFAULT_LANGUAGE = "zh"


@dataclass(frozen=True, slots=True)
class Language:
    """One language: our code, its own name, Babel locale (None: no catalogue yet), word group."""

    code: str
    name: str
    locale: str | None
    lexical_group: str


LANGUAGES: Mapping[str, Language] = {
    language.code: language
    for language in (
        Language("zh", "繁體中文", "zh_Hant_TW", "zh"),
        Language("en", "English", "en", "en"),
        Language("ja", "日本語", None, "ja"),
        Language("ko", "한국어", None, "ko"),
        Language("vi", "Tiếng Việt", None, "vi"),
        Language("id", "Bahasa Indonesia", None, "malay"),
        Language("th", "ไทย", None, "th"),
        Language("ms", "Bahasa Melayu", None, "malay"),
    )
}
INTERFACE_LANGUAGES = tuple(code for code, row in LANGUAGES.items() if row.locale)

_SCRIPTS = (
    # Not the middle dot U+30FB and the bar U+30FC, with which Chinese lists are written, too.
    ("ja", re.compile(r"[\u3040-\u30fa\u30fd-\u30ff\uff66-\uff9f]")),
    ("ko", re.compile(r"[\uac00-\ud7af\u1100-\u11ff]")),
    ("th", re.compile(r"[\u0e00-\u0e7f]")),
    ("zh", re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")),
)
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f\u1e00-\u1eff]")
_VIETNAMESE = re.compile(r"[ăâđêôơưĂÂĐÊÔƠƯ\u1ea0-\u1ef9]")
_WORD = re.compile(r"[a-z]+")
_MALAY = frozenset(
    "yang dan dengan untuk dari daripada pada dalam adalah ialah tidak ini itu kami akan oleh "
    "sebagai telah serta atau kepada bagi dapat perlu di ke juga ada lebih setiap secara sangat "
    "sudah belum bisa boleh hanya masih bukan tanpa antara melalui terhadap seperti karena "
    "kerana jika ketika setelah selepas sebelum sehingga hingga sampai bahwa bahawa agar supaya "
    "namun tetapi semua satu dua tiga ingin mahu mencari membutuhkan memerlukan menggunakan "
    "tersebut berbasis para".split())
# These stand in English titles too (DI water, agar plate): they count beside another word only.
_UNSURE = frozenset("di ke ada para agar satu".split())
_ENGLISH = frozenset(
    "a an and are as at be by for from in is it of on or our that the their this to was we were "
    "with".split())
_MALAYSIAN = frozenset(
    "ialah daripada boleh ujian syarikat kilang ladang kerana kajian makmal penyelidikan bahawa "
    "mahu selepas iaitu supaya pelbagai kualiti automatik elektrik kos projek bateri cecair "
    "minit peranti penyelesaian sehingga".split())
_INDONESIAN = frozenset(
    "dari karena bisa perusahaan pabrik uji hingga penelitian laboratorium sudah kebun bahwa "
    "setelah berbagai kualitas otomatis listrik biaya proyek baterai limbah menit membutuhkan "
    "butuh solusi berbasis agar namun merupakan".split())
_SENTENCE_END = re.compile(r"[。｡！？!?；;]+[」』）)\]】〉》”’]*"
                           r"|\.[)\]”’\"']*(?=\s+[^a-z\d\s])")
# A full stop ends no sentence after e.g., U.S., Ph.D., Dr., vs.; nor after 1.1, A or IV in front.
_GOES_ON = re.compile(r"[\s(（](?:[A-Za-z](?:\.[A-Za-z])+|Drs?|Mrs?|Ms|Prof|vs|cf|al|approx|Figs?)$"
                      r"|\n(?:\d{1,2}(?:\.\d{1,2})+|[A-Za-z]|[IVXivx]{1,4})$")
_LIST_NUMBER = re.compile(r"(?:(?P<first>[\n:：。；;]\s*)|\s)(?P<number>\d{1,2})$")
_LONGEST_ABBREVIATION = 16
_ONLY_SIGNS = re.compile(r"[\W_]*(?:\d{1,2}\.)?")
_PAUSE = re.compile(r"[，、]|,(?!\d)|\s")
_INVISIBLE = dict.fromkeys((0, 0xAD, *range(0x200B, 0x200E), 0xFEFF, *range(0x202A, 0x202F),
                            *range(0x2060, 0x206A), *range(0xE0000, 0xE0080)))


def normalise(text: str) -> str:
    """Give NFKC text in lower case without invisible characters; nothing else changes."""
    return unicodedata.normalize("NFKC", text.translate(_INVISIBLE)).lower()


def fold_han(text: str) -> str:
    """Give the text with every Traditional Han character as its Simplified form, one for one.

    Matching only: 軟體 and 软体 then share their words. Never shown to people.
    """
    return text.translate(traditional_to_simplified())


@cache
def traditional_to_simplified() -> dict[int, str]:
    """Read OpenCC's character table (package opencc-python-reimplemented, Apache-2.0)."""
    table = resources.files("opencc").joinpath("dictionary", "TSCharacters.txt")
    rows = (line.split("\t") for line in table.read_text(encoding="utf-8").splitlines() if line)
    return {ord(row[0]): row[1].split(" ")[0] for row in rows if len(row[0]) == 1}


@cache
def japanese_to_simplified() -> dict[str, str]:
    """Give Japan's simplified Han → China's (気 → 气), from OpenCC's tables; some stand in both."""
    table = resources.files("opencc").joinpath("dictionary", "JPVariants.txt")
    rows = (line.split("\t") for line in table.read_text(encoding="utf-8").splitlines() if line)
    folds = traditional_to_simplified()
    return {form: folds.get(ord(row[0]), row[0]) for row in rows for form in row[1].split(" ")
            if len(form) == len(row[0]) == 1 and folds.get(ord(row[0]), row[0]) != form}


@lru_cache(maxsize=100_000)
def detect(text: str) -> str:
    """Guess the language code of a text; a text without letters counts as English.

    Foreign terms leave a Chinese text Chinese (「Rodrigues引數、Lyapunov函式」): one
    character in eight is enough. A Chinese name in English text is not.
    """
    sample = unicodedata.normalize("NFC", text[:2000])  # else Vietnamese letters come in parts
    counts = {code: len(pattern.findall(sample)) for code, pattern in _SCRIPTS}
    latin = len(_LATIN.findall(sample))
    if counts["ja"] and counts["ja"] * 12 >= counts["zh"]:
        counts["ja"] += counts["zh"]
    code = max(counts, key=lambda key: counts[key])
    return code if counts[code] * 8 > latin else _detect_latin(sample, latin)


def _detect_latin(text: str, latin: int) -> str:
    """Tell Vietnamese, Indonesian, Malay and English apart."""
    if latin and len(_VIETNAMESE.findall(text)) * 20 >= latin:
        return "vi"
    words = _WORD.findall(text.lower())
    malay = sum(word in _MALAY for word in words)
    if not _MALAY.difference(_UNSURE).intersection(words):
        return "en"
    if malay * 12 < max(len(words), 1) or malay <= sum(word in _ENGLISH for word in words):
        return "en"
    malaysian = sum(word in _MALAYSIAN for word in words)
    return "ms" if malaysian > sum(word in _INDONESIAN for word in words) else "id"


def lexical_group(code: str) -> str:
    """Name the group of languages whose texts may share words (``id`` and ``ms`` are one)."""
    return LANGUAGES[code].lexical_group if code in LANGUAGES else code


def sentences(text: str, longest: int = 240) -> tuple[str, ...]:
    """Split a text into sentences of at most about ``longest`` characters, none empty.

    No sentence goes beyond its line. A number of a list stands with what it numbers, a closing
    quotation mark with what it closes; a line of signs alone (-----, 2.) is no sentence.
    """
    parts = (part.strip() for line in text.splitlines() for part in _split_line(line.strip()))
    return tuple(piece for part in parts if not _ONLY_SIGNS.fullmatch(part)
                 for piece in _shorten(part, longest))


def _split_line(line: str) -> Iterator[str]:
    """Give a line's sentences; together they are the line."""
    start = number = 0
    marked = f"\n{line}"
    for end in _SENTENCE_END.finditer(line):
        before = marked[max(0, end.start() + 1 - _LONGEST_ABBREVIATION) : end.start() + 1]
        cut = end.end()
        if end[0].startswith("."):
            if _GOES_ON.search(before):
                continue
            mark = _LIST_NUMBER.search(before)
            if mark and _counts_on(mark, number):
                number, cut = int(mark["number"]), end.start() - len(mark["number"])
        yield line[start:cut]
        start = cut
    yield line[start:]


def _counts_on(mark: re.Match[str], before: int) -> bool:
    """Say whether a number goes on a list: at a line's beginning any, else the next one."""
    found, first = int(mark["number"]), mark["first"] or ""
    return first.startswith("\n") or (found == before + 1 and (bool(first) or found > 1))


def _shorten(sentence: str, longest: int) -> list[str]:
    """Cut an over-long sentence at commas or spaces (Thai writes no full stop)."""
    if len(sentence) <= longest:
        return [sentence]
    pauses = (p.start() for p in _PAUSE.finditer(sentence, longest // 3, longest + 1))
    cut = max((place for place in pauses if place < longest), default=longest - 1) + 1
    return [sentence[:cut].strip(), *_shorten(sentence[cut:].strip(), longest)]


def negotiate(accept_language: str | None) -> str:
    """Choose an interface language from an Accept-Language header; Chinese when in doubt.

    All forms of Chinese (zh-TW, zh-Hant, zh-HK, zh-CN) get the Traditional catalogue.
    """
    for part in (accept_language or "").lower().split(","):
        code = part.split(";")[0].strip().split("-")[0].split("_")[0]
        if code in INTERFACE_LANGUAGES:
            return code
    return DEFAULT_LANGUAGE


def render(message: Message | str, lang: str = DEFAULT_LANGUAGE) -> str:
    """Give the sentence in a language; messages and labels inside its fields are rendered too."""
    if isinstance(message, str):
        return translate(message, lang)
    fields = {name: _render_field(value, lang) for name, value in message.fields.items()}
    return translate(message.id, lang).format(**fields)


def _render_field(value: object, lang: str) -> object:
    if isinstance(value, Message):
        return render(value, lang)
    return value.get(lang, value) if isinstance(value, Mapping) else value


def translate(text: str, lang: str = DEFAULT_LANGUAGE) -> str:
    """Look a catalogue key (the English sentence) up; a key without entry stays English."""
    return _catalogue(lang).get(text) or text


@cache
def _catalogue(lang: str) -> Mapping[str, str]:
    """Read one compiled catalogue; English needs none."""
    row = LANGUAGES.get(lang)
    if row is None or row.locale in (None, "en"):
        return {}
    from babel.support import Translations

    found = Translations.load(str(CATALOGUES), [str(row.locale)])
    return {key: value for key, value in found._catalog.items() if isinstance(key, str)}
