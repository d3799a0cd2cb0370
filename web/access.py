"""Signing in and out, invitations, passwords, sessions; and the guard of every view."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    g,
    redirect,
    render_template,
    request,
    session,
    url_for,
)

from matcher import access, accounts, mail, sessions
from matcher.errors import InputError
from matcher.languages import INTERFACE_LANGUAGES, render
from matcher.vocabulary import Message
from matcher.workflow import TAIPEI
from web.shell import notice, page_language

pages = Blueprint("access", __name__)
View = TypeVar("View", bound=Callable[..., Any])


def allow(verb: str) -> Callable[[View], View]:
    """Mark a view with the verb a viewer must be able to do somewhere; no mark, no entrance."""

    def mark(view: View) -> View:
        if verb not in access.PERMISSIONS or hasattr(view, "verb"):
            raise ValueError(f"{view.__name__}: one verb of the table a view, found {verb}")
        view.verb = verb  # type: ignore[attr-defined]
        return view

    return mark


def find_viewer() -> None:
    """Before each request: find who asks; raise ``StoreError`` where that cannot be read."""
    g.viewer = access.ANONYMOUS
    if session.problem:  # type: ignore[attr-defined]
        raise session.problem  # type: ignore[attr-defined]
    account_id = session.account_id  # type: ignore[attr-defined]
    found = account_id and sessions.account_of(current_app.config["MATCHER"], account_id)
    g.viewer = accounts.viewer_of(found) if found else access.ANONYMOUS


def guard() -> Response | None:
    """Before each request: refuse what the viewer's role may do nowhere."""
    view = current_app.view_functions.get(request.endpoint or "")
    if request.endpoint in (None, "static") or view is None:
        return None
    verb = getattr(view, "verb", None)
    if verb is not None and access.may_somewhere(g.viewer, verb):
        return None
    if verb is not None and not g.viewer.is_known and request.method in ("GET", "HEAD"):
        return redirect(url_for("access.sign_in", next=request.full_path))  # type: ignore[return-value]
    return abort(403)


def demand(verb: str, what: str, record_id: str, *, centre: str | None = None,
           party_id: str | None = None) -> None:
    """Refuse a record of another centre or party as if it did not exist."""
    access.demand(g.viewer, verb, centre=centre, party_id=party_id, what=what,
                  record_id=record_id)


def settings() -> Any:
    """Give the app's settings."""
    return current_app.config["MATCHER"]


def store() -> Any:
    """Give the store of accounts."""
    return sessions.store_of(settings())


def now() -> datetime:
    """Give the present time."""
    return datetime.now(UTC)


def link(endpoint: str, **values: Any) -> str:
    """Give a whole address for a mail, on the site of the settings, whatever a request says."""
    return sessions.address_of(settings()) + url_for(endpoint, **values)


def begin(account: Any, to: str) -> Any:
    """Sign an account in under a new secret, in its language, and lead it somewhere."""
    session.begin(account.account_id)  # type: ignore[attr-defined]
    return _in_language(redirect(to), account.lang)


def _in_language(answer: Any, lang: str | None) -> Any:
    if lang:
        answer.set_cookie("lang", lang, max_age=31_536_000, samesite="Lax", httponly=True,
                          secure=request.is_secure)
    return answer


def safe_address(wanted: str, otherwise: str) -> str:
    """Give an address where it is one on this site, else another."""
    safe = (wanted.startswith("/") and wanted[1:2] not in ("/", "\\")
            and not urlsplit(wanted).netloc and not any(c < " " for c in wanted))
    return wanted if safe else otherwise


def _next() -> str:
    """Give where to go after signing in: an address on this site, else the start page."""
    return safe_address(request.values.get("next", ""), url_for("home.start"))


@pages.get("/sign-in")
@allow("anybody")
def sign_in() -> str:
    """Show the form."""
    return render_template("access_sign_in.html", next=_next())


