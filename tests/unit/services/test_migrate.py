from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.fakes import InMemorySecretStore
from tillgate.domain.errors import SecretUnavailableError
from tillgate.domain.migration import Migration, MigrationError
from tillgate.services.migrate import Migrate

if TYPE_CHECKING:
    from collections.abc import Iterator

ONE = Migration(1, "0001_a.sql", b"CREATE 1", "sha-1")
TWO = Migration(2, "0002_b.sql", b"CREATE 2", "sha-2")


class InMemorySchema:
    """Implements Schema; refuses to work outside its lock."""

    def __init__(self, applied: dict[int, str] | None = None) -> None:
        self._applied = dict(applied or {})
        self._is_locked = False
        self.passwords: dict[str, str] = {}

    @contextmanager
    def locked(self) -> Iterator[None]:
        self._is_locked = True
        try:
            yield
        finally:
            self._is_locked = False

    def applied(self) -> dict[int, str]:
        assert self._is_locked
        return dict(self._applied)

    def apply(self, migration: Migration) -> None:
        assert self._is_locked
        self._applied[migration.number] = migration.sha256

    def set_password(self, role: str, password: str) -> None:
        assert self._is_locked
        self.passwords[role] = password


class CountingSecretStore(InMemorySecretStore):
    """Remembers what was written, in order."""

    def __init__(self, secrets: dict[str, str]) -> None:
        super().__init__(secrets)
        self.written: list[str] = []

    def write(self, secret_id: str, value: str) -> None:
        super().write(secret_id, value)
        self.written.append(secret_id)


@pytest.fixture
def secrets() -> CountingSecretStore:
    return CountingSecretStore(
        {
            name: json.dumps({"username": f"tillgate_{name}", "password": f"pw-{name}"})
            for name in ("ingest", "api")
        }
    )


def migrate(
    schema: InMemorySchema, secrets: InMemorySecretStore, *migrations: Migration
) -> Migrate:
    return Migrate(
        migrations=migrations or (ONE, TWO),
        schema=schema,
        secrets=secrets,
        role_secret_ids=("ingest", "api"),
        role_access=lambda role, password: {"url": f"postgresql://{role}:{password}@db/x"},
    )


def test_a_first_run_applies_everything_and_lets_the_roles_in(
    secrets: CountingSecretStore,
) -> None:
    schema = InMemorySchema()

    report = migrate(schema, secrets).run()

    assert (report.applied, report.current) == ((1, 2), 2)
    assert schema.passwords == {"tillgate_ingest": "pw-ingest", "tillgate_api": "pw-api"}
    assert json.loads(secrets.read("ingest")) == {
        "username": "tillgate_ingest",
        "password": "pw-ingest",
        "url": "postgresql://tillgate_ingest:pw-ingest@db/x",
    }


def test_a_second_run_applies_and_writes_nothing(secrets: CountingSecretStore) -> None:
    schema = InMemorySchema()
    migrate(schema, secrets).run()
    secrets.written.clear()

    report = migrate(schema, secrets).run()

    assert (report.applied, report.current) == ((), 2)
    assert secrets.written == []


def test_a_password_that_was_rotated_is_set_and_its_url_follows(
    secrets: CountingSecretStore,
) -> None:
    schema = InMemorySchema()
    migrate(schema, secrets).run()
    secrets.secrets["api"] = json.dumps({**json.loads(secrets.read("api")), "password": "new"})

    migrate(schema, secrets).run()

    assert schema.passwords["tillgate_api"] == "new"
    assert json.loads(secrets.read("api"))["url"] == "postgresql://tillgate_api:new@db/x"


def test_an_edited_migration_stops_before_anything_is_done(secrets: CountingSecretStore) -> None:
    schema = InMemorySchema({1: "another sha"})

    with pytest.raises(MigrationError):
        migrate(schema, secrets).run()
    assert schema.passwords == {}
    assert secrets.written == []


def test_an_older_version_leaves_a_newer_schema_alone(secrets: CountingSecretStore) -> None:
    report = migrate(InMemorySchema({1: "sha-1", 2: "sha-2"}), secrets, ONE).run()

    assert (report.applied, report.current) == ((), 2)


@pytest.mark.parametrize("text", ["", "no json", "[]", "1", "{}", '{"username":"x"}', "null"])
def test_a_secret_without_a_role_is_named_as_the_cause(
    secrets: CountingSecretStore, text: str
) -> None:
    secrets.secrets["ingest"] = text

    with pytest.raises(SecretUnavailableError, match="no username and password"):
        migrate(InMemorySchema(), secrets).run()


def test_a_missing_secret_stops_the_deploy() -> None:
    with pytest.raises(SecretUnavailableError):
        migrate(InMemorySchema(), InMemorySecretStore()).run()
