"""Where a tenant's events go, as the operator decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.domain.delivery import destination_seal_context
from tillgate.domain.destination_address import destination_flaw
from tillgate.domain.errors import Fault, InvalidRequestError, NotFoundError
from tillgate.domain.tenant import TenantId
from tillgate.services.read import uuid_or_not_found

if TYPE_CHECKING:
    from tillgate.domain.delivery import DestinationKind
    from tillgate.domain.destinations import DestinationRecord
    from tillgate.domain.operator_ports import DestinationStore
    from tillgate.domain.ports import SecretBox

NO_DESTINATION = "There is no such tenant, or it has no destination."


class Destinations:
    """One for each tenant, or none; all raise StoreUnavailableError.

    The tenant's id comes as the caller wrote it: NotFoundError for what is no id, or nobody's.
    ``allow_private`` lets plain http and addresses that are not public through.
    """

    def __init__(self, store: DestinationStore, *, box: SecretBox, allow_private: bool) -> None:
        self._store = store
        self._box = box
        self._allow_private = allow_private

    def set_destination(
        self, tenant_id: str, *, kind: DestinationKind, url: str, secret: str
    ) -> tuple[DestinationRecord, bool]:
        """Deliver the tenant's events there from now on; tell whether it had no destination.

        Idempotent. Raises InvalidRequestError for an address that is not to be called.
        """
        flaw = destination_flaw(url, allow_private=self._allow_private)
        if flaw is not None:
            raise InvalidRequestError([Fault("/url", flaw)])
        tenant = _tenant_id(tenant_id)
        sealed = self._box.seal(secret.encode(), context=destination_seal_context(tenant))
        return self._store.set_destination(tenant, kind=kind, url=url, sealed_secret=sealed)

    def destination(self, tenant_id: str) -> DestinationRecord:
        return _found(self._store.destination(_tenant_id(tenant_id)))

    def remove_destination(self, tenant_id: str) -> DestinationRecord:
        """Deliver the tenant's events nowhere from now on; give what was removed."""
        return _found(self._store.remove_destination(_tenant_id(tenant_id)))


def _tenant_id(text: str) -> TenantId:
    return TenantId(uuid_or_not_found(text, of="tenant"))


def _found(record: DestinationRecord | None) -> DestinationRecord:
    if record is None:
        raise NotFoundError(NO_DESTINATION)
    return record
