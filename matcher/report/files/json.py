"""The report as canonical JSON: what it is, and what it says in a language.

``report`` is read back by :func:`matcher.report.model.to_report`; ``text`` holds its titles and
sentences as a person reads them.
"""

from __future__ import annotations

import json
from typing import Any

from matcher.report.model import Report, Section, to_plain
from matcher.report.wording import Wording

SCHEMA = "matcher-report/1"


def write(report: Report, lang: str) -> bytes:
    """Give the report as UTF-8 JSON with sorted keys."""
    words = Wording(lang)
    whole = {"schema": SCHEMA, "language": words.tag, "report": to_plain(report),
             "text": {"title": words.title("Monthly match report"),
                      "centre": words.cell(report.name), "month": words.month(report.first),
                      "sections": [_text(section, words) for section in report.sections]}}
    text = json.dumps(whole, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False)
    return (text + "\n").encode("utf-8", "replace")


def _text(section: Section, words: Wording) -> dict[str, Any]:
    tables = [{"key": table.key, "title": words.title(table.title),
               "columns": [words.title(column.title) for column in table.columns],
               "note": words.sentence(table.note) if table.note else None}
              for table in section.tables]
    return {"key": section.key, "title": words.title(section.title), "tables": tables,
            "sentences": [words.sentence(sentence) for sentence in section.sentences]}
