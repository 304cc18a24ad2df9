"""functions/probe with its real wiring; Secrets Manager and the destination are stand-ins."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.events import http_event
from tests.http_server import recording_server
from tests.integration.wiring import RING, Wiring
from tillgate.adapters.key_ring import KeyRingSecretBox
from tillgate.adapters.postgres.connection import Database
from tillgate.adapters.postgres.destinations import PostgresDestinationStore
from tillgate.domain.delivery import DestinationKind
from tillgate.entrypoints.routes import PROBE_PATH, SYNTHETIC_PATH
from tillgate.services.destinations import Destinations

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.fake_secrets_manager import FakeSecretsManager
    from tests.integration.testdatabase import TestDatabase

NOBODY = "00000000-0000-4000-8000-000000000000"
OPERATOR = {"authorization": "Bearer operator"}


@pytest.mark.parametrize(
    ("status", "allow", "outcome", "said"),
    [(201, 1, "delivered", 201), (401, 1, "gave_up", 401), (201, 0, "gave_up", None)],
    ids=["taken", "refused", "private"],
)
def test_destination_gets_one_request_with_its_secret_and_no_event(
    empty_database: TestDatabase,
    secrets_manager: FakeSecretsManager,
    tmp_path: Path,
    status: int,
    allow: int,
    outcome: str,
    said: int | None,
) -> None:
    with Wiring(empty_database, secrets_manager, tmp_path) as wiring, recording_server() as server:
        server.answers = [(status, b"")]
        secrets_manager.secrets["operator"] = json.dumps({"token": "operator"})
        tenant_id = empty_database.add_tenant("cafe")
        with closing(Database(lambda: empty_database.url("admin"), max_uses=10)) as admin:
            Destinations(
                PostgresDestinationStore(admin, within_seconds=10),
                box=KeyRingSecretBox(lambda: RING),
                allow_private=True,
            ).set_destination(
                tenant_id, kind=DestinationKind.SUPABASE, url=server.url, secret="sb_made_up"
            )
        sandbox = wiring.sandbox(
            "probe",
            database_secret_arn="deliver",
            operator_secret_arn="operator",
            allow_private_destinations=allow,
        )
        event = http_event(
            "POST",
            PROBE_PATH.replace("{tenant_id}", tenant_id),
            route=f"POST {PROBE_PATH}",
            headers=OPERATOR,
        )
        answer = sandbox.call({**event, "pathParameters": {"tenant_id": tenant_id}})

    assert answer.status == 200
    assert (answer.body["outcome"], answer.body["status"]) == (outcome, said)
    assert [(r.method, r.body) for r in server.received] == [("POST", b"[]")] * allow
    assert all(r.headers["apikey"] == "sb_made_up" for r in server.received)
    assert "sb_made_up" not in json.dumps(answer.body)


def test_an_event_that_is_not_there_is_removed_nowhere(
    empty_database: TestDatabase, secrets_manager: FakeSecretsManager, tmp_path: Path
) -> None:
    with Wiring(empty_database, secrets_manager, tmp_path) as wiring:
        secrets_manager.secrets["operator"] = json.dumps({"token": "operator"})
        tenant_id = empty_database.add_tenant("cafe")
        sandbox = wiring.sandbox(
            "probe", database_secret_arn="deliver", operator_secret_arn="operator"
        )
        parameters = {"tenant_id": tenant_id, "event_id": NOBODY}
        path = SYNTHETIC_PATH.format(**parameters)
        event = http_event("DELETE", path, route=f"DELETE {SYNTHETIC_PATH}", headers=OPERATOR)
        answer = sandbox.call({**event, "pathParameters": parameters})

    assert (answer.status, answer.body["type"]) == (404, "not-found")
