"""TCP addresses at which nobody answers, each in its own way."""

from __future__ import annotations

import socket
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from ops.local.processes import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

# So many connections fill a backlog of none on Linux; what comes then is dropped.
_FILLING = 4


@contextmanager
def refusing() -> Iterator[int]:
    """Give a port on which nothing listens."""
    yield free_port()


@contextmanager
def accepting_in_silence() -> Iterator[int]:
    """Give a port whose connections are made, and never answered."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        yield listener.getsockname()[1]


@contextmanager
def dropping() -> Iterator[int]:
    """Give a port that answers no SYN, as behind a security group."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(_FILLING):
            filling = stack.enter_context(socket.socket())
            filling.setblocking(False)
            filling.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
