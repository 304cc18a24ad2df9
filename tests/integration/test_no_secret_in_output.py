"""Real functions under awslambdaric, on a real database: what they write is searched for canaries.

What is put in: payload, key, token, headers, the roles' passwords, the key ring, the operator's and
the scraper's tokens, a destination's secret, what it echoes, AWS' own keys. Each function is asked
with the database there, with one that refuses and quotes, and with none, and then told to stop.
"""

from __future__ import annotations

import json
import signal
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from ops.local.processes import free_port
from tests.canaries import Canaries
from tests.events import http_event
from tests.http_server import recording_server
from tests.integration.polling import until
from tests.integration.runtime import ROOT, LambdaSandbox
from tests.integration.wiring import Wiring
from tests.unit.entrypoints.queue_worker import Worker
from tillgate.adapters.key_ring import KeyRingSecretBox
from tillgate.adapters.postgres.connection import Database
from tillgate.adapters.postgres.destinations import PostgresDestinationStore
from tillgate.domain.delivery import DestinationKind
from tillgate.domain.rotation import PlatformSecret, Step
from tillgate.domain.tenant import token_digest
from tillgate.entrypoints.routes import PROBE_PATH
from tillgate.services.destinations import Destinations

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.http_server import RecordingServer
    from tests.integration.fake_secrets_manager import FakeSecretsManager
    from tests.integration.testdatabase import TestDatabase
    from tests.secret_versions import VersionedSecrets
    from tillgate.domain.tenant import TenantId

ROLES = ("ingest", "accept", "api", "admin", "deliver", "sweep", "health", "watch", "rotate")
# A database that says in its error what it was to store.
QUOTING = """
CREATE FUNCTION public.quote_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'refused: %', NEW USING DETAIL = NEW::text, HINT = NEW::text;
END $$;
CREATE TRIGGER quote_row BEFORE INSERT ON tillgate.event
FOR EACH ROW EXECUTE FUNCTION public.quote_row();
"""


