from __future__ import annotations

import json

import pytest

from tests.admin_fakes import stored_event
from tests.unit.entrypoints.api_function import MINE, OPERATOR, Answer, ApiFunction
from tillgate.domain.tenant import TenantId
from tillgate.entrypoints.routes import PROBE_PATH, ROUTES, SYNTHETIC_PATH

ADMIN_ROUTES = [
    (method, path)
    for path, methods in ROUTES.items()
    if path.startswith("/admin/api/") and path not in {PROBE_PATH, SYNTHETIC_PATH}
    for method in methods
]
NOBODY = "00000000-0000-4000-8000-000000000000"
PUBLIC_URL = "https://events.example.com"


@pytest.fixture
def api() -> ApiFunction:
    return ApiFunction()


@pytest.fixture
def tenant_id(api: ApiFunction) -> str:
    return str(post(api, "tenants", {"slug": "cafe", "name": "Café"}).json["tenant_id"])


def post(api: ApiFunction, path: str, body: object) -> Answer:
    return api.call("POST", f"/admin/api/{path}", headers=OPERATOR, body=body)


def get(api: ApiFunction, path: str, query: str = "") -> Answer:
    return api.call("GET", f"/admin/api/{path}", headers=OPERATOR, query=query)


@pytest.mark.parametrize(("method", "path"), ADMIN_ROUTES)
@pytest.mark.parametrize("headers", [{}, MINE, {"authorization": "Bearer operator2"}])
def test_only_the_operator_is_let_in(
    api: ApiFunction, method: str, path: str, headers: dict[str, str]
) -> None:
    known = api.call(method, path.replace("{", "").replace("}", ""), headers=headers)
    without = api.call("GET", "/admin/api/tenants")

    assert known.problem == (401, "unauthenticated")
    assert known.headers["WWW-Authenticate"] == "Bearer"
    assert known.without_rid() == without.without_rid()


def test_operators_token_reads_no_tenants_api(api: ApiFunction) -> None:
    assert api.call("GET", "/v1/events", headers=OPERATOR).status == 401


def test_tenant_is_created_once_and_listed_by_slug(api: ApiFunction) -> None:
    made = post(api, "tenants", {"slug": "b-cafe", "name": "Café ☕"})
    again = post(api, "tenants", {"slug": "b-cafe", "name": "Another"})
    post(api, "tenants", {"slug": "a-cafe", "name": "A"})

    assert made.status == 201
    assert list(made.json) == [
        "tenant_id", "slug", "name", "state", "created_at", "limit", "limited_at",
    ]  # fmt: skip
    assert again.problem == (409, "slug-taken")
    assert [t["slug"] for t in get(api, "tenants").json["tenants"]] == ["a-cafe", "b-cafe"]
    assert get(api, "tenants", "slug=b-cafe").json["tenants"] == [made.json]
    assert get(api, "tenants", "slug=c-cafe").json["tenants"] == []
    assert get(api, "tenants", "slug=B").problem == (422, "invalid-query")
    assert get(api, "tenants", "name=b").problem == (422, "invalid-query")


def test_suspending_and_resuming_answer_with_the_tenant(api: ApiFunction, tenant_id: str) -> None:
    suspended = api.call("POST", f"/admin/api/tenants/{tenant_id}/suspend", headers=OPERATOR)
    resumed = api.call("POST", f"/admin/api/tenants/{tenant_id}/resume", headers=OPERATOR)

    assert (suspended.status, suspended.json["state"]) == (200, "suspended")
    assert (resumed.status, resumed.json["state"]) == (200, "active")


def test_token_is_shown_when_issued_and_never_again(api: ApiFunction, tenant_id: str) -> None:
    issued = post(api, f"tenants/{tenant_id}/tokens", {"name": "till"})
    listed = get(api, f"tenants/{tenant_id}/tokens")
    token_id = issued.json["token_id"]
    revoked = api.call("DELETE", f"/admin/api/tokens/{token_id}", headers=OPERATOR)

    assert issued.status == 201
    assert issued.json["token"].startswith(issued.json["hint"])
    assert issued.json["token"] not in listed.text + revoked.text
    assert (revoked.status, revoked.json["revoked_at"] is None) == (200, False)
    assert listed.json["tokens"][0]["revoked_at"] is None


def test_source_gets_its_url_and_secret_once(api: ApiFunction, tenant_id: str) -> None:
    added = post(
        api, f"tenants/{tenant_id}/sources", {"provider": "standard", "public_url": PUBLIC_URL}
    )
    listed = get(api, f"tenants/{tenant_id}/sources")

    source_id = added.json["source_id"]
    assert added.status == 201
    assert added.json["secret"].startswith("whsec_")
    assert added.json["notification_url"] == f"{PUBLIC_URL}/v1/hooks/standard/{source_id}"
    assert "secret" not in listed.json["sources"][0]


