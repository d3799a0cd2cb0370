"""The office's review of drafts, and everybody's own data."""

from __future__ import annotations

from typing import Any

from flask import (
    Blueprint,
    Response,
    g,
    jsonify,
    redirect,
    render_template,
    request,
    session,
    url_for,
)

from matcher import mail, profiles, sessions, shows
from matcher.languages import render
from matcher.profiles import Review
from matcher.vocabulary import Message
from web.access import allow, link, now, settings
from web.lists import workspace
from web.profiles import choices_of, version_of
from web.shell import notice, page_language

pages = Blueprint("reviews", __name__)


@pages.get("/review")
@allow("review-drafts")
def waiting() -> str:
    """List what waits for the viewer's office, the oldest first."""
    found = profiles.drafts_to_review(workspace().store, g.viewer)
    return render_template("review.html", drafts=found, parties=workspace().store.parties())


@pages.get("/review/<draft_id>")
@allow("review-drafts")
def show(draft_id: str) -> str:
    """Show a draft with everything the office may see."""
    store, lang = workspace().store, page_language()
    found = profiles.show_draft(store, g.viewer, draft_id)
    fields = [(f.label[lang], _said(f.choices, found.content[f.key])) for f in profiles.form_fields(
        found.side, found.content.get("kind")) if found.content.get(f.key)]
    return render_template(
        "review_one.html", found=found, fields=fields,
        party=store.parties().get(found.party_id or ""),
        reasons={key: names[lang] for key, names in profiles.RETURN_REASONS.items()},
        warnings=[render(m, lang) for m in profiles.warnings(store, found)])


def _said(choices: str | None, value: Any) -> str:
    """Give a field's content in words, what was chosen by its names."""
    names = dict(choices_of(choices, page_language())) if choices else {}
    chosen = value if isinstance(value, list) else [value]
    return "、".join(str(names.get(v) or v) for v in chosen)


@pages.post("/review/<draft_id>")
@allow("review-drafts")
def decide(draft_id: str) -> Any:
    """Publish a draft, or return it with reasons."""
    form = request.form
    decided = Review(form.get("decision", ""), tuple(form.getlist("code")), form.get("text", ""))
    found = profiles.review(workspace().store, g.viewer, draft_id, decided,
                            version_of(form.get("version", "")), now())
    _tell_writer(found, decided.decision)
    notice(Message("Published.") if decided.decision == "accept" else Message("Returned."))
    return redirect(url_for("reviews.waiting"))


def _tell_writer(found: Any, decision: str) -> None:
    """Queue a mail about what the office decided; it names the draft, and says nothing of it."""
    writer = sessions.account_of(settings(), found.account_id)
    if writer is not None:
        subject = (Message("Your record was published") if decision == "accept"
                   else Message("Your draft was returned with reasons"))
        body = Message("See it here: {address}", {"address": link("profiles.mine")})
        mail.queue(workspace().store, f"review:{found.draft_id}:{found.version}", writer.email,
                   subject, body, writer.lang or page_language(), now())


@pages.get("/account/data.json")
@allow("see-own")
def data_json() -> Response:
    """Give everything kept about the viewer as JSON."""
    answer = jsonify(profiles.export_my_data(workspace().store, g.viewer))
    answer.headers["Content-Disposition"] = "attachment; filename=my-data.json"
    return answer


@pages.get("/account/data.csv")
@allow("see-own")
def data_csv() -> Response:
    """Give the same as CSV for Excel."""
    rows = profiles.flat_rows(profiles.export_my_data(workspace().store, g.viewer))
    return Response(shows.to_csv(rows, profiles.FLAT), mimetype="text/csv",
                    headers={"Content-Disposition": "attachment; filename=my-data.csv"})


@pages.post("/account/delete")
@allow("see-own")
def delete() -> Any:
    """Delete the viewer's account and all that is its own, when the box is ticked."""
    if request.form.get("sure") != "yes":
        notice(Message("Tick the box to delete your account; nothing was deleted."), "error")
        return redirect(url_for("access.mine"))
    profiles.delete_my_data(workspace().store, g.viewer, now())
    session.clear()
    return redirect(url_for("home.start"))
