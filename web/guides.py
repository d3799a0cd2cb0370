"""Help inside the app: a ten-minute guide for administrators, one for firms and researchers."""

from __future__ import annotations

from flask import Blueprint, render_template

from web.access import allow
from web.shell import page_language

pages = Blueprint("guides", __name__)
GUIDES = ("office", "party")


@pages.get("/help")
@allow("anybody")
def show() -> str:
    """List the guides."""
    return render_template("help.html", guide=None)


@pages.get("/help/<any(office, party):guide>")
@allow("anybody")
def read(guide: str) -> str:
    """Show one guide in the reader's language."""
    return render_template("help.html", guide=f"guide_{guide}.{page_language()}.html")
