"""A real browser (Debian's chromium) on a real server: what people do, by mouse and by keyboard.

Every page is checked by axe in both themes, at 1280 and 360 px, and no request leaves the machine.
"""

from __future__ import annotations

import os
import shutil
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from conftest import PASSWORD, account_in

from matcher import profiles, workflow
from matcher.accounts import Invitation, by_email, invite, viewer_of
from matcher.demonstration import read_sample
from matcher.report.calendar import last_month
from matcher.report.facts import Rules
from matcher.report.job import Tools, make_report
from matcher.settings import load_settings
from matcher.store import open_store

pytestmark = pytest.mark.browser
ADMIN = "centre-admin@example.org"
PICTURES = os.environ.get("MATCHER_PICTURES")  # a folder: the guides' pictures are written there


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    """A store with the sample and a person of each role."""
    folder = tmp_path_factory.mktemp("home")
    settings = load_settings({"MATCHER_HOME": str(folder)})
    store = open_store(settings.database_url)
    store.put(**read_sample())
    firm = next(n for n in store.needs("STSP") if n.party_id)
    group = next(o for o in store.offers("STSP") if o.party_id and o.kind == "capability")
    account_in(store, role="centre-admin", centre="STSP")
    account_in(store, role="firm", party_id=firm.party_id)
    account_in(store, role="researcher", party_id=group.party_id)
    account_in(store, role="reader", centre="STSP")
    made = datetime.now(UTC)
    tools = Tools(lambda: made, workflow.silent)
    make_report(workflow.open_workspace(settings), "STSP", last_month(workflow.today()), Rules(), tools, lambda made: None)
    return settings


@pytest.fixture(scope="session")
def site(home):
    """The address of a server of the app."""
    from waitress.server import create_server

    from web import create_app

    app = create_app(home)
    server = create_server(app, host="127.0.0.1", port=0, threads=4)
    threading.Thread(target=server.run, daemon=True).start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.close()


@pytest.fixture(scope="session")
def chromium():
    from playwright.sync_api import sync_playwright

    found = shutil.which("chromium") or shutil.which("chromium-browser")
    assert found, "Debian's package chromium is needed"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium, site):
    """Open pages as somebody, in a language, of a width, in a theme; nothing may leave the machine."""
    contexts, strangers = [], []

    def open_as(email=None, *, lang="zh-TW", width=1280, theme="light"):
        context = chromium.new_context(base_url=site, locale=lang, viewport={"width": width, "height": 900},
                                       color_scheme=theme, reduced_motion="reduce")
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: urlsplit(request.url).hostname in ("127.0.0.1", None)
                or strangers.append(request.url))
        page.on("pageerror", lambda problem: strangers.append(f"script: {problem}"))
        if email:
            page.goto("/sign-in")
            page.fill("#email", email)
            page.fill("#password", PASSWORD)
            page.press("#password", "Enter")
            page.wait_for_url("**/")
        return page

    yield open_as
    for context in contexts:
        context.close()
    assert strangers == []


def first_need(home):
    return next(n for n in open_store(home.database_url).needs("STSP") if n.party_id).need_id


def picture(page, name):
    if PICTURES:
        Path(PICTURES).mkdir(parents=True, exist_ok=True)
        page.evaluate("window.scrollTo(0, 0)")
        page.screenshot(path=f"{PICTURES}/{name}.png")


def stages(home):
    return {(o.need_id, o.offer_id): o.stage for o in open_store(home.database_url).outcomes()
            if o.stage != "shown"}


class Hand:
    """Does things on a page by mouse, or by Tab, Space, Enter and typing alone."""

    def __init__(self, page, keys):
        self.page, self.keys = page, keys

    def to(self, selector):
        """Reach an element by Tab, as somebody without a mouse does."""
        for _ in range(250):
            self.page.keyboard.press("Tab")
            if self.page.evaluate("s => document.activeElement?.matches(s)", selector):
                return
        raise AssertionError(f"Tab does not reach {selector}")

    def press(self, selector):
        if not self.keys:
            self.page.click(selector)
            return
        self.to(selector)
        kind = self.page.evaluate("document.activeElement.type")
        self.page.keyboard.press("Space" if kind in ("checkbox", "radio") else "Enter")

    def write(self, selector, text):
        if not self.keys:
            self.page.fill(selector, text)
            return
        self.to(selector)
        self.page.keyboard.press("Control+a")
        self.page.keyboard.type(text)

    def choose(self, selector, value):
        if not self.keys:
            self.page.select_option(selector, value)
            return
        self.to(selector)
        wanted = self.page.evaluate("([s, v]) => [...document.querySelector(s).options].findIndex(o => o.value === v)",
                                    [selector, value])
        self.page.keyboard.press("Home")
        for _ in range(wanted):
            self.page.keyboard.press("ArrowDown")


