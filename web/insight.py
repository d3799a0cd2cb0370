"""The region in pictures, each with a table: map, themes, which themes meet, stages, scores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import xstatic.pkg.leaflet
from flask import Blueprint, Response, g, render_template, send_from_directory

from matcher import workflow
from matcher.decisions import STAGE_NAMES
from matcher.languages import translate
from matcher.reference import embedded_data, terms
from matcher.region import Overview, overview
from web.access import allow
from web.lists import workspace
from web.shell import page_language

pages = Blueprint("insight", __name__)


@pages.get("/region")
@allow("see-centre")
def show() -> str:
    """Show the viewer's centre, or all centres to a system administrator."""
    centre = None if g.viewer.role == "system-admin" else g.viewer.centre
    found = overview(workspace(), g.viewer, centre, workflow.today())
    return render_template("region.html", found=found, themes=_themes(), cells=_cells(found),
                           stages=[(STAGE_NAMES[key][page_language()], n)
                                   for key, n in found.stages],
                           points=_points(found), most=_most(found))


@pages.get("/outline.json")
@allow("anybody")
def outline() -> Response:
    """Give the schematic coast of Taiwan as GeoJSON."""
    content = (embedded_data() / "reference" / "outline.json").read_text("utf-8")
    return Response(content, mimetype="application/geo+json")


@pages.get("/vendor/leaflet/<path:name>")
@allow("anybody")
def leaflet(name: str) -> Response:
    """Give a file of the installed map library."""
    return send_from_directory(Path(xstatic.pkg.leaflet.BASE_DIR), name, max_age=86_400)


def _themes() -> dict[str, str]:
    return {key: term.name[page_language()] for key, term in terms("themes").items()}


def _cells(found: Overview) -> list[list[dict[str, Any]]]:
    """Give the matrix by rows of needs' themes; ``shade`` is 0…1 of the largest cell."""
    most = max(found.matrix.values(), default=0) or 1
    return [[{"count": found.matrix.get((asked, given), 0),
              "shade": round(found.matrix.get((asked, given), 0) / most, 2)}
             for given in terms("themes")] for asked in terms("themes")]


def _points(found: Overview) -> str:
    lang = page_language()
    needs, offers = (translate(word, lang) for word in ("Needs", "Offers"))
    return json.dumps([{"kind": p.kind, "lat": p.lat, "lng": p.lng, "size": p.needs + p.offers,
                        "lines": [f"{p.name[lang]}: {needs} {p.needs}, {offers} {p.offers}"]}
                       for p in found.points], ensure_ascii=False)


def _most(found: Overview) -> dict[str, int]:
    """Give the largest count of each picture, at least 1, for the lengths of bars."""
    return {"theme": max([1, *(g.needs for g in found.gaps), *(g.offers for g in found.gaps)]),
            "stage": max([1, *(n for _, n in found.stages)]),
            "score": max([1, *(n for *_, n in found.scores)])}
