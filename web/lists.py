"""Administrators' pages: centres, a centre's needs, a need's match list, the need box."""

from __future__ import annotations

from datetime import UTC, datetime
from threading import Lock
from typing import Any

from flask import Blueprint, Response, current_app, g, jsonify, render_template, request

from matcher import shows, workflow
from matcher.encoders import ServingWorkspace
from matcher.errors import InputError, StoreError, UnknownRecordError
from matcher.features import FEATURES
from matcher.languages import render
from matcher.reference import centres, terms
from matcher.vocabulary import MatchList
from web import page_language

pages = Blueprint("lists", __name__)
LONGEST_NEED = 5000
_opening = Lock()


def workspace() -> workflow.Workspace:
    """Give this request's workspace: the same one until the request ends."""
    with _opening:
        if "serving" not in current_app.extensions:
            current_app.extensions["serving"] = ServingWorkspace(current_app.config["MATCHER"])
    if "workspace" not in g:
        g.workspace = current_app.extensions["serving"].get()
    return g.workspace  # type: ignore[no-any-return]


@pages.get("/")
def home() -> str:
    """Show the centres with the number of their needs, and the need box."""
    counts = workspace().store.needs_by_centre()
    return render_template("home.html", centres=centres(), counts=counts)


@pages.get("/centres/<code>")
def centre(code: str) -> str:
    """Show one centre's needs."""
    needs = workspace().store.needs(_known(code))
    return render_template("centre.html", centre=centres()[code], needs=needs)


@pages.get("/needs/<need_id>")
def need(need_id: str) -> str:
    """Show one need's ten offers, and remember that they were shown."""
    found = _match(need_id)
    try:
        if request.method == "GET":  # a HEAD request shows nothing
            workflow.log_shown(workspace().store, found, datetime.now(UTC))
    except StoreError:  # a list is worth more than the log of it
        current_app.logger.exception("what was shown could not be logged")
    return _list_page(found)


@pages.get("/needs/<need_id>.json")
def need_json(need_id: str) -> Response:
    """Give one need's list as JSON, the same as the page and the command line show."""
    return jsonify(shows.list_rows([_match(need_id)], workspace().store))


@pages.get("/needs/<need_id>.csv")
def need_csv(need_id: str) -> Response:
    """Give one need's list as CSV for Excel."""
    content = shows.to_csv(shows.list_rows([_match(need_id)], workspace().store))
    return Response(content, mimetype="text/csv",
                    headers={"Content-Disposition": "attachment; filename=matches.csv"})


@pages.get("/match")
def match_typed() -> str:
    """Show the offers for a need somebody has just typed."""
    text = request.args.get("text", "").strip()
    code = request.args.get("centre") or None
    if not text or len(text) > LONGEST_NEED:
        raise InputError("Write the need in a few sentences (up to {limit} characters).",
                         limit=LONGEST_NEED)
    return _list_page(workflow.match_text(workspace(), text, centre=code and _known(code),
                                          top=_top(), day=workflow.today()))


@pages.get("/healthz")
def health() -> Response:
    """Say that the app and its database answer."""
    return jsonify(workspace().store.counts())


def _known(code: str) -> str:
    if code not in centres():
        raise UnknownRecordError("centre", code)
    return code


def _top() -> int:
    return int(current_app.config["MATCHER"].top)


def _match(need_id: str) -> MatchList:
    return next(workflow.match(workspace(), needs=[need_id], top=_top(), day=workflow.today()))


def _list_page(found: MatchList) -> str:
    """Render a match list with offers, parties and the contribution of each feature."""
    store, lang = workspace().store, page_language()
    rows = [_card(match, store.offer(match.offer_id), lang) for match in found.matches]
    place = centres().get(found.need.centre or "")
    return render_template("list.html", found=found, rows=rows, centre=place, centres=centres(),
                           parties=store.parties(), text=found.need.description,
                           widened=found.widened and render(found.widened, lang))


def _card(match: Any, offer: Any, lang: str) -> dict[str, Any]:
    """Put together what one offer's card shows; bars are shares of the largest contribution."""
    largest = max((abs(v) for v in match.contributions.values()), default=0) or 1
    bars = [{"label": f.label[lang], "value": match.contributions[f.key],
             "width": round(50 * abs(match.contributions[f.key]) / largest)} for f in FEATURES]
    return {"match": match, "offer": offer, "bars": bars,
            "kind": terms("offer_kinds")[offer.kind].name[lang],
            "themes": [terms("themes")[t].name[lang] for t in offer.themes],
            "raises": [render(message, lang) for message in match.raises],
            "warnings": [render(message, lang) for message in match.warnings]}
