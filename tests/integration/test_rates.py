"""Tenants' rates in a real database: what look-ups carry, and what all sandboxes have used."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from bench.scale.rates import Ledger
from tillgate.adapters.postgres.admin_store import PostgresAdminStore
from tillgate.adapters.postgres.metrics import PostgresMetrics
from tillgate.adapters.postgres.registry import PostgresRegistry
from tillgate.domain.administration import NewApp, NewSource
from tillgate.domain.errors import RateLimitedError
from tillgate.domain.metrics import HTTP_REQUESTS, Increment, Recorder
from tillgate.domain.registry_snapshot import snapshot_from_text, snapshot_text
from tillgate.domain.tenant import (
    AppId,
    RateLimit,
    SourceId,
    Tenant,
    TenantId,
    TenantState,
    token_digest,
)
from tillgate.services.limits import TenantLimits
from tillgate.services.metering import Meter

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.testdatabase import TestDatabase
    from tillgate.adapters.postgres.connection import Database
    from tillgate.domain.metrics import Used

    Connect = Callable[[str], Database]

WITHIN_SECONDS = 5.0
LIMIT = RateLimit(20, 50)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def metrics(connect: Connect, role: str = "ingest") -> PostgresMetrics:
    return PostgresMetrics(connect(role), within_seconds=WITHIN_SECONDS, bucket=role)


def told(
    store: PostgresMetrics, used: Used, *, sandbox: str = "", seq: int = 1
) -> dict[str, tuple[float, float]]:
    answer = store.add(sandbox or str(uuid.uuid4()), Increment(seq, {"n": 1}, None, used))
    return {tenant_id: (said[0], said[1]) for tenant_id, said in answer.items()}


def set_back(database: TestDatabase, tenant: TenantId, seconds: float) -> None:
    """Let so many seconds have passed since the tenant's row was written."""
    with database.superuser() as superuser:
        superuser.execute(
            "UPDATE tillgate.tenant_rate SET at = at - make_interval(secs => %s)"
            " WHERE tenant_id = %s",
            (seconds, tenant),
        )


def test_what_sandboxes_used_is_added_up_and_leaks_at_the_rate(
    database: TestDatabase, tenant: TenantId, connect: Connect
) -> None:
    store, ledger, now = metrics(connect), Ledger(), 0.0
    for seconds, let_through, asked in (
        (0, 30, 40), (3, 5, 5), (10, 0, 7), (100, 20, 20), (9e5, 3, 3), (0, 10**6, 10**6),
        (400, 0, 1), (-5, 1, 1),
    ):  # fmt: skip
        set_back(database, tenant, seconds)
        now += seconds
        used = {tenant: (1, 50, let_through, asked)}

        said = told(store, used)[tenant]

        # The database's clock ran on by the milliseconds that this test takes.
        assert said == pytest.approx(ledger.add(used, now=now)[tenant], abs=2, rel=0.05)


def test_a_flush_that_is_repeated_counts_once(tenant: TenantId, connect: Connect) -> None:
    store, sandbox = metrics(connect), str(uuid.uuid4())
    used = {tenant: (1, 1_000, 40, 40)}

    answers = [told(store, used, sandbox=sandbox)[tenant][0] for _ in range(3)]

    assert answers == pytest.approx([40] * 3, abs=3)


def test_what_ingest_uses_is_not_the_reads(tenant: TenantId, connect: Connect) -> None:
    used = {tenant: (1, 1_000, 40, 40)}
    told(metrics(connect), used)

    assert told(metrics(connect, "api"), used)[tenant][0] == pytest.approx(40, abs=1)


def test_a_tenant_that_is_busy_or_gone_holds_up_nobody(
    database: TestDatabase, tenant: TenantId, connect: Connect
) -> None:
    store, another = metrics(connect), database.add_tenant(f"t-{uuid.uuid4()}")
    used = {
        tenant: (20, 50, 1, 1),
        another: (20, 50, 2, 2),
        TenantId(str(uuid.uuid4())): (20, 50, 3, 3),
    }
    told(store, used)
    with database.superuser() as other, other.transaction():
        other.execute("SELECT FROM tillgate.tenant_rate WHERE tenant_id = %s FOR UPDATE", (tenant,))

        assert told(store, used).keys() == {another}
    assert told(store, used).keys() == {tenant, another}


def test_the_operator_sees_who_was_over_the_limit(tenant: TenantId, connect: Connect) -> None:
    admin = PostgresAdminStore(connect("admin"), within_seconds=WITHIN_SECONDS)
    told(metrics(connect), {tenant: (20, 50, 5, 5)})
    before = admin.tenant(tenant)
    told(metrics(connect), {tenant: (20, 50, 5, 6)})
    after = admin.tenant(tenant)

    assert before is not None
    assert after is not None
    assert before.limited_at is None
    assert after.limited_at is not None


