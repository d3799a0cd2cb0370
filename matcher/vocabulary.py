"""The nouns: what a firm needs, what a group offers, and what a match is.

Every class is frozen. A missing value is ``None`` or an empty tuple, never a
sentinel. Money is whole New Taiwan dollars (``_ntd``), dates are calendar
days in Asia/Taipei, TRL is the technology readiness level 1-9.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

OFFER_KINDS = ("capability", "equipment", "site", "fund", "training", "channel", "supply")
PARTY_KINDS = (
    "firm", "university", "institute", "park", "fund", "training", "association", "government",
)
EVIDENCE_KINDS = ("project", "publication", "equipment", "patent", "case", "certificate")
THEMES = (
    "asia-silicon-valley", "biomedicine", "green-energy", "smart-machinery", "defence",
    "new-agriculture", "circular-economy",
)
MODES = (
    "joint-research", "contract-research", "licence", "technical-service", "equipment-sharing",
    "test-site", "investment", "training", "procurement",
)
REACHES = ("centre", "national", "international")
GRADES = (0, 1, 2, 3)
STAGES = ("shortlisted", "contacted", "meeting", "mou", "contract", "declined")
REASONS = ("off-topic", "trl", "mode", "far", "budget", "busy", "dates", "known")


@dataclass(frozen=True, slots=True)
class Message:
    """A sentence for people, not yet in anybody's language.

    ``id`` is the English sentence with ``{placeholders}`` (the key of the
    catalogues), ``fields`` fills them; ``languages.render`` makes the text.
    """

    id: str
    fields: Mapping[str, object] = field(default_factory=dict)


def together(messages: Sequence[Message], mark: str = "; ") -> Message:
    """Join messages to one, ``mark`` between them."""
    named = {f"problem{i}": message for i, message in enumerate(messages)}
    return Message(mark.join(f"{{{name}}}" for name in named), named)


def is_open(first: date | None, last: date | None, day: date | None) -> bool:
    """Say whether a day lies within two days, both included; without a day nothing is closed."""
    return day is None or ((first is None or first <= day) and (last is None or day <= last))


@dataclass(frozen=True, slots=True)
class Site:
    """One site of a science park; coordinates in degrees, WGS 84."""

    code: str | None
    name: Mapping[str, str]
    county: str | None
    district: str | None
    lat: float | None
    lng: float | None
    approximate: bool


@dataclass(frozen=True, slots=True)
class Centre:
    """A science park or regional innovation centre; each match belongs to one."""

    code: str
    name: Mapping[str, str]
    kind: str
    county: str | None
    country: str
    lat: float
    lng: float
    approximate: bool
    sites: tuple[Site, ...] = ()


@dataclass(frozen=True, slots=True)
class Party:
    """A firm, research group, institute, fund, park office or the like that needs or offers.

    ``extra`` keeps what a file said in columns we have no field for, by their header.
    """

    party_id: str
    name: str
    name_en: str | None = None
    kind: str = "firm"
    county: str | None = None
    centre: str | None = None
    tax_id: str | None = None
    industry: str | None = None
    website: str | None = None
    address: str | None = None
    size: str | None = None
    lang: str | None = None
    source: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Need:
    """What a firm asks for. ``kinds`` empty means any kind of offer may answer.

    ``codes`` are codes of industries, disciplines, patents or goods, each "SCHEME code".
    """

    need_id: str
    title: str = ""
    description: str = ""
    requirements: str = ""
    party_id: str | None = None
    centre: str | None = None
    county: str | None = None
    lang: str | None = None
    kinds: tuple[str, ...] = ()
    themes: tuple[str, ...] = ()
    trl_now: int | None = None
    trl_target: int | None = None
    budget_min_ntd: int | None = None
    budget_max_ntd: int | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    modes: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """Title, description and requirements, each on its own line."""
        return "\n".join(part for part in (self.title, self.description, self.requirements) if part)


@dataclass(frozen=True, slots=True)
class Offer:
    """What someone can give. ``reach`` says which centres' needs may see it."""

    offer_id: str
    title: str = ""
    description: str = ""
    kind: str = "capability"
    party_id: str | None = None
    centre: str | None = None
    county: str | None = None
    lang: str | None = None
    themes: tuple[str, ...] = ()
    trl_now: int | None = None
    modes: tuple[str, ...] = ()
    money_min_ntd: int | None = None
    money_max_ntd: int | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    reach: str = "national"
    codes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """Title and description, each on its own line."""
        return "\n".join(part for part in (self.title, self.description) if part)


