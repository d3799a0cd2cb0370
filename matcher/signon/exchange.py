"""The conversation with a provider: OpenID Connect's code flow with state, nonce and PKCE (S256).

The provider's addresses and keys are read anew each time, so that changed keys are known at once.
What it says is believed only if it is signed by it, for us, for this attempt, and fresh.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote_plus, urlencode
from urllib.request import HTTPRedirectHandler, Request, build_opener

from matcher.errors import InputError, ProviderError
from matcher.signon.provider import Provider, is_safe
from matcher.vocabulary import Message

PATIENCE_S, LARGEST_ANSWER = 10, 1_000_000
LONGEST = timedelta(minutes=10)
LEEWAY_S = 60
SIGNATURES = ["RS256", "PS256", "ES256"]
FAULTS = {"nonce": "it belongs to another attempt", "aud": "it is meant for another site",
          "azp": "it is meant for another site", "iss": "it comes from another provider",
          "exp": "it is too old"}


@dataclass(frozen=True, slots=True)
class Attempt:
    """A visit to a provider that somebody set out for; the browser's session remembers it.

    ``aim`` is where to go afterwards; ``keeps`` says that the identity is not to sign in but to be
    linked there, with an account or an invitation. ``began`` is a time in ISO form.
    """

    provider: str
    state: str
    nonce: str
    verifier: str
    began: str
    aim: str
    keeps: bool


@dataclass(frozen=True, slots=True)
class Proof:
    """Who somebody is by the word of a provider; ``time`` in ISO form says since when."""

    issuer: str
    subject: str
    name: str
    time: str
    email: str | None = None
    is_verified: bool = False


def begin(provider: Provider, back: str, now: datetime, aim: str, keeps: bool
          ) -> tuple[Attempt, str]:
    """Make an attempt and the provider's address for it; ``back`` is where it is to answer.

    Raises ``ProviderError`` where the provider cannot be reached.
    """
    from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
    from authlib.oauth2.rfc7636 import create_s256_code_challenge

    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    made = Attempt(provider.key, state, nonce, verifier, now.isoformat(), aim, keeps)
    address = prepare_grant_uri(
        _address(provider, _described(provider), "authorization_endpoint"), provider.client_id,
        "code", back, provider.scope, made.state, nonce=made.nonce, code_challenge_method="S256",
        code_challenge=create_s256_code_challenge(made.verifier))
    return made, address


def complete(provider: Provider, attempt: Attempt | None, answer: Mapping[str, str], back: str,
             now: datetime) -> Proof:
    """Give who came back from a provider.

    Raises ``InputError`` where this browser set out for nothing like it, or too long ago, or the
    person did not agree, and ``ProviderError`` where the provider is down or not to be believed.
    """
    code = _code(provider, attempt, answer, now)
    assert attempt is not None
    described = _described(provider)
    tokens = _tokens(provider, described, code, attempt.verifier, back)
    claims = _claims(provider, described, tokens, attempt.nonce, now)
    email, is_verified = _email(provider, described, tokens, claims)
    return Proof(provider.issuer, claims["sub"], provider.name, now.isoformat(), email, is_verified)


def is_fresh(since: str, now: datetime) -> bool:
    """Say whether what began at an ISO time may still be gone on with."""
    return now - datetime.fromisoformat(since) < LONGEST


def _code(provider: Provider, attempt: Attempt | None, answer: Mapping[str, str], now: datetime
          ) -> str:
    """Give the code of an answer to exactly this attempt."""
    state = answer.get("state", "").encode()
    if (attempt is None or attempt.provider != provider.key or not is_fresh(attempt.began, now)
            or not hmac.compare_digest(state, attempt.state.encode())):
        raise InputError("Signing in with {name} began in another window or too long ago. "
                         "Try again.", name=provider.name)
    if answer.get("error") == "access_denied":
        raise InputError("You did not agree at {name}, so nobody was signed in.",
                         name=provider.name)
    if answer.get("error"):
        raise _failed(provider, answer["error"])
    if answer.get("iss", provider.issuer) != provider.issuer:
        raise _untrue(provider, FAULTS["iss"])
    return answer.get("code", "")


def _described(provider: Provider) -> dict[str, Any]:
    """Read what a provider says of itself; it must call itself what the settings call it."""
    found = _fetch(provider, provider.issuer.rstrip("/") + "/.well-known/openid-configuration")
    if found.get("issuer") != provider.issuer:
        raise _untrue(provider, FAULTS["iss"])
    return found


def _address(provider: Provider, described: Mapping[str, Any], name: str) -> str:
    found = described.get(name)
    if not isinstance(found, str) or not is_safe(found):
        raise _failed(provider, name)
    return found


def _tokens(provider: Provider, described: Mapping[str, Any], code: str, verifier: str, back: str
            ) -> dict[str, Any]:
    """Exchange a code for tokens, telling our secret the way the provider takes it."""
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": back,
            "code_verifier": verifier}
    headers = {}
    ways = described.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    if "client_secret_basic" in ways:
        pair = f"{quote_plus(provider.client_id)}:{quote_plus(provider.client_secret)}"
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    else:
        form |= {"client_id": provider.client_id, "client_secret": provider.client_secret}
    return _fetch(provider, _address(provider, described, "token_endpoint"), form, headers)


def _claims(provider: Provider, described: Mapping[str, Any], tokens: Mapping[str, Any],
            nonce: str, now: datetime) -> dict[str, Any]:
    """Give what an identity token says, after its signature and every claim were checked."""
    from authlib.oidc.core import CodeIDToken
    from joserfc import jwk, jwt
    from joserfc.errors import JoseError

    keys = _fetch(provider, _address(provider, described, "jwks_uri"))
    options = {"iss": {"essential": True, "value": provider.issuer},
               "aud": {"essential": True, "value": provider.client_id},
               "sub": {"essential": True}, "nonce": {"essential": True, "value": nonce}}
    params = {"nonce": nonce, "client_id": provider.client_id,
              "access_token": tokens.get("access_token")}
    try:
        read = jwt.decode(tokens["id_token"], jwk.KeySet.import_key_set(_signing(keys)),
                          algorithms=SIGNATURES)
        claims = CodeIDToken(read.claims, read.header, options, params)
        claims.validate(int(now.timestamp()), LEEWAY_S)
    except (JoseError, ValueError, KeyError, TypeError) as problem:
        fault = FAULTS.get(getattr(problem, "claim", ""), "its signature or content is wrong")
        raise _untrue(provider, fault) from problem
    if not isinstance(claims["sub"], str) or not 0 < len(claims["sub"]) <= 255:
        raise _untrue(provider, "its signature or content is wrong")
    return dict(claims)


def _signing(keys: Mapping[str, Any]) -> Any:
    """Leave out keys that are for encrypting only, and kinds that sign nothing we accept."""
    return {"keys": [key for key in keys["keys"] if key.get("use", "sig") == "sig"
                     and key.get("kty") in ("RSA", "EC")]}


def _email(provider: Provider, described: Mapping[str, Any], tokens: Mapping[str, Any],
           claims: Mapping[str, Any]) -> tuple[str | None, bool]:
    """Give the e-mail and whether it is verified: from the token, else from where people's data is.

    Verified is what is said to be so with a plain ``true``.
    """
    said: Mapping[str, Any] = claims
    if not provider.tells_email:
        return None, False
    if "email" not in claims and described.get("userinfo_endpoint"):
        said = _fetch(provider, _address(provider, described, "userinfo_endpoint"), None,
                      {"Authorization": f"Bearer {tokens.get('access_token')}"})
        if said.get("sub") != claims["sub"]:
            raise _untrue(provider, "its signature or content is wrong")
    email = said.get("email")
    return (email if isinstance(email, str) else None), said.get("email_verified") is True


class _Stay(HTTPRedirectHandler):
    """Follows nobody elsewhere: a secret goes where the provider said, and no further."""

    def redirect_request(self, *args: Any, **more: Any) -> None:
        """Give no request to go on with."""


def _fetch(provider: Provider, address: str, form: Mapping[str, str] | None = None,
           headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Fetch a JSON object, or post a form for one."""
    body = urlencode(form).encode() if form is not None else None
    asked = Request(address, body, {"Accept": "application/json", **(headers or {})})
    try:
        with build_opener(_Stay).open(asked, timeout=PATIENCE_S) as answer:
            found = json.loads(answer.read(LARGEST_ANSWER))
    except HTTPError as problem:
        with problem:
            raise _failed(provider, f"HTTP {problem.code}") from problem
    except (OSError, HTTPException) as problem:
        raise ProviderError("{name} cannot be reached now. Sign in with your password, or try "
                            "again later.", name=provider.name) from problem
    except ValueError as problem:
        raise _failed(provider, "JSON") from problem
    if not isinstance(found, dict):
        raise _failed(provider, "JSON")
    return found


def _failed(provider: Provider, error: str) -> ProviderError:
    """Name an error by its code alone: the rest of an answer is anybody's to write."""
    known = error if re.fullmatch(r"[A-Za-z0-9_ ]{1,60}", error) else "?"
    return ProviderError("{name} answered with an error ({error}). Sign in with your password, or "
                         "try again later.", name=provider.name, error=known)


def _untrue(provider: Provider, fault: str) -> ProviderError:
    return ProviderError("The answer of {name} is not accepted: {problem}. Nobody was signed in.",
                         name=provider.name, problem=Message(fault))