@pages.post("/sign-in")
@allow("anybody")
def do_sign_in() -> Any:
    """Sign in by e-mail and password."""
    try:
        found = accounts.sign_in(store(), request.form.get("email", ""),
                                 request.form.get("password", ""), now())
    except InputError as problem:
        return _again("access_sign_in.html", problem, next=_next())
    return begin(found, _next())


@pages.post("/sign-out")
@allow("anybody")
def sign_out() -> Any:
    """End this session."""
    session.end()  # type: ignore[attr-defined]
    return redirect(url_for("home.start"))


@pages.get("/enter/<secret>")
@allow("anybody")
def enter(secret: str) -> str:
    """Show the button of a one-time entrance: a link alone changes nothing."""
    return render_template("access_enter.html", secret=secret)


@pages.post("/enter/<secret>")
@allow("anybody")
def do_enter(secret: str) -> Any:
    """Sign the person at the machine in, once."""
    return begin(accounts.enter(store(), secret, now()), url_for("home.start"))


@pages.route("/invitations/<secret>", methods=["GET", "POST"])
@allow("anybody")
def accept(secret: str) -> Any:
    """Show an invitation, or make its account and sign it in."""
    found = accounts.invited(store(), secret, now())
    if request.method != "POST":
        return render_template("access_accept.html", email=found.email,
                               name=found.content["name"], secret=secret)
    try:
        made = accounts.accept(store(), secret, request.form.get("name", ""),
                               request.form.get("password", ""), now(), page_language())
    except InputError as problem:
        return _again("access_accept.html", problem, email=found.email, secret=secret,
                      name=request.form.get("name", ""))
    return begin(made, url_for("home.start"))


@pages.route("/forgotten", methods=["GET", "POST"])
@allow("anybody")
def forgotten() -> Any:
    """Ask for an e-mail, and send a link there; whether it is known is not told."""
    if request.method != "POST":
        return render_template("access_forgotten.html", sent=False)
    email = request.form.get("email", "")
    secret = accounts.ask_reset(store(), email, now())
    if secret is None:
        accounts.send_nothing(store())
    else:
        address = link("access.reset", secret=secret)
        mail.queue(store(), accounts.mail_key("reset", secret), accounts.clean_email(email),
                   Message("Set a new password"),
                   Message("Open this link within an hour to set a new password: {address}",
                           {"address": address}), page_language(), now())
    return render_template("access_forgotten.html", sent=True)


@pages.route("/reset/<secret>", methods=["GET", "POST"])
@allow("anybody")
def reset(secret: str) -> Any:
    """Set a new password by a link; all sessions of the account end."""
    if request.method != "POST":
        return render_template("access_reset.html")
    try:
        accounts.reset(store(), secret, request.form.get("password", ""), now())
    except InputError as problem:
        return _again("access_reset.html", problem)
    session.end()  # type: ignore[attr-defined]
    notice(Message("The new password is set. Sign in with it."))
    return redirect(url_for("access.sign_in"))


@pages.get("/account")
@allow("signed-in")
def mine() -> str:
    """Show the own account: name, language, password, sessions."""
    return _mine()


@pages.post("/account")
@allow("signed-in")
def profile() -> Any:
    """Set the own name and language."""
    name, lang = request.form.get("name", ""), request.form.get("lang") or None
    try:
        accounts.change_profile(store(), g.viewer.account_id, name, lang)
    except InputError as problem:
        return _mine(problem), 422
    notice(Message("Name and language are set."))
    answer = _in_language(redirect(url_for("access.mine")), lang)
    if not lang:  # the browser's decides again
        answer.delete_cookie("lang", samesite="Lax", httponly=True, secure=request.is_secure)
    return answer


@pages.post("/account/password")
@allow("signed-in")
def password() -> Any:
    """Change the password; all other sessions end."""
    form = request.form
    try:
        found = accounts.change_password(store(), g.viewer.account_id, form.get("old", ""),
                                         form.get("new", ""), now())
    except InputError as problem:
        return _mine(problem), 422
    answer = begin(found, url_for("access.mine"))
    notice(Message("The new password is set. All other sessions have ended."))
    return answer


