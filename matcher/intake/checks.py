"""One set of checks for rows from any file or form: every problem at once, in row order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from matcher.errors import FileFormatError, RowError
from matcher.intake.convert import Refused, clean, has_hidden, tax_id_fits
from matcher.intake.fields import FIELDS, KEEPS_EXTRA, KEYS, NOUNS, ORDERED, SOME_TEXT, Field
from matcher.languages import INTERFACE_LANGUAGES, normalise, translate
from matcher.reference import fold, fold_county
from matcher.vocabulary import Message

Row = tuple[int, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class CellError:
    """What a reader says instead of a cell's text: a formula without value, an error value."""

    found: str
    wanted: Message


@dataclass(frozen=True)
class Intake:
    """What became of a file's rows.

    ``records`` are the good ones (none when a row is bad and good rows were not to be
    kept); ``problems`` all errors and warnings in row order; ``rejected`` the bad
    rows as read, by row number; ``rows`` how many rows there were; ``columns`` which
    header became which field; ``header`` all of them.
    """

    what: str
    records: tuple[Any, ...]
    problems: tuple[RowError, ...]
    rejected: Mapping[int, Mapping[str, str]]
    rows: int
    columns: Mapping[str, str]
    encoding: str | None = None
    header: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Say whether no row was rejected."""
        return not any(problem.fatal for problem in self.problems)


@dataclass
class _Findings:
    """Problems collected row by row."""

    problems: list[RowError] = field(default_factory=list)

    def add(self, row: int, column: str, found: object, wanted: Message | str,
            fatal: bool = True) -> None:
        sentence = Message(wanted) if isinstance(wanted, str) else wanted
        self.problems.append(RowError(row, column, str(found), sentence, fatal))


def check(what: str, header: Sequence[str], rows: Iterable[Row], *, keep_good: bool = False,
          encoding: str | None = None) -> Intake:
    """Check rows ``(row number, {header: cell})`` and make records of the good ones.

    Raises ``FileFormatError`` for a header that stands twice or lacks a required column.
    """
    header, rows = _without_ours(header, rows)
    columns = map_columns(what, header)
    findings = _Findings()
    _warn_unknown(what, header, columns, findings)
    listed = [(number, row) for number, row in rows if any(_text(cell) for cell in row.values())]
    if not listed:
        raise FileFormatError("The file has a header but no rows.")
    values = [(number, _read_row(what, number, row, columns, findings)) for number, row in listed]
    _check_twice(what, values, columns, findings)
    findings.problems.sort(key=lambda problem: problem.row)
    bad = {problem.row for problem in findings.problems if problem.fatal}
    good = tuple(NOUNS[what](**value) for number, value in values if number not in bad)
    rejected = {number: {h: _text(c) for h, c in row.items()} for number, row in listed
                if number in bad}
    return Intake(what, good if keep_good or not bad else (), tuple(findings.problems), rejected,
                  len(listed), columns, encoding, tuple(header))


def _without_ours(header: Sequence[str], rows: Iterable[Row]
                  ) -> tuple[Sequence[str], Iterable[Row]]:
    """Leave out the two columns that ``write_rejected`` puts before a file's own."""
    ours = {(translate("rejected row", lang), translate("why it was rejected", lang))
            for lang in INTERFACE_LANGUAGES}
    if tuple(header[:2]) not in ours:
        return header, rows
    return header[2:], [(number, {name: cell for name, cell in row.items()
                                  if name not in header[:2]}) for number, row in rows]


def disorder(what: str, record: Any) -> Iterator[Message]:
    """Name the pairs of a record's values whose low end lies above the high one."""
    values = {name: getattr(record, name) for ends in ORDERED.get(what, ()) for name in ends}
    for low, high in _crossed(what, values):
        yield Message("{id}: {low} {least} is above {high} {most}", {
            "id": str(getattr(record, KEYS[what][0])), "low": low, "least": str(values[low]),
            "high": high, "most": str(values[high])})


