"""A subject in a process of its own, seen from the bench: jobs go in, blocks come out."""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Self

from bench.rounds import Block

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bench.workload import Load


class SubjectEndedError(RuntimeError):
    """A subject's process ended instead of answering."""


class SubjectProcess:
    """Started at once, with this environment and no other; ``close`` ends it."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], *, log: Path) -> None:
        self._log = log
        with log.open("ab") as lines:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=lines,
                text=True,
                env=dict(env),
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    def run(self, load: Load, calls: int) -> Block:
        """Make so many calls in a row."""
        self._tell({"load": asdict(load), "calls": calls})
        return self._block()

    def ask(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Make one call that is not measured; give its answer."""
        self._tell({"ask": event})
        return self._hear()

    def hold(self, load: Load, calls: int, *, seconds: float) -> None:
        """Make calls ready, for ``go`` to begin with them; at most so many, for so long."""
        self._tell({"load": asdict(load), "calls": calls, "seconds": seconds, "hold": True})
        self._hear()

    def go(self) -> None:
        """Begin with what is held; ``finish`` gives what came of it."""
        self._tell({})

    def finish(self) -> Block:
        return self._block()

    def close(self) -> None:
        """End it; idempotent."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        if not stdin.closed:
            stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        stdout.close()

    def _tell(self, job: Mapping[str, Any]) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        stdin.write(json.dumps(job) + "\n")
        stdin.flush()

    def _hear(self) -> dict[str, Any]:
        stdout = self._process.stdout
        assert stdout is not None
        line = stdout.readline()
        if not line:
            raise SubjectEndedError(self._log.read_text(encoding="utf-8")[-2000:])
        heard: dict[str, Any] = json.loads(line)
        return heard

    def _block(self) -> Block:
        heard = self._hear()
        return Block(heard["wall_ns"], heard["cpu_ns"], heard["peak_kb"])
