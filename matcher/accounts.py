"""Verbs of accounts: invite, accept, sign in, reset, disable.

Links carry 256 random bits and work once; a newer one takes the place of an older.
The clock is passed in.
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from matcher.access import CENTRE, OWN, PERMISSIONS, ROLES, Viewer, may
from matcher.errors import InputError, UnknownRecordError
from matcher.languages import INTERFACE_LANGUAGES
from matcher.passwords import check_password, fits, hashed, nobody, one_form, renewed
from matcher.reference import centres
from matcher.store import Store
from matcher.store.accounts import (
    Account,
    Token,
    account,
    accounts,
    add_account,
    change_account,
    count_failure,
    digest,
    drop_token,
    end_sessions,
    find_token,
    let_in,
    put_token,
    set_password,
    use_token,
    waiting_tokens,
    write_as_it_was,
)
from matcher.store.identities import identities_of
from matcher.vocabulary import Message, Party, together

FAILURES, LOCKED = 5, timedelta(minutes=15)
LIFETIMES = {"invite": timedelta(days=14), "reset": timedelta(hours=1),
             "enter": timedelta(hours=12)}
AGAIN = timedelta(minutes=5)
LONGEST_NAME = 100
WRONG = ("E-mail or password is wrong. After five wrong tries an account rests for a quarter of an "
         "hour.")
_PART = r"[^@\s\x00-\x1f<>\"',;:()\[\]\\\ud800-\udfff]"
_MAIL = re.compile(rf"{_PART}{{1,64}}@{_PART}+\.{_PART}{{2,}}")


def viewer_of(found: Account) -> Viewer:
    """Give an account as the rules of access see it."""
    return Viewer(found.account_id, found.role, found.party_id, found.centre, found.name,
                  found.lang)


def clean_email(text: str) -> str:
    """Give an e-mail address as it is compared; raise ``InputError`` where it is none."""
    found = unicodedata.normalize("NFKC", text).strip().lower()
    if len(found) > 254 or not _MAIL.fullmatch(found):
        raise InputError("“{found}” is no e-mail address.", found=text)
    return found


def listed(store: Store, centre: str | None = None) -> tuple[Account, ...]:
    """Give the accounts of a centre, or all, by e-mail."""
    return accounts(store, centre)


def has_people(store: Store) -> bool:
    """Say whether anybody can sign in, by a password or by an identity."""
    return any(found.active and (found.password or identities_of(store, found.account_id))
               for found in accounts(store))


def managed(store: Store, viewer: Viewer) -> tuple[Account, ...]:
    """Give the accounts a viewer manages: all, or those of the own centre, by e-mail."""
    return tuple(a for a in accounts(store) if may(viewer, "manage-accounts", centre=a.centre)
                 and (a.role != "system-admin" or viewer.role == "system-admin"))


def names_for(store: Store, viewer: Viewer) -> dict[str, str]:
    """Give by account the names a viewer may see: of offices, and of those the viewer manages.

    Who belongs to a party elsewhere is not named before both sides agree.
    """
    return {a.account_id: a.name for a in accounts(store) if a.role not in ("firm", "researcher")
            or may(viewer, "manage-accounts", centre=a.centre)}


def parties_for(store: Store, inviter: Viewer | None) -> tuple[Party, ...]:
    """Give the parties somebody may invite people of, by name: all, or those of the own centre."""
    return tuple(sorted((party for party in store.parties().values() if inviter is None
                         or may(inviter, "manage-accounts", centre=party.centre)),
                        key=lambda party: party.name))


def by_email(store: Store, email: str) -> Account:
    """Give the account of an e-mail; raise ``UnknownRecordError``."""
    found = account(store, email=clean_email(email))
    if found is None:
        raise UnknownRecordError("account", email)
    return found


@dataclass(frozen=True, slots=True)
class Invitation:
    """Who is invited to be what."""

    email: str
    role: str
    centre: str | None = None
    party_id: str | None = None
    name: str = ""


def invite(store: Store, invitation: Invitation, now: datetime,
           inviter: Viewer | None = None) -> str:
    """Make a link's secret for somebody new; an earlier link of that person ends.

    ``inviter`` invites to the own centre and for its parties only; None is the person at the
    machine, who invites anybody. Raises ``InputError`` naming all that is wrong: address, role,
    centre, party, or an account that is there already.
    """
    scopes = {scopes.get(invitation.role) for scopes in PERMISSIONS.values()}
    parties = {party.party_id: party for party in parties_for(store, inviter)}
    party = parties.get(invitation.party_id or "") if OWN in scopes else None
    centre = invitation.centre or (party.centre if party else None)
    if inviter is not None and inviter.role != "system-admin":
        centre = inviter.centre
    asked = Invitation(clean_email(invitation.email), invitation.role,
                       None if invitation.role == "system-admin" else centre,
                       party.party_id if party else None, clean_name(invitation.name))
    problems = [*_role_problems(asked, inviter), *_place_problems(asked, invitation, scopes)]
    if account(store, email=asked.email):
        problems.append(Message("there is an account of {email} already;", {"email": asked.email}))
    if problems:
        raise _refused(problems)
    content = asdict(asked)
    return _make_token(store, "invite", content.pop("email"), content, now)


def _role_problems(asked: Invitation, inviter: Viewer | None) -> list[Message]:
    if asked.role not in ROLES or asked.role == "anonymous":
        return [Message("there is no role “{role}”;", {"role": asked.role})]
    if asked.role == "system-admin" and inviter is not None and inviter.role != "system-admin":
        return [Message("only a system administrator invites another;")]
    return []


def _place_problems(asked: Invitation, given: Invitation, scopes: set[str | None]) -> list[Message]:
    """Say which centre or party is missing; a party of another centre is as one unknown."""
    found = []
    if (CENTRE in scopes or asked.centre) and asked.centre not in centres():
        found.append(Message("this role needs a centre, found “{centre}”;",
                             {"centre": asked.centre or ""}))
    if OWN in scopes and asked.party_id is None:
        found.append(Message("this role needs a party of the store, found “{party}”;",
                             {"party": given.party_id or ""}))
    return found


def _refused(problems: list[Message]) -> InputError:
    return InputError("The invitation cannot be made: {problems}",
                      problems=together(problems, " "))


def clean_name(text: str) -> str:
    """Give a name on one line; raise ``InputError`` where it is too long."""
    found = " ".join(unicodedata.normalize("NFC", text).split())
    if len(found) > LONGEST_NAME:
        raise InputError("A name has up to {most} characters; this has {found}.",
                         most=LONGEST_NAME, found=len(found))
    return found


def _make_token(store: Store, purpose: str, email: str, content: dict[str, str | None],
                now: datetime) -> str:
    token, secret = _new_token(purpose, email, content, now)
    put_token(store, token)
    return secret


def _new_token(purpose: str, email: str, content: dict[str, str | None], now: datetime
               ) -> tuple[Token, str]:
    secret = secrets.token_urlsafe(32)
    return Token(digest(secret), purpose, email, content, now, now + LIFETIMES[purpose]), secret


def send_nothing(store: Store) -> None:
    """Take as long as queueing the mail of a link does, where none is to be sent."""
    write_as_it_was(store)


def mail_key(purpose: str, secret: str) -> str:
    """Name the mail of a link, without a part of its secret."""
    return _mail_of(purpose, digest(secret))


def _mail_of(purpose: str, token_hash: str) -> str:
    return f"{purpose}:{token_hash[:32]}"


def invitations(store: Store, viewer: Viewer | None, now: datetime) -> tuple[Token, ...]:
    """Give the invitations nobody has accepted yet to what a viewer manages, by e-mail.

    None is the person at the machine, who sees all.
    """
    return tuple(t for t in waiting_tokens(store, "invite", now) if viewer is None or (
        may(viewer, "manage-accounts", centre=t.content["centre"])
        and (t.content["role"] != "system-admin" or viewer.role == "system-admin")))


def withdraw(store: Store, viewer: Viewer | None, email: str, now: datetime) -> None:
    """End an invitation: its link opens nothing any more, and a mail that waits is not sent.

    Raises ``UnknownRecordError`` where the viewer manages none of that e-mail.
    """
    found = next((t for t in invitations(store, viewer, now) if t.email == clean_email(email)),
                 None)
    if found is None or not drop_token(store, found, _mail_of("invite", found.token_hash)):
        raise UnknownRecordError("invitation", email)


def invited(store: Store, secret: str, now: datetime) -> Token:
    """Give the invitation of a link; raise ``InputError`` where it is used, old or none."""
    found = find_token(store, secret, "invite", now)
    if found is None:
        raise used_up()
    return found


def used_up() -> InputError:
    """Say that a link is good no more."""
    return InputError("This link is used up or too old; ask for a new one.")


def accept(store: Store, secret: str, name: str, password: str, now: datetime,
           lang: str | None = None) -> Account:
    """Make the account of an invitation; raises ``InputError`` for the link or the password."""
    found, name = invited(store, secret, now), clean_name(name)
    check_password(password, found.email, name)
    made = Account(secrets.token_hex(8), found.email, name or found.email,
                   found.content["role"], now, found.content["party_id"],
                   found.content["centre"], lang, hashed(password))
    if not add_account(store, made, found.token_hash, now):
        raise used_up()
    return made


def sign_in(store: Store, email: str, password: str, now: datetime) -> Account:
    """Give the account of an e-mail and its password.

    Raises one and the same ``InputError``, after about the same time, for an unknown e-mail, a
    wrong password, a disabled account, and one that rests after five failures: who tries learns
    neither which accounts exist nor that a guess was right.
    """
    found, dummy = account(store, email=one_form(email).strip().lower()), nobody()
    stored = found.password if found else None
    good = fits(stored or dummy, password)
    if found is None or stored is None or not good or not found.active or _rests(found, now):
        rests = found is None or _rests(found, now)
        count_failure(store, None if rests or found is None else found.account_id, FAILURES,
                      now + LOCKED)
        raise InputError(WRONG)
    kept = renewed(stored, password)
    if not let_in(store, found, now, kept):
        raise InputError(WRONG)
    return replace(found, failures=0, locked_until=None, last_seen=now, password=kept)


def _rests(found: Account, now: datetime) -> bool:
    return found.locked_until is not None and now < found.locked_until


def ask_reset(store: Store, email: str, now: datetime) -> str | None:
    """Make a reset link's secret for somebody who asks on the page.

    None for an unknown e-mail, which nobody is to be told, so that as much is written for it, and
    for one who asked less than five minutes ago, so that nobody's box is filled.
    """
    found = account(store, email=one_form(email).strip().lower())
    if found is not None and found.active:
        token, secret = _new_token("reset", found.email, {}, now)
        if put_token(store, token, since=now - AGAIN):
            return secret
    write_as_it_was(store)
    return None


def reset_link(store: Store, email: str, now: datetime) -> str:
    """Make a reset link's secret for the person at the machine.

    Raises ``UnknownRecordError``, and ``InputError`` for a disabled account.
    """
    found = by_email(store, email)
    if not found.active:
        raise InputError("The account of {email} is disabled; enable it first.", email=found.email)
    return _make_token(store, "reset", found.email, {}, now)


def reset(store: Store, secret: str, password: str, now: datetime) -> Account:
    """Set a new password by a link and end all sessions of the account."""
    found = find_token(store, secret, "reset", now)
    owner = found and account(store, email=found.email)
    if not owner:
        raise used_up()
    check_password(password, owner.email, owner.name)
    if use_token(store, secret, "reset", now) is None:
        raise used_up()
    set_password(store, owner, hashed(password))
    return owner


def change_password(store: Store, account_id: str, old: str, new: str, now: datetime) -> Account:
    """Set a new password by the old one, if there is any, and end all sessions of the account.

    Wrong tries count as those of signing in do: a session left open is no place for guessing.
    """
    owner = account(store, account_id=account_id)
    if owner is None or (owner.password and (_rests(owner, now)
                                             or not fits(owner.password, old))):
        if owner is not None and not _rests(owner, now):
            count_failure(store, owner.account_id, FAILURES, now + LOCKED)
        raise InputError("The present password is wrong. After five wrong tries an account rests "
                         "for a quarter of an hour.")
    check_password(new, owner.email, owner.name)
    set_password(store, owner, hashed(new))
    return owner


def change_profile(store: Store, account_id: str, name: str, lang: str | None) -> None:
    """Set the own name and language; raise ``InputError`` for a bad one."""
    named = clean_name(name)
    if not named:
        raise InputError("Write a name.")
    if lang not in (None, *INTERFACE_LANGUAGES):
        raise InputError("“{lang}” is no language of the pages; wanted: {wanted}", lang=lang,
                         wanted=", ".join(INTERFACE_LANGUAGES))
    change_account(store, account_id, name=named, lang=lang)


def set_active(store: Store, account_id: str, active: bool) -> Account:
    """Disable an account, ending its sessions at once, or enable it; raise ``InputError``."""
    if not change_account(store, account_id, active=active):
        raise InputError("There is no such account.")
    if not active:
        end_sessions(store, account_id=account_id)
    found = account(store, account_id=account_id)
    assert found is not None
    return found


def entrance(store: Store, now: datetime, centre: str | None = None) -> str:
    """Make the secret of a link that signs in the first system administrator, once.

    The account has no password until one is set; the link is for the person at the machine.
    """
    email = "admin@localhost.local"
    add_account(store, Account("admin", email, "admin", "system-admin", now, None, centre))
    return _make_token(store, "enter", email, {}, now)


def enter(store: Store, secret: str, now: datetime) -> Account:
    """Give the account of an entrance link; raise ``InputError`` where it is used or old."""
    found = use_token(store, secret, "enter", now)
    owner = found and account(store, email=found.email)
    if not owner or not owner.active:
        raise used_up()
    return owner
