"""Tenants, tokens, sources and apps for the demo, made through the admin API like any other."""

from __future__ import annotations

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
from ops.simulators import SIMULATORS
from tillgate.providers import PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Iterable

    import httpx

    from ops.local.stack import RunningStack
    from ops.simulators.simulator import Handshake

TENANTS = {"demo": "Demo Coffee", "other": "Other Bakery"}
# The first tenant has one source for each.
DEMO_PROVIDERS = tuple(name for name in SIMULATORS if name in PROVIDERS)
# Those whose events only name what changed.
ENRICHED_PROVIDERS = ("clover",)
# An app for each, with both tenants behind it.
APP_PROVIDERS = tuple(name for name in ("square", "clover", "adyen") if name in PROVIDERS)
APP_MERCHANTS = {101: "demo", 102: "other"}
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
            apps=[self._app(provider, ids) for provider in APP_PROVIDERS],
        )

    def _tenant(self, slug: str, tenant_id: str) -> TenantAccess:
        before = self._remembered.tenant(tenant_id)
        token = before.api_token if before and self._serves(before.api_token) else None
        if token is None:
            token = self._post(f"tenants/{tenant_id}/tokens", name="make demo")["token"]
        wanted = DEMO_PROVIDERS if slug == "demo" else ()
        present = {s["source_id"] for s in self._get(f"tenants/{tenant_id}/sources")["sources"]}
        kept = {
            source.provider: source
            for source in (before.sources if before else [])
            if source.source_id in present and self._is_here(source.notification_url)
        }
        sources = [kept.get(provider) or self._source(tenant_id, provider) for provider in wanted]
        for source in sources:
            self._credential(slug, source.provider, source.source_id)
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

    def _credential(self, slug: str, provider: str, source_id: str) -> None:
        """Let what the source's events only name be fetched, from the stand-in for its vendor."""
        if provider not in ENRICHED_PROVIDERS:
            return
        api = self._stack.supabase.project(f"{slug}-{provider}")
        path = f"/admin/api/sources/{source_id}/credential"
        asked = {"token": api.secret, "api_url": api.url}
        self._checked(self._http.put(path, json=asked, headers=self._headers), OK)

    def _source(self, tenant_id: str, provider: str) -> SourceAccess:
        merchant_id = SIMULATORS[provider].merchant_example
        named = {} if merchant_id is None else {"merchant_id": merchant_id}
        collection = f"tenants/{tenant_id}/sources"
        made, secret = self._endpoint(collection, provider, **named)
        return SourceAccess(
            provider=provider,
            source_id=made["source_id"],
            secret=secret,
            notification_url=made["notification_url"],
            merchant_id=merchant_id,
        )

    def _endpoint(
        self, collection: str, provider: str, **asked: object
    ) -> tuple[dict[str, Any], str]:
        """Make a source or an app, as its vendor sets one up; gives its secret as well.

        Most vendors show theirs beforehand. Who shakes hands does so first.
        """
        simulator = SIMULATORS[provider]
        asked |= {"provider": provider, "public_url": self._stack.api_url}
        handshake = simulator.handshake()
        if handshake is None:
            secret = simulator.new_secret()
            return self._post(collection, **asked, secret=secret), secret
        made = self._post(collection, **asked)
        noun = "source" if "source_id" in made else "app"
        endpoint_id: str = made[f"{noun}_id"]
        self._shake_hands(made["notification_url"], handshake)
        if handshake.code is not None:
            self._read_code(collection, f"{noun}s", f"{noun}_id", endpoint_id, handshake.code)
        if made.get("secret"):
            return made, made["secret"]
        secret = simulator.new_secret()
        path = f"/admin/api/{noun}s/{endpoint_id}/secret"
        self._checked(self._http.put(path, json={"secret": secret}, headers=self._headers), OK)
        return made, secret

    def _shake_hands(self, notification_url: str, handshake: Handshake) -> None:
        """Play the vendor, who asks whether somebody is there."""
        answer = self._http.post(
            notification_url, content=handshake.body, headers=dict(handshake.headers)
        )
        if answer.status_code != OK:
            raise LocalStackError(f"a handshake was answered {answer.status_code}: {answer.text}")

    def _read_code(
        self, collection: str, name: str, id_field: str, endpoint_id: str, code: str
    ) -> None:
        """Play the operator, who reads the vendor's code in the list."""
        [shown] = [one for one in self._get(collection)[name] if one[id_field] == endpoint_id]
        if shown["verification_code"] != code:
            raise LocalStackError(f"the vendor sent the code {code}, and the list shows {shown}")

    def _app(self, provider: str, tenant_ids: dict[str, str]) -> AppAccess:
        present = {app["app_id"] for app in self._get("apps")["apps"]}
        app = self._kept_app(provider, present) or self._new_app(provider, tenant_ids)
        for merchant_id, slug in app.merchants.items():
            for source in self._get(f"tenants/{tenant_ids[slug]}/sources")["sources"]:
                if (source["app_id"], source["merchant_id"]) == (app.app_id, merchant_id):
                    self._credential(slug, provider, source["source_id"])
        return app

    def _kept_app(self, provider: str, present: Iterable[str]) -> AppAccess | None:
        for app in self._remembered.apps:
            is_here = app.app_id in present and self._is_here(app.notification_url)
            if app.provider == provider and is_here:
                return app
        return None

    def _new_app(self, provider: str, tenant_ids: dict[str, str]) -> AppAccess:
        made, secret = self._endpoint("apps", provider, name="make demo")
        merchants = {
            str(SIMULATORS[provider].merchant_id(number)): slug
            for number, slug in APP_MERCHANTS.items()
        }
        for merchant_id, slug in merchants.items():
            self._post(
                f"tenants/{tenant_ids[slug]}/sources",
                provider=provider, app_id=made["app_id"], merchant_id=merchant_id,
            )  # fmt: skip
        return AppAccess(
            provider=provider,
            app_id=made["app_id"],
            secret=secret,
            notification_url=made["notification_url"],
            merchants=merchants,
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
