"""Verbs of accounts: invite, accept, sign in, reset, disable; and what makes a password good.

Passwords are hashed by argon2id with the library's parameters (RFC 9106) and hashed again when
these change. Links carry 256 random bits and work once. The clock is passed in.
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from matcher.access import CENTRE, OWN, PERMISSIONS, ROLES, Viewer
from matcher.errors import InputError, UnknownRecordError
from matcher.reference import centres
from matcher.store import Store
from matcher.store.accounts import (
    Account,
    Token,
    account,
    accounts,
    digest,
    end_sessions,
    find_token,
    put_account,
    put_token,
    use_token,
)
from matcher.vocabulary import Message

SHORTEST, LONGEST = 12, 128
FAILURES, LOCKED = 5, timedelta(minutes=15)
LIFETIMES = {"invite": timedelta(days=14), "reset": timedelta(hours=1),
             "enter": timedelta(hours=12)}
COMMON = ("password", "passw0rd", "qwerty", "asdfgh", "zxcvbn", "letmein", "welcome", "admin",
          "iloveyou", "abc123", "111111", "123456", "654321", "000000", "888888", "taiwan")
_PART = r"[^@\s\x00-\x1f<>\"',;]"
_MAIL = re.compile(rf"{_PART}{{1,64}}@{_PART}+\.{_PART}{{2,}}")


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@cache
def _nobody() -> str:
    """A hash of nothing anybody knows: unknown accounts cost as much time as known ones."""
    return _hasher().hash(secrets.token_hex(16))


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
    """Say whether anybody can sign in."""
    return any(found.password and found.active for found in accounts(store))


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


def invite(store: Store, invitation: Invitation, now: datetime) -> str:
    """Make a link's secret for somebody new; an earlier link goes on working until it expires.

    Raises ``InputError`` naming all that is wrong: address, role, centre, party, or an account
    that is there already.
    """
    email = clean_email(invitation.email)
    problems = _problems(store, replace(invitation, email=email))
    if problems:
        named = {f"problem{i}": problem for i, problem in enumerate(problems)}
        raise InputError("The invitation cannot be made: {problems}", problems=Message(
            " ".join(f"{{{name}}}" for name in named), named))
    return _make_token(store, "invite", email, {
        "role": invitation.role, "centre": invitation.centre, "party_id": invitation.party_id,
        "name": invitation.name}, now)


def _problems(store: Store, invitation: Invitation) -> list[Message]:
    scopes = {scopes.get(invitation.role) for scopes in PERMISSIONS.values()}
    found = []
    if invitation.role not in ROLES or invitation.role == "anonymous":
        found.append(Message("there is no role “{role}”;", {"role": invitation.role}))
    if CENTRE in scopes and invitation.centre not in centres():
        found.append(Message("this role needs a centre, found “{centre}”;",
                             {"centre": invitation.centre or ""}))
    if OWN in scopes and invitation.party_id not in store.parties():
        found.append(Message("this role needs a party of the store, found “{party}”;",
                             {"party": invitation.party_id or ""}))
    if account(store, email=invitation.email):
        found.append(Message("there is an account of {email} already;",
                             {"email": invitation.email}))
    return found


def _make_token(store: Store, purpose: str, email: str, content: dict[str, str | None],
                now: datetime) -> str:
    secret = secrets.token_urlsafe(32)
    put_token(store, Token(digest(secret), purpose, email, content, now,
                           now + LIFETIMES[purpose]))
    return secret


def invited(store: Store, secret: str, now: datetime) -> Token:
    """Give the invitation of a link; raise ``InputError`` where it is used, old or none."""
    found = find_token(store, secret, "invite", now)
    if found is None:
        raise _used_up()
    return found


def _used_up() -> InputError:
    return InputError("This link is used up or too old; ask for a new one.")


def accept(store: Store, secret: str, name: str, password: str, now: datetime,
           lang: str | None = None) -> Account:
    """Make the account of an invitation; raises ``InputError`` for the link or the password."""
    found = invited(store, secret, now)
    check_password(password, found.email, name)
    if use_token(store, secret, "invite", now) is None or account(store, email=found.email):
        raise _used_up()
    made = Account(secrets.token_hex(8), found.email, name.strip() or found.email,
                   found.content["role"], now, found.content["party_id"],
                   found.content["centre"], lang, _hasher().hash(password))
    put_account(store, made)
    return made


def check_password(password: str, *personal: str) -> None:
    """Refuse a password that is too short, too long, common, or made of one's own name.

    Raises ``InputError``; ``personal`` are e-mail and name.
    """
    plain = unicodedata.normalize("NFKC", password).casefold()
    parts = {part for text in personal for part in re.split(r"[\W_]+", text.casefold())
             if len(part) >= 4}
    core = plain
    for word in (*COMMON, *parts):
        core = core.replace(word, "")
    if not SHORTEST <= len(password) <= LONGEST:
        raise InputError("A password has {least} to {most} characters; this has {found}.",
                         least=SHORTEST, most=LONGEST, found=len(password))
    if len(core) < SHORTEST // 2 or len(set(plain)) < 5:
        raise InputError("This password is easy to guess: choose other words than common ones or "
                         "your own name.")


def sign_in(store: Store, email: str, password: str, now: datetime) -> Account:
    """Give the account of an e-mail and its password.

    Raises one and the same ``InputError`` for an unknown e-mail, a wrong password and a disabled
    account, after about the same time; after five failures another for a quarter of an hour.
    """
    found = account(store, email=unicodedata.normalize("NFKC", email).strip().lower())
    locked = found is not None and found.locked_until is not None and now < found.locked_until
    good = _verify(found.password if found and found.password else _nobody(), password)
    if locked:
        raise InputError("Too many wrong passwords; try again in a quarter of an hour.")
    if found is None or not good or not found.active or found.password is None:
        if found is not None:
            _count_failure(store, found, now)
        raise InputError("E-mail or password is wrong.")
    again = _hasher().check_needs_rehash(found.password)
    known = replace(found, failures=0, locked_until=None, last_seen=now,
                    password=_hasher().hash(password) if again else found.password)
    put_account(store, known)
    return known


def _verify(stored: str, password: str) -> bool:
    try:
        return _hasher().verify(stored, password[: LONGEST * 4])
    except (VerifyMismatchError, InvalidHashError):
        return False


def _count_failure(store: Store, found: Account, now: datetime) -> None:
    failures = found.failures + 1
    locked = failures >= FAILURES
    put_account(store, replace(found, failures=0 if locked else failures,
                               locked_until=now + LOCKED if locked else found.locked_until))


def ask_reset(store: Store, email: str, now: datetime) -> str | None:
    """Make a reset link's secret; None for an unknown e-mail, which nobody is to be told."""
    found = account(store, email=unicodedata.normalize("NFKC", email).strip().lower())
    if found is None or not found.active:
        return None
    return _make_token(store, "reset", found.email, {}, now)


