"""Opening a database: engine, SQLite's settings, migrations, errors in words."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from matcher.errors import StoreError
from matcher.vocabulary import Message

BUSY_TIMEOUT_MS = 5000
# PostgreSQL's lock that writers take turns by: any number that no other program here uses.
WRITERS_LOCK = 4_823_977_120
# Dates, records and kinds of str and int are refused, as ``json`` refuses or knows them.
_AS_JSON_DOES = (orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
                 | orjson.OPT_PASSTHROUGH_SUBCLASS)
MIGRATIONS = Path(__file__).parent / "migrations"
Faults = tuple[type[Exception], ...]
DRIVERS: Faults = (DBAPIError, sqlite3.Error)
_CAUSES = (
    ("locked", "another program is writing; try again in a moment"),
    ("lock timeout", "another program is writing; try again in a moment"),
    ("readonly", "it is read-only; check its permissions"),
    ("not a database", "the file is not a database"),
    ("full", "the disk is full"),
    ("unable to open", "the file cannot be opened; check folder and permissions"),
    ("malformed", "the file is damaged; restore a backup"),
)


def without_password(url: str) -> str:
    """Give a database URL as it may be shown."""
    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return "?"


def open_engine(url: str) -> Engine:
    """Make an engine and bring the schema to the newest revision.

    Raises ``StoreError`` when the database cannot be reached, is no database, or was
    written by a newer version of this program.
    """
    with in_words(url, (*DRIVERS, OSError)):  # of the file or its folder
        engine = _make_engine(url)
        _migrate(engine, url)
        return engine


@contextmanager
def in_words(url: str, faults: Faults = DRIVERS) -> Iterator[None]:
    """Turn a driver's error into a ``StoreError`` that says what to do."""
    try:
        yield
    except (ArgumentError, NoSuchModuleError) as problem:
        raise StoreError("The database address {url} is not understood; wanted e.g. "
                         "sqlite:///matcher.db", url=without_password(url)) from problem
    except faults as problem:
        found = str(getattr(problem, "orig", problem)).lower()
        cause = next((words for sign, words in _CAUSES if sign in found), found.split("\n")[0])
        raise StoreError("The database {url} cannot be used: {cause}.",
                         url=without_password(url), cause=Message(cause)) from problem


def _make_engine(url: str) -> Engine:
    """Make the engine, its writers one at a time; for SQLite also the folder, and WAL."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        engine = create_engine(url, pool_pre_ping=True, json_serializer=to_json)
        event.listen(engine, "begin", _begin_postgresql)
        return engine
    if parsed.database and parsed.database != ":memory:":
        Path(parsed.database).expanduser().parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000},
                           json_serializer=to_json)
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def to_json(value: Any) -> str:
    """Give JSON; what only ``json`` can write, such as half a surrogate pair, it writes."""
    try:
        return orjson.dumps(value, option=_AS_JSON_DOES).decode()
    except TypeError:
        return json.dumps(value)


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    """Set one connection up; the driver's own BEGIN is switched off."""
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON",
                   f"busy_timeout={BUSY_TIMEOUT_MS}"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Any) -> None:
    """Begin: a writer takes the lock first, because SQLite cannot upgrade a stale reader."""
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _begin_postgresql(connection: Connection) -> None:
    """Begin: a writer waits for its turn, so that what it looked at holds until it has written."""
    if connection.get_execution_options().get("writing", False):
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {BUSY_TIMEOUT_MS}")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITERS_LOCK})")


def _migrate(engine: Engine, url: str) -> None:
    """Upgrade to head; refuse a database whose revision this program does not know."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    script = ScriptDirectory.from_config(config)
    with engine.connect() as connection:
        present = MigrationContext.configure(connection).get_current_revision()
    if present == script.get_current_head():
        return
    if present is not None and present not in {r.revision for r in script.walk_revisions()}:
        raise StoreError("The database {url} was written by a newer version (revision {found}); "
                         "update this program.", url=without_password(url), found=present)
    with engine.connect().execution_options(writing=True) as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

