from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

from matcher.languages import CATALOGUES, detect, fold_han, negotiate, normalise, render, sentences
from matcher.lexical import terms
from matcher.vocabulary import Message


@pytest.mark.parametrize(("text", "language"), [
    ("我們需要 GaN HEMT 磊晶缺陷檢測", "zh"), ("工作機械の熱変位補正", "ja"), ("스마트 공장 예지 보전", "ko"),
    ("ระบบตรวจวัดความชื้นในโรงเรือน", "th"), ("Chúng tôi cần vắc xin cho cá tra", "vi"),
    ("Kami membutuhkan sensor untuk kebun sawit yang tahan air", "id"),
    ("Syarikat kami mencari ujian untuk bateri yang boleh dikitar semula", "ms"),
    ("・提升良率\n・降低成本", "zh"), ("石斑魚・鰻魚ー養殖", "zh"),
    (unicodedata.normalize("NFD", "Cảm biến đo chất lượng nước"), "vi"),
    ("DI water treatment system", "en"), ("Agar plate colony counting", "en"), ("Para-xylene recovery", "en"),
    ("ADA compliance tools", "en"), ("Alat uji dan sensor di tambak", "id"),
    ("Mencari mitra pengujian vaksin kerapu di tambak Situbondo", "id"),
    ("Kami mencari penyelesaian untuk mengesan penyakit udang secara automatik", "ms"),
    ("Dr. Di Wang of Universitas Riset dan Teknologi tests a lens for us", "en"),
    ("We need a thermal error model", "en"), ("Rodrigues引數、Lyapunov函式", "zh"),
    ("National University (國立大學) offers spindle testing for machine tools", "en"), ("", "en"),
])
def test_detect(text, language):
    assert detect(text) == language


@pytest.mark.parametrize(("text", "found"), [
    ("良率只有 3.5%。我們試過 A 法！", ("良率只有 3.5%。", "我們試過 A 法！")),
    ("It failed at 3.5 kV. Then we stopped.", ("It failed at 3.5 kV.", "Then we stopped.")),
    ("第一行\n第二行", ("第一行", "第二行")), ("", ()), ("   ", ()),
    ("1. 提升良率\n2. Cut cost", ("1. 提升良率", "2. Cut cost")),
    ("需求：1. 提升良率 2. 降低成本", ("需求：", "1. 提升良率", "2. 降低成本")),
    ("A. GaN\nIV. SiC\n1.2. AlN\n3.\n-----", ("A. GaN", "IV. SiC", "1.2. AlN")),
    ("Result: 12. The next test failed.", ("Result: 12.", "The next test failed.")),
    ("良率：95. 成本：10. 其他", ("良率：95.", "成本：10.", "其他")),
    ("We are in phase 1. Phase 2 comes.", ("We are in phase 1.", "Phase 2 comes.")),
    ("他說「好。」我們（如附件。）做！！真的", ("他說「好。」", "我們（如附件。）", "做！！", "真的")),
    ("Dr. Wang of the U.S. FDA tests e.g. GaN vs. SiC. (See below.) We help.",
     ("Dr. Wang of the U.S. FDA tests e.g. GaN vs. SiC.", "(See below.)", "We help.")),
])
def test_sentences(text, found):
    assert sentences(text) == found


def test_an_overlong_sentence_is_cut_but_nothing_is_lost():
    text = "ก" * 1000
    assert "".join(sentences(text)) == text


def test_an_overlong_sentence_is_not_cut_within_a_number():
    assert sentences("x" * 100 + ",y" + "1,234" * 40)[0] == "x" * 100 + ","
    assert sentences("x" * 200 + ",y" + "z" * 37 + ",234 rpm")[0] == "x" * 200 + ","


@pytest.mark.parametrize(("text", "found"), [
    ("功率元件 GaN testing", ["功率", "率元", "元件", "gan", "test"]),
    ("ＧａＮ", ["gan"]), ("软体", ["软体"]), ("軟體", ["软体"]), ("疫", ["疫"]), ("the of and", []),
    ("3,000 rpm 12,34 1,234,567.5", ["3000", "rpm", "12,34", "1234567.5"]), ("蝦・蟹", ["虾", "蟹"]), ("relia\u00adbi\u200dlity", ["reliabl"]),
])
def test_terms(text, found):
    assert terms(text) == found


def test_fold_and_normalise():
    assert fold_han("臺灣軟體") == "台湾软体"
    assert normalise("Ａ\u200bＢ\ufeff①") == "ab1"


@pytest.mark.parametrize(("header", "language"), [
    ("zh-TW,zh;q=0.9,en;q=0.8", "zh"), ("zh-Hant-TW", "zh"), ("zh-CN", "zh"), ("zh-HK,en", "zh"),
    ("en-US,en;q=0.9", "en"), ("fr,en;q=0.5", "en"), ("fr", "zh"), (None, "zh"), ("", "zh"),
])
def test_negotiate(header, language):
    assert negotiate(header) == language


def test_render_in_both_languages():
    message = Message("There is no {what} with the id “{id}”.", {"what": Message("need"), "id": "N9"})
    assert render(message, "en") == "There is no need with the id “N9”."
    assert render(message, "zh") == "沒有編號為「N9」的需求。"


FOLDER = CATALOGUES / "zh_Hant_TW" / "LC_MESSAGES"


def by_id(catalogue):
    """Strings by their ids; of messages with two forms of number both are tuples."""
    return {tuple(m.id) if m.pluralizable else m.id: tuple(m.string) if m.pluralizable else m.string
            for m in catalogue if m.id}


def test_the_compiled_catalogue_is_current():
    with (FOLDER / "messages.po").open("rb") as po, (FOLDER / "messages.mo").open("rb") as mo:
        source, compiled = read_po(po, "zh_Hant_TW"), read_mo(mo)
    assert by_id(source) == by_id(compiled)


def test_every_translation_keeps_its_placeholders():
    with (FOLDER / "messages.po").open("rb") as file:
        for message in read_po(file, "zh_Hant_TW"):
            if message.id:  # of two forms of number the last has all there are
                english, own = (v[-1] if message.pluralizable else v
                                for v in (message.id, message.string))
                assert sorted(re.findall(r"{\w+(?:!r)?}", english)) == sorted(
                    re.findall(r"{\w+(?:!r)?}", own)), message.id
                assert own, message.id


def test_every_sentence_of_the_code_is_translated():
    """Sentences are the first argument of these calls, or _("…") in templates."""
    root = Path(__file__).parent.parent
    calls = re.compile(r'(?:Message|(?<!Value)Error|Refused|say|translate)\(\s*"((?:[^"\\]|\\.)+)"\s*[,)]')
    marked = re.compile(r"""_\(\s*(?:"([^"]+)"|'([^']+)')""")
    used = {m[1] for p in root.glob("matcher/**/*.py") for m in calls.finditer(p.read_text("utf-8"))}
    used |= {m[1] or m[2] for p in root.glob("web/templates/*.html")
             for m in marked.finditer(p.read_text("utf-8"))}
    with (FOLDER / "messages.po").open("rb") as file:
        known = {m.id for m in read_po(file, "zh_Hant_TW")}
    assert sorted(text for text in used if text not in known and " " in text) == []
