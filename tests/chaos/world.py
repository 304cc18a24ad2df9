"""What one scenario runs in: database, queue, objects, the network between, and sandboxes."""

from __future__ import annotations

import json
import uuid
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from tests.chaos.calls import MERCHANT, TOKEN, Endpoint
from tests.chaos.emulator import Queue
from tests.chaos.event_source import EventSource
from tests.chaos.ledger import text_digest
from tests.chaos.proxy import Network
from tests.chaos.reckoning import SetAside, Stored
from tests.integration.fake_secrets_manager import FakeSecretsManager
from tests.integration.integrity import faults
from tests.integration.testdatabase import create_database
from tests.integration.wiring import RING, Wiring
from tests.vendors import SQUARE_KEY, STANDARD_SECRET, TOAST_SECRET
from tillgate.adapters.key_ring import KeyRingSecretBox
from tillgate.domain.tenant import endpoint_seal_context, token_digest
from tillgate.providers import PROVIDERS

if TYPE_CHECKING:
    from pathlib import Path

    from ops.local.postgres import EmbeddedPostgres
    from tests.chaos.emulator import Emulator
    from tests.integration.sandbox import Sandbox

BUCKET = "objects"
OPERATOR_TOKEN = "operator-token-of-the-chaos-suite"
MAX_BODY_BYTES = 4 * 1024 * 1024
_SECRETS = {"square": SQUARE_KEY, "standard": STANDARD_SECRET, "toast": TOAST_SECRET}


@dataclass(frozen=True, slots=True)
class Findings:
    """What is left when it is over."""

    stored: list[Stored]
    set_aside: list[SetAside]
    torn: list[tuple[str, str, str]]
    dead_letters: int


class World:
    """One database of its own on ``server``, one queue and one bucket of its own."""

    def __init__(
        self,
        server: EmbeddedPostgres,
        emulator: Emulator,
        folder: Path,
        *,
        visibility_seconds: int,
    ) -> None:
        self.server = server
        self.emulator = emulator
        self._folder = folder
        self._visibility_seconds = visibility_seconds
        self._stack = ExitStack()
        self.name = f"c{uuid.uuid4().hex[:12]}"
        self.endpoints: dict[str, Endpoint] = {}

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.database = create_database(self.server, self.name)
            aws = self.emulator.port
            self.network = stack.enter_context(
                Network({"postgres": self.server.port, "sqs": aws, "s3": aws})
            )
            self.queue = self._make_queue("")
            self.dead_letters = self._make_queue("-dead")
            self.emulator.make_bucket(f"{self.name}-{BUCKET}")
            secrets = stack.enter_context(FakeSecretsManager())
            secrets.secrets["operator"] = json.dumps({"token": OPERATOR_TOKEN})
            self._wiring = stack.enter_context(Wiring(self.database, secrets, self._folder))
            for role, text in secrets.secrets.items():
                here, there = f":{self.server.port}/", f":{self.network.ports['postgres']}/"
                secrets.secrets[role] = text.replace(here, there)
            self._register()
            self.source = stack.enter_context(
                EventSource(Queue(self.url("sqs"), self.name), lambda: self.sandbox("accept"))
            )
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.__exit__(None, None, None)

    def _make_queue(self, suffix: str) -> Queue:
        return self.emulator.make_queue(
            f"{self.name}{suffix}", visibility_seconds=self._visibility_seconds
        )

    def url(self, upstream: str) -> str:
        """Give where it is, through the network."""
        return f"http://127.0.0.1:{self.network.ports[upstream]}"

    def queue_url(self, suffix: str = "") -> str:
        """Give a queue's address as the sandboxes are told it."""
        path = self.queue.url.partition("//")[2].partition("/")[2]
        return f"{self.url('sqs')}/{path}{suffix}"

    def sandbox(self, function: str, **more: object) -> Sandbox:
        """Start one that reaches everything but Secrets Manager through the network.

        ``more`` are settings beside those below, or in their place.
        """
        settings: dict[str, object] = {
            "connection_timeout_ms": 800,
            "request_timeout_ms": 5000,
            "aws_access_key_id": "000000000000",
            "aws_endpoint_url_secrets_manager": self._wiring.secrets.url,
            "aws_endpoint_url_sqs": self.url("sqs"),
            "aws_endpoint_url_s3": self.url("s3"),
            "accept_queue_url": self.queue_url(),
            "dead_letter_queue_url": self.queue_url("-dead"),
            "objects_bucket": f"{self.name}-{BUCKET}",
            "max_body_bytes": MAX_BODY_BYTES,
            "batch_seconds": 5,
        }
        return self._wiring.sandbox(function, **{**settings, **more})

    def sweep(self) -> None:
        """Run functions/sweep once: partitions, and the snapshot of who may send."""
        with self.sandbox("sweep") as sandbox:
            sandbox.invoke({})

    def _register(self) -> None:
        """Let one tenant in, by a token and by a source of each provider.

        They are days old, as they mostly are; a sandbox's clock may be an hour slow.
        """
        self.tenant = self.database.add_tenant(f"t-{uuid.uuid4()}")
        box = KeyRingSecretBox(lambda: RING)
        with self.database.superuser() as superuser:
            superuser.execute(
                "INSERT INTO tillgate.api_token (tenant_id, name, digest, hint)"
                " VALUES (%s, 'till', %s, 'tg')",
                (self.tenant, token_digest(TOKEN)),
            )
            for provider, secret in _SECRETS.items():
                if provider not in PROVIDERS:
                    continue
                source_id = str(uuid.uuid4())
                url = f"https://hooks.example.test/{source_id}"
                context = endpoint_seal_context(source_id, tenant_id=self.tenant)
                superuser.execute(
                    "INSERT INTO tillgate.source (source_id, tenant_id, provider, name,"
                    " merchant_id, notification_url, sealed_secret, secret_set_at)"
                    " VALUES (%s, %s, %s, %s, %s, %s, %s, now() - interval '2 days')",
                    (source_id, self.tenant, provider, provider,
                     None if provider == "standard" else MERCHANT, url,
                     box.seal(secret.encode(), context=context)),
                )  # fmt: skip
                self.endpoints[provider] = Endpoint(provider, source_id, url)

    def findings(self) -> Findings:
        """Read everything that there is, as somebody from whom nothing is hidden."""
        with self.database.superuser() as superuser:
            stored = [
                Stored(key, event_id, text_digest(data))
                for key, event_id, data in superuser.execute(
                    "SELECT idempotency_key, event_id::text, data FROM tillgate.event"
                )
            ]
            set_aside = [
                SetAside(rid, reason)
                for rid, reason in superuser.execute("SELECT rid, reason FROM tillgate.quarantine")
            ]
            return Findings(stored, set_aside, faults(superuser), self.dead_letters.depth())
