"""Signing in through others, against an OpenID provider that runs in a thread and answers over HTTP."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import HTTPError
from urllib.parse import parse_qs, unquote, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, build_opener

import pytest
from click.testing import CliRunner
from conftest import NOW, PARTIES, PASSWORD, account_in, signed_in, token_of
from joserfc import jwk, jwt

from matcher import accounts, sessions, signon
from matcher.access import Viewer
from matcher.cli import main
from matcher.errors import MissingExtraError, ProviderError, SettingError
from matcher.profiles.mine import delete_my_data, export_my_data
from matcher.settings import load_settings
from matcher.store import open_store, schema
from matcher.store.audit import audit_lines
from web import create_app

CLIENT, SECRET = "matcher", "s p/cret"
BACK = "http://127.0.0.1:8321/sign-in/from/oidc"


class University:
    """An OpenID provider: one person at its desk, who agrees to everything; ``says`` replaces claims."""

    def __init__(self):
        self.key = jwk.RSAKey.generate_key(2048, {"kid": "k1", "use": "sig", "alg": "RS256"})
        self.person = {"sub": "u-7", "email": "Lin@Example.org", "email_verified": True}
        self.says, self.answers, self.settings, self.codes, self.signer = {}, {}, {}, {}, self.key
        self.asked, self.in_userinfo = [], False
        handler = type("Desk", (Desk,), {"university": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def description(self):
        return {"issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/authorize?realm=x",
                "token_endpoint": f"{self.issuer}/token", "jwks_uri": f"{self.issuer}/keys",
                "userinfo_endpoint": f"{self.issuer}/userinfo", **self.settings}

    def keys(self):
        return {"keys": [{**self.key.as_dict(private=False)}, {"kty": "RSA", "use": "enc", "n": "AQAB", "e": "AQAB"}]}

    def authorize(self, query):
        """Give the address back to the site, with a code that is good once."""
        assert (query["realm"], query["client_id"], query["response_type"]) == ("x", CLIENT, "code")
        assert query["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(8)
        self.codes[code] = query
        return query["redirect_uri"] + "?" + urlencode({"code": code, "state": query["state"], **self.answers})

    def token(self, form, authorization):
        """Exchange a code for a signed token; everything has to be as it was when it was asked for."""
        asked = self.codes.pop(form.get("code"), None)
        given = tuple(map(unquote, base64.b64decode(authorization.removeprefix("Basic ")).decode().replace("+", " ").split(":"))) \
            if authorization else (form.get("client_id"), form.get("client_secret"))
        proof = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        if asked is None or given != (CLIENT, SECRET) or proof != asked["code_challenge"] or form["redirect_uri"] != asked["redirect_uri"]:
            return None
        now = int(datetime.now(UTC).timestamp())
        told = {"sub": self.person["sub"]} if self.in_userinfo else self.person
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"], **told, **self.says}
        signed = jwt.encode({"alg": "RS256", "kid": "k1"}, {k: v for k, v in claims.items() if v is not None}, self.signer)
        return {"access_token": "a-1", "token_type": "Bearer", "id_token": signed}


class Desk(BaseHTTPRequestHandler):
    """The provider's addresses."""

    def do_GET(self):
        house, parts = self.university, urlsplit(self.path)
        house.asked.append(parts.path)
        if parts.path == "/authorize":
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            self.answer(302, {}, Location=house.authorize(query))
        elif parts.path == "/userinfo":
            self.answer(200, house.person if self.headers["Authorization"] == "Bearer a-1" else {})
        else:
            self.answer(200, house.keys() if parts.path == "/keys" else house.description())

    def do_POST(self):
        form = {k: v[0] for k, v in parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()).items()}
        given = self.university.token(form, self.headers.get("Authorization", ""))
        self.answer(200 if given else 400, given or {"error": "invalid_grant"})

    def answer(self, code, content, **headers):
        body = json.dumps(content).encode()
        self.send_response(code)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module", autouse=True)
