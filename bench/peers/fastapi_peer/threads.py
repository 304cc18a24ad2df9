"""Whether what waits for the database runs in a thread, or where it is called.

FastAPI runs plain ``def`` in a thread, and its documentation asks for that wherever a library
blocks. In Lambda there is one request at a time, so nobody is blocked, and a hop to a thread
and back for each dependency is a cost that a tuned peer would save: PEER_INLINE=1 does.
"""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import contextmanager
from functools import wraps
from inspect import isgeneratorfunction
from typing import Any

IS_INLINE = os.environ.get("PEER_INLINE") == "1"


def blocking(function: Callable[..., Any]) -> Callable[..., Any]:
    """Mark what blocks: a path operation or a dependency."""
    if not IS_INLINE:
        return function
    if isgeneratorfunction(function):

        @wraps(function)
        async def generate() -> AsyncIterator[Any]:
            with contextmanager(function)() as made:
                yield made

        del generate.__wrapped__
        return generate

    @wraps(function)
    async def call(*arguments: object, **named: object) -> object:
        return function(*arguments, **named)

    return call
