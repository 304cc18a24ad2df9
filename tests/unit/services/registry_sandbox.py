"""One sandbox's registry over a database and an object store that a test takes down."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tests.fakes import InMemoryObjects, InMemoryRegistry, PlainSecretBox
from tillgate.domain.errors import StoreUnavailableError
from tillgate.domain.registry_snapshot import SNAPSHOT_CONTEXT, SNAPSHOT_KEY, snapshot_text
from tillgate.domain.tenant import (
    Endpoint,
    Source,
    SourceId,
    Tenant,
    TenantId,
    TenantState,
    TokenStanding,
)
from tillgate.services.cached_registry import CachedRegistry
from tillgate.services.snapshot_registry import SnapshotRegistry

if TYPE_CHECKING:
    from tillgate.domain.ports import SecretBox


START = datetime(2026, 11, 23, 10, tzinfo=UTC)
DAY = 86_400.0
ONE = Tenant(TenantId("one"), "one", TenantState.ACTIVE)
IDLE = Tenant(TenantId("idle"), "idle", TenantState.SUSPENDED)
TOKEN, IDLE_TOKEN = b"\x01" * 32, b"\x02" * 32
SOURCE = Source(SourceId("s"), ONE, "M1")
BOUND = Source(SourceId("b"), IDLE, "M2")
ENDPOINT = Endpoint("s", "square", "https://x.example/é", (b"sealed",), SOURCE)
APP = Endpoint("app", "square", "https://x.example/app", (b"app's",), None)
REGISTRY = {
    "tenants": [
        {"tenant_id": "one", "slug": "one", "state": "active"},
        {"tenant_id": "idle", "slug": "idle", "state": "suspended"},
    ],
    "tokens": [
        {"digest": TOKEN.hex(), "tenant_id": "one"},
        {"digest": IDLE_TOKEN.hex(), "tenant_id": "idle"},
    ],
    "apps": [
        {
            "app_id": "app",
            "provider": "square",
            "notification_url": "https://x.example/app",
            "sealed_secret": b"app's".hex(),
        }
    ],
    "sources": [
        {
            "source_id": "s",
            "tenant_id": "one",
            "provider": "square",
            "app_id": None,
            "merchant_id": "M1",
            "notification_url": "https://x.example/é",
            "sealed_secret": b"sealed".hex(),
        },
        {
            "source_id": "b",
            "tenant_id": "idle",
            "provider": "square",
            "app_id": "app",
            "merchant_id": "M2",
            "notification_url": None,
            "sealed_secret": None,
        },
    ],
}


class CountingObjects(InMemoryObjects):
    """Counts what is read."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0

    def get(self, key: str) -> bytes | None:
        self.reads += 1
        return super().get(key)


@dataclass
class Sandbox:
    """One sandbox's registry over a database and an object store, with a clock to set."""

    database: InMemoryRegistry
    objects: CountingObjects
    box: SecretBox
    now: float = 0.0

    def __post_init__(self) -> None:
        self.snapshot = SnapshotRegistry(
            self.objects, self.box, now=lambda: START + timedelta(seconds=self.now)
        )
        self.registry = CachedRegistry(
            self.database, clock=lambda: 1_000_000 + self.now, stand_in=self.snapshot
        )

    def write(self, registry: object = REGISTRY, *, at: float = 0.0) -> None:
        """Write a snapshot as sweep does."""
        taken_at = START + timedelta(seconds=at)
        self.put(zlib.compress(snapshot_text(json.dumps(registry), taken_at=taken_at).encode()))

    def put(self, plain: bytes, *, context: str = SNAPSHOT_CONTEXT) -> None:
        self.objects.put(SNAPSHOT_KEY, self.box.seal(plain, context=context))

    def finds(self) -> bool:
        """Tell whether the token is let in; a refusal instead of an outage fails."""
        try:
            found = self.registry.find_token(TOKEN)
        except StoreUnavailableError:
            return False
        assert found == TokenStanding(ONE)
        return True


def cold_sandbox() -> Sandbox:
    """Give a cold one; the database, which knows everyone, is down."""
    database = InMemoryRegistry()
    database.tokens = {TOKEN: ONE, IDLE_TOKEN: IDLE}
    database.endpoints = {("square", "s"): ENDPOINT, ("square", "app"): APP}
    database.bound_sources = {("app", "M2"): BOUND}
    database.is_down = True
    return Sandbox(database, CountingObjects(), PlainSecretBox())