def here():
    """Keep this machine's addresses out of any proxy."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("no_proxy", "127.0.0.1")
        yield


@pytest.fixture
def house():
    made = University()
    yield made
    made.close()


@pytest.fixture
def settings(house, tmp_path):
    """A site with the university, and with it again in the part of ORCID."""
    found = load_settings({
        "MATCHER_HOME": str(tmp_path), "MATCHER_OIDC_ISSUER": house.issuer, "MATCHER_OIDC_CLIENT_ID": CLIENT,
        "MATCHER_OIDC_CLIENT_SECRET": SECRET, "MATCHER_OIDC_NAME": "範例大學", "MATCHER_ORCID_ISSUER": house.issuer,
        "MATCHER_ORCID_CLIENT_ID": CLIENT, "MATCHER_ORCID_CLIENT_SECRET": SECRET})
    open_store(found.database_url).put(parties=PARTIES)
    return found


@pytest.fixture
def app(settings):
    return create_app(settings)


@pytest.fixture
def store(settings):
    return sessions.store_of(settings)


@pytest.fixture
def lin(store):
    """Ms Lin, who has an account with a password."""
    return account_in(store, role="centre-admin", centre="CTSP", name="lin")


class Stay(HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None


def at_the_desk(address):
    """Go where the site leads, agree, and give the path one is led back to."""
    try:
        build_opener(Stay).open(address, timeout=5)
    except HTTPError as led:
        with led:
            parts = urlsplit(led.headers["Location"])
    return f"{parts.path}?{parts.query}"


def go(client, key="oidc", more=""):
    """Press a provider's button and come back."""
    return client.get(at_the_desk(client.get(f"/sign-in/with/{key}?lang=en{more}").headers["Location"]))


def who(client):
    """Give the name on the account page, None for a visitor."""
    page = client.get("/account?lang=en")
    return page.text.split('name="name" type="text" value="')[1].split('"')[0] if page.status_code == 200 else None


def post(client, path, page="/account", **data):
    return client.post(path, data={"csrf_token": token_of(client.get(page)), **data})


def alert(page):
    return page.text.split('role="alert" id="problem">')[1].split("</p>")[0]


@pytest.mark.parametrize(("in_userinfo", "ways"), [(False, ["client_secret_basic"]), (True, ["client_secret_post"])])
def test_a_verified_email_signs_in_to_the_account_that_has_it(app, house, store, lin, in_userinfo, ways):
    house.in_userinfo, house.settings = in_userinfo, {"token_endpoint_auth_methods_supported": ways}
    client = app.test_client()
    client.get("/sign-in")
    before = client.get_cookie("session").value
    page = go(client, more="&next=/board?stage%3Dmou")
    assert (page.status_code, page.headers["Location"]) == (302, "/board?stage=mou")
    assert client.get_cookie("session").value != before
    assert who(client) == "lin"
    assert [(line.act, line.who, line.after) for line in audit_lines(store, lin.account_id)] == [
        ("sign-on", lin.account_id, {"issuer": house.issuer})]
    assert accounts.by_email(store, lin.email).last_seen > NOW


def test_the_provider_is_asked_for_no_more_than_is_used(app, house):
    address = app.test_client().get("/sign-in/with/oidc").headers["Location"]
    query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    assert {name: query[name] for name in ("scope", "redirect_uri", "response_type", "code_challenge_method")} == {
        "scope": "openid email", "redirect_uri": BACK, "response_type": "code", "code_challenge_method": "S256"}
    assert "scope=openid&" in app.test_client().get("/sign-in/with/orcid").headers["Location"]
    assert house.asked == ["/.well-known/openid-configuration"] * 2


def test_the_address_back_is_that_of_the_settings_whatever_a_request_says(settings):
    app = create_app(replace(settings, values={**settings.values, "URL": "https://match.example.tw/"}))
    address = app.test_client().get("/sign-in/with/oidc", headers={"Host": "evil.example"}).headers["Location"]
    assert "redirect_uri=https%3A%2F%2Fmatch.example.tw%2Fsign-in%2Ffrom%2Foidc" in address


