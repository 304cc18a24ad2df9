"""functions/ingest as bootstrap wires it, over in-memory adapters, called as Lambda calls it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.deliveries import VENDORS
from tests.events import http_event
from tests.fakes import (
    InMemoryAcceptQueue,
    InMemoryEventStore,
    InMemoryHandshakes,
    InMemoryMetrics,
    InMemoryQuarantine,
    InMemoryRegistry,
    PlainSecretBox,
)
from tillgate.domain.metrics import Recorder
from tillgate.domain.quarantine import Reason
from tillgate.domain.tenant import (
    Endpoint,
    RateLimit,
    Source,
    SourceId,
    Tenant,
    TenantId,
    TenantState,
    endpoint_seal_context,
    token_digest,
)
from tillgate.entrypoints.emf import RequestMetrics
from tillgate.entrypoints.ingest import IngestRoutes
from tillgate.entrypoints.observability import Sandbox, serve
from tillgate.providers import PROVIDERS
from tillgate.services.authenticate import Authenticator
from tillgate.services.cached_registry import CachedRegistry
from tillgate.services.counted_intake import CountedQuarantine, counted_matches
from tillgate.services.hooks import AcceptHook, HookStore
from tillgate.services.ingest import Ingest
from tillgate.services.limits import TenantLimits
from tillgate.services.metering import Meter
from tillgate.services.paced_events import NotedRegistry, PacedEventStore

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tillgate.domain.event import Accepted, NewEvent
    from tillgate.domain.provider import Provider
    from tillgate.entrypoints.http import HttpRequest, LambdaResponse
    from tillgate.entrypoints.observability import RequestLog

ONE = Tenant(TenantId("11111111-1111-4111-8111-11111111aaaa"), "one", TenantState.ACTIVE)
TWO = Tenant(TenantId("22222222-2222-4222-8222-22222222bbbb"), "two", TenantState.ACTIVE)
IDLE = Tenant(TenantId("33333333-3333-4333-8333-33333333cccc"), "idle", TenantState.SUSPENDED)
TOKENS = {"tg_live_one": ONE, "tg_live_two": TWO, "tg_live_idle": IDLE}
APP_ID = "aaaaaaaa-0000-4000-8000-0000000000ff"
MAX_BODY_BYTES = 2_048
HOOK = "POST /v1/hooks/{provider}/{endpoint_id}"


@dataclass(frozen=True, slots=True)
class Answer:
    """``logged`` are the fields that the request's line has beside those of every line."""

    status: int
    headers: dict[str, str]
    text: str
    logged: Mapping[str, object]

    @property
    def json(self) -> dict[str, Any]:
        document = json.loads(self.text)
        assert isinstance(document, dict)
        return document

    @property
    def problem(self) -> tuple[int, str]:
        """Give status and type, as HTTP.md names a problem."""
        assert self.headers["Content-Type"] == "application/problem+json"
        assert self.json["status"] == self.status
        return self.status, self.json["type"]


def event_body(data: object = None, **more: object) -> bytes:
    return json.dumps({"type": "order.created", "data": data or {"total": 1}, **more}).encode()


def headers(**changes: str | None) -> dict[str, str]:
    """Give the headers of a good ``POST /v1/events``; None leaves one out."""
    given: dict[str, str | None] = {
        "authorization": "Bearer tg_live_one",
        "content-type": "application/json",
        "idempotency-key": "k-1",
        **{name.replace("_", "-"): value for name, value in changes.items()},
    }
    return {name: value for name, value in given.items() if value is not None}


def source_id(provider: str) -> str:
    return f"aaaaaaaa-0000-4000-8000-{list(PROVIDERS).index(provider):012d}"


def notification_url(provider: str, endpoint_id: str) -> str:
    return f"https://api.example.com/v1/hooks/{provider}/{endpoint_id}"


class CrashingEventStore(InMemoryEventStore):
    """Fails as nobody foresaw, and quotes what it was given."""

    def accept(
        self, tenant_id: TenantId, events: Sequence[NewEvent], *, received_at: datetime
    ) -> list[Accepted]:
        raise RuntimeError(f"{tenant_id} {events} {received_at}")


