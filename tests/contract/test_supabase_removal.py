"""Taking a row away at Supabase again, against servers on real sockets."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.contract.test_supabase import KEY, upstream
from tests.unit.adapters.aws.scripted_peer import answering, hanging_up, scripted_peer
from tests.unit.services.deliveries import DESTINATION, TENANT, outgoing
from tillgate.domain.delivery import Delivered, GaveUp, RetryLater
from tillgate.domain.tenant import EventId

if TYPE_CHECKING:
    from tests.unit.adapters.aws.scripted_peer import Reply
    from tillgate.domain.delivery import SendResult

EVENT_ID = EventId(outgoing(1).event_id)


def test_row_is_removed_by_its_id_and_its_tenants() -> None:
    with scripted_peer(answering(b"", status=204)) as peer, upstream() as made:
        result = made.remove(replace(DESTINATION, url=f"{peer.url}/base"), KEY, EVENT_ID)

    [request] = peer.requests
    head = request.decode().lower()
    assert result == Delivered(204)
    assert head.startswith(
        f"delete /base/rest/v1/tillgate_event?event_id=eq.{EVENT_ID}"
        f"&tenant_id=eq.{TENANT} http/1.1\r\n"
    )
    assert "\r\nprefer: return=minimal\r\n" in head
    assert f"\r\napikey: {KEY}\r\n" in head
    assert f"\r\nauthorization: bearer {KEY}\r\n" in head


@pytest.mark.parametrize(
    ("reply", "result"),
    [
        (answering(b'{"code":"42501"}', status=403), GaveUp("http-403-42501", 403)),
        (answering(b"", status=503), RetryLater("http-503", 503)),
        (hanging_up, RetryLater("broken-answer")),
        # Somebody who is not PostgREST, and removed nothing.
        (answering(b"<html>", status=200), RetryLater("unexpected-answer", 200)),
    ],
)
def test_what_becomes_of_a_removal_is_told_as_of_a_delivery(
    reply: Reply, result: SendResult
) -> None:
    with scripted_peer(reply) as peer, upstream() as made:
        got = made.remove(replace(DESTINATION, url=peer.url), KEY, EVENT_ID)

    assert got == result


def test_nothing_is_removed_at_an_address_that_is_not_public() -> None:
    with scripted_peer() as peer, upstream(allow_private=False) as made:
        got = made.remove(replace(DESTINATION, url=peer.url), KEY, EVENT_ID)

    assert got == GaveUp("bad-address")
    assert peer.requests == []
