"""Firms' and researchers' pages: records and drafts, the form with its coach, works, matches."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for

from matcher import profiles, workflow
from matcher.advice import found_by
from matcher.coach import GRADES, POINTS, advise
from matcher.decisions import REASON_NAMES
from matcher.errors import InputError, MatcherError, UnknownRecordError
from matcher.intake.convert import LONGEST_TEXT
from matcher.intake.works import Proposal, read_works
from matcher.languages import render
from matcher.profiles import DraftConflictError
from matcher.reference import centres, counties, terms
from matcher.vocabulary import Message, Need, Offer
from web.access import allow, now
from web.lists import offer_facts, workspace
from web.shell import notice, page_language

pages = Blueprint("profiles", __name__)
FOUND_BY = 5


@pages.get("/mine")
@allow("see-own")
def mine() -> str:
    """List the viewer's published records and drafts."""
    store, day = _store(), workflow.today()
    drafts = [d for d in profiles.my_drafts(store, g.viewer) if d.status != "published"]
    return render_template("mine.html", records=profiles.my_records(store, g.viewer, day),
                           drafts=[(d, _returned(d)) for d in drafts],
                           states=_names(profiles.STATES), sides=_sides(), day=day)


@pages.get("/drafts/new/<any(need, offer):side>")
@allow("see-own")
def new(side: str) -> str:
    """Show an empty form; it is stored once something is written into it."""
    return _form(profiles.new_draft_id(), side, {"kind": "capability"} if side == "offer" else {},
                 0)


@pages.get("/drafts/<draft_id>")
@allow("see-own")
def draft(draft_id: str) -> str:
    """Show the form of a draft."""
    found = profiles.show_draft(_store(), g.viewer, draft_id)
    return _form(draft_id, found.side, found.content, found.version, found)


@pages.post("/drafts/<draft_id>")
@allow("see-own")
def save(draft_id: str) -> Any:
    """Keep what the form holds, as the page does by itself while somebody writes."""
    content = profiles.read_form({key: request.form.getlist(key) for key in request.form})
    try:
        profiles.save_draft(_store(), g.viewer, draft_id, content, _version(), now(),
                            side=request.form.get("side"))
    except DraftConflictError as problem:
        return render_template("conflict.html", stored=problem.stored, yours=problem.yours,
                               fields=problem.fields, labels=_labels(problem.fields),
                               posted=_posted(), plain=_plain), 409
    if request.form.get("what") == "works":
        return redirect(url_for("profiles.works", draft_id=draft_id))
    return redirect(url_for("profiles.draft", draft_id=draft_id))


@pages.post("/drafts/<draft_id>/submit")
@allow("see-own")
def submit(draft_id: str) -> Any:
    """Hand a draft in for review, with the consent to its publication."""
    store = _store()
    found = profiles.show_draft(store, g.viewer, draft_id)
    try:
        if not request.form.get("consent"):
            raise InputError("Read the notice on personal data and tick that you agree.")
        if found.version == _version() and not _wrong(found.side, found.content, fatal=True):
            profiles.give_consent(store, g.viewer, draft_id, request.form["consent"], now(),
                                  page_language(), request.remote_addr)
        profiles.submit(store, g.viewer, draft_id, _version(), now())
    except UnknownRecordError:
        raise
    except InputError as problem:
        return _form(draft_id, found.side, found.content, found.version, found,
                     render(problem.message, page_language())), 422
    notice(Message("Submitted. Your centre's office reviews it."),
           undo=url_for("profiles.withdraw", draft_id=draft_id))
    return redirect(url_for("profiles.mine"))


@pages.post("/drafts/<draft_id>/withdraw")
@allow("see-own")
def withdraw(draft_id: str) -> Any:
    """Take a draft out of review, or put it aside; what was published meanwhile stays."""
    profiles.put_aside(_store(), g.viewer, draft_id, now())
    notice(Message("Taken back."))
    return redirect(url_for("profiles.mine"))


@pages.get("/drafts/<draft_id>/works")
@allow("see-own")
def works(draft_id: str) -> str:
    """Ask for a file that lists works."""
    found = profiles.show_draft(_store(), g.viewer, draft_id)
    return render_template("works.html", draft=found, found=None, problem=None)