def _crossed(what: str, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Give the pairs of columns whose low end lies above the high one."""
    for low, high in ORDERED.get(what, ()):
        if values.get(low) is not None and values.get(high) is not None and (
                values[low] > values[high]):
            yield low, high


def map_columns(what: str, header: Sequence[str]) -> dict[str, str]:
    """Map a file's headers to fields: by name, Chinese header, both together, or an alias."""
    spellings = {_fold_header(s): f.name for f in FIELDS[what]
                 for s in (*f.aliases, f.zh, f"{f.zh} {f.name}", f.name)}
    found: dict[str, str] = {}
    for name in header:
        target = spellings.get(_fold_header(name))
        if target is not None and target in found.values():
            twice = [h for h in (*found, name) if spellings.get(_fold_header(h)) == target]
            if _fold_header(twice[0]) == _fold_header(name) or len(set(map(_exact, twice))) == 1:
                raise FileFormatError("The column “{column}” stands twice; rename or remove one.",
                                      column=name)
            continue
        if target is not None:
            found[name] = target
    _require(what, found, header)
    return found


def _exact(header: str) -> str:
    return fold(header)


def _fold_header(name: str) -> str:
    return fold(normalise(name)).rstrip("*＊:：")


def _require(what: str, found: Mapping[str, str], header: Sequence[str]) -> None:
    """Refuse a header without a required column; a party's id may come from its tax id."""
    if len(set(header)) != len(header):
        twice = next(name for name in header if list(header).count(name) > 1)
        raise FileFormatError("The column “{column}” stands twice; rename or remove one.",
                              column=twice)
    have = set(found.values()) | ({"party_id"} if what == "parties" and "tax_id" in
                                  found.values() else set())
    lacking = [f for f in FIELDS[what] if f.required and f.name not in have]
    if lacking:
        raise FileFormatError(
            "A column is missing: {missing}. The file has: {found}. `matcher template {what}` "
            "writes a table with all columns.", missing=", ".join(f"{f.zh} {f.name}" for f in
                                                                  lacking),
            found=", ".join(header[:30]), what=what)
    texts = SOME_TEXT.get(what)
    if texts and not have & set(texts):
        raise FileFormatError("There is no text column; wanted one of: {columns}.",
                              columns=", ".join(texts))


def _warn_unknown(what: str, header: Sequence[str], columns: Mapping[str, str],
                  findings: _Findings) -> None:
    unknown = [name for name in header if name.strip() and name not in columns]
    if unknown:
        fate = ("this column is not known; it is kept with the record as it is"
                if what in KEEPS_EXTRA else "this column is not known and was left out")
        findings.add(1, ", ".join(unknown[:30]), "", fate, fatal=False)


def _read_row(what: str, number: int, row: Mapping[str, Any], columns: Mapping[str, str],
              findings: _Findings) -> dict[str, Any]:
    """Convert one row's cells; every fault goes to ``findings``."""
    fields = {f.name: f for f in FIELDS[what]}
    values: dict[str, Any] = {}
    for header, name in columns.items():
        cell = row.get(header)
        if isinstance(cell, CellError):
            findings.add(number, header, cell.found, cell.wanted)
            continue
        text = _text(cell)
        _warn_characters(number, header, str(cell or ""), findings)
        if not text:
            continue
        try:
            values[name] = fields[name].convert(text)
        except Refused as refused:
            findings.add(number, header, text, refused.wanted, fatal=not fields[name].soft)
    for extra in row:
        if extra.startswith("\0"):
            findings.add(number, extra[1:], row[extra], "the row has more cells than the header")
    if what in KEEPS_EXTRA:
        values["extra"] = {h: _text(c) for h, c in row.items() if h not in columns and _text(c)}
    _complete(what, number, values, columns, findings)
    return values


def _text(cell: Any) -> str:
    return "" if cell is None or isinstance(cell, CellError) else clean(str(cell))


def _warn_characters(number: int, header: str, text: str, findings: _Findings) -> None:
    if "\ufffd" in text:
        findings.add(number, header, text[:40], "the character � says that a letter was lost "
                     "before; compare with the original", fatal=False)
    if has_hidden(text):
        findings.add(number, header, text[:40], "invisible control characters were removed",
                     fatal=False)


def _complete(what: str, number: int, values: dict[str, Any], columns: Mapping[str, str],
              findings: _Findings) -> None:
    """Fill in what follows from other cells, then check what cells say together."""
    if what == "parties":
        values.setdefault("party_id", values.get("tax_id"))
        if "county" not in columns.values() and "address" in values:
            values["county"] = fold_county(values["address"])
        _check_tax_id(number, values, columns, findings)
    if what == "judged":
        values.setdefault("judge", "")
    for f in FIELDS[what]:
        if f.required and not values.get(f.name) and values.get(f.name) != 0:
            _report_missing(number, f, columns, findings)
    if what in SOME_TEXT and not any(values.get(name) for name in SOME_TEXT[what]):
        findings.add(number, "/".join(SOME_TEXT[what]), "", "wanted a title or a description")
    for low, high in _crossed(what, values):
        findings.add(number, _header_of(low, columns), values[low],
                     Message("wanted no more than the column {other} ({value})", {
                         "other": _header_of(high, columns), "value": str(values[high])}))


def _report_missing(number: int, wanted: Field, columns: Mapping[str, str],
                    findings: _Findings) -> None:
    """Say that a required cell is empty, unless its content was already refused."""
    header = _header_of(wanted.name, columns)
    if not any(p.row == number and p.column == header and p.fatal for p in findings.problems):
        findings.add(number, header, "", "this cell must not be empty")


def _header_of(name: str, columns: Mapping[str, str]) -> str:
    return next((header for header, target in columns.items() if target == name), name)


def _check_tax_id(number: int, values: Mapping[str, Any], columns: Mapping[str, str],
                  findings: _Findings) -> None:
    """Warn of an odd 統一編號; never refuse it: some registered firms fail the rule."""
    found = values.get("tax_id")
    if found and not tax_id_fits(found):
        findings.add(number, _header_of("tax_id", columns), found,
                     "this 統一編號 does not fit the check rule of 2023 (8 digits; a lost leading "
                     "zero?); it was kept as it is", fatal=False)


def _check_twice(what: str, values: Sequence[tuple[int, Mapping[str, Any]]],
                 columns: Mapping[str, str], findings: _Findings) -> None:
    """Refuse every row whose id stands in another row too, naming the other rows."""
    rows: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for number, value in values:
        key = tuple(value.get(name) for name in KEYS[what])
        if all(part is not None for part in key):
            rows[key].append(number)
    for key, numbers in rows.items():
        for number in numbers if len(numbers) > 1 else ():
            others = ", ".join(str(n) for n in numbers if n != number)
            findings.add(number, _header_of(KEYS[what][0], columns), key[0], Message(
                "this id also stands in row {rows}; each id may stand once", {"rows": others}))

