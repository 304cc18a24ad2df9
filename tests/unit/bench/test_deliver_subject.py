from __future__ import annotations

import uuid

from bench.subjects.deliver import sqs_event
from tillgate.domain.tenant import EventId, TenantId
from tillgate.entrypoints.deliver import opened
from tillgate.entrypoints.queue_batch import Record


def test_what_deliver_is_fed_it_reads_in_messages_of_a_hundred() -> None:
    tenant_id = TenantId(str(uuid.uuid4()))
    event_ids = [EventId(str(uuid.uuid4())) for _ in range(250)]
    event = sqs_event(tenant_id, event_ids, queue="delivery")
    messages = [opened(Record.from_lambda(record).body) for record in event["Records"]]
    assert [len(one.event_ids) for one in messages] == [100, 100, 50]
    assert {one.tenant_id for one in messages} == {tenant_id}
    assert [event_id for one in messages for event_id in one.event_ids] == event_ids
