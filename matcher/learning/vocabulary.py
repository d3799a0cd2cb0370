"""One tokenizer for both channels: the teacher's WordPiece for Latin text, new pieces beside it.

English is cut as the teacher cuts it (but for the marks that Vietnamese writes: café stays
café), so the teacher's rows and layers keep their meaning. Runs of Han and kana, hangul and
Thai are cut by longest match over pieces learnt by BPE; frequent Vietnamese, Indonesian and
Malay words come whole. A piece that may stand inside a run has a second name (``##piece``)
but the same row: see ``Layout``.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher.languages import japanese_to_simplified, traditional_to_simplified
from matcher.learning.corpus import Corpus
from matcher.learning.tokens import compile_charsmap

log = logging.getLogger(__name__)
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
# What a Han or hangul sign becomes that no text of the training data holds: without it one
# rare sign would turn the whole run around it into the unknown token.
RARE = "〓"
RUNS = (r"[\p{Han}\p{Hiragana}\p{Katakana}ー々〇〓]{1,48}|\p{Thai}{1,64}|\p{Hangul}{1,48}")
WHOLE_WORDS = {"vi": 3_500, "id": 4_500, "ms": 3_000}
_WORD = re.compile(r"[^\W\d_]{2,24}")
_SIGN = re.compile("[㐀-鿿가-힣]")
_RUN = re.compile("[぀-ヿ㐀-䶿一-鿿豈-﫿々〇ー]+|[가-힣]+|[฀-๿]+")
_BLOCKS = ((0x3041, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0xF900, 0xFAFF))
_VIETNAMESE = set("àáâãèéêìíòóôõùúýăđĩũơư") | {chr(c) for c in range(0x1EA0, 0x1EFA)}


@dataclass(frozen=True)
class Layout:
    """How token ids map to rows.

    Ids below ``teacher`` are the teacher's own tokens, ids below ``rows`` are new pieces;
    the id ``rows + i`` is the second name of row ``teacher + i``.
    """

    teacher: int
    rows: int
    names: int

    def to_rows(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Map token ids (any shape) to row numbers."""
        return np.asarray(np.where(ids >= self.rows, ids - self.rows + self.teacher, ids))


@dataclass(frozen=True)
class Vocabulary:
    """The tokenizer with its layout; ``origin`` (teacher,) gives each kept row of the teacher."""

    tokenizer: Any
    layout: Layout
    origin: NDArray[np.int64]
    pieces: list[str]

    def save(self, folder: Path) -> None:
        """Write tokenizer.json and vocabulary.json."""
        self.tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
        found = {"layout": asdict(self.layout), "origin": self.origin.tolist(),
                 "pieces": self.pieces}
        (folder / "vocabulary.json").write_text(json.dumps(found, ensure_ascii=False), "utf-8")


def load_vocabulary(folder: Path) -> Vocabulary:
    """Read what ``Vocabulary.save`` wrote."""
    from tokenizers import Tokenizer

    found = json.loads((folder / "vocabulary.json").read_text("utf-8"))
    return Vocabulary(Tokenizer.from_file(str(folder / "tokenizer.json")),
                      Layout(**found["layout"]), np.array(found["origin"]), found["pieces"])


def kept_tokens(teacher: dict[str, int]) -> list[str]:
    """Choose the teacher's tokens to keep: special ones, Latin, Greek, Cyrillic and signs."""
    ordered = sorted(teacher, key=teacher.__getitem__)
    return list(SPECIAL) + [t for t in ordered if _is_kept(t)]


def _is_kept(token: str) -> bool:
    if token.startswith("[") and token.endswith("]") and len(token) > 2:
        return False
    return all(ord(c) < 0x530 or 0x1E00 <= ord(c) < 0x2E80 or 0x3000 <= ord(c) < 0x3040
               for c in token)


def shared_pieces(learnt: Iterable[str]) -> list[str]:
    """Choose the learnt pieces that lie inside one run of Han and kana, hangul or Thai."""
    found = [p for p in learnt if _RUN.fullmatch(p)]
    return sorted(set(found) | {RARE} | {c for p in found for c in p} | _VIETNAMESE)


def japanese_forms(chinese: Iterable[str], japanese: Iterable[str]) -> dict[str, str]:
    """Choose the Japanese forms to fold: those that Chinese text hardly uses (気, but not 芸).

    Folded, a word of Han that both languages write gets the same rows (開発, 开发).
    """
    forms = japanese_to_simplified()
    here, there = (Counter(c for text in side for c in text if c in forms)
                   for side in (chinese, japanese))
    return {form: to for form, to in forms.items() if there[form] > 20 * here[form]}


