from __future__ import annotations

import pytest

from tests.delivery_fakes import FixedUpstream, InMemoryDestinations, InMemorySyntheticEvents
from tests.fakes import PlainSecretBox
from tillgate.domain.delivery import (
    Delivered,
    DestinationKind,
    GaveUp,
    RetryLater,
    SendResult,
    destination_seal_context,
)
from tillgate.domain.errors import DeliveryUnderWayError, NotFoundError
from tillgate.domain.synthetic import CopyRemoval, Held, SyntheticDiscarded
from tillgate.domain.tenant import EventId, TenantId
from tillgate.services.synthetic import DiscardSynthetic

TENANT = TenantId("11111111-1111-4111-8111-11111111abcd")
EVENT = EventId("01a207d9-2607-7716-9e0b-6a4f1d2c8b35")
DELIVERED = Held(is_under_way=False, was_tried=True)


class Scene:
    """A synthetic event, and a tenant with a destination."""

    def __init__(self, held: Held, result: SendResult) -> None:
        self.events = InMemorySyntheticEvents({(TENANT, EVENT): held})
        self.upstream = FixedUpstream(result)
        self.destinations = InMemoryDestinations([TENANT])
        self.destinations.set_destination(
            TENANT,
            kind=DestinationKind.SUPABASE,
            url="https://abc.supabase.co",
            sealed_secret=PlainSecretBox().seal(b"key", context=destination_seal_context(TENANT)),
        )

    def discard(self, event_id: str = EVENT) -> SyntheticDiscarded:
        ticks = iter([10.0, 10.0421])
        return DiscardSynthetic(
            self.events,
            destinations=self.destinations,
            box=PlainSecretBox(),
            upstreams={DestinationKind.SUPABASE: self.upstream},
            clock=lambda: next(ticks),
        ).run(TENANT.upper(), event_id)


def test_event_and_its_copy_are_taken_away() -> None:
    scene = Scene(DELIVERED, Delivered(204))

    discarded = scene.discard(EVENT.upper())

    [(destination, secret, event_id)] = scene.upstream.removed
    assert (destination.tenant_id, secret, event_id) == (TENANT, "key", EVENT)
    assert scene.events.events == {}
    assert discarded == SyntheticDiscarded(
        event_id=EVENT,
        destination=CopyRemoval(is_removed=True, status=204, duration_ms=42.1, reason=None),
    )


@pytest.mark.parametrize(
    ("result", "status", "reason"),
    [
        (GaveUp("http-403-42501", 403), 403, "http-403-42501"),
        (RetryLater("timeout"), None, "timeout"),
    ],
)
def test_event_goes_though_its_copy_stays_and_that_is_said(
    result: SendResult, status: int | None, reason: str
) -> None:
    scene = Scene(DELIVERED, result)

    discarded = scene.discard()

    assert scene.events.events == {}
    assert discarded.destination is not None
    assert discarded.destination.is_removed is False
    assert (discarded.destination.status, discarded.destination.reason) == (status, reason)


def test_destination_is_not_asked_about_what_it_was_never_sent() -> None:
    scene = Scene(Held(is_under_way=False, was_tried=False), Delivered(204))

    assert scene.discard().destination is None
    assert scene.upstream.removed == []
    assert scene.events.events == {}


def test_copy_at_a_destination_that_is_no_longer_the_tenants_is_said_to_stay() -> None:
    scene = Scene(DELIVERED, Delivered(204))
    scene.destinations.remove_destination(TENANT)

    copy = scene.discard().destination

    assert copy is not None
    assert (copy.is_removed, copy.reason) == (False, "no-destination")
    assert scene.events.events == {}


def test_event_that_is_on_its_way_is_left_until_it_has_arrived() -> None:
    scene = Scene(Held(is_under_way=True, was_tried=True), Delivered(204))

    with pytest.raises(DeliveryUnderWayError):
        scene.discard()

    assert scene.upstream.removed == []
    assert (TENANT, EVENT) in scene.events.events


@pytest.mark.parametrize("unknown", [EVENT.replace("35", "36"), "an-event"])
def test_any_other_event_is_not_found(unknown: str) -> None:
    scene = Scene(DELIVERED, Delivered(204))

    with pytest.raises(NotFoundError):
        scene.discard(unknown)

    assert scene.upstream.removed == []
