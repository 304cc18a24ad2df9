from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.unit.ops.cli.fake_tillgate import TENANT_ID

if TYPE_CHECKING:
    from tests.unit.ops.cli.fake_tillgate import FakeTillgate, TypeCommand

EVENTS = f"/admin/api/tenants/{TENANT_ID}/events"
EVENT_ID = "0190f5e2-7a5b-7c31-9d2e-6f1a2b3c4d5e"
HUGE = "9" * 400
EVENT_TEXT = (
    (
        '{"event_id":"EVENT_ID","type":"order.created","idempotency_key":"k-1","source":"api",'
        '"received_at":"2026-11-23T10:00:00.000Z","stored_at":"2026-11-23T10:00:00.004Z",'
        '"entity_version":3,"delivery":{"state":"delivered","attempts":[{"at":"2026-11-23T10:00:01Z",'
        '"outcome":"delivered","status":201,"duration_ms":12.50}]},'
        '"data":{"total":12.10,"tiny":-0.0,"big":1e308,"huge":HUGE,'
        '"note":"\\u0000 a \\u001b[31mred"}}'
    )
    .replace("EVENT_ID", EVENT_ID)
    .replace("HUGE", HUGE)
)


def listed(number: int) -> dict[str, object]:
    return {
        "event_id": f"0190f5e2-7a5b-7c31-9d2e-{number:012d}",
        "type": "order.created",
        "source": "api",
        "idempotency_key": f"k-{number}",
        "received_at": "2026-11-23T10:00:00.000Z",
        "delivery": {"state": "pending"},
    }


def page_by_cursor(request: httpx.Request) -> httpx.Response:
    cursor = request.url.params.get("cursor", "0")
    following = {"0": "1", "1": "2", "2": None}[cursor]
    return httpx.Response(200, json={"events": [listed(int(cursor))], "next_cursor": following})


def test_an_event_is_printed_for_scripts_exactly_as_the_server_wrote_it(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    server.answer("GET", f"{EVENTS}/{EVENT_ID}", EVENT_TEXT)

    result = tillgate("event", "get", "demo", EVENT_ID, "--output", "json")

    assert result.stdout_bytes == EVENT_TEXT.encode() + b"\n"


def test_an_event_is_shown_to_people_with_its_numbers_as_written(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    server.answer("GET", f"{EVENTS}/{EVENT_ID}", EVENT_TEXT)

    result = tillgate("event", "get", "demo", EVENT_ID)

    for line in ['"total": 12.10,', '"tiny": -0.0,', '"big": 1e308,', f'"huge": {HUGE},']:
        assert f"  {line}\n" in result.stdout
    assert "12.50" in result.stdout


def test_data_cannot_steer_the_terminal(server: FakeTillgate, tillgate: TypeCommand) -> None:
    server.answer("GET", f"{EVENTS}/{EVENT_ID}", EVENT_TEXT)

    result = tillgate("event", "get", "demo", EVENT_ID)

    assert "\x1b" not in result.stdout
    assert r"\u0000 a \u001b[31mred" in result.stdout


def test_filters_go_to_the_server_as_they_are(server: FakeTillgate, tillgate: TypeCommand) -> None:
    server.answer("GET", EVENTS, {"events": [], "next_cursor": None})
    filters = {
        "type": "order.created",
        "status": "gave_up",
        "since": "2026-11-01T00:00:00+01:00",
        "until": "yesterday",
        "idempotency_key": "a&b=c d",
        "limit": "7",
        "cursor": "abc",
    }
    options = [part for name, value in filters.items() for part in (option(name), value)]

    tillgate("event", "list", "demo", *options)

    assert dict(server.requests[-1].url.params) == filters


def option(name: str) -> str:
    return "--" + name.replace("_", "-")


@pytest.mark.parametrize(
    ("ago", "moment"),
    [
        ("30s", "2026-11-23T11:59:30.000Z"),
        ("15m", "2026-11-23T11:45:00.000Z"),
        ("2h", "2026-11-23T10:00:00.000Z"),
        ("7d", "2026-11-16T12:00:00.000Z"),
    ],
)
def test_a_time_may_be_given_as_so_long_ago(
    server: FakeTillgate, tillgate: TypeCommand, ago: str, moment: str
) -> None:
    server.answer("GET", EVENTS, {"events": [], "next_cursor": None})

    tillgate("event", "list", "demo", "--since", ago)

    assert dict(server.requests[-1].url.params) == {"since": moment}


def test_one_page_says_how_to_get_the_next(server: FakeTillgate, tillgate: TypeCommand) -> None:
    server.answer_by("GET", EVENTS, page_by_cursor)

    result = tillgate("event", "list", "demo")

    assert "k-0" in result.stdout
    assert "k-1" not in result.stdout
    assert "pending" in result.stdout
    assert "--cursor 1" in result.stderr


def test_all_pages_become_one_table(server: FakeTillgate, tillgate: TypeCommand) -> None:
    server.answer_by("GET", EVENTS, page_by_cursor)

    result = tillgate("event", "list", "demo", "--all")

    assert [f"k-{number}" in result.stdout for number in range(3)] == [True, True, True]
    assert result.stdout.count("EVENT ID") == 1
    assert server.requests[-1].url.params["limit"] == "200"


def test_all_pages_become_one_json_document(server: FakeTillgate, tillgate: TypeCommand) -> None:
    server.answer_by("GET", EVENTS, page_by_cursor)

    result = tillgate("event", "list", "demo", "--all", "--output", "json")

    assert json.loads(result.stdout) == {
        "events": [listed(0), listed(1), listed(2)],
        "next_cursor": None,
    }


def test_no_event_is_an_empty_document(server: FakeTillgate, tillgate: TypeCommand) -> None:
    server.answer("GET", EVENTS, {"events": [], "next_cursor": None})

    result = tillgate("event", "list", "demo", "--all", "--output", "json")

    assert json.loads(result.stdout) == {"events": [], "next_cursor": None}


def test_a_failure_between_pages_is_not_taken_for_the_end(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    def break_later(request: httpx.Request) -> httpx.Response:
        if "cursor" in request.url.params:
            raise httpx.ReadError("connection reset")
        return page_by_cursor(request)

    server.answer_by("GET", EVENTS, break_later)

    result = tillgate("event", "list", "demo", "--all", "--output", "json")

    assert result.exit_code == 3
    with pytest.raises(json.JSONDecodeError):
        json.loads(result.stdout)


def test_a_cursor_that_leads_to_itself_ends_the_list(
    server: FakeTillgate, tillgate: TypeCommand
) -> None:
    server.answer("GET", EVENTS, {"events": [listed(1)], "next_cursor": "again"})

    result = tillgate("event", "list", "demo", "--all")

    assert result.exit_code == 0
    assert len(server.requests) == 3


@pytest.mark.parametrize("event_id", ["..", "k-1", "0190f5e2", "tg_live_pasted"])
def test_what_is_no_event_id_is_not_sent(
    server: FakeTillgate, tillgate: TypeCommand, event_id: str
) -> None:
    result = tillgate("event", "get", "demo", event_id)

    assert result.exit_code == 2
    assert server.requests == []
    assert "tillgate event list" in result.stderr
