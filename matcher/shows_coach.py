"""How the coach's advice looks, as lines and as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matcher.coach import CRITERIA, GRADES, POINTS, Advice
from matcher.languages import render, translate
from matcher.vocabulary import Need, Offer

NAMES = {key: label for _, key, label in GRADES}
DECISIVE: Mapping[str, Mapping[str, str]] = {
    "problem": {"zh": "問題", "en": "Problem"},
    "better": {"zh": "比現行做法的優勢", "en": "Advantage over today's solution"},
    "economics": {"zh": "經濟效益", "en": "Economics"},
}


def advice_json(record: Need | Offer, advice: Advice, lang: str) -> dict[str, Any]:
    """Give advice as plain values."""
    return {"id": _id(record), "total": advice.total, "grade": advice.grade,
            "points": {key: round(value, 2) for key, value in advice.points.items()},
            "decisive": {key: {"said": said, "sentence": sentence}
                         for key, (said, sentence) in advice.decisive.items()},
            "said": dict(advice.said), "missing": [render(m, lang) for m in advice.missing],
            "warnings": [render(m, lang) for m in advice.warnings], "worded": advice.worded}


def advice_text(record: Need | Offer, advice: Advice, lang: str) -> str:
    """Give advice as lines: the sum, each criterion, what firms decide by, what to add."""
    lines = [f"{_id(record)} {record.title}".strip(),
             translate("{total} of {points} points: {grade}", lang).format(
                 total=advice.total, points=POINTS, grade=NAMES[advice.grade][lang])]
    lines += [f"  {label[lang]}: {advice.points[key]:.3g} / 5" for key, label in CRITERIA.items()
              if key in advice.points]
    if advice.worded:
        lines += [f"  {DECISIVE[key][lang]}: {_answer(*answer, lang)}"
                  for key, answer in advice.decisive.items()]
    else:
        lines.append(translate("Wording is judged in Chinese and English only; here the fields "
                               "and the form were.", lang))
    lines += ["  + " + render(m, lang) for m in advice.missing]
    return "\n".join([*lines, *("  ! " + render(m, lang) for m in advice.warnings)])


def _answer(said: bool, sentence: str | None, lang: str) -> str:
    """Say yes with the sentence that says it, or no."""
    if not said:
        return translate("not said", lang)
    return sentence or translate("said in the fields", lang)


def _id(record: Need | Offer) -> str:
    return record.need_id if isinstance(record, Need) else record.offer_id
