"""The functions api and probe as they are composed, and a call of every route that leaves an entry.

What is sent holds canaries wherever a caller chooses the text.
"""

from __future__ import annotations

import json
import re
import uuid
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import pytest

from tests.canaries import Canaries
from tests.events import http_event
from tests.http_server import recording_server
from tests.integration.deliveries import DeliveryStand
from tests.integration.events import NOW, event
from tests.integration.fake_secrets_manager import FakeSecretsManager
from tests.integration.quarantine_world import OTHER_KEY, World
from tests.integration.testdatabase import migrate
from tillgate import __version__
from tillgate.bootstrap import api as api_function
from tillgate.bootstrap import probe as probe_function
from tillgate.domain.audit import Action
from tillgate.domain.synthetic import MARKER
from tillgate.entrypoints.routes import PROBE_PATH, ROUTES, SYNTHETIC_PATH

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.testdatabase import TestDatabase
    from tillgate.adapters.postgres.connection import Database
    from tillgate.domain.administration import SourceRecord
    from tillgate.domain.tenant import TenantId

PROBES = (PROBE_PATH, SYNTHETIC_PATH)
NAME = "alice@example.com"
ADDRESS = "192.0.2.1"


@dataclass(frozen=True, slots=True)
class Asked:
    """A call that is ready to be made, and the entry that it leaves, if any."""

    path: str
    action: Action | None = None
    tenant: str | None = None
    body: object = None
    query: str = ""
    token: str | None = None


class AuditWorld:
    """Two functions on one database. What they are asked for is made ready as it is needed."""

    def __init__(self, database: TestDatabase) -> None:
        self.database = database
        self.canaries = Canaries()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        enter = self._stack.enter_context
        secrets = enter(FakeSecretsManager())
        self.upstream = enter(recording_server())
        self.stand = enter(DeliveryStand(self.database))
        self.vendors = World(self.database, self.stand.connect)
        secrets.secrets = {
            **migrate(self.database).secrets,
            "ring": json.dumps({"k1": "one"}),
            "operator": json.dumps({"token": self.canaries["operator token"]}),
        }
        # To the end: credentials are read when they are needed.
        environment = enter(pytest.MonkeyPatch.context())
        for name, value in {
            "AWS_ENDPOINT_URL": secrets.url, "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "made-up", "AWS_SECRET_ACCESS_KEY": "made-up",
            "STAGE": "test", "VERSION": __version__, "ADMIN_DATABASE_SECRET_ARN": "admin",
            "KEY_RING_SECRET_ARN": "ring", "OPERATOR_SECRET_ARN": "operator",
            "CONNECTION_TIMEOUT_MS": "3000", "REQUEST_TIMEOUT_MS": "9000",
            "ALLOW_PRIVATE_DESTINATIONS": "1", "DATABASE_SECRET_ARN": "api",
        }.items():  # fmt: skip
            environment.setenv(name, value)
        self._api = api_function.api()
        environment.setenv("DATABASE_SECRET_ARN", "deliver")
        self._probe = probe_function.probe()
        self._stack.callback(self._api.close)
        self._stack.callback(self._probe.close)
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stack.close()

    def connect(self, role: str) -> Database:
        return self.stand.connect(role)

    def call(self, route: str, asked: Asked, *, rid: str) -> tuple[int, Any]:
        method, template = route.split(" ")
        headers = {
            "authorization": f"Bearer {asked.token or self.canaries['operator token']}",
            "content-type": "application/json",
            "x-request-id": rid,
            "x-operator": NAME,
            "cookie": self.canaries["cookie"],
        }
        is_probe = template in PROBES
        made = http_event(
            method,
            asked.path,
            route=route if is_probe else "$default",
            headers=headers,
            path_parameters=_parameters(template, asked.path) if is_probe else None,
            query=asked.query,
            body=None if asked.body is None else json.dumps(asked.body),
        )
        answer = (self._probe if is_probe else self._api)(made)
        return answer["statusCode"], json.loads(answer["body"])

    def entries(self, rid: str) -> list[dict[str, Any]]:
        rows = self.stand.superuser.execute(
            "SELECT to_jsonb(e) FROM tillgate.audit_entry AS e WHERE e.rid = %s"
            " ORDER BY e.entry_id",
            (rid,),
        )
        return [row for (row,) in rows]

    def tenant(self) -> TenantId:
        return self.stand.tenant(has_destination=False)

    def source(self, tenant: str, provider: str = "square") -> str:
        body = {
            "provider": provider,
            "name": self.canaries["name"],
            "notification_url": f"https://example.com/{self.canaries['url']}",
            "secret": self.canaries["secret"],
        }
        return str(self._made(f"tenants/{tenant}/sources", body)["source_id"])

    def app(self) -> str:
        body = {
            "provider": "square",
            "name": self.canaries["name"],
            "public_url": "https://example.com",
            "secret": self.canaries["secret"],
        }
        return str(self._made("apps", body)["app_id"])

    def token(self, tenant: str) -> dict[str, Any]:
        return self._made(f"tenants/{tenant}/tokens", {"name": self.canaries["name"]})

    def refused_delivery(self, tenant: TenantId) -> tuple[SourceRecord, str]:
        """Let a delivery be refused for its signature; give its source, and its id."""
        source = self.vendors.square(tenant, key=OTHER_KEY)
        [quarantine_id] = self.vendors.deliver_square(source, self.canaries["payload"])
        return source, quarantine_id

    def _made(self, path: str, body: object) -> dict[str, Any]:
        asked = Asked(f"/admin/api/{path}", body=body)
        status, made = self.call(f"POST {asked.path}", asked, rid="prepared")
        assert status == 201, made
        return dict(made)


