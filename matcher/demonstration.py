"""The embedded sample: load it, show one centre, measure the ranking on its judged pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from matcher import intake, shows, workflow
from matcher.evaluation import Figure, measure
from matcher.judgements import grades_of
from matcher.languages import lexical_group, translate
from matcher.reference import embedded_data
from matcher.settings import Settings
from matcher.store import Store
from matcher.vocabulary import MatchList, Need
from matcher.workspace import Progress, Workspace

ORDER = ("parties", "needs", "offers", "evidence", "judged")
SAMPLE_DAY = date(2026, 11, 24)
NEEDS_SHOWN = 3
# A PDF wants a font that a new machine may not have.
DEMO_FORMATS = ("html", "xlsx", "csv", "json")
OFFERS_SHOWN = 5


def sample_settings(settings: Settings) -> Settings:
    """Give settings whose database is the sample's own, so that real data are never mixed in."""
    database = f"sqlite:///{settings.home / 'demo.db'}"
    return replace(settings, values={**settings.values, "DB": database})


def read_sample() -> dict[str, tuple[Any, ...]]:
    """Read and check the sample's five files, as any import would."""
    folder = embedded_data() / "sample"
    return {what: intake.read(folder / f"{what}.jsonl", what).records for what in ORDER}


def load_sample(settings: Settings, progress: Progress) -> Workspace:
    """Open the sample's database and bring it up to date with the embedded files."""
    space = workflow.open_workspace(sample_settings(settings))
    space.store.put(**read_sample())
    space.pool(progress)
    return space


@dataclass(frozen=True)
class Shown:
    """What ``matcher demo`` shows."""

    lists: Sequence[MatchList]
    store: Store
    report: Path
    figures: Mapping[str, Figure]
    counts: Mapping[str, int]

    def as_json(self) -> dict[str, Any]:
        """Give everything as plain values."""
        return {"counts": dict(self.counts), "report": self.report,
                "figures": {k: str(v) for k, v in self.figures.items()},
                "matches": shows.list_rows(self.lists, self.store)}

    def as_text(self, lang: str) -> str:
        """Give everything as text for a terminal."""
        rows = shows.list_rows(self.lists, self.store)
        figures = "\n".join(f"  {translate(k, lang)}: {v}" for k, v in self.figures.items())
        lines = [shows.lists_text(self.lists, rows, lang), translate("Sample", lang) + ": "
                 + "  ".join(f"{translate(k, lang)} {v}" for k, v in self.counts.items()), figures,
                 translate("Report", lang) + f": {self.report}"]
        return "\n".join(lines)


def show(space: Workspace, settings: Settings, centre: str, lang: str,
         progress: Progress) -> Shown:
    """Match one centre's needs, write its report of the sample's month, measure all needs."""
    from matcher.report.batch import rules_of
    from matcher.report.delivery import write_files
    from matcher.report.job import Tools, draft_report

    needs = [need.need_id for need in space.store.needs(centre)][:NEEDS_SHOWN]
    lists = list(workflow.match(space, needs=needs, top=OFFERS_SHOWN, day=SAMPLE_DAY))
    now = datetime.combine(SAMPLE_DAY, time(12), workflow.TAIPEI)
    report = draft_report(space, centre, SAMPLE_DAY.replace(day=1), rules_of(settings),
                          Tools(lambda: now, progress))
    written = write_files(report, settings.home / "reports", DEMO_FORMATS, [lang])
    return Shown(lists, space.store, written.files[0], measure_sample(space),
                 space.store.counts())


def measure_sample(space: Workspace) -> dict[str, Figure]:
    """Give nDCG@10 on the judged pairs: all, and cross-language alone.

    Cross-language: only the offers of another language group than the need's are
    ranked and only their grades count.
    """
    judged = space.store.judged()
    needs = {need.need_id: need for need in space.store.needs()}
    groups = {o.offer_id: lexical_group(o.lang or "zh") for o in space.store.offers()}
    wanted = sorted({pair.need_id for pair in judged} & set(needs))
    found = workflow.match(space, needs=wanted, top=None, day=SAMPLE_DAY)
    ranked = {f.need.need_id: [m.offer_id for m in f.matches] for f in found}
    across = {n: [o for o in ids if _foreign(needs[n], groups[o])] for n, ids in ranked.items()}
    foreign = [p for p in judged if _foreign(needs[p.need_id], groups[p.offer_id])]
    return {"nDCG@10": measure(ranked, grades_of(judged))["nDCG@10"],
            "nDCG@10 across languages": measure(across, grades_of(foreign))["nDCG@10"]}


def _foreign(need: Need, group: str) -> bool:
    return lexical_group(need.lang or "zh") != group
