"""Works → proposals: what a file of publications, patents or projects tells of, to be confirmed.

``read_works(content, name)`` gives proposals and every problem; ``with_known`` marks what is
stored already; ``choose`` picks what a person confirms and ``evidence_of`` makes it evidence.
Nothing is stored here, no address is opened and the file's name is never a path.
"""

from __future__ import annotations

from matcher.intake.works.merge import mark_known, merge
from matcher.intake.works.proposal import Proposal, evidence_id_of, to_evidence
from matcher.intake.works.reader import (
    LARGEST_BYTES,
    WORK_FORMATS,
    WorkFile,
    WorkFormat,
    Works,
    choose,
    evidence_of,
    format_of,
    read_works,
    with_known,
)

__all__ = ["LARGEST_BYTES", "WORK_FORMATS", "Proposal", "WorkFile", "WorkFormat", "Works", "choose",
           "evidence_id_of", "evidence_of", "format_of", "mark_known", "merge",
           "read_works", "to_evidence", "with_known"]
