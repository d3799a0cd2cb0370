from __future__ import annotations

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from conftest import ENCODES, PLAIN

from matcher.encoding import check_manifest, load_encoder
from matcher.encoding.channels import Channels, ChannelsEncoder, _cut
from matcher.encoding.manifest import revision_of
from matcher.encoding.static import StaticEncoder
from matcher.errors import MissingExtraError, ModelFileError
from matcher.ranker import embedded_models
from matcher.reference import embedded_data

FOLDER = embedded_models() / "encoder"


@pytest.fixture(autouse=True)
def plain_encoder(monkeypatch):
    """Here the model runs for every text."""
    for name in ENCODES:
        monkeypatch.setattr(ChannelsEncoder, name, PLAIN)


@pytest.fixture(scope="module")
def encoder():
    return load_encoder()


@pytest.mark.parametrize("texts", [
    [], ["溫室"], ["溫室", "greenhouse", ""], ["", "  ", "😀", "\0", "\u202e", "\ud800", "…"],
    ["字" * 333_333], ["word " * 600 + "另一種語言" * 300],
], ids=("none", "one", "three", "odd", "a megabyte", "many windows"))
def test_rows_have_length_one_and_come_in_order(encoder, texts):
    rows = encoder.encode(texts)
    assert rows.shape == (len(texts), encoder.dimensions)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), np.ones(len(texts)), atol=1e-5)


def test_batch_equals_single_and_roles_agree(encoder):
    texts = ["主軸熱誤差", "spindle thermal error", "疫苗", "vắc xin"] * 600
    together = encoder.encode(texts)
    for position in (0, 1, 2, 3, 2399):
        assert encoder.encode([texts[position]])[0] @ together[position] >= 0.9999
    np.testing.assert_array_equal(encoder.encode_query(texts[:4]), together[:4])
    np.testing.assert_array_equal(encoder.encode_document(texts[:4]), together[:4])


@pytest.mark.parametrize(("one", "other"), [
    ("軟體開發與測試", "软体开发与测试"), ("臺灣積體電路", "台湾积体电路"), ("ＧａＮ　元件", "gan 元件"),
    ("蘋果 IPHONE", "苹果 iphone"),
])
def test_spellings_give_the_same_vector(encoder, one, other):
    left, right = encoder.encode([one, other])
    assert left @ right >= 0.999


PAIRS = (
    ("我們想找溫室降溫的方法", "We look for a way to cool greenhouses"),
    ("工作機械の熱変位を補正する", "Compensating thermal displacement of machine tools"),
    ("배터리 열폭주를 막는 기술", "Technology that stops battery thermal runaway"),
    ("Vắc xin cho cá", "Vaccine for fish"),
    ("Sensor kelembaban tanah", "Soil moisture sensor"),
    ("การบำบัดน้ำเสีย", "Waste water treatment"),
)


def test_a_sentence_finds_its_translation(encoder):
    foreign = encoder.encode([pair[0] for pair in PAIRS])
    english = encoder.encode([pair[1] for pair in PAIRS])
    assert (foreign @ english.T).argmax(axis=1).tolist() == list(range(len(PAIRS)))


def copy_of(tmp_path):
    return shutil.copytree(FOLDER, tmp_path / "encoder")


