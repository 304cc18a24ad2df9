"""A Tillgate with a memory: what is made is there, what is signed right is stored and delivered."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx

from tests.unit.ops.cli.fake_tillgate import TENANT, TENANT_ID, URL, FakeTillgate
from tillgate.domain.json_value import dump
from tillgate.domain.provider import HookRequest
from tillgate.providers import PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Callable

    Answer = Callable[[httpx.Request], httpx.Response]

ADMIN = "/admin/api"
TENANT_PATH = f"{ADMIN}/tenants/{TENANT_ID}"
SOURCE_ID = "44444444-4444-4444-8444-444444444444"
APP_ID = "33333333-3333-4333-8333-333333333333"
EVENT_ID = "01a207d9-2607-7716-9e0b-6a4f1d2c8b35"
DESTINATION = "https://abc.supabase.co"
KEY = "sb_secret_made_up"
CODE = "ce7643c1-83ea-4218-abe6-da876c9c7a0a"


class Platform:
    """Answers on a FakeTillgate. What a test changes beforehand is how it will answer.

    ``calls_after``: so many looks at the sources later the vendor has called. ``delivered_after``:
    so many looks at the event later it is delivered; ``gives_up`` instead, with this reason.
    """

    def __init__(self, server: FakeTillgate, provider: str = "square") -> None:
        self.provider = provider
        self.tenants: list[dict[str, Any]] = []
        self.destination: str | None = None
        self.key: str | None = None
        self.refuses_key = ""
        self.sources: list[dict[str, Any]] = []
        self.secret = "made-by-tillgate"
        self.calls_after: int | None = 2
        self.events: dict[str, dict[str, Any]] = {}
        self.delivered_after = 1
        self.gives_up: str | None = None
        self.hook: Answer = self._take
        self.copy: dict[str, Any] | None = {"is_removed": True, "status": 204, "reason": None}
        self.under_way = 0
        self.done: list[str] = []
        self.hooked = 0
        self.keeps_nothing = False
        answers: dict[tuple[str, str], Answer] = {
            ("GET", f"{ADMIN}/tenants"): lambda _: _said({"tenants": self.tenants}),
            ("POST", f"{ADMIN}/tenants"): self._make_tenant,
            ("GET", f"{TENANT_PATH}/destination"): self._show_destination,
            ("PUT", f"{TENANT_PATH}/destination"): self._set_destination,
            ("POST", f"{TENANT_PATH}/destination/test"): self._test_destination,
            ("GET", f"{TENANT_PATH}/sources"): self._list_sources,
            ("POST", f"{TENANT_PATH}/sources"): self._add_source,
            ("PUT", f"{ADMIN}/sources/{SOURCE_ID}/secret"): self._set_secret,
            ("PUT", f"{ADMIN}/apps/{APP_ID}/secret"): self._set_secret,
            ("POST", f"/v1/hooks/{provider}/{SOURCE_ID}"): self._hooked,
            ("POST", f"/v1/hooks/{provider}/{APP_ID}"): self._hooked,
            ("GET", f"{TENANT_PATH}/events"): self._list_events,
            ("GET", f"{TENANT_PATH}/events/{EVENT_ID}"): self._show_event,
            ("DELETE", f"{TENANT_PATH}/synthetic-events/{EVENT_ID}"): self._discard,
        }
        for (method, path), answer in answers.items():
            server.answer_by(method, path, answer)

    def has_tenant(self, **more: object) -> None:
        self.tenants = [{**TENANT, **more}]

    def has_source(self, *, signed_with: str) -> None:
        self.secret = signed_with
        self.sources = [self._source()]

    def has_destination(self, url: str = DESTINATION) -> None:
        self.destination, self.key = url, KEY

    def _source(self, **more: object) -> dict[str, Any]:
        return {
            "source_id": SOURCE_ID, "tenant_id": TENANT_ID, "provider": self.provider,
            "merchant_id": None, "app_id": None, "state": "ready", "verification_code": None,
            "handshake_at": None, "notification_url": f"{URL}/v1/hooks/{self.provider}/{SOURCE_ID}",
            **more,
        }  # fmt: skip

    def _make_tenant(self, request: httpx.Request) -> httpx.Response:
        self.done.append("tenant made")
        self.has_tenant(**json.loads(request.content))
        return _said(self.tenants[0], 201)

    def _show_destination(self, _: httpx.Request) -> httpx.Response:
        if self.destination is None:
            return problem(404, "not-found")
        return _said({"url": self.destination})

    def _set_destination(self, request: httpx.Request) -> httpx.Response:
        self.done.append("destination set")
        body = json.loads(request.content)
        self.destination, self.key = body["url"], body["secret"]
        return _said({"url": self.destination})

    def _test_destination(self, _: httpx.Request) -> httpx.Response:
        if self.refuses_key and self.key == self.refuses_key:
            return _said({"outcome": "gave_up", "reason": "http-401"})
        return _said({"outcome": "delivered", "reason": None})

    def _list_sources(self, _: httpx.Request) -> httpx.Response:
        if self.sources and self.sources[0]["state"] == "pending" and self.calls_after is not None:
            if self.calls_after == 0:
                code = CODE if self.provider == "clover" else None
                called = {"verification_code": code, "handshake_at": "2026-11-23T12:00:09Z"}
                self.sources[0] |= called
            self.calls_after -= 1
        return _said({"sources": self.sources})

    def _add_source(self, request: httpx.Request) -> httpx.Response:
        self.done.append("source made")
        body = json.loads(request.content)
        waits = PROVIDERS[self.provider].has_handshake and "app_id" not in body
        made = {} if waits or "secret" in body or "app_id" in body else {"secret": self.secret}
        self.secret = body.get("secret", self.secret)
        bound = {k: body[k] for k in ("merchant_id", "app_id") if k in body}
        if "app_id" in body:
            bound["notification_url"] = f"{URL}/v1/hooks/{self.provider}/{APP_ID}"
        self.sources = [self._source(**bound, state="pending" if waits else "ready")]
        return _said({**self.sources[0], **made}, 201)

    def _set_secret(self, request: httpx.Request) -> httpx.Response:
        secret = json.loads(request.content)["secret"]
        if secret == "not-its-form":
            return problem(422, "invalid-request")
        self.done.append("secret set")
        self.secret = secret
        for source in self.sources:
            source["state"] = "ready"
        return _said(self.sources[0])

    def _hooked(self, request: httpx.Request) -> httpx.Response:
        self.hooked += 1
        return self.hook(request)

    def _take(self, request: httpx.Request) -> httpx.Response:
        """Verify and store, as the platform does, by its own providers."""
        provider, signed = PROVIDERS[self.provider], HookRequest(
            body=request.content,
            headers={name.lower(): value for name, value in request.headers.items()},
            notification_url=str(request.url),
            received_at=datetime(2026, 11, 23, 12, tzinfo=UTC),
        )  # fmt: skip
        if not provider.verify(signed, self.secret):
            return problem(401, "unauthenticated")
        [item] = provider.split(signed)
        merchant_id = self.sources[0]["merchant_id"]
        if merchant_id is not None and item.merchant_id not in {None, merchant_id}:
            return _said(counts(quarantined=1))
        if not self.keeps_nothing:
            self.events[item.key] = {"type": item.type, "data": json.loads(dump(item.data))}
        text = provider.acknowledgement
        return _said(counts(accepted=1)) if text is None else httpx.Response(200, text=text)

    def _list_events(self, request: httpx.Request) -> httpx.Response:
        is_there = request.url.params["idempotency_key"] in self.events
        return _said({"events": [{"event_id": EVENT_ID}] if is_there else []})

    def _show_event(self, _: httpx.Request) -> httpx.Response:
        if not self.events:
            return problem(404, "not-found")
        [event] = self.events.values()
        self.delivered_after -= 1
        state, attempts = "pending", [{"outcome": "retry_later", "reason": "timeout"}]
        if self.destination is None:
            state, attempts = "none", []
        elif self.gives_up is not None:
            state, attempts = "gave_up", [{"outcome": "gave_up", "reason": self.gives_up}]
        elif self.delivered_after < 0:
            state, attempts = "delivered", [{"outcome": "delivered", "status": "201"}]
        return _said({**event, "delivery": {"state": state, "attempts": attempts}})

    def _discard(self, _: httpx.Request) -> httpx.Response:
        if self.under_way > 0:
            self.under_way -= 1
            return problem(409, "delivery-under-way")
        if not self.events:
            return problem(404, "not-found")
        self.events.clear()
        self.done.append("event discarded")
        was_sent = self.destination is not None
        return _said({"event_id": EVENT_ID, "destination": self.copy if was_sent else None})


def counts(**more: int) -> dict[str, object]:
    return {"accepted": 0, "duplicates": 0, "queued": 0, "quarantined": 0, "rid": "rid-1", **more}


def problem(status: int, kind: str) -> httpx.Response:
    content = {"type": kind, "title": kind, "status": status, "rid": "rid-1"}
    return httpx.Response(status, json=content)


def _said(content: object, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=content)
