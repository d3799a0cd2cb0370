"""Administrators' pages: home, a centre, a need's match list under a view, offers, the need box."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from threading import Lock, Thread
from typing import Any

from flask import (
    Blueprint,
    Flask,
    Response,
    current_app,
    g,
    jsonify,
    render_template,
    request,
    url_for,
)

from matcher import advice, decisions, profiles, shows, viewing, workflow
from matcher.access import may
from matcher.decisions import STAGE_NAMES
from matcher.encoders import ServingWorkspace
from matcher.errors import InputError, StoreError, UnknownRecordError
from matcher.features import FEATURES
from matcher.languages import LANGUAGES, render, translate
from matcher.reference import centres, counties, terms
from matcher.region import desk
from matcher.vocabulary import Match, MatchList, Need, Offer
from matcher.workspace import Workspace
from web.access import allow, demand
from web.shell import page_language

pages = Blueprint("lists", __name__)
LONGEST_NEED = 5000
MOST_COMPARED = 4
MOST_LISTED = 50
SLIDERS = ("affinity", "theme", "trl", "nearness", "mode", "money", "codes", "recency", "support",
           "record")
_opening = Lock()


def workspace() -> Workspace:
    """Give this request's workspace: the same one until the request ends."""
    if "workspace" not in g:
        g.workspace = _serving(current_app).get()
    return g.workspace  # type: ignore[no-any-return]


def _serving(app: Flask) -> ServingWorkspace:
    with _opening:
        if "serving" not in app.extensions:
            app.extensions["serving"] = ServingWorkspace(app.config["MATCHER"])
    return app.extensions["serving"]  # type: ignore[no-any-return]


def warm_up(app: Flask) -> Thread:
    """Begin to make all lists in the background; give the thread."""
    top = int(app.config["MATCHER"].top)
    thread = Thread(target=lambda: viewing.warm(_serving(app).get(), top, workflow.today()),
                    daemon=True)
    thread.start()
    return thread


@pages.get("/centres/<code>")
@allow("see-centre")
def centre(code: str) -> str:
    """Show one centre's needs."""
    demand("see-centre", "centre", code, centre=_known(code))
    needs = workspace().store.needs(code)
    found = desk(workspace(), g.viewer, code, workflow.today(), needs)
    tiles = [(found.needs, "Needs", url_for("records.needs", centre=code)),
             (found.new, "new in seven days", url_for("records.needs", centre=code)),
             (found.undecided, "Needs nobody has decided on",
              url_for("records.needs", centre=code, stage="undecided")),
             (found.without_offer, "Needs without a good offer in their last list",
              url_for("records.needs", centre=code)),
             (found.to_review, "drafts wait for review", url_for("reviews.waiting")),
             (found.overdue, "next dates have passed", url_for("board.show"))]
    return render_template("centre.html", centre=centres()[code], needs=needs[:MOST_LISTED],
                           total=len(needs), tiles=tiles)


@pages.get("/needs/<need_id>")
@allow("see-need")
def need(need_id: str) -> str:
    """Show one need's list under a view, and remember that the plain list was shown."""
    asked, view = _need(need_id), _view()
    viewed = viewing.view_list(workspace(), asked, view, top=_top(), day=workflow.today(),
                               placeless=_placeless(view))
    if request.method == "GET" and view.is_plain:  # a HEAD request shows nothing
        _log_shown(viewed.found)
    return _list_page(viewed, view)


@pages.get("/needs/<need_id>.json")
@allow("see-need")
def need_json(need_id: str) -> Response:
    """Give one need's list as JSON, the same as the page and the command line show."""
    return jsonify(_rows(need_id))


@pages.get("/needs/<need_id>.csv")
@allow("see-need")
def need_csv(need_id: str) -> Response:
    """Give one need's list as CSV for Excel."""
    rows = _rows(need_id)
    content = shows.to_csv(rows, [c for c in shows.COLUMNS if not rows or c in rows[0]])
    return Response(content, mimetype="text/csv",
                    headers={"Content-Disposition": "attachment; filename=matches.csv"})