def test_source_that_a_vendor_called_without_a_code_says_when(
    api: ApiFunction, tenant_id: str
) -> None:
    path = f"tenants/{tenant_id}/sources"
    added = post(api, path, {"provider": "zettle", "public_url": PUBLIC_URL})
    api.store.put_handshake(added.json["source_id"], code=None)
    [listed] = get(api, path).json["sources"]
    ready = put_secret(api, f"sources/{added.json['source_id']}", {"secret": "signing-key"})

    assert (added.json["state"], added.json["handshake_at"]) == ("pending", None)
    assert (listed["state"], listed["verification_code"]) == ("pending", None)
    assert listed["handshake_at"].endswith("Z")
    assert (ready.json["state"], ready.json["handshake_at"]) == ("ready", listed["handshake_at"])


def test_source_of_a_vendor_with_a_handshake_is_pending_and_its_code_is_listed(
    api: ApiFunction, tenant_id: str
) -> None:
    path = f"tenants/{tenant_id}/sources"
    added = post(api, path, {"provider": "clover", "public_url": PUBLIC_URL})
    api.store.put_handshake(added.json["source_id"], code="ce7643c1-83ea")
    [listed] = get(api, path).json["sources"]
    ready = put_secret(api, f"sources/{added.json['source_id']}", {"secret": "auth-code"})

    assert "secret" not in added.json
    assert (added.json["state"], added.json["verification_code"]) == ("pending", None)
    assert (listed["state"], listed["verification_code"]) == ("pending", "ce7643c1-83ea")
    assert (ready.json["state"], ready.json["verification_code"]) == ("ready", None)


@pytest.mark.parametrize("path", ["apps", "tenants/{}/sources"])
def test_secret_that_was_sent_is_not_repeated(api: ApiFunction, tenant_id: str, path: str) -> None:
    body = {"provider": "square", "name": "n", "public_url": PUBLIC_URL, "secret": "sq-sent-key"}

    made = post(api, path.format(tenant_id), body)

    assert made.status == 201
    assert "secret" not in made.json
    assert "sq-sent-key" not in made.text


def put_secret(api: ApiFunction, path: str, body: object) -> Answer:
    return api.call("PUT", f"/admin/api/{path}/secret", headers=OPERATOR, body=body)


def added(api: ApiFunction, collection: str, provider: str) -> str:
    """Add an app or a source, and give the path that it has alone."""
    body = {"provider": provider, "name": "n", "public_url": PUBLIC_URL}
    made = post(api, collection, body).json
    return f"sources/{made['source_id']}" if "source_id" in made else f"apps/{made['app_id']}"


