"""Hooks taken from the accept queue, and a vendor of many items at once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from tillgate.domain.provider import HookItem, HookRequest, Vendor
from tillgate.domain.queued import QueuedHook
from tillgate.domain.vendor_rules import RetryRules

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.unit.services.hook_endpoints import Hooks


@dataclass(frozen=True)
class ManyAtOnce(Vendor):
    """A vendor that puts many merchants' events into one request."""

    name: str = "many"
    signs_merchant: bool = True
    retries: ClassVar[RetryRules] = RetryRules(documents="", answer_seconds=None, delays_seconds=())

    def verify(self, request: HookRequest, secret: str) -> bool:
        return request.headers.get("signature") == secret

    def split(self, request: HookRequest) -> Sequence[HookItem]:
        return [
            HookItem(key=key, type="t", data={"x": value}, identity=value, merchant_id=merchant)
            for merchant, key, value in json.loads(request.body)
        ]


def taken(hooks: Hooks) -> QueuedHook:
    message = hooks.queue.messages.pop()
    assert isinstance(message, QueuedHook)
    return message


def counts(hooks: Hooks, queued: QueuedHook) -> tuple[int, int, int]:
    tally = hooks.worker().accept(queued)
    assert tally.queued == 0
    return tally.accepted, tally.duplicates, tally.quarantined
