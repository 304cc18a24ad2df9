"""``/admin/api/.../hours``, ``quiet-after`` and ``quiet-sources``."""

from __future__ import annotations

import pytest

from tests.unit.entrypoints.api_function import OPERATOR, Answer, ApiFunction
from tests.watch_fakes import NOW
from tillgate.domain.opening_hours import QuietSourceRecord
from tillgate.domain.tenant import SourceId, TenantId

NOBODY = "00000000-0000-4000-8000-000000000000"
HOURS = {
    "time_zone": "Europe/Berlin",
    "opening_hours": {"mon": ["09:00-13:00", "14:00-18:00"], "sat": ["18:00-02:00"]},
    "quiet_after_minutes": 60,
}


@pytest.fixture
def api() -> ApiFunction:
    return ApiFunction()


@pytest.fixture
def tenant(api: ApiFunction) -> str:
    made: str = call(api, "POST", "tenants", {"slug": "cafe", "name": "Café"}).json["tenant_id"]
    return made


def call(api: ApiFunction, method: str, path: str, body: object = None) -> Answer:
    return api.call(method, f"/admin/api/{path}", headers=OPERATOR, body=body)


def test_hours_are_set_shown_and_removed(api: ApiFunction, tenant: str) -> None:
    path = f"tenants/{tenant}/hours"
    assert call(api, "GET", path).problem == (404, "not-found")

    put = call(api, "PUT", path, HOURS)
    again = call(api, "PUT", path, HOURS)
    shown = call(api, "GET", path)
    removed = call(api, "DELETE", path)

    assert put.status == 200
    assert put.without_rid() == {"tenant_id": tenant, **HOURS}
    assert put.without_rid() == again.without_rid() == shown.without_rid() == removed.without_rid()
    assert call(api, "GET", path).problem == (404, "not-found")
    assert call(api, "DELETE", path).problem == (404, "not-found")


def test_a_day_that_is_closed_is_left_out(api: ApiFunction, tenant: str) -> None:
    hours = {**HOURS, "opening_hours": {"mon": ["09:00-18:00"], "sun": []}}

    put = call(api, "PUT", f"tenants/{tenant}/hours", hours)

    assert put.json["opening_hours"] == {"mon": ["09:00-18:00"]}


@pytest.mark.parametrize(
    ("change", "pointer", "words"),
    [
        ({"time_zone": "Europe/Atlantis"}, "/time_zone", "IANA"),
        ({"time_zone": "../../etc/passwd"}, "/time_zone", "IANA"),
        ({"time_zone": "right/Europe/Berlin"}, "/time_zone", "IANA"),
        ({"time_zone": "CEST"}, "/time_zone", "Europe/Berlin"),
        ({"time_zone": None}, "/time_zone", "must not be null"),
        ({"quiet_after_minutes": 0}, "/quiet_after_minutes", "1 or more"),
        ({"quiet_after_minutes": 10_081}, "/quiet_after_minutes", "10080 or less"),
        ({"quiet_after_minutes": 1.5}, "/quiet_after_minutes", "whole number"),
        ({"opening_hours": {}}, "/opening_hours", "one day at least"),
        ({"opening_hours": {"mon": ["9-18"]}}, "/opening_hours/mon/0", "09:00-18:00"),
        ({"opening_hours": {"mon": "09:00-18:00"}}, "/opening_hours/mon", "must be an array"),
        ({"opening_hours": {"mon": ["10:00-10:00"]}}, "/opening_hours/mon/0", "00:00-24:00"),
        (
            {"opening_hours": {"mon": ["22:00-03:00"], "tue": ["02:00-03:00"]}},
            "/opening_hours/tue/0",
            "mon's opening",
        ),
        ({"opening_hours": {"mon": ["09:00-18:00"] * 25}}, "/opening_hours/mon", "no more than"),
    ],
)
def test_what_does_not_fit_is_said_and_where(
    api: ApiFunction, tenant: str, change: dict[str, object], pointer: str, words: str
) -> None:
    answer = call(api, "PUT", f"tenants/{tenant}/hours", {**HOURS, **change})

    assert answer.problem == (422, "invalid-request")
    [fault] = answer.json["errors"]
    assert fault["pointer"] == pointer
    assert words in fault["detail"]


def test_a_weekday_has_three_letters(api: ApiFunction, tenant: str) -> None:
    hours = {**HOURS, "opening_hours": {"monday": ["09:00-18:00"]}}

    answer = call(api, "PUT", f"tenants/{tenant}/hours", hours)

    [fault] = answer.json["errors"]
    assert fault["pointer"].startswith("/opening_hours/monday")
    assert "'mon'" in fault["detail"]


def test_nobody_has_no_hours(api: ApiFunction) -> None:
    for path in (f"tenants/{NOBODY}/hours", "tenants/x/hours"):
        assert call(api, "PUT", path, HOURS).problem == (404, "not-found")
        assert call(api, "GET", path).problem == (404, "not-found")


def test_a_source_has_a_patience_of_its_own(api: ApiFunction, tenant: str) -> None:
    body = {"provider": "square", "public_url": "https://events.example.com"}
    source = call(api, "POST", f"tenants/{tenant}/sources", body).json
    assert source["quiet_after_minutes"] is None
    path = f"sources/{source['source_id']}/quiet-after"

    told = [call(api, "PUT", path, {"minutes": minutes}).json for minutes in (240, 0)]
    [listed] = call(api, "GET", f"tenants/{tenant}/sources").json["sources"]
    removed = [call(api, "DELETE", path) for _ in range(2)]

    assert [one["quiet_after_minutes"] for one in told] == [240, 0]
    assert listed["quiet_after_minutes"] == 0
    assert [(one.status, one.json["quiet_after_minutes"]) for one in removed] == [(200, None)] * 2
    assert call(api, "PUT", path, {"minutes": -1}).problem == (422, "invalid-request")
    assert call(api, "PUT", path, {}).problem == (422, "invalid-request")
    for nobody in (NOBODY, "x"):
        answer = call(api, "PUT", f"sources/{nobody}/quiet-after", {"minutes": 5})
        assert answer.problem == (404, "not-found")


def test_who_is_quiet_is_listed(api: ApiFunction) -> None:
    assert call(api, "GET", "quiet-sources").json["sources"] == []
    api.hours.quiet = [
        QuietSourceRecord(
            source_id=SourceId(NOBODY),
            tenant_id=TenantId(NOBODY),
            slug="cafe",
            provider="square",
            name="till",
            quiet_since=NOW,
            last_event_at=None,
            noticed_at=NOW,
        )
    ]

    [listed] = call(api, "GET", "quiet-sources").json["sources"]

    assert listed == {
        "source_id": NOBODY,
        "tenant_id": NOBODY,
        "slug": "cafe",
        "provider": "square",
        "name": "till",
        "quiet_since": "2026-11-23T12:00:00.000000Z",
        "last_event_at": None,
        "noticed_at": "2026-11-23T12:00:00.000000Z",
    }


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "quiet-sources"), ("GET", f"tenants/{NOBODY}/hours")],
)
def test_a_store_that_is_down_is_503(api: ApiFunction, method: str, path: str) -> None:
    api.hours.is_down = True
    assert call(api, method, path).problem == (503, "unavailable")
