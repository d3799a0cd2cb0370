"""Identities as rows: which account an issuer's subject signs in to."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from matcher.store import schema
from matcher.store.audit import AuditLine, append, aware
from matcher.store.store import Store


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody at a provider: ``subject`` is theirs there for good; ``name`` is the provider's."""

    issuer: str
    subject: str
    account_id: str
    name: str
    linked: datetime


def owner(store: Store, issuer: str, subject: str) -> str | None:
    """Give the account an identity is linked with; None where there is none."""
    with store.reading() as connection:
        return _owner(connection, issuer, subject)


def _owner(connection: Connection, issuer: str, subject: str) -> str | None:
    table = schema.identities
    found: str | None = connection.scalar(select(table.c.account_id).filter_by(
        issuer=issuer, subject=subject))
    return found


def identities_of(store: Store, account_id: str) -> tuple[Identity, ...]:
    """Give the identities of an account, the first linked first."""
    table = schema.identities
    query = select(table).filter_by(account_id=account_id).order_by(
        table.c.linked, table.c.issuer, table.c.subject)
    with store.reading() as connection:
        return tuple(Identity(**aware({f.name: row[f.name] for f in fields(Identity)}))
                     for row in connection.execute(query).mappings())


def is_linked(connection: Connection, found: Identity) -> bool:
    """Say whether an identity is linked with any account."""
    return _owner(connection, found.issuer, found.subject) is not None


def add_identity(connection: Connection, made: Identity, line: AuditLine) -> bool:
    """Write a new identity; False where it has an account already, be it the same."""
    if is_linked(connection, made):
        return False
    connection.execute(insert(schema.identities), asdict(made))
    append(connection, line)
    return True


def put_identity(store: Store, made: Identity, line: AuditLine) -> bool:
    """Write a new identity in a transaction of its own; see ``add_identity``."""
    with store.writing() as connection:
        return add_identity(connection, made, line)


def remove_identity(store: Store, gone: Identity, line: AuditLine) -> None:
    """Remove an identity of its account."""
    with store.writing() as connection:
        connection.execute(delete(schema.identities).filter_by(
            issuer=gone.issuer, subject=gone.subject, account_id=gone.account_id))
        append(connection, line)


def let_in(store: Store, account_id: str, now: datetime, line: AuditLine) -> bool:
    """Note a sign-in by an identity; False where the account is disabled or gone."""
    with store.writing() as connection:
        done = connection.execute(update(schema.accounts).filter_by(
            account_id=account_id, active=True).values(last_seen=now))
        if done.rowcount:
            append(connection, line)
    return bool(done.rowcount)