def test_look_ups_carry_the_limit_and_how_the_tenant_stands(
    tenant: TenantId, connect: Connect
) -> None:
    admin = PostgresAdminStore(connect("admin"), within_seconds=WITHIN_SECONDS)
    registry = PostgresRegistry(connect("ingest"), within_seconds=WITHIN_SECONDS)
    digest = token_digest(str(uuid.uuid4()))
    admin.add_token(tenant, name="till", digest=digest, hint="tg")
    source_id, app_id = SourceId(str(uuid.uuid4())), AppId(str(uuid.uuid4()))
    admin.add_app(
        NewApp(
            app_id=app_id, provider="square", name="ours", notification_url="https://example.com",
            sealed_secret=b"sealed",
        )
    )  # fmt: skip
    for merchant_id, of_app in (("M1", None), ("M2", app_id)):
        admin.add_source(
            NewSource(
                source_id=source_id if of_app is None else SourceId(str(uuid.uuid4())),
                tenant_id=tenant, provider="square", name="till", merchant_id=merchant_id,
                app_id=of_app, notification_url=None if of_app else "https://example.com",
                sealed_secret=None if of_app else b"sealed",
            )
        )  # fmt: skip

    def found() -> list[Tenant | None]:
        endpoint = registry.find_endpoint("square", source_id)
        bound = registry.find_bound_source(app_id, "M2")
        assert endpoint is not None
        assert endpoint.source is not None
        assert bound is not None
        standing = registry.find_token(digest)
        return [standing and standing.tenant, endpoint.source.tenant, bound.tenant]

    assert [one and (one.limit, one.standing) for one in found()] == [(None, None)] * 3
    made = admin.set_tenant_limit(tenant, LIMIT)
    told(metrics(connect), {tenant: (20, 50, 45, 45)})
    assert made is not None
    assert made.limit is not None
    assert (made.limit.events_per_second, made.limit.burst, made.limit.is_default) == (
        20,
        50,
        False,
    )
    for one in found():
        assert one is not None
        assert one.limit == LIMIT
        assert one.standing is not None
        assert one.standing.used == 45
        assert 0 <= one.standing.seconds < 30
    admin.set_tenant_limit(tenant, None)
    assert [one and one.limit for one in found()] == [None] * 3
    assert admin.set_tenant_limit(TenantId(str(uuid.uuid4())), LIMIT) is None


def test_the_snapshot_carries_limits_and_the_version_before_reads_it(
    own_database: TestDatabase,
) -> None:
    tenant = own_database.add_tenant("limited")
    other = own_database.add_tenant("other")
    with own_database.superuser() as superuser:
        superuser.execute(
            "UPDATE tillgate.tenant SET events_per_second = 20, burst = 50 WHERE slug = 'limited'"
        )
        for owner in (tenant, other):
            superuser.execute(
                "INSERT INTO tillgate.api_token (tenant_id, name, digest, hint)"
                " VALUES (%s, 'till', %s, 'tg')",
                (owner, token_digest(owner)),
            )
        [plain] = superuser.execute("SELECT tillgate.registry_snapshot()").fetchone() or [""]
        [text] = superuser.execute("SELECT tillgate.registry_with_limits()").fetchone() or [""]

    read = snapshot_from_text(snapshot_text(text, taken_at=NOON))
    assert read.tokens[token_digest(tenant)].tenant.limit == LIMIT
    assert read.tokens[token_digest(other)].tenant.limit is None
    # That version asks for members by name, and so does this one of what that one wrote.
    assert json.loads(text).items() >= json.loads(plain).items()
    older = snapshot_from_text(snapshot_text(plain, taken_at=NOON))
    assert older.tokens[token_digest(tenant)].tenant.limit is None


def test_two_sandboxes_share_a_limit_by_their_flushes(tenant: TenantId, connect: Connect) -> None:
    sender = Tenant(tenant, "t", TenantState.ACTIVE, RateLimit(1, 100))
    clock = [1_795_000_000.0]
    sandboxes = []
    for _ in range(2):
        limits = TenantLimits(RateLimit(1, 1), clock=lambda: clock[0])
        recorder = Recorder()
        meter = Meter(recorder, metrics(connect), clock=lambda: clock[0], limits=limits)
        sandboxes.append((limits, recorder, meter))
    let_in = []
    for limits, recorder, meter in [*sandboxes, *sandboxes]:
        let_in.append(sum(is_let_in(limits, sender) for _ in range(60)))
        recorder.count(HTTP_REQUESTS, "POST", "/v1/events", "201")
        assert meter.flush()

    # The second did not know of the first's sixty until it had told of its own.
    assert let_in[:2] == [60, 60]
    assert let_in[2:] == [40, 0]


def is_let_in(limits: TenantLimits, tenant: Tenant) -> bool:
    try:
        limits.admit(tenant)
    except RateLimitedError:
        return False
    return True