@pages.get("/needs/<need_id>/why")
@allow("see-need")
def why(need_id: str) -> str:
    """Say why an offer stands where it stands for a need, listed or not."""
    asked = _need(need_id)
    found = _why(need_id, request.args.get("offer", "").strip())
    return render_template("why.html", need=asked, cards=_why_cards([found]),
                           around=_around(found), history=_history(asked, found.offer))


@pages.get("/needs/<need_id>/compare")
@allow("see-need")
def compare(need_id: str) -> str:
    """Show two to four offers for a need side by side."""
    asked, chosen = _need(need_id), request.args.getlist("offer")
    if not 2 <= len(chosen) <= MOST_COMPARED:
        raise InputError("Tick two to {most} offers to compare; {found} were ticked.",
                         most=MOST_COMPARED, found=len(chosen))
    found = [_why(need_id, offer_id) for offer_id in chosen]
    return render_template("compare.html", need=asked, cards=_why_cards(found))


@pages.get("/match")
@allow("request-list")
def match_typed() -> str:
    """Show the offers for a need somebody has just typed."""
    text = request.args.get("text", "").strip()
    code = request.args.get("centre") or None
    if not text or len(text) > LONGEST_NEED:
        raise InputError("Write the need in a few sentences (up to {limit} characters).",
                         limit=LONGEST_NEED)
    found = workflow.match_text(workspace(), text, centre=code and _known(code), top=_top(),
                                day=workflow.today())
    places: dict[str, int | None] = {m.offer_id: m.rank for m in found.matches}
    return _list_page(viewing.Viewed(found, places), viewing.View())


@pages.get("/healthz")
@allow("anybody")
def health() -> Response:
    """Say that the app and its database answer."""
    workspace().store.snapshot()
    return jsonify(ok=True)


def _known(code: str) -> str:
    if code not in centres():
        raise UnknownRecordError("centre", code)
    return code


def _need(need_id: str) -> Need:
    """Give a need that this viewer may see; to all others it is unknown."""
    found = workspace().store.need(need_id)
    demand("see-need", "need", need_id, centre=found.centre, party_id=found.party_id)
    return found


def _top() -> int:
    return int(current_app.config["MATCHER"].top)


def _match(need_id: str) -> MatchList:
    _need(need_id)
    return next(workflow.match(workspace(), needs=[need_id], top=_top(), day=workflow.today()))


def _rows(need_id: str) -> list[dict[str, Any]]:
    """Give a need's list as rows; a run's name tells of others' outcomes: for offices only."""
    found = _match(need_id)
    rows = shows.list_rows([found], workspace().store)
    if may(g.viewer, "judge", centre=found.need.centre):
        return rows
    return [_row_for_firm(row, match) for row, match in zip(rows, found.matches, strict=True)]


def _row_for_firm(row: dict[str, Any], match: Match) -> dict[str, Any]:
    """Give a row with what its firm may see of the offer, and without the run's name."""
    facts = offer_facts(workspace().store.offer(match.offer_id))
    pair = next(iter(_without_closed(match).evidence), None)
    told = {**row, "offer_title": facts["title"], "party": facts["party"] or "",
            "need_sentence": pair and pair.need_sentence, "evidence": pair and pair.offer_sentence,
            "evidence_id": pair and pair.evidence_id,
            **({} if facts["is_placed"] else _untold(row))}
    return {key: value for key, value in told.items() if key != "run_id"}


def _untold(row: dict[str, Any]) -> dict[str, Any]:
    """Give what takes the place of cells that would tell, alone or together, where an offer is."""
    return {"distance_km": None, "score": round(row["score"], 2)} | {f.key: None for f in FEATURES}


