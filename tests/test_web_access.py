"""Every address × every role, and what a browser sends: sessions, tokens, origins."""

from __future__ import annotations

import re
import secrets
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from conftest import EVIDENCE, NEEDS, OFFERS, PARTIES, PASSWORD, account_in, signed_in, token_of

from matcher import accounts, sessions
from matcher.encoding import load_encoder
from matcher.errors import StoreError
from matcher.ranker import load_ranker
from matcher.report.facts import Rules
from matcher.report.job import Tools, make_report
from matcher.report.sections import SECTION_TITLES
from matcher.settings import load_settings
from matcher.store import open_store
from matcher.store.outbox import mails
from matcher.workspace import Workspace
from web import HEADERS, create_app
from web.access import allow

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
    "GET /centres/CTSP": "302 403 403 403 403 200 404 403 200",
    "GET /centres/XX": "302 403 403 403 403 404 404 403 404",
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
    "GET /decisions.xlsx?need=N1": "302 403 403 403 403 200 404 403 200",
    "POST /decisions": "403 403 403 403 403 422 422 403 422",
    "POST /needs/N1/offers/O1/decide": "403 403 403 403 403 422 404 403 422",
    "POST /needs/N1/offers/O1/decline/far": "403 403 403 403 403 302 404 403 302",
    "POST /decisions/999/undo": "403 403 403 403 403 404 404 403 404",
    "GET /match?text=x": "302 403 403 403 403 200 200 403 200",
    "GET /region": "302 403 403 403 403 200 200 403 200",
    "GET /reports": "302 403 403 403 403 200 200 200 200",
    "GET /reports/2026-10-CTSP.html": "302 403 403 403 403 200 404 200 200",
    "GET /reports/2026-10-CTSP.xlsx": "302 403 403 403 403 200 404 200 200",
    "GET /reports/2026-10-PABP.html": "302 403 403 403 403 404 404 404 404",
    "POST /reports/subscriptions": "403 403 403 403 403 403 403 403 404",
    "POST /reports/subscriptions/9/end": "403 403 403 403 403 404 404 404 404",
    "GET /outline.json": "200 200 200 200 200 200 200 200 200",
    "GET /vendor/leaflet/leaflet.js": "200 200 200 200 200 200 200 200 200",
    "GET /help": "200 200 200 200 200 200 200 200 200",
    "GET /help/office": "200 200 200 200 200 200 200 200 200",
    "GET /mine": "302 200 200 200 200 403 403 403 403",
    "GET /drafts/new/need": "302 200 200 200 200 403 403 403 403",
    "GET /drafts/x": "302 404 404 404 404 403 403 403 403",
    "POST /drafts/x": "403 404 404 404 404 403 403 403 403",
    "POST /drafts/x/submit": "403 404 404 404 404 403 403 403 403",
    "POST /drafts/x/withdraw": "403 404 404 404 404 403 403 403 403",
    "GET /drafts/x/works": "302 404 404 404 404 403 403 403 403",
    "POST /drafts/x/works": "403 404 404 404 404 403 403 403 403",
    "POST /drafts/x/works/confirm": "403 404 404 404 404 403 403 403 403",
    "POST /records/offer/O2/edit": "403 404 302 404 302 403 403 403 403",
    "GET /matches": "302 200 200 200 200 403 403 403 403",
    "POST /matches/N1/O1/agree": "403 404 404 404 404 403 403 403 403",
    "GET /review": "302 403 403 403 403 200 200 403 200",
    "GET /review/x": "302 403 403 403 403 404 404 403 404",
    "POST /review/x": "403 403 403 403 403 404 404 403 404",
    "GET /account/data.json": "302 200 200 200 200 403 403 403 403",
    "GET /account/data.csv": "302 200 200 200 200 403 403 403 403",
    "POST /account/delete": "403 302 302 302 302 403 403 403 403",
    "GET /sign-in": "200 200 200 200 200 200 200 200 200",
    "GET /sign-in/with/x": "404 404 404 404 404 404 404 404 404",
    "GET /sign-in/from/x": "404 404 404 404 404 404 404 404 404",
    "GET /account/identity": "302 422 422 422 422 422 422 422 422",
    "POST /account/identities": "403 422 422 422 422 422 422 422 422",
    "POST /account/identities/remove": "403 302 302 302 302 302 302 302 302",
    "POST /invitations/x/identity": "422 422 422 422 422 422 422 422 422",
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
    "POST /account": "403 422 422 422 422 422 422 422 422",
    "POST /account/password": "403 422 422 422 422 422 422 422 422",
    "POST /account/sessions/end": "403 302 302 302 302 302 302 302 302",
    "POST /accounts/invite": "403 403 403 403 403 422 422 403 422",
    "POST /accounts/withdraw": "403 403 403 403 403 422 422 403 422",
    "POST /accounts/x/disable": "403 403 403 403 403 404 404 403 404",
}


