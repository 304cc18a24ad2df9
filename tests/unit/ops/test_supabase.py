"""The stand-in for Supabase: what PostgREST promises, and how it misbehaves when told to."""

from __future__ import annotations

import json
import re
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
import pytest

from ops.local.supabase import (
    DATABASE_FILE,
    Supabase,
    SupabaseServer,
    project_of,
    project_secret,
)
from ops.local.supabase_faults import Fault, FaultKind
from ops.local.supabase_process import SupabaseProcess, SupabaseProject
from ops.local.supabase_store import SupabaseStore
from ops.local.supabase_table import COLUMNS, NOT_NULL
from stacks.assets import ROOT
from tests.integration.polling import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = "made-up"
TABLE = "/rest/v1/tillgate_event"
IGNORE = {"Prefer": "resolution=ignore-duplicates"}


AT = "2026-11-23T10:00:00Z"


def event(number: int, **more: object) -> dict[str, object]:
    return {
        "event_id": str(UUID(int=number)),
        "tenant_id": str(UUID(int=0)),
        "type": "order.created",
        "source": "api",
        "idempotency_key": f"k{number}",
        "data": {},
        "received_at": AT,
        "stored_at": AT,
        **more,
    }


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve the rows in a folder, and give the address."""
    store = SupabaseStore(folder / DATABASE_FILE)
    supabase = Supabase(store, key=KEY)
    server = SupabaseServer(supabase, port=0)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        supabase.stopped.set()
        server.shutdown()
        thread.join()
        server.server_close()
        store.close()


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with served(tmp_path) as found:
        yield found


@pytest.fixture
def project(url: str) -> SupabaseProject:
    return SupabaseProject(url=url, secret=project_secret("demo", key=KEY))


@pytest.fixture
def http(project: SupabaseProject) -> Iterator[httpx.Client]:
    headers = {"apikey": project.secret}
    with httpx.Client(base_url=project.url, headers=headers, trust_env=False) as client:
        yield client


def insert(http: httpx.Client, *rows: Any, **headers: str) -> httpx.Response:  # noqa: ANN401 - any JSON
    return http.post(TABLE, json=list(rows), headers=headers or IGNORE)


def test_a_batch_is_stored_and_a_repeat_changes_nothing(
    http: httpx.Client, project: SupabaseProject
) -> None:
    first = insert(http, event(1), event(2))
    again = insert(http, event(2, type="other"), event(3))

    assert (first.status_code, first.content) == (201, b"")
    assert again.status_code == 201
    assert [row["type"] for row in project.rows("event_id", "type")] == ["order.created"] * 3
    assert project.seen()["events"] == {
        str(UUID(int=1)): {"requests": 1, "rows": 1},
        str(UUID(int=2)): {"requests": 2, "rows": 1},
        str(UUID(int=3)): {"requests": 1, "rows": 1},
    }


def test_a_repeat_that_does_not_say_so_is_a_conflict_and_stores_nothing(
    http: httpx.Client, project: SupabaseProject
) -> None:
    insert(http, event(1))
    answer = insert(http, event(2), event(1), Prefer="return=minimal")

    assert (answer.status_code, answer.json()["code"]) == (409, "23505")
    assert [row["event_id"] for row in project.rows()] == [str(UUID(int=1))]
    assert project.seen()["answers"] == {"201": 1, "409": 1}


def test_its_table_is_the_one_that_we_ship() -> None:
    schema = (ROOT / "ops" / "supabase" / "schema.sql").read_text()
    table = schema.partition("public.tillgate_event (")[2].partition(");")[0]
    columns = dict(re.findall(r"^    ([a-z_]+) (.*)$", table, re.MULTILINE))
    told = [name for name, kind in columns.items() if "NOT NULL" in kind and "DEFAULT" not in kind]

    assert set(columns) == COLUMNS
    assert told == [name for name in columns if name in NOT_NULL]
    assert "PRIMARY KEY" in columns["event_id"]


def test_an_empty_batch_is_taken(http: httpx.Client, project: SupabaseProject) -> None:
    assert insert(http).status_code == 201
    assert project.rows() == []


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([event(1), {"event_id": str(UUID(int=2))}], "PGRST102"),
        ([event(1), 17], "PGRST102"),
        ([event(1, colour="red")], "PGRST204"),
        ([{**event(1), "event_id": "17"}], "22P02"),
        ([{**event(1), "event_id": None}], "22P02"),
        ([event(1), event(2, data={"a": ["\x00"]})], "22P05"),
        ([event(1), event(2, source=None)], "23502"),
    ],
)
def test_one_row_that_the_table_refuses_refuses_all(
    http: httpx.Client, project: SupabaseProject, rows: list[object], code: str
) -> None:
    answer = insert(http, *rows)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert project.rows() == []


def test_a_refused_event_was_seen_nevertheless(
    http: httpx.Client, project: SupabaseProject
) -> None:
    insert(http, event(1, data={"a": "\x00"}))
    assert project.seen() == {
        "answers": {"400": 1},
        "events": {str(UUID(int=1)): {"requests": 1, "rows": 0}},
    }


@pytest.mark.parametrize("secret", ["", "sb_secret_demo_0", "sb_secret_other_", "é"])
def test_a_wrong_key_opens_nothing(http: httpx.Client, secret: str) -> None:
    answer = http.post(TABLE, json=[event(1)], headers={b"apikey": secret.encode()})
    assert (answer.status_code, answer.json()["message"]) == (401, "Invalid API key")


def test_no_key_opens_nothing(url: str) -> None:
    answers = [
        httpx.request(method, f"{url}{path}", trust_env=False)
        for method, path in (("POST", TABLE), ("GET", TABLE), ("GET", "/control/seen"))
    ]
    assert {answer.status_code for answer in answers} == {401}


@pytest.mark.parametrize("name", ["demo", "other_shop", "a-b"])
def test_a_key_names_its_project(name: str) -> None:
    assert project_of(project_secret(name, key=KEY), key=KEY) == name
    assert project_of(project_secret(name, key="another"), key=KEY) is None


def test_projects_hold_rows_of_their_own(http: httpx.Client, url: str) -> None:
    insert(http, event(1))
    other = SupabaseProject(url=url, secret=project_secret("other", key=KEY))
    assert other.rows() == []
    assert other.seen() == {"answers": {}, "events": {}}


def test_rows_are_read_by_id_and_by_column(http: httpx.Client, project: SupabaseProject) -> None:
    insert(http, *(event(number, entity_id=f"e{number}") for number in range(1, 5)))
    ids = [str(UUID(int=number)) for number in (2, 4, 9)]

    assert project.rows("entity_id", event_ids=ids) == [{"entity_id": "e2"}, {"entity_id": "e4"}]
    asked = {"select": "event_id", "entity_id": "eq.e3", "limit": "1"}
    assert http.get(TABLE, params=asked).json() == [{"event_id": str(UUID(int=3))}]
    assert http.get(TABLE, params={"type": "like.*"}).status_code == 400


def test_numbers_stay_as_they_were_sent(http: httpx.Client) -> None:
    data = '{"total":12.10,"big":' + "7" * 400 + "}"
    row = json.dumps(event(1)).replace("{}", data)
    assert http.post(TABLE, content=row.encode(), headers=IGNORE).status_code == 201
    assert '"total":12.10' in http.get(TABLE).text.replace(": ", ":")
    assert "7" * 400 in http.get(TABLE).text


def test_an_entity_s_state_is_its_highest_version_whatever_came_last(http: httpx.Client) -> None:
    insert(
        http,
        event(1, entity_id="a", entity_version=10, occurred_at=AT),
        event(2, entity_id="a", entity_version=9, occurred_at=AT),
        event(3, entity_id="b", entity_version=None, occurred_at="2026-11-23T10:00:01Z"),
        event(4, entity_id="b", entity_version=None, occurred_at=AT),
        event(5, entity_id=None, entity_version=None, occurred_at=AT),
    )
    state = http.get("/rest/v1/entity_state", params={"select": "entity_id,event_id"}).json()
    assert state == [
        {"entity_id": "a", "event_id": str(UUID(int=1))},
        {"entity_id": "b", "event_id": str(UUID(int=3))},
    ]


def test_an_unknown_table_is_not_found(http: httpx.Client) -> None:
    assert http.get("/rest/v1/other").json()["code"] == "PGRST205"


def test_it_answers_429_with_retry_after_for_so_many_requests(
    http: httpx.Client, project: SupabaseProject
) -> None:
    project.misbehave(Fault(kind=FaultKind.STATUS, status=429, retry_after="7", requests=2))
    answers = [insert(http, event(1)) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [429, 429, 201]
    assert [answer.headers.get("retry-after") for answer in answers] == ["7", "7", None]
    assert project.seen() == {
        "answers": {"429": 2, "201": 1},
        "events": {str(UUID(int=1)): {"requests": 3, "rows": 1}},
    }


def test_a_fault_is_over_when_its_time_is_and_when_it_is_lifted(
    http: httpx.Client, project: SupabaseProject
) -> None:
    project.misbehave(Fault(kind=FaultKind.STATUS, status=503, seconds=0.1))
    assert insert(http, event(1)).status_code == 503
    until(lambda: insert(http, event(1)).status_code == 201, what="it is well again")

    project.misbehave(Fault(kind=FaultKind.STATUS))
    assert insert(http, event(2)).status_code == 500
    project.behave()
    assert insert(http, event(2)).status_code == 201


def test_what_it_stored_before_it_failed_is_there(
    http: httpx.Client, project: SupabaseProject
) -> None:
    project.misbehave(Fault(kind=FaultKind.CUT, stores=True, requests=1))
    with pytest.raises(httpx.RemoteProtocolError):
        insert(http, event(1))

    assert [row["event_id"] for row in project.rows()] == [str(UUID(int=1))]
    assert insert(http, event(1)).status_code == 201
    assert project.seen()["events"][str(UUID(int=1))] == {"requests": 2, "rows": 1}


def test_garbage_is_no_http(http: httpx.Client, project: SupabaseProject) -> None:
    project.misbehave(Fault(kind=FaultKind.GARBAGE, requests=1))
    with pytest.raises(httpx.RemoteProtocolError):
        insert(http, event(1))
    assert project.rows() == []


def test_a_page_for_people_is_200_and_stores_nothing(
    http: httpx.Client, project: SupabaseProject
) -> None:
    project.misbehave(Fault(kind=FaultKind.PAGE, requests=1))
    answer = insert(http, event(1))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html")
    assert project.rows() == []


@pytest.mark.parametrize("kind", [FaultKind.HANG, FaultKind.DRIP])
def test_who_waits_for_the_end_of_it_waits_long(
    http: httpx.Client, project: SupabaseProject, kind: FaultKind
) -> None:
    project.misbehave(Fault(kind=kind))
    asked = threading.Thread(target=_ask_in_vain, args=(http,))
    asked.start()
    until(lambda: project.seen()["answers"] == {kind.value: 1}, what="it was asked")
    asked.join(0.5)
    assert asked.is_alive()
    http.close()
    asked.join()


def _ask_in_vain(http: httpx.Client) -> None:
    # A read's time-out is none here: a byte comes now and then, or nobody gives up.
    started = time.monotonic()
    try:
        http.post(TABLE, json=[event(1)], headers=IGNORE, timeout=httpx.Timeout(1.5))
    except httpx.HTTPError:
        assert time.monotonic() - started > 0.5


def test_a_fault_that_there_is_not_is_refused(http: httpx.Client) -> None:
    for told in (b'{"kind":"smoke"}', b'{"kind":"cut","colour":1}', b"[]", b"{"):
        assert http.put("/control/fault", content=told).status_code == 400


def test_rows_outlive_a_kill_and_so_does_the_address(tmp_path: Path) -> None:
    process = SupabaseProcess(tmp_path / "supabase", log=tmp_path / "supabase.log")
    process.start()
    try:
        project = process.project("demo")
        headers = {"apikey": project.secret, **IGNORE}
        answer = httpx.post(f"{project.url}{TABLE}", json=[event(1)], headers=headers)
        running = process.process()
        assert running is not None
        running.kill()
        running.wait(10)
        assert process.process() is None
        process.start()
        process.start()

        assert answer.status_code == 201
        assert process.project("demo") == project
        assert project.rows("event_id") == [{"event_id": str(UUID(int=1))}]
    finally:
        process.stop()
    assert process.process() is None
    assert (tmp_path / "supabase.log").read_text() == ""


def test_what_the_filters_name_is_removed_and_nothing_else(
    http: httpx.Client, project: SupabaseProject
) -> None:
    insert(http, event(1), event(2))

    other = {"event_id": f"eq.{UUID(int=1)}", "tenant_id": f"eq.{UUID(int=9)}"}
    spared = http.delete(TABLE, params=other)
    before = len(project.rows())
    removed = http.delete(TABLE, params={**other, "tenant_id": f"eq.{UUID(int=0)}"})

    # As PostgREST: whether or not there was such a row.
    assert [(a.status_code, a.content) for a in (spared, removed)] == [(204, b"")] * 2
    assert before == 2
    assert [row["event_id"] for row in project.rows()] == [str(UUID(int=2))]
    assert project.seen()["answers"] == {"201": 1, "204": 2}


def test_a_removal_is_refused_when_it_is_told_to(
    http: httpx.Client, project: SupabaseProject
) -> None:
    insert(http, event(1))
    project.misbehave(Fault(kind=FaultKind.STATUS, status=403))

    answer = http.delete(TABLE, params={"event_id": f"eq.{UUID(int=1)}"})
    project.behave()

    assert answer.status_code == 403
    assert len(project.rows()) == 1
