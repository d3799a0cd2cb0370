"""Settings: one table; environment over file over default.

The file is TOML (``MATCHER_CONFIG``, else ``$MATCHER_HOME/matcher.toml``); a
name there is the setting's name in lower case without ``MATCHER_``.
"""

from __future__ import annotations

import json
import os
import shutil
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from matcher.errors import SettingError


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table: name without prefix, default, unit and meaning."""

    name: str
    default: str
    unit: str
    meaning: str


SETTINGS: tuple[Setting, ...] = (
    Setting("HOME", "~/.matcher", "folder", "where the database, reports and keys live"),
    Setting("DB", "", "URL", "database; empty: SQLite file matcher.db in HOME"),
    Setting("ENCODER", "", "folder or hub id", "encoder; empty: the embedded one"),
    Setting("LANG", "zh", "zh or en", "language of the command line and of reports"),
    Setting("HOST", "127.0.0.1", "address", "where `matcher serve` listens"),
    Setting("PORT", "8321", "1-65535", "port of `matcher serve`"),
    Setting("URL", "", "URL", "address people open, e.g. https://match.example.tw; empty: "
            "http://HOST:PORT"),
    Setting("SECRET_KEY", "", "text", "key of the page's cookies; empty: made once in HOME"),
    Setting("OIDC_ISSUER", "", "URL", "OpenID Connect provider people sign in with"),
    Setting("OIDC_CLIENT_ID", "", "text", "what that provider knows this site by"),
    Setting("OIDC_CLIENT_SECRET", "", "text", "password this site has there"),
    Setting("OIDC_NAME", "", "text", "its name on the button; empty: the issuer's host"),
    Setting("ORCID_CLIENT_ID", "", "text", "what ORCID knows this site by"),
    Setting("ORCID_CLIENT_SECRET", "", "text", "password this site has at ORCID"),
    Setting("ORCID_ISSUER", "https://orcid.org", "URL", "ORCID, or its sandbox"),
    Setting("TOP", "10", "1-1000", "matches shown for one need"),
    Setting("SMTP_URL", "", "URL", "mail server; empty: mails become files in HOME/outbox"),
    Setting("MAIL_FROM", "matcher@localhost", "address", "sender of mails"),
    Setting("THRESHOLD", "0.2", "0-1", "score below which a need counts as without an offer"),
    Setting("PER_NEED", "5", "1-1000", "matches of one need in a monthly report, at most"),
    Setting("PER_OFFER", "10", "1-1000", "needs one offer is matched with in a report, at most"),
    Setting("QUOTAS", "", "FIELD=VALUE:LEAST-MOST; …", "matches that offers of one county, kind, "
            "theme, size or party-kind get together in a report, e.g. county=屏東縣:2-9"),
)
_ALLOWED = {"LANG": ("zh", "en")}
_RANGES: Mapping[str, tuple[float, float]] = {
    "PORT": (1, 65535), "TOP": (1, 1000), "PER_NEED": (1, 1000), "PER_OFFER": (1, 1000),
    "THRESHOLD": (0, 1)}


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, each with where its value came from (``environment``, ``file``, ``default``).

    ``file`` is the settings file, whether or not it exists; ``environ`` what was read beside it.

    Raises ``SettingError`` from :func:`load_settings`, never later.
    """

    values: Mapping[str, str]
    origins: Mapping[str, str]
    file: Path = Path("matcher.toml")
    environ: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    @property
    def home(self) -> Path:
        """The folder of everything this installation writes."""
        return Path(self.values["HOME"]).expanduser()

    def again(self) -> Settings:
        """Read all settings again; they may have changed in the file."""
        return load_settings(self.environ)

    @property
    def database_url(self) -> str:
        """The SQLAlchemy URL of the store."""
        return self.values["DB"] or f"sqlite:///{self.home / 'matcher.db'}"

    @property
    def encoder(self) -> str | None:
        """A folder or hub id, or None for the embedded encoder."""
        return self.values["ENCODER"] or None

    @property
    def ranker(self) -> Path | None:
        """The site's own ranker, once it has trained one; None for the embedded ranker."""
        file = self.home / "models" / "ranker.json"
        return file if file.is_file() else None

    @property
    def lang(self) -> str:
        """The language code of the command line and of reports."""
        return self.values["LANG"]

    @property
    def top(self) -> int:
        """How many matches a list shows."""
        return int(self.values["TOP"])

    @property
    def threshold(self) -> float:
        """The score in 0…1 below which a need counts as without an offer."""
        return float(self.values["THRESHOLD"])

    @property
    def loads(self) -> tuple[int, int]:
        """How many matches a need, and how many needs an offer, may have in a report."""
        return int(self.values["PER_NEED"]), int(self.values["PER_OFFER"])

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the page."""
        return self.values["HOST"], int(self.values["PORT"])


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read all settings; raise ``SettingError`` for an unknown name or a bad value."""
    env = os.environ if environ is None else environ
    home = Path(env.get("MATCHER_HOME") or "~/.matcher").expanduser()
    file = Path(env.get("MATCHER_CONFIG") or home / "matcher.toml")
    from_file = _read_file(file, must_exist=bool(env.get("MATCHER_CONFIG")))
    values, origins = {}, {}
    for row in SETTINGS:
        values[row.name], origins[row.name] = _resolve(row, env, from_file)
        _check(row, values[row.name])
    return Settings(values, origins, file, env)


