"""Evaluation: ranked lists, and encoders alone, on judged sets, every figure with its interval."""

from matcher.evaluation.beir import JudgedSet, evaluate, read_beir
from matcher.evaluation.figures import Figure, bootstrap, measure
from matcher.evaluation.paired import Measurement, Paired, compare
from matcher.evaluation.slices import Slice, Slicing, slice_all
from matcher.evaluation.vectors import evaluate_encoder, evaluate_ranking, measure_folder

__all__ = ["Figure", "JudgedSet", "Measurement", "Paired", "Slice", "Slicing", "bootstrap",
           "compare", "evaluate", "evaluate_encoder", "evaluate_ranking", "measure",
           "measure_folder", "read_beir", "slice_all"]
