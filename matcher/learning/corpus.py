"""The parallel text an encoder is trained on: one parquet file a language beside English.

Each file ``en-XX.parquet`` has the columns en, text, domain and source. Nothing of it is
copied into the project; only weights are learned from it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher.errors import InputError
from matcher.learning import edict

log = logging.getLogger(__name__)

# How often a pair is drawn against an ordinary one: variety of registers matters more than
# volume, so general text is drawn often, statutes and machine-translated manuals seldom.
DOMAIN_WEIGHTS: Mapping[str, float] = {
    "general": 8.0, "news": 8.0, "science": 2.5, "term": 1.0, "tech-doc": 0.5, "law": 0.4,
}
# Inside a register, written sentences are drawn more often than the texts of buttons and forms.
SOURCE_WEIGHTS: Mapping[str, float] = {
    "ms-cpp-docs": 0.3, "ms-d365-headings": 0.5, "odoo-addons": 0.6,
    "g2_talpco": 3.0, "g2_ami_meeting": 2.0, "g2_sib200": 2.0, "g2_ud_pud": 2.0, "g2_xquad": 1.5,
    "general_3am_captions": 4.0, "g2_tatoeba_kor": 1.5, "g2_tatoeba_vie": 1.5,
    "g2_mozilla_org": 0.6, "g2_sahana_eden": 0.5, "g2_pkp_ojs": 0.5, "g2_orcid": 0.5,
    "g2_inaturalist": 0.6,
    edict.COMMON: 3.0, edict.RARE: 0.3,
}
LANGUAGE_POWER = 0.7
# Japanese is the weakest language: most of its text is manuals.
LANGUAGE_WEIGHTS: Mapping[str, float] = {"ja": 4.0}


@dataclass(frozen=True)
class Corpus:
    """All pairs: ``english[i]`` ↔ ``other[i]``; ``weights`` (n,) sum to 1."""

    english: list[str]
    other: list[str]
    languages: NDArray[np.str_]
    sources: NDArray[np.str_]
    domains: NDArray[np.str_]
    weights: NDArray[np.float64]

    def without(self, rows: NDArray[np.bool_]) -> Corpus:
        """Give the same corpus with weight 0 for marked rows (n,), so that none is drawn."""
        weights = np.where(rows, 0.0, self.weights)
        return replace(self, weights=weights / weights.sum())


def read_corpus(folder: Path, dictionary: str = "") -> Corpus:
    """Read every ``en-*.parquet`` of a folder; raise ``InputError`` when there is none.

    ``dictionary``, an EDICT file, gives words to Japanese beside its sentences.
    """
    files = sorted(folder.glob("en-*.parquet"))
    if not files:
        raise InputError("The folder {folder} has no file en-*.parquet.", folder=str(folder))
    english: list[str] = []
    other: list[str] = []
    languages, sources, domains, weights = [], [], [], []
    codes = [file.stem.removeprefix("en-") for file in files]
    for file, code in zip(files, codes, strict=True):
        table = _read(file)
        if code == "ja" and dictionary:
            _add_words(table, edict.read_edict(Path(dictionary)))
        english += table["en"]
        other += table["text"]
        languages.append(np.full(len(table["en"]), code))
        sources.append(np.array(table["source"]))
        domains.append(np.array(table["domain"]))
        weights.append(pair_weights(table["domain"], table["source"]))
        log.info("%s: %d pairs", code, len(table["en"]))
    return Corpus(english, other, np.concatenate(languages), np.concatenate(sources),
                  np.concatenate(domains), _balance(weights, codes))


def _read(file: Path) -> dict[str, list[Any]]:
    import pyarrow.parquet

    columns = ["en", "text", "domain", "source"]
    return dict(pyarrow.parquet.read_table(file, columns=columns).to_pydict())


def _add_words(table: dict[str, list[Any]], words: Sequence[edict.Word]) -> None:
    """Put a dictionary's words behind the pairs of a table."""
    table["en"] += [word.english for word in words]
    table["text"] += [word.japanese for word in words]
    table["domain"] += ["term"] * len(words)
    table["source"] += [edict.COMMON if word.is_common else edict.RARE for word in words]


def pair_weights(domains: Sequence[str], sources: Sequence[str],
                 registers: Mapping[str, float] = DOMAIN_WEIGHTS,
                 single: Mapping[str, float] = SOURCE_WEIGHTS) -> NDArray[np.float64]:
    """Weigh pairs (n,) inside one language by register and by single source."""
    return np.array([registers.get(d, 1.0) * single.get(s, 1.0)
                     for d, s in zip(domains, sources, strict=True)])


def _balance(weights: list[NDArray[np.float64]], codes: Sequence[str]) -> NDArray[np.float64]:
    """Give each language a share ∝ its weight · (total of its pairs) ** 0.7; the sum is 1."""
    parts = [w / w.sum() * w.sum() ** LANGUAGE_POWER * LANGUAGE_WEIGHTS.get(code, 1.0)
             for w, code in zip(weights, codes, strict=True)]
    joined = np.concatenate(parts)
    return np.asarray(joined / joined.sum())
