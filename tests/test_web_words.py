"""No untranslated word: pages in a pseudo-language, whose catalogue puts every sentence into ⟦ ⟧."""

from __future__ import annotations

import re
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from html.parser import HTMLParser

import pytest
from conftest import EVIDENCE, NEEDS, OFFERS, PARTIES, signed_in

from matcher import accounts, languages, sessions, signon
from matcher.report.subscriptions import Wish, subscribe
from matcher.store import open_store
from matcher.store.decisions import put_decisions, undo_decision
from matcher.store.reports import claim_report, finish_report
from matcher.vocabulary import Outcome
from web import create_app

ROOT = ("/", "/centres/CTSP", "/needs", "/offers", "/needs/N1", "/needs/N1?kinds=site", "/needs/N1/why?offer=O1",
        "/needs/N1/why?offer=O2", "/needs/N1/compare?offer=O1&offer=O3", "/match?text=主軸", "/offers/O1", "/board", "/decisions",
        "/region", "/reports", "/review", "/account", "/account/identity", "/invitations/{secret}", "/accounts", "/help", "/needs/N9", "/nowhere")
PARTY = ("/", "/mine", "/drafts/new/need", "/drafts/new/offer", "/matches", "/account")
VISITOR = ("/", "/sign-in", "/forgotten", "/reset/x", "/enter/x", "/invitations/x", "/invitations/{secret}")
# What is the same in every language: names of formats and units, ids, languages in their own words.
SAME = re.compile(r"\b(TRL|CSV|JSON|XLSX|km|English|Tiếng Việt|Bahasa Indonesia|Bahasa Melayu|UTC|ORCID|HTML|PDF|CTSP|NT|IPC|DGBAS|ics|MoU|"
                  r"[NOEP]\d+|[jkuqwertyio]|GaN|mm|root|firm|researcher|Excel|(?:new@)?example\.org|Gini|B\d+Q\d+|doi)\b")
DATA = [text for record in (*NEEDS, *OFFERS, *EVIDENCE) for text in (record.title, getattr(record, "description", ""),
        getattr(record, "requirements", ""), getattr(record, "text", "")) if text] + [p.name for p in PARTIES] + [
        p.name_en for p in PARTIES if p.name_en]


class Pseudo(dict):
    """A catalogue that knows every sentence."""

    def get(self, text, default=None):
        return f"⟦{text}⟧" if text else default


class Words(HTMLParser):
    """Gathers what people read: text, and the attributes that are read out."""

    def __init__(self, page):
        super().__init__()
        self.found, self.silent = [], 0
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.silent += tag in ("script", "style")
        self.found += [value for name, value in attrs if name in ("title", "aria-label", "alt", "placeholder") and value]

    def handle_endtag(self, tag):
        self.silent -= tag in ("script", "style")

    def handle_data(self, text):
        if not self.silent:
            self.found.append(text)


def bare(text):
    """Give the English words of a text outside ⟦ ⟧, data and what is the same everywhere."""
    while "⟦" in text and (shorter := re.sub(r"⟦[^⟦⟧]*⟧", " ", text)) != text:
        text = shorter
    for known in sorted(DATA, key=len, reverse=True):
        for piece in (known, *re.split(r"(?<=[。.；;])\s*|\n", known)):
            text = text.replace(piece, " ") if piece else text
    return re.findall(r"[A-Za-z]{2,}", SAME.sub(" ", text))


@pytest.fixture
def app(settings, monkeypatch):
    monkeypatch.setattr(languages, "_catalogue", lambda lang: Pseudo())
    open_store(settings.database_url).put(parties=PARTIES, needs=NEEDS, offers=OFFERS, evidence=EVIDENCE)
    providers = {"OIDC_ISSUER": "https://example.org", "OIDC_CLIENT_ID": "x", "OIDC_CLIENT_SECRET": "x", "ORCID_CLIENT_ID": "x",
                 "ORCID_CLIENT_SECRET": "x"}
    return create_app(replace(settings, values={**settings.values, **providers}))


def subscribed(store, now):
    """Put a report and a subscription of every kind there."""
    claim_report(store, "2026-10-CTSP", "CTSP", date(2026, 10, 1), "me", now, now, lambda owner: False)
    finish_report(store, "2026-10-CTSP", "me", now)
    root = next((a for a in accounts.listed(store) if a.role == "system-admin"), None)
    for threshold, sections in ((None, ("summary", "gaps")), (0.8, ())) if root else ():
        subscribe(store, accounts.viewer_of(root), Wish("CTSP", sections=sections, threshold=threshold), now)


@pytest.mark.parametrize(("who", "paths"), [
    (None, VISITOR), ({"role": "system-admin", "name": "root"}, ROOT), ({"role": "firm", "party_id": "P1", "name": "firm"}, PARTY),
    ({"role": "researcher", "party_id": "P2", "name": "researcher"}, PARTY)])
def test_every_word_of_every_page_is_translated(app, who, paths):
    client = signed_in(app, **who) if who else app.test_client()
    settings, now = app.config["MATCHER"], datetime.now(UTC)
    secret = accounts.invite(sessions.store_of(settings), accounts.Invitation("new@example.org", "reader", "CTSP"), now)
    if who:
        proof = signon.Proof("https://example.org", "B7Q7", "ORCID", now.isoformat())
        sessions.seen(settings, client.get_cookie("session").value, {"proof": asdict(proof)}, now)
    put_decisions(sessions.store_of(settings), [Outcome("N1", "O1", stage, now, "0" * 16, reason) for stage, reason in (
        ("contacted", ""), ("declined", "busy"))])
    undo_decision(sessions.store_of(settings), 2, "0" * 16, now)
    subscribed(sessions.store_of(settings), now)
    left = {}
    for path in paths:
        page = client.get(path.format(secret=secret), headers={"Accept-Language": "zh-TW"}).text
        words = [w for text in Words(page).found for w in bare(text)]
        left |= {path: sorted(set(words))} if words else {}
    assert left == {}
