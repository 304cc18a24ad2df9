"""One JSON line for each request, with the promised names, and nothing in it that is secret."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.wired_ingest import (
    ONE,
    Answer,
    CrashingEventStore,
    WiredIngest,
    event_body,
    headers,
    notification_url,
    source_id,
)
from tests.log_fields import documented
from tests.unit.entrypoints.emf_specification import Datum, read
from tests.vendors import SQUARE_KEY, square_body, square_headers
from tillgate.domain.tenant import token_digest

if TYPE_CHECKING:
    from collections.abc import Callable

PROMISED = {
    "rid", "tenantId", "version", "path", "latency_ms", "trace_id", "route", "status", "provider",
    "outcome", "cold_start", "sandbox", "stage", "function", "database_ms",
}  # fmt: skip
PAYLOAD, TOKEN, KEY, SIGNATURE = "canary-payload", "canary-token", "canary-key", "canary-sig"
CANARIES = (PAYLOAD, TOKEN, KEY, SIGNATURE, SQUARE_KEY, "tg_live_one", token_digest(TOKEN).hex())


class LineReader:
    """Reads what was logged since it was last asked."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def line(self) -> dict[str, Any]:
        """Give the one line, after looking for what must never be in it."""
        [made] = [json.loads(text) for text in self._texts() if not text.startswith('{"_aws"')]
        assert made.keys() >= PROMISED
        assert made.keys() <= documented("R")
        return dict(made)

    def metrics(self) -> list[Datum]:
        """Give what CloudWatch makes of all that was logged."""
        texts = [text for text in self._texts() if "_aws" in text]
        for text in texts:
            assert json.loads(text).keys() <= documented("V")
        return sorted(one for text in texts for one in read(text))

    def _texts(self) -> list[str]:
        out, err = self._capsys.readouterr()
        assert err == ""
        assert out.endswith("\n")
        for canary in CANARIES:
            assert canary not in out
            assert base64.b64encode(canary.encode()).decode() not in out
        return out.splitlines()


@pytest.fixture
def log(capsys: pytest.CaptureFixture[str]) -> LineReader:
    return LineReader(capsys)


@pytest.fixture
def ingest() -> WiredIngest:
    return WiredIngest()


def post(ingest: WiredIngest, **changes: str | None) -> Answer:
    body = event_body({"secret": PAYLOAD}, entity_id=PAYLOAD)
    return ingest.post(body, headers(**({"idempotency_key": KEY} | changes)))


def square(ingest: WiredIngest, *, signature: str | None = None, merchant_id: str = "M1") -> Answer:
    body = square_body(KEY, merchant_id=merchant_id, note=PAYLOAD)
    sent = square_headers(body, url=notification_url("square", source_id("square")))
    if signature:
        sent = dict.fromkeys(sent, signature)
    return ingest.hook("square", body, sent)


def test_a_stored_event_s_line(ingest: WiredIngest, log: LineReader) -> None:
    answer = post(ingest, x_request_id="till-1")

    line = log.line()
    assert answer.status == line["status"] == 201
    assert (line["rid"], line["tenantId"], line["version"]) == ("till-1", ONE.tenant_id, "0.2.0")
    assert (line["path"], line["method"]) == ("/v1/events", "POST")
    assert (line["outcome"], line["cold_start"]) == ("new", True)
    assert 0 <= line["latency_ms"] < 60_000


def test_an_event_s_line_leads_to_the_event(ingest: WiredIngest, log: LineReader) -> None:
    answer = post(ingest)

    line = log.line()
    assert line["event_id"] == answer.json["event_id"]
    assert line["at"] == answer.json["received_at"]


def test_what_cloudwatch_makes_of_the_lines(ingest: WiredIngest, log: LineReader) -> None:
    def accepted() -> dict[tuple[str, ...], tuple[float, ...]]:
        ingest.line_metrics.write()
        return {
            tuple(name for name, _ in one.dimensions): one.values
            for one in log.metrics()
            if one.name == "events_accepted"
        }

    items = [{"idempotency_key": f"b{n}", "type": "t", "data": {}} for n in range(3)]
    ingest.post_batch(*items, PAYLOAD)
    assert accepted() == {("stage",): (3.0,), ("stage", "tenantId"): (3.0,)}
    square(ingest, merchant_id="M2")
    assert accepted() == {("stage",): (1.0,), ("stage", "tenantId"): (1.0,)}
    post(ingest, authorization=f"Bearer {TOKEN}")
    assert accepted() == {}
    ingest.post(b"{")
    assert accepted() == {("stage",): (0.0,), ("stage", "tenantId"): (0.0,)}


def test_cloudwatch_is_told_what_the_lines_say_and_no_line_is_longer_for_it(
    ingest: WiredIngest, capsys: pytest.CaptureFixture[str]
) -> None:
    for key in ("k1", "k2", "k3"):
        ingest.post(event_body(), headers(idempotency_key=key))
    ingest.line_metrics.write()

    texts = capsys.readouterr().out.splitlines()
    lines = [json.loads(text) for text in texts if not text.startswith('{"_aws"')]
    told = [one for text in texts if text.startswith('{"_aws"') for one in read(text)]
    latency = [one.values for one in told if (one.name, len(one.dimensions)) == ("latency_ms", 2)]
    assert len(lines) == 3
    assert all("_aws" not in line for line in lines)
    # By function and by tenant, the first request's and those of the others.
    first, *others = [line["latency_ms"] for line in lines]
    assert sorted(latency) == sorted([(first,), tuple(others)] * 2)