def _resolve(row: Setting, env: Mapping[str, str], from_file: Mapping[str, str]) -> tuple[str, str]:
    """Choose environment over file over default; an empty variable counts as absent."""
    if env.get(f"MATCHER_{row.name}"):
        return env[f"MATCHER_{row.name}"], "environment"
    if row.name in from_file:
        return from_file[row.name], "file"
    return row.default, "default"


def save_setting(file: Path, name: str, value: str) -> None:
    """Write one setting into the TOML file and leave its other lines and its permissions.

    The file is replaced whole, so that a reader never sees half of it. Raises ``SettingError``
    when the result would be no TOML; the file is then as it was.
    """
    target = file.resolve()
    lines = target.read_text("utf-8").splitlines() if target.is_file() else []
    kept = [line for line in lines if line.split("=")[0].strip(" \t\"'").upper() != name]
    content = "\n".join([f"{name.lower()} = {json.dumps(value, ensure_ascii=False)}", *kept]) + "\n"
    try:
        tomllib.loads(content)
    except tomllib.TOMLDecodeError as problem:
        raise SettingError("The settings file {file} cannot be read: {problem}", file=str(file),
                           problem=str(problem)) from problem
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    part.touch(0o600)
    if target.is_file():
        shutil.copymode(target, part)
    part.write_text(content, "utf-8")
    part.replace(target)


def _read_file(path: Path, *, must_exist: bool) -> dict[str, str]:
    """Read the TOML file; a file that was named must exist, the usual one need not."""
    if not must_exist and not path.is_file():
        return {}
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise SettingError("The settings file {file} cannot be read: {problem}", file=str(path),
                           problem=str(problem)) from problem
    known = {row.name for row in SETTINGS}
    unknown = sorted(name for name in content if name.upper() not in known)
    if unknown:
        raise SettingError("The settings file {file} has unknown names: {names}", file=str(path),
                           names=", ".join(unknown))
    return {name.upper(): str(value) for name, value in content.items()}


def _check(row: Setting, value: str) -> None:
    """Refuse a value outside its range, naming setting, value and range."""
    if row.name in _ALLOWED and value not in _ALLOWED[row.name]:
        raise _refusal(row, value)
    if row.name in _RANGES:
        low, high = _RANGES[row.name]
        try:
            number = float(value)
        except ValueError:
            raise _refusal(row, value) from None
        if not low <= number <= high:
            raise _refusal(row, value)


def _refusal(row: Setting, value: str) -> SettingError:
    return SettingError("The setting MATCHER_{name} is “{value}”; wanted: {unit}", name=row.name,
                        value=value, unit=row.unit)
