"""Verbs of signed-in browsers, by the cookie's secret; the store holds its sha256 only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from matcher.settings import Settings
from matcher.store import Store, open_store
from matcher.store import accounts as rows
from matcher.store.accounts import Account, Session

__all__ = ["Session", "account_of", "address_of", "begin", "end", "end_others", "is_same",
           "others", "put", "seen", "session", "store_of"]
IDLE, LONGEST = timedelta(hours=8), timedelta(days=7)


@lru_cache(maxsize=8)
def _opened(url: str) -> Store:
    return open_store(url)


def store_of(settings: Settings) -> Store:
    """Open the settings' store once a process."""
    return _opened(settings.database_url)


def address_of(settings: Settings) -> str:
    """Give the address people open, without a slash at its end, e.g. https://match.example.tw.

    It comes from the settings alone: what a request says of its host is anybody's to write, and
    links in mails must not lead where a stranger wants them to.
    """
    if settings.values.get("URL"):
        return settings.values["URL"].rstrip("/")
    host, port = settings.address
    named = "localhost" if host in ("0.0.0.0", "::", "") else f"[{host}]" if ":" in host else host
    return f"http://{named}:{port}"


def session(settings: Settings, secret: str, now: datetime) -> Session | None:
    """Find the session of a secret; None where it ended, idled too long or is too old."""
    found = rows.session(store_of(settings), rows.digest(secret))
    return found if found and now < min(found.expires, found.seen + IDLE) else None


def begin(settings: Settings, secret: str, account_id: str, now: datetime) -> Session:
    """Write the session of somebody who signed in; sweep what is over."""
    made = Session(rows.digest(secret), account_id, {}, now, now, now + LONGEST)
    rows.sweep(store_of(settings), now, now - IDLE)
    rows.put_session(store_of(settings), made)
    return made


def seen(settings: Settings, secret: str, content: Mapping[str, Any], now: datetime) -> bool:
    """Note that a session was used, and what it remembers; False where it was ended meanwhile."""
    return rows.touch_session(store_of(settings), rows.digest(secret), content, now)


def is_same(found: Session, secret: str | None) -> bool:
    """Say whether a session is the one of a secret."""
    return secret is not None and found.token_hash == rows.digest(secret)


def put(settings: Settings, secret: str, account_id: str | None, content: Mapping[str, Any],
        created: datetime, seen: datetime, expires: datetime) -> None:
    """Write a session in the place of the one with its secret."""
    rows.put_session(store_of(settings), Session(rows.digest(secret), account_id, content,
                                                 created, seen, expires))


def end(settings: Settings, secret: str) -> None:
    """End the session of a secret."""
    rows.end_sessions(store_of(settings), token_hash=rows.digest(secret))


def end_others(settings: Settings, account_id: str, secret: str) -> None:
    """End all sessions of an account but this one."""
    rows.end_sessions(store_of(settings), account_id=account_id, but=rows.digest(secret))


def others(settings: Settings, account_id: str) -> tuple[Session, ...]:
    """Give all sessions of an account."""
    return rows.sessions_of(store_of(settings), account_id)


def account_of(settings: Settings, account_id: str) -> Account | None:
    """Find an account that is signed in; None when it was disabled or removed."""
    found = rows.account(store_of(settings), account_id=account_id)
    return found if found and found.active else None