EVERY_WAY = [(lang, width, keys) for lang in ("zh-TW", "en") for width in (1280, 360) for keys in (False, True)]


@pytest.mark.parametrize(("lang", "width", "keys"), EVERY_WAY)
def test_an_administrator_finds_judges_and_moves_a_match_to_a_contract(visit, home, lang, width, keys):
    page = visit(ADMIN, lang=lang, width=width)
    hand = Hand(page, keys)
    need = open_store(home.database_url).needs("STSP")[EVERY_WAY.index((lang, width, keys))].need_id
    page.goto("/needs")
    hand.write("#q", need)
    page.wait_for_function("() => location.search.includes('q=')")
    page.wait_for_function("() => document.querySelectorAll('#found h2').length === 1")
    hand.press("#found h2 a")
    page.wait_for_selector(".match")
    ids = [page.locator(".match").nth(i).get_attribute("id")[2:] for i in range(2)]
    hand.press(f"#m-{ids[0]} button[value=shortlisted]")
    page.wait_for_selector(f"#m-{ids[0]} .badge")
    hand.press("#notice button")
    page.wait_for_function(f"() => !document.querySelector('#m-{ids[0]} .badge')")
    hand.press(f"#m-{ids[0]} button[value=shortlisted]")
    page.wait_for_selector(f"#m-{ids[0]} .badge")
    hand.press(f"#m-{ids[1]} .actions summary")
    hand.press(f"#m-{ids[1]} button[formaction$=off-topic]")
    page.wait_for_selector(f"#m-{ids[1]} .badge.bad")
    if not keys:
        picture(page, "list" if width > 900 else "list-phone")
    hand.press("header a[href='/board']")
    card = page.locator("[data-stage=shortlisted] .card", has=page.locator(f"a[href='/needs/{need}']"))
    name = "#" + card.get_attribute("id")
    hand.press(f"{name} summary")
    hand.choose(f"{name} select[name=stage]", "contract")
    hand.press(f"{name} form button")
    page.wait_for_selector(f"[data-stage=contract] a[href='/needs/{need}']")
    if not keys:
        picture(page, "board" if width > 900 else "board-phone")
    assert stages(home)[need, ids[0]] == "contract"
    assert stages(home)[need, ids[1]] == "declined"


def test_a_list_is_reviewed_by_keyboard_alone(visit, home):
    page = visit(ADMIN)
    need = open_store(home.database_url).needs("STSP")[-1].need_id
    page.goto(f"/needs/{need}")
    page.keyboard.press("j")
    page.keyboard.press("1")
    page.wait_for_selector(".match:first-child .badge, li:nth-child(1) .match .badge")
    page.keyboard.press("j")
    second = page.evaluate("document.activeElement.id")[2:]
    page.keyboard.press("w")  # the reasons are still folded away: nothing is declined
    page.keyboard.press("3")
    page.keyboard.press("w")
    page.wait_for_selector(f"#m-{second} .badge.bad")
    assert stages(home)[need, second] == "declined"
    page.keyboard.press("u")
    page.wait_for_function(f"() => !document.querySelector('#m-{second} .badge')")
    assert (need, second) not in stages(home)


def test_a_card_is_dragged_to_its_stage(visit, home):
    page = visit(ADMIN)
    need = open_store(home.database_url).needs("STSP")[-2].need_id
    page.goto(f"/needs/{need}")
    page.locator(".match").first.get_by_role("button", name="列入").click()
    page.wait_for_selector(".match .badge")
    page.goto("/board")
    card = page.locator("[data-stage=shortlisted] .card").first
    card.drag_to(page.locator("[data-stage=meeting]"))
    page.wait_for_selector("[data-stage=meeting] .card")
    assert "meeting" in stages(home).values()


