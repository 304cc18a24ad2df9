"""``tillgate health-gate``: wait until a Tillgate is up and ready, or say what it lacks."""

from __future__ import annotations

import json
import math
import queue
import threading
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import httpx
import typer

from ops.cli import exact_json
from ops.cli.connection import URL_VARIABLE, check_url, is_loopback
from ops.cli.errors import CliError, UnreachableError, UsageError
from ops.cli.exact_json import printable, record_in
from ops.cli.output import shown
from ops.cli.session import Session, connected
from tillgate import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ops.cli.exact_json import JsonValue

    # The status, and the JSON object; an empty one where there is another thing.
    _Answer = tuple[int, dict[str, JsonValue]]

# One try: a cold function answers within a few seconds, and API Gateway within thirty.
TRY_SECONDS = 10.0
_MOST_BYTES = 65_536
# No time-out at all would be an error.
_LEAST_SECONDS = 0.001
_TOO_SLOW = "no whole answer in time"
_FAILING = {
    "database": "not reachable",
    "secrets": "not readable",
    "queue": "not reachable",
}


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is not there yet, a word for each thing; ``has_answered``: somebody did answer."""

    lacks: tuple[str, ...]
    has_answered: bool

    def __str__(self) -> str:
        return "; ".join(self.lacks)


@dataclass(frozen=True, slots=True)
class Ready:
    version: str


@connected
def wait_until_ready(
    session: Session,
    timeout: Annotated[float, typer.Option(help="Seconds until it gives up.")] = 120.0,
    interval: Annotated[float, typer.Option(help="Seconds between two looks.")] = 1.0,
    version: Annotated[
        str | None, typer.Option(help="Wait for this version to answer, its build mark aside.")
    ] = None,
) -> None:
    """Wait until /livez and then /startupz are well; needs no token.

    Each change of what is missing is a line on stderr. Exit codes: 0 ready; at the deadline 1, or 3
    where nothing answers. What may pass, such as a wrong certificate, is waited for like the rest.
    """
    if not 0 < timeout < math.inf or not 0 < interval < math.inf:
        raise UsageError("--timeout and --interval are numbers of seconds above zero.")
    address, around = session.address, session.surroundings
    started = around.clock()

    def left() -> float:
        return timeout - (around.clock() - started)

    missing = Waiting((), has_answered=False)
    with closing(_Gate(address, around.transport, version=version)) as gate:
        while left() > 0:
            seen = gate.look(within_seconds=min(TRY_SECONDS, left()))
            if isinstance(seen, Ready):
                _tell(session, seen, seconds=around.clock() - started)
                return
            if seen is None:
                continue
            if seen != missing:
                session.output.note(f"waiting for {seen}")
            missing = seen
            around.pause(max(0.0, min(interval, left())))
    raise _out_of_time(missing, address, timeout)


def _tell(session: Session, ready: Ready, *, seconds: float) -> None:
    if session.output.is_json:
        told = {"ready": True, "version": ready.version, "seconds": round(seconds, 3)}
        session.output.show_text(json.dumps(told))
    else:
        session.output.show_text(f"ready: version {ready.version}, after {seconds:.1f} s")


def _out_of_time(missing: Waiting, address: str, timeout: float) -> CliError:
    kind = CliError if missing.has_answered else UnreachableError
    return kind(
        f"{address} was not ready within {timeout:g} s. Missing at the end: {missing}.",
        next_step="tillgate doctor"
        if missing.has_answered
        else f"check --url or {URL_VARIABLE}, then tillgate doctor",
    )


class _Gate:
    """Looks at one address; /startupz is asked once /livez has answered."""

    def __init__(
        self, address: str, transport: httpx.BaseTransport | None, *, version: str | None
    ) -> None:
        self._address = check_url(address, carries_token=False)
        self._version = version
        self._is_live = False
        self._http = httpx.Client(
            transport=transport,
            # Each look on a connection of its own: it is for who comes next, too.
            limits=httpx.Limits(max_keepalive_connections=0),
            # A proxy from the environment cannot reach this machine's own loopback.
            trust_env=not is_loopback(urlsplit(address).hostname or ""),
            headers={"User-Agent": f"tillgate-cli/{__version__}", "Accept": "application/json"},
        )

    def close(self) -> None:
        self._http.close()

    def look(self, *, within_seconds: float) -> Waiting | Ready | None:
        """Ask once; None when the next thing can be asked at once.

        Never raises for what does not answer, or answers something else.
        """
        path = "/startupz" if self._is_live else "/livez"
        seen = _within(lambda: self._ask(path, within_seconds), seconds=within_seconds)
        if isinstance(seen, str):
            return Waiting((f"{path}: {seen}",), has_answered=False)
        status, document = seen
        if path == "/livez":
            if status == httpx.codes.OK and document.get("status") == "ok":
                self._is_live = True
                return None
            return Waiting((f"/livez: {_said(status, document)}",), has_answered=True)
        lacks = tuple(self._lacks(status, document))
        if lacks:
            return Waiting(lacks, has_answered=True)
        return Ready(shown(document.get("version")))

    def _lacks(self, status: int, document: dict[str, JsonValue]) -> Iterator[str]:
        checks = record_in(document.get("checks"))
        is_ready = status == httpx.codes.OK and document.get("status") == "ready"
        if not is_ready:
            failing = list(_failing(checks))
            yield from failing or [f"/startupz: {_said(status, document)}"]
        running = shown(document.get("version"))
        if self._version not in {None, running, running.partition("+")[0]} and checks:
            yield f"version {self._version}: {running} answers"

    def _ask(self, path: str, seconds: float) -> _Answer:
        content = bytearray()
        url, within = self._address + path, max(seconds, _LEAST_SECONDS)
        with self._http.stream("GET", url, timeout=within) as response:
            for piece in response.iter_bytes():
                content += piece
                if len(content) > _MOST_BYTES:
                    break
        try:
            document = exact_json.parse(content.decode("utf-8", "replace"))
        except exact_json.UnreadableJsonError:
            document = None
        return response.status_code, record_in(document)


def _failing(checks: dict[str, JsonValue]) -> Iterator[str]:
    """Name what fails; of a database that is not reachable nobody knows the migrations."""
    is_database_down = record_in(checks.get("database")).get("ok") is False
    for name, check in checks.items():
        if record_in(check).get("ok") is not False:
            continue
        if name == "migrations":
            found = record_in(check)
            if not is_database_down:
                at, of = shown(found.get("current")), shown(found.get("expected"))
                yield f"migrations: at {at} of {of}"
        else:
            yield f"{printable(name)}: {_FAILING.get(name, 'not well')}"


def _said(status: int, document: dict[str, JsonValue]) -> str:
    if not document:
        return f"{status}, and not Tillgate's JSON"
    told = document.get("status") or document.get("title") or document.get("message")
    return f"{status} {shown(told)}"


def _within(ask: Callable[[], _Answer], *, seconds: float) -> _Answer | str:
    """Give what ``ask`` gives, or in words why there is no answer, however slow it is.

    In a thread, which is left behind: looking up a name knows no time-out, and an answer may
    come by one byte each second.
    """
    answers: queue.SimpleQueue[_Answer | str] = queue.SimpleQueue()

    def run() -> None:
        try:
            answers.put(ask())
        except httpx.TimeoutException:
            answers.put(_TOO_SLOW)
        except (httpx.HTTPError, OSError, ValueError) as error:
            answers.put(printable(str(error)) or type(error).__name__)

    threading.Thread(target=run, daemon=True).start()
    try:
        return answers.get(timeout=max(seconds, _LEAST_SECONDS))
    except queue.Empty:
        return _TOO_SLOW
