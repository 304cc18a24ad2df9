"""What goes in comes out, to the last character and the last microsecond."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.integration.dice import seeded
from tests.integration.events import NOW, event
from tests.integration.integrity import faults
from tillgate.adapters.postgres.event_reader import PostgresEventReader
from tillgate.adapters.postgres.event_store import PostgresEventStore
from tillgate.domain.event import Outcome, event_from_json
from tillgate.domain.json_value import parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.testdatabase import TestDatabase
    from tillgate.adapters.postgres.connection import Database
    from tillgate.domain.event import NewEvent
    from tillgate.domain.stored_event import StoredEvent
    from tillgate.domain.tenant import TenantId

    Connect = Callable[[str], Database]

MEBIBYTE = 1024 * 1024
DATA = {
    "trailing zero": '{"total":12.10}',
    "400 digits": f'{{"n":{"9" * 400}}}',
    "doubles": '{"a":-0.0,"b":1.7976931348623157e308,"c":5e-324,"d":1E+2,"e":-0}',
    "NUL": '{"a":"x\\u0000y","\\u0000":1}',
    "emoji": '{"👩‍🍳":"🏳️‍🌈 \U0001f9fe é e\u0301"}',
    "controls": '{"a":"\\u0001\\u001f\\u007f\\u0080\\u2028\\ufeff\\uffff"}',
    "spaces and order": '{ "b" : [ ] , "a" : { } }',
    "same member twice": '{"a":1,"a":2}',
    "sql": '{"a":"\'; DROP TABLE tillgate.event; --","$1":"%s %(a)s \\\\ $$"}',
    "4 MiB": f'{{"a":"{"é" * (2 * MEBIBYTE - 5)}"}}',
    "deep": '{"a":' * 64 + "{}" + "}" * 64,
}


@pytest.fixture
def store(connect: Connect) -> PostgresEventStore:
    return PostgresEventStore(connect("ingest"), within_seconds=10)


@pytest.fixture
def reader(connect: Connect) -> PostgresEventReader:
    return PostgresEventReader(connect("api"), providers=["square"], within_seconds=10)


def read_back(
    store: PostgresEventStore, reader: PostgresEventReader, tenant: TenantId, sent: NewEvent
) -> StoredEvent:
    [answer] = store.accept(tenant, [sent], received_at=NOW)
    assert answer.outcome is Outcome.NEW
    found = reader.event(tenant, answer.event_id)
    assert found is not None
    return found


@pytest.mark.parametrize("data", DATA.values(), ids=DATA.keys())
def test_data_is_kept_character_for_character(
    store: PostgresEventStore, reader: PostgresEventReader, tenant: TenantId, data: str
) -> None:
    assert read_back(store, reader, tenant, event("k", data)).data == data


def test_a_body_goes_through_parsing_and_storing_unchanged_in_value(
    store: PostgresEventStore, reader: PostgresEventReader, tenant: TenantId
) -> None:
    body = b'{"type":"a.b","data":{"z":12.10,"a":1e400,"n":"\\u0000","big":' + b"7" * 400 + b"}}"
    found = read_back(store, reader, tenant, event_from_json(parse(body), key="k"))
    kept, sent = (
        json.loads(text, parse_float=str, parse_int=str)
        for text in (
            found.data,
            json.dumps(json.loads(body, parse_float=str, parse_int=str)["data"]),
        )
    )
    assert kept == sent


@pytest.mark.parametrize("digits", ["0", "7", "9" * 100, "1" + "0" * 99])
def test_an_entity_version_keeps_all_its_digits(
    store: PostgresEventStore, reader: PostgresEventReader, tenant: TenantId, digits: str
) -> None:
    found = read_back(store, reader, tenant, event("k", entity_version=digits))
    assert found.head.entity_version == digits


@pytest.mark.parametrize(
    "text",
    [
        "'; DROP TABLE tillgate.event; --",
        "\" OR ''='",
        "$1 %s %(x)s {0} $$ \\",
        "a:b::c",
        "🧾" * 32,
        "Robert\u202e'); --",
        "\t\r\n\x7f",
        "null",
    ],
)
def test_no_field_is_taken_for_sql_or_cut(
    store: PostgresEventStore, reader: PostgresEventReader, tenant: TenantId, text: str
) -> None:
    sent = event(text, type=text, occurred_at=text, entity_id=text)
    head = read_back(store, reader, tenant, sent).head
    assert (head.idempotency_key, head.type, head.occurred_at, head.entity_id) == (text,) * 4


def test_keys_of_two_tenants_and_two_namespaces_do_not_meet(
    database: TestDatabase, store: PostgresEventStore, tenant: TenantId
) -> None:
    other = database.add_tenant(f"t-{uuid.uuid4()}")
    answers = [
        store.accept(whose, [replace(event("k"), key=f"{namespace}:k")], received_at=NOW)[0]
        for whose in (tenant, other)
        for namespace in ("api", "square")
    ]
    assert {answer.outcome for answer in answers} == {Outcome.NEW}
    assert len({answer.event_id for answer in answers}) == 4


def test_keys_differ_by_case_and_by_every_character(
    store: PostgresEventStore, tenant: TenantId
) -> None:
    keys = ["k", "K", "k ", "k.", "é", "e\u0301", "k" * 255, "k" * 254, "%", "_"]
    answers = store.accept(tenant, [event(key) for key in keys], received_at=NOW)
    assert {answer.outcome for answer in answers} == {Outcome.NEW}


def test_every_microsecond_of_received_at_is_told_alike_first_and_later(
    store: PostgresEventStore, reader: PostgresEventReader, tenant: TenantId
) -> None:
    dice = seeded(6)
    micros = [0, 1, 10, 100, 1_000, 100_000, 500_000, 999_999, 123_456]
    moments = [
        datetime.fromtimestamp(dice.randrange(2_000_000_000), UTC) + timedelta(microseconds=n)
        for n in [*micros, *(dice.randrange(1_000_000) for _ in range(40))]
    ]
    for n, moment in enumerate(moments):
        [first] = store.accept(tenant, [event(str(n))], received_at=moment)
        [again] = store.accept(tenant, [event(str(n))], received_at=NOW)
        [conflict] = store.accept(tenant, [event(str(n), "{}")], received_at=NOW)
        assert first.received_at == again.received_at == conflict.received_at == moment
        found = reader.event(tenant, first.event_id)
        assert found is not None
        assert found.head.received_at == moment


def test_times_do_not_depend_on_the_servers_time_zone(
    database: TestDatabase, connect: Connect, tenant: TenantId
) -> None:
    ingest = connect("ingest")
    store = PostgresEventStore(ingest, within_seconds=5)
    [first] = store.accept(tenant, [event("k")], received_at=NOW)
    ingest.rows("SELECT set_config('timezone', 'Asia/Kathmandu', false)", within_seconds=5)
    [again] = store.accept(tenant, [event("k")], received_at=NOW)
    assert again.received_at == first.received_at == NOW
    with database.superuser() as superuser:
        assert faults(superuser) == []


def test_a_batch_of_500_is_one_transaction(
    database: TestDatabase, store: PostgresEventStore, tenant: TenantId
) -> None:
    answers = store.accept(tenant, [event(str(n)) for n in range(500)], received_at=NOW)
    assert {answer.outcome for answer in answers} == {Outcome.NEW}
    with database.superuser() as superuser:
        transactions = superuser.execute(
            "SELECT count(DISTINCT xmin::text), count(*) FROM tillgate.event WHERE tenant_id = %s",
            (tenant,),
        ).fetchone()
    assert transactions == (1, 500)
