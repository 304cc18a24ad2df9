"""The api function over in-memory stand-ins, and the shape of calling it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.admin_fakes import InMemoryActivity, InMemoryAdminStore, InMemoryEventReader
from tests.audit_fakes import InMemoryAuditLog
from tests.delivery_fakes import InMemoryCredentials, InMemoryDeadLetters, InMemoryDestinations
from tests.endpoint_rotation_fakes import InMemoryRotations
from tests.events import http_event
from tests.fakes import InMemoryEventStore, InMemoryMetrics, InMemoryRegistry, PlainSecretBox
from tests.hours_fakes import InMemoryOpeningHours
from tests.quarantine_fakes import InMemorySetAside
from tests.retention_fakes import InMemoryRetention
from tests.rotation_fakes import InMemorySealedRows, InMemorySecretNotes
from tests.session_fakes import InMemorySessions
from tillgate.adapters.key_ring import KeyRingSecretBox
from tillgate.domain.metrics import Recorder
from tillgate.domain.tenant import RateLimit, Tenant, TenantId, TenantState, token_digest
from tillgate.entrypoints.admin_api import AdminRoutes
from tillgate.entrypoints.admin_audit import AdminAudit
from tillgate.entrypoints.admin_credentials import AdminCredentials
from tillgate.entrypoints.admin_dead_letters import AdminDeadLetters
from tillgate.entrypoints.admin_destinations import AdminDestinations
from tillgate.entrypoints.admin_events import AdminEvents
from tillgate.entrypoints.admin_hours import AdminHours
from tillgate.entrypoints.admin_keys import AdminKeys
from tillgate.entrypoints.admin_limits import AdminLimits
from tillgate.entrypoints.admin_page import AdminPage
from tillgate.entrypoints.admin_quarantine import AdminQuarantine
from tillgate.entrypoints.admin_retention import AdminRetention
from tillgate.entrypoints.admin_rotation import AdminRotation
from tillgate.entrypoints.admin_slo import AdminSlo
from tillgate.entrypoints.api import ApiRoutes
from tillgate.entrypoints.docs.documents import Documents
from tillgate.entrypoints.observability import Sandbox
from tillgate.providers import PROVIDERS
from tillgate.services.admin import Administration
from tillgate.services.audit import AuditTrail, ReadEventsForOperator
from tillgate.services.authenticate import Authenticator
from tillgate.services.counted_intake import counted_retries
from tillgate.services.credentials import Credentials
from tillgate.services.dead_letters import DeadLetterOffice
from tillgate.services.destinations import Destinations
from tillgate.services.keys import ListKeys
from tillgate.services.limits import TenantLimits
from tillgate.services.metering import Meter
from tillgate.services.opening_hours import OpeningHours
from tillgate.services.operator import OperatorGate
from tillgate.services.quarantine import QuarantineOffice
from tillgate.services.read import ReadEvents
from tillgate.services.replay import ReplayEvents
from tillgate.services.replay_own import ReplayOwnEvents
from tillgate.services.retention import Retention
from tillgate.services.retry_quarantine import RetryQuarantine
from tillgate.services.rotation import Rotation
from tillgate.services.sign_in import SignIn
from tillgate.services.slo import CheckServiceLevels
from tillgate.services.status import CheckStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tillgate.domain.provider import Provider

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
OPERATOR = {"authorization": "Bearer operator"}
MINE = {"authorization": "Bearer tg_live_mine"}
SUSPENDED = {"authorization": "Bearer tg_live_suspended"}
TENANT_ID = TenantId("11111111-1111-4111-8111-111111111111")
LIMIT = RateLimit(1_000_000, 1_000_000)
OTHER_ID = TenantId("22222222-2222-4222-8222-222222222222")


class ApiFunction:
    """Two tenants, one of them suspended; its stores are its world."""

    def __init__(
        self,
        *,
        serves_tls: bool = True,
        providers: Mapping[str, Provider] = PROVIDERS,
        limit: RateLimit = LIMIT,
    ) -> None:
        self.store = InMemoryAdminStore()
        self.reader = InMemoryEventReader()
        self.registry = InMemoryRegistry()
        self.registry.tokens = {
            token_digest("tg_live_mine"): Tenant(TENANT_ID, "mine", TenantState.ACTIVE),
            token_digest("tg_live_suspended"): Tenant(OTHER_ID, "other", TenantState.SUSPENDED),
        }
        self.destinations = InMemoryDestinations(self.store.all_tenants)
        self.dead_letters = InMemoryDeadLetters()
        self.quarantine = InMemorySetAside(InMemoryEventStore(), self.registry)
        self.hours = InMemoryOpeningHours(self.store)
        self.retention = InMemoryRetention(self.store)
        self.activity = InMemoryActivity()
        self.audit = InMemoryAuditLog()
        self.ring = {"k1": "one", "k2-2026-10-24": "two"}
        self.sealed_rows = InMemorySealedRows()
        self.secret_notes = InMemorySecretNotes()
        self.metrics = InMemoryMetrics()
        self.sessions = InMemorySessions()
        self.operator_secret = '{"token": "operator"}'
        self.now = 0.0
        self.meter = Meter(Recorder(), self.metrics, clock=lambda: 0.0)
        self.clock = 0.0
        self.limits = TenantLimits(limit, clock=lambda: self.clock)
        events = ReadEvents(self.reader)
        administration = Administration(
            self.store,
            box=PlainSecretBox(),
            providers=providers,
            default_limit=limit,
        )
        replay_one = ReplayOwnEvents(self.reader)
        replay_many = ReplayEvents(
            events, destinations=self.destinations, replays=self.destinations
        )
        gate = OperatorGate(lambda: self.operator_secret, clock=lambda: self.now)
        check_status = CheckStatus(
            self.store,
            read_kids=lambda: ("k1", "k2"),
            expected_migration=5,
            clock=lambda: 0.0,
        )
        self.routes = ApiRoutes(
            authenticator=Authenticator(self.registry),
            events=events,
            replay=replay_one,
            limits=self.limits,
            parts=(
                Documents(version="9.8.7", serves_tls=serves_tls),
                AdminRoutes(
                    gate=gate,
                    administration=administration,
                    parts=(
                        AdminEvents(
                            administration,
                            events=ReadEventsForOperator(events, log=self.audit),
                            replay_one=replay_one,
                            replay_many=replay_many,
                        ),
                        AdminDestinations(
                            Destinations(
                                self.destinations, box=PlainSecretBox(), allow_private=False
                            )
                        ),
                        AdminCredentials(
                            Credentials(
                                InMemoryCredentials(self.store),
                                sources=self.store,
                                box=PlainSecretBox(),
                                allow_private=False,
                            )
                        ),
                        AdminLimits(administration),
                        AdminRetention(Retention(self.retention, default_days=400)),
                        AdminRotation(
                            Rotation(
                                self.store,
                                InMemoryRotations(self.store),
                                box=PlainSecretBox(),
                                providers=providers,
                            )
                        ),
                        AdminKeys(
                            ListKeys(
                                self.sealed_rows,
                                self.secret_notes,
                                ring=KeyRingSecretBox(lambda: json.dumps(self.ring)),
                                clock=lambda: NOON,
                            )
                        ),
                        AdminHours(OpeningHours(self.hours, sources=self.store)),
                        AdminDeadLetters(DeadLetterOffice(self.dead_letters)),
                        AdminQuarantine(
                            QuarantineOffice(self.quarantine),
                            retry=RetryQuarantine(
                                self.quarantine,
                                providers=PROVIDERS,
                                secret_box=PlainSecretBox(),
                                clock=lambda: 0.0,
                                seconds=1.0,
                                on_stored=counted_retries(self.meter.recorder),
                            ),
                        ),
                        AdminAudit(AuditTrail(self.audit)),
                        AdminSlo(
                            administration,
                            check=CheckServiceLevels(self.activity, now=lambda: NOON),
                        ),
                    ),
                    check_status=check_status,
                    providers=providers,
                    stage="test",
                    version="9.8.7",
                    begin=self.audit.begin,
                ),
                AdminPage(
                    SignIn(self.sessions, gate=gate),
                    check_status=check_status,
                    stage="test",
                    version="9.8.7",
                    serves_tls=serves_tls,
                    begin=self.audit.begin,
                ),
            ),
            begin=self.audit.begin,
            sandbox=Sandbox("9.8.7"),
            meter=self.meter,
        )

    def call(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        query: str = "",
        body: object = None,
        raw_body: bytes | None = None,
    ) -> Answer:
        sent = dict(headers or {})
        if body is not None:
            sent.setdefault("content-type", "application/json")
            raw_body = json.dumps(body).encode()
        event = http_event(method, path, route="$default", headers=sent, query=query, body=raw_body)
        return Answer(self.routes(event))


class Answer:
    """A Lambda response, read as its caller would."""

    def __init__(self, response: dict[str, Any]) -> None:
        self.response = response
        self.status: int = response["statusCode"]
        self.headers: dict[str, str] = response["headers"]
        self.text: str = response["body"]

    @property
    def json(self) -> Any:  # noqa: ANN401  Whatever was answered.
        return json.loads(self.text)

    @property
    def problem(self) -> tuple[int, str]:
        """Give the status and the problem's type, which says the same status."""
        assert self.headers["Content-Type"] == "application/problem+json"
        assert self.json["status"] == self.status
        return self.status, self.json["type"]

    def without_rid(self) -> dict[str, Any]:
        return {name: value for name, value in self.json.items() if name != "rid"}
