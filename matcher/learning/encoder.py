"""The whole training of the embedded encoder: vocabulary, tokens, static channel, transformer.

Each step leaves its result in the plan's work folder and is taken from there the next time,
so a run goes on where it was stopped. What was chosen and what it brought: the model's card.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import torch

from matcher.encoding.channels import Channels
from matcher.learning.corpus import Corpus, read_corpus
from matcher.learning.distill import Material, Teacher, paper_spans
from matcher.learning.heldout import HeldOut, hold_out
from matcher.learning.mixing import learn_dictionary
from matcher.learning.papers import training_papers
from matcher.learning.plan import Plan, claim_work, read_plan
from matcher.learning.publish import quiet_rows, write_channels
from matcher.learning.published import read_vocabulary, read_weights
from matcher.learning.shares import Reader, choose_shares, heldout_parts
from matcher.learning.sides import Side, prepare_sides, save_array
from matcher.learning.static import Rows, load_teacher, starting_rows, train_static
from matcher.learning.student import POSITIONS, Student, starting_student
from matcher.learning.tokens import train_tokenizer
from matcher.learning.transformer import train_transformer
from matcher.learning.vocabulary import Vocabulary, learn_vocabulary, load_vocabulary

log = logging.getLogger(__name__)


def prepare_vocabulary(corpus: Corpus, plan: Plan) -> Vocabulary:
    """Learn the joint vocabulary from a balanced sample of both sides, or take the finished one."""
    if plan.start:
        return read_vocabulary(Path(plan.start), load_teacher().tokenizer.backend_tokenizer)
    if not (plan.work / "vocabulary.json").is_file():
        teacher = load_teacher().tokenizer.backend_tokenizer
        learn_vocabulary(teacher, _learnt_pieces(corpus, plan), corpus).save(plan.work)
    return load_vocabulary(plan.work)


def _learnt_pieces(corpus: Corpus, plan: Plan) -> list[str]:
    from tokenizers import Tokenizer

    file = plan.work / "bpe.json"
    if not file.is_file():
        random = np.random.default_rng(plan.seed)
        rows = random.choice(len(corpus.english), plan.sample, p=corpus.weights)
        texts = (side[row] for row in rows for side in (corpus.english, corpus.other))
        train_tokenizer(texts, plan.pieces).save(str(file))
    return sorted(Tokenizer.from_file(str(file)).get_vocab())


def prepare_static(vocabulary: Vocabulary, sides: tuple[Side, Side], corpus: Corpus,
                   plan: Plan) -> Rows:
    """Train the static channel, or take the finished rows (rows, d)."""
    file = plan.work / "static.npy"
    if not file.is_file():
        start = (read_weights(Path(plan.start))[1] if plan.start else
                 starting_rows(vocabulary, sides[0], plan.static, plan.seed, plan.work))
        trained = train_static(start, sides, corpus.weights, training_papers(corpus), plan.static,
                               plan.seed, plan.work)
        save_array(file, trained)
    return np.asarray(np.load(file, allow_pickle=False))


def prepare_transformer(vocabulary: Vocabulary, held: HeldOut, corpus: Corpus,
                        sides: tuple[Side, Side], static: Rows, plan: Plan) -> Student:
    """Train the transformer channel to the plan's last step."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = load_teacher()[0].model
    words = learn_dictionary(static, vocabulary, sides[1], corpus.languages)
    material = Material(*sides, corpus.weights, words,
                        *paper_spans(corpus.sources, corpus.weights))
    teacher = Teacher(model, vocabulary.layout, vocabulary.origin, len(corpus.english),
                      plan.work, device)
    student = starting_student(model, vocabulary, static)
    if plan.start:
        student.take(read_weights(Path(plan.start))[0])
    return train_transformer(student, teacher, material, held,
                             plan.transformer, plan.seed, plan.work, device)


def prepare(plan: Plan) -> tuple[Vocabulary, HeldOut, Corpus, tuple[Side, Side], Rows]:
    """Do everything before the transformer."""
    claim_work(plan)
    corpus = read_corpus(plan.data, plan.edict)
    vocabulary = prepare_vocabulary(corpus, plan)
    held, corpus = hold_out(corpus, plan.held_papers, plan.held_pairs, plan.seed)
    log.info("held out %d papers and %s pairs", len(held.papers),
             {code: len(rows) for code, rows in held.pairs.items()})
    sides = prepare_sides(corpus, vocabulary, plan.work)
    return vocabulary, held, corpus, sides, prepare_static(vocabulary, sides, corpus, plan)


def train_encoder(config: Path) -> Path:
    """Run a whole training from its TOML file; give the folder that was written.

    Raises ``InputError`` for a bad plan. Beside the int8 folder the same weights in float32
    are written to the work folder, to measure what int8 loses.
    """
    plan = read_plan(config)
    vocabulary, held, corpus, sides, static = prepare(plan)
    student = prepare_transformer(vocabulary, held, corpus, sides, static, plan)
    return publish(student, static, vocabulary, held, sides, plan)


def publish(student: Student, static: Rows, vocabulary: Vocabulary, held: HeldOut,
            sides: tuple[Side, Side], plan: Plan) -> Path:
    """Choose the shares on held-out text and write the folders."""
    layout = vocabulary.layout
    rows = quiet_rows(static)
    tasks = heldout_parts(Reader(student.eval(), rows, layout.teacher), held, sides)
    first = Channels(layout.teacher, layout.rows, POSITIONS - 2, 0.0, 0.5, 0.35)
    channels = choose_shares(tasks, first)
    for folder, exact in ((plan.out, False), (plan.work / "exact", True)):
        write_channels(student.weights(), rows, vocabulary, channels, folder, exact)
    return plan.out
