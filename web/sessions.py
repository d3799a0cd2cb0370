"""Sessions kept in the database: the cookie holds 256 random bits and nothing else.

Who only looks gets neither a cookie nor a row. A page view writes at most once a minute.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask, Request, Response
from flask.sessions import SessionInterface, SessionMixin
from werkzeug.datastructures import CallbackDict

from matcher import sessions as kept

IDLE, LONGEST = timedelta(hours=8), timedelta(days=7)
SEEN_EVERY = timedelta(minutes=1)
ACCOUNT = "account"


class StoredSession(CallbackDict[str, Any], SessionMixin):
    """What pages remember of one browser; ``secret`` is its cookie, None before the first row."""

    def __init__(self, content: Any = None, secret: str | None = None,
                 row: kept.Session | None = None) -> None:
        """Hold content; any change marks the session as to be written."""
        super().__init__(content, on_update=lambda found: setattr(found, "modified", True))
        self.secret = secret
        self.row = row
        self.modified = False
        self.ended: list[str] = []

    def renew(self) -> None:
        """Give the browser a new secret, so that one from before signing in is worth nothing."""
        if self.secret:
            self.ended.append(self.secret)
        self.secret, self.row, self.modified = None, None, True


class StoredSessions(SessionInterface):
    """Reads and writes sessions in the store."""

    def open_session(self, app: Flask, request: Request) -> StoredSession:
        """Find the session of a request's cookie; an unknown or old one is as none."""
        secret = request.cookies.get(cookie_name(request))
        if not secret or len(secret) > 100:
            return StoredSession()
        now = datetime.now(UTC)
        row = kept.session(app.config["MATCHER"], secret)
        if row is None or now >= min(row.expires, row.seen + IDLE):
            return StoredSession()
        return StoredSession(dict(row.content), secret, row)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Write a changed session, and that it was seen; set or take away the cookie."""
        from flask import request

        assert isinstance(session, StoredSession)
        settings, now = app.config["MATCHER"], datetime.now(UTC)
        for secret in session.ended:
            kept.end(settings, secret)
        if not session:
            if session.secret:
                kept.end(settings, session.secret)
                response.delete_cookie(cookie_name(request), path="/",
                                       secure=request.is_secure, httponly=True, samesite="Lax")
            return
        fresh = session.row is not None and now - session.row.seen < SEEN_EVERY
        if fresh and not session.modified:
            return
        secret = session.secret or secrets.token_urlsafe(32)
        created = session.row.created if session.row else now
        kept.put(settings, secret, session.get(ACCOUNT), dict(session), created, now,
                 created + LONGEST)
        response.set_cookie(cookie_name(request), secret, path="/", secure=request.is_secure,
                            httponly=True, samesite="Lax", expires=created + LONGEST)
        response.vary.add("Cookie")


def cookie_name(request: Request) -> str:
    """Name the cookie; over https with the prefix that binds it to this host."""
    return "__Host-session" if request.is_secure else "session"
