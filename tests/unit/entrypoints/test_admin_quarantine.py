"""``/admin/api/quarantine``: looked at, opened on request alone, tried again, discarded."""

from __future__ import annotations

import base64
import json
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.canaries import Canaries
from tests.unit.entrypoints.api_function import NOON, OPERATOR, TENANT_ID, ApiFunction
from tillgate.domain.event import NewEvent
from tillgate.domain.metrics import INGEST_EVENTS
from tillgate.domain.quarantine import Quarantined, Reason
from tillgate.domain.set_aside import MAX_SHOWN_BYTES
from tillgate.domain.tenant import TenantState

if TYPE_CHECKING:
    from tests.unit.entrypoints.api_function import Answer

QUARANTINE = "/admin/api/quarantine"


@pytest.fixture
def function() -> ApiFunction:
    made = ApiFunction()
    made.quarantine.tenants[TENANT_ID] = TenantState.ACTIVE
    return made


def keep(function: ApiFunction, **fields: object) -> str:
    """Put a delivery in quarantine, each an hour later than the one before; give its id."""
    quarantine_id = str(uuid.uuid4())
    known: dict[str, object] = {
        "quarantine_id": quarantine_id,
        "reason": Reason.SIGNATURE_REFUSED,
        "provider": "square",
        "endpoint_id": str(uuid.uuid4()),
        "tenant_id": TENANT_ID,
        "received_at": NOON + timedelta(hours=len(function.quarantine.heads)),
        "rid": "rid-1",
        "content": b"{}",
        "headers": {"content-type": "application/json"},
    }
    function.quarantine.put(Quarantined(**{**known, **fields}))  # type: ignore[arg-type]  # By name.
    return quarantine_id


def keep_events(function: ApiFunction, *keys: str, **fields: object) -> str:
    """Put events of our own API in quarantine, for which a retry stores them."""
    events = [
        NewEvent(key=f"api:{key}", fingerprint="aa", source_id=None, type="t", data="{}")
        for key in keys
    ]
    return keep(
        function,
        provider="api",
        reason=Reason.TENANT_SUSPENDED,
        endpoint_id=None,
        content=json.dumps([event.document() for event in events]).encode(),
        events=len(events),
        **fields,
    )


def get(function: ApiFunction, path: str = "", query: str = "") -> Answer:
    return function.call("GET", f"{QUARANTINE}{path}", headers=OPERATOR, query=query)


def post(function: ApiFunction, path: str, body: object) -> Answer:
    return function.call("POST", f"{QUARANTINE}/{path}", headers=OPERATOR, body=body)


