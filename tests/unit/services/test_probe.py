from __future__ import annotations

import pytest

from tests.audit_fakes import InMemoryAuditLog
from tests.delivery_fakes import FixedUpstream, InMemoryDestinations
from tests.fakes import PlainSecretBox
from tillgate.domain.delivery import (
    AttemptOutcome,
    Delivered,
    DestinationKind,
    GaveUp,
    RetryLater,
    SendResult,
    destination_seal_context,
)
from tillgate.domain.destinations import ProbeResult
from tillgate.domain.errors import NotFoundError, SealBrokenError, StoreUnavailableError
from tillgate.domain.tenant import TenantId
from tillgate.services.probe import ProbeDestination

TENANT = TenantId("11111111-1111-4111-8111-11111111abcd")
NOBODY = "00000000-0000-4000-8000-000000000000"


class BrokenSecretBox(PlainSecretBox):
    def open(self, sealed: bytes, *, context: str) -> bytes:
        raise SealBrokenError(f"{len(sealed)} bytes for {context}")


@pytest.fixture
def destinations() -> InMemoryDestinations:
    store = InMemoryDestinations([TENANT])
    store.set_destination(
        TENANT,
        kind=DestinationKind.SUPABASE,
        url="https://abc.supabase.co",
        sealed_secret=PlainSecretBox().seal(b"key", context=destination_seal_context(TENANT)),
    )
    return store


def probe(
    destinations: InMemoryDestinations, upstream: FixedUpstream, box: PlainSecretBox | None = None
) -> ProbeDestination:
    ticks = iter([10.0, 10.0421])
    return ProbeDestination(
        destinations,
        box=box or PlainSecretBox(),
        upstreams={DestinationKind.SUPABASE: upstream},
        log=InMemoryAuditLog(),
        clock=lambda: next(ticks),
    )


def test_one_request_is_made_with_the_secret_and_no_event(
    destinations: InMemoryDestinations,
) -> None:
    upstream = FixedUpstream(Delivered(201))

    result = probe(destinations, upstream).run(TENANT.upper())

    [(destination, secret, events)] = upstream.sent
    assert (destination.url, secret, events) == ("https://abc.supabase.co", "key", ())
    assert result == ProbeResult(
        outcome=AttemptOutcome.DELIVERED, status=201, duration_ms=42.1, reason=None
    )


@pytest.mark.parametrize(
    ("sent", "outcome", "status", "reason"),
    [
        (RetryLater("http-503", 503, 30.0), AttemptOutcome.RETRY_LATER, 503, "http-503"),
        (RetryLater("timeout"), AttemptOutcome.RETRY_LATER, None, "timeout"),
        (GaveUp("http-401", 401), AttemptOutcome.GAVE_UP, 401, "http-401"),
    ],
)
def test_what_the_destination_does_is_the_answer(
    destinations: InMemoryDestinations,
    sent: SendResult,
    outcome: AttemptOutcome,
    status: int | None,
    reason: str,
) -> None:
    result = probe(destinations, FixedUpstream(sent)).run(TENANT)

    assert (result.outcome, result.status, result.reason) == (outcome, status, reason)


def test_secret_that_does_not_open_is_said_and_nothing_is_sent(
    destinations: InMemoryDestinations,
) -> None:
    upstream = FixedUpstream(Delivered(201))

    result = probe(destinations, upstream, BrokenSecretBox()).run(TENANT)

    assert result.outcome is AttemptOutcome.GAVE_UP
    assert "set the destination anew" in str(result.reason)
    assert upstream.sent == []


@pytest.mark.parametrize("unknown", [NOBODY, "cafe"])
def test_tenant_without_a_destination_is_not_found(
    destinations: InMemoryDestinations, unknown: str
) -> None:
    with pytest.raises(NotFoundError):
        probe(destinations, FixedUpstream(Delivered(201))).run(unknown)


def test_database_that_is_down_is_no_answer_about_the_destination(
    destinations: InMemoryDestinations,
) -> None:
    destinations.is_down = True

    with pytest.raises(StoreUnavailableError):
        probe(destinations, FixedUpstream(Delivered(201))).run(TENANT)
