from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from datetime import date
from inspect import cleandoc

import pytest
from click.testing import CliRunner
from conftest import EVIDENCE, NEEDS, OFFERS, PARTIES

from matcher.cli import main
from matcher.cli.base import Bar
from matcher.languages import translate
from matcher.settings import SETTINGS
from matcher.store import open_store


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("MATCHER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MATCHER_LANG", "en")
    monkeypatch.chdir(tmp_path)
    return lambda *words, **env: CliRunner().invoke(main, words, env=env)


@pytest.fixture
def filled(run, tmp_path):
    open_store(f"sqlite:///{tmp_path / 'home' / 'matcher.db'}").put(
        parties=PARTIES, needs=NEEDS, offers=OFFERS, evidence=EVIDENCE)
    return run


def commands(group=main, prefix=()):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*prefix, name))
        else:
            yield (*prefix, name), command


@pytest.mark.parametrize(("words", "command"), list(commands()), ids=lambda v: "-".join(v)
                         if isinstance(v, tuple) else "")
def test_every_command_has_help(run, words, command):
    done = run(*words, "--help")
    assert done.exit_code == 0
    assert command.help.split("\n")[0].rstrip(".") in " ".join(done.output.split())
    assert ("--json" in done.output) == (words != ("serve",))


def helps(command=main):
    """Every help text of a command and all below it."""
    yield command.help
    yield from (p.help for p in command.params if getattr(p, "help", None))
    for other in getattr(command, "commands", {}).values():
        yield from helps(other)


def test_every_help_text_and_setting_has_a_chinese_translation():
    texts = [*map(cleandoc, helps()), *(row.meaning for row in SETTINGS)]
    assert [text for text in texts if translate(text, "zh") == text] == []


@pytest.mark.parametrize(("words", "code", "expected"), [
    (("--help",), 0, ("用法： main [OPTIONS]", "媒合園區與區域創新中心的需求與供給", "選項:", "--version   顯示版本後結束。",
                      "指令:", "coach      評估需求或供給寫得如何（滿分 20），並說明該補什麼\n")),
    (("report", "run", "--help"), 0, ("製作、寫出並寄送一個或所有園區的月報。", "月份，例如 2026-10；不寫則為上個月。")),
    (("evaluate", "--help"), 0, ("DIR 為 BEIR 資料夾或專長評分資料夾。",)),
    (("mach",), 2, ("說明請見「main --help」。", "錯誤：沒有 'mach' 這個指令。 您是指 'coach', 'match', 'search' 嗎？")),
    (("match", "--top", "x"), 2, ("錯誤：'--top' 的內容不符",)),
    (("why", "N1"), 2, ("錯誤：缺少引數 'OFFER'",)),
    (("assign", "--force", "N1"), 2, ("錯誤：選項 '--force' 需要 2 個內容。",)),
    (("report", "show"), 2, ("錯誤：缺少引數 'REPORT_ID'",)),
    (("config", "show"), 0, ("預設           每項需求顯示的媒合數", "環境變數")),
    (("ranker", "back"), 2, ("沒有先前的排序模型；維持使用中的排序模型。",)),
    (("report", "frob"), 2, ("錯誤：沒有 'frob' 這個指令。",)),
], ids=lambda v: "-".join(map(str, v)) if isinstance(v, tuple) else str(v))
def test_help_and_usage_errors_are_in_chinese(run, words, code, expected):
    done = run(*words, MATCHER_LANG="zh")
    assert done.exit_code == code
    for text in expected:
        assert text in done.output
    english = run(*words, MATCHER_LANG="en").output
    assert re.search("Usage: main|Error: |matches shown for one need|There is no earlier ranker", english)
    assert "錯誤" not in english


def test_from_template_to_match_list(run, tmp_path):
    for what in ("parties", "needs", "offers", "evidence"):
        assert run("template", what).exit_code == 0
        done = run("import", what, f"{what}.csv")
        assert (done.exit_code, done.output) == (
            0, "1 rows read, 0 rejected; 1 new, 0 changed, 0 unchanged.\n")
    done = run("match", "--centre", "STSP")
    assert done.exit_code == 0
    assert "■ N001  主軸熱變位補償" in done.output


