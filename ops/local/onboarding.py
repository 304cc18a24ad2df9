"""Tenants, tokens, sources and apps for the demo, made through the admin API like any other."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from ops.local.handout import (
    AppAccess,
    HandOut,
    Remembered,
    SourceAccess,
    SupabaseAccess,
    TenantAccess,
)
from ops.local.processes import LocalStackError
from ops.local.vendors import clover_handshake

if TYPE_CHECKING:
    import httpx

    from ops.local.stack import RunningStack

TENANTS = {"demo": "Demo Coffee", "other": "Other Bakery"}
# One source for each provider built so far, and the merchant that it is for.
DEMO_SOURCES: dict[str, str | None] = {
    "square": "MLDEMO0000001",
    "shopify": "demo-coffee.myshopify.com",
    "toast": "c0ffee00-0000-4000-8000-000000000001",
    "clover": "CLDEMO0000001",
    "standard": None,
}
# Those whose events only name what changed.
ENRICHED_PROVIDERS = ("clover",)
APP_PROVIDER = "square"
APP_MERCHANTS = {"MLAPP0000DEMO": "demo", "MLAPP000OTHER": "other"}
OK, CREATED = 200, 201


class Onboarding:
    """Makes what is missing and keeps what is there. Raises LocalStackError when refused."""

    def __init__(self, http: httpx.Client, *, stack: RunningStack, remembered: Remembered) -> None:
        self._http = http
        self._stack = stack
        self._remembered = remembered
        self._headers = {"Authorization": f"Bearer {stack.operator_token}"}

    def run(self) -> HandOut:
        known = {tenant["slug"]: tenant for tenant in self._get("tenants")["tenants"]}
        ids = {
            slug: (known.get(slug) or self._post("tenants", slug=slug, name=name))["tenant_id"]
            for slug, name in TENANTS.items()
        }
        return HandOut(
            api_url=self._stack.api_url,
            browser_url=self._stack.browser_url,
            admin_token=self._stack.operator_token,
            metrics_token=self._stack.metrics_token,
            database_url=self._stack.database_url,
            aws_endpoint_url=self._stack.endpoint_url,
            tenants=[self._tenant(slug, tenant_id) for slug, tenant_id in ids.items()],
            apps=[self._app(ids)],
        )

    def _tenant(self, slug: str, tenant_id: str) -> TenantAccess:
        before = self._remembered.tenant(tenant_id)
        token = before.api_token if before and self._serves(before.api_token) else None
        if token is None:
            token = self._post(f"tenants/{tenant_id}/tokens", name="make demo")["token"]
        wanted = DEMO_SOURCES if slug == "demo" else {}
        present = {s["source_id"] for s in self._get(f"tenants/{tenant_id}/sources")["sources"]}
        kept = {
            source.provider: source
            for source in (before.sources if before else [])
            if source.source_id in present and self._is_here(source.notification_url)
        }
        sources = [
            kept.get(provider) or self._source(tenant_id, provider, merchant_id)
            for provider, merchant_id in wanted.items()
        ]
        for source in sources:
            if source.provider in ENRICHED_PROVIDERS:
                self._credential(slug, source)
        return TenantAccess(
            slug=slug,
            tenant_id=tenant_id,
            api_token=token,
            supabase=self._destination(slug, tenant_id),
            sources=sources,
        )

    def _destination(self, slug: str, tenant_id: str) -> SupabaseAccess:
        """Let the tenant's events go to a project of its own; what it has there stays."""
        project = self._stack.supabase.project(slug)
        path = f"/admin/api/tenants/{tenant_id}/destination"
        asked = {"kind": "supabase", "url": project.url, "secret": project.secret}
        self._checked(self._http.put(path, json=asked, headers=self._headers), OK, CREATED)
        return SupabaseAccess(url=project.url, secret=project.secret)

    def _credential(self, slug: str, source: SourceAccess) -> None:
        """Let what the source's events only name be fetched, from the stand-in for its vendor."""
        api = self._stack.supabase.project(f"{slug}-{source.provider}")
        path = f"/admin/api/sources/{source.source_id}/credential"
        asked = {"token": api.secret, "api_url": api.url}
        self._checked(self._http.put(path, json=asked, headers=self._headers), OK)

    def _source(self, tenant_id: str, provider: str, merchant_id: str | None) -> SourceAccess:
        asked: dict[str, Any] = {"provider": provider, "public_url": self._stack.api_url}
        if merchant_id is not None:
            asked["merchant_id"] = merchant_id
        made = self._post(f"tenants/{tenant_id}/sources", **asked)
        return SourceAccess(
            provider=provider,
            source_id=made["source_id"],
            secret=made.get("secret") or self._shake_hands(tenant_id, made),
            notification_url=made["notification_url"],
            merchant_id=merchant_id,
        )

    def _shake_hands(self, tenant_id: str, source: dict[str, Any]) -> str:
        """Play both sides of a set-up: Clover's, and the operator's who reads the code there.

        Gives the secret, which Clover shows when the code was typed in.
        """
        code, request = clover_handshake()
        answer = self._http.post(
            source["notification_url"],
            content=request,
            headers={"Content-Type": "application/json"},
        )
        self._checked(answer, OK)
        listed = self._get(f"tenants/{tenant_id}/sources")["sources"]
        [shown] = [s for s in listed if s["source_id"] == source["source_id"]]
        if shown["verification_code"] != code:
            raise LocalStackError(f"Clover sent the code {code}, and the list shows {shown}")
        secret = str(uuid.uuid4())
        path = f"/admin/api/sources/{source['source_id']}/secret"
        self._checked(self._http.put(path, json={"secret": secret}, headers=self._headers), OK)
        return secret

    def _app(self, tenant_ids: dict[str, str]) -> AppAccess:
        present = {app["app_id"] for app in self._get("apps")["apps"]}
        for app in self._remembered.apps:
            if app.app_id in present and self._is_here(app.notification_url):
                return app
        made = self._post(
            "apps", provider=APP_PROVIDER, name="make demo", public_url=self._stack.api_url
        )
        for merchant_id, slug in APP_MERCHANTS.items():
            self._post(
                f"tenants/{tenant_ids[slug]}/sources",
                provider=APP_PROVIDER, app_id=made["app_id"], merchant_id=merchant_id,
            )  # fmt: skip
        return AppAccess(
            provider=APP_PROVIDER,
            app_id=made["app_id"],
            secret=made["secret"],
            notification_url=made["notification_url"],
            merchants=dict(APP_MERCHANTS),
        )

    def _serves(self, token: str) -> bool:
        """Tell whether a token of an earlier run still opens the tenant's events."""
        answer = self._http.get(
            "/v1/events", params={"limit": 1}, headers={"Authorization": f"Bearer {token}"}
        )
        return answer.is_success

    def _is_here(self, notification_url: str) -> bool:
        return notification_url.startswith(f"{self._stack.api_url}/")

    def _get(self, path: str) -> dict[str, Any]:
        return self._checked(self._http.get(f"/admin/api/{path}", headers=self._headers), OK)

    def _post(self, path: str, **asked: object) -> dict[str, Any]:
        answer = self._http.post(f"/admin/api/{path}", json=asked, headers=self._headers)
        return self._checked(answer, CREATED)

    @staticmethod
    def _checked(answer: httpx.Response, *expected: int) -> dict[str, Any]:
        if answer.status_code not in expected:
            raise LocalStackError(
                f"{answer.request.method} {answer.request.url.path} answered"
                f" {answer.status_code}, not {expected[-1]}: {answer.text[:500]}"
            )
        document: dict[str, Any] = answer.json()
        return document
