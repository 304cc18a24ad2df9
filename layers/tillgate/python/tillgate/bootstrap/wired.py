"""One function as its bootstrap module makes it, and what has to be let go of at its end."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from tillgate.domain.errors import SecretUnavailableError, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tillgate.adapters.postgres.connection import Database

# What Lambda passes in and takes back.
Event = TypeVar("Event")
Answer = TypeVar("Answer")


class Client(Protocol):
    """Keeps a connection that has to be let go of."""

    def close(self) -> None:
        """Let go of it; the next use makes another."""


def _nothing() -> None:
    """Do nothing: a request is short, and finished in any case, and all is loaded already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WiredFunction(Generic[Event, Answer]):
    """What ``entrypoints.lifecycle.Wired`` asks for.

    ``connect_seconds`` is for each of ``databases``; ``clients`` connect at their first use.
    ``on_stop`` is for what takes longer than a request: it is called by a signal's handler.
    ``before_close`` is for what still needs the connections. ``idle`` is ``Wired.idle``.
    ``load`` loads what is otherwise loaded at its first use.
    """

    handle: Callable[[Event], Answer]
    databases: tuple[Database, ...]
    clients: tuple[Client, ...]
    connect_seconds: float
    on_stop: Callable[[], None] = _nothing
    before_close: Callable[[], object] = _nothing
    idle: Callable[[], float | None] | None = None
    load: Callable[[], object] = _nothing

    def __call__(self, event: Event, /) -> Answer:
        return self.handle(event)

    def preload(self) -> None:
        """Load it now."""
        self.load()

    def connect(self) -> None:
        """Open every connection; one that is not to be had now is left to the first request."""
        for database in self.databases:
            with suppress(StoreUnavailableError, SecretUnavailableError):
                database.connect(within_seconds=self.connect_seconds)

    def stop(self) -> None:
        """Bring what is in hand to an early end, where it has one."""
        self.on_stop()

    def close(self) -> None:
        """Let go of every connection, also when one of these steps raises."""
        with ExitStack() as steps:
            for connected in (*self.databases, *self.clients):
                steps.callback(connected.close)
            # The last one in is called first.
            steps.callback(self.before_close)