def test_a_file_with_few_columns_changes_only_these(filled, tmp_path):
    (tmp_path / "days.csv").write_text("need_id,title,valid_to,kinds\nN1,主軸熱變位補償,2028-12-31,\n", "utf-8")
    store = open_store(f"sqlite:///{tmp_path / 'home' / 'matcher.db'}")
    store.put(needs=[replace(NEEDS[0], kinds=("equipment",))])
    assert filled("import", "needs", "days.csv").output == "1 rows read, 0 rejected; 0 new, 1 changed, 0 unchanged.\n"
    # An empty cell of a column that is there empties the field.
    assert store.need("N1") == replace(NEEDS[0], valid_to=date(2028, 12, 31), kinds=())
    (tmp_path / "kinds.csv").write_text("offer_id,title\nO3,New title\n", "utf-8")
    filled("import", "offers", "kinds.csv", "--centre", "STSP")
    assert store.offer("O3") == replace(OFFERS[2], title="New title", centre="STSP")
    store.put(parties=[replace(PARTIES[0], extra={"note": "kept", "phone": "1", "fax": "2"})])
    (tmp_path / "p.csv").write_text("party_id,name,phone,fax,address\nP1,Renamed,,3,\n", "utf-8")
    filled("import", "parties", "p.csv")
    assert store.parties()["P1"] == replace(PARTIES[0], name="Renamed", county=None, extra={"note": "kept", "fax": "3"})


def test_what_a_file_leaves_out_must_fit_what_it_says(filled, tmp_path):
    store = open_store(f"sqlite:///{tmp_path / 'home' / 'matcher.db'}")
    store.put(needs=[replace(NEEDS[0], valid_to=date(2026, 6, 30), budget_max_ntd=200)])
    (tmp_path / "n.csv").write_text("need_id,title,valid_from,budget_min_ntd\nN1,t,2027-01-01,900\nN9,new,,\n", "utf-8")
    assert filled("import", "needs", "n.csv", "--dry-run").exit_code == 2
    done = filled("import", "needs", "n.csv")
    assert (done.exit_code, done.output) == (2, (
        "The file does not fit what is stored; nothing was changed: N1: budget_min_ntd 900 is above budget_max_ntd 200; "
        "N1: valid_from 2027-01-01 is above valid_to 2026-06-30\n"))
    assert {n.need_id for n in store.needs()} == {"N1", "N2"}


def test_a_damaged_row_stops_no_import_of_others(filled, tmp_path):
    store = open_store(f"sqlite:///{tmp_path / 'home' / 'matcher.db'}")
    with store.writing() as connection:
        connection.exec_driver_sql("UPDATE needs SET valid_to = 'soon' WHERE need_id = 'N1'")
    (tmp_path / "n.csv").write_text("need_id,title\nN9,new\n", "utf-8")
    assert filled("import", "needs", "n.csv").output == "1 rows read, 0 rejected; 1 new, 0 changed, 0 unchanged.\n"


def test_a_template_takes_no_filled_tables_place(run, tmp_path):
    (tmp_path / "needs.csv").write_text("mine", "utf-8")
    done = run("template", "needs")
    assert (done.exit_code, "needs.csv is there and may hold your rows" in done.output) == (2, True)
    assert (tmp_path / "needs.csv").read_text("utf-8") == "mine"
    assert run("template", "needs", "--force").exit_code == 0
    assert (tmp_path / "needs.csv").read_text("utf-8") != "mine"


@pytest.mark.parametrize(("rejected", "words"), [
    ("bad.csv", "would take the place of bad.csv"), ("nowhere/r.csv", "There is no folder nowhere"),
])
def test_a_place_for_rejected_rows_that_cannot_be_is_refused_before_anything_is_stored(run, tmp_path, rejected, words):
    content = "need_id,title,valid_to\nN1,good,\nN2,bad,tomorrow\n"
    (tmp_path / "bad.csv").write_text(content, "utf-8")
    done = run("import", "needs", "bad.csv", "--keep-good", "--rejected", rejected)
    assert (done.exit_code, words in done.output) == (2, True)
    assert (tmp_path / "bad.csv").read_text("utf-8") == content
    assert run("import", "needs", "bad.csv", "--keep-good", "--rejected", "r.csv").exit_code == 2
    assert (tmp_path / "r.csv").read_text("utf-8-sig").startswith("rejected row,why it was rejected,")
    (tmp_path / "bad.csv").write_text("need_id,title\nN2,mended\n", "utf-8")
    assert run("import", "needs", "bad.csv", "--rejected", "r.csv").exit_code == 0
    assert (tmp_path / "r.csv").read_text("utf-8-sig").splitlines() == ["rejected row,why it was rejected"]


