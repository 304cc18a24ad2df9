"""The demo's sample traffic: what is sent, what must come back, and reading it again."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ops.simulators import SIMULATORS

if TYPE_CHECKING:
    import httpx

    from ops.local.handout import AppAccess, HandOut, SourceAccess, TenantAccess
    from ops.simulators.simulator import Delivery, SentEvent


# A run's events are the newest, but for what somebody else sends meanwhile.
LISTED = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One call of the demo. ``faults`` says what of its answer was not as promised."""

    title: str
    call: str
    status: int
    answer: str
    faults: list[str] = field(default_factory=list)


class SampleTraffic:
    """Sends each kind of event once, under keys that hold ``run_id``, as no run's before do.

    ``keys`` are those of the webhooks that were sent: some vendors' are hashes.
    """

    def __init__(self, http: httpx.Client, *, hand_out: HandOut) -> None:
        self._http = http
        self._demo = hand_out.tenants[0]
        self._other = hand_out.tenants[1]
        self._apps = hand_out.apps
        self.run_id = uuid.uuid4().hex[:8]
        self.keys: set[str] = set()
        self._exchanges: list[Exchange] = []
        self._sent: dict[str, list[SentEvent]] = {tenant.slug: [] for tenant in hand_out.tenants}

    def run(self) -> list[Exchange]:
        event_id = self._first_party()
        self._batch()
        for source in self._demo.sources:
            self._webhook(source)
        for app in self._apps:
            self._app_webhook(app)
        self._forgery(self._demo.source("square"))
        self._read_one(event_id)
        for tenant in (self._demo, self._other):
            self._read_back(tenant)
        return self._exchanges

    def _first_party(self) -> str:
        """An event, its replay, and another event under the same key."""
        key = f"order-{self.run_id}"
        event = {
            "type": "order.created",
            "data": {"order": self.run_id, "total": "12.50", "lines": 3},
            "entity_id": f"order-{self.run_id}",
            "entity_version": 1,
        }
        first = self._event("First-party event", event, key=key, expect=201)
        event_id = str(first.get("event_id", ""))
        self._event("The same again", event, key=key, expect=200, same={"event_id": event_id})
        other = {**event, "data": {"order": self.run_id, "total": "99.00"}}
        self._event("Other event, same key", other, key=key, expect=422)
        return event_id

    def _batch(self) -> None:
        counted = {"type": "stock.counted", "data": {"count": 5}}
        items = [
            {**counted, "idempotency_key": f"batch-{self.run_id}-{number}"} for number in range(3)
        ]
        items.append({**items[0], "data": {"count": 7}})
        wanted = ["stored", "stored", "stored", "conflict"]
        answer = self._http.post(
            "/v1/events/batch", json={"events": items}, headers=self._bearer(self._demo)
        )
        document = _document(answer)
        got = [result.get("status") for result in document.get("results", [])]
        faults = [] if got == wanted else [f"results should be {wanted}, are {got}"]
        summary = ", ".join(map(str, got))
        self._note("Batch of four", answer, expect=200, summary=summary, faults=faults)

    def _webhook(self, source: SourceAccess) -> None:
        """Send what one merchant's POS does."""
        delivery = self._delivery(source, [source.merchant_id] if source.merchant_id else [])
        self._sent[self._demo.slug] += delivery.events
        self._hook(f"{_named(source.provider)} webhook", source.notification_url, delivery)

    def _app_webhook(self, app: AppAccess) -> None:
        """Send what an app's URL gets: of both tenants at once, where the vendor does so."""
        merchants = list(app.merchants)
        if SIMULATORS[app.provider].holds_many:
            title = f"{_named(app.provider)} app, both tenants"
        else:
            merchants = [m for m, slug in app.merchants.items() if slug == self._other.slug]
            title = f"{_named(app.provider)} app, other tenant"
        delivery = self._delivery(app, merchants, prefix="app-")
        for event in delivery.events:
            self._sent[app.merchants[event.merchant_id or ""]].append(event)
        self._hook(title, app.notification_url, delivery)

    def _delivery(
        self, endpoint: SourceAccess | AppAccess, merchants: list[str], *, prefix: str = ""
    ) -> Delivery:
        delivery = SIMULATORS[endpoint.provider].delivery(
            secret=endpoint.secret,
            notification_url=endpoint.notification_url,
            merchants=merchants,
            key=f"{prefix}{endpoint.provider}-{self.run_id}",
            at=datetime.now(UTC),
            items=max(1, len(merchants)),
        )
        self.keys |= {event.key for event in delivery.events}
        return delivery

    def _forgery(self, source: SourceAccess) -> None:
        """Change an amount in what was signed."""
        genuine = self._delivery(source, [source.merchant_id or ""], prefix="forged-")
        forged = replace(genuine, body=genuine.body.replace(b"1250", b"9950"))
        title = f"{_named(source.provider)} webhook, forged"
        self._hook(title, source.notification_url, forged, expect=401)

    def _read_one(self, event_id: str) -> None:
        answer = self._http.get(f"/v1/events/{event_id}", headers=self._bearer(self._demo))
        data = _document(answer).get("data") or {}
        whole = data.get("total") == "12.50"
        self._note("Read the first event", answer, expect=200, summary=f"total {data.get('total')}",
                   faults=[] if whole else ["its data is not what was sent"])  # fmt: skip
        answer = self._http.get(f"/v1/events/{event_id}", headers=self._bearer(self._other))
        self._note("Read by other tenant", answer, expect=404)

    def _read_back(self, tenant: TenantAccess) -> None:
        """Look for each webhook's event in its own tenant's list, and for nobody else's."""
        answer = self._http.get(
            "/v1/events", params={"limit": LISTED}, headers=self._bearer(tenant)
        )
        listed = [
            (event.get("idempotency_key"), event.get("type"))
            for event in _document(answer).get("events", [])
        ]
        wanted = {(event.key, event.type) for event in self._sent[tenant.slug]}
        faults = [f"{name} is not listed once" for key, name in wanted
                  if listed.count((key, name)) != 1]  # fmt: skip
        others = self.keys - {key for key, _ in wanted}
        faults += [f"{name} is another's" for key, name in listed if key in others]
        summary = ", ".join(str(name) for _, name in listed[:3])
        self._note(f"List, tenant {tenant.slug}", answer, expect=200,
                   summary=summary, faults=faults)  # fmt: skip

    def _event(
        self,
        title: str,
        event: dict[str, Any],
        *,
        key: str,
        expect: int,
        same: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        headers = {**self._bearer(self._demo), "Idempotency-Key": key}
        answer = self._http.post("/v1/events", json=event, headers=headers)
        document = _document(answer)
        self._note(title, answer, expect=expect, faults=[
            f"{name} should be {value}, is {document.get(name)}"
            for name, value in (same or {}).items() if document.get(name) != value
        ])  # fmt: skip
        return document

    def _hook(self, title: str, url: str, delivery: Delivery, *, expect: int = 200) -> None:
        answer = self._http.post(url, content=delivery.body, headers=dict(delivery.headers))
        told, wanted = _document(answer).get("accepted"), len(delivery.events)
        text = SIMULATORS[delivery.provider].wants_text
        if answer.is_error or text == answer.text:
            # A refusal stores nothing, and who wants a text is told no number.
            faults = []
        elif text is not None:
            faults = [f"the text should be {text}"]
        else:
            faults = [] if told == wanted else [f"accepted should be {wanted}, is {told}"]
        self._note(title, answer, expect=expect, faults=faults)

    def _note(
        self,
        title: str,
        answer: httpx.Response,
        *,
        expect: int,
        summary: str = "",
        faults: list[str] | None = None,
    ) -> None:
        wrong = list(faults or [])
        if answer.status_code != expect:
            wrong.insert(0, f"should be {expect}: {answer.text[:300]}")
        self._exchanges.append(
            Exchange(
                title=title,
                call=f"{answer.request.method} {_route(answer.request.url.path)}",
                status=answer.status_code,
                answer=summary or _summary(answer),
                faults=wrong,
            )
        )

    @staticmethod
    def _bearer(tenant: TenantAccess) -> dict[str, str]:
        return {"Authorization": f"Bearer {tenant.api_token}"}


def _document(answer: httpx.Response) -> dict[str, Any]:
    """Read a JSON object; an answer that is none is judged by its status alone."""
    try:
        document = answer.json()
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _route(path: str) -> str:
    """Give a path as a reader knows it: without the gateway's prefix, ids left out."""
    route = path.partition("/execute-api/")[2].partition("/")[2]
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "…", f"/{route}")


def _named(provider: str) -> str:
    return "SumUp" if provider == "sumup" else provider.capitalize()


def _summary(answer: httpx.Response) -> str:
    """Say the one thing about an answer that a reader looks for."""
    document = _document(answer)
    if "accepted" in document:
        counted = ("accepted", "duplicates", "queued", "quarantined")
        return ", ".join(f"{name} {document[name]}" for name in counted if document.get(name))
    if "type" in document and answer.is_error:
        return str(document["type"]).rsplit("/", 1)[-1]
    if not document and answer.is_success:
        return answer.text[:20]
    return f"event {document['event_id'][:13]}…" if "event_id" in document else ""
