"""Verbs of identities: sign in by one, link it with an account, unlink it, accept by it."""

from __future__ import annotations

import secrets
from datetime import datetime

from matcher.accounts import clean_name, invited, used_up
from matcher.errors import InputError, UnknownRecordError
from matcher.signon.exchange import Proof, is_fresh
from matcher.store import Store
from matcher.store import identities as rows
from matcher.store.accounts import Account, account, add_account
from matcher.store.audit import AuditLine
from matcher.store.identities import Identity

__all__ = ["accept", "identities_of", "is_kept", "link", "sign_in", "unlink"]


def sign_in(store: Store, proof: Proof, now: datetime) -> Account:
    """Give the account that linked an identity, else the one of its verified e-mail.

    Raises ``InputError`` where there is none, or it is disabled.
    """
    owner = rows.owner(store, proof.issuer, proof.subject)
    found = account(store, account_id=owner) if owner else _of_email(store, proof)
    if found is None:
        raise _unknown(proof)
    line = _line(now, found.account_id, "sign-on", proof.issuer)
    if not rows.let_in(store, found.account_id, now, line):
        raise InputError("This account is disabled. Ask the office of your centre.")
    return found


def _of_email(store: Store, proof: Proof) -> Account | None:
    """Find the account of a verified e-mail.

    Only plain letters are made small: a look-alike one, e.g. the Kelvin sign, is another address.
    """
    if not proof.is_verified or not proof.email:
        return None
    email = proof.email.lower() if proof.email.isascii() else proof.email
    return account(store, email=email)


def _unknown(proof: Proof) -> InputError:
    if not proof.email:
        return InputError("This identity at {name} is not linked with an account. Sign in with "
                          "your password, then link it under My account.", name=proof.name)
    if not proof.is_verified:
        return InputError("{name} does not confirm that {email} is yours. Sign in with your "
                          "password, then link it under My account.", name=proof.name,
                          email=proof.email)
    return InputError("There is no account of {email}. Accounts are made by invitation; ask the "
                      "office of your centre.", email=proof.email)


def is_kept(proof: Proof, now: datetime) -> bool:
    """Say whether a proof may still be linked: it is good for ten minutes."""
    return is_fresh(proof.time, now)


def link(store: Store, account_id: str, proof: Proof, now: datetime) -> None:
    """Link an identity with an account; raise ``InputError`` where it belongs to another."""
    made = Identity(proof.issuer, proof.subject, account_id, proof.name, now)
    if not rows.put_identity(store, made, _line(now, account_id, "link", proof.issuer)):
        raise _taken(proof)


def _taken(proof: Proof) -> InputError:
    return InputError("This identity at {name} is linked with an account already.",
                      name=proof.name)


def identities_of(store: Store, account_id: str) -> tuple[Identity, ...]:
    """Give the identities of an account, the first linked first."""
    return rows.identities_of(store, account_id)


def unlink(store: Store, account_id: str, issuer: str, subject: str, now: datetime) -> Identity:
    """Unlink an identity of an account.

    Raises ``UnknownRecordError`` where it has no such one, and ``InputError`` where the account
    has no password and no other identity: nobody is to lock themselves out.
    """
    mine, owner = identities_of(store, account_id), account(store, account_id=account_id)
    found = next((i for i in mine if (i.issuer, i.subject) == (issuer, subject)), None)
    if found is None or owner is None:
        raise UnknownRecordError("identity", subject)
    if owner.password is None and len(mine) == 1:
        raise InputError("Set a password first: without it and this identity you could not sign "
                         "in any more.")
    rows.remove_identity(store, found, _line(now, account_id, "unlink", issuer))
    return found


def accept(store: Store, secret: str, name: str, proof: Proof, now: datetime,
           lang: str | None = None) -> Account:
    """Make the account of an invitation, linked with an identity in place of a password.

    Raises ``InputError`` for a used link, a bad name, or an identity of another account.
    """
    found, name = invited(store, secret, now), clean_name(name)
    made = Account(secrets.token_hex(8), found.email, name or found.email, found.content["role"],
                   now, found.content["party_id"], found.content["centre"], lang)
    identity = Identity(proof.issuer, proof.subject, made.account_id, proof.name, now)
    line = _line(now, made.account_id, "link", proof.issuer)
    if rows.owner(store, proof.issuer, proof.subject):
        raise _taken(proof)
    if not add_account(store, made, found.token_hash, now, (identity, line)):
        raise used_up()
    return made


def _line(now: datetime, account_id: str, act: str, issuer: str) -> AuditLine:
    return AuditLine(now, account_id, act, "account", account_id, after={"issuer": issuer})
