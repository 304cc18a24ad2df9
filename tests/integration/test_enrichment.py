"""Sources' credentials on a real Postgres: written by the admin role, read by deliver alone."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.integration.deliveries import DeliveryStand
from tests.integration.events import NOW, event
from tillgate.adapters.postgres.admin_store import PostgresAdminStore
from tillgate.adapters.postgres.credentials import PostgresCredentialStore
from tillgate.adapters.postgres.delivery_store import PostgresDeliveryStore
from tillgate.domain.administration import NewApp, NewSource
from tillgate.domain.enrichment import PosAccess
from tillgate.domain.tenant import AppId, SourceId

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.integration.testdatabase import TestDatabase
    from tillgate.domain.delivery import Begun
    from tillgate.domain.tenant import EventId, TenantId

URL = "https://api.eu.clover.com"
TOKEN = b"\x00sealed"


class Stand(DeliveryStand):
    """Sources, their events, and what deliver is told when it begins with them."""

    def __init__(self, database: TestDatabase) -> None:
        super().__init__(database)
        admin = self.connect("admin")
        self.sources = PostgresAdminStore(admin, within_seconds=10)
        self.credentials = PostgresCredentialStore(admin, within_seconds=10)
        self.deliveries = PostgresDeliveryStore(self.connect("deliver"), within_seconds=10)

    def source(self, tenant: TenantId, *, app_id: AppId | None = None) -> SourceId:
        is_own = app_id is None
        return self.sources.add_source(
            NewSource(
                source_id=SourceId(str(uuid.uuid4())),
                tenant_id=tenant,
                provider="clover",
                name="till",
                merchant_id=f"M-{uuid.uuid4()}",
                app_id=app_id,
                notification_url="https://events.example.com" if is_own else None,
                sealed_secret=b"" if is_own else None,
            )
        ).source_id

    def set_credential(self, source: SourceId) -> None:
        assert self.credentials.set_credential(source, api_url=URL, sealed_token=TOKEN)

    def events_of(self, tenant: TenantId, *sources: SourceId | None) -> list[EventId]:
        new = [replace(event(uuid.uuid4().hex), source_id=source) for source in sources]
        return [one.event_id for one in self.events.accept(tenant, new, received_at=NOW)]

    def begun(self, tenant: TenantId, event_ids: Sequence[EventId]) -> Begun:
        return self.deliveries.begin(tenant, event_ids, attempt_id=str(uuid.uuid4()), at=NOW)


@pytest.fixture
def stand(database: TestDatabase) -> Iterator[Stand]:
    with Stand(database) as made:
        yield made


def test_a_begin_tells_how_its_events_sources_are_asked(stand: Stand) -> None:
    tenant = stand.tenant()
    one, other, without = (stand.source(tenant) for _ in range(3))
    for source in (one, other):
        stand.set_credential(source)
    of_one = stand.events_of(tenant, one, one, without, None)
    stand.events_of(tenant, other)

    begun = stand.begun(tenant, of_one)

    known = stand.sources.source(one)
    assert known is not None
    assert begun.accesses == (
        PosAccess(
            tenant_id=tenant,
            source_id=one,
            provider="clover",
            merchant_id=known.merchant_id,
            api_url=URL,
            sealed_token=TOKEN,
        ),
    )
    assert [one.source_id for one in begun.events] == [one, one, without, None]


def test_a_source_of_an_app_has_a_credential_of_its_own(stand: Stand) -> None:
    tenant = stand.tenant()
    app = AppId(str(uuid.uuid4()))
    stand.sources.add_app(
        NewApp(app_id=app, provider="clover", name="n", notification_url="https://a.example.com",
               sealed_secret=b"")
    )  # fmt: skip
    bound, other = stand.source(tenant, app_id=app), stand.source(tenant, app_id=app)
    stand.set_credential(bound)

    begun = stand.begun(tenant, stand.events_of(tenant, bound, other))

    assert [access.source_id for access in begun.accesses] == [bound]


def test_what_does_not_begin_is_told_nothing_of_credentials(stand: Stand) -> None:
    spared, nowhere = stand.tenant(), stand.tenant(has_destination=False)
    stand.superuser.execute(
        "INSERT INTO tillgate.destination_breaker VALUES (%s, 5, now() + interval '1 hour')",
        (spared,),
    )
    for tenant in (spared, nowhere):
        source = stand.source(tenant)
        stand.set_credential(source)
        assert stand.begun(tenant, stand.events_of(tenant, source)).accesses == ()


def test_of_what_has_no_room_no_source_is_told(stand: Stand) -> None:
    tenant = stand.tenant()
    first, second = stand.source(tenant), stand.source(tenant)
    for source in (first, second):
        stand.set_credential(source)
    large = '{"x":"' + "y" * (3 * 1024 * 1024) + '"}'
    new = [
        replace(event("first", large), source_id=first),
        replace(event("second", large), source_id=second),
    ]
    ids = [one.event_id for one in stand.events.accept(tenant, new, received_at=NOW)]

    begun = stand.begun(tenant, ids)

    assert (len(begun.events), len(begun.waiting)) == (1, 1)
    assert [access.source_id for access in begun.accesses] == [first]


def test_a_credential_is_listed_replaced_and_removed(stand: Stand) -> None:
    tenant = stand.tenant()
    source = stand.source(tenant)
    stand.set_credential(source)
    [listed] = stand.sources.sources(tenant)
    assert listed.credential is not None
    assert listed.credential.api_url == URL
    resealed = stand.sources.set_source_secret(source, b"another")
    assert resealed is not None
    assert resealed.credential == listed.credential

    assert stand.credentials.set_credential(source, api_url=f"{URL}/b", sealed_token=b"new")
    [replaced] = stand.sources.sources(tenant)
    assert replaced.credential is not None
    assert replaced.credential.set_at > listed.credential.set_at
    [access] = stand.begun(tenant, stand.events_of(tenant, source)).accesses
    assert (access.api_url, access.sealed_token) == (f"{URL}/b", b"new")

    assert stand.credentials.remove_credential(source)
    assert not stand.credentials.remove_credential(source)
    assert stand.begun(tenant, stand.events_of(tenant, source)).accesses == ()
    assert stand.sources.sources(tenant)[0].credential is None


def test_a_source_that_is_nobody_s_gets_none(stand: Stand) -> None:
    nobody = SourceId(str(uuid.uuid4()))

    assert not stand.credentials.set_credential(nobody, api_url=URL, sealed_token=TOKEN)
    assert not stand.credentials.remove_credential(nobody)


@pytest.mark.parametrize(
    "change",
    ["sealed_credential = 'x'", "api_url = 'x'", "credential_set_at = now()",
     "sealed_credential = 'x', api_url = 'x'",
     "sealed_credential = 'x', api_url = '', credential_set_at = now()"],
)  # fmt: skip
def test_a_credential_is_whole_or_not_there(stand: Stand, change: str) -> None:
    source = stand.source(stand.tenant())

    with pytest.raises(psycopg.errors.CheckViolation):
        stand.superuser.execute(
            f"UPDATE tillgate.source SET {change} WHERE source_id = %s",  # noqa: S608  Ours, above.
            (source,),
        )


def test_setting_a_credential_says_nothing_of_the_vendor_s_secret(stand: Stand) -> None:
    source = stand.source(stand.tenant())
    query = "SELECT secret_set_at FROM tillgate.source WHERE source_id = %s"
    before = stand.value(query, source)

    stand.set_credential(source)

    assert stand.value(query, source) == before
