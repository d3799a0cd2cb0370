"""Commands on accounts and mail, for the person at the machine."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from matcher.cli.base import json_option, language, say, show_json
from matcher.settings import load_settings

ROLE_NAMES = ("firm", "researcher", "centre-admin", "reader", "system-admin")


@click.group()
def account() -> None:
    """Invite people, list accounts, disable them, make links."""


@account.command()
@click.argument("email")
@click.option("--role", type=click.Choice(ROLE_NAMES), required=True)
@click.option("--centre", help="Centre of a centre-admin or reader.")
@click.option("--party", help="Organisation of a firm or researcher.")
@click.option("--name", default="")
@json_option
def invite(email: str, role: str, centre: str | None, party: str | None, name: str,
           as_json: bool) -> None:
    """Make an invitation for EMAIL and print its link, good once, for 14 days."""
    from matcher import accounts
    from matcher.sessions import store_of

    settings = load_settings()
    secret = accounts.invite(store_of(settings), accounts.Invitation(email, role, centre, party,
                                                                     name), datetime.now(UTC))
    _show_link(f"/invitations/{secret}", as_json)


@account.command(name="list")
@json_option
def list_accounts(as_json: bool) -> None:
    """List all accounts."""
    from matcher import accounts
    from matcher.sessions import store_of

    rows = [{"email": a.email, "name": a.name, "role": a.role, "centre": a.centre,
             "party": a.party_id, "active": a.active, "last_seen": a.last_seen}
            for a in accounts.listed(store_of(load_settings()))]
    if as_json:
        show_json(rows)
    for row in [] if as_json else rows:
        click.echo("  ".join(str(value or "–") for value in row.values()))


@account.command()
@json_option
def invitations(as_json: bool) -> None:
    """List the invitations that nobody has accepted yet."""
    from matcher import accounts
    from matcher.sessions import store_of

    found = accounts.invitations(store_of(load_settings()), None, datetime.now(UTC))
    rows = [{"email": t.email, **t.content, "until": t.expires} for t in found]
    if as_json:
        show_json(rows)
    for row in [] if as_json else rows:
        click.echo("  ".join(str(value or "–") for value in row.values()))


@account.command()
@click.argument("email")
@json_option
def withdraw(email: str, as_json: bool) -> None:
    """End the invitation of EMAIL; its link opens nothing any more."""
    from matcher import accounts
    from matcher.sessions import store_of

    accounts.withdraw(store_of(load_settings()), None, email, datetime.now(UTC))
    if as_json:
        show_json({"email": email, "withdrawn": True})
        return
    say("The invitation of {email} was withdrawn; its link opens nothing any more.", email=email)


@account.command()
@click.argument("email")
@click.option("--enable", is_flag=True, help="Enable it again.")
@json_option
def disable(email: str, enable: bool, as_json: bool) -> None:
    """Disable the account of EMAIL; its sessions end at once."""
    from matcher import accounts
    from matcher.sessions import store_of

    store = store_of(load_settings())
    found = accounts.by_email(store, email)
    accounts.set_active(store, found.account_id, enable)
    if as_json:
        show_json({"email": found.email, "active": enable})
        return
    say("{email} is enabled." if enable else "{email} is disabled.", email=found.email)


@account.command()
@click.argument("email")
@json_option
def reset(email: str, as_json: bool) -> None:
    """Print a link with which EMAIL sets a new password, good once, for an hour."""
    from matcher import accounts
    from matcher.sessions import store_of

    store = store_of(load_settings())
    _show_link(f"/reset/{accounts.reset_link(store, email, datetime.now(UTC))}", as_json)


@account.command()
@json_option
def enter(as_json: bool) -> None:
    """Print a link that signs you in as system administrator, good once, for 12 hours."""
    from matcher import accounts
    from matcher.sessions import store_of

    _show_link(f"/enter/{accounts.entrance(store_of(load_settings()), datetime.now(UTC))}",
               as_json)


def _show_link(path: str, as_json: bool) -> None:
    from matcher.sessions import address_of

    link = address_of(load_settings()) + path
    if as_json:
        show_json({"link": link})
    else:
        click.echo(link)


@click.group()
def mail() -> None:
    """Send queued mail, or look at it."""


@mail.command()
@json_option
def send(as_json: bool) -> None:
    """Send what is due; without MATCHER_SMTP_URL it is written to HOME/outbox as .eml files."""
    from matcher.mail import deliver
    from matcher.sessions import store_of

    settings = load_settings()
    done = deliver(store_of(settings), settings, datetime.now(UTC))
    if as_json:
        show_json({"sent": done.sent, "waiting": done.waiting, "problem": done.problem})
        return
    say("{sent} sent, {waiting} wait for another try.", sent=done.sent, waiting=done.waiting)
    if done.problem:
        click.echo(done.problem, err=True)


@mail.command(name="list")
@json_option
def list_mail(as_json: bool) -> None:
    """List queued and sent mail, without its text."""
    from matcher.sessions import store_of
    from matcher.store.outbox import mails

    rows = [{"number": m.number, "recipient": m.recipient, "subject": m.subject,
             "created": m.created, "sent": m.sent, "tries": m.tries, "problem": m.problem}
            for m in mails(store_of(load_settings()))]
    if as_json:
        show_json(rows)
    for row in [] if as_json else rows:
        click.echo("  ".join(str(value or "–") for value in row.values()))
    if not rows and not as_json:
        click.echo(_nothing())


def _nothing() -> str:
    from matcher.languages import translate

    return translate("No mail was queued.", language())