def line(capfd: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Give the last line of the log."""
    found: dict[str, Any] = json.loads(capfd.readouterr().out.splitlines()[-1])
    return found


def test_pages_go_from_the_newest_receipt_back(function: ApiFunction) -> None:
    ids = [keep(function) for _ in range(3)]

    first = get(function, query="limit=2").json
    rest = get(function, query=f"limit=2&cursor={first['next_cursor']}").json

    found = [one["quarantine_id"] for one in (*first["deliveries"], *rest["deliveries"])]
    assert found == ids[::-1]
    assert rest["next_cursor"] is None


def test_filters_are_read_strictly(function: ApiFunction) -> None:
    keep(function)
    kept = keep(function, reason=Reason.UNREADABLE)

    answer = get(function, query=f"reason=unreadable&tenant_id={TENANT_ID.upper()}")
    refused = get(function, query="reason=x&tenant_id=x&since=x&cursor=e1_x&limit=0&provider=X&a=1")

    assert [one["quarantine_id"] for one in answer.json["deliveries"]] == [kept]
    assert refused.problem == (422, "invalid-query")
    assert {fault["pointer"] for fault in refused.json["errors"]} == {
        "/reason", "/tenant_id", "/since", "/cursor", "/limit", "/provider", "/a",
    }  # fmt: skip


def test_the_plan_counts_by_reason(function: ApiFunction) -> None:
    keep(function, events=3)
    keep(function)
    keep(function, reason=Reason.UNREADABLE)

    plan = get(function, "/plan").json

    assert (plan["count"], plan["events"]) == (3, 5)
    assert plan["by_reason"] == {"signature-refused": 2, "unreadable": 1}


def test_what_is_shown_is_unopened_unless_its_content_is_asked_for(
    function: ApiFunction, capfd: pytest.CaptureFixture[str]
) -> None:
    canaries = Canaries()
    kept = keep(
        function,
        content=f'{{"name":"{canaries["body"]}"}}'.encode(),
        headers={
            "content-type": "application/json",
            "authorization": f"Bearer {canaries['token']}",
            "x-square-hmacsha256-signature": canaries["signature"],
            "x-clover-auth": canaries["code"],
            "cookie": canaries["cookie"],
        },
        address=("square", "an-endpoint"),
    )

    closed = get(function, f"/{kept}")
    closed_line = capfd.readouterr().out
    opened = get(function, f"/{kept}", query="content=true")

    assert closed.json["is_content_shown"] is False
    assert "content" not in closed.json
    assert canaries.found_in(closed.text + closed_line) == set()
    assert opened.json["is_content_shown"] is True
    assert canaries.found_in(opened.text) == {"body"}
    content = opened.json["content"]
    assert content["headers"]["content-type"] == "application/json"
    assert content["headers"]["cookie"].startswith("(masked, ")
    assert content["called"] == {"provider": "square", "endpoint_id": "an-endpoint"}
    out = capfd.readouterr().out
    assert canaries.found_in(out) == set()
    logged = json.loads(out)
    assert (logged["outcome"], logged["quarantine_id"]) == ("quarantine-opened", kept)
    assert logged["tenantId"] == TENANT_ID
    assert "quarantine_id" not in json.loads(closed_line)


@pytest.mark.parametrize(
    ("content", "encoding", "is_cut"),
    [
        (b"", "text", False),
        ("é".encode() * (MAX_SHOWN_BYTES // 2), "text", False),
        (b"x" + "é".encode() * MAX_SHOWN_BYTES, "text", True),
        (b"\xff\xfe", "base64", False),
        (b"\xff" * (MAX_SHOWN_BYTES + 1), "base64", True),
    ],
)
def test_content_is_bounded_and_text_where_it_is_text(
    function: ApiFunction, content: bytes, encoding: str, *, is_cut: bool
) -> None:
    kept = keep(function, content=content)

    shown = get(function, f"/{kept}", query="content=true").json["content"]

    assert (shown["encoding"], shown["is_cut"]) == (encoding, is_cut)
    assert shown["body_bytes"] == len(content)
    body = shown["body"].encode() if encoding == "text" else base64.b64decode(shown["body"])
    assert content.startswith(body)
    assert MAX_SHOWN_BYTES - 3 <= len(body) <= MAX_SHOWN_BYTES or body == content


def test_what_is_not_there_is_not_found(function: ApiFunction) -> None:
    for path in (f"/{uuid.uuid4()}", "/x"):
        for query in ("", "content=true"):
            assert get(function, path, query=query).problem == (404, "not-found")
    assert get(function, f"/{uuid.uuid4()}", query="content=1").problem == (422, "invalid-query")


def test_a_sealed_delivery_that_does_not_open_is_our_fault(function: ApiFunction) -> None:
    kept = keep(function)
    function.quarantine.damaged.add(kept)

    assert get(function, f"/{kept}", query="content=true").problem == (503, "unavailable")
    assert get(function, f"/{kept}").status == 200


def test_a_retry_answers_for_each_and_is_counted_once(
    function: ApiFunction, capfd: pytest.CaptureFixture[str]
) -> None:
    stored = keep_events(function, "a", "b")
    refused = keep(function)
    gone = str(uuid.uuid4())

    answer = post(function, "retry", {"ids": [stored, refused, gone, stored.upper()]}).json

    assert {k: answer[k] for k in ("stored", "duplicates", "still_refused", "next_cursor")} == {
        "stored": 2, "duplicates": 0, "still_refused": 1, "next_cursor": None,
    }  # fmt: skip
    outcomes = [(one["quarantine_id"], one["outcome"]) for one in answer["deliveries"]]
    assert outcomes == [(stored, "stored"), (refused, "still-refused"), (gone, "gone")]
    assert answer["deliveries"][1]["remaining"] == [
        {"quarantine_id": refused, "reason": "unknown-endpoint", "tenant_id": None, "events": 1}
    ]
    logged = line(capfd)
    assert (logged["retried"], logged["stored"], logged["still_refused"]) == (3, 2, 1)
    again = post(function, "retry", {"ids": [stored]}).json
    assert again["deliveries"][0]["outcome"] == "gone"
    recorder = function.meter.recorder
    increment = recorder.unflushed()
    assert increment is not None
    series = {
        name: n for name, n in increment.series.items() if name.startswith(INGEST_EVENTS.name)
    }
    assert list(series.values()) == [2]
    assert increment.activity is not None
    assert increment.activity.tenants[TENANT_ID] == {"events": 2}


def test_a_bulk_retry_goes_on_from_its_cursor(function: ApiFunction) -> None:
    for n in range(3):
        keep_events(function, f"k-{n}")

    first = post(function, "retry", {"reason": "tenant-suspended", "limit": 2}).json
    rest = post(
        function, "retry", {"reason": "tenant-suspended", "cursor": first["next_cursor"]}
    ).json

    assert (first["stored"], rest["stored"], rest["next_cursor"]) == (2, 1, None)


def test_why_one_failed_is_in_the_log(
    function: ApiFunction, capfd: pytest.CaptureFixture[str]
) -> None:
    kept = keep_events(function, "a")
    function.quarantine.refusing.add(kept)

    answer = post(function, "retry", {"ids": [kept]})

    assert answer.json["deliveries"][0]["outcome"] == "failed"
    logged = line(capfd)
    assert logged["outcome"] == "quarantine-retry"
    assert "StoreRefusedError" in logged["error"][0]


def test_what_is_discarded_has_to_be_confirmed_by_its_number(function: ApiFunction) -> None:
    ids = [keep(function) for _ in range(3)]

    wrong = post(function, "discard", {"reason": "signature-refused", "count": 2})
    by_id = post(function, "discard", {"ids": ids[:1], "count": 1})
    rest = post(function, "discard", {"reason": "signature-refused", "count": 2})

    assert wrong.problem == (409, "quarantine-changed")
    assert by_id.json == {"discarded": 1, "left": 0}
    assert rest.json == {"discarded": 2, "left": 0}
    assert function.quarantine.heads == {}


def test_nobody_but_the_operator_is_answered(function: ApiFunction) -> None:
    kept = keep(function)
    for method, path in (
        ("GET", ""), ("GET", "/plan"), ("GET", f"/{kept}"), ("POST", "/retry"),
        ("POST", "/discard"),
    ):  # fmt: skip
        answer = function.call(
            method, f"{QUARANTINE}{path}", headers={"authorization": "Bearer tg_live_mine"}
        )
        assert answer.problem == (401, "unauthenticated")


def test_with_the_database_down_the_answer_is_unavailable(function: ApiFunction) -> None:
    kept = keep_events(function, "a")
    function.quarantine.is_down = True

    assert get(function).problem == (503, "unavailable")
    assert post(function, "retry", {"ids": [kept]}).problem == (503, "unavailable")