@pytest.mark.parametrize("collection", ["apps", "tenants/{}/sources"])
def test_secret_is_replaced_as_often_as_one_likes_and_never_told(
    api: ApiFunction, tenant_id: str, collection: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = added(api, collection.format(tenant_id), "square")
    noun, endpoint_id = path.split("/")
    [listed] = get(api, collection.format(tenant_id)).json[noun]
    before = api.store.sealed[endpoint_id]

    answers = [put_secret(api, path, {"secret": "issued-later"}) for _ in range(2)]

    sealed = api.store.sealed[endpoint_id]
    assert [answer.status for answer in answers] == [200, 200]
    assert [answer.json for answer in answers] == [listed, listed]
    assert sealed != before
    assert sealed is not None
    assert sealed.endswith(b"issued-later")
    assert "issued-later" not in capsys.readouterr().out


@pytest.mark.parametrize("collection", ["apps", "tenants/{}/sources"])
@pytest.mark.parametrize(
    ("provider", "body", "pointers"),
    [
        ("square", {}, ["/secret"]),
        ("square", {"secret": ""}, ["/secret"]),
        ("square", {"secret": None}, ["/secret"]),
        ("square", {"secret": "two words"}, ["/secret"]),
        ("square", {"secret": "x" * 513}, ["/secret"]),
        ("square", {"secret": "s", "provider": "square"}, ["/provider"]),
        ("square", ["s"], [""]),
        ("stripe", {"secret": "sk_live_another-thing-of-theirs"}, ["/secret"]),
    ],
)
def test_secret_that_cannot_be_one_is_refused_and_the_old_one_stays(
    api: ApiFunction, tenant_id: str, collection: str, provider: str, body: object,
    pointers: list[str],
) -> None:  # fmt: skip
    path = added(api, collection.format(tenant_id), provider)
    before = dict(api.store.sealed)

    answer = put_secret(api, path, body)

    assert answer.problem == (422, "invalid-request")
    assert [fault["pointer"] for fault in answer.json["errors"]] == pointers
    assert api.store.sealed == before


def test_secret_of_standard_webhooks_has_to_be_base64(api: ApiFunction, tenant_id: str) -> None:
    path = added(api, f"tenants/{tenant_id}/sources", "standard")

    answers = [put_secret(api, path, {"secret": f"whsec_{key}"}) for key in ("not-base64", "YWJj")]

    assert [answer.status for answer in answers] == [422, 200]


def test_secret_of_a_source_of_an_app_is_the_apps(api: ApiFunction, tenant_id: str) -> None:
    app = post(api, "apps", {"provider": "square", "name": "ours", "public_url": PUBLIC_URL})
    body = {"provider": "square", "app_id": app.json["app_id"], "merchant_id": "M1"}
    bound = post(api, f"tenants/{tenant_id}/sources", body).json["source_id"]

    answer = put_secret(api, f"sources/{bound}", {"secret": "s"})

    assert answer.problem == (404, "not-found")
    assert "no secret of its own" in answer.json["detail"]


def test_source_bound_to_an_app_has_the_apps_url_and_no_secret(
    api: ApiFunction, tenant_id: str
) -> None:
    app = post(api, "apps", {"provider": "square", "name": "ours", "public_url": PUBLIC_URL})
    body = {"provider": "square", "app_id": app.json["app_id"], "merchant_id": "M1"}
    bound = post(api, f"tenants/{tenant_id}/sources", body)
    again = post(api, f"tenants/{tenant_id}/sources", body)

    assert (app.status, bound.status) == (201, 201)
    assert "secret" not in bound.json
    assert bound.json["notification_url"] == app.json["notification_url"]
    assert again.problem == (409, "merchant-taken")
    assert '"secret":' not in get(api, "apps").text


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "tenants/{}/suspend", None),
        ("POST", "tenants/{}/resume", None),
        ("GET", "tenants/{}/tokens", None),
        ("POST", "tenants/{}/tokens", {"name": "till"}),
        ("GET", "tenants/{}/sources", None),
        ("POST", "tenants/{}/sources", {"provider": "square", "public_url": PUBLIC_URL}),
        ("GET", "tenants/{}/events", None),
        ("GET", "tenants/{}/events/x", None),
        ("DELETE", "tokens/{}", None),
        ("PUT", "sources/{}/secret", {"secret": "s"}),
        ("PUT", "apps/{}/secret", {"secret": "s"}),
        ("GET", "tenants/{}/destination", None),
        ("DELETE", "tenants/{}/destination", None),
        (
            "PUT",
            "tenants/{}/destination",
            {"kind": "supabase", "url": "https://abc.supabase.co", "secret": "s"},
        ),
        ("POST", "tenants/{}/replay", {"since": "2026-11-23T00:00:00Z", "dry_run": True}),
        ("POST", "tenants/{}/events/x/replay", None),
        ("GET", "dead-letters/redrives/{}", None),
        ("POST", "dead-letters/redrives/{}/cancel", None),
    ],
)
@pytest.mark.parametrize("unknown", [NOBODY, "cafe"])
def test_unknown_id_is_not_found(
    api: ApiFunction, method: str, path: str, body: object, unknown: str
) -> None:
    answer = api.call(method, f"/admin/api/{path.format(unknown)}", headers=OPERATOR, body=body)

    assert answer.problem == (404, "not-found")


def test_unknown_app_is_not_found(api: ApiFunction, tenant_id: str) -> None:
    body = {"provider": "square", "app_id": NOBODY, "merchant_id": "M"}

    assert post(api, f"tenants/{tenant_id}/sources", body).problem == (404, "not-found")


def test_operator_reads_a_tenants_events_as_the_tenant_does(
    api: ApiFunction, tenant_id: str
) -> None:
    event = stored_event(1)
    api.reader.stored = {TenantId(tenant_id): [event], TenantId(NOBODY): [stored_event(2)]}

    listed = get(api, f"tenants/{tenant_id}/events", "limit=5")
    read = get(api, f"tenants/{tenant_id}/events/{event.head.event_id}")
    others = get(api, f"tenants/{tenant_id}/events/{stored_event(2).head.event_id}")

    assert [e["event_id"] for e in listed.json["events"]] == [event.head.event_id]
    assert read.json["data"] == {"total": 12.1}
    assert others.problem == (404, "not-found")
    assert get(api, f"tenants/{tenant_id}/events", "limit=0").problem == (422, "invalid-query")


def test_status_says_what_a_doctor_asks(api: ApiFunction) -> None:
    assert get(api, "status").json == {
        "version": "9.8.7",
        "stage": "test",
        "database": {"ok": True, "latency_ms": 0.0},
        "migrations": {"ok": True, "current": 5, "expected": 5},
        "partitions": {"days_ahead": 14},
        "tenants": 0,
        "key_ring": {"ok": True, "kids": ["k1", "k2"], "current": "k2"},
        "dead_letters": 7,
        "open_breakers": 1,
        "old_secrets": 4,
        "previous_secrets_in_use": 2,
    }


def test_status_is_answered_while_the_database_is_down(api: ApiFunction) -> None:
    api.store.is_down = True

    status = get(api, "status")

    assert status.status == 200
    assert status.json["database"]["ok"] is False
    assert status.json["migrations"] == {"ok": False, "current": None, "expected": 5}


def test_nothing_secret_is_logged(
    api: ApiFunction, tenant_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    issued = post(api, f"tenants/{tenant_id}/tokens", {"name": "till"})

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[-1]["tenantId"] == tenant_id
    assert issued.json["token"] not in json.dumps(lines)
    assert "Bearer" not in json.dumps(lines)