def test_a_slider_changes_the_list_and_says_what_moved(visit, home):
    page = visit(ADMIN)
    page.goto(f"/needs/{first_need(home)}")
    before = page.locator(".match h3").all_inner_texts()
    page.click("#view summary")
    page.locator("#w-affinity").focus()
    for _ in range(4):
        page.keyboard.press("ArrowLeft")
    page.wait_for_selector(".moved")
    assert page.locator(".match h3").all_inner_texts() != before
    assert "w-affinity=0" in page.url
    assert page.evaluate("document.activeElement.id") == "w-affinity"
    picture(page, "sliders")


def test_search_facets_and_addresses(visit, home):
    page = visit(ADMIN)
    page.goto("/offers")
    page.fill("#q", "疫苗")
    page.wait_for_selector("#found mark, #found .empty")
    page.wait_for_function("() => location.search.includes('q=')")
    shown = page.locator("#found h2").count()
    assert shown
    page.reload()
    assert page.locator("#found h2").count() == shown


def test_decisions_come_back_from_excel(visit, home, tmp_path):
    from openpyxl import load_workbook

    page = visit(ADMIN)
    need = open_store(home.database_url).needs("STSP")[-3].need_id
    with page.expect_download() as waiting:
        page.goto(f"/needs/{need}")
        page.get_by_role("link", name="XLSX").click()
    file = tmp_path / "decisions.xlsx"
    waiting.value.save_as(file)
    book = load_workbook(file)
    sheet = book.worksheets[0]
    sheet.cell(2, [c.value for c in sheet[1]].index("階段") + 1).value = "會議"
    book.save(file)
    page.goto("/decisions")
    page.set_input_files("#file", str(file))
    page.get_by_role("button", name="匯入").click()
    page.wait_for_selector("text=1")
    assert stages(home)[need, sheet.cell(2, 2).value] == "meeting"


BIBTEX = """@article{a, title={Spindle thermal error compensation}, year={2024}, abstract={Seven sensors, 6 µm left.}}
@article{b, title={Machine tool warm-up}, year={2023}}
@article{c, title={Edge models for drift}, year={2022}}
@article{d, title={Not ours}, year={2021}}"""


def wait_saved(page, at_least=1):
    page.wait_for_function("n => +document.querySelector('[name=version]').value >= n", arg=at_least)


SKILLS = (
    "以七個溫度點建立主軸熱誤差模型，補償後殘差 6 µm。目前工廠以暖機一小時因應。在三台加工中心驗證九小時。",
    "以蒸發冷卻降低溫室午後溫度至二十八度。目前以水牆降溫，濕度過高。在屏東蘭花溫室驗證兩季。",
    "以腸溶微膠囊保護豬用口服疫苗通過胃酸。目前注射耗工。在六個豬場驗證，抗體提升三成。",
    "以噬菌體降低水產養殖弧菌感染。目前用抗生素。在二十公頃魚塭驗證，育成率提高 18 %。",
    "以雷射超音波量測鋼板厚度，誤差 12 µm。目前離線抽測。在一條熱軋產線驗證三個月。",
    "以碳化矽功率模組提升充電樁效率至 97 %。目前矽模組發熱大。在一百座充電樁驗證。",
    "以聯邦學習整合三家醫院影像，不移動病歷。目前各自建模，準確度低。驗證後靈敏度 93 %。",
    "以回收鋰電池製作鄉村儲能系統，壽命八年。目前鉛酸電池兩年損壞。在六十個村落驗證。",
)


