"""What stands around every page: navigation, notices with undo, the form's token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import current_app, flash, g, get_flashed_messages, request, url_for
from flask_wtf.csrf import generate_csrf
from markupsafe import Markup
from werkzeug.exceptions import HTTPException

from matcher.access import ROLES, may_somewhere
from matcher.languages import INTERFACE_LANGUAGES, LANGUAGES, negotiate, render, translate
from matcher.reference import centres
from matcher.vocabulary import Message


@dataclass(frozen=True, slots=True)
class Page:
    """One row of the navigation: the view, its name, and the verb that who sees it may do."""

    endpoint: str
    label: str
    verb: str


NAVIGATION = (
    Page("home.start", "Home", "anybody"),
    Page("records.needs", "Needs", "judge"),
    Page("records.offers", "Offers", "see-offer"),
    Page("board.show", "Board", "record-outcome"),
    Page("reviews.waiting", "Review", "review-drafts"),
    Page("profiles.mine", "My records", "see-own"),
    Page("profiles.matches", "My matches", "see-own"),
    Page("insight.show", "Region", "see-centre"),
    Page("reports.show", "Reports", "see-report"),
    Page("access.accounts_list", "Accounts", "manage-accounts"),
    Page("guides.show", "Help", "anybody"),
)


def context() -> dict[str, Any]:
    """Give templates the translator ``_``, the language, who looks, and what stands around."""
    lang = page_language()
    return {"_": lambda text, **fields: translate(text, lang).format(**fields) if fields
            else translate(text, lang), "lang": lang, "language_link": language_link,
            "html_lang": html_lang, "language_name": lambda code: LANGUAGES[code].name,
            "centres": centres(), "viewer": g.get("viewer"),
            "role_name": lambda role: ROLES[role][lang],
            "navigation": navigation, "notices": lambda: notices(lang), "csrf_field": csrf_field}


def page_language() -> str:
    """Give the language of this request: ``?lang=``, else the cookie, else the browser's."""
    asked = request.args.get("lang") or request.cookies.get("lang")
    if asked in INTERFACE_LANGUAGES:
        return str(asked)
    return negotiate(request.headers.get("Accept-Language"))


def html_lang(code: str | None) -> str:
    """Give the HTML language tag of a record: zh is Traditional here, so that glyphs are right."""
    return "zh-Hant-TW" if code == "zh" else code or ""


def language_link(lang: str) -> str:
    """Give this page's address in another language, its other parameters kept."""
    kept = [(key, value) for key, value in request.args.items(multi=True) if key != "lang"]
    return _page_path() + "?" + urlencode([*kept, ("lang", lang)])


def _page_path() -> str:
    """Give the path of a page to look at: where a form was sent to there is often none."""
    if request.method == "GET":
        return ""
    try:
        current_app.create_url_adapter(request).match(method="GET")  # type: ignore[union-attr]
    except HTTPException:
        return path_of(request.referrer or "") or "/"
    return ""


def path_of(address: str) -> str:
    """Give the path of an address that a browser named; empty where it is none."""
    try:
        path = urlsplit(address).path
    except ValueError:
        return ""
    return "" if path.startswith("//") else path


def navigation() -> list[dict[str, Any]]:
    """Give the pages this viewer has any business with, and which one is open."""
    return [{"label": page.label, "url": url_for(page.endpoint),
             "here": request.endpoint == page.endpoint} for page in NAVIGATION
            if page.endpoint in current_app.view_functions
            and may_somewhere(g.viewer, page.verb)]


def notice(text: Message, kind: str = "done", undo: str | None = None) -> None:
    """Say something on top of the next page; ``undo`` is the address that takes it back."""
    said: Any = {**_said(text), "undo": undo}
    flash(said, kind)


def _said(text: Message) -> dict[str, Any]:
    """Give a message, and those in its fields, as a session can keep them."""
    return {"id": text.id, "fields": {name: _said(value) if isinstance(value, Message) else value
                                      for name, value in text.fields.items()}}


def notices(lang: str) -> list[tuple[str, dict[str, Any]]]:
    """Give what is to be said now, in the reader's language, and forget it."""
    waiting: list[Any] = list(get_flashed_messages(with_categories=True))
    return [(kind, {"text": render(_message(row), lang), "undo": row.get("undo")})
            for kind, row in waiting]


def _message(row: Mapping[str, Any]) -> Message:
    """Give a kept message; a field may be one, or a name in each language."""
    return Message(row["id"], {
        name: _message(value) if isinstance(value, Mapping) and "fields" in value else value
        for name, value in row["fields"].items()})


def csrf_field() -> Markup:
    """Give the hidden field that every posting form carries."""
    return Markup('<input type="hidden" name="csrf_token" value="{}">').format(generate_csrf())