def world_in(folder, **more):
    """Make the settings of a store with the small records."""
    settings = load_settings({"MATCHER_HOME": str(folder)})
    settings = replace(settings, values={**settings.values, **more})
    open_store(settings.database_url).put(parties=PARTIES, needs=NEEDS, offers=OFFERS, evidence=EVIDENCE)
    return settings


@pytest.fixture(scope="module")
def everybody(tmp_path_factory):
    """An app without form tokens and one account of each role."""
    settings = world_in(tmp_path_factory.mktemp("everybody"))
    app = create_app(settings)
    app.config["WTF_CSRF_ENABLED"] = False
    store = sessions.store_of(settings)
    month_of(store)
    people = {name: account_in(store, name=name.replace(" ", "-"), **who) for name, who in ROLES.items() if who}
    return app, people


def month_of(store):
    """Make one centre's report of a month."""
    tools = Tools(lambda: datetime(2026, 11, 2, tzinfo=UTC), lambda step, done, total: None)
    space = Workspace(store, load_encoder(), load_ranker())
    make_report(space, "CTSP", date(2026, 10, 1), Rules(), tools, lambda made: None)


@pytest.fixture
def app(everybody):
    return everybody[0]


def client_of(app, account_id=None):
    """Give a client in which an account is signed in."""
    client = app.test_client()
    if account_id:
        secret = secrets.token_hex(16)
        sessions.begin(app.config["MATCHER"], secret, account_id, datetime.now(UTC))
        client.set_cookie("session", secret)
    return client


@pytest.fixture
def clients(everybody):
    app, people = everybody
    return {name: client_of(app, people[name].account_id if name in people else None) for name in ROLES}


@pytest.mark.parametrize("row", TABLE)
def test_each_address_answers_each_role_as_the_table_says(clients, row):
    method, path = row.split(" ")
    found = {}
    for name, client in clients.items():
        with client.open(path, method=method) as page:
            found[name] = page.status_code
    assert found == dict(zip(ROLES, map(int, TABLE[row].split()), strict=True))


@pytest.mark.parametrize(("role", "buttons", "closed"), [
    ("admin 1", ["訂閱月報", "訂閱新媒合通知"], set()), ("reader", ["訂閱月報"], {"matches", "without_offer"})])
def test_the_page_of_reports_offers_what_the_role_gets_and_tells_the_time_of_taiwan(clients, role, buttons, closed):
    page = clients[role].get("/reports", headers={"Accept-Language": "zh-TW"}).text
    assert re.findall(r"<button>(訂閱[^<]*)</button>", page) == buttons
    assert set(SECTION_TITLES) - set(re.findall(r'name="section" value="(\w+)"', page)) == closed
    assert ("2026-11-02 08:00（臺灣時間）" in page, "UTC" in page) == (True, False)


@pytest.mark.parametrize(("form", "words"), [
    ({"section": "matches"}, "「matches」章節僅供園區辦公室閱讀"), ({"need": "N1"}, "只有新媒合通知可以指定單一需求")])
def test_a_reader_cannot_subscribe_to_what_holds_nothing(clients, form, words):
    page = clients["reader"].post("/reports/subscriptions", data={"what": "report", "centre": "CTSP", "lang": "zh", **form},
                                  headers={"Accept-Language": "zh-TW"})
    assert (page.status_code, words in page.text) == (422, True)


def test_every_view_is_in_the_table_and_marked_with_its_verb(app):
    urls = app.url_map.bind("localhost")
    listed = {(urls.match(row.split(" ")[1].split("?")[0], method=row.split(" ")[0])[0], row.split(" ")[0]) for row in TABLE}
    known = {(rule.endpoint, method) for rule in app.url_map.iter_rules() for method in rule.methods - {"HEAD", "OPTIONS"}
             if rule.endpoint != "static"}
    assert known - listed == set()
    assert all(hasattr(view, "verb") for name, view in app.view_functions.items() if name != "static")


@pytest.mark.parametrize("row", [row for row in TABLE if row.startswith("GET")])
def test_asking_for_the_head_alone_opens_nothing_more(app, row):
    path = row.split(" ")[1]
    with client_of(app).head(path) as page:
        assert page.status_code == int(TABLE[row].split()[0])


