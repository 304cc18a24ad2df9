"""Type ``tillgate ...`` at a fake server."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

import httpx
import pytest
from typer.main import get_command
from typer.testing import CliRunner

from ops.cli.main import app
from ops.cli.session import Surroundings
from tests.unit.ops.cli.fake_tillgate import (
    LOCAL_TOKEN,
    LOCAL_URL,
    OPERATOR_TOKEN,
    TENANT,
    URL,
    FakeTillgate,
    TypeCommand,
    write_stack_file,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from typer.testing import Result

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture
def server() -> FakeTillgate:
    """A platform with one tenant, ``demo``."""
    fake = FakeTillgate()
    fake.answer("GET", "/admin/api/tenants", {"tenants": [TENANT]})
    return fake


# A process builds its commands once, and Typer's runner for each line that is typed: 40 ms.
_built = cache(get_command)


@pytest.fixture
def tillgate(server: FakeTillgate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TypeCommand:
    """Type ``tillgate ...`` in an empty folder, with address and token in the environment."""
    monkeypatch.setattr("typer.testing._get_command", _built)

    def type_command(
        *arguments: str,
        stdin: bytes | str = "",
        environ: Mapping[str, str] | None = None,
        folder: Path | None = None,
        is_interactive: bool = False,
    ) -> Result:
        known = {"TILLGATE_URL": URL, "TILLGATE_OPERATOR_TOKEN": OPERATOR_TOKEN}
        surroundings = Surroundings(
            environ=known if environ is None else environ,
            folder=folder or tmp_path,
            transport=httpx.MockTransport(server.handle),
            now=lambda: NOW,
            is_interactive=lambda: is_interactive,
            pause=server.pause,
            clock=lambda: sum(server.paused),
        )
        result = CliRunner().invoke(app, arguments, input=stdin, obj=surroundings)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return type_command


@pytest.fixture
def stack_file(tmp_path: Path) -> Path:
    """A local stack, as ``make demo`` hands it out."""
    return write_stack_file(
        tmp_path,
        {
            "api_url": LOCAL_URL,
            "admin_token": LOCAL_TOKEN,
            "tenants": [],
        },
    )