def _parameters(template: str, path: str) -> dict[str, str]:
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template)
    match = re.fullmatch(pattern, path)
    assert match is not None
    return match.groupdict()


CALLS: dict[str, Callable[[AuditWorld], Asked]] = {}
# They accept events, which is not audited.
ACCEPTING = {
    "POST /v1/events",
    "POST /v1/events/batch",
    "POST /v1/hooks/{provider}/{endpoint_id}",
}
CHANGING = [
    f"{method} {path}"
    for path, methods in ROUTES.items()
    for method in methods
    if method != "GET" and f"{method} {path}" not in ACCEPTING
]
READING = [
    f"GET {path}"
    for path, methods in ROUTES.items()
    if path.startswith("/admin/api/") and "GET" in methods
]


def _of(route: str) -> Callable[[Callable[[AuditWorld], Asked]], Callable[[AuditWorld], Asked]]:
    def add(prepare: Callable[[AuditWorld], Asked]) -> Callable[[AuditWorld], Asked]:
        CALLS[route] = prepare
        return prepare

    return add


@_of("POST /admin/api/tenants")
def _create_tenant(world: AuditWorld) -> Asked:
    body = {"slug": f"t-{uuid.uuid4()}", "name": world.canaries["name"]}
    return Asked("/admin/api/tenants", Action.TENANT_CREATED, body=body)


@_of("POST /admin/api/tenants/{tenant_id}/suspend")
def _suspend(world: AuditWorld) -> Asked:
    tenant = world.tenant()
    return Asked(f"/admin/api/tenants/{tenant}/suspend", Action.TENANT_SUSPENDED, tenant)


@_of("POST /admin/api/tenants/{tenant_id}/resume")
def _resume(world: AuditWorld) -> Asked:
    tenant = world.tenant()
    return Asked(f"/admin/api/tenants/{tenant}/resume", Action.TENANT_RESUMED, tenant)


@_of("POST /admin/api/apps")
def _register_app(world: AuditWorld) -> Asked:
    body = {
        "provider": "square",
        "name": world.canaries["name"],
        "notification_url": f"https://example.com/{world.canaries['url']}",
        "secret": world.canaries["secret"],
    }
    return Asked("/admin/api/apps", Action.APP_CREATED, body=body)


@_of("PUT /admin/api/apps/{app_id}/secret")
def _set_app_secret(world: AuditWorld) -> Asked:
    body = {"secret": world.canaries["new secret"]}
    return Asked(f"/admin/api/apps/{world.app()}/secret", Action.APP_SECRET_SET, body=body)


@_of("POST /admin/api/tenants/{tenant_id}/tokens")
def _issue_token(world: AuditWorld) -> Asked:
    tenant, body = world.tenant(), {"name": world.canaries["name"]}
    return Asked(f"/admin/api/tenants/{tenant}/tokens", Action.TOKEN_CREATED, tenant, body)


@_of("DELETE /admin/api/tokens/{token_id}")
def _revoke_token(world: AuditWorld) -> Asked:
    tenant = world.tenant()
    token_id = world.token(tenant)["token_id"]
    return Asked(f"/admin/api/tokens/{token_id}", Action.TOKEN_REVOKED, tenant)


