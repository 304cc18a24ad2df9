"""What is sent is what the contract takes, of the size that was asked for."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest

from bench.hooks import MERCHANTS, SECRETS, hook_events, notification_url
from bench.workload import Load, Outcome, api_events, event_body
from tillgate.domain.event import batch_item_from_json, event_from_json
from tillgate.domain.json_value import parse
from tillgate.domain.provider import HookRequest
from tillgate.providers import PROVIDERS


@pytest.mark.parametrize("kilobytes", [0.5, 4, 64, 600])
def test_data_has_about_the_size_that_was_asked_for(kilobytes: float) -> None:
    event = event_from_json(parse(event_body("k", kilobytes).encode()), key="k")

    assert kilobytes * 800 <= len(event.data) <= kilobytes * 1000 + 200


def test_a_changed_event_is_another_event() -> None:
    texts = [event_body("k", 0.5, changed=changed) for changed in (False, True)]
    first, second = (event_from_json(parse(text.encode()), key="k") for text in texts)

    assert first.fingerprint != second.fingerprint


def test_a_batch_holds_an_event_for_each_key() -> None:
    [event] = api_events(Load(items=3), [["a", "b", "c"]])

    items = json.loads(event["body"])["events"]
    assert [item["idempotency_key"] for item in items] == ["a", "b", "c"]
    parsed = parse(event["body"].encode())
    assert isinstance(parsed, dict)
    assert isinstance(parsed["events"], list)
    assert batch_item_from_json(parsed["events"][0]).key == "api:a"


@pytest.mark.parametrize(
    ("load", "status"),
    [
        (Load(), 201),
        (Load(outcome=Outcome.DUPLICATE), 200),
        (Load(outcome=Outcome.CONFLICT), 422),
        (Load(items=10, outcome=Outcome.CONFLICT), 200),
        (Load(provider="square"), 200),
    ],
)
def test_every_load_knows_its_answer(load: Load, status: int) -> None:
    assert load.expected_status == status


def test_every_provider_is_measured() -> None:
    assert set(SECRETS) == set(PROVIDERS)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_provider_s_first_delivery_is_taken_by_its_verifier(provider: str) -> None:
    [event] = hook_events(Load(provider=provider), 1, endpoints={provider: "e-1"})
    body: str = event["body"]
    request = HookRequest(
        body=base64.b64decode(body) if event["isBase64Encoded"] else body.encode(),
        headers=event["headers"],
        notification_url=notification_url("e-1"),
        received_at=datetime.now(UTC),
    )

    assert PROVIDERS[provider].verify(request, SECRETS[provider])
    assert [item.merchant_id for item in PROVIDERS[provider].split(request)] == [
        MERCHANTS[provider]
    ]
