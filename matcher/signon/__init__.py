"""Signing in through others: OpenID Connect providers and ORCID (extra ``oidc``).

Nobody gets an account by it: a verified e-mail signs in to an account that is there, and an
identity (issuer and subject) signs in to the account that linked it.
"""

from __future__ import annotations

from matcher.signon.exchange import Attempt, Proof, begin, complete
from matcher.signon.identities import accept, identities_of, is_kept, link, sign_in, unlink
from matcher.signon.provider import Provider, providers

__all__ = ["Attempt", "Proof", "Provider", "accept", "begin", "complete", "identities_of",
           "is_kept", "link", "providers", "sign_in", "unlink"]