@_of("POST /admin/api/tenants/{tenant_id}/sources")
def _add_source(world: AuditWorld) -> Asked:
    tenant = world.tenant()
    body = {
        "provider": "square",
        "name": world.canaries["name"],
        "merchant_id": world.canaries["merchant"],
        "notification_url": f"https://example.com/{world.canaries['url']}",
        "secret": world.canaries["secret"],
    }
    return Asked(f"/admin/api/tenants/{tenant}/sources", Action.SOURCE_CREATED, tenant, body)


@_of("PUT /admin/api/sources/{source_id}/secret")
def _set_source_secret(world: AuditWorld) -> Asked:
    tenant = world.tenant()
    path = f"/admin/api/sources/{world.source(tenant)}/secret"
    body = {"secret": world.canaries["new secret"]}
    return Asked(path, Action.SOURCE_SECRET_SET, tenant, body)


@_of("PUT /admin/api/sources/{source_id}/credential")
def _set_credential(world: AuditWorld) -> Asked:
    tenant = world.tenant()
    path = f"/admin/api/sources/{world.source(tenant, 'clover')}/credential"
    body = {"token": world.canaries["vendor token"], "api_url": "https://api.clover.com"}
    return Asked(path, Action.SOURCE_CREDENTIAL_SET, tenant, body)


@_of("DELETE /admin/api/sources/{source_id}/credential")
def _remove_credential(world: AuditWorld) -> Asked:
    asked = _set_credential(world)
    world.call("PUT /admin/api/sources/{source_id}/credential", asked, rid="prepared")
    return Asked(asked.path, Action.SOURCE_CREDENTIAL_REMOVED, asked.tenant)


@_of("PUT /admin/api/sources/{source_id}/quiet-after")
def _set_quiet_after(world: AuditWorld) -> Asked:
    tenant = world.tenant()
    path = f"/admin/api/sources/{world.source(tenant)}/quiet-after"
    return Asked(path, Action.SOURCE_QUIET_AFTER_SET, tenant, {"minutes": 90})


@_of("DELETE /admin/api/sources/{source_id}/quiet-after")
def _remove_quiet_after(world: AuditWorld) -> Asked:
    tenant = world.tenant()
    path = f"/admin/api/sources/{world.source(tenant)}/quiet-after"
    return Asked(path, Action.SOURCE_QUIET_AFTER_SET, tenant)


@_of("PUT /admin/api/tenants/{tenant_id}/hours")
def _set_hours(world: AuditWorld) -> Asked:
    tenant = world.tenant()
    body = {
        "time_zone": "Europe/Berlin",
        "opening_hours": {"mon": ["09:00-18:00"]},
        "quiet_after_minutes": 60,
    }
    return Asked(f"/admin/api/tenants/{tenant}/hours", Action.TENANT_HOURS_SET, tenant, body)


@_of("DELETE /admin/api/tenants/{tenant_id}/hours")
def _remove_hours(world: AuditWorld) -> Asked:
    asked = _set_hours(world)
    world.call("PUT /admin/api/tenants/{tenant_id}/hours", asked, rid="prepared")
    return Asked(asked.path, Action.TENANT_HOURS_REMOVED, asked.tenant)


@_of("PUT /admin/api/tenants/{tenant_id}/destination")
def _set_destination(world: AuditWorld) -> Asked:
    tenant = world.tenant()
    path = f"/admin/api/tenants/{tenant}/destination"
    secret = world.canaries["destination secret"]
    body = {"kind": "supabase", "url": world.upstream.url, "secret": secret}
    return Asked(path, Action.DESTINATION_CHANGED, tenant, body)


def _with_destination(world: AuditWorld) -> str:
    asked = _set_destination(world)
    world.call("PUT /admin/api/tenants/{tenant_id}/destination", asked, rid="prepared")
    return str(asked.tenant)


@_of("DELETE /admin/api/tenants/{tenant_id}/destination")
def _remove_destination(world: AuditWorld) -> Asked:
    tenant = _with_destination(world)
    path = f"/admin/api/tenants/{tenant}/destination"
    return Asked(path, Action.DESTINATION_REMOVED, tenant)


@_of(f"POST {PROBE_PATH}")
def _test_destination(world: AuditWorld) -> Asked:
    tenant = _with_destination(world)
    world.upstream.answers = [(400, world.canaries["echo"].encode())]
    return Asked(PROBE_PATH.format(tenant_id=tenant), Action.DESTINATION_TESTED, tenant)


def _event(world: AuditWorld, tenant: TenantId, marker: str = "") -> str:
    text = json.dumps({"note": world.canaries["payload"] + marker})
    new = event(f"{world.canaries['key']}-{uuid.uuid4()}", text)
    [one] = world.stand.events.accept(tenant, [new], received_at=NOW)
    return one.event_id


