"""Non-interference: what a rival firm hides changes no byte of what others see."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from conftest import EVIDENCE, NEEDS, NOW, OFFERS, PARTIES, signed_in

from matcher import workflow
from matcher.access import Viewer
from matcher.decisions import Change, decide
from matcher.features import FEATURES
from matcher.settings import load_settings
from matcher.store import open_store, schema
from web import create_app

CANARY = "機密需求金絲雀"
HIDDEN = replace(NEEDS[0], need_id="N-secret", title=CANARY, description=f"{CANARY}：主軸熱變位補償的新作法。", party_id="P9", centre="PABP")
VIEWERS = {
    "firm": {"role": "firm", "party_id": "P1"}, "group": {"role": "researcher", "party_id": "P2"},
    "office": {"role": "centre-admin", "centre": "CTSP"}, "reader": {"role": "reader", "centre": "CTSP"},
}
PATHS = ("/", "/needs", "/needs.json", "/needs.csv", "/offers", "/offers.json", "/offers?q=主軸", "/needs/N1", "/needs/N1.json",
         "/needs/N1.csv", "/needs/N1?w-theme=0", "/needs/N1/why?offer=O1", "/needs/N1/compare?offer=O1&offer=O3", "/match?text=主軸熱變位",
         "/board", "/board.ics", "/region", "/mine", "/matches", "/review", "/accounts", "/account/data.json", "/centres/CTSP",
         "/centres/PABP", "/needs/N-secret", "/needs/N-secret/why?offer=O1", "/offers/O1")


def world(folder, hidden):
    """Give an app whose store does, or does not, hold a rival's need; both were used alike."""
    settings = load_settings({"MATCHER_HOME": str(folder), "MATCHER_SECRET_KEY": "same" * 10})
    store = open_store(settings.database_url)
    store.put(parties=PARTIES, needs=NEEDS, offers=OFFERS, evidence=EVIDENCE)
    if hidden:
        store.put(needs=[HIDDEN])
        space = workflow.open_workspace(settings)
        workflow.log_shown(store, next(workflow.match(space, needs=["N-secret"], day=workflow.today())), NOW)
        decide(store, Viewer("b", "system-admin"), Change("N-secret", "O2", "shortlisted", note=CANARY), NOW)
    return create_app(settings)


def read(client, path, may_judge):
    """Give status and body without what differs from session to session: tokens, times, account ids."""
    with client.get(path, headers={"Accept-Language": "zh"}) as page:
        text = page.get_data(as_text=True)
        text = re.sub(r'name="csrf_token" value="[^"]+"|\d{4}-\d\d-\d\d[ T][\d:.+]+|DTSTAMP:\w+|/drafts/[0-9a-f]{16}', "", text)
        text = re.sub(r'"run_id": ?"[0-9a-f]{16}"|,[0-9a-f]{16}(?=\r?\n)', "", text) if may_judge else text
        return page.status_code, re.sub(r"[0-9a-f]{16}", "", text) if path == "/account/data.json" else text


@pytest.mark.parametrize("who", VIEWERS)
def test_a_rivals_hidden_need_changes_no_byte_of_what_others_see(tmp_path, who):
    plain, hidden = (signed_in(world(tmp_path / name, name == "hidden"), name=who, **VIEWERS[who]) for name in ("plain", "hidden"))
    different = {}
    for path in PATHS:
        without, within = (read(client, path, who == "office") for client in (plain, hidden))
        assert CANARY not in within[1], path
        if without != within:
            different[path] = (without[0], within[0])
    assert different == {}


def test_a_firms_list_shows_of_an_offer_only_what_its_group_opened(tmp_path):
    """A group keeps its description to the office and its name to matches; the twins obey, too."""
    app = world(tmp_path / "w", False)
    settings = app.config["MATCHER"]
    store = open_store(settings.database_url)
    card = {"side": "offer", "record_id": "O1", "party_id": "P2", "account_id": "g", "anonymous": False, "contact": {},
            "visibility": {"description": "centre", "organisation": "owner"}}
    with store.writing() as connection:
        connection.execute(schema.cards.insert(), card)
    firm, office = (signed_in(app, name=who, **VIEWERS[who]) for who in ("firm", "office"))
    for path in ("/needs/N1", "/needs/N1.json", "/needs/N1.csv", "/needs/N1/why?offer=O1", "/needs/N1/compare?offer=O1&offer=O3"):
        seen = {name: client.get(path, headers={"Accept-Language": "zh"}).get_data(as_text=True)
                for name, client in (("firm", firm), ("office", office))}
        assert "範例熱誤差實驗室" in seen["office"], path
        assert "以七個溫度點補償" not in seen["firm"], path
        assert "範例熱誤差實驗室" not in re.sub(r"(?s)O3.*", "", seen["firm"]), path


