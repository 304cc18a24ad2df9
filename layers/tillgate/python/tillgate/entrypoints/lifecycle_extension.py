"""The internal extension, which is there only so that Lambda sends SIGTERM.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
"""

from __future__ import annotations

import http.client
import json
import threading
from functools import cache

from tillgate.entrypoints.lifecycle_log import log_step

_NAME = "tillgate"
_REGISTER_SECONDS = 1.0


class ExtensionRefusedError(Exception):
    """Lambda's Extensions API answered something else than 200."""


@cache
def ask_for_sigterm(api: str) -> None:
    """Register once in this process, and keep asking for the next event, of which there is none.

    ``api`` is host:port. Where it fails, one line says so: the function serves all the same.
    """
    try:
        identifier = _register(api)
    except (OSError, http.client.HTTPException, ExtensionRefusedError) as error:
        _log_failure(error)
        return
    threading.Thread(
        target=_wait_for_ever, args=(api, identifier), name="extension", daemon=True
    ).start()


def _register(api: str) -> str:
    connection = http.client.HTTPConnection(api, timeout=_REGISTER_SECONDS)
    try:
        # An internal extension may not ask for SHUTDOWN; SIGTERM comes without.
        connection.request(
            "POST",
            "/2020-01-01/extension/register",
            json.dumps({"events": []}),
            {"Lambda-Extension-Name": _NAME, "Content-Type": "application/json"},
        )
        answer = connection.getresponse()
        answer.read()
    finally:
        connection.close()
    identifier = answer.headers["Lambda-Extension-Identifier"]
    if answer.status != http.client.OK or not identifier:
        raise ExtensionRefusedError(f"registering was answered {answer.status}")
    return str(identifier)


def _wait_for_ever(api: str, identifier: str) -> None:
    """Ask for the next event, which tells Lambda that the extension is ready.

    Without a time-out: the sandbox may be frozen for hours. An answer is not expected.
    """
    connection = http.client.HTTPConnection(api)
    try:
        connection.request(
            "GET",
            "/2020-01-01/extension/event/next",
            headers={"Lambda-Extension-Identifier": identifier},
        )
        status = connection.getresponse().status
        _log_failure(ExtensionRefusedError(f"waiting was answered {status}"))
    except (OSError, http.client.HTTPException) as error:
        _log_failure(error)
    finally:
        connection.close()


def _log_failure(error: Exception) -> None:
    said = str(error) if isinstance(error, ExtensionRefusedError) else type(error).__name__
    log_step("extension", outcome="failed", error=said)