def test_a_view_without_a_mark_is_closed_to_everybody_and_two_marks_are_refused(settings):
    app = create_app(settings)
    app.add_url_rule("/open", view_func=lambda: "secret", endpoint="open")
    assert signed_in(app).get("/open").status_code == 403
    for bad in (lambda: allow("judge")(allow("anybody")(lambda: "")), lambda: allow("no such verb")(lambda: "")):
        with pytest.raises(ValueError, match="one verb of the table a view"):
            bad()


@pytest.mark.parametrize("path", ["/", "/sign-in", "/forgotten", "/enter/x"])
def test_a_visitor_who_looks_gets_no_row_and_on_the_start_page_no_cookie(app, path):
    page = app.test_client().get(path)
    assert ("Set-Cookie" in page.headers) == (path != "/")
    with sessions.store_of(app.config["MATCHER"]).reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM sessions WHERE account_id IS NULL").scalar() == 0


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """An app with its form tokens on."""
    return create_app(world_in(tmp_path_factory.mktemp("site")))


@pytest.fixture
def settings(site):
    return site.config["MATCHER"]


@pytest.fixture
def store(settings):
    return sessions.store_of(settings)


@pytest.fixture
def person(store):
    """A new administrator of CTSP, whose password is PASSWORD."""
    return account_in(store, role="centre-admin", centre="CTSP", name=secrets.token_hex(4))


@pytest.fixture
def browser(site, person):
    """A browser in which the person can sign in."""
    client = site.test_client()
    client.email = person.email
    return client


def sign_in(client, **more):
    page = client.get("/sign-in")
    return client.post("/sign-in", data={"csrf_token": token_of(page), "email": client.email, "password": PASSWORD, **more})


def post(client, path, page="/account", **data):
    """Send a form with the token of a page."""
    return client.post(path, data={"csrf_token": token_of(client.get(page)), **data})


def cookie(client):
    return client.get_cookie("session").value


@pytest.mark.parametrize(("wanted", "went"), [
    ("/needs/N1?w-theme=0", "/needs/N1?w-theme=0"), ("//evil.example", "/"), ("https://evil.example", "/"),
    ("/\\evil.example", "/"), ("javascript:alert(1)", "/"), ("", "/"),
])
def test_signing_in_leads_back_to_this_site_only(browser, wanted, went):
    assert sign_in(browser, next=wanted).headers["Location"] == went


def test_signing_in_changes_the_secret_and_signing_out_ends_it(browser):
    browser.get("/sign-in")
    before = cookie(browser)
    sign_in(browser)
    inside = cookie(browser)
    assert inside != before
    assert browser.get("/account").status_code == 200
    post(browser, "/sign-out")
    browser.set_cookie("session", inside)
    assert browser.get("/account").status_code == 302


def test_signing_in_again_ends_the_session_before(browser, settings, person):
    sign_in(browser)
    sign_in(browser)
    assert len(sessions.others(settings, person.account_id)) == 1


def test_a_disabled_account_is_out_at_once(browser, store, person):
    sign_in(browser)
    accounts.set_active(store, person.account_id, False)
    assert browser.get("/account").status_code == 302
    accounts.set_active(store, person.account_id, True)
    assert browser.get("/account").status_code == 302


@pytest.mark.parametrize(("idle", "age", "status"), [(7, 1, 200), (8, 1, 302), (0, 6 * 24, 200), (0, 7 * 24, 302)])
def test_a_session_ends_after_eight_idle_hours_and_after_seven_days(browser, settings, idle, age, status):
    sign_in(browser)
    now = datetime.now(UTC)
    row, begun = sessions.session(settings, cookie(browser), now), now - timedelta(hours=age)
    sessions.put(settings, cookie(browser), row.account_id, row.content, begun, now - timedelta(hours=idle), begun + timedelta(days=7))
    assert browser.get("/account").status_code == status


def test_looking_writes_at_most_once_a_minute(browser, settings):
    sign_in(browser)
    browser.get("/account")

    def seen():
        return sessions.session(settings, cookie(browser), datetime.now(UTC)).seen

    first = seen()
    browser.get("/account")
    assert seen() == first
    sessions.seen(settings, cookie(browser), {}, first - timedelta(seconds=61))
    browser.get("/")
    assert seen() > first


