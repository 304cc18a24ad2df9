"""The demo's sample traffic: what is sent, what must come back, and reading it again."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ops.local.vendors import Delivery, clover, shopify, square, standard, toast

if TYPE_CHECKING:
    import httpx

    from ops.local.handout import AppAccess, HandOut, TenantAccess


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One call of the demo. ``faults`` says what of its answer was not as promised."""

    title: str
    call: str
    status: int
    answer: str
    faults: list[str] = field(default_factory=list)


class SampleTraffic:
    """Sends each kind of event once, under keys that hold ``run_id``, as no run's before do."""

    def __init__(self, http: httpx.Client, *, hand_out: HandOut) -> None:
        self._http = http
        self._demo = hand_out.tenants[0]
        self._other = hand_out.tenants[1]
        self._app: AppAccess = hand_out.apps[0]
        self.run_id = uuid.uuid4().hex[:8]
        self._exchanges: list[Exchange] = []

    def run(self) -> list[Exchange]:
        event_id = self._first_party()
        self._batch()
        sent = self._webhooks()
        self._forgery(sent[0])
        self._read_one(event_id)
        self._read_back(self._demo, sent[:-1])
        self._read_back(self._other, sent[-1:])
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

    def _webhooks(self) -> list[Delivery]:
        """One signed delivery for each source of ``demo``, and one by the app for ``other``."""
        sources = {source.provider: source for source in self._demo.sources}
        at_square, at_shopify, at_toast, at_clover = (
            sources[name] for name in ("square", "shopify", "toast", "clover")
        )
        theirs = next(m for m, slug in self._app.merchants.items() if slug == self._other.slug)
        deliveries = [
            square(
                key=f"sq-{self.run_id}", secret=at_square.secret,
                notification_url=at_square.notification_url, merchant_id=at_square.merchant_id,
            ),
            shopify(
                key=f"sh-{self.run_id}", secret=at_shopify.secret,
                merchant_id=at_shopify.merchant_id,
            ),
            toast(
                key=f"to-{self.run_id}", secret=at_toast.secret, merchant_id=at_toast.merchant_id
            ),
            clover(
                key=f"CL{self.run_id}", secret=at_clover.secret,
                merchant_id=at_clover.merchant_id,
            ),
            standard(key=f"msg_{self.run_id}", secret=sources["standard"].secret),
            square(
                key=f"app-{self.run_id}", secret=self._app.secret,
                notification_url=self._app.notification_url, merchant_id=theirs,
            ),
        ]  # fmt: skip
        urls = [sources[delivery.provider].notification_url for delivery in deliveries[:-1]]
        titles = [f"{d.provider.capitalize()} webhook" for d in deliveries[:-1]]
        for title, url, delivery in zip(
            [*titles, "Square app, other tenant"],
            [*urls, self._app.notification_url], deliveries, strict=True,
        ):  # fmt: skip
            self._hook(title, url, delivery, expect=200)
        return deliveries

    def _forgery(self, genuine: Delivery) -> None:
        forged = Delivery(
            provider=genuine.provider,
            key=genuine.key,
            type=genuine.type,
            body=genuine.body.replace(b"1250", b"9950"),
            headers=genuine.headers,
        )
        url = self._demo.source(genuine.provider).notification_url
        self._hook("Square webhook, forged", url, forged, expect=401)

    def _read_one(self, event_id: str) -> None:
        answer = self._http.get(f"/v1/events/{event_id}", headers=self._bearer(self._demo))
        data = _document(answer).get("data") or {}
        whole = data.get("total") == "12.50"
        self._note("Read the first event", answer, expect=200, summary=f"total {data.get('total')}",
                   faults=[] if whole else ["its data is not what was sent"])  # fmt: skip
        answer = self._http.get(f"/v1/events/{event_id}", headers=self._bearer(self._other))
        self._note("Read by other tenant", answer, expect=404)

    def _read_back(self, tenant: TenantAccess, sent: list[Delivery]) -> None:
        answer = self._http.get("/v1/events", headers=self._bearer(tenant))
        listed = [event.get("type") for event in _document(answer).get("events", [])]
        missing = [d.type for d in sent if d.type not in listed]
        self._note(f"List, tenant {tenant.slug}", answer, expect=200,
                   summary=", ".join(map(str, listed[:3])),
                   faults=[f"{name} is not listed" for name in missing])  # fmt: skip

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

    def _hook(self, title: str, url: str, delivery: Delivery, *, expect: int) -> None:
        headers = {"Content-Type": "application/json", **delivery.headers}
        answer = self._http.post(url, content=delivery.body, headers=headers)
        document = _document(answer)
        taken = document.get("accepted")
        stored = expect >= 400 or taken == 1  # noqa: PLR2004 - a refusal stores nothing
        self._note(title, answer, expect=expect,
                   faults=[] if stored else [f"accepted should be 1, is {taken}"])  # fmt: skip

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


def _summary(answer: httpx.Response) -> str:
    """Say the one thing about an answer that a reader looks for."""
    document = _document(answer)
    if "accepted" in document:
        counted = ("accepted", "duplicates", "queued", "quarantined")
        return ", ".join(f"{name} {document[name]}" for name in counted if document.get(name))
    if "type" in document and answer.is_error:
        return str(document["type"]).rsplit("/", 1)[-1]
    return f"event {document['event_id'][:13]}…" if "event_id" in document else ""