def seen_signs(texts: Iterable[str], least: int = 2) -> list[str]:
    """Give the Han and hangul signs, folded to Simplified, that stand ``least`` times in texts."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text)
    folds = traditional_to_simplified()
    folded: Counter[str] = Counter()
    for sign, n in counts.items():
        for target in folds.get(ord(sign), sign):
            folded[target] += n
    return sorted(s for s, n in folded.items() if n >= least and _SIGN.fullmatch(s))


def word_prefixes(texts: Iterable[str]) -> Counter[str]:
    """Count every beginning of every Latin word of texts.

    A new whole word that begins an English one changes how that one is cut.
    """
    words: Counter[str] = Counter()
    for text in texts:
        words.update(_WORD.findall(text.lower()))
    counts: Counter[str] = Counter()
    for word, n in words.items():
        for end in range(2, len(word) + 1):
            counts[word[:end]] += n
    return counts


def frequent_words(texts: Iterable[str], known: set[str], english: Mapping[str, int],
                   most: int, least: int = 8) -> list[str]:
    """Give the most frequent Latin words of texts that are neither known nor much met in English.

    ``english`` counts the beginnings of English words; a word may reach a fifth of its own
    count there, or any count when it bears marks that English lacks.
    """
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(_WORD.findall(unicodedata.normalize("NFKC", text).lower()))
    found = [(n, w) for w, n in counts.items()
             if n >= least and w not in known and not _RUN.search(w) and ord(max(w)) < 0x2000
             and (not w.isascii() or english.get(w, 0) <= n / 5)]
    return [w for _, w in sorted(found, key=lambda item: (-item[0], item[1]))[:most]]


def learn_vocabulary(teacher: Any, learnt: Sequence[str], corpus: Corpus) -> Vocabulary:
    """Choose signs and whole words from the corpus and build the joint tokenizer."""
    def others(*codes: str) -> list[str]:
        rows = np.flatnonzero(np.isin(corpus.languages, codes))
        return [corpus.other[row] for row in rows]

    forms = japanese_forms(others("zh"), others("ja"))
    signs = seen_signs(others("zh", "ja", "ko"))
    known = set(teacher.get_vocab())
    english = word_prefixes(corpus.english)
    words: list[str] = []
    for code, most in WHOLE_WORDS.items():
        words += frequent_words(others(code), known | set(words), english, most)
    log.info("new signs %d, whole words %d, forms %d", len(signs), len(words), len(forms))
    table = {ord(form): to for form, to in forms.items()}
    folded = [piece.translate(table) for piece in [*learnt, *signs]]
    return build_vocabulary(teacher, folded, words, forms)


def build_vocabulary(teacher: Any, learnt: Sequence[str], words: Sequence[str],
                     forms: Mapping[str, str]) -> Vocabulary:
    """Join the teacher's tokenizer, learnt pieces and whole words into one WordPiece tokenizer."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

    old = teacher.get_vocab()
    kept = kept_tokens(old)
    shared = [p for p in shared_pieces(learnt) if p not in set(kept)]
    whole = [w for w in words if w not in set(kept) | set(shared)]
    pieces = shared + whole
    names = kept + pieces + [f"##{p}" for p in shared]
    vocabulary = {name: number for number, name in reversed(list(enumerate(names)))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]",
                                           max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.Sequence([
        normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=False,
                                   strip_accents=False, lowercase=False),
        normalizers.NFKC(), normalizers.Lowercase(),
        normalizers.Precompiled(compile_charsmap(folding_rules(set(shared), forms))),
    ])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split(Regex(RUNS), "isolated"),
        pre_tokenizers.Punctuation("isolated"),
    ])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    layout = Layout(len(kept), len(kept) + len(pieces), len(names))
    return Vocabulary(tokenizer, layout, np.array([old[t] for t in kept]), pieces)


def folding_rules(alphabet: set[str], forms: Mapping[str, str]) -> dict[str, str]:
    """Give sign → replacement: Traditional and ``forms`` → Simplified, unseen Han, hangul → 〓.

    Latin letters with marks that Vietnamese does not use lose them, as in the teacher.
    """
    rules = {chr(code): to for code, to in traditional_to_simplified().items()} | dict(forms)
    for first, last in _BLOCKS:
        for code in range(first, last + 1):
            sign = chr(code)
            target = rules.get(sign, sign)
            if any(c not in alphabet for c in target) and unicodedata.category(sign)[0] == "L":
                rules[sign] = RARE
    for code in range(0xC0, 0x250):
        base = unicodedata.normalize("NFD", chr(code))[0]
        if base.isascii() and chr(code) not in _VIETNAMESE and base != chr(code):
            rules[chr(code)] = base
    return {sign: to for sign, to in rules.items() if sign != to and ord(sign) <= sys.maxunicode}