@pytest.mark.parametrize("wanted", ["//evil.example", "https://evil.example", "/\\evil.example", "/" + "x" * 5000])
def test_signing_in_leads_back_to_this_site_only(app, lin, wanted):
    assert go(app.test_client(), more="&" + urlencode({"next": wanted})).headers["Location"] == "/"


PERSONS = [
    ({"email": "new@example.org"}, "There is no account of new@example.org. Accounts are made by invitation; ask the office of your centre."),
    ({"email_verified": False}, "範例大學 does not confirm that Lin@Example.org is yours. Sign in with your password, then link it under My account."),
    ({"email_verified": "true"}, "範例大學 does not confirm that Lin@Example.org is yours."),
    ({"email": None}, "This identity at 範例大學 is not linked with an account. Sign in with your password, then link it under My account."),
    ({"email": "lin@example.org\u200b"}, "There is no account of"),
    ({"email": "ｌin@example.org"}, "There is no account of"),
]


@pytest.mark.parametrize(("person", "sentence"), PERSONS)
def test_who_is_not_known_gets_no_account(app, house, store, lin, person, sentence):
    house.person |= person
    client = app.test_client()
    page = go(client)
    assert page.status_code == 422
    assert sentence in alert(page)
    assert "Password" in page.text
    assert who(client) is None
    assert len(accounts.accounts(store)) == 1


def test_a_look_alike_letter_is_another_address(app, house, store):
    account_in(store, role="system-admin", name="kim")
    house.person |= {"email": "\u212aim@example.org"}  # the Kelvin sign, which becomes k when made small
    assert go(app.test_client()).status_code == 422


HOUR = 3600
FORGERIES = [
    ({"nonce": "another"}, "it belongs to another attempt"), ({"nonce": None}, "it belongs to another attempt"),
    ({"aud": "another site"}, "it is meant for another site"), ({"aud": [CLIENT, "x"], "azp": "x"}, "it is meant for another site"),
    ({"aud": None}, "it is meant for another site"),
    ({"iss": "https://evil.example"}, "it comes from another provider"),
    ({"exp": int(NOW.timestamp()) - HOUR}, "it is too old"),
    ({"sub": None}, "its signature or content is wrong"), ({"sub": ""}, "its signature or content is wrong"),
    ({"sub": "x" * 256}, "its signature or content is wrong"), ({"iat": None}, "its signature or content is wrong"),
]


@pytest.mark.parametrize(("says", "problem"), FORGERIES)
def test_a_token_that_is_not_for_us_and_now_is_refused(app, house, lin, says, problem):
    house.says = says
    client = app.test_client()
    page = go(client)
    assert page.status_code == 502
    assert alert(page) == f"The answer of 範例大學 is not accepted: {problem}. Nobody was signed in."
    assert who(client) is None


@pytest.mark.parametrize("signer", [
    jwk.RSAKey.generate_key(2048, {"kid": "k1"}), pytest.param(None, id="no signature at all")])
def test_a_token_with_another_signature_is_refused(app, house, lin, signer):
    if signer is None:
        def unsigned(*args, **more):
            _, content, _ = signed(*args, **more)["id_token"].split(".")
            bare = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
            return {"access_token": "a-1", "id_token": f"{bare}.{content}."}
        signed, house.token = house.token, unsigned
    else:
        house.signer = signer
    assert "its signature or content is wrong" in alert(go(app.test_client()))


def test_a_provider_that_calls_itself_otherwise_is_refused(app, house):
    house.settings = {"issuer": "https://evil.example"}
    page = app.test_client().get("/sign-in/with/oidc?lang=en")
    assert (page.status_code, "it comes from another provider" in alert(page)) == (502, True)


@pytest.mark.parametrize("settings_of_it", [{"token_endpoint": "file:///etc/passwd"}, {"jwks_uri": "http://evil.example/keys"}])
def test_secrets_go_to_safe_addresses_only(app, house, lin, settings_of_it):
    house.settings = settings_of_it
    assert "answered with an error" in alert(go(app.test_client()))