@pages.post("/drafts/<draft_id>/works")
@allow("see-own")
def read(draft_id: str) -> Any:
    """Show the works of a file as proposals; nothing is stored."""
    found, file = profiles.show_draft(_store(), g.viewer, draft_id), request.files.get("file")
    try:
        listed = read_works(file.read() if file else b"", file.filename or "" if file else "")
    except MatcherError as problem:
        return render_template("works.html", draft=found, found=None,
                               problem=render(problem.message, page_language())), 422
    errors = [(e.row, render(e.wanted, page_language())) for e in listed.errors]
    return render_template("works.html", draft=found, found=listed, errors=errors, problem=None,
                           packed=[json.dumps(asdict(p), ensure_ascii=False)
                                   for p in listed.proposals])


@pages.post("/drafts/<draft_id>/works/confirm")
@allow("see-own")
def confirm(draft_id: str) -> Any:
    """Put the ticked works into the draft's evidence."""
    store = _store()
    found = profiles.show_draft(store, g.viewer, draft_id)
    chosen = [_proposal(text) for text in request.form.getlist("work")]
    content = profiles.with_works(found.content, chosen)
    profiles.save_draft(store, g.viewer, draft_id, content, found.version, now())
    notice(Message("{count} works added.", {"count": len(chosen)}))
    return redirect(url_for("profiles.draft", draft_id=draft_id))


@pages.post("/records/<any(need, offer):side>/<record_id>/<any(edit, renew, close, remove):act>")
@allow("see-own")
def change(side: str, record_id: str, act: str) -> Any:
    """Open a draft of a published record, let it stay longer, end it, or remove it."""
    store, day = _store(), workflow.today()
    if act == "edit":
        found = profiles.revise(store, g.viewer, side, record_id, now())
        return redirect(url_for("profiles.draft", draft_id=found.draft_id))
    if act == "remove":
        profiles.withdraw_consent(store, g.viewer, side, record_id, now())
    else:
        (profiles.renew if act == "renew" else profiles.close)(store, g.viewer, side, record_id,
                                                               day, now())
    notice(CHANGED[act])
    return redirect(url_for("profiles.mine"))


CHANGED = {"renew": Message("Renewed."), "close": Message("Closed; it is in no list any more."),
           "remove": Message("Removed, with its evidence and your consent to its publication.")}


@pages.get("/matches")
@allow("see-own")
def matches() -> str:
    """Show a firm its lists and a group the needs released to it."""
    found = profiles.my_matches(_store(), g.viewer, workflow.today())
    lang = page_language()
    return render_template("matches.html", found=found, states=_names(profiles.PAIR_STATES),
                           reasons={key: names[lang] for key, names in REASON_NAMES.items()},
                           is_firm=g.viewer.role == "firm",
                           consents={key: profiles.consent_text(key).points
                                     for key in ("release", "agree")})


@pages.post("/matches/<need_id>/<offer_id>/<any(release, agree, decline, back, disagree):act>")
@allow("see-own")
def answer(need_id: str, offer_id: str, act: str) -> Any:
    """Release, agree, decline with a reason, or take a yes back."""
    store, address = _store(), request.remote_addr
    undo = None
    if act == "release":
        profiles.release(store, g.viewer, need_id, offer_id, now(), address)
    elif act == "agree":
        profiles.agree(store, g.viewer, need_id, offer_id, now(), address)
    elif act == "decline":
        profiles.decline(store, g.viewer, need_id, offer_id, request.form.get("reason", ""), now())
    else:
        (profiles.disagree if act == "disagree" else profiles.take_back)(
            store, g.viewer, need_id, offer_id, now())
    if act in UNDONE_BY:
        undo = url_for("profiles.answer", need_id=need_id, offer_id=offer_id, act=UNDONE_BY[act])
    notice(ANSWERS[act], undo=undo)
    return redirect(url_for("profiles.matches"))


ANSWERS = {"release": Message("Released: the group sees the need now."),
           "agree": Message("Agreed. When both sides have agreed you see each other's contact."),
           "decline": Message("Declined; the ranking learns from the reason."),
           "back": Message("Taken back."), "disagree": Message("Taken back.")}
UNDONE_BY = {"release": "back", "agree": "disagree"}


def _store() -> Any:
    return workspace().store


def _posted() -> list[tuple[str, str]]:
    """Give what was sent, to be sent again over the version that stands now."""
    return [(key, value) for key in request.form for value in request.form.getlist(key)
            if key not in ("version", "csrf_token")]


def _plain(value: Any) -> str:
    """Give a field's content as text for comparison."""
    if isinstance(value, dict):
        return "；".join(str(v) for v in value.values() if v)
    return "；".join(map(_plain, value)) if isinstance(value, list) else str(value)


