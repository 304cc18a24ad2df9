"""A merchant of every vendor is onboarded by one command, which leaves nothing synthetic behind."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest

from ops.evidence import Row, write_evidence
from ops.local.supabase_process import SupabaseProject
from ops.simulators import SIMULATORS
from tillgate.providers import PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VENDORS = sorted(SIMULATORS.keys() & PROVIDERS.keys())
TARGET_SECONDS = 60.0
COMMAND = [sys.executable, "-c", "from ops.cli.main import run; run()"]
TABLES = ("ingest_key", "event", "delivery", "attempt")


class Run:
    """``tillgate onboard`` as a process, and the vendor beside it."""

    def __init__(self, process: subprocess.Popen[str], provider: str) -> None:
        self._process = process
        self._vendor = SIMULATORS[provider]
        self._secret = self._vendor.new_secret()
        self.told = ""

    def tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def finish(self) -> dict[str, Any]:
        """Play the vendor's handshake, if it has one, give the secret, and read the result."""
        handshake = self._vendor.handshake()
        if handshake is not None:
            url = self._hear("/v1/hooks/")
            answer = httpx.post(url, content=handshake.body, headers=dict(handshake.headers))
            assert answer.status_code == 200
            if handshake.code is not None:
                self._hear(handshake.code)
        self.tell(self._secret)
        out, err = self._process.communicate(timeout=180)
        self.told += err
        assert self._process.returncode == 0, self.told
        assert self._secret not in out + self.told
        found: dict[str, Any] = json.loads(out)
        return found

    def _hear(self, word: str) -> str:
        """Give the first line that it tells the person with this word in it."""
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.told += line
            if word in line:
                return line.strip()
        raise AssertionError(f"it never said {word}: {self.told}")


@contextmanager
def onboarding(stack: dict[str, Any], provider: str, tenant: str, folder: Path) -> Iterator[Run]:
    supabase = stack["tenants"][0]["supabase"]
    token = folder / "token"
    token.write_text(stack["admin_token"])
    token.chmod(0o600)
    merchant_id = SIMULATORS[provider].merchant_example
    command = [
        *COMMAND, "onboard", tenant, provider, "--name", f"Onboarded {provider}",
        "--destination", supabase["url"], "--destination-key-stdin", "--secret-stdin",
        *(["--merchant-id", merchant_id] if merchant_id else []),
        "--url", stack["api_url"], "--token-file", str(token), "-o", "json",
    ]  # fmt: skip
    with subprocess.Popen(  # noqa: S603  Our own command.
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            run = Run(process, provider)
            run.tell(supabase["secret"])
            yield run
        finally:
            process.kill()


def rows_of(stack: dict[str, Any], tenant_id: str) -> dict[str, int]:
    counted = {}
    with psycopg.connect(stack["database_url"]) as superuser:
        for table in TABLES:
            query = f"SELECT count(*) FROM tillgate.{table} WHERE tenant_id = %s"  # noqa: S608  The test's own words.
            [(counted[table],)] = superuser.execute(query.encode(), (tenant_id,)).fetchall()
    return counted


@pytest.mark.proof
def test_a_merchant_of_every_vendor_is_onboarded_in_a_minute_and_nothing_synthetic_stays(
    stack: dict[str, Any], tmp_path: Path
) -> None:
    project = SupabaseProject(**stack["tenants"][0]["supabase"])
    raw: dict[str, dict[str, Any]] = {}
    for provider in VENDORS:
        tenant = f"{provider}-{uuid.uuid4().hex[:8]}"
        with onboarding(stack, provider, tenant, tmp_path) as run:
            found = run.finish()

        event_id = found["test_delivery"]["event_id"]
        outcomes = {step["name"]: step["outcome"] for step in found["steps"]}
        assert set(outcomes.values()) == {"done"}, provider
        assert list(outcomes)[-4:] == ["test delivery", "read back", "delivered", "cleaned up"]
        # It was there, in both places, and is not any more.
        assert project.seen()["events"][event_id]["requests"] >= 1
        assert project.rows(event_ids=[event_id]) == []
        assert rows_of(stack, found["tenant"]["tenant_id"]) == dict.fromkeys(TABLES, 0), provider
        raw[provider] = {
            "machine_seconds": found["machine_seconds"],
            "waited_seconds": round(sum(s["waited_seconds"] for s in found["steps"]), 3),
            "steps": {step["name"]: step["machine_seconds"] for step in found["steps"]},
        }

    worst = max(one["machine_seconds"] for one in raw.values())
    row = Row("onboarding_seconds", worst, "s", TARGET_SECONDS, worst < TARGET_SECONDS, raw)
    write_evidence("onboarding", [row])
    assert row.holds, raw
