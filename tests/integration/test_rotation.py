"""Rotation on a real database: what is good when, what extends it, and that it ends."""

from __future__ import annotations

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.integration.quarantine_world import KEY
from tests.integration.rotation_world import NEW, WEEK, Office
from tests.integration.testdatabase import migrate, scratch_database
from tillgate.adapters.postgres.rotation import PostgresRotations
from tillgate.domain.endpoint_rotation import EndpointKind, SecretWarning
from tillgate.domain.errors import RotationConflictError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ops.local.postgres import EmbeddedPostgres
    from tests.integration.testdatabase import TestDatabase
    from tillgate.adapters.postgres.connection import Database
    from tillgate.domain.administration import SourceRecord
    from tillgate.domain.tenant import TenantId

DAY = timedelta(days=1)
THIRD = "the-third-key"


@pytest.fixture(scope="module")
def apart(server: EmbeddedPostgres) -> Iterator[TestDatabase]:
    """A database whose secrets are these tests' own: sweep and the status see them all."""
    with scratch_database(server, f"t{uuid.uuid4().hex}") as made:
        migrate(made)
        yield made


@pytest.fixture
def office(apart: TestDatabase) -> Iterator[Office]:
    made: list[Database] = []
    yield Office(apart, made)
    for connection in made:
        connection.close()


@pytest.fixture
def tenant(office: Office) -> TenantId:
    return office.tenant()


@pytest.fixture
def source(office: Office, tenant: TenantId) -> SourceRecord:
    return office.square(tenant)


def test_both_are_good_for_the_overlap_and_then_the_new_one_alone(
    office: Office, source: SourceRecord
) -> None:
    before = datetime.now(UTC)

    rotated = office.rotate(source)

    assert rotated.previous_secret is not None
    until = rotated.previous_secret.good_until
    assert abs((until - before).total_seconds() - WEEK) < 60
    assert office.good(source) == [NEW, KEY]
    assert office.good(source, at=until - timedelta(microseconds=1)) == [NEW, KEY]
    assert office.good(source, at=until) == [NEW]


def test_a_rotation_makes_the_secret_young(office: Office, source: SourceRecord) -> None:
    office.run("UPDATE tillgate.source SET secret_set_at = now() - interval '91 days'")
    assert (office.now(source).secret_age_days, office.now(source).warnings) == (
        91, (SecretWarning.OLD,),
    )  # fmt: skip
    assert (office.store.status().old_secrets or 0) >= 1

    rotated = office.rotate(source)

    assert (rotated.secret_age_days, rotated.warnings) == (0, ())


def test_what_is_silent_ends_with_its_overlap_and_its_bytes_go(
    office: Office, source: SourceRecord
) -> None:
    rotated = office.rotate(source)
    assert rotated.previous_secret is not None
    office.age(source, timedelta(seconds=WEEK + 60))
    assert office.good(source) == [NEW]
    assert office.now(source).previous_secret is None
    # A match of its last minute may still be on its way.
    assert office.upkeep.retire_previous_secrets(at_most=100) == 0
    assert office.sealed_previous(source) is not None

    office.age(source, timedelta(minutes=5))

    assert office.upkeep.retire_previous_secrets(at_most=100) == 1
    assert office.sealed_previous(source) is None
    assert office.upkeep.retire_previous_secrets(at_most=100) == 0
    assert len(office.endpoint(source).sealed_secrets) == 1


def test_what_is_still_signed_with_is_kept_until_it_has_been_silent_for_a_day(
    office: Office, source: SourceRecord
) -> None:
    office.rotate(source)
    office.age(source, timedelta(days=6, hours=12))
    at = datetime.now(UTC) - timedelta(hours=1)
    office.matched(source, at)
    office.matched(source, at - timedelta(hours=2))

    kept = office.now(source).previous_secret
    assert kept is not None
    assert kept.last_matched_at is not None
    assert abs((kept.last_matched_at - at).total_seconds()) < 0.01
    assert abs(kept.good_until - (at + DAY)) < timedelta(seconds=1)
    assert office.now(source).warnings == ()

    office.age(source, timedelta(hours=13))
    assert office.good(source) == [NEW, KEY]
    assert office.now(source).warnings == (SecretWarning.PREVIOUS_IN_USE,)
    assert office.store.status().previous_in_use == 1
    assert office.upkeep.retire_previous_secrets(at_most=100) == 0

    office.age(source, timedelta(hours=10, minutes=10))
    assert office.good(source) == [NEW]
    assert office.store.status().previous_in_use == 0
    assert office.upkeep.retire_previous_secrets(at_most=100) == 1


def test_thirty_days_are_the_most_however_it_is_signed_with(
    office: Office, source: SourceRecord
) -> None:
    office.rotate(source)
    office.age(source, timedelta(days=29, hours=12))

    office.matched(source, datetime.now(UTC))

    kept = office.now(source).previous_secret
    assert kept is not None
    assert kept.good_until == kept.ends_by
    assert timedelta(hours=11) < kept.good_until - datetime.now(UTC) < timedelta(hours=13)


def test_a_match_counts_only_for_the_rotation_it_came_in(
    office: Office, source: SourceRecord
) -> None:
    office.rotate(source, overlap=60)

    office.matched(source, datetime.now(UTC) - DAY)

    kept = office.now(source).previous_secret
    assert kept is not None
    assert (kept.last_matched_at, kept.good_until) == (None, kept.overlap_ends_at)


