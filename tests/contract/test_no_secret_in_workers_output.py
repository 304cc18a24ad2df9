"""Nothing secret, and nothing of a tenant's, comes out of accept, deliver and the tasks."""

from __future__ import annotations

import base64
import json
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.canaries import Canaries
from tests.fakes import PlainSecretBox
from tests.http_server import recording_server
from tests.log_fields import documented
from tests.unit.entrypoints.queue_worker import ScriptedBacklog, Worker, hook
from tests.unit.services.deliveries import DESTINATION, TENANT, World, event_id
from tillgate.adapters.outbound_http import OutboundHttp
from tillgate.adapters.pos.clover import CloverApi
from tillgate.adapters.supabase import SupabaseUpstream
from tillgate.adapters.trace_in_hand import TraceInHand
from tillgate.domain.delivery import destination_seal_context
from tillgate.domain.enrichment import credential_seal_context
from tillgate.domain.errors import (
    BadMessageError,
    NotUnderstoodError,
    ObjectsUnavailableError,
    QueueUnavailableError,
    SealBrokenError,
    SecretUnavailableError,
    StoreRefusedError,
    StoreUnavailableError,
)
from tillgate.domain.queued import MAX_OWN_FAILURES
from tillgate.entrypoints.custom_resource import serve_custom_resource
from tillgate.entrypoints.deliver import DeliverBatch
from tillgate.entrypoints.emf import MessageMetrics
from tillgate.entrypoints.observability import Sandbox, TaskFailedError, log_task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tests.http_server import RecordingServer
    from tillgate.domain.delivery import Destination, GaveUp, OutgoingEvent, RetryLater, SendResult
    from tillgate.domain.enrichment import Fetched, PosAccess, PosObject

ERRORS = [
    StoreUnavailableError, StoreRefusedError, SecretUnavailableError, SealBrokenError,
    ObjectsUnavailableError, QueueUnavailableError, RuntimeError, KeyError, UnicodeError,
]  # fmt: skip

EVERY_MESSAGE = {
    "at", "task", "rid", "trace_id", "tenantId", "version", "stage", "function", "path", "route",
    "status", "latency_ms", "database_ms", "provider", "outcome", "cold_start", "sandbox",
}  # fmt: skip


@pytest.fixture
def canaries() -> Canaries:
    return Canaries()


class Output:
    """All that was written since it was last asked, after the search."""

    def __init__(self, canaries: Canaries, capfd: pytest.CaptureFixture[str]) -> None:
        self._canaries = canaries
        self._capfd = capfd

    def lines(self) -> list[dict[str, Any]]:
        out, err = self._capfd.readouterr()
        assert err == ""
        assert self._canaries.found_in(out) == set()
        return [json.loads(line) for line in out.splitlines()]

    def messages(self) -> list[dict[str, Any]]:
        """Give the lines of messages, in which every field is there and is documented."""
        made = self.lines()
        for line in made:
            assert line.keys() <= documented("M")
            assert line.keys() >= EVERY_MESSAGE
        return made


@pytest.fixture
def output(canaries: Canaries, capfd: pytest.CaptureFixture[str]) -> Output:
    return Output(canaries, capfd)


def quoting(error: type[Exception], text: str) -> Exception:
    made = error(text)
    made.__cause__ = ValueError(f"Failing row contains ({text})")
    return made


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("when", ["opening", "accepting"])
@pytest.mark.parametrize("received", [1, MAX_OWN_FAILURES])
def test_accept_quotes_no_message(
    canaries: Canaries, output: Output, error: type[Exception], when: str, received: int
) -> None:
    payload = canaries["payload"]
    body = json.dumps({"sealed": base64.b64encode(payload.encode()).decode(), "x": payload})
    worker = Worker()
    # What opens is named for its body here.
    broken = body if when == "opening" else "hook-a"
    getattr(worker, when)[broken] = quoting(error, f"{payload} {canaries['url password']}")

    first = {**worker.record(broken, received=received), "messageId": "id-1"}
    worker.failures({"Records": [first, worker.record("hook-b")]})

    assert len(output.messages()) == 2


