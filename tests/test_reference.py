from __future__ import annotations

import hashlib
import re

import pytest

from matcher.reference import (
    centre_code,
    centres,
    counties,
    distance_km,
    embedded_data,
    fold_county,
    place,
    spellings,
    terms,
)
from matcher.vocabulary import EVIDENCE_KINDS, MODES, OFFER_KINDS, PARTY_KINDS, THEMES


def test_the_lists_are_complete():
    assert len(counties()) == 22
    assert sum(len(c.sites) for c in centres().values() if c.kind == "science-park") == 17
    assert {"HSP", "CTSP", "STSP", "PABP", "SHALUN", "NANKANG", "RIC-N", "RIC-C", "RIC-S",
            "RIC-E"} < set(centres())
    assert tuple(terms("offer_kinds")) == OFFER_KINDS
    assert tuple(terms("modes")) == MODES
    assert tuple(terms("party_kinds")) == PARTY_KINDS
    assert tuple(terms("evidence_kinds")) == EVIDENCE_KINDS
    assert set(terms("themes")) == set(THEMES)


def test_names_exist_in_both_languages_and_coordinates_say_what_they_are():
    for centre in centres().values():
        assert centre.name["zh"]
        assert centre.name["en"]
        assert centre.approximate in (True, False)
        assert centre.county is None or centre.county in counties()
        assert all(site.county in counties() for site in centre.sites)


@pytest.mark.parametrize(("text", "county"), [
    ("台南市新市區南科三路1號", "臺南市"), ("TW-TNN", "臺南市"), ("Hsinchu County", "新竹縣"),
    ("新竹縣寶山鄉", "新竹縣"), ("新竹市東區", "新竹市"), ("71001台南市永康區", "臺南市"), ("東京都", None),
])
def test_fold_county(text, county):
    assert fold_county(text) == county


@pytest.mark.parametrize(("text", "code"), [
    ("STSP", "STSP"), ("stsp", "STSP"), ("南科", "STSP"), ("南部科學園區", "STSP"), ("火星", None)])
def test_centre_code(text, code):
    assert centre_code(text) == code


def test_places_and_distances():
    assert place("STSP", "高雄市") == (22.77, 120.316)
    assert place(None, None) is None
    assert distance_km(place(None, "臺北市"), place(None, "高雄市")) == pytest.approx(297, abs=5)
    assert spellings("themes")["亞洲矽谷"] == "asia-silicon-valley"


def test_every_data_file_has_its_row_with_the_right_hash():
    table = (embedded_data() / "README.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| ([\w./]+) \|.*\| ([0-9a-f]{64}) \|$", table, re.MULTILINE))
    files = {p.relative_to(embedded_data()).as_posix(): p for folder in ("reference", "sample")
             for p in (embedded_data() / folder).iterdir()}
    found = {name: hashlib.sha256(p.read_bytes()).hexdigest() for name, p in files.items()}
    assert found == rows
