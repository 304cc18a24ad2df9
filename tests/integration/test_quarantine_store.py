"""The quarantine: sealed, kept within a quota, and let go of when it expires."""

from __future__ import annotations

import json
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tillgate.adapters.key_ring import KeyRingSecretBox
from tillgate.adapters.postgres.connection import Database
from tillgate.adapters.postgres.quarantine import (
    KEPT_DAYS,
    PostgresQuarantine,
    quarantine_seal_context,
)
from tillgate.adapters.postgres.upkeep import PostgresUpkeep
from tillgate.adapters.quarantine_form import decode
from tillgate.domain.errors import SecretUnavailableError
from tillgate.domain.quarantine import DailyQuota, Quarantined, Reason
from tillgate.domain.tenant import TenantId
from tillgate.services.sweep import Sweep

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.testdatabase import TestDatabase

    Connect = Callable[[str], Database]

RING = {"k1": "one", "k2": "two"}
PUT = (
    "SELECT tillgate.quarantine_put("
    "%s, NULL, %s, 'square', 'r', 'rid', now(), now(), %s::bytea, %s, %s)"
)
LARGE = 10**9


@pytest.fixture
def ring() -> dict[str, str]:
    return dict(RING)


@pytest.fixture
def box(ring: dict[str, str]) -> KeyRingSecretBox:
    return KeyRingSecretBox(lambda: json.dumps(ring))


@pytest.fixture
def quarantine(connect: Connect, box: KeyRingSecretBox) -> PostgresQuarantine:
    return PostgresQuarantine(connect("ingest"), box, within_seconds=5)


def item(
    endpoint_id: str | None, *, quota: DailyQuota | None = None, content: bytes = b"x"
) -> Quarantined:
    return Quarantined(
        quarantine_id=str(uuid.uuid4()),
        reason=Reason.SIGNATURE_REFUSED,
        provider="square",
        endpoint_id=endpoint_id,
        tenant_id=TenantId(str(uuid.uuid4())),
        received_at=datetime.now(UTC),
        rid="rid-1",
        content=content,
        headers={"x-square-hmacsha256-signature": "'; DROP TABLE tillgate.quarantine; --"},
        quota=quota,
    )


def at_most(deliveries: int) -> DailyQuota:
    return DailyQuota(deliveries=deliveries, sealed_bytes=LARGE)


def kept(database: TestDatabase, endpoint_id: str) -> list[tuple[str, bytes]]:
    with database.superuser() as superuser:
        return [
            (quarantine_id, content)
            for quarantine_id, content in superuser.execute(
                "SELECT quarantine_id::text, sealed_content FROM tillgate.quarantine"
                " WHERE endpoint_id = %s",
                (endpoint_id,),
            )
        ]


def counted(database: TestDatabase, counter: str) -> int:
    with database.superuser() as superuser:
        row = superuser.execute(
            "SELECT coalesce(sum(kept), 0)::int FROM tillgate.quarantine_quota"
            " WHERE endpoint_id = %s",
            (counter,),
        ).fetchone()
    assert row is not None
    return int(row[0])


def counted_bytes(database: TestDatabase, counter: str) -> int:
    with database.superuser() as superuser:
        row = superuser.execute(
            "SELECT coalesce(sum(kept_bytes), 0)::int FROM tillgate.quarantine_quota"
            " WHERE endpoint_id = %s",
            (counter,),
        ).fetchone()
    assert row is not None
    return int(row[0])


def test_what_is_kept_opens_under_its_own_rows_context_alone(
    database: TestDatabase, quarantine: PostgresQuarantine, box: KeyRingSecretBox
) -> None:
    endpoint = str(uuid.uuid4())
    body = b"\x00\xff not text \n at all"
    put = item(endpoint, content=body)
    assert quarantine.put(put) is True
    [(quarantine_id, sealed)] = kept(database, endpoint)
    opened = box.open(sealed, context=quarantine_seal_context(quarantine_id))
    found = decode(opened, reason=put.reason)
    assert (found.headers, found.content) == (put.headers, body)
    assert body not in sealed
    for other in (str(uuid.uuid4()), quarantine_id.upper(), ""):
        with pytest.raises(SecretUnavailableError):
            box.open(sealed, context=quarantine_seal_context(other))


