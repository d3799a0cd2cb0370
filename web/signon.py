"""Signing in through a provider and back, and linking identities with accounts and invitations."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from flask import Blueprint, abort, g, redirect, render_template, request, session, url_for

from matcher import signon
from matcher.errors import InputError, MatcherError, ProviderError
from matcher.languages import render
from matcher.signon import Attempt, Proof, Provider
from matcher.vocabulary import Message
from matcher.workflow import TAIPEI
from web.access import allow, begin, link, now, safe_address, settings, store
from web.shell import notice, page_language

pages = Blueprint("signon", __name__)
LONGEST_AIM = 1000  # what a browser remembers has to fit into a cookie


@pages.app_context_processor
def context() -> dict[str, Any]:
    """Give templates the providers, whoever has just been proven, and the viewer's identities."""
    return {"providers": lambda: signon.providers(settings()), "proof": _proof,
            "identities": _identities}


def _identities() -> list[Any]:
    """Give the viewer's identities, with the time of the clock on the wall."""
    return [replace(found, linked=found.linked.astimezone(TAIPEI))
            for found in signon.identities_of(store(), g.viewer.account_id)]


def _provider(key: str) -> Provider:
    return next((p for p in signon.providers(settings()) if p.key == key), None) or abort(404)


def _back(provider: Provider) -> str:
    """Give the address a provider is to answer at: the one that was registered with it."""
    return link("signon.back", key=provider.key)


def _proof() -> Proof | None:
    """Give the identity that was proven in this browser in the last minutes."""
    row = session.get("proof")
    found = Proof(**row) if row else None
    return found if found and signon.is_kept(found, now()) else None


def _demanded() -> Proof:
    found = _proof()
    if found is None:
        raise InputError("Nothing waits to be linked, or it waited too long. Try again.")
    return found


def _aim() -> tuple[str, bool]:
    """Say where an attempt leads, and whether what it proves is to be linked there."""
    if request.args.get("invitation"):
        return url_for("access.accept", secret=request.args["invitation"]), True
    if g.viewer.is_known:
        return url_for("signon.confirm"), True
    wanted, home = request.args.get("next", ""), url_for("home.start")
    return safe_address(wanted, home) if len(wanted) <= LONGEST_AIM else home, False


@pages.get("/sign-in/with/<key>")
@allow("anybody")
def start(key: str) -> Any:
    """Lead to a provider; a link with it changes nothing here but what this browser remembers."""
    try:
        attempt, address = signon.begin(provider := _provider(key), _back(provider), now(), *_aim())
    except ProviderError as problem:
        return _failed(problem)
    session["attempt"] = asdict(attempt)
    return redirect(address)


@pages.get("/sign-in/from/<key>")
@allow("anybody")
def back(key: str) -> Any:
    """Come back from a provider: sign in, or keep the identity for the page that links it."""
    provider, row = _provider(key), session.pop("attempt", None)
    attempt = Attempt(**row) if row else None
    try:
        proof = signon.complete(provider, attempt, request.args, _back(provider), now())
        if attempt and not attempt.keeps:
            return begin(signon.sign_in(store(), proof, now()), attempt.aim)
    except (InputError, ProviderError) as problem:
        return _failed(problem)
    session["proof"] = asdict(proof)
    return redirect(attempt.aim if attempt else url_for("home.start"))


def _failed(problem: MatcherError) -> Any:
    """Say what went wrong where the person was: signed in, or beside the password's form."""
    if g.viewer.is_known:
        notice(problem.message, "error")
        return redirect(url_for("access.mine"))
    sentence = render(problem.message, page_language())
    code = 502 if isinstance(problem, ProviderError) else 422
    return render_template("access_sign_in.html", problem=sentence, next=""), code


@pages.get("/account/identity")
@allow("signed-in")
def confirm() -> str:
    """Show whose identity was proven; it may be somebody else's who used this browser before."""
    return render_template("access_identity.html", found=_demanded())


@pages.post("/account/identities")
@allow("signed-in")
def add() -> Any:
    """Link the proven identity with the own account."""
    proof = _demanded()
    session.pop("proof")
    try:
        signon.link(store(), g.viewer.account_id, proof, now())
    except InputError as problem:
        return _failed(problem)
    notice(Message("Linked with {name}: you can sign in with it from now on.",
                   {"name": proof.name}))
    return redirect(url_for("access.mine"))


@pages.post("/account/identities/remove")
@allow("signed-in")
def remove() -> Any:
    """Unlink an identity of the own account."""
    form = request.form
    try:
        gone = signon.unlink(store(), g.viewer.account_id, form.get("issuer", ""),
                             form.get("subject", ""), now())
    except InputError as problem:
        return _failed(problem)
    notice(Message("Unlinked from {name}.", {"name": gone.name}))
    return redirect(url_for("access.mine"))


@pages.post("/invitations/<secret>/identity")
@allow("anybody")
def accept(secret: str) -> Any:
    """Make the account of an invitation with the proven identity in place of a password."""
    made = signon.accept(store(), secret, request.form.get("name", ""), _demanded(), now(),
                         page_language())
    return begin(made, url_for("home.start"))