@pytest.mark.parametrize(("lang", "width", "keys"), EVERY_WAY)
def test_a_researcher_imports_works_hides_the_phone_submits_is_published_and_accepts_a_match(
        visit, home, tmp_path, lang, width, keys):
    page = visit("researcher@example.org", lang=lang, width=width)
    hand = Hand(page, keys)
    page.goto("/drafts/new/offer")
    hand.write("#title", f"主軸熱誤差補償 {lang} {width} {keys}")
    hand.write("#description", SKILLS[EVERY_WAY.index((lang, width, keys))])
    hand.choose("#centre", "STSP")
    hand.write("#contact_name", "王老師")
    hand.write("#contact_email", "wang@example.org")
    hand.write("#contact_phone", "06-505-1001")
    hand.choose("#show-contact_phone", "owner")
    wait_saved(page)
    if not keys:
        picture(page, "form" if width > 900 else "form-phone")
    hand.press("button[value=works]")
    page.wait_for_selector("#file")
    page.set_input_files("#file", files=[{"name": "works.bib", "mimeType": "text/plain", "buffer": BIBTEX.encode()}])
    hand.press("main form[enctype] button")
    page.wait_for_selector("[name=work]")
    assert page.locator("[name=work]").count() == 4
    for place in (1, 2, 3):
        hand.press(f"li:nth-child({place}) [name=work]")
    hand.press("form[action$=confirm] > button")
    page.wait_for_selector("#e3t")
    hand.press("[name=consent]")
    hand.press("form[action$=submit] > button")
    page.wait_for_url("**/mine")
    office = visit(ADMIN, lang=lang, width=width)
    office.goto("/review")
    office.click("h2 a")
    assert "06-505-1001" not in office.content()
    office.click("button[value=accept]")
    office.wait_for_url("**/review")
    store = open_store(home.database_url)
    offer = next(o for o in store.offers() if o.title.endswith(f" {lang} {width} {keys}"))
    assert {e.title or e.text for e in store.evidence(offer.offer_id)} >= {"Spindle thermal error compensation", "Machine tool warm-up",
                                                                 "Edge models for drift"}
    need = release_to(home, offer.offer_id)
    page.goto("/matches")
    row = f"#x-{need}-{offer.offer_id}"
    page.wait_for_selector(row)
    hand.press(f"{row} form[action$=agree] button")
    page.wait_for_selector(".message")
    assert "contact_phone" not in page.content()
    picture(page, "matches" if width > 900 else "matches-phone")


def release_to(home, offer_id):
    """As the firm: open a list that holds the offer, and release the need to it."""
    from matcher import profiles, workflow
    from matcher.access import Viewer

    space = workflow.open_workspace(home)
    need = next(n for n in space.store.needs("STSP") if n.party_id)
    ours = replace(need, need_id=f"N-for-{offer_id}"[:60], title="主軸熱變位補償", description=space.store.offer(offer_id).description, kinds=())
    space.store.put(needs=[ours])
    found = next(workflow.match(space, needs=[ours.need_id], top=None, day=workflow.today()))
    workflow.log_shown(space.store, found, datetime.now(UTC))
    profiles.release(space.store, Viewer("firm", "firm", need.party_id), ours.need_id, offer_id, datetime.now(UTC))
    return ours.need_id


@pytest.mark.parametrize(("lang", "width", "keys"), EVERY_WAY)
def test_a_firm_posts_an_anonymous_need(visit, home, lang, width, keys):
    page = visit("firm@example.org", lang=lang, width=width)
    hand = Hand(page, keys)
    page.goto("/drafts/new/need")
    hand.write("#title", f"溫室夏季降溫 {lang} {width} {keys}")
    hand.write("#description", "夏季溫室午後達四十一度，蘭花停止生長，一年損失三百萬元。目前以水牆降溫，濕度過高。希望降到二十八度以下。")
    hand.choose("#centre", "STSP")
    hand.write("#contact_name", "李經理")
    hand.write("#contact_email", "li@example.org")
    hand.press("#anonymous")
    wait_saved(page)
    page.wait_for_selector("#coach .badge")
    assert page.locator("#coach li").count() >= 1
    page.reload()
    hand.press("[name=consent]")
    hand.press("form[action$=submit] > button")
    page.wait_for_url("**/mine")
    office = visit(ADMIN, lang=lang)
    office.goto("/review")
    office.click("h2 a")
    office.click("button[value=accept]")
    office.wait_for_url("**/review")
    need = next(n for n in open_store(home.database_url).needs("STSP") if n.title.endswith(f" {lang} {width} {keys}"))
    page.goto(f"/needs/{need.need_id}")
    page.wait_for_selector(".match")
    group = visit("researcher@example.org")
    assert group.goto(f"/needs/{need.need_id}").status in (403, 404)