ANSWERS = [
    ({"error": "access_denied"}, 422, "You did not agree at 範例大學, so nobody was signed in."),
    ({"error": "server_error"}, 502, "範例大學 answered with an error (server_error). Sign in with your password, or try again later."),
    ({"error": "<b>call 0900"}, 502, "範例大學 answered with an error (?)."),
    ({"code": "guessed"}, 502, "範例大學 answered with an error (HTTP 400)."),
    ({"iss": "https://evil.example"}, 502, "The answer of 範例大學 is not accepted: it comes from another provider."),
    ({"state": "changed"}, 422, "Signing in with 範例大學 began in another window or too long ago. Try again."),
    ({"state": "é"}, 422, "began in another window"),
]


@pytest.mark.parametrize(("answers", "code", "sentence"), ANSWERS)
def test_what_goes_wrong_is_said_in_words_beside_the_password(app, house, lin, answers, code, sentence):
    house.answers = answers
    client = app.test_client()
    page = go(client)
    assert (page.status_code, sentence in alert(page)) == (code, True), alert(page)
    assert "Password" in page.text
    assert who(client) is None


def test_an_answer_is_good_once_and_in_the_browser_that_asked(app, lin):
    client, other = app.test_client(), app.test_client()
    way = at_the_desk(client.get("/sign-in/with/oidc").headers["Location"])
    kept = client.get_cookie("session").value
    assert other.get(way).status_code == 422
    assert client.get(way).status_code == 302
    post(client, "/sign-out")
    assert client.get(way).status_code == 422
    client.set_cookie("session", kept)
    assert client.get(way).status_code == 502  # the browser remembers, the provider knows better


def test_an_answer_to_one_provider_is_none_to_another(app, lin):
    client = app.test_client()
    way = at_the_desk(client.get("/sign-in/with/oidc").headers["Location"])
    assert client.get(way.replace("/oidc", "/orcid")).status_code == 422


def test_who_sets_out_has_ten_minutes(settings, house):
    provider = signon.providers(settings)[0]
    attempt, address = signon.begin(provider, BACK, NOW, "/", keeps=False)
    answer = dict(pair.split("=") for pair in urlsplit(at_the_desk(address)).query.split("&"))
    with pytest.raises(Exception, match="too long ago"):
        signon.complete(provider, attempt, answer, BACK, NOW + timedelta(minutes=10))


def test_while_the_provider_is_down_the_password_still_signs_in(app, house, lin):
    way = app.test_client()
    back = at_the_desk(way.get("/sign-in/with/oidc").headers["Location"])
    house.close()
    for client, path in ((app.test_client(), "/sign-in/with/oidc?lang=en"), (way, f"{back}&lang=en")):
        page = client.get(path)
        assert page.status_code == 502
        assert alert(page) == "範例大學 cannot be reached now. Sign in with your password, or try again later."
        client.post("/sign-in", data={"csrf_token": token_of(page), "email": lin.email, "password": PASSWORD})
        assert who(client) == "lin"


def test_a_disabled_account_stays_out(app, house, store, lin):
    accounts.set_active(store, lin.account_id, False)
    page = go(app.test_client())
    assert alert(page) == "This account is disabled. Ask the office of your centre."
    assert audit_lines(store, lin.account_id) == ()


def linked(app, house, name, subject):
    """Give a client of a new account that has linked an ORCID."""
    client = signed_in(app, role="centre-admin", centre="CTSP", name=name)
    house.person |= {"sub": subject}
    page = go(client, "orcid")
    assert page.headers["Location"] == "/account/identity"
    assert subject in client.get("/account/identity").text
    post(client, "/account/identities", "/account/identity")
    return client