@_of(f"DELETE {SYNTHETIC_PATH}")
def _discard_synthetic(world: AuditWorld) -> Asked:
    tenant = world.tenant()
    event_id = _event(world, tenant, f" {MARKER}{uuid.uuid4()}")
    path = SYNTHETIC_PATH.format(tenant_id=tenant, event_id=event_id)
    return Asked(path, Action.EVENT_DISCARDED, tenant)


@_of("POST /admin/api/tenants/{tenant_id}/events/{event_id}/replay")
def _replay_one(world: AuditWorld) -> Asked:
    tenant = world.stand.tenant()
    path = f"/admin/api/tenants/{tenant}/events/{_event(world, tenant)}/replay"
    return Asked(path, Action.EVENT_REPLAYED, tenant)


@_of("POST /admin/api/tenants/{tenant_id}/replay")
def _replay_many(world: AuditWorld) -> Asked:
    tenant = world.tenant()
    _event(world, tenant)
    world.stand.set_destination(tenant)
    body = {"since": "2020-01-01T00:00:00Z", "dry_run": False}
    return Asked(f"/admin/api/tenants/{tenant}/replay", Action.EVENT_REPLAYED, tenant, body)


@_of("POST /v1/events/{event_id}/replay")
def _replay_own(world: AuditWorld) -> Asked:
    tenant = world.stand.tenant()
    token = world.token(tenant)["token"]
    world.canaries.plant(f"token of {tenant}", token)
    path = f"/v1/events/{_event(world, tenant)}/replay"
    return Asked(path, Action.EVENT_REPLAYED, tenant, token=token)


@_of("POST /admin/api/dead-letters/discard")
def _discard_dead_letters(world: AuditWorld) -> Asked:
    tenant = world.stand.tenant()
    world.stand.dead_letters(tenant, 2, reason=world.canaries["reason"])
    body = {"tenant_id": tenant, "reason": world.canaries["reason"], "count": 2}
    path = "/admin/api/dead-letters/discard"
    return Asked(path, Action.DEAD_LETTER_DISCARDED, tenant, body)


@_of("POST /admin/api/dead-letters/redrives")
def _redrive(world: AuditWorld) -> Asked:
    tenant = world.tenant()
    body = {"tenant_id": tenant, "reason": world.canaries["reason"], "per_second": 5}
    path = "/admin/api/dead-letters/redrives"
    return Asked(path, Action.DEAD_LETTER_REDRIVEN, tenant, body)


@_of("POST /admin/api/dead-letters/redrives/{redrive_id}/cancel")
def _cancel_redrive(world: AuditWorld) -> Asked:
    asked = _redrive(world)
    _, redrive = world.call("POST /admin/api/dead-letters/redrives", asked, rid="prepared")
    path = f"{asked.path}/{redrive['redrive_id']}/cancel"
    return Asked(path, Action.DEAD_LETTER_REDRIVE_CANCELLED, asked.tenant)


@_of("POST /admin/api/quarantine/retry")
def _retry_quarantine(world: AuditWorld) -> Asked:
    tenant = world.tenant()
    source, quarantine_id = world.refused_delivery(tenant)
    world.vendors.operator.set_source_secret(source.source_id, secret="the-right-key")
    path, body = "/admin/api/quarantine/retry", {"ids": [quarantine_id]}
    return Asked(path, Action.QUARANTINE_RETRIED, tenant, body)


@_of("POST /admin/api/quarantine/discard")
def _discard_quarantine(world: AuditWorld) -> Asked:
    tenant = world.tenant()
    _, quarantine_id = world.refused_delivery(tenant)
    path, body = "/admin/api/quarantine/discard", {"ids": [quarantine_id], "count": 1}
    return Asked(path, Action.QUARANTINE_DISCARDED, tenant, body)


@_of("GET /admin/api/quarantine/{quarantine_id}")
def _open_quarantine(world: AuditWorld) -> Asked:
    tenant = world.tenant()
    _, quarantine_id = world.refused_delivery(tenant)
    path, action = f"/admin/api/quarantine/{quarantine_id}", Action.QUARANTINE_CONTENT_READ
    return Asked(path, action, tenant, query="content=true")


@_of("GET /admin/api/tenants/{tenant_id}/events/{event_id}")
def _read_event(world: AuditWorld) -> Asked:
    tenant = world.tenant()
    path = f"/admin/api/tenants/{tenant}/events/{_event(world, tenant)}"
    return Asked(path, Action.EVENT_PAYLOAD_READ, tenant)
