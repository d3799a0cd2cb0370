"""Deciding about matches: from a list by key, on the board, and by workbook; each can be undone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from flask import Blueprint, Response, g, redirect, render_template, request, url_for

from matcher import accounts, decisions, sheets, workflow
from matcher.decisions import REASON_NAMES, STAGE_NAMES, Change
from matcher.errors import InputError, MatcherError
from matcher.intake.convert import Refused, as_integer
from matcher.languages import render, translate
from matcher.vocabulary import Message
from web.access import allow, demand, now, safe_address
from web.lists import parties, workspace
from web.shell import notice, page_language, path_of

pages = Blueprint("board", __name__)
_ACCOUNT = re.compile("[0-9a-f]{16}")
LETTERS = "qwertyio"  # one key for each reason; j, k, u and digits are taken


@pages.get("/board")
@allow("record-outcome")
def show() -> str:
    """Show every decided pair of the centre by its stage."""
    found, lang = decisions.board(workspace().store, g.viewer, _centre(), workflow.today()), \
        page_language()
    offers = {o.offer_id: o for o in workspace().pool().offers}
    needs = {n.need_id: n for n in workspace().store.needs(_centre())} if any(
        found.columns.values()) else {}
    columns = [{"key": stage, "label": STAGE_NAMES[stage][lang],
                "cards": [_card(card, needs, offers) for card in cards]}
               for stage, cards in found.columns.items()]
    return render_template("board.html", columns=columns, decline_reasons=decline_reasons())


@pages.post("/needs/<need_id>/offers/<offer_id>/decide")
@allow("record-outcome")
def decide(need_id: str, offer_id: str) -> Any:
    """Append a decision about a pair."""
    form = request.form
    change = Change(need_id, offer_id, form.get("stage", ""), _reason(form),
                    form.get("note", "").strip() or None, _day(form.get("next_date", "")),
                    **_brought(form))
    return _decided(change, reopen=bool(form.get("reopen")))


@pages.post("/needs/<need_id>/offers/<offer_id>/decline/<reason>")
@allow("record-outcome")
def decline(need_id: str, offer_id: str, reason: str) -> Any:
    """Decline a pair for a reason."""
    return _decided(Change(need_id, offer_id, "declined", reason))


@pages.post("/decisions/<int(max=2147483647):number>/undo")
@allow("record-outcome")
def undo(number: int) -> Any:
    """Take a decision back."""
    found = decisions.undo(workspace().store, g.viewer, number, now())
    notice(Message("Undone: {need} ↔ {offer}: {stage}", {
        "need": found.need_id, "offer": found.offer_id, "stage": STAGE_NAMES[found.stage]}))
    return redirect(safe_address(path_of(request.referrer or ""),
                                 url_for("lists.need", need_id=found.need_id)))


@pages.get("/board.ics")
@allow("record-outcome")
def ics() -> Response:
    """Give the next dates as a calendar."""
    found = decisions.board(workspace().store, g.viewer, _centre(), workflow.today())
    items = [(card.decision, f"{card.decision.need_id} → {card.decision.offer_id}")
             for cards in found.columns.values() for card in cards]
    return Response(decisions.calendar(items, now()), mimetype="text/calendar",
                    headers={"Content-Disposition": "attachment; filename=board.ics"})


@pages.get("/decisions")
@allow("record-outcome")
def sheet_page() -> str:
    """Show how decisions go out to Excel and come back."""
    return render_template("sheet.html", found=None, problem=None)


@pages.get("/decisions.xlsx")
@allow("record-outcome")
def sheet() -> Response:
    """Give the centre's lists, or one need's, as a workbook to type decisions into."""
    space, needs = workspace(), request.args.getlist("need") or None
    for need_id in needs or ():
        centre = space.store.need(need_id).centre
        demand("record-outcome", "need", need_id, centre=centre)
    lists = workflow.match(space, centre=None if needs else _centre(), needs=needs,
                           day=workflow.today())
    content = sheets.to_decision_sheet(
        list(lists), space.store, g.viewer, page_language())
    return Response(content, mimetype="application/vnd.openxmlformats-officedocument"
                                      ".spreadsheetml.sheet",
                    headers={"Content-Disposition": "attachment; filename=decisions.xlsx"})


@pages.post("/decisions")
@allow("record-outcome")
def sheet_in() -> Any:
    """Take edited decisions in, or only check them."""
    file, applied = request.files.get("file"), request.form.get("what") == "apply"
    content = file.read() if file else b""
    try:
        found = (sheets.apply_sheet(workspace().store, g.viewer, content, now()) if applied else
                 sheets.read_decision_sheet(workspace().store, g.viewer, content))
    except MatcherError as problem:
        return render_template("sheet.html", found=None,
                               problem=render(problem.message, page_language())), 422
    shown = {"rows": found.rows, "count": len(found.changes), "errors": [
        {"row": e.row, "column": e.column, "found": e.found,
         "wanted": render(e.wanted, page_language())} for e in found.errors]}
    return render_template("sheet.html", found=shown, applied=applied, problem=None), \
        422 if found.errors else 200


def history(need_id: str, offer_id: str) -> list[dict[str, Any]]:
    """Give all that was decided about a pair, undone decisions too, in the reader's words."""
    found = decisions.history_of(workspace().store, g.viewer, need_id, offer_id)
    names, lang = accounts.names_for(workspace().store, g.viewer), page_language()
    return [{"time": d.time.astimezone(workflow.TAIPEI), "who": _who(d.who, names),
             "stage": STAGE_NAMES[d.stage][lang], "note": d.note, "next_date": d.next_date,
             "reason": REASON_NAMES[d.reason][lang] if d.reason in REASON_NAMES else "",
             "undone": d.undone and d.undone.astimezone(workflow.TAIPEI),
             "undone_by": _who(d.undone_by or "", names)} for d in found]