def test_what_was_sealed_before_a_new_key_still_opens_and_without_its_key_never(
    database: TestDatabase, quarantine: PostgresQuarantine, ring: dict[str, str]
) -> None:
    endpoint = str(uuid.uuid4())
    quarantine.put(item(endpoint))
    [(quarantine_id, sealed)] = kept(database, endpoint)
    context = quarantine_seal_context(quarantine_id)
    later = KeyRingSecretBox(lambda: json.dumps(ring))
    ring["k3"] = "three"
    assert later.open(sealed, context=context).endswith(b"\nx")
    del ring["k2"]
    with pytest.raises(SecretUnavailableError):
        KeyRingSecretBox(lambda: json.dumps(ring)).open(sealed, context=context)


def test_a_4_mib_body_is_kept_whole(
    database: TestDatabase, quarantine: PostgresQuarantine, box: KeyRingSecretBox
) -> None:
    endpoint, body = str(uuid.uuid4()), b"\xa9" * (4 * 1024 * 1024)
    quarantine.put(item(endpoint, content=body))
    [(quarantine_id, sealed)] = kept(database, endpoint)
    opened = box.open(sealed, context=quarantine_seal_context(quarantine_id))
    assert opened.partition(b"\n")[2] == body


def test_a_known_endpoints_quota_is_its_own_and_ends(
    database: TestDatabase, quarantine: PostgresQuarantine
) -> None:
    one, other = str(uuid.uuid4()), str(uuid.uuid4())
    answers = [quarantine.put(item(one, quota=at_most(3))) for _ in range(5)]
    assert answers == [True] * 3 + [False] * 2
    assert quarantine.put(item(other, quota=at_most(3))) is True
    assert quarantine.put(item(one)) is True, "without a limit it is always kept"
    assert len(kept(database, one)) == 4
    assert counted(database, one) == 3


def test_unknown_endpoints_share_one_quota(
    own_database: TestDatabase, box: KeyRingSecretBox
) -> None:
    ingest = Database(lambda: own_database.url("ingest"), max_uses=1_000)
    quarantine = PostgresQuarantine(ingest, box, within_seconds=5)
    answers = [quarantine.put(item(None, quota=at_most(2))) for _ in range(4)]
    ingest.close()
    assert answers == [True, True, False, False]
    assert counted(own_database, str(uuid.UUID(int=0))) == 2


def test_a_quota_holds_when_many_come_at_once(
    database: TestDatabase, connect: Connect, box: KeyRingSecretBox
) -> None:
    endpoint, together = str(uuid.uuid4()), threading.Barrier(16)
    stores = [PostgresQuarantine(connect("ingest"), box, within_seconds=10) for _ in range(16)]

    def put(store: PostgresQuarantine) -> list[bool]:
        together.wait(20)
        return [store.put(item(endpoint, quota=at_most(20))) for _ in range(4)]

    with ThreadPoolExecutor(16) as threads:
        answers = [answer for answers in threads.map(put, stores) for answer in answers]
    assert sum(answers) == len(kept(database, endpoint)) == counted(database, endpoint) == 20


def test_a_repeat_after_a_lost_answer_is_the_same_row_and_counts_once(
    database: TestDatabase, connect: Connect
) -> None:
    ingest = connect("ingest")
    endpoint, quarantine_id = uuid.uuid4(), uuid.uuid4()
    answers = [
        ingest.rows(PUT, (quarantine_id, endpoint, b"12345", 1, LARGE), within_seconds=5)[0][0]
        for _ in range(3)
    ]
    assert answers == [True] * 3
    assert len(kept(database, str(endpoint))) == counted(database, str(endpoint)) == 1
    assert counted_bytes(database, str(endpoint)) == 5
    full = ingest.rows(PUT, (uuid.uuid4(), endpoint, b"", 1, LARGE), within_seconds=5)
    assert full == [(False,)]


def test_a_days_bytes_are_never_more_than_the_quota(
    database: TestDatabase, connect: Connect
) -> None:
    ingest, endpoint = connect("ingest"), uuid.uuid4()

    def put(size: int, *, of: int = 10) -> bool:
        params = (uuid.uuid4(), endpoint, bytes(size), 1_000, of)
        return bool(ingest.rows(PUT, params, within_seconds=5)[0][0])

    assert put(11) is False, "too much by itself"
    assert [put(4), put(4), put(4), put(3), put(2), put(1), put(0)] == [
        True, True, False, False, True, False, True,
    ]  # fmt: skip
    assert counted_bytes(database, str(endpoint)) == 10
    assert counted(database, str(endpoint)) == len(kept(database, str(endpoint))) == 4
    assert put(1, of=11) is True


def test_what_is_counted_is_the_sealed_content(
    database: TestDatabase, quarantine: PostgresQuarantine
) -> None:
    endpoint = str(uuid.uuid4())
    quota = DailyQuota(deliveries=9, sealed_bytes=3_000)
    answers = [quarantine.put(item(endpoint, quota=quota, content=bytes(1_000))) for _ in range(4)]
    assert answers == [True, True, False, False]
    sizes = [len(sealed) for _, sealed in kept(database, endpoint)]
    assert counted_bytes(database, endpoint) == sum(sizes) > 2_000


