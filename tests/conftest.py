from __future__ import annotations

import json
import re
import shutil
import socket
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from aiosmtpd.controller import Controller
from argon2 import PasswordHasher

from matcher import accounts, demonstration, encoders, sessions, workflow
from matcher.encoding import load_encoder
from matcher.encoding.channels import ChannelsEncoder
from matcher.ranker import load_ranker
from matcher.settings import load_settings
from matcher.store import database, open_store
from matcher.store.blanking import unpack
from matcher.store.reports import packed_facts
from matcher.vocabulary import Evidence, Need, Offer, Party

DAY = date(2026, 11, 24)
NOW = datetime(2026, 11, 24, 4, tzinfo=UTC)
PASSWORD = "three quiet herons"

PARTIES = (
    Party("P1", "範例精機（樣本）", kind="firm", county="臺中市", centre="CTSP"),
    Party("P2", "範例熱誤差實驗室（樣本）", kind="university", county="臺中市", centre="CTSP"),
    Party("P3", "Sample Vaccine Lab (sample)", kind="institute", county="屏東縣", centre="PABP"),
)
NEEDS = (
    Need("N1", "主軸熱變位補償", "五軸機開機兩小時後主軸伸長 35 µm。", "誤差小於 8 µm。", "P1", "CTSP", "臺中市",
         "zh", ("capability",), ("smart-machinery",), 4, 7),
    Need("N2", "Swine vaccine", "Piglets die of diarrhoea because the oral vaccine is digested.", "",
         "P1", "PABP", "屏東縣", "en"),
)
OFFERS = (
    Offer("O1", "工具機熱誤差建模", "以七個溫度點補償主軸熱誤差，殘差 6 µm。", "capability", "P2", "CTSP",
          "臺中市", "zh", ("smart-machinery",), 6),
    Offer("O2", "豬用口服疫苗微膠囊", "腸溶微膠囊保護口服疫苗通過胃酸。", "capability", "P3", "PABP", "屏東縣", "zh",
          ("new-agriculture",), 5),
    Offer("O3", "Spindle thermal growth measurement", "Laser measurement of spindle thermal error.",
          "equipment", "P2", "CTSP", "臺中市", "en", ("smart-machinery",), 8),
)
EVIDENCE = (
    Evidence("E1", "O1", "連續切削九小時，主軸熱伸長由 41 µm 降到 6 µm。", kind="project", year=2025),
    Evidence("E2", "O2", "Oral vaccine capsules kept titre after two hours in gastric acid.", year=2024),
)


ENCODES = ("encode", "encode_query", "encode_document")
PLAIN = ChannelsEncoder.encode


def remembering(encode):
    """Give an ``encode`` that runs the model once for each text."""
    known = {}

    def remembered(self, texts):
        if new := [text for text in dict.fromkeys(texts) if (self.revision, text) not in known]:
            known.update(zip([(self.revision, text) for text in new], encode(self, new), strict=True))
        return np.array([known[self.revision, text] for text in texts], np.float32).reshape(-1, self.dimensions)

    return remembered


@pytest.fixture(scope="session", autouse=True)
def quick_start(tmp_path_factory):
    """Do once what hundreds of tests begin with: migrate an empty SQLite file, load the embedded encoder.

    A new file begins as a copy of the migrated one, and every page has the same encoder; what is there
    already, and any other model, goes the usual way. A text that one test had encoded the next finds
    encoded: test_encoding looks at the encoder itself. Passwords are hashed cheaply: test_accounts looks
    at the library's own parameters.
    """
    template, migrate, load = tmp_path_factory.mktemp("empty") / "empty.db", database._migrate, encoders.open_encoder
    url = f"sqlite:///{template}"
    engine = database._make_engine(url)
    migrate(engine, url)
    engine.dispose()

    def begin(engine, url):
        file = engine.url.database if engine.dialect.name == "sqlite" else None
        if file and file != ":memory:" and not Path(file).exists():
            shutil.copyfile(template, file)
        else:
            migrate(engine, url)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("matcher.passwords._hasher", lambda: PasswordHasher(1, 8, 1))
        patch.setattr(database, "_migrate", begin)
        patch.setattr(encoders, "open_encoder", lambda source=None: load(source) if source else load_encoder())
        remembered = remembering(PLAIN)
        for name in ENCODES:
            patch.setattr(ChannelsEncoder, name, remembered)
        yield


@pytest.fixture
def settings(tmp_path):
    return load_settings({"MATCHER_HOME": str(tmp_path)})


@pytest.fixture
def store(tmp_path):
    return open_store(f"sqlite:///{tmp_path / 'matcher.db'}")


@pytest.fixture
def space(store):
    store.put(parties=PARTIES, needs=NEEDS, offers=OFFERS, evidence=EVIDENCE)
    return workflow.Workspace(store, load_encoder(), load_ranker())


@pytest.fixture(scope="session")
def sample_space(tmp_path_factory):
    """The embedded sample; what one test encodes of it the next finds encoded."""
    store = open_store(f"sqlite:///{tmp_path_factory.mktemp('sample')}/demo.db")
    store.put(**demonstration.read_sample())
    return workflow.Workspace(store, load_encoder(), load_ranker())


@pytest.fixture
def static_folder(tmp_path):
    """A folder of four words as sentence-transformers writes a StaticEmbedding."""
    from safetensors.numpy import save_file
    from tokenizers import Tokenizer, models, pre_tokenizers

    inner = tmp_path / "static" / "0_StaticEmbedding"
    inner.mkdir(parents=True)
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "cool": 1, "greenhouse": 2, "溫室": 3},
                                           unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(inner / "tokenizer.json"))
    rows = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 2], [0, 0, 1]], np.float32)
    save_file({"embedding.weight": rows}, inner / "model.safetensors")
    kind = "sentence_transformers.sentence_transformer.modules.static_embedding.StaticEmbedding"
    modules = [{"idx": 0, "name": "0", "path": "0_StaticEmbedding", "type": kind}]
    (tmp_path / "static" / "modules.json").write_text(json.dumps(modules), "utf-8")
    return tmp_path / "static"


@contextmanager
def smtp_server(box):
    """Run a real mail server with a handler; its address stands in ``box.url``."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Controller(box, hostname="127.0.0.1", port=port)
    server.start()
    box.url = f"smtp://127.0.0.1:{port}"
    yield box
    server.stop()


def facts_of(store, report_id):
    """Give what a stored report is made of as plain values."""
    return unpack(packed_facts(store, report_id))


def account_in(store, role="system-admin", centre=None, party_id=None, name=None):
    """Put an account into a store; its password is PASSWORD."""
    email = f"{name or role}@example.org"
    secret = accounts.invite(store, accounts.Invitation(email, role, centre, party_id), NOW)
    return accounts.accept(store, secret, name or role, PASSWORD, NOW)


def signed_in(app, **who):
    """Give a client of the app in which such an account is signed in."""
    client, settings = app.test_client(), app.config["MATCHER"]
    made = account_in(sessions.store_of(settings), **who)
    secret = f"secret-of-{made.account_id}"
    sessions.put(settings, secret, made.account_id, {"account": made.account_id}, datetime.now(UTC),
                 datetime.now(UTC), datetime.now(UTC) + timedelta(days=1))
    client.set_cookie("session", secret)
    return client


def token_of(page):
    """Give the hidden token of a page's first form."""
    return re.search(r'name="csrf_token" value="([^"]+)"', page.text)[1]
