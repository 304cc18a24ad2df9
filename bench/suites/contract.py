"""The peer is no straw man: it answers what ours answers, call by call."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bench.rounds import Spread
from bench.workload import CONTENT_TYPE, TOKEN, event_body, gateway_event, new_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.stage import Stage
    from bench.subjects.process import SubjectProcess
    from ops.evidence import Row

_BEARER = {"authorization": f"Bearer {TOKEN}"}
# What a sender acts on; ids and times are each side's own.
_COMPARED = ("status", "duplicate", "results", "idempotency_key", "stored_as_before")


def run(stage: Stage) -> Iterator[Row]:
    calls = cases()
    ours = answers(stage.world.subject("ours"), calls)
    peer = answers(stage.world.subject("peer"), calls)
    differing = {
        name: {"ours": ours[name], "peer": peer[name]} for name in calls if ours[name] != peer[name]
    }
    told = {"answers": ours, "differing": differing}
    yield stage.goal("peer_differences", Spread.of([len(differing)]), told)


def cases() -> dict[str, dict[str, Any]]:
    """Give the calls by name, in the order in which they are to be made."""
    key, batch_key = new_key(), new_key()
    body = event_body(key, 0.5)
    keyed = {"idempotency-key": key}
    first = event_body(batch_key, 0.5, keyed=True)
    changed = event_body(batch_key, 0.5, changed=True, keyed=True)
    batch = f'{{"events": [{first}, {first}, {changed}, {{"type": "order.created"}}]}}'
    return {
        "new": _call(body, keyed),
        "duplicate": _call(body, keyed),
        "duplicate written otherwise": _call(_type_last(body), keyed),
        "conflict": _call(event_body(key, 0.5, changed=True), keyed),
        "no token": _call(body, keyed, token={}),
        "unknown token": _call(body, keyed, token={"authorization": "Bearer tg_live_nobody"}),
        "another tenant's": _call(body, {**keyed, "x-tenant-id": "another"}),
        "no key": _call(body, {}),
        "unusable key": _call(body, {"idempotency-key": "k" * 256}),
        "no JSON": _call(body[:-1], {"idempotency-key": new_key()}),
        "no event": _call('{"type": "order.created"}', {"idempotency-key": new_key()}),
        "unknown field": _call('{"type": "a", "data": {}, "x": 1}', {"idempotency-key": new_key()}),
        "too large": _call(event_body(key, 1100), keyed),
        "batch": _call(batch, {}, path="/v1/events/batch"),
        "empty batch": _call('{"events": []}', {}, path="/v1/events/batch"),
    }


def answers(subject: SubjectProcess, calls: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Make the calls; give of each answer what a sender acts on."""
    first_ids: dict[str, str] = {}
    told = {}
    for name, call in calls.items():
        answer = subject.ask(call)
        body = json.loads(answer["body"])
        if event_id := body.get("event_id"):
            key = call["headers"]["idempotency-key"]
            body["stored_as_before"] = first_ids.setdefault(key, event_id) == event_id
        body["results"] = [item["status"] for item in body.get("results", [])]
        told[name] = {"code": answer["statusCode"], **{k: body[k] for k in _COMPARED if k in body}}
    return told


def _type_last(body: str) -> str:
    """Write the same event otherwise: its type stands last."""
    kind = '"type": "order.created"'
    assert f"{kind}, " in body
    return f"{body.replace(f'{kind}, ', '', 1)[:-1]}, {kind}}}"


def _call(
    body: str,
    headers: dict[str, str],
    *,
    token: dict[str, str] = _BEARER,
    path: str = "/v1/events",
) -> dict[str, Any]:
    return gateway_event(path, headers={**CONTENT_TYPE, **token, **headers}, body=body)
