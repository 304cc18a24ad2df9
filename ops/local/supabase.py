"""A stand-in for Supabase: ``python -m ops.local.supabase --folder FOLDER --port PORT``.

It speaks as much of PostgREST as deliveries use: one table, tillgate_event, and the view
entity_state, of as many projects as there are API keys. It listens on 127.0.0.1 only, keeps
what it is sent through a kill -9, counts every request, and misbehaves when told to:

    PUT /control/fault      {"kind", "status", "retry_after", "stores", "seconds", "requests"}
    DELETE /control/fault
    GET /control/seen       {"answers": {"201": n}, "events": {event_id: {"requests", "rows"}}}

Below /v3/merchants/ it is Clover's REST API, with the same keys as tokens.

https://docs.postgrest.org/en/stable/references/api/tables_views.html
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import signal
import sys
import threading
from dataclasses import asdict, dataclass
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from ops.cli.exact_json import render
from ops.local import clover_api
from ops.local.supabase_faults import PAGE, Fault, FaultKind, Faults, misbehave
from ops.local.supabase_store import DuplicateRowError, SupabaseStore
from ops.local.supabase_table import RefusedError, entity_state, rows_in, select

if TYPE_CHECKING:
    from types import FrameType

    from ops.local.supabase_store import Row

KEY_FILE = "key"
DATABASE_FILE = "rows.sqlite3"
READY_PATH = "/control/ready"
TABLE_PATH = "/rest/v1/tillgate_event"
MAX_BODY_BYTES = 64 * 1024 * 1024
JSON = "application/json; charset=utf-8"
NO_KEY = {"message": "No API key found in request"}
WRONG_KEY = {"message": "Invalid API key"}


def project_secret(project: str, *, key: str) -> str:
    """Give a project's API key: it names the project, so there is no list of them."""
    proof = hmac.digest(key.encode(), project.encode(), hashlib.sha256).hex()[:32]
    return f"sb_secret_{project}_{proof}"


def project_of(secret: str, *, key: str) -> str | None:
    """Give the project that an API key opens, or None when it opens none."""
    project = secret.removeprefix("sb_secret_").rpartition("_")[0]
    genuine = project_secret(project, key=key)
    return project if hmac.compare_digest(secret.encode(), genuine.encode()) else None


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    content: bytes = b""
    content_type: str = JSON
    retry_after: str | None = None

    def text(self) -> bytes:
        """Write it out whole, so that a fault can take it apart."""
        headers = {"Content-Type": self.content_type, "Content-Length": str(len(self.content))}
        if self.retry_after is not None:
            headers["Retry-After"] = self.retry_after
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        phrase = HTTPStatus(self.status).phrase
        return f"HTTP/1.1 {self.status} {phrase}\r\n{head}\r\n".encode("latin-1") + self.content


def _json(status: int, value: object, *, retry_after: str | None = None) -> Answer:
    return Answer(status, json.dumps(value).encode(), retry_after=retry_after)


