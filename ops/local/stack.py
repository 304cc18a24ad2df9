"""The local stack as a whole: up, repaired, down."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ops.local.aws import keep_secrets, put_secret, run_function, secrets_client
from ops.local.console import step
from ops.local.database import DATABASE, database_identity, ensure_database
from ops.local.deployment import DATABASE_SECRET, bootstrap, deploy
from ops.local.ministack import MiniStack
from ops.local.postgres import EmbeddedPostgres
from ops.local.state import MINISTACK_PYTHON
from ops.local.supabase_process import SupabaseProcess

if TYPE_CHECKING:
    from ops.local.state import StateDir


@dataclass(frozen=True, slots=True)
class RunningStack:
    """How to reach a stack that is up. ``database_url`` is the superuser's.

    ``supabase`` stands in for where the tenants' events go.
    """

    api_url: str
    browser_url: str
    operator_token: str
    metrics_token: str
    database_url: str
    endpoint_url: str
    supabase: SupabaseProcess
    sweep_arn: str

    def start_sweep(self) -> None:
        """Run sweep now, as EventBridge does: after a first deploy it waits for a whole minute."""
        run_function(self.endpoint_url, arn=self.sweep_arn)


class LocalStack:
    """Postgres, MiniStack, a stand-in for Supabase and the deployed stacks, on one state folder."""

    def __init__(self, state: StateDir) -> None:
        self.state = state
        self.postgres = EmbeddedPostgres(state.postgres)
        self.ministack = MiniStack(
            state.ministack, python=MINISTACK_PYTHON, log=state.logs / "ministack.log"
        )
        self.supabase = SupabaseProcess(state.supabase, log=state.logs / "supabase.log")

    def up(self) -> RunningStack:
        """Start what does not run, deploy what is not deployed. Idempotent.

        Raises LocalStackError with the log to read.
        """
        self.state.make()
        with step("PostgreSQL, MiniStack and a stand-in for Supabase"):
            self.ministack.start()
            self.supabase.start()
            self.postgres.start()
            owner_url = ensure_database(self.postgres, record=self.state.root / "owner.json")
            self.ministack.wait()
        endpoint = self.ministack.endpoint_url
        secrets = secrets_client(endpoint)
        put_secret(secrets, name=DATABASE_SECRET, value=owner_url)
        with step("cdk bootstrap") as detail:
            bootstrap(self.state, endpoint_url=endpoint, detail=detail)
        with step("cdk deploy") as detail:
            identity = database_identity(self.postgres, boot=self.ministack.boot)
            outputs = deploy(self.state, endpoint_url=endpoint, identity=identity, detail=detail)
        return self._describe(outputs)

    def _describe(self, outputs: dict[str, str]) -> RunningStack:
        endpoint = self.ministack.endpoint_url
        secrets = secrets_client(endpoint)
        arns = {
            "key_ring": outputs["KeyRingSecretArn"],
            "operator": outputs["OperatorSecretArn"],
            "metrics": outputs["MetricsSecretArn"],
        }
        kept = keep_secrets(secrets, copy=self.state.secrets, arns=arns)
        # The API's own address names a host that only a browser resolves.
        browser_url = outputs["ApiUrl"].rstrip("/")
        api_id = (urlsplit(browser_url).hostname or "").split(".")[0]
        return RunningStack(
            api_url=f"{endpoint}/_aws/execute-api/{api_id}",
            browser_url=browser_url,
            operator_token=kept["operator"]["token"],
            metrics_token=kept["metrics"]["token"],
            database_url=self.postgres.url(database=DATABASE),
            endpoint_url=endpoint,
            supabase=self.supabase,
            sweep_arn=outputs["SweepFunctionArn"],
        )

    def down(self, *, purge: bool) -> None:
        """Stop the servers, each by the id that it was started with; idempotent."""
        if self.ministack.process() is not None:
            with step("Stopping MiniStack"):
                self.ministack.stop()
        if self.postgres.process() is not None:
            with step("Stopping PostgreSQL"):
                self.postgres.stop()
        if self.supabase.process() is not None:
            with step("Stopping the stand-in for Supabase"):
                self.supabase.stop()
        if purge:
            with step("Forgetting the data"):
                for path in self.state.data:
                    if path.is_dir():
                        shutil.rmtree(path)
                    else:
                        path.unlink(missing_ok=True)