def flip(content: bytes) -> bytes:
    return content[:5000] + bytes([content[5000] ^ 1]) + content[5001:]


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
@pytest.mark.parametrize("damage", [flip, lambda c: c[: len(c) // 2], lambda c: b""],
                         ids=("flipped byte", "cut in half", "empty"))
def test_a_damaged_file_is_refused_by_name(tmp_path, name, damage):
    folder = copy_of(tmp_path)
    (folder / name).write_bytes(damage((folder / name).read_bytes()))
    with pytest.raises(ModelFileError, match=name) as raised:
        load_encoder(str(folder))
    assert "expected" in str(raised.value)


def test_a_missing_file_and_a_missing_manifest_are_named(tmp_path):
    folder = copy_of(tmp_path)
    (folder / "modules.json").unlink()
    with pytest.raises(ModelFileError, match=r"modules\.json.*missing"):
        check_manifest(folder)
    (folder / "manifest.json").unlink()
    with pytest.raises(ModelFileError, match=r"manifest\.json"):
        check_manifest(folder)


def test_a_mended_card_makes_no_other_vectors_and_changed_weights_do(tmp_path):
    folder = copy_of(tmp_path)
    before = revision_of(folder)
    sums = json.loads((folder / "manifest.json").read_text("utf-8"))
    for name, same in (("README.md", True), ("model.onnx", False)):
        (folder / "manifest.json").write_text(json.dumps({**sums, name: "0"}), "utf-8")
        assert (revision_of(folder) == before) is same, name


def test_the_core_encodes_without_torch():
    code = ("import matcher.encoding as e, sys; e.load_encoder().encode(['x']); "
            "print([m for m in ('torch', 'sentence_transformers', 'pandas') if m in sys.modules])")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_another_model_needs_the_extra_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingExtraError, match=r"pip install '\.\[st\]'"):
        load_encoder(str(tmp_path / "some-transformer"))


def sample_texts(count: int) -> list[str]:
    rows = []
    for name in ("needs", "offers", "evidence"):
        lines = (embedded_data() / "sample" / f"{name}.jsonl").read_text("utf-8").splitlines()
        rows += [json.loads(line) for line in lines]
    rows.sort(key=lambda row: (row["lang"] in ("zh", "en"), row.get("evidence_id", "")))
    return [row.get("text") or row["description"] for row in rows][:count]


def test_no_token_of_a_long_text_is_left_out_and_equal_windows_are_read_once():
    texts = [np.arange(600), np.zeros(0, np.int64), np.arange(5), np.arange(5)]
    windows = _cut(texts, 254)
    assert [len(piece) for piece in windows.pieces] == [200, 200, 200, 0, 5]
    assert windows.owners.tolist() == [0, 0, 0, 1, 2, 3]
    assert windows.places.tolist() == [0, 1, 2, 3, 4, 4]
    np.testing.assert_array_equal(np.concatenate(windows.pieces[:3]), texts[0])


def test_every_window_counts_by_its_tokens(encoder):
    one, other = "溫室降溫。" * 200, "Battery cells catch fire. " * 200
    both, first, second = encoder.encode([one + other, one, other])
    assert both @ first > 0.5
    assert both @ second > 0.5


@pytest.mark.parametrize(("new", "share"), [(0.0, 0.1), (0.175, 0.3), (0.35, 0.5), (1.0, 0.5)])
def test_the_share_of_the_static_channel_grows_with_new_tokens(new, share):
    channels = Channels(10, 20, 254, english=0.1, other=0.5, saturation=0.35)
    assert channels.shares(np.array([new], np.float32)).tolist() == pytest.approx([share])
    row = channels.join(np.ones((1, 4), np.float32), np.ones((1, 2), np.float32),
                        np.array([new], np.float32))
    assert (row[0, 4:] ** 2).sum() == pytest.approx(share)


def test_a_static_folder_of_anybody_runs_without_torch(static_folder):
    encoder = load_encoder(str(static_folder))
    assert isinstance(encoder, StaticEncoder)
    rows = encoder.encode(["greenhouse", "溫室", "cool greenhouse", "unseen", ""])
    assert (rows @ rows[0]).tolist() == pytest.approx([1, 1, 2 / 5**0.5, 0, 0], abs=1e-6)


@pytest.mark.st
def test_five_hundred_texts_in_eight_languages_agree_with_sentence_transformers():
    from sentence_transformers import SentenceTransformer

    texts = sample_texts(500)
    model = SentenceTransformer(str(FOLDER), device="cpu", trust_remote_code=True)
    theirs = model.encode(texts)
    assert theirs.shape == (500, load_encoder().dimensions) == (500, model.get_embedding_dimension())
    assert ((load_encoder().encode(texts) * theirs).sum(axis=1) >= 0.999).all()


@pytest.mark.st
def test_a_saved_copy_is_the_same_model(tmp_path):
    from sentence_transformers import SentenceTransformer

    SentenceTransformer(str(FOLDER), device="cpu", trust_remote_code=True).save(str(tmp_path / "copy"))
    copy = SentenceTransformer(str(tmp_path / "copy"), device="cpu", trust_remote_code=True)
    np.testing.assert_allclose(copy.encode(["溫室"]), load_encoder().encode(["溫室"]), atol=1e-5)


@pytest.mark.st
def test_a_folder_runs_through_the_extra_and_gives_the_same_rows(static_folder):
    from matcher.encoding.transformers import SentenceTransformersEncoder

    texts = ["greenhouse", "cool 溫室", "cool"]
    through = SentenceTransformersEncoder(str(static_folder))
    np.testing.assert_allclose(through.encode_document(texts),
                               load_encoder(str(static_folder)).encode(texts), atol=1e-5)
    assert through.encode([]).shape == (0, 3)


@pytest.mark.st
@pytest.mark.parametrize(("name", "role", "prompt"), [
    ("intfloat/multilingual-e5-small", "query", "query: "),
    ("/models/multilingual-e5-base", "document", "passage: "),
    ("BAAI/bge-small-zh-v1.5", "query", "为这个句子生成表示以用于检索相关文章："),
    ("BAAI/bge-base-en-v1.5", "document", ""), ("all-MiniLM-L6-v2", "query", ""),
])
def test_prompts_of_models_that_name_none_are_known(name, role, prompt):
    from matcher.encoding.transformers import usual_prompt

    assert usual_prompt(name, role) == prompt
