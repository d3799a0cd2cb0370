"""Lists of needs and offers with search and facets, and one offer's page."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, g, jsonify, render_template, request, url_for

from matcher import listing, shows, workflow
from matcher.vocabulary import Need
from web.access import allow, demand
from web.lists import offer_facts, workspace
from web.shell import page_language

pages = Blueprint("records", __name__)
SORT_NAMES = {"newest": "newest first", "deadline": "earliest deadline", "title": "by title",
              "trl": "highest TRL"}


@pages.get("/needs")
@allow("judge")
def needs() -> str:
    """List the needs the viewer may see."""
    return _page("Needs", _needs())


@pages.get("/offers")
@allow("see-offer")
def offers() -> str:
    """List the offers the viewer may see."""
    return _page("Offers", _offers())


@pages.get("/<any(needs, offers):side>.json")
@allow("see-offer")
def as_json(side: str) -> Response:
    """Give the same page of the same list as JSON."""
    return jsonify(listing.listed_json(_side(side), page_language()))


@pages.get("/<any(needs, offers):side>.csv")
@allow("see-offer")
def as_csv(side: str) -> Response:
    """Give the same page of the same list as CSV for Excel."""
    rows = [listing.listed_row(hit) for hit in _side(side).hits]
    rows = [{k: "；".join(v) if isinstance(v, list) else v for k, v in row.items()} for row in rows]
    columns = ("id", "title", "snippet", "centre", "county", "lang", "themes", "trl", "kinds",
               "valid_to")
    return Response(shows.to_csv(rows, columns), mimetype="text/csv",
                    headers={"Content-Disposition": f"attachment; filename={side}.csv"})


@pages.get("/offers/<offer_id>")
@allow("see-offer")
def offer(offer_id: str) -> str:
    """Show one offer with its evidence."""
    store = workspace().store
    found = store.offer(offer_id)
    demand("see-offer", "offer", offer_id, centre=found.centre, party_id=found.party_id)
    return render_template("offer.html", card=offer_facts(found),
                           evidence=store.evidence(offer_id))


def _needs() -> listing.Listed:
    return listing.browse_needs(workspace(), g.viewer, _query(), workflow.today())


def _offers() -> listing.Listed:
    return listing.browse_offers(workspace(), g.viewer, _query(), workflow.today())


def _side(side: str) -> listing.Listed:
    return _needs() if side == "needs" else _offers()


def _query() -> listing.ListQuery:
    return listing.read_query({key: request.args.getlist(key) for key in request.args})


def _page(heading: str, listed: listing.Listed) -> str:
    args = [(k, v) for k, v in listed.query.to_args() if k != "page"]

    def address(page: int) -> str:
        return request.path + "?" + urlencode([*args, ("page", str(page))])

    def twin(ending: str) -> str:
        return f"{request.path}.{ending}?" + urlencode(listed.query.to_args())

    return render_template("records.html", heading=heading, listed=listed, facets=_facets(listed),
                           rows=[_row(hit) for hit in listed.hits], sorts=listing.SORTS,
                           sort_names=SORT_NAMES, address=address, twin=twin)


def _facets(listed: listing.Listed) -> list[dict[str, Any]]:
    lang = page_language()
    return [{"key": key, "label": listing.FACETS[key][lang], "open": key in listed.query.facets,
             "values": [{"value": v, "label": listing.label(key, v, lang), "count": n,
                         "chosen": v in listed.query.facets.get(key, ())}
                        for v, n in counts.items()]} for key, counts in listed.counts.items()]


def _row(hit: listing.Hit) -> dict[str, Any]:
    record, (start, end) = hit.record, hit.marked
    key = listing.record_id(record)
    url = (url_for("lists.need", need_id=key) if isinstance(record, Need)
           else url_for("records.offer", offer_id=key))
    lang = page_language()
    badges = [listing.label("theme", theme, lang) for theme in record.themes]
    return {"id": key, "record": record, "url": url, "badges": badges,
            "title": record.title or hit.snippet[:60], "before": hit.snippet[:start],
            "marked": hit.snippet[start:end], "after": hit.snippet[end:]}