class WiredIngest:
    """Tenant one has a source for every provider, of the merchant whose deliveries tests make.

    Of each vendor that signs who the merchant is an app serves M1, M2 and M3.
    """

    def __init__(
        self,
        events: InMemoryEventStore | None = None,
        *,
        max_body_bytes: int = MAX_BODY_BYTES,
        providers: Mapping[str, Provider] = PROVIDERS,
        limit: RateLimit = RateLimit(1_000_000, 1_000_000),  # noqa: B008  A tuple: never changed.
    ) -> None:
        self._providers = providers
        self._max_body_bytes = max_body_bytes
        self.events = events or InMemoryEventStore()
        self.quarantine = InMemoryQuarantine()
        self.queue = InMemoryAcceptQueue()
        self.registry = InMemoryRegistry()
        self.handshakes = InMemoryHandshakes()
        self._box = PlainSecretBox()
        self.clock = 1_000.0
        self.limits = TenantLimits(limit, clock=lambda: self.clock)
        self.paced = PacedEventStore(self.events, self.limits)
        self.registry.tokens = {token_digest(text): tenant for text, tenant in TOKENS.items()}
        for provider in VENDORS.keys() & providers.keys():
            vendor = VENDORS[provider]
            self.add_source(provider, vendor.secret, merchant_id=vendor.merchant)
            if providers[provider].signs_merchant:
                self._add_endpoint(provider, APP_ID, vendor.secret, None)
        for merchant_id, tenant in {"M1": ONE, "M2": TWO, "M3": IDLE}.items():
            bound = Source(SourceId(f"source-{merchant_id}"), tenant, merchant_id)
            self.registry.bound_sources[APP_ID, merchant_id] = bound
        self.recorder = Recorder(providers=providers)
        self._routes = self._wire()
        self._sandbox = Sandbox("0.2.0", stage="test", function="ingest")
        self.metrics = InMemoryMetrics()
        self.line_metrics = RequestMetrics(self._sandbox, per_tenant=True, clock=lambda: self.clock)
        self.meter = Meter(
            self.recorder, self.metrics, clock=lambda: self.clock, limits=self.limits
        )

    def _wire(self) -> IngestRoutes:
        registry = CachedRegistry(self.registry, clock=lambda: 0.0)
        return IngestRoutes(
            authenticator=Authenticator(registry),
            ingest=Ingest(self.events, self.queue),
            accept_hook=AcceptHook(
                HookStore(
                    providers=self._providers,
                    registry=NotedRegistry(registry, self.limits),
                    events=self.paced,
                    quarantine=CountedQuarantine(self.quarantine, self.recorder),
                    secret_box=self._box,
                    conflict=Reason.KEY_CONFLICT,
                    on_match=counted_matches(self.recorder),
                ),
                self.queue,
                handshakes=self.handshakes,
            ),
            limits=self.limits,
            max_body_bytes=self._max_body_bytes,
            reconsider=lambda: any([self.reconsider(), self.paced.lift()]),
        )

    def reconsider(self) -> bool:
        """Tell whether the database was spared the asking: it never is here."""
        return False

    def add_source(
        self, provider: str, secret: str, *, tenant: Tenant = ONE, merchant_id: str | None = None
    ) -> None:
        endpoint_id = source_id(provider)
        source = Source(SourceId(endpoint_id), tenant, merchant_id)
        self._add_endpoint(provider, endpoint_id, secret, source)

    def _add_endpoint(
        self, provider: str, endpoint_id: str, secret: str, source: Source | None
    ) -> None:
        tenant_id = source.tenant.tenant_id if source else None
        context = endpoint_seal_context(endpoint_id, tenant_id=tenant_id)
        self.registry.endpoints[provider, endpoint_id] = Endpoint(
            endpoint_id,
            provider,
            notification_url(provider, endpoint_id),
            (self._box.seal(secret.encode(), context=context),),
            source,
        )

    def take_down(self) -> None:
        """Make everything that stands on the database fail."""
        self.events.is_down = self.registry.is_down = self.quarantine.is_down = True
        self.handshakes.is_down = True

    def bring_up(self) -> None:
        """Make everything that stands on the database answer again."""
        self.events.is_down = self.registry.is_down = self.quarantine.is_down = False
        self.handshakes.is_down = False

    def take_all_down(self) -> None:
        """Make both stores fail."""
        self.take_down()
        self.queue.is_down = True

    def invoke(self, event: Mapping[str, Any]) -> Answer:
        logged: dict[str, object] = {}

        def handle(request: HttpRequest, log: RequestLog) -> LambdaResponse:
            try:
                return self._routes.handle(request, log)
            finally:
                logged.update(log.fields)

        made = serve(
            event,
            handle,
            sandbox=self._sandbox,
            begin=self.paced.begin,
            meter=self.meter,
            metrics=self.line_metrics,
        )
        json.dumps(made)
        assert made["isBase64Encoded"] is False
        return Answer(made["statusCode"], made["headers"], made["body"], logged)

    def post(
        self,
        body: bytes | str | None,
        sent: Mapping[str, str] | None = None,
        *,
        path: str = "/v1/events",
        is_base64: bool = False,
    ) -> Answer:
        given = headers() if sent is None else sent
        return self.invoke(http_event("POST", path, headers=given, body=body, is_base64=is_base64))

    def post_batch(self, *items: object, sent: Mapping[str, str] | None = None) -> Answer:
        given = headers(idempotency_key=None) if sent is None else sent
        body = json.dumps({"events": items}, ensure_ascii=False).encode()
        return self.post(body, given, path="/v1/events/batch")

    def hook(
        self,
        provider: str,
        body: bytes,
        sent: Mapping[str, str],
        *,
        endpoint_id: str | None = None,
        is_base64: bool = False,
    ) -> Answer:
        endpoint_id = source_id(provider) if endpoint_id is None else endpoint_id
        return self.invoke(
            http_event(
                "POST",
                f"/v1/hooks/{provider}/{endpoint_id}",
                route=HOOK,
                path_parameters={"provider": provider, "endpoint_id": endpoint_id},
                headers=sent,
                body=body,
                is_base64=is_base64,
            )
        )


def now() -> datetime:
    return datetime.now(UTC)
