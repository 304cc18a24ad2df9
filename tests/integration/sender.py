"""A sender in a process of its own, which can be killed: events in, acknowledgements out.

Run as a script. What it sends follows from its number and the count of what was
acknowledged before, so whoever takes over after a kill repeats what was left open, and a
test can tell afterwards what each key must hold.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.integration.polling import pause
from tillgate.adapters.postgres.connection import Database
from tillgate.adapters.postgres.event_store import PostgresEventStore
from tillgate.domain.errors import StoreUnavailableError
from tillgate.domain.event import NewEvent, Outcome
from tillgate.domain.idempotency import fingerprint
from tillgate.domain.tenant import TenantId

_BATCH = 20


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What a sender was told about one key: ``data`` is what it had sent."""

    key: str
    data: str
    outcome: Outcome
    event_id: str


def to_send(sender: int, n: int) -> list[tuple[str, str]]:
    """Give what a sender sends as its ``n``-th call: (key, data) of each event."""
    if n % 10 == 7:  # All senders send the same.
        return [(f"same-{n}-{i}", f'{{"n":{n}}}') for i in range(3)]
    if n % 10 == 8:  # All senders send something else under one key.
        return [(f"contested-{n}", f'{{"from":{sender}}}')]
    size = _BATCH if n % 10 == 9 else 1
    return [(f"{sender}-{n}-{i}", f'{{"from":{sender},"n":{n}}}') for i in range(size)]


def read_acknowledgements(path: Path) -> list[list[Acknowledgement]]:
    """Read what a sender was told, by call; a line cut short by a kill was not told."""
    lines = path.read_text().split("\n")[:-1] if path.exists() else []
    return [
        [
            Acknowledgement(key, data, Outcome(outcome), event_id)
            for key, data, outcome, event_id in json.loads(line)
        ]
        for line in lines
    ]


def main(url: str, tenant: str, sender: int, path: Path) -> None:
    """Send until killed, each call until it is acknowledged."""
    told = read_acknowledgements(path)
    path.write_text("".join(_line(call) for call in told))
    store = PostgresEventStore(Database(lambda: url, max_uses=1_000), within_seconds=0.8)
    with path.open("ab", buffering=0) as record:
        n = len(told)
        while os.getppid() == int(os.environ["SENDER_PARENT"]):
            call = to_send(sender, n)
            events = [_event(key, data) for key, data in call]
            try:
                answers = store.accept(TenantId(tenant), events, received_at=datetime.now(UTC))
            except StoreUnavailableError:
                pause(0.02)
                continue
            acknowledged = [
                Acknowledgement(key, data, answer.outcome, answer.event_id)
                for (key, data), answer in zip(call, answers, strict=True)
            ]
            record.write(_line(acknowledged).encode())
            n += 1


def _line(call: list[Acknowledgement]) -> str:
    return json.dumps([[a.key, a.data, a.outcome, a.event_id] for a in call]) + "\n"


def _event(key: str, data: str) -> NewEvent:
    return NewEvent(
        key=f"api:{key}",
        fingerprint=fingerprint(data),
        source_id=None,
        type="order.created",
        data=data,
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]))
