"""What the operator's status tells over a schema older than the code, and of very much."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.events import http_event
from tests.integration.deliveries import DeliveryStand
from tests.integration.testdatabase import ROLES, role_secrets, run_migrations
from tillgate.adapters.migration_files import latest_number, shipped_migrations
from tillgate.adapters.postgres import admin_store
from tillgate.adapters.postgres.admin_store import PostgresAdminStore
from tillgate.adapters.postgres.connection import Database
from tillgate.bootstrap.api import api

if TYPE_CHECKING:
    from tests.fakes import InMemorySecretStore
    from tests.integration.fake_secrets_manager import FakeSecretsManager
    from tests.integration.testdatabase import TestDatabase


def migrate_to(database: TestDatabase, number: int) -> InMemorySecretStore:
    """Migrate as far as a deploy of then did; give the secrets as it left them."""
    secrets = role_secrets()
    older = [one for one in shipped_migrations() if one.number <= number]
    since = {"deliver": 6, "watch": 18}
    known = [role for role in ROLES if number >= since.get(role, 0)]
    run_migrations(database, older, secrets=secrets, role_secret_ids=known)
    return secrets


@pytest.mark.parametrize(
    ("number", "breakers", "dead_letters"), [(5, None, None), (8, 0, None), (11, 0, 0)]
)
def test_status_of_an_older_schema_tells_what_there_is(
    empty_database: TestDatabase, number: int, breakers: int | None, dead_letters: int | None
) -> None:
    migrate_to(empty_database, number)
    with empty_database.superuser() as connection:
        for days in range(3):
            connection.execute(
                "SELECT tillgate.make_partitions((now() AT TIME ZONE 'UTC')::date + %s)", (days,)
            )
    with closing(Database(lambda: empty_database.url("admin"), max_uses=1_000)) as connected:
        status = PostgresAdminStore(connected, within_seconds=10).status()

    assert (status.migration, status.days_ahead, status.tenants) == (number, 2, 0)
    assert (status.open_breakers, status.dead_letters) == (breakers, dead_letters)


def test_status_counts_dead_letters_to_a_bound(
    own_database: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    with DeliveryStand(own_database) as stand:
        stand.dead_letters(stand.tenant(), 5)
        store = PostgresAdminStore(stand.connect("admin"), within_seconds=10)
        counted = store.status().dead_letters
        monkeypatch.setattr(admin_store, "MAX_COUNTED", 3)

        assert (counted, store.status().dead_letters) == (5, 3)


def test_status_is_answered_over_a_schema_of_before_delivery(
    empty_database: TestDatabase,
    secrets_manager: FakeSecretsManager,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    secrets_manager.secrets = {
        **migrate_to(empty_database, 5).secrets,
        "ring": json.dumps({"k1": "made-up-key-of-a-test"}),
        "operator": json.dumps({"token": "operator-token-of-a-test"}),
    }
    for name, value in {
        "AWS_ENDPOINT_URL": secrets_manager.url, "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "made-up", "AWS_SECRET_ACCESS_KEY": "made-up",
        "STAGE": "test", "VERSION": "v",
        "DATABASE_SECRET_ARN": "api", "ADMIN_DATABASE_SECRET_ARN": "admin",
        "KEY_RING_SECRET_ARN": "ring", "OPERATOR_SECRET_ARN": "operator",
        "CONNECTION_TIMEOUT_MS": "3000", "REQUEST_TIMEOUT_MS": "9000",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    headers = {"authorization": "Bearer operator-token-of-a-test"}
    with closing(api()) as function:
        answer = function(http_event("GET", "/admin/api/status", route="$default", headers=headers))

    told = json.loads(answer["body"])
    assert answer["statusCode"] == 200
    assert told["database"]["ok"] is True
    assert told["migrations"] == {"ok": False, "current": 5, "expected": latest_number()}
    assert (told["dead_letters"], told["open_breakers"]) == (None, None)