def test_a_match_of_the_last_minute_gives_it_more_time(
    office: Office, source: SourceRecord
) -> None:
    office.rotate(source)
    office.age(source, timedelta(seconds=WEEK + 60))
    assert office.good(source) == [NEW]

    office.matched(source, datetime.now(UTC) - timedelta(seconds=90))

    assert office.good(source) == [NEW, KEY]


def test_an_app_is_kept_and_retired_alike(office: Office, tenant: TenantId) -> None:
    app_id = office.app_with(M1=tenant)
    new = "3f8e7d6c-code-that-is-new"
    office.rotation.rotate_app_secret(
        app_id, secret=new, overlap_seconds=60, replaces_previous=False
    )
    at = datetime.now(UTC)
    office.flush({"previous": {app_id: round(at.timestamp() * 1000)}})

    found = office.store.app(app_id)  # type: ignore[arg-type]  # An AppId, as text.
    [bound] = office.store.sources(tenant)
    assert found is not None
    assert found.previous_secret is not None
    assert found.previous_secret.good_until > at + timedelta(hours=23)
    assert bound.previous_secret == found.previous_secret
    assert office.rotation.retire_app_secret(app_id).previous_secret is None
    endpoint = office.registry.find_endpoint("clover", app_id)
    assert endpoint is not None
    assert len(endpoint.sealed_secrets) == 1


def test_what_is_no_id_is_left_out_of_a_fold_and_counted(office: Office) -> None:
    activity = {"previous": {"no-id": 1}, "tokens": {"no-digest": 1, "ab": 1}}
    with office.database.as_role("ingest") as ingest, office.database.as_role("sweep") as sweep:
        ingest.execute(
            "SELECT tillgate.metrics_add(%s, 1, '{}', %s::jsonb)",
            (uuid.uuid4(), json.dumps(activity)),
        )
        row = sweep.execute("SELECT tillgate.metrics_fold_whole('0', 10000)").fetchone()

    assert row is not None
    assert row[0] == {"folded": 1, "dropped": 3}


def test_without_an_overlap_nothing_of_before_is_left(office: Office, source: SourceRecord) -> None:
    office.rotate(source)

    rotated = office.rotate(source, THIRD, 0)

    assert rotated.previous_secret is None
    assert office.good(source) == [THIRD]
    assert office.sealed_previous(source) is None


def test_setting_a_secret_leaves_the_previous_one_as_the_version_before_does(
    office: Office, source: SourceRecord
) -> None:
    office.rotate(source, "mistyped")

    office.operator.set_source_secret(source.source_id, secret=NEW)

    assert office.good(source) == [NEW, KEY]


def test_of_rotations_at_once_one_is_done_and_the_others_are_told(
    office: Office, source: SourceRecord
) -> None:
    desks = [office.another() for _ in range(4)]

    def rotate(n: int) -> str | None:
        try:
            desks[n].rotate_source_secret(
                source.source_id, secret=f"key-{n}", overlap_seconds=WEEK, replaces_previous=False
            )
        except RotationConflictError:
            return None
        return f"key-{n}"

    with ThreadPoolExecutor(4) as pool:
        done = [secret for secret in pool.map(rotate, range(4)) if secret]

    assert len(done) == 1
    assert office.good(source) == [*done, KEY]


@pytest.mark.parametrize("overlap", [WEEK, 0])
def test_only_the_secret_that_was_looked_at_is_replaced(
    office: Office, source: SourceRecord, overlap: int
) -> None:
    office.rotate(source)
    rotations = PostgresRotations(office.connect("admin"), within_seconds=10)

    done = rotations.rotate(
        EndpointKind.SOURCE,
        source.source_id,
        expected=b"another's",
        sealed=b"mine",
        overlap_seconds=overlap,
        replaces_previous=True,
    )

    assert not done
    assert office.good(source) == [NEW, KEY]


def test_a_retry_lets_in_what_the_previous_secret_signed_while_it_was_good(
    office: Office, tenant: TenantId
) -> None:
    """What was set aside for another cause was let in when it came, by a secret that is gone."""
    source = office.square(tenant)
    office.rotate(source)
    office.run(
        "UPDATE tillgate.source SET previous_since = '2026-11-01', secret_set_at = '2026-11-01'"
        " WHERE source_id = %s",
        source.source_id,
    )
    office.operator.suspend_tenant(tenant)
    [aside] = office.deliver_square(source)
    assert office.kept(tenant) == [("tenant-suspended", 1)]
    office.operator.resume_tenant(tenant)
    office.rotation.retire_source_secret(source.source_id)
    assert office.sealed_previous(source) is None

    [retried] = office.retry(aside)

    assert retried.stored == 1
    assert [key for key, *_ in office.stored(tenant)] == ["sq-1"]


def test_a_retry_refuses_what_no_good_secret_signed_when_it_came(
    office: Office, tenant: TenantId
) -> None:
    mine = office.square(tenant, key=KEY)
    office.rotate(mine)
    # Its time was over when the delivery came, on 22 November 2026.
    office.run(
        "UPDATE tillgate.source SET previous_since = '2026-11-01', secret_set_at = '2026-11-01',"
        " previous_until = '2026-11-22 09:00+00' WHERE source_id = %s", mine.source_id,
    )  # fmt: skip

    [aside] = office.deliver_square(mine)
    [retried] = office.retry(aside)

    assert retried.stored == 0
    assert office.kept(tenant) == [("signature-refused", 1)]
