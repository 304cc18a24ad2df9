"""The network between the sandboxes and what they reach, with faults that can be turned on.

Run as a script: a process of its own, so that what it carries does not wait for the
senders' threads. Outside, ``Network`` starts one and tells it what to do.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import socket
import subprocess
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ops.local.processes import free_port

if TYPE_CHECKING:
    from collections.abc import Mapping


class Mode(StrEnum):
    """What happens to connections; those that were made before meet it, too."""

    PASS = "pass"
    REFUSE = "refuse"  # Those that are open are cut.
    HANG = "hang"  # Made and not answered; what was said meanwhile arrives afterwards.
    LOSE_ANSWERS = "lose_answers"  # A request arrives and is done; then the connection is cut.


# How a chunk begins that asks for work: Parse, Bind, Query of Postgres; a POST or PUT of HTTP.
# https://www.postgresql.org/docs/18/protocol-message-formats.html
_REQUESTS = (b"P", b"B", b"Q")
_ROOT = Path(__file__).parents[2]
_CHUNK = 65536
_BACKLOG = 128


class Network:
    """One proxy per upstream, by name, on ports of their own."""

    def __init__(self, upstreams: Mapping[str, int]) -> None:
        self._process = subprocess.Popen(  # noqa: S603  Our own script, from a list.
            [sys.executable, __file__, json.dumps(dict(upstreams))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(_ROOT)},
        )
        self.ports: dict[str, int] = json.loads(self._answer())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._process.kill()
        self._process.wait(20)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def set(self, upstream: str, mode: Mode, *, share: float = 1.0) -> None:
        """Return when it is so; ``share`` of the requests lose their answer."""
        self._tell({"upstream": upstream, "mode": mode.value, "share": share})

    def cut(self, upstream: str) -> None:
        """Close every connection that is open now."""
        self._tell({"upstream": upstream, "mode": None})

    def _tell(self, order: Mapping[str, object]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        assert self._answer() == "done"

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@dataclass(slots=True, eq=False)
class _Carried:
    """One connection's two sides; ``is_answer_lost`` once a request was chosen for that."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    is_answer_lost: bool = False

    def cut(self) -> None:
        self.client.transport.abort()
        self.server.transport.abort()


class _Proxy:
    """Carries connections from a port of its own to one upstream."""

    def __init__(self, upstream_port: int) -> None:
        self._upstream_port = upstream_port
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # By its number: a port that the system chose would be given back by the first refusal.
        self.port = free_port()
        self._listener.bind(("127.0.0.1", self.port))
        self._listener.setblocking(False)
        self._mode = Mode.REFUSE
        self._share = 1.0
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._carried: set[_Carried] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._accepting: asyncio.Task[None] | None = None
        self._dice = random.Random(upstream_port)  # noqa: S311  Dice, not secrets.

    async def set(self, mode: Mode, share: float) -> None:
        was, self._mode, self._share = self._mode, mode, share
        if mode is Mode.HANG:
            self._flowing.clear()
        else:
            self._flowing.set()
        if mode is Mode.REFUSE and was is not Mode.REFUSE:
            await self._close()
        elif was is Mode.REFUSE and mode is not Mode.REFUSE:
            self._listener.listen(_BACKLOG)
            self._accepting = asyncio.create_task(self._accept())

    async def _close(self) -> None:
        if self._accepting is not None:
            self._accepting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._accepting
        # Linux: it listens no more and keeps its port, so nobody else can come by it.
        self._listener.shutdown(socket.SHUT_RD)
        self.cut()

    def cut(self) -> None:
        for carried in tuple(self._carried):
            carried.cut()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            client, _ = await loop.sock_accept(self._listener)
            task = asyncio.create_task(self._carry(client))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _carry(self, client: socket.socket) -> None:
        # Whatever ends a connection is what the fault is about.
        with client, contextlib.suppress(OSError):
            await self._flowing.wait()
            to_server = await asyncio.open_connection("127.0.0.1", self._upstream_port)
            to_client = await asyncio.open_connection(sock=client)
            carried = _Carried(to_client[1], to_server[1])
            self._carried.add(carried)
            try:
                await asyncio.wait(
                    [
                        asyncio.create_task(self._ask(to_client[0], carried)),
                        asyncio.create_task(self._answer(to_server[0], carried)),
                    ],
                    return_when=asyncio.FIRST_COMPLETED,
                )
            finally:
                self._carried.discard(carried)
                carried.client.close()
                carried.server.close()

    async def _ask(self, client: asyncio.StreamReader, carried: _Carried) -> None:
        with contextlib.suppress(OSError):
            while chunk := await client.read(_CHUNK):
                await self._flowing.wait()
                if self._mode is Mode.LOSE_ANSWERS and chunk.startswith(_REQUESTS):
                    carried.is_answer_lost |= self._dice.random() < self._share
                carried.server.write(chunk)
                await carried.server.drain()

    async def _answer(self, server: asyncio.StreamReader, carried: _Carried) -> None:
        with contextlib.suppress(OSError):
            while chunk := await server.read(_CHUNK):
                await self._flowing.wait()
                if carried.is_answer_lost:
                    return
                carried.client.write(chunk)
                await carried.client.drain()


async def main(upstreams: Mapping[str, int]) -> None:
    """Obey each line of standard input until it ends."""
    proxies = {name: _Proxy(port) for name, port in upstreams.items()}
    for proxy in proxies.values():
        await proxy.set(Mode.PASS, 1.0)
    print(json.dumps({name: proxy.port for name, proxy in proxies.items()}), flush=True)  # noqa: T201  A pipe.
    while line := await asyncio.to_thread(sys.stdin.readline):
        order = json.loads(line)
        proxy = proxies[order["upstream"]]
        if order["mode"] is None:
            proxy.cut()
        else:
            await proxy.set(Mode(order["mode"]), order["share"])
        print("done", flush=True)  # noqa: T201  A pipe.


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
