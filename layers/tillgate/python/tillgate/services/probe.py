"""Does a tenant's destination take what is delivered to it?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.domain.audit import Action, Deed
from tillgate.domain.delivery import AttemptOutcome, Delivered, RetryLater
from tillgate.domain.destinations import ProbeResult
from tillgate.domain.errors import NotFoundError, SealBrokenError
from tillgate.domain.tenant import TenantId
from tillgate.services.destinations import NO_DESTINATION
from tillgate.services.read import uuid_or_not_found

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tillgate.domain.delivery import DestinationKind
    from tillgate.domain.operator_ports import AuditLog, SealedDestinations
    from tillgate.domain.ports import SecretBox, Upstream

CANNOT_OPEN = "its secret cannot be opened any more: set the destination anew"


class ProbeDestination:
    """Makes a delivery's request without an event, so that nothing is stored there.

    It is one request, whatever the breaker says, and no attempt of any event. That it is made
    is written down before. ``clock`` gives monotonic seconds.
    """

    def __init__(
        self,
        destinations: SealedDestinations,
        *,
        box: SecretBox,
        upstreams: Mapping[DestinationKind, Upstream],
        log: AuditLog,
        clock: Callable[[], float],
    ) -> None:
        self._destinations = destinations
        self._box = box
        self._upstreams = upstreams
        self._log = log
        self._clock = clock

    def run(self, tenant_id: str) -> ProbeResult:
        """Tell what an attempt to deliver would have come to.

        Raises NotFoundError, StoreUnavailableError, and SecretUnavailableError without a key
        ring; what the destination does is the answer, not an error.
        """
        tenant = TenantId(uuid_or_not_found(tenant_id, of="tenant"))
        destination = self._destinations.find(tenant)
        if destination is None:
            raise NotFoundError(NO_DESTINATION)
        self._log.record(Deed(Action.DESTINATION_TESTED, tenant_id=tenant))
        started = self._clock()
        try:
            secret = self._box.open(
                destination.sealed_secret, context=destination.seal_context
            ).decode()
        except SealBrokenError:
            return self._result(AttemptOutcome.GAVE_UP, None, CANNOT_OPEN, started)
        result = self._upstreams[destination.kind].send(destination, secret, ())
        if isinstance(result, Delivered):
            return self._result(AttemptOutcome.DELIVERED, result.status, None, started)
        outcome = (
            AttemptOutcome.RETRY_LATER if isinstance(result, RetryLater) else AttemptOutcome.GAVE_UP
        )
        return self._result(outcome, result.status, result.reason, started)

    def _result(
        self, outcome: AttemptOutcome, status: int | None, reason: str | None, started: float
    ) -> ProbeResult:
        return ProbeResult(
            outcome=outcome,
            status=status,
            duration_ms=round((self._clock() - started) * 1000, 1),
            reason=reason,
        )
