"""Evaluation: ranked lists, and encoders alone, on judged sets, every figure with its interval."""

from matcher.evaluation.beir import JudgedSet, evaluate, read_beir
from matcher.evaluation.figures import Figure, bootstrap, measure
from matcher.evaluation.vectors import evaluate_encoder, evaluate_ranking

__all__ = ["Figure", "JudgedSet", "bootstrap", "evaluate", "evaluate_encoder",
           "evaluate_ranking", "measure", "read_beir"]
