"""Choosing, comparing and switching encoders."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import DAY, EVIDENCE, NEEDS, OFFERS, PARTIES
from safetensors.numpy import save_file

from matcher import workflow
from matcher.cli import main
from matcher.encoders import ServingWorkspace, source_of
from matcher.errors import InputError, SettingError
from matcher.learning.release import install
from matcher.settings import load_settings, save_setting
from matcher.store import open_store


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("MATCHER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MATCHER_LANG", "en")
    open_store(f"sqlite:///{tmp_path / 'home' / 'matcher.db'}").put(
        parties=PARTIES, needs=NEEDS, offers=OFFERS, evidence=EVIDENCE)
    return lambda *words, **env: CliRunner().invoke(main, words, env=env)


def test_using_another_model_and_going_back(run, static_folder):
    done = run("model", "use", str(static_folder))
    assert done.exit_code == 0, done.output
    assert f"From now on {static_folder} is used (3 dimensions;" in done.output
    rows = {row["source"]: row for row in json.loads(run("model", "list", "--json").output)}
    assert rows[str(static_folder)]["in_use"]
    assert rows[str(static_folder)]["vectors"] == len(NEEDS) + len(OFFERS) + len(EVIDENCE)
    lists = json.loads(run("match", "--json").output)
    assert {found["run"]["encoder"] for found in lists} == {rows[str(static_folder)]["revision"]}
    assert run("model", "use", "embedded").exit_code == 0
    assert run("model", "list").output.startswith("* embedded")


def test_a_model_that_does_not_load_changes_nothing(run, static_folder):
    (static_folder / "0_StaticEmbedding" / "model.safetensors").write_bytes(b"cut")
    done = run("model", "use", str(static_folder))
    assert done.exit_code == 3
    assert "The model file model.safetensors cannot be used" in done.output
    assert run("model", "list").output.startswith("* embedded")


@pytest.mark.parametrize(("rows", "manifest", "sentence"), [
    (np.eye(4), '["a"]', "manifest.json cannot be used: it does not map file names to sha256"),
    (np.full((4, 3), np.nan), None, "model.safetensors cannot be used: a row is not finite"),
    (np.ones((2, 3)), None, "model.safetensors cannot be used: it has the shape (2, 3), expected a row for each of 4"),
    (np.ones(4), None, "model.safetensors cannot be used: it has the shape (4,), expected a row for each of 4"),
])
def test_a_model_of_odd_numbers_is_refused_in_words(run, static_folder, rows, manifest, sentence):
    save_file({"embedding.weight": rows.astype(np.float32)}, static_folder / "0_StaticEmbedding" / "model.safetensors")
    if manifest:
        (static_folder / "manifest.json").write_text(manifest, "utf-8")
    done = run("model", "use", str(static_folder))
    assert (done.exit_code, sentence in done.output) == (3, True), done.output


def test_a_card_in_another_encoding_is_shown(run, static_folder):
    (static_folder / "README.md").write_bytes("# card 溫室".encode("cp950"))
    assert run("model", "card", str(static_folder)).output.startswith("# card ")


def test_the_environment_is_not_overruled(run, static_folder):
    done = run("model", "use", "embedded", MATCHER_ENCODER=str(static_folder))
    assert (done.exit_code, done.output) == (
        2, "The environment variable MATCHER_ENCODER decides which encoder is used; unset it "
           "first.\n")


@pytest.mark.parametrize(("words", "code", "sentence"), [
    (("model", "card", "embedded"), 0, "# Encoder card"),
    (("model", "use", "./nowhere"), 2, "There is no model folder ./nowhere."),
    (("train", "encoder", "--config", "nowhere.toml"), 2, "does not exist"),
])
def test_other_commands_say_what_they_find(run, words, code, sentence):
    done = run(*words)
    assert done.exit_code == code
    assert sentence in done.output


def test_a_folder_without_a_card_says_so(run, static_folder):
    done = run("model", "card", str(static_folder))
    assert (done.exit_code, done.output) == (
        2, f"The model {static_folder} has no card (README.md).\n")


def test_names_become_sources(static_folder):
    assert source_of("embedded") is None
    assert source_of(str(static_folder)) == str(static_folder)
    assert source_of("intfloat/multilingual-e5-small") == "intfloat/multilingual-e5-small"
    with pytest.raises(InputError, match="no model folder"):
        source_of("~/no/such/model")


def test_comparing_shows_scores_size_and_speed_side_by_side(run, static_folder, tmp_path):
    pairs = tmp_path / "pairs"
    pairs.mkdir()
    (pairs / "zh-en.zh.txt").write_text("溫室\n口服疫苗\n", "utf-8")
    (pairs / "zh-en.en.txt").write_text("greenhouse\noral vaccine\n", "utf-8")
    done = run("model", "compare", "embedded", str(static_folder), "--on", str(pairs))
    assert done.exit_code == 0, done.output
    for word in ("texts/s", "dimensions", "zh-en accuracy", "1.000"):
        assert word in done.output
    sides = json.loads(run("model", "compare", "embedded", str(static_folder), "--on", str(pairs),
                           "--json").output)["encoders"]
    assert [side["figures"]["zh-en accuracy"]["queries"] for side in sides] == [2, 2]
    assert all(side["texts_per_second"] > 0 for side in sides)


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.delenv("MATCHER_ENCODER", raising=False)
    found = load_settings({"MATCHER_HOME": str(tmp_path)})
    open_store(found.database_url).put(parties=PARTIES, needs=NEEDS, offers=OFFERS,
                                       evidence=EVIDENCE)
    return found


def best(space):
    return [found.matches[0].offer_id for found in workflow.match(space, day=DAY)]


def test_a_running_page_changes_over_whole_and_keeps_serving(settings, static_folder):
    serving = ServingWorkspace(settings)
    before = serving.get()
    expected = best(before)
    save_setting(settings.file, "ENCODER", str(static_folder))
    during = serving.get()
    assert during is before
    assert best(during) == expected
    for _ in range(200):
        if serving.get() is not before:
            break
        time.sleep(0.05)
    after = serving.get()
    assert after.encoder.dimensions == 3
    assert after.pool().vectors.shape[1] == 3
    assert best(before) == expected


@pytest.mark.parametrize("name", ["0_StaticEmbedding/tokenizer.json", "modules.json"])
def test_a_page_whose_new_encoder_is_broken_goes_on_with_the_old(settings, static_folder, caplog,
                                                                 name):
    serving = ServingWorkspace(settings)
    before = serving.get()
    (static_folder / name).write_text("{", "utf-8")
    save_setting(settings.file, "ENCODER", str(static_folder))
    serving.get()
    for _ in range(100):
        if "the old one goes on" in caplog.text:
            break
        time.sleep(0.05)
    assert "the old one goes on" in caplog.text
    assert serving.get() is before


def test_a_running_page_takes_up_a_new_ranker(settings):
    serving = ServingWorkspace(settings)
    before = serving.get()
    pool = before.pool()
    install(settings.home / "models", replace(before.ranker, intercept=-3.0))
    for _ in range(200):
        if serving.get() is not before:
            break
        time.sleep(0.05)
    assert serving.get().ranker.intercept == -3.0
    assert serving.get().pool() is pool
    assert best(serving.get()) == best(before)


def test_a_model_that_is_gone_can_be_left(run, tmp_path):
    save_setting(tmp_path / "home" / "matcher.toml", "ENCODER", "/gone")
    assert run("match").exit_code == 3
    assert run("model", "use", "embedded").exit_code == 0
    assert run("match", "--json").exit_code == 0


def test_the_file_that_is_read_is_the_file_that_is_written(run, tmp_path, static_folder):
    file = tmp_path / "home" / "matcher.toml"
    file.write_text(f'home = "{tmp_path / "elsewhere"}"\n', "utf-8")
    assert run("model", "use", str(static_folder)).exit_code == 0
    assert f'encoder = "{static_folder}"' in file.read_text("utf-8")
    assert run("model", "list").output.count("* ") == 1


def test_a_setting_that_would_break_the_file_is_refused(tmp_path):
    file = tmp_path / "matcher.toml"
    file.write_text("top = \n", "utf-8")
    with pytest.raises(SettingError, match="cannot be read"):
        save_setting(file, "ENCODER", "x")
    assert file.read_text("utf-8") == "top = \n"


def test_saving_a_setting_leaves_the_others(tmp_path):
    file = tmp_path / "matcher.toml"
    file.write_text('# ours\ntop = 5\n"encoder" = "old"\n', "utf-8")
    file.chmod(0o640)
    save_setting(file, "ENCODER", "/models/新")
    assert file.stat().st_mode & 0o777 == 0o640
    assert file.read_text("utf-8") == 'encoder = "/models/新"\n# ours\ntop = 5\n'
    assert load_settings({"MATCHER_CONFIG": str(file), "MATCHER_HOME": str(tmp_path)}).encoder == (
        "/models/新")


def test_vectors_of_two_encoders_live_side_by_side(space, static_folder):
    from matcher.encoding import load_encoder

    other = space.with_encoder(load_encoder(str(static_folder)))
    space.prepare()
    other.prepare()
    counts = space.store.vector_counts()
    assert len(counts) == 4
    assert np.unique(list(counts.values())).tolist() == [len(NEEDS), len(OFFERS) + len(EVIDENCE)]