def test_a_session_that_is_ended_during_a_request_does_not_come_back(browser, settings, store, person, monkeypatch):
    sign_in(browser)
    sessions.seen(settings, cookie(browser), {}, datetime.now(UTC) - timedelta(minutes=5))
    real = sessions.account_of

    def ended_meanwhile(*args):
        found = real(*args)
        sessions.end(settings, cookie(browser))
        return found

    monkeypatch.setattr("matcher.sessions.account_of", ended_meanwhile)
    assert browser.get("/account").status_code == 200
    assert sessions.others(settings, person.account_id) == ()
    assert browser.get_cookie("session") is None


def test_a_new_password_ends_all_sessions_but_the_one_that_set_it(browser, site, person):
    sign_in(browser)
    other = client_of(site, person.account_id)
    before = cookie(browser)
    post(browser, "/account/password", old=PASSWORD, new="another good sentence")
    assert (browser.get("/account").status_code, other.get("/account").status_code) == (200, 302)
    other.set_cookie("session", before)
    assert other.get("/account").status_code == 302


def test_a_reset_ends_the_session_of_the_browser_it_was_done_in(browser, store, settings, person):
    sign_in(browser)
    secret = accounts.ask_reset(store, person.email, datetime.now(UTC))
    page = post(browser, f"/reset/{secret}", f"/reset/{secret}", password="another good sentence")
    assert page.headers["Location"] == "/sign-in"
    assert "The new password is set. Sign in with it." in browser.get("/sign-in?lang=en").text
    assert browser.get("/account").status_code == 302
    assert sessions.others(settings, person.account_id) == ()


def test_the_account_page_sets_name_and_language_and_ends_other_sessions(browser, site, store, person):
    sign_in(browser)
    other = client_of(site, person.account_id)
    assert "this browser" in browser.get("/account?lang=en").text
    page = post(browser, "/account", name=" 林 小姐 ", lang="zh")
    assert any(line.startswith("lang=zh") for line in page.headers.getlist("Set-Cookie"))
    found = accounts.by_email(store, person.email)
    assert (found.name, found.lang) == ("林 小姐", "zh")
    assert "使用" in browser.get("/account").text
    post(browser, "/account/sessions/end")
    assert (browser.get("/account").status_code, other.get("/account").status_code) == (200, 302)


@pytest.mark.parametrize("content", [{"account": "{id}"}, {"account_id": "{id}", "_user_id": "{id}"}])
def test_a_signed_cookie_signs_nobody_in(site, person, content):
    from flask.sessions import SecureCookieSessionInterface

    signer = SecureCookieSessionInterface().get_signing_serializer(site)
    client = site.test_client()
    client.set_cookie("session", signer.dumps({k: v.format(id=person.account_id) for k, v in content.items()}))
    assert client.get("/account").status_code == 302


@pytest.mark.parametrize("value", ["x", "a.b", "a.b.c", "." * 50, "x" * 5000, "\u00e9"])
def test_a_cookie_that_is_none_is_as_no_cookie(site, value):
    client = site.test_client()
    assert client.get("/", headers={"Cookie": f"session={value}"}).status_code == 200


def test_a_database_that_cannot_be_read_is_said_on_a_page(browser, monkeypatch):
    def fail(*_args):
        raise StoreError("The database {url} cannot be used: {cause}.", url="x", cause="the disk is full")

    sign_in(browser)
    with monkeypatch.context() as broken:
        broken.setattr("matcher.sessions.session", fail)
        page = browser.get("/account?lang=en")
        assert (page.status_code, "cannot be used: the disk is full" in page.text) == (503, True)
    assert browser.get("/account").status_code == 200


def test_a_page_is_shown_even_when_it_cannot_be_noted_that_it_was(browser, settings, monkeypatch):
    def fail(*_args):
        raise StoreError("The database {url} cannot be used: {cause}.", url="x", cause="the disk is full")

    sign_in(browser)
    sessions.seen(settings, cookie(browser), {}, datetime.now(UTC) - timedelta(minutes=5))
    monkeypatch.setattr("matcher.sessions.seen", fail)
    assert browser.get("/account").status_code == 200


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


@pytest.fixture
def https(tmp_path):
    """A browser of a site whose settings say that people open it by https."""
    settings = world_in(tmp_path, URL="https://match.example.tw")
    account_in(sessions.store_of(settings), role="reader", centre="CTSP")
    client = create_app(settings).test_client()
    client.email = "reader@example.org"
    return client


@pytest.mark.parametrize(("origin", "status"), [
    ("https://match.example.tw", 302), ("https://localhost", 302), ("http://match.example.tw", 403), ("https://evil.example", 403)])
