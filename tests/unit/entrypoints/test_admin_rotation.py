from __future__ import annotations

import pytest

from tests.unit.entrypoints.api_function import OPERATOR, Answer, ApiFunction

NOBODY = "00000000-0000-4000-8000-000000000000"
PUBLIC_URL = "https://events.example.com"


@pytest.fixture
def api() -> ApiFunction:
    return ApiFunction()


@pytest.fixture
def tenant_id(api: ApiFunction) -> str:
    return str(call(api, "POST", "tenants", {"slug": "cafe", "name": "Café"}).json["tenant_id"])


def call(api: ApiFunction, method: str, path: str, body: object = None) -> Answer:
    return api.call(method, f"/admin/api/{path}", headers=OPERATOR, body=body)


def add(api: ApiFunction, kind: str, tenant_id: str) -> str:
    """Add a source or an app with the secret "first"; give its path."""
    body = {"provider": "square", "secret": "first", "public_url": PUBLIC_URL, "name": "till"}
    path = "apps" if kind == "app" else f"tenants/{tenant_id}/sources"
    return f"{kind}s/{call(api, 'POST', path, body).json[f'{kind}_id']}"


@pytest.mark.parametrize("kind", ["source", "app"])
def test_a_secret_is_rotated_and_the_previous_one_retired(
    api: ApiFunction, tenant_id: str, kind: str
) -> None:
    path = add(api, kind, tenant_id)

    rotated = call(api, "POST", f"{path}/secret/rotate", {"secret": "second"})
    under_way = call(api, "POST", f"{path}/secret/rotate", {"secret": "third"})
    ended = call(api, "DELETE", f"{path}/secret/previous")
    again = call(api, "DELETE", f"{path}/secret/previous")

    assert rotated.status == 200
    assert "secret" not in rotated.json
    assert rotated.json["previous_secret"]["last_matched_at"] is None
    assert rotated.json["warnings"] == []
    assert under_way.problem == (409, "rotation-conflict")
    for answer in (ended, again):
        assert (answer.status, answer.json["previous_secret"]) == (200, None)


@pytest.mark.parametrize("kind", ["source", "app"])
def test_a_secret_that_was_made_is_told_once(api: ApiFunction, tenant_id: str, kind: str) -> None:
    path = add(api, kind, tenant_id)

    made = call(api, "POST", f"{path}/secret/rotate", {"overlap_seconds": 0})

    assert made.json["previous_secret"] is None
    assert len(made.json["secret"]) > 20


def test_a_third_secret_ends_the_first_where_that_is_asked_for(
    api: ApiFunction, tenant_id: str
) -> None:
    path = add(api, "source", tenant_id)
    call(api, "POST", f"{path}/secret/rotate", {"secret": "second"})

    body = {"secret": "third", "replace_previous": True}

    assert call(api, "POST", f"{path}/secret/rotate", body).status == 200


@pytest.mark.parametrize(
    "body",
    [
        {"overlap_seconds": -1},
        {"overlap_seconds": 30 * 86_400 + 1},
        {"overlap_seconds": 1.5},
        {"overlap_seconds": None},
        {"secret": ""},
        {"secret": "with space"},
        {"replace_previous": "yes"},
        {"overlap": "7d"},
    ],
)
def test_what_is_no_rotation_is_named(api: ApiFunction, tenant_id: str, body: object) -> None:
    path = add(api, "source", tenant_id)

    refused = call(api, "POST", f"{path}/secret/rotate", body)

    assert refused.problem == (422, "invalid-request")


def test_a_token_is_rotated_once(api: ApiFunction, tenant_id: str) -> None:
    old = call(api, "POST", f"tenants/{tenant_id}/tokens", {"name": "till"}).json

    made = call(api, "POST", f"tokens/{old['token_id']}/rotate", {"overlap_seconds": 60})
    again = call(api, "POST", f"tokens/{old['token_id']}/rotate", {})
    listed = call(api, "GET", f"tenants/{tenant_id}/tokens").json["tokens"]

    assert made.status == 201
    assert made.json["token"] != old["token"]
    assert made.json["replaced"]["token_id"] == old["token_id"]
    assert made.json["replaced"]["revoked_at"] is not None
    assert again.problem == (409, "rotation-conflict")
    assert made.json["token_id"] in again.json["detail"]
    assert [one["replaced_by"] for one in listed] == [made.json["token_id"], None]


def test_nobodys_is_not_found(api: ApiFunction) -> None:
    for path in (f"sources/{NOBODY}", f"apps/{NOBODY}"):
        assert call(api, "POST", f"{path}/secret/rotate", {}).problem == (404, "not-found")
        assert call(api, "DELETE", f"{path}/secret/previous").problem == (404, "not-found")
    assert call(api, "POST", f"tokens/{NOBODY}/rotate", {}).problem == (404, "not-found")
