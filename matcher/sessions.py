"""Verbs of signed-in browsers, by the cookie's secret; the store holds its sha256 only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from matcher.settings import Settings
from matcher.store import Store, open_store
from matcher.store import accounts as rows
from matcher.store.accounts import Account, Session

__all__ = ["Session", "account_of", "end", "end_others", "others", "put", "session", "store_of"]


@lru_cache(maxsize=8)
def _opened(url: str) -> Store:
    return open_store(url)


def store_of(settings: Settings) -> Store:
    """Open the settings' store once a process."""
    return _opened(settings.database_url)


def session(settings: Settings, secret: str) -> Session | None:
    """Find the session of a secret."""
    return rows.session(store_of(settings), rows.digest(secret))


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
