"""What can go wrong, as a tree; each error carries a sentence for people.

    MatcherError
    ├── InputError              a person's input: what, where, found, wanted
    │   ├── FileFormatError     the file as a whole cannot be read
    │   └── UnknownRecordError  an id that is not in the store
    ├── ForbiddenError          the viewer's role does not allow it
    ├── SettingError            a setting has a value it may not have
    ├── ModelFileError          a model file is missing, cut or changed
    ├── MissingExtraError       an optional part is not installed
    ├── MissingFontError        no font of this machine writes Chinese
    ├── ProviderError           who vouches for people is down or not to be believed
    └── StoreError              the database cannot be opened, read or written

Rows of a file are never exceptions: ``RowError`` is a record, so that all of
them can be shown at once. Sentences are ``Message`` objects; the edge renders
them in the reader's language.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass

from matcher.vocabulary import Message

SYSTEM_PROBLEMS = {
    errno.ENOENT: "the folder or file does not exist", errno.EACCES: "permission is denied",
    errno.EROFS: "it is read-only; check its permissions", errno.ENOSPC: "the disk is full",
    errno.EADDRINUSE: "another program listens there; choose another --port",
    errno.EISDIR: "it is a folder", errno.ENOTDIR: "part of its path is no folder",
    errno.EEXIST: "a file stands where a folder is wanted",
    errno.ENAMETOOLONG: "its name is too long", errno.EPERM: "permission is denied",
}


def system_message(problem: OSError, what: object = "HOST:PORT") -> Message:
    """Say what the operating system refused as a sentence; ``what`` where it names no file."""
    known = SYSTEM_PROBLEMS.get(problem.errno or 0)
    cause = Message(known) if known else Message("the system refuses it (error {number})",
                                                 {"number": problem.errno or "–"})
    return Message("{what} cannot be used: {cause}.",
                   {"what": problem.filename or what, "cause": cause})


class MatcherError(Exception):
    """Base of all errors a person may see; ``message`` is its sentence."""

    exit_code = 1

    def __init__(self, text: str, **fields: object) -> None:
        self.message = Message(text, fields)
        english = {n: v.id if isinstance(v, Message) else v for n, v in fields.items()}
        super().__init__(text.format(**english))


class InputError(MatcherError):
    """Something a person gave cannot be used."""

    exit_code = 2


class FileFormatError(InputError):
    """The file as a whole cannot be read."""


class UnknownRecordError(InputError):
    """An id that is not in the store; ``what`` is e.g. ``need``."""

    def __init__(self, what: str, record_id: str) -> None:
        super().__init__("There is no {what} with the id “{id}”.", what=Message(what),
                         id=record_id)


class ForbiddenError(MatcherError):
    """The viewer's role does not allow a verb."""

    exit_code = 5

    def __init__(self, verb: str) -> None:
        self.verb = verb
        super().__init__("Your account may not do that. Ask your centre's administrator.")


class SettingError(MatcherError):
    """A setting has a value it may not have."""

    exit_code = 2


class ModelFileError(MatcherError):
    """A model file is missing, cut short or changed since its manifest was written."""

    exit_code = 3

    def __init__(self, file: str, problem: str) -> None:
        super().__init__("The model file {file} cannot be used: {problem}", file=file,
                         problem=problem)


class MissingExtraError(MatcherError):
    """An optional part is not installed."""

    exit_code = 3

    def __init__(self, extra: str, why: str) -> None:
        super().__init__("{why} Install it with: pip install '.[{extra}]'", extra=extra, why=why)


class MissingFontError(MatcherError):
    """No font of this machine can write a PDF's Chinese."""

    exit_code = 3

    def __init__(self) -> None:
        super().__init__("A PDF needs a font for Chinese, and this machine has none. Install one "
                         "(on Debian: {command}) or take the report as HTML or XLSX.",
                         command="apt-get install fonts-noto-cjk")


class ProviderError(MatcherError):
    """A provider people sign in with cannot be reached, or its answer cannot be accepted."""


class StoreError(MatcherError):
    """The database cannot be opened, read or written."""

    exit_code = 4


@dataclass(frozen=True, slots=True)
class RowError:
    """One thing wrong in one cell.

    ``row`` counts from 1 as a spreadsheet shows it (the header is row 1);
    ``column`` is the header as the file spells it; ``found`` the cell's text;
    ``wanted`` a sentence; ``fatal`` False for a warning.
    """

    row: int
    column: str
    found: str
    wanted: Message
    fatal: bool = True