def _who(who: str, names: Mapping[str, str]) -> str:
    """Name who decided: an account, or what was typed at the command line.

    Of an account that is gone, or of a party elsewhere, only that it was somebody.
    """
    if who in names:
        return names[who]
    if _ACCOUNT.fullmatch(who):
        return translate("somebody not shown", page_language())
    return translate("command line", page_language()) if who in ("", "command line") else who


def decline_reasons() -> list[dict[str, str]]:
    """Give the reasons for declining with the key of each."""
    return [{"key": key, "label": names[page_language()], "letter": letter}
            for (key, names), letter in zip(REASON_NAMES.items(), LETTERS, strict=True)]


def _decided(change: Change, reopen: bool = False) -> Any:
    store = workspace().store
    before = {d.number for d in decisions.history_of(store, g.viewer, change.need_id,
                                                     change.offer_id)}
    number = decisions.decide(store, g.viewer, change, now(), reopen=reopen)
    notice(Message("{offer}: {stage}", {"offer": change.offer_id,
                                        "stage": STAGE_NAMES[change.stage]}),
           undo=None if number in before else url_for("board.undo", number=number))
    return redirect(safe_address(request.form.get("back", ""),
                                 url_for("lists.need", need_id=change.need_id)))


def _reason(form: Any) -> str:
    return form.get("reason", "") if form.get("stage") == "declined" else ""


def _brought(form: Any) -> dict[str, int | None]:
    """Read what a contract brought; another stage brought nothing."""
    if form.get("stage") != "contract":
        return {}
    try:
        return {name: as_integer(text) if (text := form.get(name, "").strip()) else None
                for name in decisions.BROUGHT}
    except Refused as problem:
        raise InputError(problem.wanted.id, **problem.wanted.fields) from None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise InputError("“{found}” is no day; wanted YYYY-MM-DD.", found=text) from None


def _centre() -> str | None:
    return None if g.viewer.role == "system-admin" else g.viewer.centre


def _card(card: decisions.Card, needs: Any, offers: Any) -> dict[str, Any]:
    found, lang = card.decision, page_language()
    need, offer = needs.get(found.need_id), offers.get(found.offer_id)
    party = parties().get(offer.party_id) if offer else None
    return {"number": found.number, "need_id": found.need_id, "offer_id": found.offer_id,
            "need": need.title or need.description[:40] if need else found.need_id,
            "offer": offer.title or offer.description[:40] if offer else found.offer_id,
            "party": party.name if party else "", "days": card.days, "overdue": card.overdue,
            **{name: getattr(found, name) for name in decisions.BROUGHT},
            "next_date": found.next_date, "note": found.note, "reason_key": found.reason,
            "reason": REASON_NAMES[found.reason][lang] if found.reason in REASON_NAMES else ""}
