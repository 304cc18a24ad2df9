"""Real sandboxes on this machine, and what a call takes of each part of it.

What the model is calibrated with, and what its small end is held against: the functions'
real handler in processes of their own, and an embedded Postgres that syncs each commit.
"""

from __future__ import annotations

import json
import os
import random
import selectors
import subprocess
import sys
import time
import uuid
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING, Self

import psutil

from ops.evidence import percentile
from ops.local.postgres import EmbeddedPostgres
from tests.events import http_event
from tests.integration.fake_secrets_manager import FakeSecretsManager
from tests.integration.sessions import TOKEN, add_sender
from tests.integration.testdatabase import create_database
from tests.integration.wiring import Wiring

if TYPE_CHECKING:
    from tests.integration.testdatabase import TestDatabase

_ROOT = Path(__file__).parents[2]
_SANDBOX = _ROOT / "tests/integration/sandbox.py"
_ANSWER_SECONDS = 30.0
_WARM_CALLS = 40
# What a till sends: an order of three lines.
ORDER = {
    "id": "c5f1d6e2-7b1d-4f0e-9a52-6f2d2f0b7c11", "currency": "EUR", "total": 2790,
    "lines": [
        {"sku": f"4006381333{n}", "name": "Flat white, oat milk", "quantity": 1, "price": 930}
        for n in range(3)
    ],
    "paid_by": "card", "table": 12, "opened_at": "2026-11-23T09:15:00Z",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a run showed: seconds are per call, but for the run's own ``elapsed``.

    ``others_cores`` is what other programs used of the machine meanwhile.
    """

    sandboxes: int
    calls: int
    elapsed: float
    mean_seconds: float
    p50_seconds: float
    p95_seconds: float
    caller_seconds: float
    handler_seconds: float
    database_seconds: float
    flush_seconds: float
    flushes: float
    wal_bytes: float
    others_cores: float

    @property
    def per_second(self) -> float:
        return self.calls / self.elapsed


@dataclass(frozen=True, slots=True)
class _Meter:
    """Sums since the start; ``busy`` is the whole machine's, ``fsync`` in seconds."""

    at: float
    busy: float
    caller: float
    handler: float
    database: float
    fsync: float
    fsyncs: int
    wal: int


class Machine:
    """Postgres, one sender, and warm sandboxes of functions/ingest."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._sandboxes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        folder = Path(
            self._stack.enter_context(TemporaryDirectory(prefix="tillgate-scale-", dir="/tmp"))
        )
        self._postgres = EmbeddedPostgres(folder / "data", version=18, durable=True)
        self._stack.callback(lambda: self._postgres.stop(mode="immediate"))
        self._postgres.start()
        self._database: TestDatabase = create_database(self._postgres, "scale")
        secrets = self._stack.enter_context(FakeSecretsManager())
        self._wiring = self._stack.enter_context(Wiring(self._database, secrets, folder))
        add_sender(self._database)
        self.alter("track_wal_io_timing", "on")
        self._log = self._stack.enter_context((folder / "sandboxes.log").open("ab"))
        return self

    def __exit__(self, *_exc: object) -> None:
        for sandbox in self._sandboxes:
            sandbox.kill()
            sandbox.communicate()
        self._stack.close()

    def alter(self, name: str, value: str) -> None:
        """Change a setting of the server's that needs no restart."""
        with self._database.superuser() as superuser:
            superuser.execute(f"ALTER SYSTEM SET {name} = {value}")
            superuser.execute("SELECT pg_reload_conf()")

    def bytes_per_event(self) -> float:
        """Give what an event takes of the disk: its rows and their indexes, in all tables."""
        with self._database.superuser() as superuser:
            row = superuser.execute(
                "SELECT sum(pg_total_relation_size(c.oid)), (SELECT count(*) FROM tillgate.event)"
                " FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
                " WHERE n.nspname = 'tillgate' AND c.relkind = 'r'"
            ).fetchone()
        assert row is not None
        return float(row[0]) / int(row[1])

    def closed(self, *, sandboxes: int, calls: int, batch: int = 1) -> Measured:
        """Call so many sandboxes, each again as soon as it has answered."""
        return self._run(sandboxes, calls, batch, per_second=None)

    def offered(self, *, sandboxes: int, calls: int, per_second: float) -> Measured:
        """Call at random times, so often on the average."""
        return self._run(sandboxes, calls, 1, per_second=per_second)

    def _run(self, sandboxes: int, calls: int, batch: int, per_second: float | None) -> Measured:
        while len(self._sandboxes) < sandboxes:
            self._sandboxes.append(self._start())
        used = self._sandboxes[:sandboxes]
        _drive(used, [_request(batch) for _ in range(_WARM_CALLS * sandboxes)], None)
        requests = [_request(batch) for _ in range(calls)]
        before = self._meter()
        taken = _drive(used, requests, per_second)
        after = self._meter()
        return _measured(sandboxes, taken, before, after)

    def _start(self) -> subprocess.Popen[bytes]:
        handler = str(_ROOT / "functions/ingest/handler.py")
        return subprocess.Popen(
            [sys.executable, str(_SANDBOX), handler],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={
                "PYTHONPATH": str(_ROOT / "layers/tillgate/python"),
                "SANDBOX_STARTED": str(time.monotonic()),
                **self._wiring.environment("ingest"),
            },
        )

    def _meter(self) -> _Meter:
        server = self._postgres.process()
        assert server is not None
        with self._database.superuser() as superuser:
            row = superuser.execute(
                "SELECT sum(fsync_time) + sum(write_time), sum(fsyncs),"
                " pg_current_wal_insert_lsn() - '0/0'::pg_lsn FROM pg_stat_io"
                " WHERE object = 'wal' AND context = 'normal'"
            ).fetchone()
        assert row is not None
        machine = psutil.cpu_times()
        return _Meter(
            at=time.monotonic(),
            busy=sum(machine) - machine.idle - machine.iowait,
            caller=time.process_time(),
            handler=sum(_cpu(psutil.Process(s.pid)) for s in self._sandboxes),
            # A sandbox changes its connection now and then: the postmaster counts the dead.
            database=_cpu(server, with_dead=True) + sum(_cpu(child) for child in server.children()),
            fsync=float(row[0]) / 1000,
            fsyncs=int(row[1]),
            wal=int(row[2]),
        )


def _measured(sandboxes: int, taken: list[float], before: _Meter, after: _Meter) -> Measured:
    calls, elapsed = len(taken), after.at - before.at
    ours = sum(
        getattr(after, part) - getattr(before, part) for part in ("caller", "handler", "database")
    )
    fsyncs = max(after.fsyncs - before.fsyncs, 1)
    return Measured(
        sandboxes=sandboxes,
        calls=calls,
        elapsed=elapsed,
        mean_seconds=sum(taken) / calls,
        p50_seconds=percentile(taken, 0.5) or 0.0,
        p95_seconds=percentile(taken, 0.95) or 0.0,
        caller_seconds=(after.caller - before.caller) / calls,
        handler_seconds=(after.handler - before.handler) / calls,
        database_seconds=(after.database - before.database) / calls,
        flush_seconds=(after.fsync - before.fsync) / fsyncs,
        flushes=fsyncs / calls,
        wal_bytes=(after.wal - before.wal) / calls,
        others_cores=max((after.busy - before.busy - ours) / elapsed, 0.0),
    )


def _cpu(process: psutil.Process, *, with_dead: bool = False) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    dead = times.children_user + times.children_system if with_dead else 0.0
    return float(times.user + times.system + dead)


def _request(batch: int) -> bytes:
    """Give one line for a sandbox: an event of its own key, or so many in a batch."""
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    if batch == 1:
        headers["Idempotency-Key"] = uuid.uuid4().hex
        body = json.dumps({"type": "order.created", "data": ORDER})
        event = http_event("POST", "/v1/events", headers=headers, body=body)
    else:
        items = [
            {"idempotency_key": uuid.uuid4().hex, "type": "order.created", "data": ORDER}
            for _ in range(batch)
        ]
        body = json.dumps({"events": items})
        event = http_event("POST", "/v1/events/batch", headers=headers, body=body)
    return json.dumps(event).encode() + b"\n"


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe


def _drive(
    sandboxes: list[subprocess.Popen[bytes]], requests: list[bytes], per_second: float | None
) -> list[float]:
    """Give the seconds that each request took, from its time to its answer.

    From one thread, so that nothing but the calls themselves is waited for. Raises
    AssertionError when an answer is no success.
    """
    dice = random.Random(1)  # noqa: S311  No secret: when senders send.
    due: deque[tuple[float, bytes]] = deque()
    at = time.monotonic()
    for request in requests:
        at += dice.expovariate(per_second) if per_second else 0.0
        due.append((at, request))
    free, taken = list(sandboxes), list[float]()
    sent: dict[int, float] = {}
    with selectors.DefaultSelector() as selector:
        for sandbox in sandboxes:
            selector.register(_pipe(sandbox.stdout), selectors.EVENT_READ, sandbox)
        while due or sent:
            while due and free and (due[0][0] <= time.monotonic() or not per_second):
                sandbox, (at, request) = free.pop(), due.popleft()
                sent[sandbox.pid] = at if per_second else time.monotonic()
                os.write(_pipe(sandbox.stdin).fileno(), request)
            idle = bool(due and free)
            wait = max(due[0][0] - time.monotonic(), 0.0) if idle else _ANSWER_SECONDS
            ready = selector.select(wait)
            assert ready or idle, "no answer in time"
            for key, _ in ready:
                line = key.fileobj.readline()  # type: ignore[union-attr]  # registered above, as a file
                taken.append(time.monotonic() - sent.pop(key.data.pid))
                assert b'"statusCode": 20' in line, line[:500]
                free.append(key.data)
    return taken
