"""Accounts, server-side sessions, and single-use tokens as rows.

Secrets are stored as their sha256 only. What several requests may change at once is changed column
by column under a condition, never by writing back a whole row that was read before: so a sign-in
that takes its time neither undoes a new password nor enables a disabled account. Times are passed
in, in UTC.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Update, delete, func, insert, or_, select, update

from matcher.store import schema
from matcher.store.audit import AuditLine, aware
from matcher.store.identities import Identity, add_identity, is_linked
from matcher.store.outbox import drop_office_mails
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


def add_account(store: Store, made: Account, token_hash: str | None = None,
                now: datetime | None = None,
                linked: tuple[Identity, AuditLine] | None = None) -> bool:
    """Write a new account, use its invitation up and link its identity: all or nothing.

    Says False where the link was used meanwhile, or the e-mail or the identity has an account.
    """
    known = select(schema.accounts.c.account_id).filter_by(email=made.email)
    with store.writing() as connection:
        if connection.execute(known).first() or (linked and is_linked(connection, linked[0])):
            return False
        if token_hash is not None and not connection.execute(_using(token_hash, now)).rowcount:
            return False
        connection.execute(insert(schema.accounts), asdict(made))
        if linked is not None:
            add_identity(connection, *linked)
    return True


def change_account(store: Store, account_id: str, **values: Any) -> bool:
    """Change these columns of an account; say whether there is one.

    With the right to see a centre's reports go those that wait to be mailed.
    """
    with store.writing() as connection:
        if values.get("active") is False or {"role", "centre"} & values.keys():
            email = connection.scalar(select(schema.accounts.c.email).filter_by(
                account_id=account_id))
            drop_office_mails(connection, email or "")
        done = connection.execute(update(schema.accounts).filter_by(account_id=account_id)
                                  .values(values))
    return bool(done.rowcount)


def let_in(store: Store, found: Account, now: datetime, password: str) -> bool:
    """Note a sign-in, and store ``password``'s new hash, where the account still stands as found.

    False where it was meanwhile disabled or locked, or its password was changed.
    """
    table = schema.accounts.c
    with store.writing() as connection:
        done = connection.execute(update(schema.accounts).where(
            table.account_id == found.account_id, table.password == found.password,
            table.active.is_(True), or_(table.locked_until.is_(None), table.locked_until <= now),
        ).values(failures=0, locked_until=None, last_seen=now, password=password))
    return bool(done.rowcount)


def count_failure(store: Store, account_id: str | None, most: int, until: datetime) -> None:
    """Count a wrong password; the ``most``-th locks the account and counting starts anew.

    Without an account as much is written, so that the time tells nothing.
    """
    if account_id is None:
        write_as_it_was(store)
        return
    table = schema.accounts
    query = select(table.c.failures).filter_by(account_id=account_id).with_for_update()
    with store.writing() as connection:
        failures = (connection.scalar(query) or 0) + 1
        values = {"failures": 0, "locked_until": until} if failures >= most else {
            "failures": failures}
        connection.execute(update(table).filter_by(account_id=account_id).values(values))


def write_as_it_was(store: Store) -> None:
    """Write some account's row as it is: what changes nothing is to take as long as what does."""
    table = schema.accounts.c
    some = select(func.min(table.account_id)).scalar_subquery()
    with store.writing() as connection:
        connection.execute(update(schema.accounts).where(table.account_id == some).values(
            failures=table.failures))


def set_password(store: Store, owner: Account, password: str) -> None:
    """Store a new hash; end all sessions and links of the account in the same moment."""
    key = {"account_id": owner.account_id}
    with store.writing() as connection:
        connection.execute(update(schema.accounts).filter_by(**key).values(
            password=password, failures=0, locked_until=None))
        connection.execute(delete(schema.sessions).filter_by(**key))
        connection.execute(delete(schema.tokens).filter_by(email=owner.email, used=None))


def put_session(store: Store, session: Session) -> None:
    """Write a session in the place of the one with its token."""
    with store.writing() as connection:
        connection.execute(delete(schema.sessions).filter_by(token_hash=session.token_hash))
        connection.execute(insert(schema.sessions), asdict(session))


def touch_session(store: Store, token_hash: str, content: Mapping[str, Any], seen: datetime
                  ) -> bool:
    """Change a session that still is; one that was ended meanwhile does not come back."""
    with store.writing() as connection:
        done = connection.execute(update(schema.sessions).filter_by(token_hash=token_hash)
                                  .values(content=dict(content), seen=seen))
    return bool(done.rowcount)


def sweep(store: Store, now: datetime, idle_since: datetime) -> None:
    """Remove sessions and links that are over."""
    with store.writing() as connection:
        connection.execute(delete(schema.sessions).where(or_(
            schema.sessions.c.expires <= now, schema.sessions.c.seen <= idle_since)))
        connection.execute(delete(schema.tokens).where(schema.tokens.c.expires <= now))


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


def put_token(store: Store, token: Token, since: datetime | None = None) -> bool:
    """Write a new token; an unused one for the same purpose and e-mail is worth nothing more.

    False, and nothing is written, where such a one was made after ``since``.
    """
    same = {"purpose": token.purpose, "email": token.email, "used": None}
    table = schema.tokens
    with store.writing() as connection:
        if since is not None and connection.execute(select(table.c.token_hash).filter_by(
                **same).where(table.c.created > since)).first():
            return False
        connection.execute(delete(table).filter_by(**same))
        connection.execute(insert(table), asdict(token))
    return True


def waiting_tokens(store: Store, purpose: str, now: datetime) -> tuple[Token, ...]:
    """Give the tokens of a purpose that are still good, by e-mail."""
    query = select(schema.tokens).filter_by(purpose=purpose, used=None).where(
        schema.tokens.c.expires > now).order_by(schema.tokens.c.email, schema.tokens.c.created)
    with store.reading() as connection:
        return tuple(_to(Token, row) for row in connection.execute(query).mappings())


def drop_token(store: Store, token: Token, mail_key: str) -> bool:
    """Delete an unused token and its mail, if that waits still; False where it was just used."""
    outbox = schema.outbox.c
    with store.writing() as connection:
        gone = connection.execute(delete(schema.tokens).filter_by(
            token_hash=token.token_hash, used=None)).rowcount
        connection.execute(delete(schema.outbox).where(
            outbox.key == mail_key, outbox.sent.is_(None)))
    return bool(gone)


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
        done = connection.execute(_using(found.token_hash, now))
    return found if done.rowcount else None


def _using(token_hash: str, now: datetime | None) -> Update:
    return update(schema.tokens).where(schema.tokens.c.token_hash == token_hash,
                                       schema.tokens.c.used.is_(None)).values(used=now)


def _to(noun: type[Any], row: Any) -> Any:
    """Make a noun of a row."""
    return noun(**aware({f.name: row[f.name] for f in fields(noun)}))
