"""Pieces for the vocabulary: one BPE over all languages, variants folded inside it.

Text is NFKC, lower case and Simplified Han before it is cut, all in the
tokenizer's own normaliser, so Traditional and Simplified spellings give the same
tokens in any program that loads the folder. The Han map is written as a
sentencepiece "precompiled charsmap", the one fast map a tokenizer file can carry.
"""

from __future__ import annotations

import io
import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher.languages import traditional_to_simplified

log = logging.getLogger(__name__)
UNKNOWN = "[UNK]"
# Runs that are cut on their own; digits stand alone so that numbers share rows.
PIECES = (
    r"[\p{Han}\p{Hiragana}\p{Katakana}ー]+|\p{Thai}+|\p{Hangul}+|\p{Nd}"
    r"|[\p{Latin}\p{M}]+|[\p{Greek}\p{Cyrillic}]+"
)


def han_charsmap() -> bytes:
    """Compile the Traditional → Simplified map."""
    return compile_charsmap({chr(code): to for code, to in traditional_to_simplified().items()})


def compile_charsmap(rules: Mapping[str, str]) -> bytes:
    """Compile sign → replacement rules with sentencepiece's trainer."""
    import sentencepiece
    from sentencepiece import sentencepiece_model_pb2

    lines = "".join(f"{ord(sign):X}\t{' '.join(f'{ord(c):X}' for c in to)}\n"
                    for sign, to in sorted(rules.items()) if sign != to)
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "rules.tsv"
        table.write_text(lines, "utf-8")
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(["a b c d e f g h"] * 10), model_writer=model, vocab_size=20,
            normalization_rule_tsv=str(table), hard_vocab_limit=False, minloglevel=2)
    messages: Any = sentencepiece_model_pb2  # its classes are made at import
    parsed = messages.ModelProto.FromString(model.getvalue())
    return bytes(parsed.normalizer_spec.precompiled_charsmap)


def new_tokenizer() -> Any:
    """Build the untrained tokenizer: normaliser, cutting rules, empty BPE."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Sequence([
        normalizers.NFKC(), normalizers.Lowercase(), normalizers.Precompiled(han_charsmap()),
    ])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split(Regex(PIECES), "isolated"),
    ])
    return tokenizer


def train_tokenizer(texts: Iterator[str], vocabulary: int) -> Any:
    """Learn ``vocabulary`` pieces from texts."""
    from tokenizers import trainers

    tokenizer = new_tokenizer()
    trainer = trainers.BpeTrainer(vocab_size=vocabulary, special_tokens=[UNKNOWN],
                                  limit_alphabet=7000, min_frequency=3, max_token_length=18,
                                  show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def encode_flat(tokenizer: Any, texts: Sequence[str], longest: int,
                portion: int = 50_000) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Tokenise texts: all ids in one array (total,) and offsets (n + 1,), at most ``longest`` each.

    A text without tokens gets one unknown token, so that every text has a row.
    """
    parts: list[NDArray[np.uint32]] = []
    lengths: list[int] = []
    unknown = [tokenizer.token_to_id(UNKNOWN)]
    for start in range(0, len(texts), portion):
        found = tokenizer.encode_batch_fast(texts[start : start + portion],
                                            add_special_tokens=False)
        ids = [e.ids[:longest] or unknown for e in found]
        lengths += map(len, ids)
        parts.append(np.fromiter((i for row in ids for i in row), np.uint32, sum(map(len, ids))))
        log.info("tokenised %d of %d", min(start + portion, len(texts)), len(texts))
    return np.concatenate(parts), np.concatenate([[0], np.cumsum(lengths)])
