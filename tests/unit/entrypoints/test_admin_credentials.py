"""``/admin/api/sources/{source_id}/credential``."""

from __future__ import annotations

import pytest

from tests.unit.entrypoints.api_function import OPERATOR, Answer, ApiFunction

CANARY = "canary-token"


@pytest.fixture
def api() -> ApiFunction:
    return ApiFunction()


def call(api: ApiFunction, method: str, path: str, body: object = None) -> Answer:
    return api.call(method, f"/admin/api/{path}", headers=OPERATOR, body=body)


def added(api: ApiFunction, provider: str) -> tuple[str, str]:
    """Give the ids of a tenant and of a source of its own."""
    tenant = call(api, "POST", "tenants", {"slug": "cafe", "name": "Café"}).json["tenant_id"]
    body = {"provider": provider, "public_url": "https://events.example.com"}
    source = call(api, "POST", f"tenants/{tenant}/sources", body).json
    assert source["credential"] is None
    return tenant, source["source_id"]


def test_credential_is_set_shown_and_removed_without_its_token(
    api: ApiFunction, capsys: pytest.CaptureFixture[str]
) -> None:
    tenant, source = added(api, "clover")
    path = f"sources/{source}/credential"

    put = call(api, "PUT", path, {"token": CANARY})
    [listed] = call(api, "GET", f"tenants/{tenant}/sources").json["sources"]
    removed = call(api, "DELETE", path)
    [after] = call(api, "GET", f"tenants/{tenant}/sources").json["sources"]
    again = call(api, "DELETE", path)

    assert (put.status, removed.status) == (200, 200)
    assert put.without_rid() == listed
    assert listed["credential"] == {
        "api_url": "https://api.clover.com",
        "set_at": "2026-11-23T10:00:01.287443Z",
    }
    assert after["credential"] is None
    assert again.problem == (404, "not-found")
    assert CANARY not in put.text + removed.text + capsys.readouterr().out


@pytest.mark.parametrize(
    ("provider", "body", "pointer"),
    [
        ("square", {"token": CANARY}, ""),
        ("clover", {"token": CANARY, "api_url": "https://10.0.0.1"}, "/api_url"),
        ("clover", {"token": ""}, "/token"),
        ("clover", {"token": "a b"}, "/token"),
        ("clover", {"api_url": "https://api.clover.com"}, "/token"),
        ("clover", {"token": CANARY, "secret": "s"}, "/secret"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_sentence(
    api: ApiFunction, provider: str, body: object, pointer: str
) -> None:
    _, source = added(api, provider)

    refused = call(api, "PUT", f"sources/{source}/credential", body)

    assert refused.problem == (422, "invalid-request")
    [fault] = refused.json["errors"]
    assert fault["pointer"] == pointer
    assert CANARY not in refused.text


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_only_the_operator_sets_one(api: ApiFunction, method: str) -> None:
    _, source = added(api, "clover")

    answer = api.call(method, f"/admin/api/sources/{source}/credential", body={"token": CANARY})

    assert answer.status == 401


def test_source_that_is_nobody_s_is_not_found(api: ApiFunction) -> None:
    path = "sources/00000000-0000-4000-8000-000000000000/credential"

    assert call(api, "PUT", path, {"token": CANARY}).problem == (404, "not-found")
    assert call(api, "DELETE", path).problem == (404, "not-found")
