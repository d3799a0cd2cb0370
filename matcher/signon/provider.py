"""Who may vouch for people: the providers of the settings, one row a kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from urllib.parse import urlsplit

from matcher.errors import MissingExtraError, SettingError
from matcher.settings import Settings

HERE = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider: ``key`` in addresses, ``name`` on its button, and what it knows us by.

    ``tells_email``: its verified e-mails sign in; ORCID tells none, so it signs in by a link only.
    """

    key: str
    name: str
    issuer: str
    client_id: str
    client_secret: str
    tells_email: bool

    @property
    def scope(self) -> str:
        """What is asked of the provider: no more than is used."""
        return "openid email" if self.tells_email else "openid"


def providers(settings: Settings) -> tuple[Provider, ...]:
    """Give the providers that are set, in the order of their buttons.

    Raises ``SettingError`` for half a setting or an address that is not https, and
    ``MissingExtraError`` where a provider is set and the extra is not installed.
    """
    values = settings.values
    found = [*_oidc(values), *_orcid(values)]
    for provider in found:
        if not is_safe(provider.issuer):
            raise SettingError("The setting MATCHER_{name} is “{value}”; wanted: {unit}",
                               name=f"{provider.key.upper()}_ISSUER", value=provider.issuer,
                               unit="https://…")
    if found and not (find_spec("authlib") and find_spec("joserfc")):
        raise MissingExtraError("oidc", "Signing in with OpenID Connect or ORCID needs Authlib.")
    return tuple(found)


def _oidc(values: Mapping[str, str]) -> list[Provider]:
    if not _whole(values, "OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET"):
        return []
    issuer = values["OIDC_ISSUER"]
    name = values["OIDC_NAME"] or urlsplit(issuer).hostname or issuer
    return [Provider("oidc", name, issuer, values["OIDC_CLIENT_ID"],
                     values["OIDC_CLIENT_SECRET"], tells_email=True)]


def _orcid(values: Mapping[str, str]) -> list[Provider]:
    if not _whole(values, "ORCID_CLIENT_ID", "ORCID_CLIENT_SECRET"):
        return []
    return [Provider("orcid", "ORCID", values["ORCID_ISSUER"], values["ORCID_CLIENT_ID"],
                     values["ORCID_CLIENT_SECRET"], tells_email=False)]


def _whole(values: Mapping[str, str], *names: str) -> bool:
    """Say whether all of these are set; some without the others are a mistake."""
    missing = [name for name in names if not values[name]]
    if missing and len(missing) < len(names):
        raise SettingError("The setting MATCHER_{name} is missing; it belongs to MATCHER_{other}.",
                           name=missing[0], other=next(n for n in names if n not in missing))
    return not missing


def is_safe(address: str) -> bool:
    """Say whether secrets may go to an address: https, or this machine."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return bool(parts.hostname) and (parts.scheme == "https" or (
        parts.scheme == "http" and parts.hostname in HERE))
