"""Training, end to end on a handful of pairs; needs torch, so marked ``st``."""

from __future__ import annotations

import numpy as np
import pytest

from matcher.learning.corpus import pair_weights


def test_registers_weigh_as_the_table_says():
    weights = pair_weights(["general", "law", "tech-doc", "new"], ["a", "b", "ms-cpp-docs", "d"])
    assert weights.tolist() == [3.0, 0.5, 0.3, 1.0]


PAIRS = [("greenhouse sensor", "溫室感測器"), ("oral vaccine", "口服疫苗"), ("spindle error", "主軸誤差"),
         ("waste acid", "廢酸"), ("solar module", "太陽能模組"), ("fish farm", "魚塭")]


@pytest.fixture
def plan():
    from matcher.learning.static import Plan

    return Plan(vocabulary=200, dimensions=16, steps=260, batch=6, longest=8, sample=50)


def sides(plan, folder):
    """Tokenise the pairs with an untrained-alphabet BPE learned from them."""
    from tokenizers import trainers

    from matcher.learning.static import Side
    from matcher.learning.tokens import encode_flat, new_tokenizer

    tokenizer = new_tokenizer()
    texts = [text for pair in PAIRS for text in pair]
    tokenizer.train_from_iterator(texts * 5, trainers.BpeTrainer(
        vocab_size=plan.vocabulary, special_tokens=["[UNK]"], show_progress=False))
    return tokenizer, *(Side(*encode_flat(tokenizer, [p[i] for p in PAIRS], plan.longest))
                        for i in (0, 1))


@pytest.mark.st
def test_training_joins_translations_and_goes_on_from_its_checkpoint(tmp_path, plan):
    from matcher.encoding.static import StaticEncoder
    from matcher.learning.publish import write_folder
    from matcher.learning.static import train

    tokenizer, english, other = sides(plan, tmp_path)
    start = np.random.default_rng(0).normal(0, 0.1, (tokenizer.get_vocab_size(), 16))
    weights = np.full(len(PAIRS), 1 / len(PAIRS))
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
    whole = train(start.astype(np.float32), english, other, weights, plan, tmp_path / "whole")
    train(start.astype(np.float32), english, other, weights, plan, tmp_path / "parts")
    resumed = train(start.astype(np.float32), english, other, weights, plan, tmp_path / "parts")
    np.testing.assert_allclose(resumed, whole, atol=1e-5)
    write_folder(whole, tokenizer, tmp_path / "model")
    encoder = StaticEncoder(tmp_path / "model")
    cosines = encoder.encode([p[0] for p in PAIRS]) @ encoder.encode([p[1] for p in PAIRS]).T
    assert cosines.argmax(axis=1).tolist() == list(range(len(PAIRS)))
    assert (encoder.encode(["軟體"]) @ encoder.encode(["软体"]).T).item() >= 0.999