@pytest.mark.parametrize("words", [("--text", ""), ("--text", "x", "--need", "N1")])
def test_words_and_ids_of_needs_exclude_each_other(filled, words):
    done = filled("match", *words)
    assert (done.exit_code, "Give either --text with a need's words or --need ID." in done.output) == (2, True)


def test_the_ending_of_the_file_says_the_format(filled, tmp_path):
    for name, begin in (("m.xlsx", b"PK"), ("m.json", b"["), ("m.txt", "■".encode())):
        filled("match", "--need", "N1", "--out", name)
        assert (tmp_path / name).read_bytes().startswith(begin)


def test_the_language_may_stand_in_the_settings_file(run, tmp_path, monkeypatch):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "matcher.toml").write_text('lang = "en"', "utf-8")
    monkeypatch.delenv("MATCHER_LANG")
    assert "Ready:" in run("init").output


def test_an_interrupted_command_says_so_and_leaves_with_130(run, monkeypatch):
    def stop(*_args):
        raise KeyboardInterrupt

    monkeypatch.setattr("matcher.store.open_store", stop)
    done = run("init")
    assert (done.exit_code, "Interrupted." in done.output) == (130, True)


def test_doctor_looks_at_the_sites_own_ranker_and_at_a_database_that_cannot_be_written(run, tmp_path):
    run("init")
    (tmp_path / "home" / "models").mkdir()
    (tmp_path / "home" / "models" / "ranker.json").write_text("{}", "utf-8")
    done = run("doctor")
    assert done.exit_code != 0
    assert any("ranker.json" in line and "✓" not in line for line in done.output.splitlines())


@pytest.mark.parametrize(("words", "code", "sentence"), [
    (("主軸", "--centre", "XYZ"), 2, "XYZ"), (("主軸", "--kind", "foo"), 2, "Not known: foo. Wanted one of: capability, "),
    (("-疫苗",), 0, "2 found"), (("主軸 -誤差", "--kind", "equipment"), 0, "0 found"),
])
def test_a_search_refuses_what_is_not_there_and_excludes_words(filled, words, code, sentence):
    done = filled("search", *words)
    assert (done.exit_code, sentence in done.output) == (code, True), done.output


def test_a_dry_run_stores_nothing(run):
    run("template", "needs")
    assert run("import", "needs", "needs.csv", "--dry-run").output == (
        "1 rows read, 0 rejected, nothing stored.\n")
    assert run("match").output == "No needs found. Import some, or try: matcher demo\n"


def test_bad_rows_exit_with_2_and_can_be_kept_for_mending(run, tmp_path):
    (tmp_path / "n.csv").write_text("need_id,title,trl_now\n1,a,99\n2,b,3\n", "utf-8")
    done = run("import", "needs", "n.csv", "--rejected", "bad.csv")
    assert done.exit_code == 2
    assert "row 2, column “trl_now”: found “99”; wanted a TRL from 1 to 9" in done.output
    assert (tmp_path / "bad.csv").is_file()
    assert run("import", "needs", "n.csv", "--keep-good").exit_code == 2
    assert [row["need_id"] for row in json.loads(run("match", "--json").output)] == ["2"]


@pytest.mark.parametrize("fmt", ["json", "csv", "xlsx", "table"])
def test_match_in_every_format(filled, tmp_path, fmt):
    done = filled("match", "--centre", "CTSP", "--format", fmt, "--out", f"m.{fmt}")
    assert done.exit_code == 0
    content = (tmp_path / f"m.{fmt}").read_bytes()
    if fmt == "xlsx":
        from openpyxl import load_workbook

        sheet = load_workbook(tmp_path / "m.xlsx").active
        assert (sheet["E2"].value, sheet.freeze_panes) == ("O1", "A2")
    else:
        assert "O1" in content.decode("utf-8-sig") or "工具機熱誤差建模" in content.decode()
    if fmt == "csv":
        assert content.startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize(("words", "code", "sentence"), [
    (("match", "--centre", "NOWHERE"), 2, "There is no centre with the id “NOWHERE”."),
    (("match", "--need", "N9"), 2, "There is no need with the id “N9”."),
    (("match", "--format", "xlsx"), 2, "An XLSX list needs a file: add --out FILE.xlsx"),
    (("report", "run", "--month", "2026-13", "--all"), 2, "“2026-13” is no month"),
    (("report", "run", "--month", "2026-10"), 2, "Give either --centre CODE or --all."),
    (("report", "list", "--centre", "NOWHERE"), 2, "There is no centre with the id “NOWHERE”."),
    (("report", "alerts", "--centre", "NOWHERE"), 2, "There is no centre with the id “NOWHERE”."),
    (("evaluate", "."), 2, "has no corpus.jsonl"),
])
def test_errors_are_sentences_with_exit_codes(run, words, code, sentence):
    done = run(*words)
    assert (done.exit_code, "Traceback" in done.output) == (code, False)
    assert sentence in done.output


