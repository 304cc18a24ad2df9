"""Storing events once: a unique key, and a fingerprint that tells a repeat from a reuse."""

import datetime as dt
import hashlib
import json
import uuid
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from bench.peers.fastapi_peer.database import Event
from bench.peers.fastapi_peer.schemas import EventIn


def fingerprint(event: EventIn) -> bytes:
    document = event.model_dump(mode="json", exclude={"idempotency_key"})
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).digest()


def store(
    session: Session, tenant_id: uuid.UUID, events: Sequence[tuple[str, EventIn]]
) -> list[tuple[str, Event]]:
    """Insert what is new and commit; give (stored|duplicate|conflict, row) for each, in order."""
    now = dt.datetime.now(dt.UTC)
    rows = {}
    for key, event in events:
        rows.setdefault(
            key,
            {
                "tenant_id": tenant_id,
                "idempotency_key": key,
                "id": uuid.uuid4(),
                "fingerprint": fingerprint(event),
                "received_at": now,
                **event.model_dump(exclude={"idempotency_key"}),
            },
        )
    inserted = session.scalars(
        insert(Event).on_conflict_do_nothing().returning(Event), list(rows.values())
    ).all()
    stored = {event.idempotency_key: event for event in inserted}
    new = set(stored)
    if missing := rows.keys() - new:
        known = session.scalars(
            select(Event).where(Event.tenant_id == tenant_id, Event.idempotency_key.in_(missing))
        )
        stored |= {event.idempotency_key: event for event in known}
    session.commit()
    answers = []
    for key, event in events:
        row = stored[key]
        if key in new:
            new.discard(key)
            answers.append(("stored", row))
        else:
            same = row.fingerprint == fingerprint(event)
            answers.append(("duplicate" if same else "conflict", row))
    return answers