@dataclass(frozen=True, slots=True)
class Evidence:
    """One text that supports an offer: a project, publication, patent or the like."""

    evidence_id: str
    offer_id: str
    text: str
    title: str = ""
    kind: str = "project"
    lang: str | None = None
    year: int | None = None
    source: str | None = None

    @property
    def full_text(self) -> str:
        """Title and text, each on its own line."""
        return "\n".join(part for part in (self.title, self.text) if part)


@dataclass(frozen=True, slots=True)
class JudgedPair:
    """A person's judgement of one pair: 0 does not help … 3 answers the need."""

    need_id: str
    offer_id: str
    grade: int
    judge: str = ""
    date: date | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class EvidencePair:
    """The need's sentence and the sentence that answers it.

    ``affinity`` is the cosine of the two sentences, -1…1. ``evidence_id`` is
    ``None`` when the sentence is from the offer's own text.
    """

    need_sentence: str
    offer_sentence: str
    affinity: float
    evidence_id: str | None = None
    lang: str | None = None


@dataclass(frozen=True, slots=True)
class Influence:
    """What one text of an offer does for a match: the rank without it (one-based)."""

    evidence_id: str | None
    rank_without: int


@dataclass(frozen=True, slots=True)
class Match:
    """One suggestion with its reasons.

    ``score`` is the final 媒合分數 in 0…1: the chance that a judge calls the offer
    helpful (grade 2 or 3), as fitted on the embedded sample, where pairs nobody
    judged count as not helpful. ``features`` are the raw
    values; ``contributions`` add up, with the ranker's intercept, to the
    log-odds of ``score``. ``missing`` are sentences of the need that other offers of the list
    answer far better; ``influence`` says, text by text, what the rank would be without it;
    ``raises`` what would lift the score; ``warnings`` what of the offer's text was not counted.
    ``propensity`` is the chance that the offer stood at this rank, where near-ties were put into
    random order; None: no chance was in it.
    """

    need_id: str
    offer_id: str
    rank: int
    score: float
    features: Mapping[str, float] = field(default_factory=dict)
    contributions: Mapping[str, float] = field(default_factory=dict)
    evidence: tuple[EvidencePair, ...] = ()
    distance_km: float | None = None
    missing: tuple[str, ...] = ()
    influence: tuple[Influence, ...] = ()
    raises: tuple[Message, ...] = ()
    warnings: tuple[Message, ...] = ()
    propensity: float | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """What made a list: any figure can be derived again from it."""

    run_id: str
    encoder: str
    ranker: str
    data: str
    day: date
    rules: str = "default"


@dataclass(frozen=True, slots=True)
class MatchList:
    """Ordered matches of one need at one time; ``eligible`` counts the offers considered.

    ``scope`` says how far the list looks, ``widened`` why it had to look beyond the centre.
    """

    need: Need
    matches: tuple[Match, ...]
    run: Run
    eligible: int = 0
    scope: str = ""
    widened: Message | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a match: shown, shortlisted, contacted, meeting, mou, contract, declined.

    ``note`` is for colleagues only, ``next_date`` the day something is to happen next. What a
    contract brought: ``value_ntd`` whole NT$, licences granted, jobs made.
    """

    need_id: str
    offer_id: str
    stage: str
    time: datetime
    who: str = ""
    reason: str = ""
    run_id: str | None = None
    note: str | None = None
    next_date: date | None = None
    value_ntd: int | None = None
    licences: int | None = None
    jobs: int | None = None


@dataclass(frozen=True, slots=True)
class Conflict:
    """A pair of parties that must not be matched (利益迴避), with the reason."""

    party_id: str
    other_party_id: str
    reason: str = ""
