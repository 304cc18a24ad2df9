"""Killing and freezing a server, or parts of it, by the ids of its own processes."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ops.local.postgres import EmbeddedPostgres


def backends(server: EmbeddedPostgres, *, user: str) -> list[psutil.Process]:
    """List the server's processes that serve ``user``."""
    return [process for process in _processes(server)[1:] if f" {user} " in _title(process)]


def kill_backend(process: psutil.Process) -> bool:
    """Kill with SIGKILL; False when it was gone already."""
    with suppress(psutil.NoSuchProcess):
        process.kill()
        return True
    return False


@contextmanager
def frozen(server: EmbeddedPostgres) -> Iterator[None]:
    """Stop all of the server's processes with SIGSTOP, and let them go on at the end."""
    postmaster = _processes(server)[0]
    stopped = [postmaster]
    try:
        # The postmaster first: then it makes no more children while these are found.
        postmaster.suspend()
        for child in postmaster.children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                child.suspend()
                stopped.append(child)
        yield
    finally:
        for process in reversed(stopped):
            with suppress(psutil.NoSuchProcess):
                process.resume()


def _processes(server: EmbeddedPostgres) -> list[psutil.Process]:
    postmaster = server.process()
    if postmaster is None:
        raise AssertionError("the server does not run")
    return [postmaster, *postmaster.children(recursive=True)]


def _title(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""
