"""Traffic of many kinds against a stack, and what ``/metrics`` has to say of it afterwards."""

from __future__ import annotations

import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx

from ops.local.vendors import square
from tests.integration.dice import seeded
from tests.metric_counts import EVENTS, HOOKS, Sent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class CountedSender:
    """One sender, who asks this and that at random, and checks that the answer is what it knows."""

    def __init__(self, stack: Mapping[str, Any], seed: int) -> None:
        tenant = stack["tenants"][0]
        self.sent = Sent()
        self._dice = seeded(seed)
        self._square = next(made for made in tenant["sources"] if made["provider"] == "square")
        self._http = httpx.Client(base_url=stack["api_url"], timeout=30, trust_env=False)
        self._token = {"Authorization": f"Bearer {tenant['api_token']}"}
        self._known: list[str] = []

    def close(self) -> None:
        self._http.close()

    def send_any(self) -> None:
        kinds = [self.new, self.again, self.other, self.nobody, self.keyless, self.batch]
        self._dice.choices([*kinds, self.hook, self.listed], weights=[8, 2, 1, 1, 1, 2, 3, 1])[0]()

    def new(self) -> None:
        key = uuid.uuid4().hex
        assert self._post(key, {"n": 1}) == 201
        self._known.append(key)
        self.sent.add("POST", EVENTS, 201, stored=1)

    def again(self) -> None:
        if not self._known:
            return self.new()
        assert self._post(self._dice.choice(self._known), {"n": 1}) == 200
        return self.sent.add("POST", EVENTS, 200, duplicate=1)

    def other(self) -> None:
        if not self._known:
            return self.new()
        assert self._post(self._dice.choice(self._known), {"n": 2}) == 422
        return self.sent.add("POST", EVENTS, 422, conflict=1)

    def nobody(self) -> None:
        assert self._http.post(EVENTS, json={}).status_code == 401
        self.sent.add("POST", EVENTS, 401)

    def keyless(self) -> None:
        answer = self._http.post(EVENTS, json={"type": "a", "data": {}}, headers=self._token)
        assert answer.status_code == 400
        self.sent.add("POST", EVENTS, 400, invalid=1)

    def batch(self) -> None:
        item = {"idempotency_key": uuid.uuid4().hex, "type": "a", "data": {}}
        items = [item, item, {**item, "type": "b"}, {"type": "a"}]
        answer = self._http.post(f"{EVENTS}/batch", json={"events": items}, headers=self._token)
        told = [result["status"] for result in answer.json()["results"]]
        assert told == ["stored", "duplicate", "conflict", "invalid"]
        self.sent.add(
            "POST", f"{EVENTS}/batch", 200, stored=1, duplicate=1, conflict=1, invalid=1
        )  # fmt: skip

    def hook(self) -> None:
        url = self._square["notification_url"]
        signed = square(
            key=uuid.uuid4().hex,
            secret=self._square["secret"],
            notification_url=url,
            merchant_id=self._square["merchant_id"],
        )
        is_forged = self._dice.random() < 0.3
        body = signed.body + b" " * is_forged
        answer = self._http.post(url, content=body, headers=signed.headers)
        assert answer.status_code == (401 if is_forged else 200), answer.text
        told = {"refused": 1} if is_forged else {"stored": 1}
        self.sent.add("POST", HOOKS, answer.status_code, provider="square", **told)

    def listed(self) -> None:
        answer = self._http.get(EVENTS, params={"limit": 1}, headers=self._token)
        assert answer.status_code == 200
        self.sent.add("GET", EVENTS, 200)

    def _post(self, key: str, data: Mapping[str, int]) -> int:
        body = json.dumps({"type": "counted", "data": data})
        headers = {**self._token, "Content-Type": "application/json", "Idempotency-Key": key}
        return self._http.post(EVENTS, content=body, headers=headers).status_code


def send_for(seconds: float, senders: Sequence[CountedSender]) -> None:
    """Let all of them send at once, each one request after the other."""
    until = time.monotonic() + seconds

    def run(sender: CountedSender) -> None:
        while time.monotonic() < until:
            sender.send_any()

    with ThreadPoolExecutor(len(senders)) as pool:
        for _ in pool.map(run, senders):
            pass


def all_sent(senders: Sequence[CountedSender]) -> Sent:
    """Add up what the senders sent."""
    total = Sent()
    for sender in senders:
        total.counts.update(sender.sent.counts)
    return total