def _mine(problem: InputError | None = None) -> str:
    secret = session.secret  # type: ignore[attr-defined]
    rows = [{"since": row.created.astimezone(TAIPEI), "seen": row.seen.astimezone(TAIPEI),
             "is_here": sessions.is_same(row, secret)}
            for row in sessions.others(settings(), g.viewer.account_id)]
    return render_template("access_account.html", rows=rows, languages=INTERFACE_LANGUAGES,
                           problem=problem and render(problem.message, page_language()))


@pages.post("/account/sessions/end")
@allow("signed-in")
def end_others() -> Any:
    """End all other sessions of this account."""
    sessions.end_others(settings(), g.viewer.account_id, session.secret)  # type: ignore[attr-defined]
    notice(Message("All other sessions have ended."))
    return redirect(url_for("access.mine"))


@pages.get("/accounts")
@allow("manage-accounts")
def accounts_list() -> str:
    """List the accounts of the viewer's centre, or all."""
    return _accounts_page()


@pages.post("/accounts/invite")
@allow("manage-accounts")
def invite() -> Any:
    """Invite somebody; the link is sent by mail and shown once."""
    form = request.form
    asked = accounts.Invitation(form.get("email", ""), form.get("role", ""),
                                form.get("centre") or None, form.get("party_id") or None,
                                form.get("name", ""))
    try:
        secret = accounts.invite(store(), asked, now(), g.viewer)
    except InputError as problem:
        return _accounts_page(problem), 422
    address = link("access.accept", secret=secret)
    mail.queue(store(), accounts.mail_key("invite", secret), accounts.clean_email(asked.email),
               Message("Your invitation"),
               Message("Open this link within 14 days to make your account: {address}",
                       {"address": address}), page_language(), now())
    notice(Message("Invited {email}. The link, also sent by mail: {address}",
                   {"email": asked.email, "address": address}))
    return redirect(url_for("access.accounts_list"))


@pages.post("/accounts/withdraw")
@allow("manage-accounts")
def withdraw() -> Any:
    """End an invitation to what the viewer manages."""
    email = request.form.get("email", "")
    try:
        accounts.withdraw(store(), g.viewer, email, now())
    except InputError as problem:
        return _accounts_page(problem), 422
    notice(Message("The invitation of {email} was withdrawn; its link opens nothing any more.",
                   {"email": email}))
    return redirect(url_for("access.accounts_list"))


@pages.post("/accounts/<account_id>/<any(disable, enable):what>")
@allow("manage-accounts")
def set_active(account_id: str, what: str) -> Any:
    """Disable an account of the own centre, ending its sessions, or enable it again."""
    found = next((a for a in _accounts() if a.account_id == account_id), None)
    if found is None or found.account_id == g.viewer.account_id:
        return abort(404)
    accounts.set_active(store(), account_id, what == "enable")
    notice(Message("{email} is enabled." if what == "enable" else "{email} is disabled.",
                   {"email": found.email}),
           undo=url_for("access.set_active", account_id=account_id,
                        what="enable" if what == "disable" else "disable"))
    return redirect(url_for("access.accounts_list"))


def _accounts() -> Any:
    return accounts.managed(store(), g.viewer)


def _accounts_page(problem: InputError | None = None) -> str:
    lang = page_language()
    roles = {key: label[lang] for key, label in access.ROLES.items() if key != "anonymous"
             and (key != "system-admin" or g.viewer.role == "system-admin")}
    return render_template(
        "access_accounts.html", rows=_accounts(), roles=roles,
        invited=accounts.invitations(store(), g.viewer, now()),
        parties=accounts.parties_for(store(), g.viewer),
        problem=problem and render(problem.message, lang), form=request.form)


def _again(template: str, problem: InputError, **values: Any) -> tuple[str, int]:
    """Show a form again with what was wrong; what was typed stays, passwords do not."""
    return render_template(template, problem=render(problem.message, page_language()),
                           form=request.form, **values), 422
