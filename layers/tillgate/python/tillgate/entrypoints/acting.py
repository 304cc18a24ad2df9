"""For whom a request is answered, as the audit trail has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.domain.audit import Acting, Actor, ActorKind, claimed_name
from tillgate.domain.tenant import token_digest, token_hint
from tillgate.services.authenticate import bearer_token

if TYPE_CHECKING:
    from tillgate.entrypoints.http import HttpRequest

# In which the operator's callers say their names. Nothing proves them.
OPERATOR_HEADER = "x-operator"
# Tells the few tokens of an operator apart, and gives away nothing of them.
_FINGERPRINT_DIGITS = 8


def operator_acting(request: HttpRequest, source_address: str) -> Acting:
    """Say that the operator asks, whose token was let in.

    Its token is told by the first digits of its SHA-256: it has no prefix to be known by, and
    another takes its place when it is rotated.
    """
    token = bearer_token(request.headers.get("authorization")) or ""
    return operator_acting_by(token_digest(token), request, source_address)


def operator_acting_by(digest: bytes, request: HttpRequest, source_address: str) -> Acting:
    """Say the same of a session that the token of this SHA-256 opened."""
    actor = Actor(
        kind=ActorKind.OPERATOR,
        id=f"sha256:{digest.hex()[:_FINGERPRINT_DIGITS]}",
        claimed_name=claimed_name(request.headers.get(OPERATOR_HEADER)),
    )
    return Acting(actor=actor, rid=request.rid, source_address=source_address)


def tenant_acting(request: HttpRequest, source_address: str) -> Acting:
    """Say that a tenant asks, by the token that was let in."""
    token = bearer_token(request.headers.get("authorization")) or ""
    actor = Actor(kind=ActorKind.TENANT, id=token_hint(token))
    return Acting(actor=actor, rid=request.rid, source_address=source_address)
