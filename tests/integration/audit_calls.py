"""A call of every route that leaves an entry, made ready, and the entry that it leaves.

What is sent holds canaries wherever a caller chooses the text.
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

from tests.integration.audit_world import Asked, AuditWorld
from tests.integration.events import NOW, event
from tillgate.domain.audit import Action
from tillgate.domain.synthetic import MARKER
from tillgate.entrypoints.routes import PROBE_PATH, ROUTES, SYNTHETIC_PATH

if TYPE_CHECKING:
    from collections.abc import Callable

    from tillgate.domain.tenant import TenantId

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


@_of("POST /admin/api/tokens/{token_id}/rotate")
def _rotate_token(world: AuditWorld) -> Asked:
    tenant = world.tenant()
    token_id = world.token(tenant)["token_id"]
    return Asked(f"/admin/api/tokens/{token_id}/rotate", Action.TOKEN_ROTATED, tenant, {})


@_of("POST /admin/api/apps/{app_id}/secret/rotate")
def _rotate_app_secret(world: AuditWorld) -> Asked:
    body = {"secret": world.canaries["new secret"]}
    path = f"/admin/api/apps/{world.app()}/secret/rotate"
    return Asked(path, Action.APP_SECRET_ROTATED, body=body)


@_of("DELETE /admin/api/apps/{app_id}/secret/previous")
def _retire_app_secret(world: AuditWorld) -> Asked:
    asked = _rotate_app_secret(world)
    world.call("POST /admin/api/apps/{app_id}/secret/rotate", asked, rid="prepared")
    path = asked.path.replace("/rotate", "/previous")
    return Asked(path, Action.APP_SECRET_RETIRED)


@_of("POST /admin/api/sources/{source_id}/secret/rotate")
def _rotate_source_secret(world: AuditWorld) -> Asked:
    tenant = world.tenant()
    path = f"/admin/api/sources/{world.source(tenant)}/secret/rotate"
    body = {"secret": world.canaries["new secret"]}
    return Asked(path, Action.SOURCE_SECRET_ROTATED, tenant, body)


@_of("DELETE /admin/api/sources/{source_id}/secret/previous")
def _retire_source_secret(world: AuditWorld) -> Asked:
    asked = _rotate_source_secret(world)
    world.call("POST /admin/api/sources/{source_id}/secret/rotate", asked, rid="prepared")
    path = asked.path.replace("/rotate", "/previous")
    return Asked(path, Action.SOURCE_SECRET_RETIRED, asked.tenant)


@_of("PUT /admin/api/tenants/{tenant_id}/limit")
def _set_limit(world: AuditWorld) -> Asked:
    tenant, body = world.tenant(), {"events_per_second": 7, "burst": 70}
    return Asked(f"/admin/api/tenants/{tenant}/limit", Action.TENANT_LIMIT_SET, tenant, body)


@_of("DELETE /admin/api/tenants/{tenant_id}/limit")
def _remove_limit(world: AuditWorld) -> Asked:
    tenant = world.tenant()
    return Asked(f"/admin/api/tenants/{tenant}/limit", Action.TENANT_LIMIT_SET, tenant)


@_of("PUT /admin/api/tenants/{tenant_id}/retention")
def _set_retention(world: AuditWorld) -> Asked:
    tenant, path = world.tenant(), "/admin/api/tenants/{}/retention"
    return Asked(path.format(tenant), Action.TENANT_RETENTION_SET, tenant, {"days": 90})


@_of("DELETE /admin/api/tenants/{tenant_id}/retention")
def _remove_retention(world: AuditWorld) -> Asked:
    tenant, path = world.tenant(), "/admin/api/tenants/{}/retention"
    return Asked(path.format(tenant), Action.TENANT_RETENTION_SET, tenant)


@_of("POST /admin/api/tenants/{tenant_id}/erasure")
def _erase(world: AuditWorld) -> Asked:
    asked = _suspend(world)
    world.call("POST /admin/api/tenants/{tenant_id}/suspend", asked, rid="prepared")
    slug = world.slug(str(asked.tenant))
    path = f"/admin/api/tenants/{asked.tenant}/erasure"
    return Asked(path, Action.TENANT_ERASED, asked.tenant, {"slug": slug})


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