def test_an_account_links_an_identity_signs_in_by_it_and_unlinks_it(app, house, store):
    client = linked(app, house, "mei", "0000-0002-1825-0097")
    page = client.get("/account?lang=en")
    assert "Linked with ORCID: you can sign in with it from now on." in page.text
    assert "0000-0002-1825-0097" in page.text
    other = app.test_client()
    assert go(other, "orcid").headers["Location"] == "/"
    assert who(other) == "mei"
    post(other, "/account/identities/remove", issuer=house.issuer, subject="0000-0002-1825-0097")
    assert "Unlinked from ORCID." in other.get("/account?lang=en").text
    assert "is not linked with an account" in alert(go(app.test_client(), "orcid"))
    mei = accounts.by_email(store, "mei@example.org")
    assert [line.act for line in audit_lines(store, mei.account_id)] == ["link", "sign-on", "unlink"]


def test_orcid_signs_nobody_in_by_an_email(app, house, lin):
    assert "This identity at ORCID is not linked with an account." in alert(go(app.test_client(), "orcid"))


def test_an_identity_is_proven_before_it_is_linked_and_only_once(app, house):
    client = linked(app, house, "mei", "s-1")
    page = client.post("/account/identities", data={"csrf_token": token_of(client.get("/account"))}, headers={"Accept-Language": "en"})
    assert (page.status_code, "Nothing waits to be linked, or it waited too long. Try again." in page.text) == (422, True)


def test_coming_back_links_nothing_until_somebody_says_so(app, house, store):
    client = signed_in(app, role="centre-admin", centre="CTSP", name="mei")
    go(client, "orcid")
    assert signon.identities_of(store, accounts.by_email(store, "mei@example.org").account_id) == ()
    assert client.post("/account/identities").status_code == 403


def test_an_identity_of_another_account_is_refused(app, house, store):
    linked(app, house, "mei", "s-1")
    client = signed_in(app, role="centre-admin", centre="CTSP", name="hua")
    go(client, "orcid")
    post(client, "/account/identities", "/account/identity")
    assert "This identity at ORCID is linked with an account already." in client.get("/account?lang=en").text
    assert signon.identities_of(store, accounts.by_email(store, "hua@example.org").account_id) == ()


def test_nobody_unlinks_what_is_anothers(app, house):
    linked(app, house, "mei", "s-1")
    client = signed_in(app, role="centre-admin", centre="CTSP", name="hua")
    post(client, "/account/identities/remove", issuer=house.issuer, subject="s-1")
    assert "There is no identity with the id “s-1”." in client.get("/account?lang=en").text
    assert go(app.test_client(), "orcid").status_code == 302


def invited(store, name="wu"):
    return accounts.invite(store, accounts.Invitation(f"{name}@example.org", "researcher", party_id="P2"), datetime.now(UTC))


def test_an_invitation_is_accepted_with_an_identity_in_place_of_a_password(app, house, store):
    house.person |= {"sub": "0000-0001-5109-3700"}
    secret, client = invited(store), app.test_client()
    assert f"/sign-in/with/orcid?invitation={secret}" in client.get(f"/invitations/{secret}?lang=en").text
    assert go(client, "orcid", f"&invitation={secret}").headers["Location"] == f"/invitations/{secret}"
    page = client.get(f"/invitations/{secret}?lang=en")
    assert "You will sign in with ORCID as:" in page.text
    assert "0000-0001-5109-3700" in page.text
    assert "password" not in page.text.lower()
    post(client, f"/invitations/{secret}/identity", f"/invitations/{secret}", name="吳")
    made = accounts.by_email(store, "wu@example.org")
    assert (made.name, made.role, made.party_id, made.password) == ("吳", "researcher", "P2", None)
    assert who(client) == "吳"
    post(client, "/account/identities/remove", issuer=house.issuer, subject="0000-0001-5109-3700")
    assert "Set a password first: without it and this identity you could not sign in any more." in client.get("/account?lang=en").text
    again = app.test_client()
    go(again, "orcid")
    assert who(again) == "吳"


def test_who_signs_in_by_an_identity_alone_is_somebody_so_no_entrance_is_opened(store):
    link = accounts.entrance(store, NOW)
    accounts.enter(store, link, NOW)
    assert not accounts.has_people(store)
    proof = signon.Proof("https://idp.example", "u-7", "idp", NOW.isoformat())
    made = signon.accept(store, accounts.invite(store, accounts.Invitation("wu@example.org", "system-admin"), NOW), "Wu", proof, NOW)
    assert accounts.has_people(store)
    accounts.set_active(store, made.account_id, False)
    assert not accounts.has_people(store)


