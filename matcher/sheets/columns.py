"""The columns of a decision workbook, and how its rows stand in the store."""

from __future__ import annotations

from collections.abc import Sequence

from matcher.access import Viewer
from matcher.decisions import BROUGHT
from matcher.store import Store
from matcher.store.decisions import Decision, Pair, latest_decisions

COLUMNS: tuple[tuple[str, str, str, int], ...] = (
    ("need_id", "需求編號", "Need id", 12), ("offer_id", "供給編號", "Offer id", 12),
    ("stamp", "版本", "Stamp", 8), ("need", "需求", "Need", 34), ("rank", "名次", "Rank", 7),
    ("offer", "供給", "Offer", 34), ("party", "機構", "Organisation", 26),
    ("score", "媒合分數", "Score", 9), ("evidence", "依據", "Evidence", 44),
    ("stage", "階段", "Stage", 14), ("reason", "婉拒原因", "Reason", 14),
    ("grade", "評分", "Grade", 8), ("note", "備註", "Note", 30),
    ("next_date", "下次日期", "Next date", 13),
    ("value_ntd", "合約金額（新臺幣）", "Contract, NT$", 15),
    ("licences", "授權件數", "Licences", 9), ("jobs", "新增就業", "Jobs", 9),
)
NAMING = ("need_id", "offer_id", "stamp")
SAID = ("stage", "reason", "note", "next_date", *BROUGHT)  # in the order of ``decisions.says``
TYPED = (*SAID, "grade")
NEEDED = NAMING + TYPED


def present(store: Store, need_ids: Sequence[str]) -> dict[Pair, Decision]:
    """Give the decisions that hold for the pairs of some needs."""
    few = need_ids if len(need_ids) <= 100 else None  # of many it is quicker to read all
    return {(d.need_id, d.offer_id): d for d in latest_decisions(store, need_ids=few)}


def graded(store: Store, viewer: Viewer) -> dict[Pair, int]:
    """Give the viewer's own grades."""
    return {(j.need_id, j.offer_id): j.grade for j in store.judged()
            if j.judge == (viewer.account_id or "")}
