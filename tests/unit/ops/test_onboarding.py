"""How the demo sets an endpoint up: as its vendor does, played from both sides."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from ops.local.handout import AppAccess, Remembered, SupabaseAccess
from ops.local.onboarding import Onboarding
from ops.local.processes import LocalStackError

if TYPE_CHECKING:
    from collections.abc import Iterator

API = "http://t"
SLUGS = {"demo": "t-demo", "other": "t-other"}


class Admin:
    """As much of the admin API as sets up one endpoint of a provider."""

    def __init__(self, *, is_pending: bool, forgets_codes: bool = False) -> None:
        self.requests: list[tuple[str, str, Any]] = []
        self.code: str | None = None
        self.sources: list[dict[str, Any]] = []
        self.apps: list[dict[str, Any]] = []
        self._is_pending = is_pending
        self._forgets_codes = forgets_codes

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        body: dict[str, Any] = json.loads(request.content or b"{}")
        self.requests.append((request.method, path, body))
        if path.startswith("/v1/hooks/"):
            self.code = None if self._forgets_codes else body.get("verificationCode")
            return httpx.Response(200, json={})
        if request.method == "GET":
            shown = {"verification_code": self.code}
            name = "apps" if path.endswith("apps") else "sources"
            known = self.apps if name == "apps" else self.sources
            return httpx.Response(200, json={name: [{**one, **shown} for one in known]})
        if request.method == "PUT":
            return httpx.Response(200, json={})
        return httpx.Response(201, json=self.made(path, body))

    def made(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        noun = "app" if path.endswith("apps") else "source"
        known = self.apps if noun == "app" else self.sources
        made = {
            f"{noun}_id": f"{noun}-{len(known)}",
            "notification_url": f"{API}/v1/hooks/{body['provider']}/{noun}-{len(known)}",
            "merchant_id": body.get("merchant_id"),
        }
        # A source has an app or none; an app is never bound itself.
        known.append(made | ({"app_id": body.get("app_id")} if noun == "source" else {}))
        if self._is_pending or "secret" in body or "app_id" in body:
            return made
        return {**made, "secret": "made-by-tillgate"}

    def sent(self, method: str, ending: str) -> list[Any]:
        return [b for m, path, b in self.requests if m == method and path.endswith(ending)]


@pytest.fixture
def admin() -> Admin:
    return Admin(is_pending=True)


def onboarding(admin: Admin, *apps: AppAccess) -> Iterator[Onboarding]:
    project = SupabaseAccess(url="http://supabase", secret="key")
    stack: Any = SimpleNamespace(
        api_url=API, operator_token="t", supabase=SimpleNamespace(project=lambda _: project)
    )
    transport = httpx.MockTransport(admin.answer)
    with httpx.Client(base_url=API, transport=transport) as http:
        yield Onboarding(http, stack=stack, remembered=Remembered([], list(apps)))


@pytest.mark.parametrize("provider", ["square", "shopify", "toast", "stripe", "adyen", "standard"])
def test_most_vendors_secrets_are_given_beforehand(admin: Admin, provider: str) -> None:
    [source] = [made._source("t-demo", provider) for made in onboarding(admin)]

    [asked] = admin.sent("POST", "/sources")
    assert asked["secret"] == source.secret
    assert asked.get("merchant_id") == source.merchant_id
    assert not [path for _, path, _ in admin.requests if path.startswith("/v1/hooks/")]


def test_clover_s_code_is_read_where_the_operator_reads_it_before_its_secret_is_set(
    admin: Admin,
) -> None:
    [source] = [made._source("t-demo", "clover") for made in onboarding(admin)]

    assert admin.sent("PUT", "/source-0/secret") == [{"secret": source.secret}]
    assert [method for method, _, _ in admin.requests] == ["POST", "POST", "GET", "PUT"]


def test_a_code_that_is_not_shown_ends_the_set_up() -> None:
    admin = Admin(is_pending=True, forgets_codes=True)

    with pytest.raises(LocalStackError, match="the vendor sent the code"):
        [made._source("t-demo", "clover") for made in onboarding(admin)]


def test_zettle_s_test_message_has_no_code_to_be_read(admin: Admin) -> None:
    [source] = [made._source("t-demo", "zettle") for made in onboarding(admin)]

    [test] = admin.sent("POST", "/v1/hooks/zettle/source-0")
    assert test["eventName"] == "TestMessage"
    assert admin.sent("PUT", "/source-0/secret") == [{"secret": source.secret}]


def test_who_shakes_hands_and_is_not_pending_keeps_the_secret_that_was_made() -> None:
    [source] = [made._source("t", "zettle") for made in onboarding(Admin(is_pending=False))]

    assert source.secret == "made-by-tillgate"


def test_an_app_has_both_tenants_behind_it_and_each_source_a_way_to_the_objects(
    admin: Admin,
) -> None:
    [app] = [made._app("clover", SLUGS) for made in onboarding(admin)]

    assert sorted(app.merchants.values()) == ["demo", "other"]
    bound = [body for body in admin.sent("POST", "/sources") if body["app_id"] == app.app_id]
    assert {body["merchant_id"] for body in bound} == set(app.merchants)
    assert len(admin.sent("PUT", "/credential")) == 2


def test_an_app_of_an_earlier_run_is_kept_and_another_provider_s_is_not(admin: Admin) -> None:
    kept = AppAccess(
        provider="square", app_id="app-0", secret="s", merchants={"M1": "demo"},
        notification_url=f"{API}/v1/hooks/square/app-0",
    )  # fmt: skip
    admin.apps.append({"app_id": "app-0"})

    [found] = [made._app("square", SLUGS) for made in onboarding(admin, kept)]
    [made_anew] = [made._app("adyen", SLUGS) for made in onboarding(admin, kept)]

    assert found is kept
    assert made_anew.app_id == "app-1"