def test_an_identity_that_has_an_account_accepts_no_invitation(app, house, store):
    linked(app, house, "mei", "s-1")
    secret, client = invited(store), app.test_client()
    go(client, "orcid", f"&invitation={secret}")
    page = post(client, f"/invitations/{secret}/identity", f"/invitations/{secret}", name="吳")
    assert (page.status_code, "is linked with an account already" in page.text) == (422, True)
    assert accounts.invited(store, secret, datetime.now(UTC)).email == "wu@example.org"


def test_identities_are_in_the_copy_of_ones_data_and_go_with_the_account(app, house, store):
    made = account_in(store, role="researcher", party_id="P2", name="wu")
    proof = signon.Proof(house.issuer, "s-9", "ORCID", NOW.isoformat())
    signon.link(store, made.account_id, proof, NOW)
    viewer = Viewer(made.account_id, "researcher", "P2")
    assert export_my_data(store, viewer)["identities"] == [
        {"issuer": house.issuer, "subject": "s-9", "account_id": made.account_id, "name": "ORCID", "linked": NOW.isoformat()}]
    delete_my_data(store, viewer, NOW)
    with store.reading() as connection:
        assert connection.execute(schema.identities.select()).all() == []


BAD = [
    ({"OIDC_ISSUER": "https://sso.example"}, SettingError, "The setting MATCHER_OIDC_CLIENT_ID is missing; it belongs to MATCHER_OIDC_ISSUER."),
    ({"ORCID_CLIENT_ID": "x"}, SettingError, "The setting MATCHER_ORCID_CLIENT_SECRET is missing; it belongs to MATCHER_ORCID_CLIENT_ID."),
    ({"OIDC_ISSUER": "http://sso.example", "OIDC_CLIENT_ID": "x", "OIDC_CLIENT_SECRET": "y"}, SettingError,
     "The setting MATCHER_OIDC_ISSUER is “http://sso.example”; wanted: https://…"),
]


@pytest.mark.parametrize(("given", "kind", "sentence"), BAD)
def test_half_a_setting_is_refused_at_start_and_by_the_doctor(tmp_path, given, kind, sentence):
    environ = {"MATCHER_HOME": str(tmp_path), **{f"MATCHER_{name}": value for name, value in given.items()}}
    with pytest.raises(kind) as found:
        create_app(load_settings(environ))
    assert str(found.value) == sentence
    done = CliRunner().invoke(main, ["doctor"], env={**environ, "MATCHER_LANG": "en"})
    assert (done.exit_code, f"✗ Sign-in: {sentence}" in done.output) == (1, True)


def test_a_provider_without_the_extra_is_refused_at_start(settings, monkeypatch):
    monkeypatch.setattr("matcher.signon.provider.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"needs Authlib. Install it with: pip install '.\[oidc\]'"):
        create_app(settings)


def test_the_sign_in_page_has_a_button_per_provider_and_none_without(app, house, tmp_path):
    page = app.test_client().get("/sign-in?lang=en&next=/board").text
    assert 'href="/sign-in/with/oidc?next=/board"' in page
    assert "範例大學" in page
    bare = create_app(load_settings({"MATCHER_HOME": str(tmp_path / "bare")}))
    assert "Or sign in with" not in bare.test_client().get("/sign-in?lang=en").text


def test_secrets_are_not_shown(tmp_path):
    done = CliRunner().invoke(main, ["config", "show"], env={"MATCHER_HOME": str(tmp_path), "MATCHER_ORCID_CLIENT_SECRET": "hush-hush"})
    assert "hush-hush" not in done.output


def test_a_provider_that_answers_nonsense_is_named(settings, house):
    provider = replace(signon.providers(settings)[0], issuer=f"{house.issuer}/keys")
    with pytest.raises(ProviderError, match="comes from another provider"):
        signon.begin(provider, BACK, NOW, "/", keeps=False)