@pytest.mark.parametrize("backlog", [ScriptedBacklog(), ScriptedBacklog(cannot_bury=True)])
def test_a_message_that_cannot_be_opened_is_not_quoted(
    canaries: Canaries, output: Output, backlog: ScriptedBacklog
) -> None:
    body = f'{{"schema": 1, "sealed": "{canaries["payload"]}'
    worker = Worker(opening={body: BadMessageError("unreadable")}, backlog=backlog)
    worker.failures({"Records": [{**worker.record(body), "messageId": "id-1"}]})

    [line] = output.lines()
    assert line["reason"] == "unreadable"


def test_a_later_version_s_message_is_not_quoted(canaries: Canaries, output: Output) -> None:
    body = json.dumps({"schema": 2, "plain": canaries["payload"]})
    worker = Worker(opening={body: NotUnderstoodError("unknown-schema")})
    worker.failures({"Records": [{**worker.record(body), "messageId": "id-1"}]})

    assert output.lines()


class Delivery:
    """DeliverBatch over a world in memory, with the real adapters towards a server."""

    def __init__(self, canaries: Canaries, server: RecordingServer) -> None:
        self._trace = TraceInHand()
        self._http = OutboundHttp(
            connect_seconds=1, max_uses=100, allow_private=True, trace_headers=self._trace.headers
        )
        self.world = World(3)
        box = PlainSecretBox()
        self.world.store.destination = replace(
            DESTINATION,
            url=f"{server.url}/{canaries['destination path']}",
            sealed_secret=box.seal(
                canaries["destination secret"].encode(), context=destination_seal_context(TENANT)
            ),
        )
        self.world.name({0: "O:1"})
        [access] = self.world.store.accesses
        self.world.store.accesses = (
            replace(
                access,
                api_url=server.url,
                sealed_token=box.seal(
                    canaries["vendor token"].encode(),
                    context=credential_seal_context(access.source_id, tenant_id=TENANT),
                ),
            ),
        )
        for one in self.world.store.pending.values():
            self.world.store.pending[one.event_id] = replace(
                one,
                data=json.dumps({"note": canaries["payload"]}),
                type=canaries["type"],
                idempotency_key=canaries["key"],
                entity_version="7",
            )
        self.supabase = SupabaseUpstream(self._http, request_seconds=5, allow_private=True)
        self.clover = CloverApi(self._http, request_seconds=5, allow_private=True)

    def close(self) -> None:
        self._http.close()

    def run(self) -> None:
        real = (
            (self.world.upstream, "send", self.supabase),
            (self.world.api, "fetch", self.clover),
        )
        for scripted, name, adapter in real:
            setattr(scripted, name, getattr(adapter, name))
        self.run_scripted()

    def run_scripted(self) -> None:
        batch = DeliverBatch(
            deliver=self.world._deliver,
            backlogs={"delivery": ScriptedBacklog()},
            batch_seconds=40,
            sandbox=Sandbox("0.2.0", stage="test", function="deliver"),
            metrics=MessageMetrics(per_tenant=True),
            begin_trace=self._trace.begin,
        )
        ids = [event_id(n) for n in range(3)]
        bodies = [json.dumps({"schema": 1, "tenant_id": TENANT, "event_ids": ids})]
        records = [{**Worker.record(body), "messageId": "id-1"} for body in bodies]
        arn = "arn:aws:sqs:us-east-1:000000000000:delivery"
        batch({"Records": [{**record, "eventSourceARN": arn} for record in records]})


@pytest.fixture
def server() -> Iterator[RecordingServer]:
    with recording_server() as made:
        yield made


