"""Functions in sandboxes of their own, on a test's database and a stand-in Secrets Manager."""

from __future__ import annotations

import json
import uuid
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from tests.events import http_event
from tests.integration.sandbox import Sandbox
from tests.integration.testdatabase import migrate

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.fake_secrets_manager import FakeSecretsManager
    from tests.integration.testdatabase import TestDatabase

# In seconds; what a sandbox is told unless a test says otherwise.
CONNECTION_TIMEOUT = 0.6
RING = json.dumps({"k1": "made up"})
METRICS_TOKEN = "made-up-metrics-token"
METRICS = json.dumps({"token": METRICS_TOKEN})


class Wiring:
    """Sandboxes with the real wiring: only Secrets Manager is a stand-in."""

    def __init__(
        self, database: TestDatabase, secrets_manager: FakeSecretsManager, folder: Path
    ) -> None:
        self.database = database
        self.secrets = secrets_manager
        self.secrets.secrets |= {**migrate(database).secrets, "key-ring": RING, "metrics": METRICS}
        self._folder = folder
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stack.close()

    def environment(self, function: str, **settings: object) -> dict[str, str]:
        """Give what the function is told: its settings, and where AWS is."""
        return {
            "STAGE": "test", "VERSION": "0.0.0-test",
            "CONNECTION_TIMEOUT_MS": str(int(CONNECTION_TIMEOUT * 1000)),
            "DATABASE_SECRET_ARN": function, "KEY_RING_SECRET_ARN": "key-ring",
            "METRICS_SECRET_ARN": "metrics",
            "ACCEPT_QUEUE_URL": f"{self.secrets.url}/000000000000/accept",
            "DEAD_LETTER_QUEUE_URL": f"{self.secrets.url}/000000000000/dead",
            "DELIVERY_QUEUE_URL": f"{self.secrets.url}/000000000000/delivery",
            "REDRIVE_QUEUE_URL": f"{self.secrets.url}/000000000000/redrive",
            "ACCEPT_DEAD_LETTER_QUEUE_URL": f"{self.secrets.url}/000000000000/accept-dead",
            "DELIVERY_DEAD_LETTER_QUEUE_URL": f"{self.secrets.url}/000000000000/delivery-dead",
            "SWEEP_SECONDS": "0", "OBJECTS_BUCKET": "objects",
            "AWS_ENDPOINT_URL": self.secrets.url, "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            **{name.upper(): str(value) for name, value in settings.items()},
        }  # fmt: skip

    def sandbox(self, function: str, **settings: object) -> Sandbox:
        env = self.environment(function, **settings)
        log = self._folder / f"{function}-{uuid.uuid4().hex}.log"
        return self._stack.enter_context(Sandbox(function, env, log=log))

    def warm(self, function: str) -> Sandbox:
        """Start one and let it import what it needs, with nothing asked of the database yet."""
        sandbox = self.sandbox(function)
        if function == "health":
            assert sandbox.call(http_event("GET", "/livez")).status == 200
        else:
            assert sandbox.call(http_event("POST", "/v1/events")).status == 401
        return sandbox

    def move_database(self, port: int) -> None:
        """Let the secrets say that the database is at another port."""
        for role in ("ingest", "health"):
            secret = json.loads(self.secrets.secrets[role])
            here = f":{self.database.server.port}/"
            secret["url"] = secret["url"].replace(here, f":{port}/")
            self.secrets.secrets[role] = json.dumps(secret)
