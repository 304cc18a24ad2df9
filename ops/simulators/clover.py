"""Clover: orders opened at stations. What changed is named, not told.

https://docs.clover.com/dev/docs/webhooks
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from ops.simulators.simulator import (
    JSON_TYPE,
    Handshake,
    SentEvent,
    Simulator,
    Unsigned,
    json_bytes,
    milliseconds,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ops.simulators.simulator import Sale, Sending

APP_ID = "DEMOAPP"


class Clover(Simulator):
    """Signs nothing: the secret itself is sent. One delivery holds many merchants' updates.

    Padding stands beside them, in the envelope.
    """

    name = "clover"
    signature_header = "X-Clover-Auth"
    holds_many = True
    tells_amount = False

    def new_secret(self) -> str:
        return str(uuid.uuid4())

    def merchant_id(self, number: int) -> str:
        return f"CLDEMO{number:07d}"

    def write(self, sales: Sequence[Sale]) -> Unsigned:
        merchants: dict[str, list[dict[str, object]]] = {}
        events = []
        for sale in sales:
            object_id, ts = f"O:{sale.key}", milliseconds(sale.at)
            update = {"objectId": object_id, "type": "CREATE", "ts": ts}
            merchants.setdefault(sale.merchant_id or "", []).append(update)
            event = SentEvent(
                key=f"{APP_ID}:{sale.merchant_id}:{object_id}:CREATE:{ts}",
                type="order.create",
                merchant_id=sale.merchant_id,
            )
            events.append(event)
        envelope: dict[str, object] = {"appId": APP_ID, "merchants": merchants}
        if padding := "".join(sale.padding for sale in sales):
            envelope["padding"] = padding
        return Unsigned(body=json_bytes(envelope), headers=JSON_TYPE, events=tuple(events))

    def signature(self, request: Unsigned, sending: Sending) -> dict[str, str]:  # noqa: ARG002  Nothing is signed.
        return {self.signature_header: sending.secret}

    def handshake(self) -> Handshake:
        """Give the request with which Clover asks whose URL it is."""
        code = str(uuid.uuid4())
        return Handshake(body=json_bytes({"verificationCode": code}), headers=JSON_TYPE, code=code)
