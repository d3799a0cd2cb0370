"""The start page: what waits for this viewer; what this is, for who is not signed in."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, g, render_template

from matcher.access import may_somewhere
from web.access import allow
from web.lists import workspace

pages = Blueprint("home", __name__)


@pages.get("/", endpoint="start")
@allow("anybody")
def start() -> str:
    """Show the start page of the viewer's role."""
    if not may_somewhere(g.viewer, "see-centre"):
        return render_template("home.html", counts={}, staff=False)
    return render_template("home.html", counts=_counts(), staff=True)


def _counts() -> Any:
    counts = workspace().store.needs_by_centre()
    if g.viewer.centre:
        counts.setdefault(g.viewer.centre, 0)
    return {code: count for code, count in counts.items()
            if g.viewer.role == "system-admin" or code == g.viewer.centre}