def test_a_caller_s_trace_is_the_line_s(ingest: WiredIngest, log: LineReader) -> None:
    post(ingest, traceparent=f"00-{'ab' * 16}-{'cd' * 8}-01")
    assert log.line()["trace_id"] == "ab" * 16
    post(ingest, x_amzn_trace_id="Root=1-5759e988-bd862e3fe1be46a994272793")
    assert log.line()["trace_id"] == "5759e988bd862e3fe1be46a994272793"
    post(ingest, traceparent=PAYLOAD)
    assert len(log.line()["trace_id"]) == 32


def test_a_duplicate_s_and_a_conflict_s_line(ingest: WiredIngest, log: LineReader) -> None:
    post(ingest)
    log.line()

    post(ingest)
    assert log.line()["outcome"] == "duplicate"
    ingest.post(event_body({"other": PAYLOAD}), headers(idempotency_key=KEY))
    assert log.line()["outcome"] == "IdempotencyKeyReusedError"


def test_a_batch_s_line_counts_its_items(ingest: WiredIngest, log: LineReader) -> None:
    ingest.post_batch({"idempotency_key": KEY, "type": "t", "data": {"a": PAYLOAD}}, PAYLOAD)

    line = log.line()
    assert (line["outcome"], line["items"], line["tenantId"]) == ("batch", 2, ONE.tenant_id)


def test_a_hook_s_line_names_provider_tenant_and_counts(
    ingest: WiredIngest, log: LineReader
) -> None:
    square(ingest)

    line = log.line()
    assert (line["provider"], line["tenantId"], line["status"]) == ("square", ONE.tenant_id, 200)
    assert (line["accepted"], line["duplicates"], line["quarantined"]) == (1, 0, 0)


@pytest.mark.parametrize(
    ("changes", "status", "outcome", "tenant_id"),
    [
        ({"authorization": f"Bearer {TOKEN}"}, 401, "UnauthenticatedError", None),
        ({"authorization": TOKEN}, 401, "UnauthenticatedError", None),
        ({"x_tenant_id": TOKEN}, 403, "TenantMismatchError", None),
        ({"content_type": PAYLOAD}, 415, "UnsupportedMediaTypeError", ONE.tenant_id),
        ({"idempotency_key": f"{KEY} x"}, 400, "IdempotencyKeyInvalidError", ONE.tenant_id),
        ({"idempotency_key": None}, 400, "IdempotencyKeyRequiredError", ONE.tenant_id),
        ({"x_request_id": f"{TOKEN} {KEY}"}, 201, "new", ONE.tenant_id),
    ],
)
def test_a_refused_call_s_line_says_why_and_quotes_nothing(
    ingest: WiredIngest,
    log: LineReader,
    changes: dict[str, str | None],
    status: int,
    outcome: str,
    tenant_id: str | None,
) -> None:
    post(ingest, **changes)

    line = log.line()
    assert (line["status"], line["outcome"], line["tenantId"]) == (status, outcome, tenant_id)


@pytest.mark.parametrize(
    "body",
    [
        f'{{"{PAYLOAD}'.encode(),
        f'{{"{PAYLOAD}":1}}'.encode(),
        f'{{"type":"{PAYLOAD} {PAYLOAD}"}}'.encode(),
        f'{{"{PAYLOAD}":1,"{PAYLOAD}":1}}'.encode(),
        PAYLOAD.encode() + b"\xff",
    ],
)
def test_a_body_that_does_not_fit_is_not_quoted(
    ingest: WiredIngest, log: LineReader, body: bytes
) -> None:
    ingest.post(body)

    assert log.line()["status"] in {400, 422}


def test_a_refused_hook_s_line(ingest: WiredIngest, log: LineReader) -> None:
    square(ingest, signature=SIGNATURE)

    line = log.line()
    assert (line["status"], line["outcome"]) == (401, "SignatureRefusedError")
    assert (line["provider"], line["tenantId"]) == ("square", None)
    assert line["cause"] == "signature-refused"


def test_the_line_tells_an_unknown_endpoint_from_a_bad_signature(
    ingest: WiredIngest, log: LineReader
) -> None:
    answer = ingest.hook("square", b"{}", {}, endpoint_id="nobody")

    assert log.line()["cause"] == "unknown-endpoint"
    assert "unknown" not in answer.text


def test_a_quarantined_hook_s_line(ingest: WiredIngest, log: LineReader) -> None:
    square(ingest, merchant_id="M2")

    line = log.line()
    assert (line["status"], line["quarantined"], line["tenantId"]) == (200, 1, ONE.tenant_id)


SENDS: dict[str, Callable[[WiredIngest], Answer]] = {"event": post, "hook": square}


@pytest.mark.parametrize("send", SENDS.values(), ids=SENDS)
def test_a_line_of_a_failure_names_the_error_s_type_and_place(
    ingest: WiredIngest, log: LineReader, send: Callable[[WiredIngest], Answer]
) -> None:
    ingest.take_down()
    send(ingest)

    line = log.line()
    assert (line["status"], line["outcome"]) == (503, "StoreUnavailableError")
    assert line["error"][0].startswith("tillgate.domain.errors.StoreUnavailableError at ")


@pytest.mark.parametrize("send", SENDS.values(), ids=SENDS)
def test_a_line_of_a_crash_quotes_nothing(
    log: LineReader, send: Callable[[WiredIngest], Answer]
) -> None:
    assert send(WiredIngest(CrashingEventStore())).status == 500

    line = log.line()
    assert (line["status"], line["outcome"]) == (500, "RuntimeError")
    assert line["error"][0].startswith("builtins.RuntimeError at wired_ingest.py:")


def test_an_unknown_provider_s_name_is_cut(ingest: WiredIngest, log: LineReader) -> None:
    ingest.hook("p" * 500, b"", {}, endpoint_id="e" * 500)

    line = log.line()
    assert len(line["provider"]) == 32
    assert len(line["path"]) == 256