def reset(store: Store, secret: str, password: str, now: datetime) -> Account:
    """Set a new password by a link and end all sessions of the account."""
    found = find_token(store, secret, "reset", now)
    owner = found and account(store, email=found.email)
    if not owner:
        raise _used_up()
    check_password(password, owner.email, owner.name)
    if use_token(store, secret, "reset", now) is None:
        raise _used_up()
    return _set_password(store, owner, password)


def change_password(store: Store, account_id: str, old: str, new: str) -> Account:
    """Set a new password by the old one, if there is any, and end all sessions of the account."""
    owner = account(store, account_id=account_id)
    if owner is None or (owner.password and not _verify(owner.password, old)):
        raise InputError("The present password is wrong.")
    check_password(new, owner.email, owner.name)
    return _set_password(store, owner, new)


def _set_password(store: Store, owner: Account, password: str) -> Account:
    changed = replace(owner, password=_hasher().hash(password), failures=0, locked_until=None)
    put_account(store, changed)
    end_sessions(store, account_id=owner.account_id)
    return changed


def set_active(store: Store, account_id: str, active: bool) -> Account:
    """Disable an account, ending its sessions at once, or enable it; raise ``InputError``."""
    owner = account(store, account_id=account_id)
    if owner is None:
        raise InputError("There is no such account.")
    put_account(store, replace(owner, active=active))
    if not active:
        end_sessions(store, account_id=account_id)
    return replace(owner, active=active)


def entrance(store: Store, now: datetime, centre: str | None = None) -> str:
    """Make the secret of a link that signs in the first system administrator, once.

    The account has no password until one is set; the link is for the person at the machine.
    """
    email = "admin@localhost.local"
    if account(store, email=email) is None:
        put_account(store, Account("admin", email, "admin", "system-admin", now, None, centre))
    return _make_token(store, "enter", email, {}, now)


def enter(store: Store, secret: str, now: datetime) -> Account:
    """Give the account of an entrance link; raise ``InputError`` where it is used or old."""
    found = use_token(store, secret, "enter", now)
    owner = found and account(store, email=found.email)
    if not owner or not owner.active:
        raise _used_up()
    return owner
