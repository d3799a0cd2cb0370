"""Every address × every role, and what a browser sends: sessions, tokens, origins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from conftest import EVIDENCE, NEEDS, OFFERS, PARTIES, PASSWORD, account_in, signed_in, token_of

from matcher import accounts, sessions
from matcher.store import open_store
from web import HEADERS, create_app

ROLES = {
    "anonymous": {}, "firm A": {"role": "firm", "party_id": "P1"}, "firm B": {"role": "firm", "party_id": "P3"},
    "group A": {"role": "researcher", "party_id": "P2"}, "group B": {"role": "researcher", "party_id": "P3"},
    "admin 1": {"role": "centre-admin", "centre": "CTSP"}, "admin 2": {"role": "centre-admin", "centre": "PABP"},
    "reader": {"role": "reader", "centre": "CTSP"}, "root": {"role": "system-admin"},
}
# One row an address: what each role gets, in the order above. 302 leads a visitor to sign in.
TABLE = {
    "GET /": "200 200 200 200 200 200 200 200 200",
    "GET /healthz": "200 200 200 200 200 200 200 200 200",
    "GET /centres/CTSP": "302 403 403 403 403 200 404 200 200",
    "GET /centres/XX": "302 403 403 403 403 404 404 404 404",
    "GET /needs/N1": "302 200 404 403 403 200 404 403 200",
    "GET /needs/N1.json": "302 200 404 403 403 200 404 403 200",
    "GET /needs/N1.csv": "302 200 404 403 403 200 404 403 200",
    "GET /needs/N1/why?offer=O1": "302 200 404 403 403 200 404 403 200",
    "GET /needs/N1/compare?offer=O1&offer=O3": "302 200 404 403 403 200 404 403 200",
    "GET /needs/N9": "302 404 404 403 403 404 404 403 404",
    "GET /needs": "302 403 403 403 403 200 200 403 200",
    "GET /offers": "302 403 403 200 200 200 200 403 200",
    "GET /offers.json": "302 403 403 200 200 200 200 403 200",
    "GET /needs.csv": "302 403 403 200 200 200 200 403 200",
    "GET /offers/O2": "302 403 403 404 200 200 200 403 200",
    "GET /board": "302 403 403 403 403 200 200 403 200",
    "GET /board.ics": "302 403 403 403 403 200 200 403 200",
    "GET /decisions": "302 403 403 403 403 200 200 403 200",
    "GET /decisions.xlsx?need=N1": "302 403 403 403 403 200 200 403 200",
    "POST /decisions": "403 403 403 403 403 422 422 403 422",
    "POST /needs/N1/offers/O1/decide": "403 403 403 403 403 422 404 403 422",
    "POST /needs/N1/offers/O1/decline/far": "403 403 403 403 403 302 404 403 302",
    "POST /decisions/999/undo": "403 403 403 403 403 404 404 403 404",
    "GET /match?text=x": "302 403 403 403 403 200 200 403 200",
    "GET /region": "302 403 403 403 403 200 200 200 200",
    "GET /outline.json": "200 200 200 200 200 200 200 200 200",
    "GET /vendor/leaflet/leaflet.js": "200 200 200 200 200 200 200 200 200",
    "GET /help": "200 200 200 200 200 200 200 200 200",
    "GET /help/office": "200 200 200 200 200 200 200 200 200",
    "GET /sign-in": "200 200 200 200 200 200 200 200 200",
    "GET /forgotten": "200 200 200 200 200 200 200 200 200",
    "GET /reset/x": "200 200 200 200 200 200 200 200 200",
    "GET /enter/x": "200 200 200 200 200 200 200 200 200",
    "GET /invitations/x": "422 422 422 422 422 422 422 422 422",
    "GET /account": "302 200 200 200 200 200 200 200 200",
    "GET /accounts": "302 403 403 403 403 200 200 403 200",
    "POST /sign-in": "422 422 422 422 422 422 422 422 422",
    "POST /sign-out": "302 302 302 302 302 302 302 302 302",
    "POST /forgotten": "200 200 200 200 200 200 200 200 200",
    "POST /reset/x": "422 422 422 422 422 422 422 422 422",
    "POST /enter/x": "422 422 422 422 422 422 422 422 422",
    "POST /invitations/x": "422 422 422 422 422 422 422 422 422",
    "POST /account/password": "403 422 422 422 422 422 422 422 422",
    "POST /account/sessions/end": "403 302 302 302 302 302 302 302 302",
    "POST /accounts/invite": "403 403 403 403 403 422 422 403 422",
    "POST /accounts/x/disable": "403 403 403 403 403 404 404 403 404",
}


@pytest.fixture
def app(settings):
    open_store(settings.database_url).put(parties=PARTIES, needs=NEEDS, offers=OFFERS, evidence=EVIDENCE)
    made = create_app(settings)
    made.config["WTF_CSRF_ENABLED"] = False
    return made


@pytest.fixture
def clients(app):
    return {name: signed_in(app, name=name.replace(" ", "-"), **who) if who else app.test_client()
            for name, who in ROLES.items()}


@pytest.mark.parametrize("row", TABLE)
def test_each_address_answers_each_role_as_the_table_says(clients, row):
    method, path = row.split(" ")
    found = {}
    for name, client in clients.items():
        with client.open(path, method=method) as page:
            found[name] = page.status_code
    assert found == dict(zip(ROLES, map(int, TABLE[row].split()), strict=True))


def test_every_view_is_in_the_table_and_marked_with_its_verb(app):
    urls = app.url_map.bind("localhost")
    listed = {(urls.match(row.split(" ")[1].split("?")[0], method=row.split(" ")[0])[0], row.split(" ")[0]) for row in TABLE}
    known = {(rule.endpoint, method) for rule in app.url_map.iter_rules() for method in rule.methods - {"HEAD", "OPTIONS"}
             if rule.endpoint != "static"}
    assert known - listed == set()
    assert all(hasattr(view, "verb") for name, view in app.view_functions.items() if name != "static")


def test_a_view_without_a_mark_is_closed_to_everybody(app):
    app.add_url_rule("/open", view_func=lambda: "secret", endpoint="open")
    assert signed_in(app).get("/open").status_code == 403


def test_a_visitor_who_looks_gets_neither_cookie_nor_session(app, settings):
    page = app.test_client().get("/")
    assert "Set-Cookie" not in page.headers
    with open_store(settings.database_url).reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM sessions").scalar() == 0


@pytest.fixture
def browser(settings):
    """A client of an app with its tokens on, and the account it can sign in to."""
    store = open_store(settings.database_url)
    store.put(parties=PARTIES, needs=NEEDS, offers=OFFERS, evidence=EVIDENCE)
    account_in(store, role="centre-admin", centre="CTSP")
    return create_app(settings).test_client()


def sign_in(client, **more):
    page = client.get("/sign-in")
    return client.post("/sign-in", data={"csrf_token": token_of(page), "email": "centre-admin@example.org",
                                         "password": PASSWORD, **more})


@pytest.mark.parametrize(("wanted", "went"), [
    ("/needs/N1?w-theme=0", "/needs/N1?w-theme=0"), ("//evil.example", "/"), ("https://evil.example", "/"),
    ("/\\evil.example", "/"), ("javascript:alert(1)", "/"), ("", "/"),
])
def test_signing_in_leads_back_to_this_site_only(browser, wanted, went):
    assert sign_in(browser, next=wanted).headers["Location"] == went


def test_signing_in_changes_the_secret_and_signing_out_ends_it(browser):
    browser.get("/sign-in")
    before = browser.get_cookie("session").value
    sign_in(browser)
    inside = browser.get_cookie("session").value
    assert inside != before
    assert browser.get("/needs/N1").status_code == 200
    browser.post("/sign-out", data={"csrf_token": token_of(browser.get("/account"))})
    browser.set_cookie("session", inside)
    assert browser.get("/needs/N1").status_code == 302


def test_a_disabled_account_is_out_at_once(browser, settings):
    sign_in(browser)
    store = sessions.store_of(settings)
    accounts.set_active(store, accounts.by_email(store, "centre-admin@example.org").account_id, False)
    assert browser.get("/needs/N1").status_code == 302


@pytest.mark.parametrize(("idle", "status"), [(timedelta(hours=7), 200), (timedelta(hours=8), 302)])
def test_an_idle_session_ends_after_eight_hours(browser, settings, idle, status):
    sign_in(browser)
    secret = browser.get_cookie("session").value
    row = sessions.session(settings, secret)
    sessions.put(settings, secret, row.account_id, row.content, row.created, datetime.now(UTC) - idle, row.expires)
    assert browser.get("/needs/N1").status_code == status


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"},
                                     {"Origin": "null"}])
def test_what_another_site_sends_is_refused(browser, headers):
    token = token_of(browser.get("/sign-in"))
    assert browser.post("/sign-in", data={"csrf_token": token}, headers=headers).status_code == 403


def test_a_form_without_its_token_is_refused(browser):
    sign_in(browser)
    for data in ({}, {"csrf_token": "x"}):
        page = browser.post("/account/sessions/end", data=data)
        assert (page.status_code, "You may not do that here" in page.text or "不能" in page.text) == (403, True)


@pytest.mark.parametrize("path", ["/", "/nowhere", "/accounts", "/needs/N1", "/sign-in"])
def test_every_answer_carries_the_headers_and_a_cookie_that_scripts_cannot_read(browser, path):
    page = browser.get(path)
    assert {name: page.headers.get(name) for name in HEADERS} == HEADERS
    for cookie in page.headers.getlist("Set-Cookie"):
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
    secure = browser.get("/sign-in", base_url="https://localhost").headers["Set-Cookie"]
    assert secure.startswith("__Host-session=")
    assert "Secure" in secure


def test_an_invitation_is_made_shown_once_and_used(browser, settings):
    sign_in(browser)
    token = token_of(browser.get("/accounts"))
    browser.post("/accounts/invite", data={"csrf_token": token, "email": "new@example.org", "role": "reader"})
    page = browser.get("/accounts")
    link = page.text.split("http://localhost")[1].split("<")[0].split('"')[0]
    assert "http://localhost/invitations" not in browser.get("/accounts").text
    other = browser.application.test_client()
    other.post(link, data={"csrf_token": token_of(other.get(link)), "name": "New", "password": PASSWORD})
    made = accounts.by_email(sessions.store_of(settings), "new@example.org")
    assert (made.role, made.centre) == ("reader", "CTSP")
    assert other.get("/centres/CTSP").status_code == 200


def test_an_administrator_makes_no_system_administrator_and_reaches_no_other_centre(browser, settings):
    sign_in(browser)
    other = account_in(sessions.store_of(settings), role="centre-admin", centre="PABP", name="other")
    token = token_of(browser.get("/accounts"))
    page = browser.post("/accounts/invite", data={"csrf_token": token, "email": "n@example.org", "role": "system-admin"})
    assert page.status_code == 422
    assert browser.post(f"/accounts/{other.account_id}/disable", data={"csrf_token": token}).status_code == 404
    assert "other@example.org" not in browser.get("/accounts").text