def _view() -> viewing.View:
    """Read the sliders and filters of the address."""
    strengths = {key[2:]: value for key, value in request.args.items() if key.startswith("w-")}
    filters = {name: tuple(request.args.getlist(name)) for name, _ in FILTERS}
    return viewing.read_view(strengths, request.args.get("km", "").strip(),
                             request.args.get("order", ""), **filters)


def _placeless(view: viewing.View) -> frozenset[str]:
    """Name the offers whose place is kept back from the viewer: by place they are not found."""
    if may(g.viewer, "see-offer") or not view.is_of_place:
        return frozenset()
    return profiles.placeless_offers(workspace().store, g.viewer, workspace().pool().offers)


def _log_shown(found: MatchList) -> None:
    try:
        workflow.log_shown(workspace().store, found, datetime.now(UTC))
    except StoreError:  # a list is worth more than the log of it
        current_app.logger.exception("what was shown could not be logged")


def _list_page(viewed: viewing.Viewed, view: viewing.View) -> str:
    """Render a match list with offers, parties and the contribution of each feature."""
    from web import board, places

    found, lang = viewed.found, page_language()
    typed = found.need.need_id == workflow.TYPED_NEED
    decided = {} if typed else decisions.stages_of(workspace().store, found.need.need_id)
    cards = [{**card(m, viewed.moved(m.offer_id, m.rank)), **_stage(decided.get(m.offer_id))}
             for m in found.matches]
    return render_template(
        "list.html", found=found, typed=typed, view=view, left_out=viewed.left_out, cards=cards,
        points=places.points(found.need, cards),
        stages={key: names[lang] for key, names in STAGE_NAMES.items()},
        decline_reasons=board.decline_reasons(),
        centre=centres().get(found.need.centre or ""), text=found.need.description,
        sliders=_sliders(view), filters=_filters(view), tools=_tools(found.need, typed),
        widened=found.widened and render(found.widened, lang))


def _stage(stage: str | None) -> dict[str, Any]:
    tone = {"declined": "bad", "contract": "good", "mou": "good"}.get(stage or "", "")
    return {"stage_key": stage, "stage": stage and STAGE_NAMES[stage][page_language()],
            "stage_tone": tone}


def _tools(need: Need, typed: bool) -> dict[str, Any]:
    """Give the addresses of what can be done with a list; nothing for a typed need."""
    if typed:
        return {}
    tools: dict[str, Any] = {name: url_for(f"lists.{name}", need_id=need.need_id)
                             for name in ("why", "compare")}
    if may(g.viewer, "record-outcome", centre=need.centre):
        tools |= {"decide": True, "sheet": url_for("board.sheet", need=need.need_id)}
    return tools | {"offers": may(g.viewer, "see-offer")}


def card(match: Match, moved: int | None = 0) -> dict[str, Any]:
    """Put together what one offer's card shows; bars are shares of the largest contribution."""
    offer, lang = workspace().store.offer(match.offer_id), page_language()
    match = _without_closed(match)
    facts = offer_facts(offer)
    return {**facts, "match": match, "moved": moved,
            "distance": far(match.distance_km, lang) if facts["is_placed"] else None,
            "bars": _bars(match, lang) if facts["is_placed"] else [],
            "raises": [render(message, lang) for message in match.raises],
            "warnings": [render(message, lang) for message in match.warnings]}


def far(distance_km: float | None, lang: str) -> str | None:
    """Say how far away something is; places are centres of counties and parks, so only about."""
    if distance_km is None:
        return None
    text = "about {km} km" if distance_km >= 1 else "in the same area"
    return translate(text, lang).format(km=f"{distance_km:.0f}")


def _bars(match: Match, lang: str) -> list[dict[str, Any]]:
    largest = max((abs(v) for v in match.contributions.values()), default=0) or 1
    return [{"label": f.label[lang], "value": match.contributions[f.key],
             "width": round(50 * abs(match.contributions[f.key]) / largest)}
            for f in FEATURES]


def _shown(offer: Offer) -> dict[str, Any] | None:
    """Give what a firm may see of an offer; None for offices, which see all of it."""
    if may(g.viewer, "see-offer"):
        return None
    return profiles.shown_offers(workspace().store, g.viewer, [offer])[offer.offer_id]