def test_a_slow_or_failing_server_loses_nothing_of_what_is_written(visit):
    page = visit("firm@example.org")
    page.goto("/drafts/new/need")
    trouble = {"slow": 3, "broken": 0}

    def answer(route):
        if route.request.method == "POST" and trouble["broken"]:
            trouble["broken"] -= 1
            return route.abort()
        if route.request.method == "POST" and trouble["slow"]:
            trouble["slow"] -= 1
            page.wait_for_timeout(1500)
        return route.continue_()

    page.route("**/drafts/**", answer)
    for piece in ("溫室", "夏季", "降溫", "需求"):
        page.locator("#title").press_sequentially(piece)
        page.wait_for_timeout(1100)
    wait_saved(page)
    trouble["broken"] = 1
    page.fill("#description", "夏季午後達四十一度。")
    page.wait_for_selector("#unsaved:not([hidden])")
    assert page.input_value("#description") == "夏季午後達四十一度。"
    page.wait_for_selector("#unsaved", state="hidden", timeout=20_000)
    page.reload()
    assert (page.input_value("#title"), page.input_value("#description")) == ("溫室夏季降溫需求", "夏季午後達四十一度。")


def test_two_windows_on_one_draft_are_compared_and_either_is_kept(visit):
    first = visit("firm@example.org")
    first.goto("/drafts/new/need")
    first.fill("#title", "第一個標題")
    wait_saved(first)
    second = first.context.new_page()
    second.goto(first.url)
    second.fill("#title", "第二個標題")
    wait_saved(second, 2)
    first.fill("#title", "我的標題")
    first.wait_for_selector("#unsaved:not([hidden])")
    assert first.input_value("#title") == "我的標題"
    token = first.locator("#form [name=csrf_token]").first.input_value()
    assert token
    first.evaluate("document.querySelector('#form').submit()")
    first.wait_for_selector("text=第二個標題")
    first.click("main form button")
    first.wait_for_selector("#form")
    assert first.input_value("#title") == "我的標題"


def test_another_kind_brings_its_fields_and_keeps_what_was_typed(visit):
    page = visit("researcher@example.org")
    page.goto("/drafts/new/offer")
    page.fill("#title", "量測設備")
    page.select_option("#kind", "equipment")
    page.locator("#description").press_sequentially("可量測主軸。")
    page.wait_for_selector("#specification")
    assert (page.input_value("#title"), page.input_value("#description")) == ("量測設備", "可量測主軸。")


@pytest.mark.parametrize(("lang", "width"), [("zh-TW", 1280), ("en", 360)])
def test_an_administrator_reads_the_report_takes_it_home_and_subscribes_by_keyboard(visit, lang, width):
    zh = lang == "zh-TW"
    page = visit(ADMIN, lang=lang, width=width)
    page.goto("/reports")
    month = f"{last_month(workflow.today()):%Y-%m}"
    with page.expect_download() as taken:
        page.locator(f"a[aria-label='{month}-STSP PDF']").press("Enter")
    assert taken.value.suggested_filename == f"{month}-STSP.{'zh' if zh else 'en'}.pdf"
    assert Path(taken.value.path()).read_bytes().startswith(b"%PDF-")
    page.select_option("#r-format", "xlsx")
    page.locator("form:has(#r-format) button").press("Enter")
    page.wait_for_selector("#notice .message")
    wish = page.locator("li.card", has_text="XLSX")
    assert ("月報" if zh else "Monthly report") in wish.inner_text()
    page.fill("#a-threshold", "0.9")
    page.locator("form:has(#a-threshold) button").press("Enter")
    page.wait_for_function("() => document.body.innerText.includes('0.90')")
    picture(page, "reports")
    for _ in range(2):
        page.locator("li.card button").first.press("Enter")
        page.wait_for_load_state()
    assert page.locator("li.card").count() == 0
    page.locator(f"a:text-is('{month}')").press("Enter")
    page.wait_for_url("**.html")
    assert ("主任摘要" if zh else "Director's summary") in page.inner_text("body")


