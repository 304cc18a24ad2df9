"""What is posted of events whose objects were to be fetched."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.contract.test_supabase import CREATED, KEY, head_of, upstream
from tests.unit.adapters.aws.scripted_peer import scripted_peer
from tests.unit.services.deliveries import DESTINATION, outgoing
from tillgate.domain.enrichment import Enrichment, EnrichmentState

if TYPE_CHECKING:
    from tillgate.domain.delivery import OutgoingEvent

ADDED = {"object", "enrichment", "enrichment_reason"}


def enriched(
    number: int,
    state: EnrichmentState,
    *,
    object_text: str | None = None,
    reason: str | None = None,
) -> OutgoingEvent:
    fetched = Enrichment(state=state, object=object_text, reason=reason)
    return replace(outgoing(number), enrichment=fetched)


def posted(*events: OutgoingEvent) -> str:
    with scripted_peer(CREATED) as peer, upstream() as made:
        made.send(replace(DESTINATION, url=peer.url), KEY, events)
        text: str = head_of(peer)[2]
        return text


def test_an_object_stands_in_its_row_as_it_was_received() -> None:
    text = '{ "big":' + "9" * 400 + ',\n "price":12.10,"word":"é🧾" }'

    body = posted(
        enriched(1, EnrichmentState.FETCHED, object_text=text),
        enriched(2, EnrichmentState.GONE, reason="http-404"),
        enriched(3, EnrichmentState.GAVE_UP, reason="timeout"),
        outgoing(4),
    )

    assert f'"object":{text},"enrichment":"fetched","enrichment_reason":null' in body
    rows = json.loads(body, parse_float=str)
    assert [(row["enrichment"], row["enrichment_reason"]) for row in rows] == [
        ("fetched", None),
        ("gone", "http-404"),
        ("gave_up", "timeout"),
        ("none", None),
    ]
    assert [row["object"] for row in rows[1:]] == [None, None, None]
    # PostgREST takes no rows whose members differ.
    assert len({frozenset(row) for row in rows}) == 1


def test_a_request_that_fetched_nothing_names_no_new_column() -> None:
    for row in json.loads(posted(outgoing(1), outgoing(2))):
        assert not ADDED & row.keys()


@pytest.mark.parametrize("state", [state for state in EnrichmentState if state != "none"])
def test_one_event_that_was_to_be_enriched_names_them_for_all(state: EnrichmentState) -> None:
    for row in json.loads(posted(outgoing(1), enriched(2, state))):
        assert row.keys() >= ADDED
