"""Passwords: what makes one good, and how one is kept.

Kept as argon2id hashes with the library's parameters (RFC 9106), hashed again when these change.
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from matcher.errors import InputError

SHORTEST, LONGEST = 12, 128
# What guesses begin with: words, and walks over the keyboard, the alphabet and the digits.
WORDS = (
    "password", "passwort", "passphrase", "passwd", "secret", "letmein", "welcome", "administrator",
    "admin", "manager", "iloveyou", "changeme", "default", "monkey", "dragon", "football",
    "baseball", "basketball", "superman", "batman", "master", "princess", "sunshine", "shadow",
    "michael", "charlie", "jordan", "hello", "freedom", "whatever", "trustno1", "starwars",
    "computer", "internet", "login", "guest", "summer", "winter", "spring", "autumn", "taiwan",
    "taipei", "matcher", "woaini", "5201314", "1314520", "密碼", "我愛你", "台灣",
)
_ROWS = ("abcdefghijklmnopqrstuvwxyz", "01234567890123456789", "qwertyuiop", "asdfghjkl", "zxcvbnm",
         "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p", "qazwsxedcrfvtgbyhnujmikolp",
         "1q2w3e4r5t6y7u8i9o0p", "q1w2e3r4t5y6u7i8o9p0", "zaq12wsxcde34rfvbgt56yhnmju7",
         "a1b2c3d4e5f6g7h8i9j0", "!@#$%^&*()")
WALKS = tuple(way for row in _ROWS for way in (row, row[::-1]))
SHORTEST_WALK = 4
_LEET = str.maketrans("@013$5!7", "aoiessit")


def check_password(password: str, email: str, name: str) -> None:
    """Refuse a password that is too short, too long, common, or holds one's e-mail or name.

    Common means that six characters or fewer are left without words and walks that guesses begin
    with, or that it has fewer than five different ones. Raises ``InputError``.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise InputError("A password has {least} to {most} characters; this has {found}.",
                         least=SHORTEST, most=LONGEST, found=len(password))
    plain = one_form(password).casefold()
    own = _words_of(email.partition("@")[0], name)
    rest = min(len(_rest(form, _words_of(email))) for form in (plain, plain.translate(_LEET)))
    if rest <= SHORTEST // 2 or len(set(plain)) < 5 or any(word in plain for word in own):
        raise InputError("This password is easy to guess: choose other words than common ones, "
                         "your e-mail or your name.")


def one_form(text: str) -> str:
    """Give a text in one form (NFKC), whatever keyboard and system it was typed on."""
    return unicodedata.normalize("NFKC", text)


def _words_of(*personal: str) -> tuple[str, ...]:
    """Give the words of e-mail and name, longest first; a Chinese name counts from two on."""
    parts = {part for text in personal for part in re.split(r"[\W_]+", one_form(text).casefold())}
    return tuple(sorted((p for p in parts if len(p) >= (4 if p.isascii() else 2)),
                        key=lambda part: (-len(part), part)))


def _rest(text: str, own: tuple[str, ...]) -> str:
    """Give what is left of a text without own and common words, and without walks."""
    for word in (*own, *WORDS):
        text = text.replace(word, "")
    kept, at = [], 0
    while at < len(text):
        step = _walk(text, at)
        kept.append("" if step else text[at])
        at += step or 1
    return "".join(kept)


def _walk(text: str, at: int) -> int:
    """Give how long a walk begins here; 0 where it is none."""
    end = at + SHORTEST_WALK
    if end > len(text) or not any(text[at:end] in walk for walk in WALKS):
        return 0
    while end < len(text) and any(text[at:end + 1] in walk for walk in WALKS):
        end += 1
    return end - at


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@cache
def nobody() -> str:
    """Give the hash of what nobody knows: unknown accounts take as much time as known ones."""
    return hashed(secrets.token_hex(16))


def hashed(password: str) -> str:
    """Give what is kept of a password."""
    return _hasher().hash(one_form(password))


def fits(kept: str, password: str) -> bool:
    """Say whether a password is the one of a hash."""
    try:
        return _hasher().verify(kept, one_form(password[: LONGEST * 4]))
    except (VerifyMismatchError, InvalidHashError, UnicodeEncodeError):
        return False


def renewed(kept: str, password: str) -> str:
    """Give the hash to keep from now on: the same, or one with the library's newer parameters."""
    return hashed(password) if _hasher().check_needs_rehash(kept) else kept
