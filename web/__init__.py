"""The Flask app: requests become verbs of ``matcher.workflow``, results become pages.

``create_app(settings)``; opens no store and loads no encoder before the first request.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from typing import Any

from flask import Flask, abort, current_app, render_template, request
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.exceptions import HTTPException
from werkzeug.routing import UnicodeConverter

from matcher.errors import ForbiddenError, InputError, MatcherError, UnknownRecordError
from matcher.languages import INTERFACE_LANGUAGES, render, translate
from matcher.sessions import address_of
from matcher.settings import Settings, load_settings
from matcher.signon import providers
from web.sessions import StoredSessions
from web.shell import context, page_language

LARGEST_REQUEST = 200_000
LARGER = {"profiles.read": 11_000_000, "profiles.confirm": 4_000_000, "profiles.save": 4_000_000,
          "board.sheet_in": 21_000_000}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
ERROR_CODES: tuple[tuple[type[MatcherError], int], ...] = (
    (UnknownRecordError, 404), (InputError, 422), (ForbiddenError, 403))


def create_app(settings: Settings | None = None, *, warm: bool = False) -> Flask:
    """Make the app.

    Raises ``SettingError`` for a bad setting and ``MissingExtraError`` for a part that is set and
    not installed. ``warm`` makes all lists in the background once, so that no page is slow the
    first time.
    """
    chosen = settings or load_settings()
    providers(chosen)
    app = Flask(__name__)
    app.config.update(SECRET_KEY=secret_key(chosen), MAX_CONTENT_LENGTH=LARGEST_REQUEST,
                      MATCHER=chosen, WTF_CSRF_TIME_LIMIT=None, WTF_CSRF_SSL_STRICT=False)
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.session_interface = StoredSessions()
    app.url_map.converters["default"] = app.url_map.converters["string"] = _Id
    if address_of(chosen).startswith("https:"):
        app.wsgi_app = _as_https(app.wsgi_app)  # type: ignore[method-assign]
    from web import (
        access,
        board,
        guides,
        home,
        insight,
        lists,
        profiles,
        records,
        reports,
        reviews,
        signon,
    )

    app.before_request(_set_limit)
    app.before_request(access.find_viewer)
    app.before_request(_refuse_foreign)
    CSRFProtect(app)
    app.before_request(access.guard)
    for room in (home, lists, records, board, insight, guides, profiles, reviews, reports,
                 access, signon):
        app.register_blueprint(room.pages)
    app.context_processor(context)
    app.after_request(_harden)
    app.register_error_handler(MatcherError, _show_error)
    app.register_error_handler(HTTPException, _show_http_error)
    if warm:
        lists.warm_up(app)
    return app


class _Id(UnicodeConverter):
    """An id in an address: a slash in it is told as ~1, a tilde as ~0."""

    def to_url(self, value: str) -> str:
        return super().to_url(value.replace("~", "~0").replace("/", "~1"))

    def to_python(self, value: str) -> str:
        return str(super().to_python(value)).replace("~1", "/").replace("~0", "~")


def secret_key(settings: Settings) -> str:
    """Give the key of the cookies: the setting's, else one made once in the home folder."""
    if settings.values["SECRET_KEY"]:
        return settings.values["SECRET_KEY"]
    file = settings.home / "secret_key"
    if not file.is_file() or not file.stat().st_size:  # none, or one whose writing broke off
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_name(f"secret_key.{os.getpid()}.part")
        part.touch(0o600)
        part.write_text(secrets.token_hex(32), "utf-8")
        if file.is_file():
            file.unlink()
        with suppress(FileExistsError):  # of programs that start at once one makes the key
            os.link(part, file)
        part.unlink()
    return file.read_text("utf-8").strip()


def _set_limit() -> None:
    """Let some pages take in files and long forms, all others little."""
    if request.endpoint in LARGER:
        request.max_content_length = request.max_form_memory_size = LARGER[request.endpoint]


def _refuse_foreign() -> None:
    """Refuse what another site's page sends; browsers say where a request comes from."""
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return
    origin = request.headers.get("Origin")
    own = (None, request.host_url.rstrip("/"), address_of(current_app.config["MATCHER"]))
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none") or (
            origin not in own):
        abort(403)


def _as_https(inner: Any) -> Any:
    """Answer as the https site of the settings, where a proxy in front ends the encryption."""
    def answer(environ: dict[str, Any], start: Any) -> Any:
        return inner({**environ, "wsgi.url_scheme": "https"}, start)

    return answer


def _harden(response: Any) -> Any:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.args.get("lang") in INTERFACE_LANGUAGES:
        response.set_cookie("lang", request.args["lang"], max_age=31_536_000, samesite="Lax",
                            httponly=True, secure=request.is_secure)
    if request.is_secure:
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
    return response


def _show_error(problem: MatcherError) -> tuple[str, int]:
    """Show a known error as one sentence, with the code of its kind, else 503."""
    code = next((number for kind, number in ERROR_CODES if isinstance(problem, kind)), 503)
    return render_template("error.html", sentence=render(problem.message, page_language())), code


def _show_http_error(problem: HTTPException) -> tuple[str, int]:
    sentences = {404: "There is no such page.",
                 403: "You may not do that here. Sign in, or ask your administrator.",
                 413: "This is too long; shorten it.",
                 405: "This page cannot be used that way."}
    code = 403 if isinstance(problem, CSRFError) else problem.code or 500
    text = translate(sentences.get(code, "Something went wrong; it was written down."),
                     page_language())
    return render_template("error.html", sentence=text), code
