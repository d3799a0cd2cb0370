"""Mail: queued once, sent once by a real SMTP server, files where there is none."""

from __future__ import annotations

from datetime import timedelta
from email import message_from_bytes
from email.policy import default

import pytest
from click.testing import CliRunner
from conftest import NOW, smtp_server

from matcher.cli import main
from matcher.errors import SettingError
from matcher.mail import deliver, pause, queue
from matcher.settings import load_settings
from matcher.store.outbox import claim, mails
from matcher.vocabulary import Message

SUBJECT, BODY = Message("Your invitation"), Message("Open this link within 14 days to make your account: {address}",
                                                   {"address": "http://x/y"})


class Inbox:
    """Takes mail as a server does; refuses addresses at refused.example for now."""

    def __init__(self):
        self.mails = []

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if address.endswith("@refused.example"):
            return "450 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        self.mails.append(message_from_bytes(envelope.content, policy=default))
        return "250 OK"


@pytest.fixture
def inbox():
    with smtp_server(Inbox()) as box:
        yield box


def settings_of(tmp_path, url=""):
    return load_settings({"MATCHER_HOME": str(tmp_path), "MATCHER_SMTP_URL": url, "MATCHER_MAIL_FROM": "office@park.tw"})


def test_a_mail_is_sent_once_in_the_readers_language_with_its_files(store, tmp_path, inbox):
    files = [("媒合.csv", "text/csv", "需求\r\n".encode())]
    assert queue(store, "report:1", "a@example.org", SUBJECT, BODY, "zh", NOW, files)
    assert not queue(store, "report:1", "a@example.org", SUBJECT, BODY, "zh", NOW, files)
    settings = settings_of(tmp_path, inbox.url)
    assert (deliver(store, settings, NOW).sent, deliver(store, settings, NOW + timedelta(days=2)).sent) == (1, 0)
    (mail,) = inbox.mails
    assert (mail["To"], mail["From"], mail["Subject"]) == ("a@example.org", "office@park.tw", "您的邀請")
    assert "14 天內" in mail.get_body().get_content()
    (part,) = mail.iter_attachments()
    assert (part.get_filename(), part.get_payload(decode=True).decode()) == ("媒合.csv", "需求\r\n")


@pytest.mark.parametrize("url", ["smtp://127.0.0.1:1", "refusing"])
def test_a_mail_that_cannot_be_sent_waits_and_the_others_go(store, tmp_path, inbox, url):
    queue(store, "1", "a@refused.example", SUBJECT, BODY, "en", NOW)
    queue(store, "2", "b@example.org", SUBJECT, BODY, "en", NOW)
    settings = settings_of(tmp_path, inbox.url if url == "refusing" else url)
    done = deliver(store, settings, NOW)
    assert (done.sent, done.waiting) == ((1, 1) if url == "refusing" else (0, 2))
    waiting = mails(store)[0]
    assert waiting.sent is None
    assert waiting.next_try == NOW + timedelta(minutes=5)
    assert ("450" in waiting.problem) == (url == "refusing")
    assert deliver(store, settings, NOW + timedelta(minutes=4)).waiting == 0
    assert deliver(store, settings_of(tmp_path), NOW + timedelta(minutes=5)).sent == (1 if url == "refusing" else 2)


class Hasty(Inbox):
    """Takes a mail and hangs up when the sender says good-bye."""

    async def handle_QUIT(self, server, session, envelope):  # noqa: N802
        server.transport.abort()
        return "221 Bye"


def test_a_mail_that_the_server_took_is_sent_whatever_happens_to_the_line_then(store, tmp_path):
    queue(store, "1", "a@example.org", SUBJECT, BODY, "en", NOW)
    with smtp_server(Hasty()) as box:
        sent = [deliver(store, settings_of(tmp_path, box.url), NOW + timedelta(days=day)).sent for day in range(3)]
    assert (sent, len(box.mails), mails(store)[0].problem) == ([1, 0, 0], 1, None)


def test_pauses_double_up_to_a_day():
    assert [pause(n) / timedelta(minutes=1) for n in (0, 1, 2, 8, 9, 50)] == [5, 10, 20, 1280, 1440, 1440]


