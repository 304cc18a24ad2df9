"""Deliveries of each provider, signed as the vendor signs them."""

from __future__ import annotations

import base64
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bench.workload import data, gateway_event
from ops.simulators import SIMULATORS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.workload import Load
    from ops.simulators.simulator import Delivery

ROUTE = "POST /v1/hooks/{provider}/{endpoint_id}"
# Made up, and the same in every process: the world registers them, the subjects sign with them.
SECRETS = {
    "adyen": "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056",
    "clover": "0307e264-b33a-4913-88aa-37b10014a0b8",
    "lightspeed": "lightspeed-client-secret",
    "shopify": "shopify-app-secret",
    "square": "square-signature-key",
    "standard": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "stripe": "whsec_stripe-endpoint-secret",
    "sumup": "sumup-webhook-secret",
    "toast": "toast-webhook-secret",
    "zettle": "zettle-signing-key",
}
MERCHANTS = {provider: SIMULATORS[provider].merchant_example for provider in SECRETS}


def notification_url(endpoint_id: str) -> str:
    return f"https://hooks.example.test/{endpoint_id}"


def hook_events(load: Load, calls: int, *, endpoints: Mapping[str, str]) -> list[dict[str, Any]]:
    """Make so many first deliveries of the load's provider; ``endpoints``: ids by provider."""
    endpoint_id = endpoints[load.provider]
    return [_hook(load, endpoint_id) for _ in range(calls)]


def _hook(load: Load, endpoint_id: str) -> dict[str, Any]:
    delivery = _delivery(load, endpoint_id)
    headers = {name.lower(): value for name, value in delivery.headers.items()}
    event = gateway_event(
        f"/v1/hooks/{load.provider}/{endpoint_id}",
        headers=headers,
        body=delivery.body.decode(),
        route=ROUTE,
        path_parameters={"provider": load.provider, "endpoint_id": endpoint_id},
    )
    if not headers["content-type"].startswith("application/json"):
        # So does API Gateway with what it does not take for text.
        event |= {"body": base64.b64encode(delivery.body).decode(), "isBase64Encoded": True}
    return event


def _delivery(load: Load, endpoint_id: str) -> Delivery:
    simulator, merchant_id = SIMULATORS[load.provider], MERCHANTS[load.provider]
    return simulator.delivery(
        secret=SECRETS[load.provider],
        notification_url=notification_url(endpoint_id),
        merchants=[merchant_id] if merchant_id else [],
        key=str(uuid.uuid4()),
        at=datetime.now(UTC),
        # Clover says which object changed, and never to what: its deliveries are small.
        padding_bytes=len(data(load.kilobytes)) if simulator.tells_amount else 0,
    )
