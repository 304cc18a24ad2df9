"""The functions api and probe as they are composed, with canaries for all that is secret."""

from __future__ import annotations

import json
import re
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import pytest

from tests.canaries import Canaries
from tests.events import http_event
from tests.http_server import recording_server
from tests.integration.deliveries import DeliveryStand
from tests.integration.fake_secrets_manager import FakeSecretsManager
from tests.integration.quarantine_world import OTHER_KEY, World
from tests.integration.testdatabase import migrate
from tillgate import __version__
from tillgate.bootstrap import api as api_function
from tillgate.bootstrap import probe as probe_function
from tillgate.entrypoints.routes import PROBE_PATH, SYNTHETIC_PATH

if TYPE_CHECKING:
    from tests.integration.testdatabase import TestDatabase
    from tillgate.adapters.postgres.connection import Database
    from tillgate.domain.administration import SourceRecord
    from tillgate.domain.audit import Action
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

    def slug(self, tenant: str) -> str:
        query = "SELECT slug FROM tillgate.tenant WHERE tenant_id = %s"
        [(slug,)] = self.stand.superuser.execute(query, (tenant,)).fetchall()
        return str(slug)

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