def test_of_two_senders_one_gets_the_mail(store):
    queue(store, "1", "a@example.org", SUBJECT, BODY, "en", NOW)
    (mail,) = mails(store, due=NOW)
    assert [claim(store, mail, NOW + timedelta(hours=1)) for _ in range(2)] == [True, False]
    assert mails(store, due=NOW) == ()


def test_nothing_gets_into_the_headers_and_only_the_owner_reads_the_file(store, tmp_path):
    queue(store, "1", "a@example.org", Message("x\r\nBcc: evil@example.org"), BODY, "en", NOW)
    deliver(store, settings_of(tmp_path), NOW)
    (file,) = (tmp_path / "outbox").glob("*.eml")
    mail = message_from_bytes(file.read_bytes(), policy=default)
    assert (mail["Bcc"], mail["Subject"]) == (None, "x Bcc: evil@example.org")
    assert [path.stat().st_mode & 0o077 for path in (file, file.parent)] == [0, 0]


@pytest.mark.parametrize("recipient", ["a@example.org\r\nBcc: evil@example.org", "a@b.tw,c@d.tw", "a@", "@", "", "a@[.tw"])
def test_a_recipient_that_is_not_one_address_stops_no_other_mail(store, tmp_path, recipient):
    queue(store, "1", recipient, SUBJECT, BODY, "en", NOW)
    queue(store, "2", "b@example.org", SUBJECT, BODY, "en", NOW)
    done = deliver(store, settings_of(tmp_path), NOW)
    assert (done.sent, done.waiting, "is no e-mail address" in done.problem) == (1, 1, True)


def test_a_mail_that_was_sent_keeps_neither_text_nor_files(store, tmp_path):
    queue(store, "1", "a@example.org", SUBJECT, BODY, "en", NOW, [("a.csv", "text/csv", b"x")])
    assert "http://x/y" in mails(store)[0].body
    deliver(store, settings_of(tmp_path), NOW)
    assert (mails(store)[0].body, mails(store)[0].files) == ("", [])
    assert not queue(store, "1", "a@example.org", SUBJECT, BODY, "en", NOW)


def test_a_password_goes_to_no_server_that_cannot_encrypt(store, tmp_path, inbox, monkeypatch):
    monkeypatch.setattr("matcher.mail._HERE", ())
    queue(store, "1", "a@example.org", SUBJECT, BODY, "en", NOW)
    done = deliver(store, settings_of(tmp_path, inbox.url.replace("//", "//office:secret@")), NOW)
    assert (done.sent, "offers no STARTTLS" in done.problem, inbox.mails) == (0, True, [])


@pytest.mark.parametrize("url", ["mail.example.org", "http://mail.example.org", "smtp://"])
def test_an_address_that_is_none_is_refused_without_its_password(store, tmp_path, url):
    with pytest.raises(SettingError, match="MATCHER_SMTP_URL is not understood"):
        deliver(store, settings_of(tmp_path, url), NOW)


def test_commands_send_and_list(store, tmp_path, monkeypatch):
    monkeypatch.setenv("MATCHER_HOME", str(tmp_path))
    assert "沒有待寄的郵件" in CliRunner().invoke(main, ["mail", "list"]).output
    queue(store, "1", "a@example.org", SUBJECT, BODY, "zh", NOW)
    assert "已寄出 1 封" in CliRunner().invoke(main, ["mail", "send"]).output
    assert "您的邀請" in CliRunner().invoke(main, ["mail", "list"]).output
    assert '"sent": 0' in CliRunner().invoke(main, ["mail", "send", "--json"]).output


@pytest.mark.parametrize(("command", "words"), [
    (["invite", "a@example.org", "--role", "reader", "--centre", "STSP"], "/invitations/"), (["enter"], "/enter/"),
    (["invite", "a@example.org", "--role", "reader"], "必須指定園區"), (["reset", "no@example.org"], "no@example.org"),
    (["list"], ""), (["disable", "no@example.org"], "no@example.org"),
])
def test_account_commands_print_links_or_say_why_not(store, tmp_path, monkeypatch, command, words):
    monkeypatch.setenv("MATCHER_HOME", str(tmp_path))
    assert words in CliRunner().invoke(main, ["account", *command]).output
