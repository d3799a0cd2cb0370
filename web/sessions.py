"""Sessions: who signed in has a row in the database and 256 random bits in the cookie.

Who did not has at most a signed cookie (a form's token, a notice) and never a row, so that no
stranger fills the database. A page view writes at most once a minute. A session that was ended,
here or elsewhere, does not come back: it is changed where it is, never written anew.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask, Request, Response, current_app, request
from flask.sessions import SecureCookieSessionInterface, SessionMixin
from itsdangerous import BadSignature
from werkzeug.datastructures import CallbackDict

from matcher import sessions as kept
from matcher.errors import StoreError

SEEN_EVERY = timedelta(minutes=1)
LONGEST_COOKIE = 4000


class StoredSession(CallbackDict[str, Any], SessionMixin):
    """What pages remember of one browser; ``row`` is its sign-in, None for a visitor."""

    def __init__(self, content: Any = None, secret: str | None = None,
                 row: kept.Session | None = None, problem: StoreError | None = None) -> None:
        """Hold content; any change marks the session as to be written."""
        super().__init__(content, on_update=lambda found: setattr(found, "modified", True))
        self.secret, self.row, self.problem = secret, row, problem
        self.modified = False

    @property
    def account_id(self) -> str | None:
        """Give whose session it is, as the database says."""
        return self.row.account_id if self.row else None

    def begin(self, account_id: str) -> None:
        """Sign in under a new secret: one from before is worth nothing."""
        self.end()
        self.secret = secrets.token_urlsafe(32)
        self.row = kept.begin(current_app.config["MATCHER"], self.secret, account_id,
                              datetime.now(UTC))

    def end(self) -> None:
        """Sign out and forget everything."""
        if self.secret:
            kept.end(current_app.config["MATCHER"], self.secret)
        self.secret = self.row = None
        self.clear()


class StoredSessions(SecureCookieSessionInterface):
    """Reads and writes sessions: rows of people, signed cookies of visitors."""

    def open_session(self, app: Flask, request: Request) -> StoredSession:  # type: ignore[override]
        """Find the session of a request's cookie; an unknown, old or forged one is as none."""
        value = request.cookies.get(cookie_name(request), "")
        if not value or len(value) > LONGEST_COOKIE:
            return StoredSession()
        if "." in value:  # a signed one; a secret has no dot
            return StoredSession(self._signed(app, value))
        try:
            row = kept.session(app.config["MATCHER"], value, datetime.now(UTC))
        except StoreError as problem:  # told by the first view, as a page
            return StoredSession(problem=problem)
        return StoredSession(dict(row.content), value, row) if row else StoredSession()

    def _signed(self, app: Flask, value: str) -> dict[str, Any]:
        signer = self.get_signing_serializer(app)
        try:
            found = signer.loads(value, max_age=int(kept.LONGEST.total_seconds())) if signer else {}
        except BadSignature:
            return {}
        return found if isinstance(found, dict) else {}

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Write what changed, and that somebody was seen; set or take away the cookie."""
        assert isinstance(session, StoredSession)
        if session.row is None:
            self._keep_signed(app, session, response)
            return
        now = datetime.now(UTC)
        is_new = session.secret != request.cookies.get(cookie_name(request))
        if not (is_new or session.modified) and now - session.row.seen < SEEN_EVERY:
            return
        if _is_kept(app, session, now):
            _set_cookie(response, session.secret or "", session.row.created + kept.LONGEST)
        else:
            _take_cookie(response)

    def _keep_signed(self, app: Flask, session: StoredSession, response: Response) -> None:
        signer = self.get_signing_serializer(app)
        if session and session.modified and signer:
            _set_cookie(response, str(signer.dumps(dict(session))), None)
        elif session.modified and not session:
            _take_cookie(response)


def _is_kept(app: Flask, session: StoredSession, now: datetime) -> bool:
    """Write a session that still is; a page is worth more than the note that it was seen."""
    try:
        return kept.seen(app.config["MATCHER"], session.secret or "", dict(session), now)
    except StoreError:
        app.logger.exception("that a session was used could not be written")
        return True


def _set_cookie(response: Response, value: str, expires: datetime | None) -> None:
    response.set_cookie(cookie_name(request), value, path="/", secure=request.is_secure,
                        httponly=True, samesite="Lax", expires=expires)
    response.vary.add("Cookie")


def _take_cookie(response: Response) -> None:
    if cookie_name(request) in request.cookies:
        response.delete_cookie(cookie_name(request), path="/", secure=request.is_secure,
                               httponly=True, samesite="Lax")


def cookie_name(request: Request) -> str:
    """Name the cookie; over https with the prefix that binds it to this host."""
    return "__Host-session" if request.is_secure else "session"
