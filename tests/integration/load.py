"""Load from several senders, each a process, and the reckoning of what they were told."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.integration.polling import until
from tests.integration.sender import Acknowledgement, read_acknowledgements
from tillgate.domain.event import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.integration.testdatabase import Connection
    from tillgate.domain.tenant import TenantId

_ROOT = Path(__file__).parents[2]
_SENDER = Path(__file__).with_name("sender.py")


class Load:
    """So many senders to one tenant, from ``with`` to its end."""

    def __init__(self, url: str, tenant: TenantId, folder: Path, *, senders: int) -> None:
        self._url = url
        self._tenant = tenant
        self._records = [folder / f"{n}.jsonl" for n in range(senders)]
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        self._processes = [self._start(n) for n in range(len(self._records))]
        return self

    def __exit__(self, *_exc: object) -> None:
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait(20)

    def replace(self, n: int) -> None:
        """Kill one sender with SIGKILL, and start another where it left off."""
        self._processes[n].kill()
        self._processes[n].wait(20)
        self._processes[n] = self._start(n)

    def goes_on(self) -> None:
        """Return when a sender was acknowledged something more than now."""
        self._acknowledges_more(any)

    def all_go_on(self) -> None:
        """Return when every sender was."""
        self._acknowledges_more(all)

    def _acknowledges_more(self, enough: Callable[[Iterator[bool]], bool]) -> None:
        before = [self._size(record) for record in self._records]
        until(
            lambda: enough(self._size(r) > b for r, b in zip(self._records, before, strict=True)),
            what="senders are acknowledged something",
            within_seconds=60,
        )

    def acknowledged(self) -> list[Acknowledgement]:
        return [
            acknowledgement
            for record in self._records
            for call in read_acknowledgements(record)
            for acknowledgement in call
        ]

    def _start(self, n: int) -> subprocess.Popen[bytes]:
        path = f"{_ROOT / 'layers/tillgate/python'}{os.pathsep}{_ROOT}"
        return subprocess.Popen(  # noqa: S603  Our own script, from a list.
            [sys.executable, _SENDER, self._url, self._tenant, str(n), self._records[n]],
            env={**os.environ, "PYTHONPATH": path, "SENDER_PARENT": str(os.getpid())},
        )

    @staticmethod
    def _size(record: Path) -> int:
        return record.stat().st_size if record.exists() else 0


def broken_promises(
    superuser: Connection, tenant: TenantId, acknowledged: list[Acknowledgement]
) -> list[str]:
    """List every acknowledgement that the database does not bear out.

    Each key that was told of must hold exactly one event, under the id that all were told,
    with the payload of those who were told that it is theirs; and one was told so first.
    """
    held: dict[str, list[tuple[str, str]]] = {}
    for key, event_id, data in superuser.execute(
        "SELECT idempotency_key, event_id::text, data FROM tillgate.event WHERE tenant_id = %s",
        (tenant,),
    ):
        held.setdefault(key, []).append((event_id, data))
    broken = [
        f"{key} is stored {len(held.get(key, []))} times"
        for key in {a.key for a in acknowledged}
        if len(held.get(key, [])) != 1
    ]
    news = Counter(a.key for a in acknowledged if a.outcome is Outcome.NEW)
    broken += [f"{key} was told new {times} times" for key, times in news.items() if times > 1]
    for a in acknowledged:
        for event_id, data in held.get(a.key, []):
            if event_id != a.event_id:
                broken.append(f"{a.key} was told {a.event_id}, holds {event_id}")
            if (data == a.data) is (a.outcome is Outcome.CONFLICT):
                broken.append(f"{a.key} was told {a.outcome}, holds {data}")
    return broken
