"""Two tenants with a row in every table that holds a tenant's, and the functions they call."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.events import http_event
from tests.integration.testdatabase import migrate
from tests.vendors import square_body, square_headers
from tillgate.bootstrap import api as api_function
from tillgate.bootstrap import ingest as ingest_function

if TYPE_CHECKING:
    import pytest

    from tests.integration.fake_secrets_manager import FakeSecretsManager
    from tests.integration.testdatabase import TestDatabase
    from tillgate.entrypoints.http import LambdaResponse

PUBLIC_URL = "https://events.example.com"
_OPERATOR = "made-up-operator-token"
# What is a tenant's and not written by anything that a caller does here.
_ROWS = {
    "attempt": "(tenant_id, event_id, attempt_id, at) VALUES (%(tenant)s, %(event)s,"
    " gen_random_uuid(), now())",
    "destination_breaker": "(tenant_id, failures, open_until) VALUES (%(tenant)s, 1, NULL)",
    "quiet_source": "(source_id, tenant_id, quiet_since, noticed_at) VALUES (%(source)s,"
    " %(tenant)s, now(), now())",
    "redrive": "(redrive_id, tenant_id, per_second, state) VALUES (gen_random_uuid(),"
    " %(tenant)s, 1, 'running')",
    "source_activity": "(source_id, tenant_id, last_event_at) VALUES (%(source)s, %(tenant)s,"
    " now())",
    "tenant_rate": "(tenant_id, bucket) VALUES (%(tenant)s, 'api')",
    "tenant_retention": "(tenant_id, days) VALUES (%(tenant)s, 90)",
    "token_activity": "(token_id, tenant_id, last_used_at) VALUES (gen_random_uuid(),"
    " %(tenant)s, now())",
    "tenant_activity": "SELECT %(tenant)s, 'five_minutes', '2026-11-23T10:00Z', 1, 0, 0, 1, 0, 0,"
    " 0, 0, 1, 1, array_fill(0::bigint, ARRAY[20])",
}


@dataclass(slots=True)
class Party:
    """One tenant, and all that belongs to it. ``mark`` stands in everything it sends."""

    mark: str
    tenant_id: str = ""
    token: str = ""
    source_id: str = ""
    secret: str = ""
    event_ids: list[str] = field(default_factory=list)
    cursor: str = ""

    @property
    def ids(self) -> list[str]:
        return [self.tenant_id, self.source_id, *self.event_ids]

    @property
    def bearer(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}

    def hook_url(self) -> str:
        return f"{PUBLIC_URL}/v1/hooks/square/{self.source_id}"


class TwoTenants:
    """ingest and api as they are composed, one sandbox each, on one database."""

    def __init__(
        self,
        database: TestDatabase,
        secrets_manager: FakeSecretsManager,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        self.database = database
        secrets_manager.secrets = {
            **migrate(database).secrets,
            "ring": json.dumps({"k1": "made-up-key"}),
            "operator": json.dumps({"token": _OPERATOR}),
        }
        for name, value in {
            "AWS_ENDPOINT_URL": secrets_manager.url,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "made-up",
            "AWS_SECRET_ACCESS_KEY": "made-up",
            "STAGE": "test",
            "VERSION": "0.0.0-test",
            "ADMIN_DATABASE_SECRET_ARN": "admin",
            "KEY_RING_SECRET_ARN": "ring",
            "OPERATOR_SECRET_ARN": "operator",
            "CONNECTION_TIMEOUT_MS": "3000",
            "REQUEST_TIMEOUT_MS": "9000",
            "ACCEPT_QUEUE_URL": f"{secrets_manager.url}/000000000000/accept",
            "OBJECTS_BUCKET": "objects",
        }.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("DATABASE_SECRET_ARN", "api")
        self.api = api_function.api()
        monkeypatch.setenv("DATABASE_SECRET_ARN", "ingest")
        self.ingest = ingest_function.ingest()

    def close(self) -> None:
        self.api.close()
        self.ingest.close()

    def party(self) -> Party:
        """Make a tenant with a token, a source, and nothing sent yet."""
        party = Party(f"mark-{uuid.uuid4().hex}")
        made = self.admin("POST", "tenants", {"slug": f"t-{uuid.uuid4()}", "name": party.mark})
        party.tenant_id = made["tenant_id"]
        party.token = self.admin("POST", f"tenants/{party.tenant_id}/tokens", {"name": "till"})[
            "token"
        ]
        source = self.admin(
            "POST",
            f"tenants/{party.tenant_id}/sources",
            {"provider": "square", "name": party.mark, "public_url": PUBLIC_URL},
        )
        party.source_id, party.secret = source["source_id"], source["secret"]
        return party

    def settled_party(self) -> Party:
        """Make a tenant that has a row in every table that holds a tenant's."""
        party = self.party()
        for n in range(2):
            party.event_ids.append(self.send(party, f"{party.mark}-{n}")[1]["event_id"])
        party.cursor = self.read(party, "/v1/events", query="limit=1")[1]["next_cursor"]
        assert self.hook(party, f"{party.mark}-hook") == (200, 1)
        # A key that another event has: set aside.
        assert self.hook(party, f"{party.mark}-hook", amount=7) == (200, 0)
        self.admin(
            "PUT",
            f"tenants/{party.tenant_id}/destination",
            {"kind": "supabase", "url": "https://example.com", "secret": party.mark},
        )
        with self.database.superuser() as superuser:
            for table, row in _ROWS.items():
                superuser.execute(
                    f"INSERT INTO tillgate.{table} {row}",
                    {
                        "tenant": party.tenant_id,
                        "source": party.source_id,
                        "event": party.event_ids[0],
                    },
                )
        return party

    def admin(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401  JSON.
        headers = {"authorization": f"Bearer {_OPERATOR}", "content-type": "application/json"}
        text = None if body is None else json.dumps(body)
        answer = self.api(
            http_event(method, f"/admin/api/{path}", route="$default", headers=headers, body=text)
        )
        assert answer["statusCode"] < 300, answer["body"]
        return json.loads(answer["body"])

    def read(
        self,
        party: Party,
        path: str,
        *,
        method: str = "GET",
        query: str = "",
        headers: dict[str, str] | None = None,
    ) -> tuple[int, Any]:
        answer = self.answer(party, path, method=method, query=query, headers=headers)
        return answer["statusCode"], json.loads(answer["body"])

    def answer(
        self,
        party: Party,
        path: str,
        *,
        method: str = "GET",
        query: str = "",
        headers: dict[str, str] | None = None,
    ) -> LambdaResponse:
        return self.api(
            http_event(
                method, path, route="$default", query=query, headers=party.bearer | (headers or {})
            )
        )

    def send(
        self, party: Party, key: str, *, n: int = 1, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        sent = {"idempotency-key": key, "content-type": "application/json", **party.bearer}
        body = json.dumps({"type": "order.created", "data": {"mark": party.mark, "n": n}})
        answer = self.ingest(
            http_event("POST", "/v1/events", headers=sent | (headers or {}), body=body)
        )
        return answer["statusCode"], json.loads(answer["body"])

    def hook(
        self, party: Party, key: str, *, to: Party | None = None, amount: int = 1
    ) -> tuple[int, int]:
        """Have Square deliver what ``party``'s secret signs, to its URL or to that of another.

        Give the status, and how many events were accepted.
        """
        url = (to or party).hook_url()
        body = square_body(key, data={"type": "payment", "id": party.mark, "amount": amount})
        answer = self.ingest(
            http_event(
                "POST",
                url.removeprefix(PUBLIC_URL),
                route="POST /v1/hooks/{provider}/{endpoint_id}",
                path_parameters={"provider": "square", "endpoint_id": (to or party).source_id},
                headers=square_headers(body, url=url, key=party.secret),
                body=body,
            )
        )
        return answer["statusCode"], json.loads(answer["body"]).get("accepted", 0)
