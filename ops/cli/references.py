"""How a person names a thing on the command line, and how the API does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ops.cli.errors import NoSuchThingError, UsageError

if TYPE_CHECKING:
    from ops.cli.client import AdminClient

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_SLUG = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
LIST_TENANTS = "tillgate tenant list"


def find_tenant_id(client: AdminClient, slug_or_id: str) -> str:
    """Give the id of the tenant that is meant. Raises NoSuchThingError for an unknown slug."""
    if _UUID.fullmatch(slug_or_id):
        return slug_or_id.lower()
    if not _SLUG.fullmatch(slug_or_id):
        # Not repeated: what is no slug may be a token, pasted into the wrong place.
        raise UsageError(
            "TENANT is a tenant's slug (a-z, 0-9 and -, at most 63) or its id.",
            next_step=LIST_TENANTS,
        )
    for tenant in client.get("/tenants", {"slug": slug_or_id}).records("tenants"):
        if tenant.get("slug") == slug_or_id:
            return str(tenant["tenant_id"])
    raise NoSuchThingError(f"No tenant has the slug {slug_or_id}.", next_step=LIST_TENANTS)


def check_id(value: str, *, argument: str, next_step: str) -> str:
    """Give an id as the API writes it. Raises UsageError, which does not repeat the value."""
    if _UUID.fullmatch(value):
        return value.lower()
    raise UsageError(
        f"{argument} is an id like 0190f5e2-7a5b-7c31-9d2e-6f1a2b3c4d5e.",
        next_step=next_step,
    )
