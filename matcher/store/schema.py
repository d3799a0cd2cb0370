"""The tables. A change here needs a new revision in migrations/versions (a test compares)."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData(naming_convention={
    "ix": "ix_%(table_name)s_%(column_0_name)s", "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
})
_ID = String(100)

parties = Table(
    "parties", metadata,
    Column("party_id", _ID, primary_key=True), Column("name", Text, nullable=False),
    Column("name_en", Text), Column("kind", String(40), nullable=False),
    Column("county", String(40)), Column("centre", String(40)), Column("tax_id", String(40)),
    Column("industry", Text), Column("website", Text), Column("address", Text),
    Column("size", String(40)), Column("lang", String(8)), Column("source", Text),
    Column("extra", JSON, nullable=False),
)
needs = Table(
    "needs", metadata,
    Column("need_id", _ID, primary_key=True), Column("title", Text, nullable=False),
    Column("description", Text, nullable=False), Column("requirements", Text, nullable=False),
    Column("party_id", _ID), Column("centre", String(40), index=True),
    Column("county", String(40)), Column("lang", String(8)),
    Column("kinds", JSON, nullable=False), Column("themes", JSON, nullable=False),
    Column("trl_now", Integer), Column("trl_target", Integer),
    Column("budget_min_ntd", BigInteger), Column("budget_max_ntd", BigInteger),
    Column("valid_from", Date), Column("valid_to", Date), Column("modes", JSON, nullable=False),
    Column("codes", JSON, nullable=False, server_default="[]"),
)
offers = Table(
    "offers", metadata,
    Column("offer_id", _ID, primary_key=True), Column("title", Text, nullable=False),
    Column("description", Text, nullable=False), Column("kind", String(40), nullable=False),
    Column("party_id", _ID), Column("centre", String(40), index=True),
    Column("county", String(40)), Column("lang", String(8)), Column("themes", JSON, nullable=False),
    Column("trl_now", Integer), Column("modes", JSON, nullable=False),
    Column("money_min_ntd", BigInteger), Column("money_max_ntd", BigInteger),
    Column("valid_from", Date), Column("valid_to", Date),
    Column("reach", String(20), nullable=False),
    Column("codes", JSON, nullable=False, server_default="[]"),
)
evidence = Table(
    "evidence", metadata,
    Column("evidence_id", _ID, primary_key=True),
    Column("offer_id", _ID, ForeignKey("offers.offer_id", ondelete="CASCADE"), nullable=False,
           index=True),
    Column("text", Text, nullable=False), Column("title", Text, nullable=False),
    Column("kind", String(40), nullable=False), Column("lang", String(8)),
    Column("year", Integer), Column("source", Text),
)
judged = Table(
    "judged", metadata,
    Column("need_id", _ID, primary_key=True), Column("offer_id", _ID, primary_key=True),
    Column("judge", String(100), primary_key=True), Column("grade", Integer, nullable=False),
    Column("date", Date), Column("reason", Text, nullable=False),
)
conflicts = Table(
    "conflicts", metadata,
    Column("party_id", _ID, primary_key=True), Column("other_party_id", _ID, primary_key=True),
    Column("reason", Text, nullable=False),
)
vectors = Table(
    "vectors", metadata,
    Column("encoder", String(120), primary_key=True), Column("hash", String(64), primary_key=True),
    Column("dimensions", Integer, nullable=False), Column("content", LargeBinary, nullable=False),
)
readings = Table(
    "readings", metadata,
    Column("rules", String(16), primary_key=True), Column("hash", String(64), primary_key=True),
    Column("content", LargeBinary, nullable=False),
)
match_lists = Table(
    "match_lists", metadata,
    Column("run_id", String(40), primary_key=True), Column("need_id", _ID, primary_key=True),
    Column("encoder", String(120), nullable=False), Column("ranker", String(40), nullable=False),
    Column("data", String(40), nullable=False), Column("rules", String(80), nullable=False),
    Column("day", Date, nullable=False), Column("eligible", Integer, nullable=False),
    Column("need", JSON, nullable=False), Column("scope", String(20)), Column("widened", JSON),
)
matches = Table(
    "matches", metadata,
    Column("run_id", String(40), primary_key=True), Column("need_id", _ID, primary_key=True),
    Column("offer_id", _ID, primary_key=True), Column("rank", Integer, nullable=False),
    Column("score", Float(53), nullable=False), Column("features", JSON, nullable=False),
    Column("contributions", JSON, nullable=False), Column("evidence", JSON, nullable=False),
    Column("distance_km", Float(53)), Column("propensity", Float(53)), Column("notes", JSON),
)
outcomes = Table(
    "outcomes", metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("need_id", _ID, nullable=False, index=True), Column("offer_id", _ID, nullable=False),
    Column("stage", String(40), nullable=False), Column("time", DateTime(True), nullable=False),
    Column("who", Text, nullable=False), Column("reason", Text, nullable=False),
    Column("run_id", String(40)), Column("note", Text), Column("next_date", Date),
    Column("undone", DateTime(True)), Column("undone_by", Text),
    Column("value_ntd", BigInteger), Column("licences", Integer), Column("jobs", Integer),
)
accounts = Table(
    "accounts", metadata,
    Column("account_id", _ID, primary_key=True), Column("email", String(254), nullable=False),
    Column("name", Text, nullable=False), Column("role", String(40), nullable=False),
    Column("party_id", _ID), Column("centre", String(40)), Column("lang", String(8)),
    Column("password", Text), Column("active", Boolean, nullable=False),
    Column("failures", Integer, nullable=False), Column("locked_until", DateTime(True)),
    Column("created", DateTime(True), nullable=False), Column("last_seen", DateTime(True)),
)
sessions = Table(
    "sessions", metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("account_id", _ID, ForeignKey("accounts.account_id", ondelete="CASCADE"), index=True),
    Column("content", JSON, nullable=False), Column("created", DateTime(True), nullable=False),
    Column("seen", DateTime(True), nullable=False),
    Column("expires", DateTime(True), nullable=False),
)
identities = Table(
    "identities", metadata,
    Column("issuer", String(255), primary_key=True),
    Column("subject", String(255), primary_key=True),
    Column("account_id", _ID, ForeignKey("accounts.account_id", ondelete="CASCADE"),
           nullable=False, index=True),
    Column("name", Text, nullable=False), Column("linked", DateTime(True), nullable=False),
)
tokens = Table(
    "tokens", metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("purpose", String(20), nullable=False), Column("email", String(254), nullable=False),
    Column("content", JSON, nullable=False), Column("created", DateTime(True), nullable=False),
    Column("expires", DateTime(True), nullable=False), Column("used", DateTime(True)),
)
outbox = Table(
    "outbox", metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("key", String(200), nullable=False), Column("recipient", String(254), nullable=False),
    Column("subject", Text, nullable=False), Column("body", Text, nullable=False),
    Column("files", JSON, nullable=False), Column("created", DateTime(True), nullable=False),
    Column("next_try", DateTime(True), nullable=False), Column("tries", Integer, nullable=False),
    Column("sent", DateTime(True)), Column("problem", Text),
)
audit = Table(
    "audit", metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("time", DateTime(True), nullable=False), Column("who", _ID, nullable=False),
    Column("act", String(40), nullable=False), Column("what", String(40), nullable=False),
    Column("record_id", _ID, nullable=False), Column("before", JSON), Column("after", JSON),
)
cards = Table(
    "cards", metadata,
    Column("side", String(10), primary_key=True), Column("record_id", _ID, primary_key=True),
    Column("party_id", _ID, index=True), Column("account_id", _ID),
    Column("anonymous", Boolean, nullable=False), Column("contact", JSON, nullable=False),
    Column("visibility", JSON, nullable=False), Column("published", DateTime(True)),
    Column("renewed", DateTime(True)),
)
drafts = Table(
    "drafts", metadata,
    Column("draft_id", _ID, primary_key=True), Column("side", String(10), nullable=False),
    Column("record_id", _ID), Column("account_id", _ID, nullable=False, index=True),
    Column("party_id", _ID), Column("centre", String(40), index=True),
    Column("status", String(20), nullable=False), Column("content", JSON, nullable=False),
    Column("version", Integer, nullable=False), Column("reason", Text, nullable=False),
    Column("reviewer", _ID), Column("created", DateTime(True), nullable=False),
    Column("changed", DateTime(True), nullable=False),
)
consents = Table(
    "consents", metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("account_id", _ID, nullable=False, index=True), Column("record_id", _ID),
    Column("purpose", String(40), nullable=False), Column("version", String(40), nullable=False),
    Column("lang", String(8), nullable=False), Column("time", DateTime(True), nullable=False),
    Column("address", String(64)), Column("withdrawn", DateTime(True)),
)
reports = Table(
    "reports", metadata,
    Column("report_id", String(60), primary_key=True), Column("centre", String(40), nullable=False),
    Column("month", Date, nullable=False), Column("made", DateTime(True), nullable=False),
    Column("mark", String(64), nullable=False), Column("attempts", Integer, nullable=False),
    Column("owner", Text), Column("lease_until", DateTime(True)),
    Column("facts", LargeBinary), Column("content", LargeBinary),
    Column("finished", DateTime(True)),
)
subscriptions = Table(
    "subscriptions", metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("account_id", _ID, ForeignKey("accounts.account_id", ondelete="CASCADE"),
           nullable=False, index=True),
    Column("centre", String(40), nullable=False), Column("lang", String(8), nullable=False),
    Column("format", String(20), nullable=False), Column("sections", JSON, nullable=False),
    Column("need_id", _ID), Column("threshold", Float(53)),
    Column("created", DateTime(True), nullable=False),
)
revision = Table(
    "revision", metadata,
    Column("name", String(20), primary_key=True), Column("number", BigInteger, nullable=False),
    Column("stamp", String(32), nullable=False),
)
Index("ix_matches_run_rank", matches.c.run_id, matches.c.need_id, matches.c.rank)
Index("ix_accounts_email", accounts.c.email, unique=True)
Index("ix_outbox_key", outbox.c.key, unique=True)
Index("ix_reports_centre", reports.c.centre, reports.c.month)
Index("ix_audit_what", audit.c.what, audit.c.record_id)
