"""Ingest, the operator, and a retry of what is in quarantine, on one database."""

from __future__ import annotations

import json
import uuid
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tests.vendors import clover_body, clover_headers, square_body, square_headers
from tillgate.adapters.key_ring import KeyRingSecretBox
from tillgate.adapters.postgres.admin_store import PostgresAdminStore
from tillgate.adapters.postgres.event_store import PostgresEventStore
from tillgate.adapters.postgres.quarantine import PostgresQuarantine
from tillgate.adapters.postgres.registry import PostgresRegistry
from tillgate.adapters.postgres.set_aside import PostgresSetAside
from tillgate.domain.errors import SignatureRefusedError
from tillgate.domain.provider import Hook
from tillgate.domain.quarantine import Reason
from tillgate.domain.tenant import RateLimit
from tillgate.providers import PROVIDERS
from tillgate.services.admin import Administration
from tillgate.services.hooks import AcceptHook, HookStore
from tillgate.services.retry_quarantine import RetryQuarantine

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import LiteralString

    from tests.integration.testdatabase import TestDatabase
    from tillgate.adapters.postgres.connection import Database
    from tillgate.domain.administration import SourceRecord
    from tillgate.domain.set_aside import Retried
    from tillgate.domain.tenant import TenantId
    from tillgate.services.hook_items import Tally

    Connect = Callable[[str], Database]

RECEIVED = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
KEY, OTHER_KEY = "the-right-key", "the-wrong-key"
CODE = "clover-code-made-up"


class NoQueue:
    """Implements AcceptQueue: nothing is to be queued here."""

    def put(self, message: object) -> None:
        raise AssertionError(message)


class NoHandshakes:
    """Implements Handshakes."""

    def put_handshake(self, provider: str, endpoint_id: str, *, code: str | None) -> None:
        raise AssertionError(provider, endpoint_id, code)


class World:
    """Ingest, the operator, and a retry on one database."""

    def __init__(self, database: TestDatabase, connect: Connect) -> None:
        self.database = database
        self.box = KeyRingSecretBox(lambda: json.dumps({"k1": "one"}))
        self.connect = connect
        ingest = connect("ingest")
        self.quarantine = PostgresQuarantine(ingest, self.box, within_seconds=10)
        store = HookStore(
            providers=PROVIDERS,
            registry=PostgresRegistry(ingest, within_seconds=10),
            events=PostgresEventStore(ingest, within_seconds=10),
            quarantine=self.quarantine,
            secret_box=self.box,
            conflict=Reason.KEY_CONFLICT,
        )
        self.hooks = AcceptHook(store, NoQueue(), handshakes=NoHandshakes())
        self.operator = Administration(
            PostgresAdminStore(connect("admin"), within_seconds=10),
            box=self.box,
            providers=PROVIDERS,
            default_limit=RateLimit(100, 1_000),
        )
        self.set_aside = self.another_set_aside()
        self.told: list[tuple[str, Tally]] = []

    def another_set_aside(self) -> PostgresSetAside:
        return PostgresSetAside(self.connect("admin"), self.box, within_seconds=10)

    def retrying(self, set_aside: PostgresSetAside | None = None) -> RetryQuarantine:
        return RetryQuarantine(
            set_aside or self.set_aside,
            providers=PROVIDERS,
            secret_box=self.box,
            clock=lambda: 0.0,
            seconds=1.0,
            on_stored=lambda provider, tally: self.told.append((provider, tally)),
        )

    def tenant(self) -> TenantId:
        return self.database.add_tenant(f"t-{uuid.uuid4()}")

    def square(self, tenant: TenantId, *, key: str = KEY) -> SourceRecord:
        source, _ = self.operator.add_source(
            tenant,
            provider="square",
            name="till",
            secret=key,
            merchant_id=None,
            public_url="https://events.example.com",
            notification_url=None,
        )
        return source

    def deliver(
        self, provider: str, endpoint_id: str, body: bytes, headers: dict[str, str]
    ) -> list[str]:
        """Let a vendor deliver; give the ids of what was set aside, the causes in order."""
        hook = Hook(
            hook_id=str(uuid.uuid4()),
            provider=provider,
            endpoint_id=endpoint_id,
            headers=headers,
            body=body,
            received_at=RECEIVED,
            rid=f"rid-{uuid.uuid4()}",
        )
        with suppress(SignatureRefusedError):
            self.hooks.accept(hook)
        with self.database.superuser() as superuser:
            rows = superuser.execute(
                "SELECT quarantine_id::text FROM tillgate.quarantine WHERE rid = %s"
                " ORDER BY reason",
                (hook.rid,),
            ).fetchall()
        return [one for (one,) in rows]

    def deliver_square(self, source: SourceRecord, key: str = "sq-1") -> list[str]:
        body = square_body(key)
        headers = square_headers(body, url=source.notification_url, key=KEY)
        return self.deliver("square", source.source_id, body, headers)

    def retry(self, *ids: str) -> list[Retried]:
        return list(self.retrying().retry(ids).retried)

    def stored(self, tenant: TenantId) -> list[tuple[str, datetime, str | None]]:
        with self.database.superuser() as superuser:
            return superuser.execute(
                "SELECT idempotency_key, received_at, source_id::text FROM tillgate.event"
                " WHERE tenant_id = %s ORDER BY idempotency_key",
                (tenant,),
            ).fetchall()

    def kept(self, *tenants: TenantId) -> list[tuple[str, int]]:
        """Give the reasons and events of what is kept of these tenants."""
        with self.database.superuser() as superuser:
            return superuser.execute(
                "SELECT reason, events FROM tillgate.quarantine"
                " WHERE tenant_id = ANY (%s::uuid[]) ORDER BY reason",
                (list(tenants),),
            ).fetchall()

    def run(self, statement: LiteralString, *params: object) -> None:
        with self.database.superuser() as superuser:
            superuser.execute(statement, params)

    def app_with(self, **merchants: TenantId) -> str:
        """Register an app of Clover's, bound for these merchants; give its id."""
        app, _ = self.operator.register_app(
            provider="clover",
            name="app",
            secret=CODE,
            public_url="https://events.example.com",
            notification_url=None,
        )
        for merchant, tenant in merchants.items():
            self.bind(app.app_id, tenant, merchant)
        return app.app_id

    def bind(self, app_id: str, tenant: TenantId, merchant: str) -> None:
        self.operator.bind_source(
            tenant, app_id=app_id, provider="clover", name=None, merchant_id=merchant
        )

    def deliver_clover(self, app_id: str, *merchants: str) -> list[str]:
        """Let Clover deliver an update of each merchant's."""
        update = {"type": "CREATE", "ts": 1}
        updates = {merchant: [{**update, "objectId": f"O:{merchant}"}] for merchant in merchants}
        body = clover_body(**updates)  # type: ignore[arg-type]  # None is called app_id.
        return self.deliver("clover", app_id, body, clover_headers(code=CODE))
