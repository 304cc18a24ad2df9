"""Traffic of many kinds against a stack, and what ``/metrics`` has to say of it afterwards."""

from __future__ import annotations

import json
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx

from ops.simulators import SIMULATORS
from tests.integration.dice import seeded
from tests.metric_counts import EVENTS, HOOKS, OUTCOMES, Sent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


_BATCH = Counter(stored=1, duplicate=1, conflict=1, invalid=1)
_QUEUED_BATCH = Counter(queued=3, invalid=1)


class CountedSender:
    """One sender, who asks this and that at random, and checks that the answer is what it knows."""

    def __init__(self, stack: Mapping[str, Any], seed: int) -> None:
        tenant = stack["tenants"][0]
        self.sent = Sent()
        self._dice = seeded(seed)
        self._square = next(made for made in tenant["sources"] if made["provider"] == "square")
        self._http = httpx.Client(base_url=stack["api_url"], timeout=60, trust_env=False)
        self._token = {"Authorization": f"Bearer {tenant['api_token']}"}
        self._known: list[str] = []

    def close(self) -> None:
        self._http.close()

    def send_any(self) -> None:
        kinds = [self.new, self.again, self.other, self.nobody, self.keyless, self.batch]
        self._dice.choices([*kinds, self.hook, self.listed], weights=[8, 2, 1, 1, 1, 2, 3, 1])[0]()

    def new(self) -> None:
        key = uuid.uuid4().hex
        if self._post(key, {"n": 1}, status=201):
            self._known.append(key)

    def again(self) -> None:
        if self._known:
            self._post(self._dice.choice(self._known), {"n": 1}, status=200)

    def other(self) -> None:
        if self._known:
            self._post(self._dice.choice(self._known), {"n": 2}, status=422)

    def nobody(self) -> None:
        assert self._http.post(EVENTS, json={}).status_code == 401
        self.sent.add("POST", EVENTS, 401)

    def keyless(self) -> None:
        answer = self._http.post(EVENTS, json={"type": "a", "data": {}}, headers=self._token)
        assert answer.status_code == 400
        self.sent.add("POST", EVENTS, 400, {"invalid": 1})

    def batch(self) -> None:
        item = {"idempotency_key": uuid.uuid4().hex, "type": "a", "data": {}}
        items = [item, item, {**item, "type": "b"}, {"type": "a"}]
        answer = self._http.post(f"{EVENTS}/batch", json={"events": items}, headers=self._token)
        told = Counter(result["status"] for result in answer.json()["results"])
        assert told in (_BATCH, _QUEUED_BATCH)
        self.sent.add("POST", f"{EVENTS}/batch", 200, told)

    def hook(self) -> None:
        url = self._square["notification_url"]
        signed = SIMULATORS["square"].delivery(
            secret=self._square["secret"],
            notification_url=url,
            merchants=[self._square["merchant_id"]],
            key=uuid.uuid4().hex,
            at=datetime.now(UTC),
        )
        is_forged = self._dice.random() < 0.3
        body = signed.body + b" " * is_forged
        answer = self._http.post(url, content=body, headers=dict(signed.headers))
        assert answer.status_code == (401 if is_forged else 200), answer.text
        is_queued = answer.json().get("queued") == 1
        told = "refused" if is_forged else "queued" if is_queued else "stored"
        self.sent.add("POST", HOOKS, answer.status_code, {told: 1}, provider="square")

    def listed(self) -> None:
        answer = self._http.get(EVENTS, params={"limit": 1}, headers=self._token)
        assert answer.status_code == 200
        self.sent.add("GET", EVENTS, 200)

    def _post(self, key: str, data: Mapping[str, int], *, status: int) -> bool:
        """Tell whether it was answered as it should be, and not with 202."""
        body = json.dumps({"type": "counted", "data": data})
        headers = {**self._token, "Content-Type": "application/json", "Idempotency-Key": key}
        told = self._http.post(EVENTS, content=body, headers=headers).status_code
        assert told in {status, 202}
        self.sent.add("POST", EVENTS, told, {OUTCOMES[told]: 1})
        return told == status


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
