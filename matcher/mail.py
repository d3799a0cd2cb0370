"""Mail: queued in the store, sent by SMTP, or written as .eml files where no server is set.

A mail is queued once a key and sent at most once: it is claimed before it is sent, and one whose
sender died in between waits an hour before it is tried again. Servers that fail are asked again
after 5 minutes, 10, 20 … up to a day. A mail that cannot be made waits like one that is refused, so
that it never stops the others.
"""

from __future__ import annotations

import base64
import smtplib
import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

from matcher.accounts import clean_email
from matcher.errors import InputError, SettingError
from matcher.languages import render
from matcher.settings import Settings
from matcher.store import Store
from matcher.store.outbox import Mail, claim, mails, mark_failed, mark_sent, put_mail
from matcher.vocabulary import Message

FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=5), timedelta(days=1)
CLAIMED = timedelta(hours=1)
PATIENCE_S = 20
# The last three are what the library's parser of headers trips over.
FAULTS = (OSError, smtplib.SMTPException, InputError, ValueError, LookupError, AttributeError)
_HERE = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a sending did: mails sent, mails that wait for another try, and why the last failed."""

    sent: int = 0
    waiting: int = 0
    problem: str | None = None


def queue(store: Store, key: str, recipient: str, subject: Message, body: Message, lang: str,
          now: datetime, files: Sequence[tuple[str, str, bytes]] = (),
          about: tuple[str, str] | None = None) -> bool:
    """Queue a mail in the reader's language; ``files`` are (name, media type, content).

    Says whether the key is new; a mail of a known key is left as it is. What tells of a pair,
    need and offer, is not queued where either has gone.
    """
    coded = [[name, kind, base64.b64encode(content).decode()] for name, kind, content in files]
    return put_mail(store, {"key": key, "recipient": recipient, "subject": render(subject, lang),
                            "body": render(body, lang), "files": coded, "created": now},
                    about)


def deliver(store: Store, settings: Settings, now: datetime) -> Delivery:
    """Send every mail whose time has come; raise ``SettingError`` for a bad MATCHER_SMTP_URL."""
    send, done, began = _sender(settings), Delivery(), time.monotonic()
    for mail in mails(store, due=now):
        # From this moment, not from the start: a sending may last longer than a claim.
        passed = timedelta(seconds=time.monotonic() - began)
        if not claim(store, mail, now + passed + CLAIMED):
            continue
        try:
            send(mail, compose(mail, settings.values["MAIL_FROM"]))
        except FAULTS as problem:
            text = f"{type(problem).__name__}: {problem}"
            mark_failed(store, mail.number, text, now + pause(mail.tries))
            done = Delivery(done.sent, done.waiting + 1, text)
        else:
            mark_sent(store, mail.number, now)
            done = Delivery(done.sent + 1, done.waiting, done.problem)
    return done


def pause(tries: int) -> timedelta:
    """Give the time to the next try after so many earlier ones."""
    return min(FIRST_PAUSE * float(2 ** min(tries, 10)), LONGEST_PAUSE)


def compose(mail: Mail, sender: str) -> EmailMessage:
    """Make the message; line breaks cannot get from a subject or address into the headers.

    Raises ``InputError`` for a recipient that is not exactly one address.
    """
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"] = _one_line(sender), clean_email(mail.recipient)
    message["Subject"] = _one_line(mail.subject)
    message["Auto-Submitted"] = "auto-generated"
    message["Date"] = format_datetime(mail.created)
    message["Message-ID"] = f"<{mail.number}.{int(mail.created.timestamp())}@matcher>"
    message.set_content(mail.body)
    for name, kind, content in mail.files:
        main, _, sub = kind.partition("/")
        message.add_attachment(base64.b64decode(content), maintype=main, subtype=sub,
                               filename=_one_line(name))
    return message


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _sender(settings: Settings) -> Callable[[Mail, EmailMessage], None]:
    url = settings.values["SMTP_URL"]
    if not url:
        folder = settings.home / "outbox"
        return lambda mail, message: _write(folder / f"{mail.number:08}.eml", message)
    parts = urlsplit(url)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise SettingError("The setting MATCHER_SMTP_URL is not understood; wanted e.g. "
                           "smtp://name:password@mail.example.org:587")
    return lambda mail, message: _send(url, message)


def _write(file: Path, message: EmailMessage) -> None:
    """Write a mail where only this program's owner can read it: it may hold a link."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.touch(0o600)
    part.write_bytes(message.as_bytes())
    part.replace(file)


def _send(url: str, message: EmailMessage) -> None:
    """Send by SMTP: smtps from the start, smtp with STARTTLS where the server offers it.

    A password is given to a server whose certificate is good, or to this machine, and to no other.
    """
    parts = urlsplit(url)
    host, checked = parts.hostname or "", ssl.create_default_context()
    server: smtplib.SMTP
    if parts.scheme == "smtps":
        server = smtplib.SMTP_SSL(host, parts.port or 465, timeout=PATIENCE_S, context=checked)
    else:
        server = smtplib.SMTP(host, parts.port or 25, timeout=PATIENCE_S)
    with closing(server):
        server.ehlo()
        if parts.scheme == "smtp" and server.has_extn("starttls"):
            server.starttls(context=checked if parts.username else None)
        elif parts.scheme == "smtp" and parts.username and host not in _HERE:
            raise smtplib.SMTPException("the server offers no STARTTLS, so it gets no password")
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
        server.send_message(message)
        with suppress(OSError, smtplib.SMTPException):  # the server has the mail, come what may
            server.quit()
