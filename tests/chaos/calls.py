"""What a sender sends as its n-th call, and how the answer to it is read."""

from __future__ import annotations

import base64
import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.chaos.ledger import Item, Told, digest_of
from tests.events import http_event
from tests.vendors import (
    square_body,
    square_headers,
    standard_body,
    standard_headers,
    toast_body,
    toast_headers,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.integration.sandbox import Answer

TOKEN = "tg_live_chaos"
MERCHANT = "M-chaos"
_HOOK = "POST /v1/hooks/{provider}/{endpoint_id}"
# Incompressible, and with it too large for a message: b85 leaves four fifths of its length.
LARGE_BYTES = (1_150_000, 3_000_000)
# How the key of an event ends that Postgres cannot read: its data holds U+0000.
POISON = "-poison"
# Large, and small enough for a message.
MIDDLING_BYTES = 900_000

_COUNTED = {"accepted": Told.NEW, "duplicates": Told.KNOWN, "queued": Told.QUEUED}
_STATED = {"stored": Told.NEW, "duplicate": Told.KNOWN, "queued": Told.QUEUED}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A source with a URL of its own."""

    provider: str
    endpoint_id: str
    url: str


@dataclass(frozen=True, slots=True)
class Mix:
    """``signs_time``: Standard Webhooks too, which a sandbox refuses whose clock is wrong.

    Without ``endpoints`` no hooks are sent. Every ``poison_every``-th call is an event that
    is taken here, and that no destination takes; none is where that is 0.
    """

    endpoints: Mapping[str, Endpoint]
    signs_time: bool = True
    large: bool = False
    token: str = TOKEN
    poison_every: int = 0


@dataclass(frozen=True, slots=True)
class Call:
    """A request; ``kind`` is single, batch or hook."""

    event: dict[str, Any]
    items: tuple[Item, ...]
    kind: str
    rid: str


def nth_call(mix: Mix, name: str, n: int) -> Call:
    """Make it, signed now: the same key and the same data each time for the same ``n``."""
    key = f"{name}-{n}"
    if mix.large and n % 4 in {1, 3}:
        size = MIDDLING_BYTES if n % 8 == 1 else random.Random(key).randint(*LARGE_BYTES)  # noqa: S311  Dice, not secrets.
        blob = base64.b85encode(random.Random(key).randbytes(size * 4 // 5)).decode()  # noqa: S311  As above.
        return single(key, {"mark": key, "blob": blob})
    if mix.poison_every and n % mix.poison_every == mix.poison_every - 1:
        return single(f"{key}{POISON}", {"mark": key, "total": "\x00"}, token=mix.token)
    if n % 20 == 7:
        return batch(key, 5, token=mix.token)
    return _nth_hook(mix, key, n) or single(key, {"mark": key, "total": n}, token=mix.token)


def _nth_hook(mix: Mix, key: str, n: int) -> Call | None:
    """Make it if the n-th call is a vendor's, and that vendor has an endpoint."""
    if n % 20 == 17 and mix.signs_time and "standard" in mix.endpoints:
        return hook(mix.endpoints["standard"], key, standard_body(mark=key))
    if n % 20 == 13 and "toast" in mix.endpoints:
        return hook(mix.endpoints["toast"], key, toast_body(key, restaurant=MERCHANT))
    if n % 10 == 3 and "square" in mix.endpoints:
        return hook(mix.endpoints["square"], key, square_body(key, merchant_id=MERCHANT))
    return None


def single(key: str, data: Mapping[str, Any], *, rid: str = "", token: str = TOKEN) -> Call:
    event = http_event(
        "POST",
        "/v1/events",
        headers={**_authorised(rid or key, token), "Idempotency-Key": key},
        body=json.dumps({"type": "order.created", "data": data}),
    )
    return Call(event, (Item(key, digest_of(data)),), "single", rid or key)


def hook(endpoint: Endpoint, key: str, body: bytes) -> Call:
    """Deliver ``body`` as its vendor does."""
    event = http_event(
        "POST",
        f"/v1/hooks/{endpoint.provider}/{endpoint.endpoint_id}",
        route=_HOOK,
        path_parameters={"provider": endpoint.provider, "endpoint_id": endpoint.endpoint_id},
        headers={**_signed(endpoint, key, body), "X-Request-Id": key},
        body=body,
    )
    return Call(event, (Item(key, digest_of(json.loads(body))),), "hook", key)


def batch(key: str, size: int, *, token: str = TOKEN) -> Call:
    keys = [f"{key}-{i}" for i in range(size)]
    data = [{"mark": k, "total": i} for i, k in enumerate(keys)]
    events = [
        {"idempotency_key": k, "type": "order.created", "data": d}
        for k, d in zip(keys, data, strict=True)
    ]
    event = http_event(
        "POST",
        "/v1/events/batch",
        headers=_authorised(key, token),
        body=json.dumps({"events": events}),
    )
    items = tuple(Item(k, digest_of(d)) for k, d in zip(keys, data, strict=True))
    return Call(event, items, "batch", key)


def _authorised(rid: str, token: str) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "X-Request-Id": rid,
    }


def _signed(endpoint: Endpoint, key: str, body: bytes) -> dict[str, str]:
    if endpoint.provider == "square":
        return square_headers(body, url=endpoint.url)
    if endpoint.provider == "toast":
        return toast_headers(body)
    return standard_headers(body, sent_at=datetime.now(UTC), message_id=key)


def told_by(call: Call, answer: Answer) -> list[tuple[Told, str]]:
    """Read what an answer says about each item of its call, and the id where it names one."""
    if answer.status == 503:
        refused = Told.REFUSED if "Retry-After" in answer.headers else Told.ODD
        return [(refused, "")] * len(call.items)
    if call.kind == "hook" and answer.status == 200:
        counts = [told for field, told in _COUNTED.items() if answer.body[field] == 1]
        return [(counts[0] if len(counts) == 1 else Told.ODD, "")]
    if call.kind == "batch" and answer.status == 200:
        return [
            (_STATED.get(result["status"], Told.ODD), result.get("event_id", ""))
            for result in answer.body["results"]
        ]
    if call.kind == "single":
        status = {201: Told.NEW, 200: Told.KNOWN, 202: Told.QUEUED}.get(answer.status, Told.ODD)
        return [(status, answer.body.get("event_id", ""))]
    return [(Told.ODD, "")] * len(call.items)