class Supabase:
    """Answers requests; every method may run in several threads at once."""

    def __init__(self, store: SupabaseStore, *, key: str) -> None:
        self.store = store
        self.faults = Faults()
        self.stopped = threading.Event()
        self._key = key

    def handle(self, method: str, path: str, headers: dict[str, str], body: bytes) -> _Outcome:
        """Give the answer, and the fault with which it is to be given."""
        url = urlsplit(path)
        if url.path == READY_PATH:
            return _Outcome(_json(200, {"ready": True}))
        is_clover = url.path.startswith(clover_api.PREFIX)
        secret = clover_api.token_of(headers) if is_clover else headers.get("apikey")
        project = None if secret is None else project_of(secret, key=self._key)
        if project is None:
            return _Outcome(_json(401, NO_KEY if secret is None else WRONG_KEY))
        if is_clover:
            return self._clover(project, method, path)
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        try:
            match f"{method} {url.path}":
                case "POST /rest/v1/tillgate_event":
                    outcome = self._insert(project, headers.get("prefer", ""), body)
                case "DELETE /rest/v1/tillgate_event":
                    outcome = self._delete(project, query)
                case "GET /rest/v1/tillgate_event":
                    outcome = self._read(project, self.store.rows(project), query)
                case "GET /rest/v1/entity_state":
                    outcome = self._read(project, entity_state(self.store.rows(project)), query)
                case call:
                    outcome = _Outcome(self._control(project, call, body))
        except RefusedError as error:
            return _Outcome(_json(error.status, error.document))
        return outcome

    def _insert(self, project: str, prefer: str, body: bytes) -> _Outcome:
        ignores = "resolution=ignore-duplicates" in prefer
        fault = self.faults.take(project)
        answer, stores = Answer(201), fault is None or fault.stores
        try:
            rows = rows_in(body)
        except RefusedError as error:
            # Not stored, and yet seen: what it asks for is noted as far as it can be read.
            answer, stores, rows = _json(error.status, error.document), False, error.rows
        said = str(answer.status)
        if fault is not None:
            answer = _in_place_of(answer, fault)
            said = _said_of(fault)
        try:
            self.store.take(project, rows, answer=said, stores=stores, ignores=ignores)
        except DuplicateRowError:
            duplicate = "duplicate key value violates unique constraint"
            return _Outcome(_json(409, {"code": "23505", "message": duplicate}), fault)
        return _Outcome(answer, fault)

    def _delete(self, project: str, query: dict[str, str]) -> _Outcome:
        """Remove the rows that the filters name; without a filter, all, as PostgREST does."""
        fault = self.faults.take(project)
        found = [str(row["event_id"]) for row in select(self.store.rows(project), query)]
        stores = fault is None or fault.stores
        said = "204" if fault is None else _said_of(fault)
        self.store.remove(project, found if stores else [], answer=said)
        answer = Answer(204)
        return _Outcome(_in_place_of(answer, fault) if fault else answer, fault)

    def _clover(self, project: str, method: str, path: str) -> _Outcome:
        fault = self.faults.take(project)
        answer = _json(*clover_api.answer_to(method, path))
        said = str(answer.status) if fault is None else _said_of(fault)
        self.store.take(project, [], answer=said, stores=False, ignores=True)
        return _Outcome(_in_place_of(answer, fault) if fault else answer, fault)

    def _read(self, project: str, rows: list[Row], query: dict[str, str]) -> _Outcome:
        fault = self.faults.take(project)
        answer = Answer(200, render(list(select(rows, query))).encode())
        return _Outcome(_in_place_of(answer, fault) if fault else answer, fault)

    def _control(self, project: str, call: str, body: bytes) -> Answer:
        match call:
            case "PUT /control/fault":
                try:
                    told = json.loads(body)
                    fault = Fault(**{**told, "kind": FaultKind(told["kind"])})
                except (ValueError, TypeError, KeyError) as error:
                    return _json(400, {"message": str(error)})
                self.faults.set(project, fault)
                return _json(200, asdict(fault))
            case "DELETE /control/fault":
                self.faults.set(project, None)
                return Answer(204)
            case "GET /control/seen":
                events = {k: asdict(seen) for k, seen in self.store.seen(project).items()}
                return _json(200, {"answers": self.store.answers(project), "events": events})
        return _json(404, {"code": "PGRST205", "message": "Could not find it"})


@dataclass(frozen=True, slots=True)
class _Outcome:
    answer: Answer
    fault: Fault | None = None


def _said_of(fault: Fault) -> str:
    """Name in the count what a fault answers."""
    return str(fault.status) if fault.kind is FaultKind.STATUS else fault.kind.value


def _in_place_of(answer: Answer, fault: Fault) -> Answer:
    if fault.kind is FaultKind.STATUS:
        document = {"code": "XX000", "message": "told to fail"}
        return _json(fault.status, document, retry_after=fault.retry_after)
    return Answer(200, PAGE, "text/html") if fault.kind is FaultKind.PAGE else answer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def __init__(self, supabase: Supabase, *arguments: object) -> None:
        self._supabase = supabase
        super().__init__(*arguments)  # type: ignore[arg-type]  # As socketserver passes them.

    def _serve(self) -> None:
        length = self.headers.get("content-length", "0")
        if not length.isdigit() or int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            self.wfile.write(_json(413, {"message": "too large"}).text())
            return
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            # Who sent it died half-way: nothing was asked.
            self.close_connection = True
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        outcome = self._supabase.handle(self.command, self.path, headers, body)
        try:
            if outcome.fault is None:
                self.wfile.write(outcome.answer.text())
            else:
                self.close_connection = outcome.fault.kind is not FaultKind.STATUS
                misbehave(
                    outcome.fault,
                    outcome.answer.text(),
                    self.wfile.write,  # type: ignore[arg-type]  # How much was written is no matter.
                    stopped=self._supabase.stopped,
                )
        except OSError:
            # Who asked has gone; the next request comes by another connection.
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - the names that http.server calls

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Say nothing: what was asked is counted."""


class SupabaseServer(ThreadingHTTPServer):
    """The stand-in on a port of 127.0.0.1, ready to serve. Port 0 is any that is free."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, supabase: Supabase, *, port: int) -> None:
        super().__init__(("127.0.0.1", port), partial(_Handler, supabase))

    def handle_error(self, request: object, client_address: object) -> None:
        """Let a connection go that was reset; anything else is for the log."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # As it came.


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m ops.local.supabase")
    parser.add_argument("--folder", type=Path, required=True, help="with the file 'key' in it")
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    key = (options.folder / KEY_FILE).read_text().strip()
    store = SupabaseStore(options.folder / DATABASE_FILE)
    supabase = Supabase(store, key=key)
    server = SupabaseServer(supabase, port=options.port)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        supabase.stopped.set()
        # It waits for the loop to end, which cannot while it runs in the loop's own thread.
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    try:
        server.serve_forever(poll_interval=0.1)
    finally:
        server.server_close()
        store.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