def test_a_quota_of_bytes_holds_when_many_come_at_once(
    database: TestDatabase, connect: Connect
) -> None:
    endpoint, together = uuid.uuid4(), threading.Barrier(16)

    def put(ingest: Database) -> list[bool]:
        together.wait(20)
        params = (endpoint, bytes(100), 1_000, 2_050)
        return [
            ingest.rows(PUT, (uuid.uuid4(), *params), within_seconds=10)[0][0] for _ in range(4)
        ]

    with ThreadPoolExecutor(16) as threads:
        answered = threads.map(put, [connect("ingest") for _ in range(16)])
        answers = [answer for answers in answered for answer in answers]
    assert sum(answers) == len(kept(database, str(endpoint))) == 20
    assert counted_bytes(database, str(endpoint)) == 2_000


def test_what_has_expired_is_discarded_oldest_first_and_nothing_else(
    own_database: TestDatabase, box: KeyRingSecretBox
) -> None:
    ingest = Database(lambda: own_database.url("ingest"), max_uses=1_000)
    sweep = Database(lambda: own_database.url("sweep"), max_uses=1_000)
    quarantine = PostgresQuarantine(ingest, box, within_seconds=5)
    endpoints = [str(uuid.uuid4()) for _ in range(4)]
    for endpoint in endpoints:
        quarantine.put(item(endpoint, quota=at_most(9)))
    with own_database.superuser() as superuser:
        for age, endpoint in enumerate(endpoints[:3]):
            superuser.execute(
                "UPDATE tillgate.quarantine SET expires_at = now() - %s WHERE endpoint_id = %s",
                (timedelta(days=age, seconds=1), endpoint),
            )
        superuser.execute(
            "UPDATE tillgate.quarantine_quota SET day = day - 2 WHERE endpoint_id = %s",
            (endpoints[0],),
        )
    upkeep = PostgresUpkeep(sweep)
    assert upkeep.discard_expired_quarantine(at_most=2) == 2
    assert [len(kept(own_database, endpoint)) for endpoint in endpoints] == [1, 0, 0, 1]
    assert upkeep.discard_expired_quarantine(at_most=10) == 1
    assert upkeep.discard_expired_quarantine(at_most=10) == 0
    assert [counted(own_database, endpoint) for endpoint in endpoints] == [0, 1, 1, 1]
    ingest.close()
    sweep.close()


def test_a_sweep_discards_all_that_has_expired(
    own_database: TestDatabase,
) -> None:
    with own_database.superuser() as superuser:
        superuser.execute(
            "INSERT INTO tillgate.quarantine SELECT gen_random_uuid(), NULL, NULL, 'square', 'r',"
            " 'rid', now() - n * interval '31 days', now() - n * interval '1 day',"
            # What is sealed does not compress either.
            " decode((SELECT string_agg(md5(random()::text || m || n), '')"
            " FROM generate_series(1, 4096) AS m), 'hex')"
            " FROM generate_series(0.1, 45, 0.1) AS n"
        )
    sweep = Database(lambda: own_database.url("sweep"), max_uses=1_000)
    upkeep = PostgresUpkeep(sweep)
    report = Sweep(upkeep, clock=time.monotonic).run(datetime.now(UTC).date())
    sweep.close()
    assert (report.quarantine_discarded, report.is_quarantine_swept) == (450, True)
    with own_database.superuser() as superuser:
        left = superuser.execute("SELECT count(*) FROM tillgate.quarantine").fetchone()
    assert left == (0,)


@pytest.mark.parametrize("late", [timedelta(0), timedelta(days=13), timedelta(days=60)])
def test_it_is_kept_for_thirty_days_from_now_however_late_it_came(
    database: TestDatabase, quarantine: PostgresQuarantine, late: timedelta
) -> None:
    endpoint, received_at = str(uuid.uuid4()), datetime.now(UTC) - late
    quarantine.put(replace(item(endpoint), received_at=received_at))
    with database.superuser() as superuser:
        row = superuser.execute(
            "SELECT received_at, expires_at - now() FROM tillgate.quarantine"
            " WHERE endpoint_id = %s",
            (endpoint,),
        ).fetchone()
    assert row is not None
    kept_at, left = row
    assert kept_at == received_at
    assert KEPT_DAYS == 30
    assert timedelta(days=30, minutes=-1) < left <= timedelta(days=30, seconds=1)