def test_a_firm_is_told_neither_place_nor_distance_of_an_offer_that_keeps_its_county_back(tmp_path):
    app = world(tmp_path / "w", False)
    card = {"side": "offer", "record_id": "O1", "party_id": "P2", "account_id": "g", "anonymous": False, "contact": {},
            "visibility": {"county": "centre", "centre": "centre"}}
    with open_store(app.config["MATCHER"].database_url).writing() as connection:
        connection.execute(schema.cards.insert(), card)
    firm, office = (signed_in(app, name=who, **VIEWERS[who]) for who in ("firm", "office"))
    for client, place, km in ((firm, "智慧機械 · TRL 6", None), (office, "智慧機械 · 臺中市 · 同一地區 · TRL 6", 0.0)):
        page = client.get("/needs/N1", headers={"Accept-Language": "zh"}).get_data(as_text=True)
        assert place in page
        assert ("1. 工具機熱誤差建模" in page) == (km is not None)  # on the map
        assert client.get("/needs/N1.json").json[0]["distance_km"] == km
        assert (client.get("/needs/N1.json").json[0]["nearness"] is None) == (km is None)
        row, other = client.get("/needs/N1.json").json[:2]
        assert {row[f.key] is None for f in FEATURES} == {km is None}  # the rest and the score would tell it
        assert (row["score"] == round(row["score"], 2)) == (km is None)
        assert None not in {other[f.key] for f in FEATURES}
        for label in ("地理鄰近</th>", "文意相近度</th>"):
            assert (label in re.findall(r'(?s)id="m-O1".*?</article>', page)[0]) == (km is not None)
        for asked, order in (("counties=臺中市", ["O1"]), ("km=9", ["O1"]), ("order=near", ["O1", "O2"]), ("order=near&km=999", ["O1", "O2"])):
            kept = order if km is not None else [o for o in order if o != "O1"] + ["O1"] * (asked == "order=near")
            assert re.findall(r'id="m-(O\d)"', client.get(f"/needs/N1?{asked}").text) == kept, asked


def test_a_firm_is_told_nothing_of_offers_that_are_kept_to_another_centre(tmp_path):
    app = world(tmp_path / "w", False)
    store = open_store(app.config["MATCHER"].database_url)
    store.put(offers=[replace(OFFERS[1], offer_id="O8", title=CANARY, centre="PABP", reach="centre")])
    firm, office = (signed_in(app, name=who, **VIEWERS[who]) for who in ("firm", "office"))
    for path in ("/needs/N1/why?offer=O8", "/needs/N1/compare?offer=O1&offer=O8"):
        assert (firm.get(path).status_code, office.get(path).status_code) == (404, 200)
        assert CANARY not in firm.get(path).get_data(as_text=True)


def test_a_draft_finds_no_more_than_a_list_may_show(tmp_path):
    """A form may name any centre before an office has seen it; titles kept to the office stay there."""
    app = world(tmp_path / "w", False)
    app.config["WTF_CSRF_ENABLED"] = False
    store = open_store(app.config["MATCHER"].database_url)
    store.put(offers=[replace(OFFERS[0], offer_id="O8", title=CANARY, centre="PABP", reach="centre")])
    card = {"side": "offer", "record_id": "O1", "party_id": "P2", "account_id": "g", "anonymous": False, "contact": {},
            "visibility": {"title": "centre"}}
    with store.writing() as connection:
        connection.execute(schema.cards.insert(), card)
    form = {"side": "need", "version": "0", "title": NEEDS[0].title, "description": NEEDS[0].description, "centre": "PABP",
            "contact_name": "王", "contact_email": "wang@example.org"}
    page = signed_in(app, name="firm", **VIEWERS["firm"]).post("/drafts/00000000000000cc", data=form, follow_redirects=True)
    found = re.findall(r"<p><strong[^>]*>([^<]*)</strong> <span class=\"badge\">", page.text)
    assert found[:2] == [OFFERS[0].description, OFFERS[2].title]


def test_an_office_learns_of_a_need_elsewhere_no_more_than_of_none(tmp_path):
    office = signed_in(world(tmp_path / "w", True), name="office", **VIEWERS["office"])
    assert [office.get(f"/decisions.xlsx?need={n}").status_code for n in ("N-secret", "N-none", "N1")] == [404, 404, 200]