LAID_OUT = """() => {
  const box = (found) => found.getBoundingClientRect(), all = (what) => [...document.querySelectorAll(what)];
  const [one, two] = all('main form.box').map(box), checks = all('label.check');
  const words = (label) => { const range = document.createRange(); range.selectNode(label.lastChild); return range.getClientRects()[0]; };
  const buttons = all('td.actions .button').map(box);
  return {apart: two.top - one.bottom, months: Math.max(...all('tbody th').map((th) => th.querySelector('a').getClientRects().length)),
    below: checks.slice(1).every((label, n) => box(label).top >= box(checks[n]).bottom - 1),
    beside: checks.every((label) => Math.abs((box(label.firstChild).top + box(label.firstChild).bottom) / 2
      - (words(label).top + words(label).bottom) / 2) < 6 && words(label).left > box(label.firstChild).right),
    gaps: buttons.slice(1).every((b, n) => b.left - buttons[n].right >= 4 || b.top - buttons[n].bottom >= 4)};
}"""


@pytest.mark.parametrize(("lang", "width"), [("zh-TW", 1280), ("en", 360)])
def test_on_the_page_of_reports_nothing_touches_or_breaks(visit, lang, width):
    page = visit(ADMIN, lang=lang, width=width)
    page.goto("/reports")
    found = page.evaluate(LAID_OUT)
    assert found.pop("apart") >= 8
    assert found == {"months": 1, "below": True, "beside": True, "gaps": True}


def axe(page):
    import axe_core_python

    page.evaluate((Path(axe_core_python.__file__).parent / "axe.min.js").read_text("utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [(v["id"], [n["target"] for n in v["nodes"]][:3]) for v in found["violations"]]


PAGES = {None: ("/", "/sign-in", "/forgotten", "/nowhere", "/help", "/help/office", "/help/party", "/reset/x", "/enter/x", "/invitations/x",
                "/invitations/{secret}"),
         "researcher@example.org": ("/", "/mine", "/drafts/new/offer", "/matches", "/account", "/drafts/{mine}", "/drafts/{mine}/works"),
         "firm@example.org": ("/", "/mine", "/drafts/new/need", "/matches", "/needs/{need}"),
         "reader@example.org": ("/", "/reports", "/account"),
         ADMIN: ("/", "/centres/STSP", "/needs", "/offers", "/needs/{need}", "/needs/{need}/why?offer={offer}",
                 "/needs/{need}/compare?offer={offer}&offer={other}", "/match?text=疫苗", "/offers/{offer}", "/board", "/region", "/reports", "/review", "/decisions",
                 "/account", "/accounts", "/needs/nope", "/review/{sent}")}


def people_and_drafts(home):
    """Somebody invited, a draft of the researcher's, and one that waits for review."""
    store, now = open_store(home.database_url), datetime.now(UTC)
    viewer = viewer_of(by_email(store, "researcher@example.org"))
    mine, sent = (profiles.new_draft_id() for _ in range(2))
    content = {"kind": "capability", "title": "溫室降溫", "description": "以兩段式風扇與水牆降低溫室夜溫，已在三場驗證。", "centre": "STSP", "contact_name": "王教授",
               "contact_email": "wang@example.org"}
    for draft in (mine, sent):
        profiles.save_draft(store, viewer, draft, content, 0, now, side="offer")
    profiles.give_consent(store, viewer, sent, profiles.consent_text("publish").version, now, "zh")
    profiles.submit(store, viewer, sent, 1, now)
    return {"mine": mine, "sent": sent, "secret": invite(store, Invitation("new@example.org", "reader", "STSP"), now)}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("email", PAGES)
def test_every_page_is_accessible_and_fits_a_phone(visit, home, email, theme):
    offers = [o.offer_id for o in open_store(home.database_url).offers("STSP")]
    named = {"need": first_need(home), "offer": offers[0], "other": offers[1], **people_and_drafts(home)}
    page = visit(email, theme=theme, width=1280)
    faults = {}
    for path in PAGES[email]:
        page.set_viewport_size({"width": 1280, "height": 900})
        page.goto(path.format(**named))
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        faults[path] = axe(page)
        page.set_viewport_size({"width": 320, "height": 900})
        wide = page.evaluate("document.documentElement.scrollWidth")
        faults[path] += [("wider than a phone", wide)] if wide > 320 else []
    assert {path: found for path, found in faults.items() if found} == {}


def test_the_theme_is_chosen_and_kept(visit):
    page = visit()
    page.goto("/")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.click("[data-theme-toggle]")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert dark != light
    page.reload()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark


