"""The Flask app: requests become verbs of ``matcher.workflow``, results become pages.

``create_app(settings)``; opens no store and loads no encoder before the first request.
"""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import urlencode

from flask import Flask, render_template, request
from werkzeug.exceptions import HTTPException

from matcher.errors import InputError, MatcherError, UnknownRecordError
from matcher.languages import INTERFACE_LANGUAGES, LANGUAGES, negotiate, render, translate
from matcher.settings import Settings, load_settings

LARGEST_REQUEST = 200_000
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def create_app(settings: Settings | None = None) -> Flask:
    """Make the app; raises ``SettingError`` for a bad setting."""
    chosen = settings or load_settings()
    app = Flask(__name__)
    app.config.update(SECRET_KEY=secret_key(chosen), MAX_CONTENT_LENGTH=LARGEST_REQUEST,
                      MATCHER=chosen, SESSION_COOKIE_SAMESITE="Lax")
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    from web import lists

    app.register_blueprint(lists.pages)
    app.context_processor(_words)
    app.after_request(_harden)
    app.register_error_handler(MatcherError, _show_error)
    app.register_error_handler(HTTPException, _show_http_error)
    return app


def secret_key(settings: Settings) -> str:
    """Give the key of the cookies: the setting's, else one made once in the home folder."""
    if settings.values["SECRET_KEY"]:
        return settings.values["SECRET_KEY"]
    file = settings.home / "secret_key"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(0o600)
        file.write_text(secrets.token_hex(32), "utf-8")
    return file.read_text("utf-8").strip()


def page_language() -> str:
    """Give the language of this request: ``?lang=``, else the cookie, else the browser's."""
    asked = request.args.get("lang") or request.cookies.get("lang")
    if asked in INTERFACE_LANGUAGES:
        return str(asked)
    return negotiate(request.headers.get("Accept-Language"))


def _words() -> dict[str, Any]:
    """Give templates the translator ``_`` and the language."""
    lang = page_language()
    return {"_": lambda text, **fields: translate(text, lang).format(**fields) if fields
            else translate(text, lang), "lang": lang, "language_link": _language_link,
            "html_lang": html_lang, "language_name": lambda code: LANGUAGES[code].name}


def html_lang(code: str | None) -> str:
    """Give the HTML language tag of a record: zh is Traditional here, so that glyphs are right."""
    return "zh-Hant-TW" if code == "zh" else code or ""


def _language_link(lang: str) -> str:
    """Give this page's address in another language, its other parameters kept."""
    kept = {key: value for key, value in request.args.items() if key != "lang"}
    return "?" + urlencode({**kept, "lang": lang})


def _harden(response: Any) -> Any:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.args.get("lang") in INTERFACE_LANGUAGES:
        response.set_cookie("lang", request.args["lang"], max_age=31_536_000, samesite="Lax",
                            httponly=True)
    return response


def _show_error(problem: MatcherError) -> tuple[str, int]:
    """Show a known error as one sentence; 404 for an unknown id, 422 for bad input, else 503."""
    code = 404 if isinstance(problem, UnknownRecordError) else 503
    code = 422 if isinstance(problem, InputError) and code != 404 else code
    return render_template("error.html", sentence=render(problem.message, page_language())), code


def _show_http_error(problem: HTTPException) -> tuple[str, int]:
    sentences = {404: "There is no such page.", 413: "This is too long; shorten it.",
                 405: "This page cannot be used that way."}
    code = problem.code or 500
    text = translate(sentences.get(code, "Something went wrong; it was written down."),
                     page_language())
    return render_template("error.html", sentence=text), code