def version_of(text: str) -> int:
    """Read a form's version; -1, which nothing has, where it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1


def _version() -> int:
    return version_of(request.form.get("version", ""))


def _proposal(text: str) -> Proposal:
    try:
        row = json.loads(text)
        found = Proposal(**{**row, "authors": tuple(row["authors"])})
        texts = (found.title, found.text, found.kind, found.venue, found.source, found.doi or "",
                 found.lang or "", *found.authors)
        "\n".join(texts).encode()  # fails for what is no text, and for half a character
        if isinstance(found.year, int | None):
            return found
    except (ValueError, TypeError, KeyError, RecursionError):
        pass
    raise InputError("A work came back damaged; read the file again.")


def _form(draft_id: str, side: str, content: Any, version: int, found: Any = None,
          problem: str | None = None) -> str:
    """Render the form with its problems, the coach's advice and, for a need, who would be found."""
    lang, day = page_language(), workflow.today()
    filled = profiles.fill(side, content, "–", g.viewer.party_id, day)
    title, text = (str(content.get(k) or "")[:LONGEST_TEXT] for k in ("title", "description"))
    record = filled.record or (Need if side == "need" else Offer)("–", title, text)
    advice = advise(record, filled.evidence)
    wrong = _wrong(side, content) if version else []
    return render_template(
        "draft.html", draft_id=draft_id, side=side, content=content, version=version, found=found,
        fields=[_field(f, lang) for f in profiles.form_fields(side, content.get("kind"))],
        problem=problem, wrong=wrong, advice=advice, points=POINTS, sides=_sides(),
        grade=next(names[lang] for _, key, names in GRADES if key == advice.grade),
        missing=[render(m, lang) for m in advice.missing], consent=profiles.consent_text("publish"),
        consent_points=profiles.POINTS, audiences=_names(profiles.AUDIENCES),
        warnings=[render(m, lang) for m in profiles.warnings(_store(), found)] if found else [],
        near=_found_by(record), returned=_returned(found))


def _wrong(side: str, content: Any, fatal: bool = False) -> list[tuple[str, str]]:
    """Give what is wrong with a form, each with its field's label; ``fatal``: errors only."""
    filled = profiles.fill(side, content, "–", g.viewer.party_id, workflow.today())
    return [(profiles.label_of(p.column)[page_language()], render(p.wanted, page_language()))
            for p in filled.problems if p.fatal or not fatal]


def _found_by(record: Need | Offer) -> list[dict[str, Any]]:
    """Give the offers a need would find as it stands; needs are hidden until they are released."""
    if not isinstance(record, Need) or len(record.text) < 10:
        return []
    found = found_by(workspace(), record, g.viewer.centre, FOUND_BY, workflow.today())
    offers = {o.offer_id: o for o in workspace().pool().offers}
    return [{"title": offer_facts(offers[m.offer_id])["title"], "lang": offers[m.offer_id].lang,
             "score": m.score} for m in found]


def _field(field: Any, lang: str) -> dict[str, Any]:
    return {"key": field.key, "input": field.input, "label": field.label[lang],
            "help": field.help[lang], "limit": field.limit, "required": field.required,
            "audience": field.audience, "least": field.least,
            "choices": choices_of(field.choices, lang) if field.choices else []}


def choices_of(name: str, lang: str) -> list[tuple[str, str]]:
    """Give what a field chooses from, as (key, name) pairs."""
    if name == "centres":
        return [(code, c.name[lang]) for code, c in centres().items()]
    if name == "counties":
        return [(county, c.name[lang]) for county, c in counties().items()]
    if name == "reaches":
        return [(key, names[lang]) for key, names in profiles.REACH_NAMES.items()]
    return [(key, term.name[lang]) for key, term in terms(name).items()]


def _returned(found: Any) -> list[str]:
    """Give the office's reasons and words, where it returned a draft."""
    if found is None or found.status != "returned":
        return []
    said = profiles.reasons_of(found)
    names = [profiles.RETURN_REASONS[code][page_language()] for code in said.codes]
    return [text for text in ("、".join(names), said.text) if text]


def _labels(columns: Iterable[str]) -> dict[str, str]:
    return {column: profiles.label_of(column)[page_language()] for column in columns}


def _names(table: Any) -> dict[str, str]:
    return {key: names[page_language()] for key, names in table.items()}


def _sides() -> dict[str, str]:
    return _names(profiles.SIDES)
