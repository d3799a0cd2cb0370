"""The report as one HTML page: no script, no outside part, readable on a phone and on paper."""

from __future__ import annotations

from matcher.report.files.charts import arranged, picture, spoken
from matcher.report.files.svg import to_svg
from matcher.report.model import Chart, Report, Table
from matcher.report.wording import Wording

_RIGHT = ("number", "score", "percent", "money", "change")


def write(report: Report, lang: str) -> bytes:
    """Give the report as a whole page in UTF-8."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    words = Wording(lang)
    pages = Environment(loader=PackageLoader("matcher.report.files"), autoescape=True,
                        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    page = pages.get_template("report.html")
    return page.render(report=report, words=words, arranged=arranged, right=_RIGHT, _=words.title,
                       drawn=lambda chart, table, name: _drawn(chart, table, name, words),
                       ).encode("utf-8")


def _drawn(chart: Chart, table: Table | None, name: str,
           words: Wording) -> dict[str, object] | None:
    """Give a chart's drawing and how many of its labels found no room; None: nothing to show."""
    laid_out = picture(chart, table, words)
    if laid_out is None:
        return None
    title = words.title(chart.title)
    return {"title": title, "left_out": laid_out.left_out,
            "svg": to_svg(laid_out, title, spoken(chart, table, words), name)}
