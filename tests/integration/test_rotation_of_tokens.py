"""Tokens that end at a known time, and how the snapshot says so."""

from __future__ import annotations

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.integration.rotation_world import WEEK, Office
from tests.integration.testdatabase import migrate, scratch_database
from tillgate.domain.errors import RotationConflictError
from tillgate.domain.registry_snapshot import snapshot_from_text, snapshot_text
from tillgate.domain.tenant import token_digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ops.local.postgres import EmbeddedPostgres
    from tests.integration.testdatabase import TestDatabase
    from tillgate.adapters.postgres.connection import Database
    from tillgate.domain.administration import SourceRecord, TokenRecord
    from tillgate.domain.tenant import TenantId
    from tillgate.services.rotation import Rotation


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


def token(office: Office, tenant: TenantId) -> tuple[TokenRecord, bytes]:
    issued, text = office.operator.issue_token(tenant, name="till")
    return issued, token_digest(text)


def test_a_rotated_token_is_good_until_its_end(office: Office, tenant: TenantId) -> None:
    issued, digest = token(office, tenant)

    made, text, old = office.rotation.rotate_token(issued.token_id, overlap_seconds=WEEK)

    assert old.revoked_at is not None
    assert (old.replaced_by, made.replaced_by) == (made.token_id, None)
    assert office.store.tokens(tenant) == [old, made]
    standing = office.registry.find_token(digest)
    new = office.registry.find_token(token_digest(text))
    assert standing is not None
    assert new is not None
    assert (standing.revoked_at, new.revoked_at) == (old.revoked_at, None)
    office.run("UPDATE tillgate.api_token SET revoked_at = now() WHERE revoked_at IS NOT NULL")
    assert office.registry.find_token(digest) is None
    with office.database.as_role("ingest") as ingest:
        # As the version before this one asks.
        assert ingest.execute("SELECT * FROM tillgate.find_token(%s)", (digest,)).fetchall() == []


def test_revoking_ends_a_rotated_token_now_and_leaves_an_end_that_is_past(
    office: Office, tenant: TenantId
) -> None:
    issued, digest = token(office, tenant)
    office.rotation.rotate_token(issued.token_id, overlap_seconds=WEEK)

    first = office.operator.revoke_token(issued.token_id)
    again = office.operator.revoke_token(issued.token_id)

    assert first.revoked_at is not None
    assert first.revoked_at <= datetime.now(UTC) + timedelta(seconds=5)
    assert again.revoked_at == first.revoked_at
    assert office.registry.find_token(digest) is None


def test_of_two_who_rotate_a_token_at_once_one_makes_its_successor(
    office: Office, tenant: TenantId
) -> None:
    issued, _ = token(office, tenant)
    desks = [office.another() for _ in range(4)]

    def rotate(desk: Rotation) -> bool:
        try:
            desk.rotate_token(issued.token_id, overlap_seconds=WEEK)
        except RotationConflictError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(rotate, desks)) == 1
    assert len(office.store.tokens(tenant)) == 2


def test_a_token_says_when_it_was_last_used(office: Office, tenant: TenantId) -> None:
    issued, digest = token(office, tenant)
    at = datetime.now(UTC) - timedelta(hours=2)
    for moment in (at, at - timedelta(hours=1)):
        office.flush({"tokens": {digest.hex(): round(moment.timestamp() * 1000)}})

    [listed] = office.store.tokens(tenant)

    assert listed.last_used_at is not None
    assert abs((listed.last_used_at - at).total_seconds()) < 0.01
    assert listed.token_id == issued.token_id


def test_the_snapshot_names_ends_apart_so_that_who_knows_of_none_takes_neither(
    office: Office, tenant: TenantId, source: SourceRecord
) -> None:
    issued, digest = token(office, tenant)
    other, _ = token(office, tenant)
    made, text, old = office.rotation.rotate_token(issued.token_id, overlap_seconds=WEEK)
    office.rotation.rotate_token(other.token_id, overlap_seconds=0)
    rotated = office.rotate(source)
    assert rotated.previous_secret is not None

    registry = office.whole.registry_snapshot()
    snapshot = snapshot_from_text(snapshot_text(registry, taken_at=datetime.now(UTC)))

    assert office.whole.registry_snapshot() == registry
    assert snapshot.tokens[digest].revoked_at == old.revoked_at
    assert snapshot.tokens[token_digest(text)].revoked_at is None
    endpoint = snapshot.endpoints["square", source.source_id]
    assert endpoint.sealed_secrets == office.endpoint(source).sealed_secrets
    assert endpoint.previous_until == rotated.previous_secret.good_until
    # What the version before this one reads.
    listed = json.loads(registry)
    assert digest.hex() not in [one["digest"] for one in listed["tokens"]]
    [own] = [one for one in listed["sources"] if one["source_id"] == source.source_id]
    assert own["sealed_secret"] == endpoint.sealed_secrets[0].hex()
    assert len([one for one in listed["ending_tokens"] if one["tenant_id"] == tenant]) == 1
    assert made.tenant_id == tenant
