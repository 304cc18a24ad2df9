"""What is measured stands in: a durable Postgres, who may send, and the subjects' processes."""

from __future__ import annotations

import hashlib
import json
import sys
import uuid
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, Self

import psycopg

from bench.hooks import MERCHANTS, SECRETS, notification_url
from bench.subjects.floor import TABLE
from bench.subjects.process import SubjectProcess
from bench.workload import TOKEN
from ops.local.postgres import EmbeddedPostgres
from stacks.assets import LayerMissingError, LayerName, LayerTarget, layer_hash, layer_path
from tests.integration.fake_secrets_manager import FakeSecretsManager
from tests.integration.testdatabase import create_database
from tests.integration.wiring import RING, Wiring
from tillgate.adapters.key_ring import KeyRingSecretBox
from tillgate.domain.tenant import endpoint_seal_context, token_digest
from tillgate.providers import PROVIDERS

ROOT = Path(__file__).parents[1]
_BENCH_VENV = ROOT / ".local/bench-venv"
BENCH_PYTHON = _BENCH_VENV / "bin/python"
PEER_PACKAGES = (
    _BENCH_VENV / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
)
Name = Literal["ours", "floor", "peer", "peer_inline"]
# Without a virtual environment: what is on the path is what the subject is given, as in Lambda.
PYTHON = getattr(sys, "_base_executable", sys.executable)


class BenchError(RuntimeError):
    """What has to be there before a bench can run is not."""


def layers() -> list[Path]:
    """Give what a function finds in /opt/python. Raises BenchError unless it is this tree's."""
    try:
        for name in LayerName:
            layer_hash(name, LayerTarget.LOCAL)
    except LayerMissingError as error:
        raise BenchError(str(error)) from None
    return [layer_path(name, LayerTarget.LOCAL) / "python" for name in LayerName]


class World:
    """One Postgres with fsync on, one database in it, one tenant."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._subjects: dict[str, SubjectProcess] = {}
        self._layers = layers()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.folder = Path(
                stack.enter_context(TemporaryDirectory(prefix="tillgate-bench-", dir="/tmp"))
            )
            self.postgres = EmbeddedPostgres(self.folder / "data")
            self.postgres.start()
            stack.callback(self.postgres.stop, mode="immediate")
            self.database = create_database(self.postgres, "bench")
            self._secrets = stack.enter_context(FakeSecretsManager())
            self._wiring = Wiring(self.database, self._secrets, self.folder)
            self.endpoints = self._register()
            self._assert_durable()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stack.close()

    def subject(self, name: Name) -> SubjectProcess:
        """Give the one process of a subject that suites share; it is started at first use."""
        if name not in self._subjects:
            self._subjects[name] = self.fresh(name)
        return self._subjects[name]

    def fresh(self, name: Name) -> SubjectProcess:
        """Start another process of a subject; whoever asked may close it before the end."""
        module = (
            ["bench.subjects.floor"]
            if name == "floor"
            else ["bench.subjects.handler", name.removesuffix("_inline")]
        )
        return self._stack.enter_context(
            SubjectProcess(
                [PYTHON, "-s", "-m", *module],
                self.environment(name),
                log=self.folder / f"{name}-{uuid.uuid4().hex[:6]}.log",
            )
        )

    def environment(self, name: Name) -> dict[str, str]:
        """Give a subject what it needs to know, and where its packages are."""
        if name == "ours":
            settings = self._wiring.environment("ingest")
            # As deployed: the settings' own defaults.
            del settings["CONNECTION_TIMEOUT_MS"]
            packages = self._layers
            told = {**settings, "BENCH_ENDPOINTS": json.dumps(self.endpoints)}
            told |= {"AWS_LAMBDA_FUNCTION_NAME": "ingest"}
        elif name == "floor":
            packages = [layer_path(LayerName.VENDOR, LayerTarget.LOCAL) / "python"]
            told = {"FLOOR_DATABASE_URL": self.database.owner_url}
        else:
            packages = [PEER_PACKAGES]
            told = {"PEER_DATABASE_URL": self.database.owner_url}
            told |= {"PEER_INLINE": "1"} if name == "peer_inline" else {}
        for folder in packages:
            if not folder.is_dir():
                raise BenchError(f"{folder} is missing: run `make bench`")
        return {"PYTHONPATH": ":".join(map(str, [*packages, ROOT])), **told}

    def settle(self) -> None:
        """Do what autovacuum does within a minute: without it plans would change midway."""
        with self.database.superuser() as superuser:
            superuser.execute("ANALYZE")

    def _register(self) -> dict[str, str]:
        tenant_id = self.database.add_tenant("bench")
        with self.database.superuser() as superuser:
            superuser.execute(
                "INSERT INTO tillgate.api_token (tenant_id, name, digest, hint)"
                " VALUES (%s, 'till', %s, 'tg')",
                (tenant_id, token_digest(TOKEN)),
            )
            endpoints = {
                provider: _add_source(superuser, tenant_id, provider) for provider in PROVIDERS
            }
        with psycopg.connect(self.database.owner_url, autocommit=True) as owner:
            owner.execute(TABLE)
            _make_peer_tables(owner, tenant_id)
        return endpoints

    def _assert_durable(self) -> None:
        with self.database.superuser() as superuser:
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                row = superuser.execute("SELECT current_setting(%s)", (setting,)).fetchone()
                assert row == ("on",), f"{setting} is not on"


def _add_source(
    superuser: psycopg.Connection[tuple[object, ...]], tenant_id: str, provider: str
) -> str:
    source_id = str(uuid.uuid4())
    sealed = KeyRingSecretBox(lambda: RING).seal(
        SECRETS[provider].encode(), context=endpoint_seal_context(source_id, tenant_id=tenant_id)
    )
    superuser.execute(
        "INSERT INTO tillgate.source (source_id, tenant_id, provider, name, merchant_id,"
        " notification_url, sealed_secret, secret_set_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, now() - interval '2 days')",
        (source_id, tenant_id, provider, provider, MERCHANTS[provider],
         notification_url(source_id), sealed),
    )  # fmt: skip
    return source_id


def _make_peer_tables(owner: psycopg.Connection[tuple[object, ...]], tenant_id: str) -> None:
    """Make what bench/peers/fastapi_peer/database.py describes, and let the tenant in."""
    owner.execute("CREATE TABLE peer_tenant (id uuid PRIMARY KEY, name text NOT NULL)")
    owner.execute(
        "CREATE TABLE peer_api_token (digest bytea PRIMARY KEY,"
        " tenant_id uuid NOT NULL REFERENCES peer_tenant)"
    )
    owner.execute(
        "CREATE TABLE peer_event (tenant_id uuid NOT NULL, idempotency_key text NOT NULL,"
        " id uuid NOT NULL, fingerprint bytea NOT NULL, type text NOT NULL, data jsonb NOT NULL,"
        " occurred_at timestamptz, entity_id text, entity_version integer,"
        " received_at timestamptz NOT NULL, stored_at timestamptz NOT NULL"
        " DEFAULT clock_timestamp(), PRIMARY KEY (tenant_id, idempotency_key))"
    )
    owner.execute("INSERT INTO peer_tenant VALUES (%s, 'bench')", (tenant_id,))
    owner.execute(
        "INSERT INTO peer_api_token VALUES (%s, %s)",
        (hashlib.sha256(TOKEN.encode()).digest(), tenant_id),
    )
