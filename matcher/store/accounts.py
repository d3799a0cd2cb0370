"""Accounts, server-side sessions, and single-use tokens as rows.

Secrets are stored as their sha256 only: whoever reads the database can neither sign in nor use
a link. Times are passed in, in UTC.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, insert, select, update

from matcher.store import schema
from matcher.store.store import Store


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who may sign in; ``password`` is an argon2 hash, None until it was chosen."""

    account_id: str
    email: str
    name: str
    role: str
    created: datetime
    party_id: str | None = None
    centre: str | None = None
    lang: str | None = None
    password: str | None = None
    active: bool = True
    failures: int = 0
    locked_until: datetime | None = None
    last_seen: datetime | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """One signed-in browser; ``content`` is what pages remember in it."""

    token_hash: str
    account_id: str | None
    content: Mapping[str, Any]
    created: datetime
    seen: datetime
    expires: datetime


@dataclass(frozen=True, slots=True)
class Token:
    """A link that works once: ``purpose`` is invite, reset or enter."""

    token_hash: str
    purpose: str
    email: str
    content: Mapping[str, Any]
    created: datetime
    expires: datetime
    used: datetime | None = None


def digest(secret: str) -> str:
    """Name a secret without telling it: sha256, hexadecimal."""
    return hashlib.sha256(secret.encode()).hexdigest()


def accounts(store: Store, centre: str | None = None) -> tuple[Account, ...]:
    """Give all accounts, or one centre's, by e-mail."""
    query = select(schema.accounts).order_by(schema.accounts.c.email)
    if centre is not None:
        query = query.where(schema.accounts.c.centre == centre)
    with store.reading() as connection:
        return tuple(_to(Account, row) for row in connection.execute(query).mappings())


def account(store: Store, *, account_id: str | None = None, email: str | None = None
            ) -> Account | None:
    """Find an account by id or by e-mail; None where there is none."""
    where = {"account_id": account_id} if account_id is not None else {"email": email}
    with store.reading() as connection:
        row = connection.execute(select(schema.accounts).filter_by(**where)).mappings().first()
    return None if row is None else _to(Account, row)


def put_account(store: Store, changed: Account) -> None:
    """Write an account in the place of the one with its id."""
    row, key = asdict(changed), {"account_id": changed.account_id}
    with store.writing() as connection:
        if not connection.execute(update(schema.accounts).filter_by(**key).values(row)).rowcount:
            connection.execute(insert(schema.accounts), row)


def put_session(store: Store, session: Session) -> None:
    """Write a session in the place of the one with its token."""
    with store.writing() as connection:
        connection.execute(delete(schema.sessions).filter_by(token_hash=session.token_hash))
        connection.execute(insert(schema.sessions), asdict(session))


def session(store: Store, token_hash: str) -> Session | None:
    """Find a session; None where there is none."""
    query = select(schema.sessions).filter_by(token_hash=token_hash)
    with store.reading() as connection:
        row = connection.execute(query).mappings().first()
    return None if row is None else _to(Session, row)


def sessions_of(store: Store, account_id: str) -> tuple[Session, ...]:
    """Give an account's sessions, the one seen last first."""
    query = select(schema.sessions).filter_by(account_id=account_id).order_by(
        schema.sessions.c.seen.desc())
    with store.reading() as connection:
        return tuple(_to(Session, row) for row in connection.execute(query).mappings())


def end_sessions(store: Store, *, token_hash: str | None = None, account_id: str | None = None,
                 but: str | None = None) -> None:
    """End one session, or all of an account (``but`` one)."""
    gone = delete(schema.sessions)
    if token_hash is not None:
        gone = gone.where(schema.sessions.c.token_hash == token_hash)
    if account_id is not None:
        gone = gone.where(schema.sessions.c.account_id == account_id)
    if but is not None:
        gone = gone.where(schema.sessions.c.token_hash != but)
    if token_hash is None and account_id is None:
        return
    with store.writing() as connection:
        connection.execute(gone)


def put_token(store: Store, token: Token) -> None:
    """Write a new token."""
    with store.writing() as connection:
        connection.execute(insert(schema.tokens), asdict(token))


def find_token(store: Store, secret: str, purpose: str, now: datetime) -> Token | None:
    """Find a token that is still good: of this purpose, unused, not expired."""
    query = select(schema.tokens).filter_by(token_hash=digest(secret), purpose=purpose)
    with store.reading() as connection:
        row = connection.execute(query).mappings().first()
    found = None if row is None else _to(Token, row)
    return found if found and found.used is None and now < found.expires else None


def use_token(store: Store, secret: str, purpose: str, now: datetime) -> Token | None:
    """Use a token up; of two who try at once only one gets it."""
    found = find_token(store, secret, purpose, now)
    if found is None:
        return None
    with store.writing() as connection:
        done = connection.execute(update(schema.tokens).where(
            schema.tokens.c.token_hash == found.token_hash,
            schema.tokens.c.used.is_(None)).values(used=now))
    return found if done.rowcount else None


def _to(noun: type[Any], row: Any) -> Any:
    """Make a noun of a row; SQLite gives times without their zone: they are UTC."""
    values = {f.name: row[f.name] for f in fields(noun)}
    return noun(**{name: value.replace(tzinfo=UTC) if isinstance(value, datetime)
                   and value.tzinfo is None else value for name, value in values.items()})
