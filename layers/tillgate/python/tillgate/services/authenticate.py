"""Who is calling ``/v1/...``: a bearer token names its tenant (RFC 6750)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tillgate.domain.errors import (
    TenantMismatchError,
    TenantSuspendedError,
    UnauthenticatedError,
)
from tillgate.domain.tenant import Caller, TenantState, token_digest

if TYPE_CHECKING:
    from tillgate.domain.ports import Registry

_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/-]{1,256}=*)\Z", re.IGNORECASE)


def bearer_token(authorization: str | None) -> str | None:
    """Take the token out of an Authorization header, or give None when it holds none."""
    match = _BEARER.match((authorization or "").strip())
    return match[1] if match else None


class Authenticator:
    """Tells the tenant of a request by its headers."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def caller_of(self, authorization: str | None, tenant_header: str | None) -> Caller:
        """Give the tenant that the token names, and the token's digest.

        Raises UnauthenticatedError without a token that is valid, TenantMismatchError when
        ``tenant_header`` (X-Tenant-Id) names another tenant, TenantSuspendedError, and
        StoreUnavailableError when it cannot be told.
        """
        token = bearer_token(authorization)
        digest = token_digest(token) if token else b""
        standing = self._registry.find_token(digest) if digest else None
        if standing is None:
            raise UnauthenticatedError("Send a valid API token: Authorization: Bearer tg_live_...")
        tenant = standing.tenant
        if tenant_header is not None and tenant_header.strip().lower() != tenant.tenant_id:
            raise TenantMismatchError("X-Tenant-Id names another tenant than the token does.")
        if tenant.state is TenantState.SUSPENDED:
            raise TenantSuspendedError("The operator has suspended this tenant.")
        return Caller(tenant, digest)