def test_what_the_system_refuses_is_a_sentence_too(run):
    import socket

    done = run("template", "needs", "--out", "/nowhere/needs.csv")
    assert (done.exit_code, done.output) == (
        1, "/nowhere/needs.csv cannot be used: the folder or file does not exist.\n")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = subprocess.run(
            [sys.executable, "-c", "from matcher.cli import main; main()", "serve", "--port",
             str(taken.getsockname()[1])], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.endswith("another program listens there; choose another --port.\n")
    assert run("report", "run", "--month", "2026-10", "--all").output == (
        "No centre has needs yet; nothing to report.\n")


def test_errors_come_in_the_readers_language(run):
    assert "沒有編號為「N9」的需求。" in run("match", "--need", "N9", MATCHER_LANG="zh").output


def test_config_show_names_where_each_value_comes_from(run, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "matcher.toml").write_text('port = 9000\n', "utf-8")
    rows = {r["name"]: r for r in json.loads(run("config", "show", "--json", MATCHER_TOP="3").output)}
    assert [rows[f"MATCHER_{n}"]["origin"] for n in ("TOP", "PORT", "HOST")] == [
        "environment", "file", "default"]
    assert run("config", "show", MATCHER_PORT="x").exit_code == 2
    database = {"MATCHER_DB": "postgresql://me:secret@host/db"}
    assert "secret" not in run("config", "show", **database).output


def test_doctor_examines_everything(run):
    done = run("doctor")
    assert done.exit_code == 0
    assert done.output.count("✓") == 7
    assert run("doctor", MATCHER_DB="nonsense").exit_code == 1


def test_init_makes_the_database(run, tmp_path):
    assert run("init").exit_code == 0
    assert (tmp_path / "home" / "matcher.db").is_file()


def test_the_encoder_alone_is_measured(run, tmp_path):
    (tmp_path / "pairs").mkdir()
    (tmp_path / "pairs" / "zh-en.zh.txt").write_text("溫室降溫\n口服疫苗\n", "utf-8")
    (tmp_path / "pairs" / "zh-en.en.txt").write_text("greenhouse cooling\noral vaccine\n", "utf-8")
    done = run("evaluate", "pairs", "--encoder")
    assert (done.exit_code, done.output.splitlines()[0]) == (0, "pairs (2)")
    assert "zh-en accuracy 1.000 [1.000, 1.000]" in " ".join(done.output.split())
    found = json.loads(run("evaluate", "pairs", "--encoder", "--model", "embedded", "--json").output)
    assert found["metrics"]["zh-en F1"]["mean"] == 1.0
    done = run("evaluate", str(tmp_path / "home"), "--encoder")
    assert done.exit_code == 2


def test_a_progress_line_knows_the_time_left_from_the_pace_so_far():
    bar = Bar()
    assert [bar.seconds_left("match", done, 10, now) for done, now in ((1, 5.0), (2, 7.0), (6, 15.0), (10, 23.0), (1, 50.0))] == [
        None, 16, 8, None, None]


def test_an_invitation_is_listed_and_withdrawn(filled):
    assert filled("account", "invite", "mei@example.org", "--role", "reader", "--centre", "CTSP").exit_code == 0
    assert filled("account", "invitations").output.startswith("mei@example.org  reader  CTSP  –  –  ")
    assert [(r["email"], r["role"]) for r in json.loads(filled("account", "invitations", "--json").output)] == [("mei@example.org", "reader")]
    said = [filled("account", "withdraw", "mei@example.org").output for _ in range(2)]
    assert said == ["The invitation of mei@example.org was withdrawn; its link opens nothing any more.\n",
                    "There is no invitation with the id “mei@example.org”.\n"]
    assert filled("account", "invitations").output == ""
