"""How long a tenant's events are kept, and that a tenant is erased, as the operator decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.domain.errors import NotFoundError
from tillgate.domain.tenant import EventId, TenantId
from tillgate.services.read import uuid_or_not_found

if TYPE_CHECKING:
    from tillgate.domain.retention import (
        Erased,
        ErasureRecord,
        RetentionRecord,
        RetentionStatus,
        RetentionStore,
    )

NO_TENANT = "There is no such tenant."


class Retention:
    """The operator's use cases; all raise StoreUnavailableError.

    ``default_days`` is the stage's. Ids come as the caller wrote them: NotFoundError for what is
    no id, or nobody's.
    """

    def __init__(self, store: RetentionStore, *, default_days: int) -> None:
        self._store = store
        self._default_days = default_days

    def status(self) -> RetentionStatus:
        """Give the stage's retention, and what only waits for somebody to decide on it."""
        return self._store.status(default_days=self._default_days)

    def retention(self, tenant_id: str) -> RetentionRecord:
        found = self._store.retention(_tenant_id(tenant_id), default_days=self._default_days)
        if found is None:
            raise NotFoundError(NO_TENANT)
        return found

    def set_retention(self, tenant_id: str, days: int | None) -> RetentionRecord:
        """Keep the tenant's events so long from now on; None: as the stage has it. Idempotent.

        What is older goes within hours, for good.
        """
        if not self._store.set_retention(_tenant_id(tenant_id), days):
            raise NotFoundError(NO_TENANT)
        return self.retention(tenant_id)

    def plan_erasure(
        self, tenant_id: str, *, after: EventId | None
    ) -> tuple[Erased, EventId | None]:
        """Count what erasing the tenant would remove, as much of it as one call can."""
        self.retention(tenant_id)
        return self._store.plan_erasure(_tenant_id(tenant_id), after=after)

    def erase(self, tenant_id: str, *, slug: str) -> ErasureRecord:
        """Begin to erase a suspended tenant; sweep does the rest. Idempotent, and for good.

        Raises TenantNotSuspendedError, and InvalidRequestError when ``slug`` is not its own.
        """
        return self._store.erase(_tenant_id(tenant_id), slug=slug)

    def erasure(self, tenant_id: str) -> ErasureRecord:
        """Tell how far it is."""
        found = self._store.erasure(_tenant_id(tenant_id))
        if found is None:
            raise NotFoundError("There is no such tenant, or nobody asked to erase it.")
        return found


def _tenant_id(text: str) -> TenantId:
    return TenantId(uuid_or_not_found(text, of="tenant"))