class Scene:
    """A tenant with a token and a destination, and secrets that are canaries, all of them."""

    def __init__(self, wiring: Wiring, server: RecordingServer, folder: Path) -> None:
        self.canaries = Canaries()
        self._wiring, self._server, self._folder = wiring, server, folder
        self._database, self._secrets = wiring.database, wiring.secrets
        self.starts = 0
        secrets = self._secrets.secrets
        for role in ROLES:
            self.canaries.plant(f"{role}'s password", json.loads(secrets[role])["password"])
        secrets["key-ring"] = json.dumps({"k1": self.canaries["key ring"]})
        secrets["metrics"] = json.dumps({"token": self.canaries["metrics token"]})
        secrets["operator"] = json.dumps({"token": self.canaries["operator token"]})
        self.tenant = self._add_tenant()

    def _add_tenant(self) -> TenantId:
        tenant = self._database.add_tenant("one")
        with self._database.superuser() as superuser:
            superuser.execute(
                "INSERT INTO tillgate.api_token (tenant_id, name, digest, hint)"
                " VALUES (%s, 'till', %s, 'tg')",
                (tenant, token_digest(self.canaries["token"])),
            )
        with closing(Database(lambda: self._database.url("admin"), max_uses=10)) as admin:
            Destinations(
                PostgresDestinationStore(admin, within_seconds=10),
                box=KeyRingSecretBox(lambda: self._secrets.secrets["key-ring"]),
                allow_private=True,
            ).set_destination(
                tenant,
                kind=DestinationKind.SUPABASE,
                url=self._server.url,
                secret=self.canaries["destination secret"],
            )
        return tenant

    def run(self, function: str, *events: dict[str, Any]) -> list[Any]:
        """Ask a sandbox of its own and stop it; give what it answered, after the search."""
        self.starts += 1
        log = self._folder / f"{self.starts}-{function}.log"
        env = self._wiring.environment(
            function,
            database_secret_arn={"probe": "deliver", "migrate": "owner"}.get(function, function),
            admin_database_secret_arn="admin",
            operator_secret_arn="operator",
            allow_private_destinations=1,
            per_tenant_metrics=1,
            aws_secret_access_key=self.canaries["AWS secret key"],
            aws_session_token=self.canaries["AWS session token"],
            **{f"{role}_secret_arn": role for role in ROLES},
        )
        with LambdaSandbox(ROOT / "functions" / function, env, log=log) as sandbox:
            answers = [self._answer(sandbox, event) for event in events]
            sandbox.wait_for_request()
            sandbox.send(signal.SIGTERM)
            sandbox.process.wait(20)
        text = log.read_text()
        assert text.strip(), function
        assert self.canaries.found_in(text) == set(), text
        return answers

    def _answer(self, sandbox: LambdaSandbox, event: dict[str, Any]) -> Any:  # noqa: ANN401  Any JSON.
        invocation_id = sandbox.api.invoke(event)
        until(lambda: sandbox.api.answers(invocation_id), what="an answer, or an error")
        (posted,) = sandbox.api.answers(invocation_id)
        said = self.canaries.found_in(json.dumps(posted.content))
        # The sender's own, to the sender: its key, and its event when it reads that.
        assert said <= {"key", "payload"}, posted
        return posted.content

    def rotations(self, versions: VersionedSecrets) -> list[dict[str, Any]]:
        """Begin the rotation of each secret; give the calls that Secrets Manager makes."""
        begun = {name: versions.begin_rotation(name) for name in PlatformSecret}
        return [
            {"Step": step, "SecretId": name, "ClientRequestToken": version}
            for name, version in begun.items()
            for step in Step
        ]

    def take_database_down(self) -> None:
        """Let every secret say that it is where nobody listens."""
        here, nowhere = f":{self._database.server.port}/", f":{free_port()}/"
        for role in ROLES:
            secret = json.loads(self._secrets.secrets[role])
            secret["url"] = secret["url"].replace(here, nowhere)
            self._secrets.secrets[role] = json.dumps(secret)
        password = self.canaries["owner password"]
        self._secrets.secrets["owner"] = f"postgresql://owner:{password}@127.0.0.1{nowhere}x"

    def post(self, key: str, body: str | None = None) -> dict[str, Any]:
        event = {"type": "order.created", "data": {"note": self.canaries["payload"]}}
        return http_event(
            "POST",
            "/v1/events",
            headers={
                "authorization": f"Bearer {self.canaries['token']}",
                "content-type": "application/json",
                "idempotency-key": f"{self.canaries['key']}-{key}",
                "cookie": self.canaries["cookie"],
            },
            query=f"q={self.canaries['query']}",
            body=json.dumps(event) if body is None else body,
        )

    def hook(self) -> dict[str, Any]:
        return http_event(
            "POST",
            "/v1/hooks/square/00000000-0000-4000-8000-00000000dead",
            route="POST /v1/hooks/{provider}/{endpoint_id}",
            path_parameters={
                "provider": "square",
                "endpoint_id": "00000000-0000-4000-8000-00000000dead",
            },
            headers={"x-square-hmacsha256-signature": self.canaries["signature"]},
            body=self.canaries["payload"],
        )

    def messages(self, *bodies: str, queue: str) -> dict[str, Any]:
        arn = f"arn:aws:sqs:us-east-1:000000000000:{queue}"
        broken = f'{{"schema": 1, "{self.canaries["payload"]}'
        records = [
            {**Worker.record(body), "messageId": f"id-{n}", "eventSourceARN": arn}
            for n, body in enumerate((*bodies, broken))
        ]
        return {"Records": records}

    def delivery(self, event_id: str) -> dict[str, Any]:
        message = {"schema": 1, "tenant_id": self.tenant, "event_ids": [event_id]}
        return self.messages(json.dumps(message), queue="delivery")

    def reads(self, event_id: str) -> list[dict[str, Any]]:
        tenant = {"authorization": f"Bearer {self.canaries['token']}"}
        operator = {"authorization": f"Bearer {self.canaries['operator token']}"}
        calls = [
            (f"/v1/events/{event_id}", tenant, ""),
            ("/v1/events", tenant, f"cursor={self.canaries['query']}"),
            ("/v1/events", operator, ""),
            ("/admin/api/status", operator, ""),
            ("/admin/api/status", tenant, ""),
        ]
        return [
            http_event("GET", path, route="$default", headers=headers, query=query)
            for path, headers, query in calls
        ]

    def scrapes(self) -> list[dict[str, Any]]:
        return [
            http_event("GET", path, headers={"authorization": f"Bearer {token}"})
            for path, token in (
                ("/metrics", self.canaries["metrics token"]),
                ("/metrics", self.canaries["token"]),
                ("/startupz", ""),
            )
        ]

    def probes(self) -> list[dict[str, Any]]:
        path = PROBE_PATH.replace("{tenant_id}", self.tenant)
        parameters = {"tenant_id": self.tenant}
        return [
            http_event(
                "POST",
                path,
                route=f"POST {PROBE_PATH}",
                path_parameters=parameters,
                headers={"authorization": f"Bearer {token}"},
            )
            for token in (self.canaries["operator token"], self.canaries["token"])
        ]

    def echo(self, status: int) -> None:
        """Let the destination quote all that it was sent."""
        said = {"code": "23505", "message": self.canaries["payload"]}
        said["hint"] = self.canaries["destination secret"]
        self._server.answers = [(status, json.dumps(said).encode())]


