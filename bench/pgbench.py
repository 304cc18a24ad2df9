"""PostgreSQL's own pgbench on the floor's table: many connections, no Python in the way."""

from __future__ import annotations

import subprocess
import uuid
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from bench.workload import data
from bench.world import BenchError
from ops.evidence import percentile

if TYPE_CHECKING:
    from bench.world import World

_TRIES = 3

_SCRIPT = """
INSERT INTO floor (tenant_id, key, fingerprint, event_id, type, occurred_at, entity_id,
    entity_version, data, received_at)
VALUES ('{tenant}', 'api:' || gen_random_uuid(), decode(repeat('00', 32), 'hex'),
    gen_random_uuid(), 'order.created', '2026-11-23T10:00:00Z', 'order', 1, '{data}', now());
"""


class PgBench:
    """The program that lies beside the server's own."""

    def __init__(self, world: World) -> None:
        server = world.postgres.process()
        assert server is not None
        self._program = Path(server.exe()).parent / "pgbench"
        self._url = world.database.owner_url
        self._folder = world.folder
        self._script = world.folder / "floor.sql"
        text = data(0.5).replace("'", "''")
        self._script.write_text(_SCRIPT.format(tenant=uuid.uuid4(), data=text), encoding="utf-8")

    def run(self, *, clients: int, seconds: float) -> tuple[float, float]:
        """Give rows a second and the 95th percentile in milliseconds.

        Raises BenchError when it stored nothing, three times: its second begins when it does,
        and on a machine that stands still for a moment it is over before the first row.
        """
        for _ in range(_TRIES):
            if lines := self._lines(clients=clients, seconds=seconds):
                break
        else:
            raise BenchError("pgbench stored nothing in a second: this machine stands still")
        # client_id transaction_no time script_no time_epoch time_us
        micros = [int(line[2]) for line in lines]
        spent: Counter[str] = Counter()
        for line in lines:
            spent[line[0]] += int(line[2])
        counts = Counter(line[0] for line in lines)
        rate = sum(counts[client] / (taken / 1e6) for client, taken in spent.items())
        return rate, (percentile(micros, 0.95) or 0.0) / 1000

    def _lines(self, *, clients: int, seconds: float) -> list[list[str]]:
        """Run it once; give its log, a line for each row, as words."""
        prefix = self._folder / f"pgbench-{uuid.uuid4().hex[:8]}"
        subprocess.run(
            [
                str(self._program), "--no-vacuum", "--protocol", "prepared",
                "--client", str(clients), "--jobs", str(min(clients, 2)),
                "--time", str(max(round(seconds), 1)), "--file", str(self._script),
                "--log", "--log-prefix", str(prefix), self._url,
            ],
            check=True, capture_output=True, env={},
        )  # fmt: skip
        return [
            line.split()
            for path in self._folder.glob(f"{prefix.name}*")
            for line in path.read_text(encoding="ascii").splitlines()
        ]