@pytest.mark.parametrize("status", [200, 201, 301, 302, 400, 401, 404, 409, 413, 429, 500, 503])
def test_what_a_destination_or_a_vendor_echoes_does_not_come_out(
    canaries: Canaries, output: Output, server: RecordingServer, status: int
) -> None:
    echo = {
        "code": canaries["their code"],
        "message": f"{canaries['payload']} {canaries['key']}",
        "hint": canaries["destination secret"],
    }
    server.answers = [(status, json.dumps(echo).encode())]
    with closing(Delivery(canaries, server)) as delivery:
        delivery.run()

    assert len(output.messages()) == 1
    sent = json.dumps([[r.path, r.headers, r.body.decode()] for r in server.received])
    assert {"payload", "key", "vendor token"} & canaries.found_in(sent)
    reasons = json.dumps(
        [[one.reason] for one in delivery.world.store.attempts]
        + [[one.reason] for one in delivery.world.store.settled.values()]
    )
    assert canaries.found_in(reasons) == set()


def test_a_destination_that_is_not_there_is_not_named(
    canaries: Canaries, output: Output, server: RecordingServer
) -> None:
    with closing(Delivery(canaries, server)) as delivery:
        assert delivery.world.store.destination is not None
        delivery.world.store.destination = replace(
            delivery.world.store.destination, url=f"http://{canaries['host']}.invalid:1"
        )
        delivery.run()

    [line] = output.lines()
    assert line["outcome"] == "later"


@pytest.mark.parametrize("error", ERRORS)
def test_deliver_quotes_nothing_that_breaks(
    canaries: Canaries, output: Output, server: RecordingServer, error: type[Exception]
) -> None:
    def send(destination: Destination, secret: str, events: Sequence[OutgoingEvent]) -> SendResult:
        raise quoting(error, f"{destination} {secret} {events}")

    def fetch(
        access: PosAccess, token: str, wanted: PosObject, *, within_seconds: float
    ) -> Fetched | RetryLater | GaveUp:
        raise quoting(error, f"{access} {token} {wanted} {within_seconds}")

    for broken in ({"send": send}, {"fetch": fetch}):
        with closing(Delivery(canaries, server)) as delivery:
            for name, function in broken.items():
                world = delivery.world
                setattr(world.upstream if name == "send" else world.api, name, function)
            delivery.run_scripted()
        [line] = output.lines()
        assert line["outcome"] == "later"


def failing(error: type[Exception], text: str) -> Callable[[], Mapping[str, Any]]:
    def work() -> Mapping[str, Any]:
        raise quoting(error, text)

    return work


@pytest.mark.parametrize("error", [RuntimeError, KeyError, OSError, UnicodeError])
def test_a_task_that_breaks_is_not_quoted_nor_is_what_lambda_writes_of_it(
    canaries: Canaries, output: Output, error: type[Exception]
) -> None:
    with pytest.raises(TaskFailedError) as caught:
        log_task("sweep", failing(error, canaries["url password"]), version="0", stage="test")

    assert output.lines()
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert canaries.found_in(str(caught.value)) == set()


@pytest.mark.parametrize("error", [RuntimeError, KeyError, OSError, UnicodeError])
def test_cloudformation_is_told_no_more_than_that_a_migration_failed(
    canaries: Canaries, output: Output, server: RecordingServer, error: type[Exception]
) -> None:
    serve_custom_resource(
        {
            "RequestType": "Create",
            "ResponseURL": f"{server.url}/put?signature={canaries['signed URL']}",
            "StackId": "s",
            "RequestId": "r",
            "LogicalResourceId": "l",
        },
        failing(error, canaries["url password"]),
        physical_id="schema",
    )

    assert output.lines()
    assert [canaries.found_in(one.body.decode()) for one in server.received] == [set()]


def test_the_search_finds_what_a_worker_leaks(
    canaries: Canaries, output: Output, capfd: pytest.CaptureFixture[str]
) -> None:
    message = hook("a").hook
    worker = Worker()
    worker.opening["a"] = BadMessageError(canaries["payload"])
    worker.run("a")

    assert message.rid == "a"
    with pytest.raises(AssertionError):
        output.lines()
    assert capfd.readouterr().out == ""