@pytest.fixture
def scene(
    own_database: TestDatabase, secrets_manager: FakeSecretsManager, tmp_path: Path
) -> Iterator[Scene]:
    with (
        Wiring(own_database, secrets_manager, tmp_path) as wiring,
        recording_server() as server,
    ):
        yield Scene(wiring, server, tmp_path)


def statuses(answers: list[Any]) -> list[int]:
    return [answer["statusCode"] for answer in answers]


def test_nothing_comes_out_while_all_is_well(
    scene: Scene, secrets_manager: FakeSecretsManager
) -> None:
    first, *others = scene.run("ingest", scene.post("1"), scene.post("2", "{"), scene.hook())
    event_id = json.loads(first["body"])["event_id"]
    scene.echo(400)
    [told] = scene.run("deliver", scene.delivery(event_id))

    assert statuses([first, *others]) == [201, 400, 401]
    assert told == {"batchItemFailures": []}
    assert statuses(scene.run("probe", *scene.probes())) == [200, 401]
    assert statuses(scene.run("api", *scene.reads(event_id))) == [200, 422, 401, 200, 401]
    assert statuses(scene.run("health", *scene.scrapes()))[:2] == [200, 401]
    assert scene.run("sweep", {})[0]["queued"] == 0
    scene.run("watch", {})
    done = scene.run("rotate", *scene.rotations(secrets_manager.versions), {})
    assert done[-1]["secret_age_days"] == {"key-ring": 0, "operator": 0, "metrics": 0}
    assert statuses(scene.run("api", *scene.reads(event_id))) == [200, 422, 401, 200, 401]


def test_nothing_comes_out_of_a_database_that_quotes(
    scene: Scene, own_database: TestDatabase, secrets_manager: FakeSecretsManager
) -> None:
    with own_database.superuser() as superuser:
        superuser.execute(QUOTING)

    assert statuses(scene.run("ingest", scene.post("1"), scene.hook())) == [202, 401]

    [waiting] = secrets_manager.messages
    [told] = scene.run("accept", scene.messages(waiting, queue="accept"))
    assert told["batchItemFailures"] == [{"itemIdentifier": "id-0"}]


def test_nothing_comes_out_without_a_database(scene: Scene) -> None:
    [told] = scene.run("ingest", scene.post("1"))
    event_id = json.loads(told["body"])["event_id"]
    scene.take_database_down()

    assert statuses(scene.run("ingest", scene.post("2"), scene.hook())) == [503, 503]
    assert statuses(scene.run("api", *scene.reads(event_id)[:1])) == [503]
    assert statuses(scene.run("health", *scene.scrapes())) == [503, 401, 503]
    assert statuses(scene.run("probe", *scene.probes())) == [503, 401]
    scene.run("accept", scene.messages(queue="accept"))
    scene.run("deliver", scene.delivery(event_id))
    [failed] = scene.run("sweep", {})
    assert failed["errorType"] == "StoreUnavailableError"
    scene.run("watch", {})
    [failed] = scene.run("rotate", {})
    assert failed["errorType"] == "StoreUnavailableError"
    [failed] = scene.run("migrate", {})
    assert failed["errorType"] == "StoreUnavailableError"