def test_behind_a_proxy_the_site_of_the_settings_is_its_own(https, origin, status):
    page = https.get("/sign-in")
    assert page.headers["Set-Cookie"].startswith("__Host-session=")
    assert "Secure" in page.headers["Set-Cookie"]
    assert page.headers["Strict-Transport-Security"] == "max-age=31536000"
    answer = https.post("/sign-in", data={"csrf_token": token_of(page), "email": https.email, "password": PASSWORD},
                        headers={"Origin": origin, "Cookie": page.headers["Set-Cookie"].split(";")[0]})
    assert answer.status_code == status


def test_links_in_mails_lead_to_the_site_of_the_settings_whatever_host_a_request_names(site, store, person):
    client, evil = site.test_client(), "http://evil.example"
    page = client.get("/forgotten", base_url=evil)
    for _ in range(2):
        client.post("/forgotten", base_url=evil, data={"csrf_token": token_of(page), "email": person.email})
    (mail,) = [m for m in mails(store) if m.recipient == person.email]
    assert "http://127.0.0.1:8321/reset/" in mail.body
    assert "evil.example" not in mail.body


def test_whether_an_e_mail_is_known_is_not_told(site, person):
    client = site.test_client()
    pages = [post(client, "/forgotten", "/forgotten", email=email).text for email in (person.email, "nobody@example.org", "x")]
    assert len(set(pages)) == 1


def test_an_invitation_is_made_shown_once_and_used(browser, site, store):
    sign_in(browser)
    email = f"{secrets.token_hex(4)}@example.org"
    post(browser, "/accounts/invite", "/accounts", email=email, role="reader")
    page = browser.get("/accounts")
    link = page.text.split("http://127.0.0.1:8321")[1].split("<")[0].split('"')[0]
    assert "/invitations/" not in browser.get("/accounts").text
    other = site.test_client()
    post(other, link, link, name="New", password=PASSWORD)
    made = accounts.by_email(store, email)
    assert (made.role, made.centre) == ("reader", "CTSP")
    assert other.get("/account").status_code == 200


def test_an_invitation_is_withdrawn_on_the_page(browser, site):
    sign_in(browser)
    post(browser, "/accounts/invite", "/accounts", email="typo@example.org", role="reader")
    link = browser.get("/accounts").text.split("http://127.0.0.1:8321")[1].split("<")[0].split('"')[0]
    assert 'value="typo@example.org"' in browser.get("/accounts?lang=en").text
    page = post(browser, "/accounts/withdraw", "/accounts", email="typo@example.org")
    assert page.status_code == 302
    shown = browser.get("/accounts").text
    assert "The invitation of typo@example.org was withdrawn; its link opens nothing any more." in shown
    assert 'value="typo@example.org"' not in shown
    assert "used up or too old" in site.test_client().get(f"{link}?lang=en").text
    assert post(browser, "/accounts/withdraw", "/accounts", email="typo@example.org").status_code == 422


@pytest.mark.parametrize(("form", "words"), [
    ({"role": "system-admin"}, "only a system administrator invites another"),
    ({"role": "firm", "party_id": "P3"}, "needs a party of the store, found “P3”"),
    ({"role": "researcher", "party_id": "P3", "centre": "PABP"}, "needs a party of the store, found “P3”"),
])
def test_an_administrator_invites_for_the_own_centre_only(browser, form, words):
    sign_in(browser)
    page = post(browser, "/accounts/invite?lang=en", "/accounts", email="n@example.org", **form)
    assert (page.status_code, words in page.text) == (422, True)
    assert 'value="P3"' not in browser.get("/accounts").text


def test_an_administrator_reaches_no_account_of_another_centre_or_above(browser, store, person):
    sign_in(browser)
    others = [account_in(store, role="centre-admin", centre="PABP", name=secrets.token_hex(4)),
              account_in(store, role="system-admin", name=secrets.token_hex(4))]
    for other in (*others, person):
        assert post(browser, f"/accounts/{other.account_id}/disable").status_code == 404
    page = browser.get("/accounts").text
    assert [other.email in page for other in (*others, person)] == [False, False, True]


def test_a_one_time_link_enters_once(site, store):
    secret = accounts.entrance(store, datetime.now(UTC))
    client, late = site.test_client(), site.test_client()
    assert post(client, f"/enter/{secret}", f"/enter/{secret}").headers["Location"] == "/"
    assert client.get("/accounts").status_code == 200
    assert post(late, f"/enter/{secret}", f"/enter/{secret}").status_code == 422