def _without_closed(match: Match) -> Match:
    """Leave out sentences of an offer's own text where its owner keeps that back."""
    shown = _shown(workspace().store.offer(match.offer_id))
    if shown is None or "description" in shown:
        return match
    return replace(match, evidence=tuple(p for p in match.evidence if p.evidence_id is not None))


def offer_facts(offer: Offer) -> dict[str, Any]:
    """Give an offer with its title, party, county, kind and themes in the reader's language.

    ``is_placed`` is False where its owner keeps the place back: then its distance is, too.
    """
    lang, shown, given = page_language(), _shown(offer), offer
    if shown is not None:
        offer = replace(offer, title=shown.get("title", ""),
                        description=shown.get("description", ""),
                        party_id=offer.party_id if "organisation" in shown else None,
                        centre=offer.centre if "centre" in shown else None,
                        county=offer.county if "county" in shown else None)
    party, county = parties().get(offer.party_id or ""), counties().get(offer.county or "")
    return {"offer": offer, "title": offer.title or offer.description[:60], "distance": None,
            "county": county and county.name[lang],
            "is_placed": shown is None or "county" in shown or not given.county,
            "party": party and (party.name if lang == "zh" else party.name_en or party.name),
            "kind": terms("offer_kinds")[offer.kind].name[lang],
            "themes": [terms("themes")[t].name[lang] for t in offer.themes]}


def parties() -> Any:
    """Give all parties, read once a request."""
    if "parties" not in g:
        g.parties = workspace().store.parties()
    return g.parties


FILTERS = (("kinds", "Kind of offer"), ("themes", "Theme"), ("trl", "TRL"), ("langs", "Language"),
           ("counties", "County"))


def _sliders(view: viewing.View) -> list[dict[str, Any]]:
    lang = page_language()
    return [{"key": f.key, "label": f.label[lang], "value": view.strengths.get(f.key, 1.0)}
            for f in FEATURES if f.key in SLIDERS]


def _filters(view: viewing.View) -> list[dict[str, Any]]:
    """Give the filters with those choices that some offer has."""
    lang, offers = page_language(), workspace().pool().offers
    labels = {"kinds": {k: t.name[lang] for k, t in terms("offer_kinds").items()},
              "themes": {k: t.name[lang] for k, t in terms("themes").items()},
              "trl": {band: f"TRL {band}" for band in viewing.TRL_BANDS},
              "langs": {code: LANGUAGES[code].name for code in LANGUAGES},
              "counties": {c: c for c in sorted({o.county for o in offers if o.county})}}
    return [{"name": name, "label": label, "choices": [
        {"value": value, "label": text, "chosen": value in getattr(view, name)}
        for value, text in labels[name].items()]} for name, label in FILTERS]


def _why(need_id: str, offer_id: str) -> advice.Why:
    """Explain a pair; to a firm an offer that is kept to another centre does not exist."""
    found = advice.why(workspace(), need_id, offer_id, workflow.today())
    if found.is_out_of_reach and not may(g.viewer, "see-offer"):
        raise UnknownRecordError("offer", offer_id)
    return found


def _why_cards(found: list[advice.Why]) -> list[dict[str, Any]]:
    return [{**(card(w.match) if w.match else offer_facts(w.offer)),
             "against": [render(m, page_language()) for m in w.reasons]} for w in found]


def _history(need: Need, offer: Offer) -> list[dict[str, Any]] | None:
    """Give what was decided about a pair, for who may decide; None for others."""
    from web import board

    if not may(g.viewer, "record-outcome", centre=need.centre):
        return None
    return board.history(need.need_id, offer.offer_id)


def _around(found: advice.Why) -> list[dict[str, Any]]:
    store = workspace().store
    return [{**offer_facts(store.offer(offer_id)), "score": score}
            for offer_id, score in found.around]
